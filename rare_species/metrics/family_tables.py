"""Tables of predictions by family: confusion, F1, and who is taken for whom; no TensorFlow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix as _confusion_matrix
from sklearn.metrics import precision_recall_fscore_support

from rare_species.common.array_types import Labels, Probabilities
from rare_species.metrics.photo_outcomes import predicted_classes


def confusion_matrix(labels: Labels, predicted: Labels, n_classes: int) -> NDArray[np.int64]:
    """Counts, int array of shape (n_classes, n_classes), rows true, columns predicted."""
    return np.asarray(_confusion_matrix(labels, predicted, labels=np.arange(n_classes)), dtype=np.int64)


def macro_f1(counts: NDArray[np.int64]) -> float:
    """Return the mean F1 of the classes present.

    Args:
        counts: confusion matrix, int array of shape (n_classes, n_classes), rows true, columns predicted.
    """
    support, predicted = counts.sum(axis=1), counts.sum(axis=0)
    f1 = 2 * np.diagonal(counts) / np.maximum(support + predicted, 1)
    present = support > 0
    return float((f1 * present).sum() / np.maximum(present.sum(), 1))


def family_table(
    labels: Labels, probabilities: Probabilities, classes: Sequence[Mapping[str, object]], train_counts: Labels
) -> pd.DataFrame:
    """Precision, recall and F1 of every family.

    Args:
        labels: int array of shape (n,).
        probabilities: float array of shape (n, n_classes).
        classes: family and phylum by class id.
        train_counts: int array of shape (n_classes,), training photos.

    Returns:
        Columns family, phylum, train_images, images, precision, recall, f1 and confused_with (the family its
        photos are most often taken for, "" when there is none), in order of class id; families without photos
        in this split are left out.
    """
    predicted, n = predicted_classes(probabilities), len(classes)
    scores = precision_recall_fscore_support(labels, predicted, labels=np.arange(n), zero_division=0.0)
    mistakes = confusion_matrix(labels, predicted, n)
    np.fill_diagonal(mistakes, 0)
    worst = [str(classes[row.argmax()]["family"]) if row.any() else "" for row in mistakes]
    table = pd.DataFrame(
        {
            "family": [entry["family"] for entry in classes],
            "phylum": [entry["phylum"] for entry in classes],
            "train_images": train_counts,
            "images": scores[3],
            **{name: np.round(values, 6) for name, values in zip(("precision", "recall", "f1"), scores, strict=False)},
            "confused_with": worst,
        }
    )
    return table[table["images"] > 0].reset_index(drop=True)


def most_confused(counts: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Class ids with most mistakes, as true or as predicted family, in alphabetical order.

    Args:
        counts: confusion matrix.
        limit: classes at most.
    """
    mistakes = counts.sum(axis=0) + counts.sum(axis=1) - 2 * np.diagonal(counts)
    return np.asarray(np.sort(np.argsort(-mistakes, kind="stable")[:limit]))
