"""The difference of two classifiers in macro F1 on the same photos, with a paired interval."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.paths import Paths
from rare_species.common.staged_files import read_json
from rare_species.evaluate.confidence_intervals import resample_for_differences, symmetric_interval
from rare_species.metrics.photo_outcomes import Outcomes
from rare_species.metrics.registry import sample_metrics

RESAMPLES = 10_000


def difference(
    labels: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64], n_classes: int
) -> tuple[float, float]:
    """The 95 % interval of `one`'s macro F1 minus `other`'s, from the same resampled photos (within classes) for both.

    Args:
        labels: int array of shape (n,), class ids.
        one: int array of shape (n,), what a classifier says.
        other: the same of another.
        n_classes: families.
    """
    weights = resample_for_differences(labels, RESAMPLES, seed=0)
    whole, nothing = np.ones((1, len(labels))), np.ones(len(labels))
    photos = [Outcomes(labels, predicted, nothing, nothing.astype(np.int64), n_classes) for predicted in (one, other)]
    samples = [sample_metrics(outcome, weights, 1)["macro_f1"] for outcome in photos]
    estimates = [float(sample_metrics(outcome, whole, 1)["macro_f1"][0]) for outcome in photos]
    return symmetric_interval(estimates[0] - estimates[1], samples[0] - samples[1])


def read_predictions(paths: Paths, table: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Labels, what was predicted, and the number of classes, from a predictions.csv of evaluate."""
    class_ids = {entry["family"]: entry["class_id"] for entry in read_json(paths.split / "classes.json")}
    rows = pd.read_csv(table)
    labels, predicted = (rows[name].map(class_ids).to_numpy(dtype=np.int64) for name in ("family", "predicted"))
    return labels, predicted, len(class_ids)
