"""The phylum of a photo as a vector, for classifiers that are conditioned on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rare_species.common.array_types import Labels
from rare_species.common.errors import UserError


def list_phyla(classes: Sequence[Mapping[str, Any]]) -> list[str]:
    """List the phyla in alphabetical order, the order of the columns of `one_hot_phyla`.

    Args:
        classes: family and phylum by class id.

    Raises:
        UserError: when the phylum of a family is unknown.
    """
    unknown = [entry["family"] for entry in classes if not entry["phylum"]]
    if unknown:
        raise UserError(
            "Expected the phylum of every family, for model.inputs=[image, phylum]. Received: none for "
            f"{len(unknown)} of {len(classes)} families, such as {unknown[0]}. Give it in the archive's metadata.csv "
            "or in folders named <phylum>_<family>, or use the image alone: dvc exp run -S 'model.inputs=[image]'"
        )
    return sorted({entry["phylum"] for entry in classes})


def one_hot_phyla(labels: Labels, classes: Sequence[Mapping[str, Any]], phyla: Sequence[str]) -> NDArray[np.float32]:
    """Encode the phyla of photos, one-hot.

    Args:
        labels: int array of shape (n,), class ids.
        classes: family and phylum by class id.
        phyla: phyla in the order of the columns; empty for a classifier that sees only the image.

    Returns:
        float32 array of shape (n, n_phyla).
    """
    of_photos = np.array([entry["phylum"] for entry in classes])[labels]
    return np.asarray(of_photos[:, None] == np.array(phyla, dtype=str), dtype=np.float32)
