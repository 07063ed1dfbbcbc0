"""From a candidate's probabilities to its metrics, tables and pictures; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species import bootstrap, plots, scores
from rare_species.arrays import Labels, Probabilities
from rare_species.images import decode_rgb
from rare_species.manifest import SPLITS
from rare_species.params import EvaluateParams
from rare_species.reporting import live_log, log_confusion
from rare_species.shards import Packed


@dataclass(frozen=True)
class Predictions:
    """What a candidate says of every photo.

    Attributes:
        labels: int array of shape (n_photos,) by split.
        probabilities: float array of shape (n_photos, n_classes) by split, rows as in the index of the shards.
        classes: family and phylum by class id.
    """

    labels: Mapping[str, Labels]
    probabilities: Mapping[str, NDArray[np.float32]]
    classes: Sequence[dict[str, Any]]

    @property
    def families(self) -> NDArray[np.str_]:
        """Family by class id."""
        return np.array([entry["family"] for entry in self.classes])


def assess(predictions: Predictions, params: EvaluateParams) -> dict[str, Any]:
    """Metrics on every split, the interval of the test macro F1, and the gaps between splits.

    Returns:
        Keys train, val and test with all of `scores.score`; `test_95` with the 95 % interval of each of test's, low
        and high (see `bootstrap`); `known_phylum` with the test scores of someone who knows each photo's phylum, see
        `mask_phylum`; `gap` with the macro F1 lost from train to val and from val to test.
    """
    phyla = [entry["phylum"] for entry in predictions.classes]
    metrics: dict[str, Any] = {
        split: scores.score(predictions.labels[split], predictions.probabilities[split], params.top_k, phyla)
        for split in SPLITS
    }
    metrics["test_95"] = _test_intervals(predictions, metrics["test"], params)
    if all(phyla):
        masked = mask_phylum(predictions, "test")
        metrics["known_phylum"] = scores.score(predictions.labels["test"], masked, params.top_k)
    metrics["gap"] = {
        "train_val": metrics["train"]["macro_f1"] - metrics["val"]["macro_f1"],
        "val_test": metrics["val"]["macro_f1"] - metrics["test"]["macro_f1"],
    }
    return metrics


def _test_intervals(
    predictions: Predictions, estimates: Mapping[str, float], params: EvaluateParams
) -> dict[str, dict[str, float]]:
    labels, probabilities = predictions.labels["test"], predictions.probabilities["test"]
    weights = bootstrap.resample_within_classes(labels, params.resamples, params.seed)
    photos = bootstrap.outcomes(labels, probabilities)
    samples = bootstrap.sample_scores(photos, weights, params.top_k)
    samples["macro_auc"] = bootstrap.sample_macro_auc(labels, probabilities, weights)
    phyla = np.array([entry["phylum"] for entry in predictions.classes])
    samples["phylum_accuracy"] = weights @ (phyla[photos.predicted] == phyla[labels]) / len(labels)
    return bootstrap.score_intervals(estimates, samples)


def mask_phylum(predictions: Predictions, split: str) -> Probabilities:
    """Probabilities for someone who knows the phylum: those of other phyla are 0, the rest sum to 1 again.

    The fair rival of a model that is told the phylum, which nearly gives some families away.
    """
    phyla = np.array([entry["phylum"] for entry in predictions.classes])
    known = phyla[None, :] == phyla[predictions.labels[split]][:, None]
    masked = np.where(known, np.maximum(predictions.probabilities[split], scores.SMALLEST_PROBABILITY), 0)
    return np.asarray(masked / masked.sum(axis=1, keepdims=True), dtype=np.float32)


def list_predictions(predictions: Predictions, file_paths: NDArray[np.str_]) -> pd.DataFrame:
    """One row per test photo: its family, what was predicted and how sure, and where the truth ranked."""
    labels, probabilities = predictions.labels["test"], predictions.probabilities["test"]
    predicted, rows = probabilities.argmax(axis=1), np.arange(len(labels))
    return pd.DataFrame(
        {
            "file_path": file_paths,
            "family": predictions.families[labels],
            "predicted": predictions.families[predicted],
            "probability": probabilities[rows, predicted].round(6),
            "true_probability": probabilities[rows, labels].round(6),
            "true_rank": scores.true_ranks(labels, probabilities),
        }
    )


def draw_assessment(predictions: Predictions, packed: Packed, folder: Path, params: EvaluateParams, name: str) -> None:
    """Write a candidate's tables and pictures.

    families.csv, predictions.csv, families.png, confusion.png, most_confused.png, misclassified.jpg, and through
    dvclive the two confusion matrices as data.
    """
    rows = packed.rows("test")
    table = list_predictions(predictions, rows["file_path"].to_numpy(dtype=str))
    write_csv(folder / "predictions.csv", table)
    labels = predictions.labels["test"]
    train_counts = np.bincount(predictions.labels["train"], minlength=len(predictions.classes))
    families = scores.family_table(labels, predictions.probabilities["test"], predictions.classes, train_counts)
    write_csv(folder / "families.csv", families)
    plots.save_png(plots.family_scores(families, f"{name}: F1 by family"), folder / "families.png")
    _draw_confusion(table, predictions, folder, params.confused_families, name)
    wrong = table[table["family"] != table["predicted"]].sort_values(
        ["probability", "file_path"], ascending=[False, True]
    )
    shown = wrong.head(params.worst_photos)
    photos = [decode_rgb(jpeg) for jpeg in packed.read(rows.loc[shown.index])]
    captions = [f"{row['family']}\nas {row['predicted']} {row['probability']:.2f}" for _, row in shown.iterrows()]
    title = f"{name}: {len(wrong)} of {len(table)} test photos misclassified; the {len(shown)} it was surest of"
    plots.save_jpeg(plots.contact_sheet(photos, captions, title), folder / "misclassified.jpg")


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table for people and for `dvc plots`."""
    table.to_csv(path, index=False, float_format="%.6g", lineterminator="\n")


def _draw_confusion(table: pd.DataFrame, predictions: Predictions, folder: Path, limit: int, name: str) -> None:
    families, labels = predictions.families, predictions.labels["test"]
    counts = scores.confusion_matrix(labels, predictions.probabilities["test"].argmax(axis=1), len(families))
    plots.save_png(plots.confusion_matrix(counts, list(families), f"{name}: all families"), folder / "confusion.png")
    worst = scores.most_confused(counts, limit)
    title = f"{name}: the {len(worst)} most confused families"
    part = plots.confusion_matrix(counts[np.ix_(worst, worst)], list(families[worst]), title)
    plots.save_png(part, folder / "most_confused.png")
    inside = table["family"].isin(families[worst]) & table["predicted"].isin(families[worst])
    with live_log(folder) as live:
        log_confusion(live, "confusion", table["family"].to_numpy(), table["predicted"].to_numpy())
        log_confusion(
            live, "most_confused", table.loc[inside, "family"].to_numpy(), table.loc[inside, "predicted"].to_numpy()
        )
