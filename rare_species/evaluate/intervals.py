"""Confidence intervals by a bootstrap within classes, of one model's metrics or of two models' differences.

Plain resampling loses whole classes when a class has three photos, which biases macro F1 low. Resampling within
classes keeps them, but makes intervals too narrow, as n photos vary by (n - 1) / n too little. So n - 1 of a class's n
photos are drawn, each counting n / (n - 1) (Rao & Wu, 1988, "Resampling Inference with Complex Survey Data").

Photos that are alone in their class could not vary so: they are drawn among each other, as if they were of one class
(collapsed strata; Cochran, 1977, "Sampling Techniques", section 5A.12), and their classes count as they do.

The variance of so few photos is itself a guess, so intervals of one model's metrics are as much wider as Student's t is
wider than the normal distribution, with the degrees of freedom that Satterthwaite gives the classes' variances.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.stats import norm, t

from rare_species.common.arrays import Labels, Probabilities
from rare_species.metrics.point import SMALLEST_PROBABILITY, true_ranks

LEVEL = 0.95
AT_ONCE = 256  # photos that are compared with all others
Weights = NDArray[np.float64]  # shape (resamples, n): how much each photo counts in each sample


@dataclass(frozen=True)
class Outcomes:
    """What became of each photo: all that every metric but AUC and calibration needs.

    Attributes:
        labels: int array of shape (n,), true class ids.
        predicted: int array of shape (n,), the most probable class.
        true_probability: float array of shape (n,), of the true class.
        true_rank: int array of shape (n,), of the true class, from 1.
        n_classes: families.
    """

    labels: Labels
    predicted: Labels
    true_probability: NDArray[np.float64]
    true_rank: NDArray[np.int64]
    n_classes: int


def outcomes(labels: Labels, probabilities: Probabilities) -> Outcomes:
    """Reduce probabilities, of shape (n, n_classes), to what became of each photo."""
    own = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return Outcomes(
        labels, probabilities.argmax(axis=1), own, true_ranks(labels, probabilities), probabilities.shape[1]
    )


def resample_within_classes(labels: Labels, resamples: int, seed: int) -> Weights:
    """Draw bootstrap samples that keep each class's share.

    Args:
        labels: int array of shape (n,).
        resamples: samples.
        seed: of the draw.

    Returns:
        Float array of shape (resamples, n); the weights of a class with n > 1 photos sum to n in every sample, and
        so do those of the n photos that are alone in theirs.
    """
    rng = np.random.default_rng(seed)
    weights = np.ones((resamples, len(labels)))
    strata = np.where(np.bincount(labels)[labels] == 1, -1, labels)
    for name in np.unique(strata):
        places = np.flatnonzero(strata == name)
        n = len(places)
        if n > 1:
            weights[:, places] = rng.multinomial(n - 1, np.full(n, 1 / n), resamples) * (n / (n - 1))
    return weights


def degrees_of_freedom(labels: Labels) -> float:
    """Of the variance of a mean over classes, were photos as varied in each class (Satterthwaite, 1946, Biometrics 2).

    Args:
        labels: int array of shape (n,).

    Returns:
        At least 1; infinite where no class varies.
    """
    counts = np.unique(labels, return_counts=True)[1]
    several, alone = counts[counts > 1], int(np.sum(counts == 1))
    variances, freedoms = 1 / several, several - 1
    if alone > 1:  # one stratum, in which every photo weighs as much as a class
        variances, freedoms = np.append(variances, alone), np.append(freedoms, alone - 1)
    return float(variances.sum() ** 2 / np.sum(variances**2 / freedoms)) if len(variances) else np.inf


def resample_for_differences(labels: Labels, resamples: int, seed: int) -> Weights:
    """Draw samples for the difference of two models: as `resample_within_classes`, but no class stands still.

    A photo alone in its class counts twice or not at all, as if the sign of its difference had been drawn (Liu, 1988,
    "Bootstrap Procedures under some Non-I.I.D. Models"): the right variance where the true difference is 0, else too
    large. Without it, one such photo that changes would be certain proof.

    Args:
        labels: int array of shape (n,).
        resamples: samples.
        seed: of the draw.

    Returns:
        Float array of shape (resamples, n).
    """
    weights = resample_within_classes(labels, resamples, seed)
    alone = np.flatnonzero(np.bincount(labels)[labels] == 1)
    weights[:, alone] = 2 * np.random.default_rng([seed, 1]).integers(0, 2, (resamples, len(alone)))
    return weights


def sample_metrics(photos: Outcomes, weights: Weights, top_k: int) -> dict[str, NDArray[np.float64]]:
    """The metrics of `point.score`, but for those named above, of every sample.

    Args:
        photos: of one model.
        weights: see `resample_within_classes`.
        top_k: of the top-k accuracy.

    Returns:
        Float arrays of shape (resamples,) by metric. Averages over classes run over those present; a class counts as
        its photos do, which is once in all samples that keep its share.
    """
    n, hit = len(photos.labels), photos.predicted == photos.labels
    support, hits = (_sum_by_class(weights, photos.labels, mark, photos.n_classes) for mark in (np.ones(n), hit))
    predicted = _sum_by_class(weights, photos.predicted, np.ones(n), photos.n_classes)
    present, counts = np.unique(photos.labels, return_counts=True)
    share = support[:, present] / counts
    by_class = {
        "precision": hits / np.where(predicted > 0, predicted, 1),
        "recall": hits / np.where(support > 0, support, 1),
        "f1": 2 * hits / np.where(support + predicted > 0, support + predicted, 1),
    }
    losses = -np.log(np.clip(photos.true_probability, SMALLEST_PROBABILITY, 1))
    samples = {
        "loss": weights @ losses / n,
        "accuracy": weights @ hit / n,
        f"top{top_k}_accuracy": weights @ (photos.true_rank <= top_k) / n,
    }
    for name, values in by_class.items():
        samples[f"macro_{name}"] = (values[:, present] * share).mean(axis=1)
        samples[f"weighted_{name}"] = (values * support).sum(axis=1) / n
    return samples | {"balanced_accuracy": samples["macro_recall"]}


def sample_macro_auc(labels: Labels, probabilities: Probabilities, weights: Weights) -> NDArray[np.float64]:
    """`point.macro_auc` of every sample, float array of shape (resamples,); a class counts as its photos do.

    Each photo is compared with all photos of other classes (Mann & Whitney, 1947), ties count half. A class that alone
    has weight counts 0.

    Args:
        labels: int array of shape (n,).
        probabilities: float array of shape (n, n_classes).
        weights: see `resample_within_classes`.

    Returns:
        As `point.macro_auc`: 0.5 where all photos are of one class.
    """
    n_present = len(np.unique(labels))
    if n_present < 2:
        return np.full(len(weights), 0.5)
    n, n_classes = probabilities.shape
    others = weights.sum(axis=1, keepdims=True) - _sum_by_class(weights, labels, np.ones(n), n_classes)
    pairs = np.bincount(labels, minlength=n_classes) * np.where(others > 0, others, 1)  # of a class, in a sample
    total = np.zeros(len(weights))
    for start in range(0, n, AT_ONCE):
        own = np.arange(start, min(start + AT_ONCE, n))
        names = labels[own]
        score, own_score = probabilities[:, names], probabilities[own, names]
        beaten = ((score < own_score) + 0.5 * (score == own_score)) * (labels[:, None] != names)
        total += (weights[:, own] * (weights @ beaten) / pairs[:, names]).sum(axis=1)
    return total / n_present


def interval(
    estimate: float, samples: NDArray[np.float64], freedom: float, level: float = LEVEL
) -> tuple[float, float]:
    """The middle of the samples, moved so that they lie around the estimate (F1 of samples is biased), and widened.

    Args:
        estimate: of all photos.
        samples: float array of shape (resamples,).
        freedom: see `degrees_of_freedom`.
        level: confidence; share of the samples inside where the freedom is infinite.
    """
    upper = (1 + level) / 2
    wider = t.ppf(upper, freedom) / norm.ppf(upper)
    low, high = estimate + wider * (np.percentile(samples, [100 * (1 - upper), 100 * upper]) - samples.mean())
    return float(low), float(high)


def symmetric_interval(estimate: float, samples: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The estimate give or take normal quantiles of the samples' deviation (Efron & Tibshirani, 1993, chapter 13).

    For differences: where all of the few photos that changed got worse, no sample has a gain, and `interval` would take
    a single such photo for proof.

    Args:
        estimate: of all photos.
        samples: float array of shape (resamples,).
        level: confidence.
    """
    reach = float(norm.ppf((1 + level) / 2) * samples.std(ddof=1))
    return estimate - reach, estimate + reach


def metric_intervals(
    estimates: Mapping[str, float], samples: Mapping[str, NDArray[np.float64]], freedom: float
) -> dict[str, dict[str, float]]:
    """Low and high of each metric that has samples, within the values it can take.

    Args:
        estimates: by metric, see `point.score`.
        samples: by metric.
        freedom: see `degrees_of_freedom`.
    """
    found = {}
    for name in estimates.keys() & samples.keys():
        largest = np.inf if name == "loss" else 1.0
        low, high = np.clip(interval(estimates[name], samples[name], freedom), 0.0, largest)
        found[name] = {"low": float(low), "high": float(high)}
    return {name: found[name] for name in estimates if name in found}


def _sum_by_class(
    weights: Weights, classes: Labels, mark: NDArray[np.float64] | NDArray[np.bool_], n_classes: int
) -> NDArray[np.float64]:
    """Weight of the marked photos of each class in every sample, shape (resamples, n_classes)."""
    n = len(classes)
    table = csr_array((mark.astype(np.float64), (np.arange(n), classes)), shape=(n, n_classes))
    return np.asarray(weights @ table)
