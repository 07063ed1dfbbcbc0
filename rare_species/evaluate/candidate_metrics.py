"""From the probabilities of a candidate to its metrics; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.array_types import Labels, Probabilities
from rare_species.common.csv_tables import SPLITS
from rare_species.evaluate import confidence_intervals
from rare_species.evaluate.calibration import (
    Calibration,
    calibrate,
    calibration_error,
    fit_calibration,
    risk_coverage,
    risk_coverage_metrics,
    selective_metrics,
)
from rare_species.metrics.photo_outcomes import SMALLEST_PROBABILITY, log_loss, outcomes, predicted_classes, true_ranks
from rare_species.metrics.registry import compute_metrics, sample_metrics
from rare_species.params.evaluate import EvaluateParams


@dataclass(frozen=True)
class Predictions:
    """The predictions of a candidate.

    Attributes:
        labels: int array of shape (n_photos,) by split, class ids.
        probabilities: float array of shape (n_photos, n_classes) by split, rows in the order of the shards' index; only
            "test" after `of_test`.
        classes: family and phylum by class id.
        calibration: calibration that was fitted to the validation photos.
    """

    labels: Mapping[str, Labels]
    probabilities: Mapping[str, NDArray[np.float32]]
    classes: Sequence[dict[str, Any]]
    calibration: Calibration

    @property
    def families(self) -> NDArray[np.str_]:
        """Family by class id."""
        return np.array([entry["family"] for entry in self.classes])

    @property
    def phyla(self) -> list[str]:
        """Phylum by class id, "" where it is unknown."""
        return [entry["phylum"] for entry in self.classes]

    def of_test(self) -> Predictions:
        """Drop the probabilities of all but the test photos; pictures and the champion's metadata need only these."""
        return replace(self, probabilities={"test": self.probabilities["test"]})

    def calibrated(self, split: str) -> Probabilities:
        """Return probabilities after temperature scaling."""
        return calibrate(self.probabilities[split], self.calibration.temperature)


def make_predictions(
    labels: Mapping[str, Labels],
    probabilities: Mapping[str, NDArray[np.float32]],
    classes: Sequence[dict[str, Any]],
    params: EvaluateParams,
) -> Predictions:
    """Fit the calibration to the validation photos, and return the predictions with it."""
    calibration = fit_calibration(labels["val"], probabilities["val"], params.target_precision)
    return Predictions(labels, probabilities, classes, calibration)


def evaluate_predictions(predictions: Predictions, params: EvaluateParams) -> dict[str, Any]:
    """Compute metrics on every split, intervals of the test metrics, calibration, and gaps between splits.

    Returns:
        Keys train, val and test with all metrics (see `registry.compute_metrics`); `test_95` with the 95 % interval of
        each test metric, low and high (see `intervals`); `known_phylum` with the test metrics of someone who knows each
        photo's phylum (see `mask_phylum`); `gap` with the macro F1 lost from train to val and from val to test;
        `calibration`, `selective` and `risk_coverage` (see `metrics_file`).
    """
    phyla = predictions.phyla
    metrics: dict[str, Any] = {
        split: compute_metrics(predictions.labels[split], predictions.probabilities[split], params.top_k, phyla)
        for split in SPLITS
    }
    metrics["test_95"] = _test_intervals(predictions, metrics["test"], params)
    if all(phyla):
        masked = mask_phylum(predictions, "test")
        metrics["known_phylum"] = compute_metrics(predictions.labels["test"], masked, params.top_k)
    metrics["gap"] = {
        "train_val": metrics["train"]["macro_f1"] - metrics["val"]["macro_f1"],
        "val_test": metrics["val"]["macro_f1"] - metrics["test"]["macro_f1"],
    }
    return metrics | _how_sure(predictions)


def _how_sure(predictions: Predictions) -> dict[str, Any]:
    """Measure calibration before and after scaling, and the effect of answering only when certain."""
    found, scaled = predictions.calibration, {split: predictions.calibrated(split) for split in ("val", "test")}
    calibration: dict[str, Any] = {"temperature": found.temperature}
    selective: dict[str, Any] = {"threshold": found.family_threshold, "target_precision": found.target_precision}
    for split, after in scaled.items():
        labels, before = predictions.labels[split], predictions.probabilities[split]
        calibration[split] = {
            "ece": calibration_error(labels, before),
            "ece_calibrated": calibration_error(labels, after),
            "loss": log_loss(labels, before),
            "loss_calibrated": log_loss(labels, after),
        }
        selective[split] = selective_metrics(labels, after, found.family_threshold, predictions.phyla)
    curve = risk_coverage(predictions.labels["test"], scaled["test"])
    return {"calibration": calibration, "selective": selective, "risk_coverage": risk_coverage_metrics(curve)}


def _test_intervals(
    predictions: Predictions, estimates: Mapping[str, float], params: EvaluateParams
) -> dict[str, dict[str, float]]:
    labels, probabilities = predictions.labels["test"], predictions.probabilities["test"]
    weights = confidence_intervals.resample_within_classes(labels, params.resamples, params.seed)
    samples = sample_metrics(outcomes(labels, probabilities, predictions.phyla), weights, params.top_k)
    return confidence_intervals.metric_intervals(estimates, samples, confidence_intervals.degrees_of_freedom(labels))


def mask_phylum(predictions: Predictions, split: str) -> Probabilities:
    """Set the probabilities of other phyla than the photo's to 0, and rescale the rest to sum to 1.

    This is the fair baseline for a model that is conditioned on the phylum, which nearly gives some families away.
    """
    phyla = np.array(predictions.phyla)
    known = phyla[None, :] == phyla[predictions.labels[split]][:, None]
    masked = np.where(known, np.maximum(predictions.probabilities[split], SMALLEST_PROBABILITY), 0)
    return np.asarray(masked / masked.sum(axis=1, keepdims=True), dtype=np.float32)


def list_predictions(predictions: Predictions, file_paths: NDArray[np.str_]) -> pd.DataFrame:
    """List the test photos, one row each: family, prediction, probabilities and the rank of the true family."""
    labels, probabilities = predictions.labels["test"], predictions.probabilities["test"]
    predicted, rows = predicted_classes(probabilities), np.arange(len(labels))
    return pd.DataFrame(
        {
            "file_path": file_paths,
            "family": predictions.families[labels],
            "predicted": predictions.families[predicted],
            "probability": probabilities[rows, predicted],
            "true_probability": probabilities[rows, labels],
            "true_rank": true_ranks(labels, probabilities),
            "calibrated_probability": predictions.calibrated("test")[rows, predicted],
        }
    )
