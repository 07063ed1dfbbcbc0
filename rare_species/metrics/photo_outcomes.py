"""What became of each photo, which every metric is computed from; no TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from rare_species.common.array_types import Labels, Probabilities

SMALLEST_PROBABILITY = 1e-7  # as in Keras: the loss of a certain mistake is 16.1, not infinite
Weights = NDArray[np.float64]  # shape (resamples, n): how much each photo counts in each sample
Samples = NDArray[np.float64]  # shape (resamples,): a metric of every sample


@dataclass(frozen=True)
class Outcomes:
    """Photos with their labels and predictions.

    Attributes:
        labels: int array of shape (n,), true class ids.
        predicted: int array of shape (n,), the most probable class.
        true_probability: float array of shape (n,), the probability of the true class.
        true_rank: int array of shape (n,), the rank of the true class, from 1.
        n_classes: number of classes.
        probabilities: float array of shape (n, n_classes); None for outcomes read from a table of predictions.
        phyla: phylum of each class, where all are known; else empty.
    """

    labels: Labels
    predicted: Labels
    true_probability: NDArray[np.float64]
    true_rank: NDArray[np.int64]
    n_classes: int
    probabilities: Probabilities | None = None
    phyla: Sequence[str] = ()

    @property
    def hit(self) -> NDArray[np.bool_]:
        """Whether each photo's predicted class is the true one, shape (n,)."""
        return np.asarray(self.predicted == self.labels)

    @property
    def losses(self) -> NDArray[np.float64]:
        """Cross-entropy of each photo, natural log, shape (n,)."""
        return np.asarray(-np.log(np.clip(self.true_probability, SMALLEST_PROBABILITY, 1)))

    @property
    def phylum_hit(self) -> NDArray[np.bool_]:
        """Whether each photo's predicted class is of the true phylum, shape (n,)."""
        phyla = np.asarray(self.phyla)
        return np.asarray(phyla[self.predicted] == phyla[self.labels])


@dataclass(frozen=True)
class WeightedPhotos:
    """Photos with weights: one row per bootstrap sample, or one row of ones for the photos as they are.

    Arrays by class have shape (resamples, n_classes). Averages over classes run over those that have photos. A class is
    weighted by the mean weight of its photos, which is 1 in every sample that keeps its share.

    Attributes:
        photos: of one classifier.
        weights: float array of shape (resamples, n).
        top_k: the k of the top-k accuracy.
    """

    photos: Outcomes
    weights: Weights
    top_k: int

    def share(self, marked: NDArray[np.bool_] | NDArray[np.float64]) -> Samples:
        """Average a value of each photo, shape (n,), over the photos."""
        return np.asarray(self.weights @ marked / len(self.photos.labels))

    def macro(self, by_class: NDArray[np.float64]) -> Samples:
        """Average a value of each class over the classes."""
        present, counts = np.unique(self.photos.labels, return_counts=True)
        return np.asarray((by_class[:, present] * (self.support[:, present] / counts)).mean(axis=1))

    def weighted(self, by_class: NDArray[np.float64]) -> Samples:
        """Average a value of each class over the classes, each counted by its photos."""
        return np.asarray((by_class * self.support).sum(axis=1) / len(self.photos.labels))

    @cached_property
    def support(self) -> NDArray[np.float64]:
        """Weight of the photos of each class."""
        return self._sum(self.photos.labels, np.ones(len(self.photos.labels)))

    @cached_property
    def hits(self) -> NDArray[np.float64]:
        """Weight of the photos of each class that are predicted right."""
        return self._sum(self.photos.labels, self.photos.hit)

    @cached_property
    def claims(self) -> NDArray[np.float64]:
        """Weight of the photos that are predicted to be of each class."""
        return self._sum(self.photos.predicted, np.ones(len(self.photos.labels)))

    @property
    def precision(self) -> NDArray[np.float64]:
        """Precision of each class, 0 where nothing is predicted to be of it."""
        return np.asarray(self.hits / np.where(self.claims > 0, self.claims, 1))

    @property
    def recall(self) -> NDArray[np.float64]:
        """Recall of each class, 0 where it has no photo."""
        return np.asarray(self.hits / np.where(self.support > 0, self.support, 1))

    @property
    def f1(self) -> NDArray[np.float64]:
        """F1 of each class, 0 where it has no photo and nothing is predicted to be of it."""
        both = self.support + self.claims
        return np.asarray(2 * self.hits / np.where(both > 0, both, 1))

    def _sum(self, classes: Labels, marked: NDArray[np.bool_] | NDArray[np.float64]) -> NDArray[np.float64]:
        return sum_by_class(self.weights, classes, marked, self.photos.n_classes)


def outcomes(labels: Labels, probabilities: Probabilities, phyla: Sequence[str] | None = None) -> Outcomes:
    """Reduce probabilities to what became of each photo.

    Args:
        labels: int array of shape (n,), true class ids.
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        phyla: phylum of each class; "" where it is unknown.
    """
    return Outcomes(
        labels=labels,
        predicted=predicted_classes(probabilities),
        true_probability=probabilities[np.arange(len(labels)), labels].astype(np.float64),
        true_rank=true_ranks(labels, probabilities),
        n_classes=probabilities.shape[1],
        probabilities=probabilities,
        phyla=tuple(phyla) if phyla is not None and all(phyla) else (),
    )


def log_loss(labels: Labels, probabilities: Probabilities) -> float:
    """Compute the mean cross-entropy of the photos, natural log."""
    return float(outcomes(labels, probabilities).losses.mean())


def predicted_classes(probabilities: Probabilities) -> Labels:
    """Return the most probable class of each photo, int array of shape (n,); the first one of equals."""
    return np.asarray(probabilities.argmax(axis=1))


def true_ranks(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    """Return the rank of each photo's true class, from 1; classes as probable as the true one rank before it."""
    own = probabilities[np.arange(len(labels)), labels][:, None]
    return np.asarray((probabilities >= own).sum(axis=1), dtype=np.int64)


def sum_by_class(
    weights: Weights, classes: Labels, marked: NDArray[np.float64] | NDArray[np.bool_], n_classes: int
) -> NDArray[np.float64]:
    """Add up the weight of the marked photos of each class in every sample.

    Returns:
        Float array of shape (resamples, n_classes).
    """
    n = len(classes)
    table = csr_array((marked.astype(np.float64), (np.arange(n), classes)), shape=(n, n_classes))
    return np.asarray(weights @ table)
