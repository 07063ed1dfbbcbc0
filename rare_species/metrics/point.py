"""How good predictions are, from labels and probabilities as NumPy arrays; no TensorFlow.

Macro averages run over the families that have images in the split that is scored: a family without one has
no recall, and counting it as 0 would punish a model for a photo that does not exist.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix as _confusion_matrix
from sklearn.metrics import precision_recall_fscore_support

from rare_species.common.arrays import Labels, Probabilities

EPOCH_METRICS = ("loss", "accuracy", "auc", "macro_f1")
CLASSES_AT_ONCE = 16  # of the AUC: enough to read rows of memory, few enough not to copy all of it
SMALLEST_PROBABILITY = 1e-7  # as in Keras: the loss of a certain mistake is 16.1, not infinite


def score(
    labels: Labels, probabilities: Probabilities, top_k: int, phyla: Sequence[str] | None = None
) -> dict[str, float]:
    """All headline metrics of one model on one split.

    Args:
        labels: int array of shape (n,), true class ids.
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        top_k: of the top-k accuracy.
        phyla: phylum of each class; without it, or where one is unknown, there is no phylum accuracy.

    Returns:
        Metrics by name; all in [0, 1] but `loss` (natural log).
    """
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    metrics = {
        "loss": log_loss(labels, probabilities),
        "accuracy": float(np.mean(predicted == labels)),
        f"top{top_k}_accuracy": top_k_accuracy(labels, probabilities, top_k),
    }
    for average in ("macro", "weighted"):
        values = precision_recall_fscore_support(labels, predicted, labels=present, average=average, zero_division=0.0)
        for name, value in zip(("precision", "recall", "f1"), values, strict=False):
            metrics[f"{average}_{name}"] = float(value)
    metrics["balanced_accuracy"] = metrics["macro_recall"]  # the same by definition (Brodersen et al., 2010)
    metrics["macro_auc"] = macro_auc(labels, probabilities)
    if phyla is not None and all(phyla):
        names = np.asarray(phyla)
        metrics["phylum_accuracy"] = float(np.mean(names[predicted] == names[labels]))
    return metrics


def epoch_metrics(
    labels: Labels, probabilities: Probabilities, names: Sequence[str] = EPOCH_METRICS
) -> dict[str, float]:
    """The metrics that are followed from epoch to epoch; see `score`.

    Args:
        labels: int array of shape (n,), class ids.
        probabilities: float array of shape (n, n_classes), rows summing to 1.
        names: of `EPOCH_METRICS`; with 202 classes most of the time goes into auc.
    """
    predicted = probabilities.argmax(axis=1)
    metrics: dict[str, Callable[[], float]] = {
        "loss": lambda: log_loss(labels, probabilities),
        "accuracy": lambda: float(np.mean(predicted == labels)),
        "auc": lambda: macro_auc(labels, probabilities),
        "macro_f1": lambda: float(macro_f1(confusion_matrix(labels, predicted, probabilities.shape[1]))),
    }
    return {name: metrics[name]() for name in names}


def log_loss(labels: Labels, probabilities: Probabilities) -> float:
    """Mean cross-entropy, natural log."""
    certain = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(certain, SMALLEST_PROBABILITY, 1)).mean())


def top_k_accuracy(labels: Labels, probabilities: Probabilities, k: int) -> float:
    """Share of photos whose true class is among the k most probable; ties count against the model."""
    return float(np.mean(true_ranks(labels, probabilities) <= k))


def true_ranks(labels: Labels, probabilities: Probabilities) -> NDArray[np.int64]:
    """Rank of each photo's true class, from 1; classes as probable as the true one rank before it."""
    own = probabilities[np.arange(len(labels)), labels][:, None]
    return np.asarray((probabilities >= own).sum(axis=1), dtype=np.int64)


def macro_auc(labels: Labels, probabilities: Probabilities) -> float:
    """Area under the ROC curve of each class against the rest, averaged over the classes present.

    Computed from ranks (Mann & Whitney, 1947), so that a class without photos is left out instead of an error.
    Returns 0.5 when only one class is present.
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


def confusion_matrix(labels: Labels, predicted: Labels, n_classes: int) -> NDArray[np.int64]:
    """Counts, int array of shape (n_classes, n_classes), rows true, columns predicted."""
    return np.asarray(_confusion_matrix(labels, predicted, labels=np.arange(n_classes)), dtype=np.int64)


def macro_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Macro F1 from confusion matrices.

    Args:
        counts: int array of shape (..., n, n), rows true, columns predicted.

    Returns:
        float array of shape (...): the mean F1 of the classes present.
    """
    support, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    f1 = 2 * hits / np.maximum(support + predicted, 1)
    present = support > 0
    return np.asarray((f1 * present).sum(axis=-1) / np.maximum(present.sum(axis=-1), 1))


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
    predicted, n = probabilities.argmax(axis=1), len(classes)
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
