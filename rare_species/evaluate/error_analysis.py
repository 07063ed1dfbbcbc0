"""Where a model errs: confused pairs, properties of photos, and the gap between splits; no TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import laplace
from scipy.stats import binomtest

from rare_species.common.array_types import Labels
from rare_species.metrics.family_tables import confusion_matrix

BINS = 4  # per property, with equally many photos as far as ties allow
LARGE_GAP = 0.1  # loss of macro F1 from one split to the next that is called overfitting
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


def confused_pairs(labels: Labels, predicted: Labels, classes: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """List pairs of families of which one is taken for the other, the most frequent first.

    Args:
        labels: int array of shape (n,).
        predicted: int array of shape (n,).
        classes: family and phylum by class id.

    Returns:
        Columns family, predicted, images and same_phylum ("yes", "no", or "" where one is unknown).
    """
    counts = confusion_matrix(labels, predicted, len(classes))
    np.fill_diagonal(counts, 0)
    rows = [
        {
            "family": classes[true]["family"],
            "predicted": classes[said]["family"],
            "images": int(counts[true, said]),
            "same_phylum": _same_phylum(classes[true]["phylum"], classes[said]["phylum"]),
        }
        for true, said in zip(*np.nonzero(counts), strict=True)
    ]
    table = pd.DataFrame(rows, columns=["family", "predicted", "images", "same_phylum"])
    return table.sort_values(["images", "family", "predicted"], ascending=[False, True, True], ignore_index=True)


def photo_properties(photos: Iterable[Image.Image]) -> pd.DataFrame:
    """Measure the brightness (mean luma, 0 to 255) and the sharpness (variance of luma's Laplacian) of each photo.

    Pech-Pacheco et al., 2000, "Diatom autofocusing in brightfield microscopy".
    """
    lumas = (np.asarray(photo, dtype=np.float64) @ LUMA for photo in photos)
    rows = [(luma.mean(), laplace(luma, mode="nearest").var()) for luma in lumas]
    return pd.DataFrame(rows, columns=["brightness", "sharpness"]).round(6)


def accuracy_by_property(properties: pd.DataFrame, hit: NDArray[np.bool_]) -> pd.DataFrame:
    """Tabulate the accuracy in quarters of the photos, ordered by each property.

    Args:
        properties: one column of numbers per property, one row per photo.
        hit: whether each photo is classified correctly.

    Returns:
        Columns property, low, high (the smallest and largest value), images, accuracy, and its 95 % Wilson interval,
        accuracy_low and accuracy_high.
    """
    rows = []
    for name in properties:
        values = properties[name]
        bins = pd.qcut(values.rank(method="max"), BINS, labels=False, duplicates="drop").fillna(0)
        for number in sorted(bins.unique()):
            inside = (bins == number).to_numpy()
            hits, n = int(hit[inside].sum()), int(inside.sum())
            span = binomtest(hits, n).proportion_ci(method="wilson")
            of_bin = values[inside]
            rows.append((name, of_bin.min(), of_bin.max(), n, hits / n, span.low, span.high))
    columns = ["property", "low", "high", "images", "accuracy", "accuracy_low", "accuracy_high"]
    return pd.DataFrame(rows, columns=columns)


def describe_gap(metrics: Mapping[str, Any]) -> str:
    """Describe in one sentence how macro F1 changes from split to split, and name overfitting.

    Args:
        metrics: metrics of one model, see `candidate_metrics.evaluate_predictions`.
    """
    train, val, test = (metrics[split]["macro_f1"] for split in ("train", "val", "test"))
    figures = f"macro F1 is {train:.3f} on training, {val:.3f} on validation and {test:.3f} on test photos"
    if train < LARGE_GAP:
        return f"Hardly anything was learned: {figures}."
    found = []
    if train - val > LARGE_GAP:
        found.append(f"it knows the training photos {train - val:.3f} better than those of validation")
    if val - test > LARGE_GAP:
        found.append(f"validation, on which it was chosen, flatters it by {val - test:.3f}")
    return f"Overfitted: {figures}; {', and '.join(found)}." if found else f"Not overfitted: {figures}."


def _same_phylum(one: str, other: str) -> str:
    if not (one and other):
        return ""
    return "yes" if one == other else "no"
