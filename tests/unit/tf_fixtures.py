"""Small parameters, features and models for the tests that use TensorFlow."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from rare_species.augmentation.augmentation_params import AugmentationParams
from rare_species.backbones.build import with_scaling
from rare_species.backbones.registry import UNIT
from rare_species.common.checksums import write_checksums
from rare_species.common.validated_json import write_json_file
from rare_species.data.features import Features
from rare_species.evaluate.champion_file import ChampionMetadata
from rare_species.fitting.fit_params import FitParams, HeadParams
from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.keras_files import save_keras
from rare_species.params.train import CnnParams, TrainParams
from rare_species.params.tune import with_parameters
from rare_species.saved_models.network_file import save_model
from rare_species.train.baseline_cnn import build_cnn
from tests import toy

SIDE_PX = 32
STILL = {
    **dict.fromkeys(
        ("rotation", "zoom", "translation", "brightness", "contrast", "rand_augment", "random_erasing"), 0.0
    ),
    "flip": False,
}
CHANGES = STILL | {"flip": True, "rotation": 0.05, "zoom": 0.1}
AUGMENTATION = AugmentationParams(**CHANGES)
MIXED = CHANGES | {"mixup": 0.0, "cutmix": 0.0}
CNN = CnnParams(filters=(4, 6), dense=8, dropout=0.1)
HEAD = HeadParams(
    units=(8,), activation="relu", batch_norm=True, dropout=0.2, input_batch_norm=False, input_dropout=0.0
)


def infer(model: keras.Model, batch: np.ndarray) -> np.ndarray:
    """What a model gives for a batch when it is not trained."""
    return keras.ops.convert_to_numpy(model(batch, training=False))


def summary(model: keras.Model) -> dict[str, tuple[str, Any]]:
    """A model's layers by name, with what distinguishes them."""
    conditioned = {"Dense": "units", "Dropout": "rate", "Activation": "activation", "Conv2D": "filters"}
    return {
        layer.name: (kind, layer.get_config()[conditioned[kind]] if kind in conditioned else None)
        for layer in model.layers
        if (kind := type(layer).__name__)
    }


def head_params(**parameters: Any) -> HeadParams:
    """`HEAD` with parameters replaced."""
    return HEAD.model_copy(update=parameters)


FINE_TUNE = {
    "epochs": 0,
    "layer_groups": 1,
    "learning_rate": 0.01,
    "layer_decay": 1.0,
    "warmup_epochs": 0,
    "freeze_batch_norm": True,
    "clip_norm": 0.0,
    "ema": 0.0,
    "mixed_precision": "auto",
    "steps_per_execution": 1,
}
FIT = FitParams.model_validate(  # a linear head and plain descent: the quickest to trace
    {
        "epochs": 3,
        "batch_size": 8,
        "imbalance": "none",
        "focal_gamma": 2.0,
        "effective_beta": 0.99,
        "label_smoothing": 0.0,
        "head": HEAD.model_dump() | {"units": ()},
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.01, "momentum": 0.9},
        "schedule": {"name": "constant", "factor": 0.5, "patience": 2},
        "early_stopping": {"monitor": "val_loss", "patience": 3},
    }
)


def fit_params(**parameters: Any) -> FitParams:
    """`FIT` with parameters replaced; a name's dots are written as `__`, as in `head__units`."""
    return with_parameters(FIT, {name.replace("__", "."): value for name, value in parameters.items()})


def train_params(seed: int = 3, fine_tune: Mapping[str, Any] | None = None, **parameters: Any) -> TrainParams:
    """Section `train` with `fit_params(**parameters)`, `FINE_TUNE` changed by `fine_tune`, and the small network."""
    epochs = parameters.pop("epochs", FIT.epochs)  # 0 is for train alone
    return TrainParams(
        **fit_params(**parameters).model_dump() | {"epochs": epochs},
        fine_tune=FINE_TUNE | dict(fine_tune or {}),
        members=1,
        augmentation=MIXED,
        cnn=CNN.model_dump(),
        seed=seed,
    )


def small_backbone(seed: int = 7) -> keras.Model:
    """A frozen backbone of a stem, two blocks and something behind them, named as the registry's networks are."""
    make_reproducible(seed)
    x = inputs = keras.Input((SIDE_PX, SIDE_PX, 3))
    for name in ("stem", "block_1", "block_2", "top"):
        x = keras.layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name=f"{name}_conv")(x)
        x = keras.layers.BatchNormalization(name=f"{name}_bn")(x)
        x = keras.layers.ReLU(name=f"{name}_relu")(x)
        x = keras.layers.Dropout(0.2, name=f"{name}_drop")(x)
    network = keras.Model(inputs, keras.layers.GlobalAveragePooling2D(name="pool")(x), name="small")
    return with_scaling(network, UNIT)


def clusters(counts: tuple[int, ...] = (8, 8, 8), spread: float = 1.0, seed: int = 0) -> Features:
    """Features of width 4 around one corner per class, `counts` of each."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    values = (2 * np.eye(len(counts), 4)[labels] + rng.normal(0, spread, (len(labels), 4))).astype(np.float32)
    paths = np.array([f"class{label}/{number}.jpg" for number, label in enumerate(labels)])
    return Features(paths, labels, values, len(labels))


def splits(**parameters: Any) -> dict[str, Features]:
    """Train and val from the same clusters."""
    return {"train": clusters(seed=1, **parameters), "val": clusters(seed=2, **parameters)}


METADATA: Mapping[str, Any] = {  # of a model, but its input
    "backbone": {
        "name": "small",
        "weights": "none",
        "weights_file_sha256": "",
        "weights_sha256": "",
        "feature_size": 3,
        "layer_groups": 2,
        "licence": "",
        "pretrained_on": "",
    },
    "images": {"train": 18, "val": 3, "test": 3},
    "best_epoch": 3,
    "params": train_params().model_dump(mode="json"),
}
FAMILY_PHYLA = {family: phylum for family, (phylum, *_) in toy.FAMILIES.items()}


def colour_classifier(conditioned: bool = False) -> keras.Model:
    """A whole model that takes a photo for the toy's family of the strongest colour; the phylum changes nothing."""
    inputs = keras.Input((SIDE_PX, SIDE_PX, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.layers.Activation("linear")(inputs))
    backbone = with_scaling(keras.Model(inputs, features), UNIT)
    n_phyla = len(set(FAMILY_PHYLA.values())) if conditioned else 0
    head = build_head(3 + n_phyla, 3, head_params(units=(), dropout=0.0))
    head.set_weights([np.eye(3 + n_phyla, 3, dtype=np.float32) * 4, np.zeros(3, np.float32)])
    return assemble(SIDE_PX, [backbone, average_probabilities([head])], n_phyla)


def save_toy_champion(folder: Path, conditioned: bool = False, treatment: str = "none", **calibration: float) -> Path:
    """Save `colour_classifier` as stage evaluate saves the champion; by default it is sure of nothing below 0.5."""
    folder.mkdir(parents=True, exist_ok=True)
    classes = [
        {"class_id": number, "family": family, "phylum": phylum}
        for number, (family, phylum) in enumerate(FAMILY_PHYLA.items())
    ]
    shape = {"image_size": SIDE_PX, "resize": "crop", "treatment": {"name": treatment}, "jpeg_quality": 95}
    phyla = sorted(set(FAMILY_PHYLA.values())) if conditioned else []
    metadata = METADATA | {"input": shape | {"values": "RGB, 0 to 255", "phyla": phyla}}
    added = {
        "champion": "train",
        "calibration": {"temperature": 1.5, "family_threshold": 0.5, "target_precision": 0.9} | calibration,
        "test": {"loss": 0.1, "accuracy": 0.9, "top2_accuracy": 1.0, "macro_f1": 0.9, "macro_auc": 0.99},
    }
    save_model(folder, colour_classifier(conditioned), classes, metadata)
    write_json_file(folder / "metadata.json", metadata | added, ChampionMetadata)
    write_checksums(folder)
    return folder


def ignore_epoch(epoch: int, scores: dict[str, float]) -> None:
    """An `on_epoch` that does nothing."""
    del epoch, scores


def save_toy_classifiers(folder: Path) -> None:
    """Save whole models of random weights: the baseline network, and EfficientNet-Lite0 with heads of both kinds."""
    from rare_species.backbones.build import build_backbone

    make_reproducible(5)
    backbone, _ = build_backbone("efficientnetlite0", "none", SIDE_PX)
    save_keras(folder / "head.keras", assemble(SIDE_PX, [backbone, average_probabilities([build_head(1280, 3, HEAD)])]))
    conditioned = [backbone, average_probabilities([build_head(1282, 3, HEAD)])]
    save_keras(folder / "conditioned.keras", assemble(SIDE_PX, conditioned, n_phyla=2))
    save_keras(folder / "cnn.keras", assemble(SIDE_PX, [average_probabilities([build_cnn(SIDE_PX, 3, CNN)])]))


if __name__ == "__main__":
    save_toy_classifiers(Path(sys.argv[1]))
