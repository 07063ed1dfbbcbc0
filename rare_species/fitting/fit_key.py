"""Names of unfinished fits and searches: a hash of everything that their numbers depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from rare_species.common.checksums import LIST_NAME, file_digest
from rare_species.models.opened import Data

LIBRARY = Path(__file__).parents[1]
# Packages and files of the library that fits depend on; a contract test keeps them equal to what the code imports
SHARED = ("common", "data", "fitting", "metrics", "networks")
CODE = {
    "train": (*SHARED, "augmentation", "models", "params/train.py", "train"),
    "tune": (*SHARED, "params/search_space.py", "params/tune.py", "tune"),
}


def fit_key(stage: str, data: Data, *needs: str) -> str:
    """Hash the photos, the features, the code, its libraries and whatever else a fit depends on.

    Only a fit with the same key may go on from another's state. Photos and features are hashed by their lists of
    checksums, with which each file is compared when it is read.

    Args:
        stage: "train" or "tune".
        data: what is fitted to.
        needs: parameters, seeds and the like.

    Returns:
        64 hexadecimal digits.
    """
    files = [data.packed.folder / LIST_NAME, data.features / LIST_NAME, *code_files(stage)]
    parts = [keras.version(), tf.__version__, *map(file_digest, files), *needs]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def code_files(stage: str) -> list[Path]:
    """Source files that a stage's fits depend on, in order; packages are gone through to their last folder."""
    places = (LIBRARY / name for name in CODE[stage])
    return sorted(file for place in places for file in _source_files(place))


def _source_files(place: Path) -> Iterator[Path]:
    yield from place.rglob("*.py") if place.is_dir() else (place,)
