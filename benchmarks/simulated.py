"""Test sets and classifiers whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.stats import norm

from rare_species.metrics.photo_outcomes import Outcomes, outcomes

# Test photos of the rare-species set, a tenth of each family and at least three: families by number of photos
RARE_SPECIES = {3: 118, 6: 45, 9: 16, 12: 7, 15: 5, 18: 2, 21: 2, 24: 1, 27: 3, 29: 1, 30: 2}
SAMPLE = {1: 4, 2: 5, 3: 4, 4: 3, 5: 2, 6: 2, 7: 2, 8: 1, 9: 1}  # of data/raw/sample.zip


def draw_labels(sizes: dict[int, int]) -> NDArray[np.int64]:
    """Labels of a test set.

    Args:
        sizes: families by number of photos.

    Returns:
        Int array of shape (n,), class ids in order.
    """
    counts = [size for size, families in sizes.items() for _ in range(families)]
    return np.repeat(np.arange(len(counts)), counts)


def true_logit(accuracy: float, n_classes: int) -> float:
    """Mean logit of the true class with which the largest of normal logits is the true one this often."""
    points, weights = np.polynomial.hermite_e.hermegauss(101)

    def excess(mean: float) -> float:
        wins = norm.cdf(points + mean) ** (n_classes - 1)
        return float(wins @ weights / weights.sum()) - accuracy

    return float(brentq(excess, 0, 20))


@dataclass(frozen=True)
class Pair:
    """Two classifiers of which each gives every photo normal logits, that of the true family higher.

    Attributes:
        accuracies: of the base and of the head, in (0, 1).
        shared: share of the logits' variance that is the photo's and the same for both, in [0, 1].
        scale: of the logits before softmax: how sure they are.
    """

    accuracies: tuple[float, float]
    shared: float
    scale: float = 2.0

    def draw(self, labels: NDArray[np.int64], rng: np.random.Generator) -> tuple[Outcomes, Outcomes]:
        """What becomes of new photos of these families under both."""
        n_classes = int(labels.max()) + 1
        common = rng.standard_normal((len(labels), n_classes)) * np.sqrt(self.shared)
        sides = []
        for accuracy in self.accuracies:
            logits = common + rng.standard_normal(common.shape) * np.sqrt(1 - self.shared)
            logits[np.arange(len(labels)), labels] += true_logit(accuracy, n_classes)
            odds = np.exp(self.scale * logits)
            sides.append(outcomes(labels, odds / odds.sum(axis=1, keepdims=True)))
        return sides[0], sides[1]
