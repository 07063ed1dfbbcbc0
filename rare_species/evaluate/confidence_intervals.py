"""Confidence intervals by a bootstrap within classes, of one model's metrics or of two models' differences.

Plain resampling loses whole classes when a class has three photos, which biases macro F1 low. Resampling within
classes keeps them, but makes intervals too narrow, as n photos vary by (n - 1) / n too little. So n - 1 of a class's n
photos are drawn, each counting n / (n - 1) (Rao & Wu, 1988, "Resampling Inference with Complex Survey Data").

Photos that are alone in their class could not vary that way. They are drawn among each other, as if they were of one
class (collapsed strata; Cochran, 1977, "Sampling Techniques", section 5A.12), and each class weighs as its photo does.

The variance of so few photos is itself an estimate. So intervals of one model's metrics are widened by the ratio of
Student's t quantile to the normal one, with Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from rare_species.common.array_types import Labels
from rare_species.metrics.photo_outcomes import Weights
from rare_species.metrics.registry import find_metric

LEVEL = 0.95


def resample_within_classes(labels: Labels, resamples: int, seed: int) -> Weights:
    """Draw bootstrap samples that keep each class's share.

    Args:
        labels: int array of shape (n,), class ids.
        resamples: number of samples.
        seed: seed of the draw.

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
    """Degrees of freedom of a mean over classes, if all classes varied alike (Satterthwaite, 1946, Biometrics 2).

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
    """Draw samples for the difference of two models: as `resample_within_classes`, but every class varies.

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


def interval(
    estimate: float, samples: NDArray[np.float64], freedom: float, level: float = LEVEL
) -> tuple[float, float]:
    """Widen the percentile interval of the samples, and centre it on the estimate, because F1 of samples is biased.

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
    """The estimate plus and minus normal quantiles times the samples' deviation (Efron & Tibshirani, 1993, chapter 13).

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
    """Compute the interval of each metric that has samples, within the metric's bounds.

    Args:
        estimates: values of the metrics, see `registry.compute_metrics`.
        samples: samples of the metrics, see `registry.sample_metrics`.
        freedom: see `degrees_of_freedom`.

    Returns:
        `low` and `high` by metric.
    """
    found = {}
    for name in [name for name in estimates if name in samples]:
        metric = find_metric(name)
        bounds = metric.bounds if metric else (-np.inf, np.inf)
        low, high = np.clip(interval(estimates[name], samples[name], freedom), *bounds)
        found[name] = {"low": float(low), "high": float(high)}
    return found
