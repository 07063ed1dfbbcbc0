"""Macro AUC, of the photos as they are and of bootstrap samples; no TensorFlow."""

from __future__ import annotations

import math

import numpy as np

from rare_species.common.array_types import Labels, Probabilities
from rare_species.metrics.photo_outcomes import Samples, Weights, sum_by_class

CLASSES_AT_ONCE = 16  # enough to read memory in rows, few enough not to copy the whole array
PHOTOS_AT_ONCE = 256  # photos that are compared with all others


def macro_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Area under the ROC curve of each class against the rest, averaged over the classes that have photos.

    It is computed from ranks (Mann & Whitney, 1947); a class without photos is left out, and raises no error.

    Args:
        labels: int array of shape (n,).
        probabilities: float array of shape (n, n_classes).

    Returns:
        In [0, 1]; 0.5 when all photos are of one class.
    """
    present, counts = np.unique(labels, return_counts=True)
    if len(present) < 2:
        return 0.5
    ranks = []
    for some in np.array_split(present, math.ceil(len(present) / CLASSES_AT_ONCE)):
        for name, ascending in zip(some, np.sort(probabilities.T[some], axis=1), strict=True):
            own = probabilities[labels == name, name]  # to look up these few costs less than to rank all
            before, up_to = (ascending.searchsorted(own, side) for side in ("left", "right"))
            ranks.append((before + up_to + 1).sum() / 2)  # ties share the mean of their ranks
    areas = (np.array(ranks) - counts * (counts + 1) / 2) / (counts * (len(labels) - counts))
    return float(areas.mean())


def sample_macro_auc(labels: Labels, probabilities: Probabilities, weights: Weights) -> Samples:
    """Compute `macro_auc` of every sample; each class weighs as much as its photos.

    Each photo is compared with all photos of other classes (Mann & Whitney, 1947); ties count half. A class that has
    all the weight counts 0.

    Args:
        labels: int array of shape (n,).
        probabilities: float array of shape (n, n_classes).
        weights: float array of shape (resamples, n).

    Returns:
        Float array of shape (resamples,); 0.5 when all photos are of one class.
    """
    n_present = len(np.unique(labels))
    if n_present < 2:
        return np.full(len(weights), 0.5)
    n, n_classes = probabilities.shape
    others = weights.sum(axis=1, keepdims=True) - sum_by_class(weights, labels, np.ones(n), n_classes)
    pairs = np.bincount(labels, minlength=n_classes) * np.where(others > 0, others, 1)  # of a class, in a sample
    total = np.zeros(len(weights))
    for start in range(0, n, PHOTOS_AT_ONCE):
        own = np.arange(start, min(start + PHOTOS_AT_ONCE, n))
        names = labels[own]
        score, own_score = probabilities[:, names], probabilities[own, names]
        beaten = ((score < own_score) + 0.5 * (score == own_score)) * (labels[:, None] != names)
        total += (weights[:, own] * (weights @ beaten) / pairs[:, names]).sum(axis=1)
    return total / n_present
