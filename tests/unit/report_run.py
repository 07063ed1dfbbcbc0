"""A run of the pipeline as files, made up for tests of the report."""

import csv
from pathlib import Path
from typing import Any

from PIL import Image

from rare_species.common.checksums import write_checksums
from rare_species.common.result_checksums import write_result_checksums
from rare_species.common.staged_files import write_json
from tests import toy

HOSTILE = "<Felidae> & 'co'"
FAMILIES = (  # family, phylum, train_images, images, precision, recall, f1, confused_with
    (HOSTILE, "Chordata", 60, 6, 1, 0.5, 0.666667, "Ranidae"),
    ("Formicidae", "Arthropoda", 20, 2, 0, 0, 0, HOSTILE),
    ("Ranidae", "Chordata", 20, 2, 0.4, 1, 0.571429, ""),
)
FAMILY_COLUMNS = ("family", "phylum", "train_images", "images", "precision", "recall", "f1", "confused_with")
METADATA = {
    "input": {
        "image_size": 224,
        "resize": "crop",
        "treatment": {"name": "none"},
        "jpeg_quality": 95,
        "values": "RGB, 0 to 255",
        "phyla": [],
    },
    "backbone": {
        "name": "efficientnetlite0",
        "weights": "lite0.pth",
        "weights_file_sha256": 64 * "0",
        "weights_sha256": 64 * "1",
        "feature_size": 1280,
        "layer_groups": 16,
        "licence": "Apache-2.0",
        "pretrained_on": "ImageNet-1k",
    },
    "images": {"train": 100, "val": 20, "test": 10},
    "best_epoch": 7,
    "params": {
        "epochs": 40,
        "batch_size": 32,
        "imbalance": "class_weight",
        "label_smoothing": 0.1,
        "head": {"units": [256], "dropout": 0.4},
        "optimizer": {"name": "adamw", "learning_rate": 0.0001, "weight_decay": 0.01},
        "schedule": {"name": "cosine"},
    },
    "champion": "tune",
    "calibration": {"temperature": 1.5, "family_threshold": 0.6, "target_precision": 0.9},
    "test": {"loss": 0.6, "accuracy": 0.6, "top5_accuracy": 0.9, "macro_f1": 0.6, "macro_auc": 0.9},
}
CLASSES = [
    {"class_id": number, "family": family, "phylum": phylum} for number, (family, phylum, *_) in enumerate(FAMILIES)
]
CHARTS = ("most_confused", "phyla", "families", "f1_by_images", "reliability", "risk_coverage", "conditions")
SHEETS = ("misclassified", "explanations")


def scores(train: float, val: float, test: float) -> dict[str, Any]:
    """A candidate's part of metrics/evaluate.json; all its metrics have the same value."""
    values = {"train": train, "val": val, "test": test}
    metrics: dict[str, Any] = {
        split: dict.fromkeys(("loss", "accuracy", "top5_accuracy", "macro_f1", "macro_auc"), value)
        for split, value in values.items()
    }
    measured = {"ece": 0.125, "ece_calibrated": 0.0625, "loss": 0.5, "loss_calibrated": 0.25}
    selective = {"answered": 0.75, "precision": 0.875, "phylum_precision": 0.5, "right": 0.8125}
    return metrics | {
        "test_95": {name: {"low": test - 0.125, "high": test + 0.125} for name in metrics["test"]},
        "gap": {"train_val": train - val, "val_test": val - test},
        "calibration": {"temperature": 1.5, "val": measured, "test": measured},
        "selective": {"threshold": 0.625, "target_precision": 0.9, "val": selective, "test": selective},
        "risk_coverage": {"aurc": 0.03125, "accuracy_at_80": 0.9375},
    }


def write_run(root: Path) -> Path:
    """Everything that the report reads; tune is the champion."""
    toy.write_params(root, {"unzip.archive": "data/raw/mine.zip"})
    write_json(
        root / "metrics/evaluate.json",
        {"champion": "tune", "train": scores(0.9, 0.7, 0.6), "tune": scores(1, 0.75, 0.625)},
    )
    unpacked = {"files": 135, "junk": 0, "outside": 0, "labels": 133, "families": 3, "phyla": 2, "species": 5}
    write_json(root / "metrics/unzip.json", unpacked | {"unread_ids": 0})
    rejected = {"missing": 1, "unlisted": 1, "too_small": 1, "duplicate": 0}
    cleaned = {"documents": None, "format_differs_from_extension": 0, "families": 3, "other_files": 0}
    write_json(
        root / "metrics/clean.json",
        {"kept": 130, "rejected": rejected, "guessed": {}, "smallest_family": 24, "largest_family": 80} | cleaned,
    )
    parts = {
        name: {"images": images, "families": 3, "groups": images - 1}
        for name, images in METADATA["images"].items()  # type: ignore[attr-defined]
    }
    counts = {"leaked_pairs": 0, "families_without_val": 0, "families_without_test": 0, "family_share_deviation": 0.1}
    held_out = {"images": 0, "species": 0, "families": 0}
    write_json(root / "metrics/split.json", parts | {"held_out_species": held_out} | counts)
    for stage in ("train", "tune", "preprocess"):
        write_json(root / f"metrics/{stage}.json", {})
    write_champion(root)
    champion = root / "plots/evaluate/tune"
    for name in (*(champion / f"{name}.png" for name in CHARTS), root / "plots/tune/curves.png"):
        write_picture(name, (60, 40))
    for name in (*(champion / f"{name}.jpg" for name in SHEETS), root / "plots/preprocess/train.jpg"):
        write_picture(name, (50, 50))
    write_table(champion / "families.csv", FAMILY_COLUMNS, FAMILIES)
    write_table(
        champion / "pairs.csv", ("family", "predicted", "images", "same_phylum"), [("Formicidae", HOSTILE, 2, "no")]
    )
    seal(root)
    return root


def write_champion(root: Path) -> None:
    """The champion's folder, but for a network that could be loaded."""
    folder = root / "models/champion"
    write_json(folder / "metadata.json", METADATA)
    write_json(folder / "classes.json", CLASSES)
    (folder / "model.keras").write_bytes(b"a model")
    write_checksums(folder)


def seal(root: Path) -> None:
    """Write checksums of what is there, as the stages do of what they wrote."""
    write_checksums(root / "models/champion")
    for stage in ("clean", "split", "preprocess", "train", "tune", "evaluate"):
        folder = root / "plots" / stage
        folder.mkdir(parents=True, exist_ok=True)
        write_result_checksums(stage, root / f"metrics/{stage}.json", folder)


def write_picture(path: Path, size: tuple[int, int]) -> None:
    """A plain picture; the suffix says of which format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (40, 90, 140)).save(path)


def write_table(path: Path, columns: tuple[str, ...], rows: Any) -> None:
    """A CSV with these columns."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
