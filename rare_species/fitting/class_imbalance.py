"""Ways to give rare families more weight: repeat their photos, weigh the loss, or shift the logits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rare_species.common.array_types import Labels
from rare_species.fitting.fit_params import ImbalanceName


def class_weights(labels: Labels, n_classes: int, imbalance: ImbalanceName, beta: float) -> dict[int, float] | None:
    """Weight each class in the loss, with a mean of 1 over photos.

    Args:
        labels: int array of shape (n,), class ids of the training photos.
        n_classes: number of classes; a class without photos gets weight 0.
        imbalance: "class_weight" weighs by the inverse of the number of photos (King & Zeng, 2001, "Logistic
            Regression in Rare Events Data"; scikit-learn's "balanced"), "class_balanced" by the inverse of the
            effective number of photos (Cui et al., 2019, "Class-Balanced Loss Based on Effective Number of Samples").
        beta: parameter of the effective number, in [0, 1): with 0 all classes weigh the same, near 1 the weights are
            those of "class_weight".

    Returns:
        Weight by class id; None for all other values of `imbalance`.
    """
    if imbalance not in {"class_weight", "class_balanced"}:
        return None
    counts = np.bincount(labels, minlength=n_classes)
    sizes = counts if imbalance == "class_weight" else effective_numbers(counts, beta)
    weights = np.where(counts > 0, 1 / np.maximum(sizes, 1e-12), 0.0)
    return dict(enumerate((weights * len(labels) / (weights * counts).sum()).tolist()))


def effective_numbers(counts: Labels, beta: float) -> NDArray[np.float64]:
    """Return the effective number of photos, (1 - beta^n) / (1 - beta); see `class_weights`.

    Args:
        counts: int array of shape (n_classes,), photos per class.
        beta: in [0, 1).
    """
    return np.asarray((1 - beta**counts) / (1 - beta), dtype=np.float64)


def rows_of_an_epoch(labels: Labels, imbalance: ImbalanceName) -> Labels:
    """List the photos that an epoch shows, in no particular order.

    Args:
        labels: int array of shape (n,), of the training photos.
        imbalance: "oversample" repeats the photos of each class until all have as many as the largest (random
            oversampling; Buda et al., 2018, "A systematic study of the class imbalance problem in convolutional
            neural networks").

    Returns:
        Positions in `labels`, int array of shape (m,), m >= n; each position occurs at least once.
    """
    if imbalance != "oversample":
        return np.arange(len(labels))
    largest = np.bincount(labels).max()
    return np.concatenate([np.resize(np.flatnonzero(labels == name), largest) for name in np.unique(labels)])


def balanced_softmax_bias(class_counts: Labels) -> NDArray[np.float32]:
    """Offset that corrects logits for class frequency (Ren et al., 2020, "Balanced Meta-Softmax").

    Args:
        class_counts: int array of shape (n_classes,), training photos per class, each >= 1.

    Returns:
        float32 array of shape (n_classes,), natural-log counts; add to the logits in training only.

    Raises:
        ValueError: if any count is below 1.
    """
    if class_counts.min() < 1:
        raise ValueError(f"Expected at least one training photo of each class. Received: {class_counts.tolist()}.")
    return np.log(class_counts).astype(np.float32)
