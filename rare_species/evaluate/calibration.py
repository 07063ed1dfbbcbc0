"""Calibrated probabilities, and when to answer with the phylum instead of the family; no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, PositiveFloat
from pydantic.dataclasses import dataclass
from scipy.special import logsumexp

from rare_species.common.array_types import Labels, Probabilities
from rare_species.common.validated_types import PositiveFraction
from rare_species.metrics.photo_outcomes import predicted_classes

BINS = 15  # as in Guo et al., 2017
COLDEST, HOTTEST, TRIED = 0.05, 20.0, 241  # temperatures, each 2.5 % above the one before; the middle one is 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class Calibration:
    """How a model's probabilities become an answer; a part of metadata.json.

    Attributes:
        temperature: temperature of `calibrate`.
        family_threshold: calibrated probability, in (0, 1], below which the answer is a phylum; None when no threshold
            reaches the target precision.
        target_precision: precision that family answers should have on validation photos.
    """

    temperature: PositiveFloat
    family_threshold: PositiveFraction | None
    target_precision: PositiveFraction


def fit_calibration(labels: Labels, probabilities: Probabilities, target_precision: float) -> Calibration:
    """Fit temperature and threshold to validation photos; see `fit_temperature` and `choose_threshold`."""
    temperature = fit_temperature(labels, probabilities)
    threshold = choose_threshold(labels, calibrate(probabilities, temperature), target_precision)
    return Calibration(temperature, threshold, target_precision)


def calibrate(probabilities: Probabilities, temperature: float) -> Probabilities:
    """Scale probabilities by a temperature; above 1, the model becomes less certain of everything.

    Temperature scaling (Guo et al., 2017, "On Calibration of Modern Neural Networks") divides the logarithms and keeps
    the most probable class.

    Args:
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        temperature: above 0.

    Returns:
        Float array of the same shape, rows summing to 1.
    """
    return _soften(_logarithms(probabilities), temperature)


def _logarithms(probabilities: Probabilities) -> NDArray[np.float64]:
    return np.log(np.maximum(probabilities.astype(np.float64), np.finfo(np.float32).tiny))


def _soften(logarithms: NDArray[np.float64], temperature: float) -> Probabilities:
    logits = logarithms / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), dtype=np.float32)


def fit_temperature(labels: Labels, probabilities: Probabilities) -> float:
    """Find the temperature with the lowest cross-entropy among those that do not increase the calibration error.

    Args:
        labels: int array of shape (n,), class ids of photos that the model was not fitted to.
        probabilities: float array of shape (n, n_classes).
    """
    logarithms, error = _logarithms(probabilities), calibration_error(labels, probabilities)
    plain, tried = _cross_entropy(labels, logarithms), np.geomspace(COLDEST, HOTTEST, TRIED)
    middle = TRIED // 2  # where the temperature is 1
    better = []
    for temperatures in (tried[:middle][::-1], tried[middle + 1 :]):
        for temperature in temperatures:
            loss = _cross_entropy(labels, logarithms / temperature)
            if loss > plain:  # all further ones are worse: the loss is convex in 1/temperature
                break
            if loss < plain and calibration_error(labels, _soften(logarithms, temperature)) <= error:
                better.append((loss, float(temperature)))
    return min(better, default=(plain, 1.0))[1]


def _cross_entropy(labels: Labels, logits: NDArray[np.float64]) -> float:
    """Compute the mean cross-entropy, natural log; not clipped like `photo_outcomes.log_loss`, so that it is convex."""
    return float((logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).mean())


def reliability(labels: Labels, probabilities: Probabilities, bins: int = BINS) -> pd.DataFrame:
    """Tabulate how often the most probable class is right, by its probability.

    Returns:
        One row per bin (low, high] of equal width that holds photos: low, high, images, confidence (mean) and accuracy.
    """
    images, confidence, hits = _sums_by_bin(labels, probabilities, bins)
    held, edges = np.flatnonzero(images), np.linspace(0, 1, bins + 1)
    return pd.DataFrame(
        {
            "low": edges[held],
            "high": edges[held + 1],
            "images": images[held],
            "confidence": confidence[held] / images[held],
            "accuracy": hits[held] / images[held],
        }
    )


def calibration_error(labels: Labels, probabilities: Probabilities, bins: int = BINS) -> float:
    """Compute the expected calibration error: the mean gap between confidence and accuracy of bins, weighted by photos.

    Naeini et al., 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning".
    """
    _, confidence, hits = _sums_by_bin(labels, probabilities, bins)
    return float(np.abs(confidence - hits).sum() / len(labels))


def _sums_by_bin(
    labels: Labels, probabilities: Probabilities, bins: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return, for each bin of confidence, the number of photos, the sum of their confidence and the number of hits."""
    confidence, hit = probabilities.max(axis=1).astype(np.float64), predicted_classes(probabilities) == labels
    places = np.digitize(confidence, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    images = np.bincount(places, minlength=bins)
    sums, hits = (np.asarray(np.bincount(places, values, bins), np.float64) for values in (confidence, hit))
    return images, sums, hits


def choose_threshold(labels: Labels, probabilities: Probabilities, target_precision: float) -> float | None:
    """Find the lowest probability from which on family answers have the target precision.

    Args:
        labels: int array of shape (n,).
        probabilities: calibrated, of shape (n, n_classes).
        target_precision: share of correct answers among the family answers.

    Returns:
        A probability in (0, 1]; None when no threshold reaches the target.
    """
    confidence, answered, hits = _hits_by_confidence(labels, probabilities)
    enough = np.flatnonzero(hits / answered >= target_precision)
    return float(confidence[enough[-1]]) if len(enough) else None


def is_sure(confidence: NDArray[np.float32], threshold: float | None) -> NDArray[np.bool_]:
    """Return whether answers with these probabilities name the family.

    Args:
        confidence: calibrated probabilities of the best families, of any shape.
        threshold: see `choose_threshold`; with None, no answer names a family.
    """
    return np.asarray(confidence >= (np.inf if threshold is None else threshold))


def phylum_probabilities(probabilities: Probabilities, phyla: Sequence[str]) -> tuple[list[str], Probabilities]:
    """Sum the probabilities of each phylum's families.

    Args:
        probabilities: float array of shape (n, n_classes).
        phyla: phylum of each class.

    Returns:
        The phyla in alphabetical order, and a float array of shape (n, n_phyla).
    """
    names, places = np.unique(np.asarray(phyla), return_inverse=True)
    member = np.eye(len(names), dtype=np.float32)[places]
    return [str(name) for name in names], np.asarray(probabilities @ member)


def selective_metrics(
    labels: Labels, probabilities: Probabilities, threshold: float | None, phyla: Sequence[str]
) -> dict[str, float]:
    """Measure answers that fall back to the phylum where the family is uncertain.

    Args:
        labels: int array of shape (n,).
        probabilities: calibrated, of shape (n, n_classes).
        threshold: threshold of `is_sure`.
        phyla: phylum of each class; if one is unknown, only families can be answered.

    Returns:
        `answered`, the share of photos with a family answer; `precision`, the share of these that is correct; with
        phyla also `phylum_precision`, the same for the other photos, and `right`, the share of all photos with a
        correct answer. A share of no photos is 1.
    """
    hit, sure = predicted_classes(probabilities) == labels, is_sure(probabilities.max(axis=1), threshold)
    metrics = {"answered": float(sure.mean()), "precision": _share(hit[sure])}
    if all(phyla):
        names, sums = phylum_probabilities(probabilities, phyla)
        hit_phylum = np.array(names)[predicted_classes(sums)] == np.asarray(phyla)[labels]
        metrics["phylum_precision"] = _share(hit_phylum[~sure])
        metrics["right"] = float(np.where(sure, hit, hit_phylum).mean())
    return metrics


def risk_coverage(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """Tabulate the risk-coverage curve: the share of wrong answers when only the most certain photos are answered.

    See El-Yaniv & Wiener, 2010, "On the Foundations of Noise-free Selective Classification". Equally certain photos
    share a row, so that their order does not matter.

    Returns:
        Columns coverage, risk and threshold, one row per distinct confidence, the most certain first.
    """
    confidence, answered, hits = _hits_by_confidence(labels, probabilities)
    return pd.DataFrame(
        {"coverage": answered / len(labels), "risk": (answered - hits) / answered, "threshold": confidence}
    )


def risk_coverage_metrics(curve: pd.DataFrame) -> dict[str, float]:
    """Return `aurc`, the area under the curve (lower is better), and `accuracy_at_80`, of the most certain 80 %."""
    widths = np.diff(curve["coverage"], prepend=0.0)
    at_80 = curve[curve["coverage"] >= 0.8 - 1e-12].iloc[0]
    return {"aurc": float((widths * curve["risk"]).sum()), "accuracy_at_80": 1 - float(at_80["risk"])}


def _hits_by_confidence(
    labels: Labels, probabilities: Probabilities
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Return each distinct confidence, the highest first, and how many photos and hits are at least as certain."""
    confidence, hit = probabilities.max(axis=1), predicted_classes(probabilities) == labels
    order = np.argsort(-confidence, kind="stable")
    ranked, hits = confidence[order], np.cumsum(hit[order])
    last = np.flatnonzero(np.append(ranked[1:] < ranked[:-1], True))
    return ranked[last], last + 1, hits[last]


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else 1.0
