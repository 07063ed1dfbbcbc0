"""Keys of unfinished fits and searches: hashes of everything that their results depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import keras
import tensorflow as tf

from rare_species.common.checksums import LIST_NAME, file_digest
from rare_species.data.dataset import Data

LIBRARY = Path(__file__).parents[1]
# Packages and files of the library that fits depend on; a test keeps them equal to what the code imports
SHARED = ("common", "data", "fitting", "metrics", "networks")
CODE = {
    "train": (*SHARED, "augmentation", "params/train.py", "saved_models", "train"),
    "tune": (*SHARED, "params/search_space.py", "params/tune.py", "tune"),
}


def fit_key(stage: str, data: Data, *needs: str) -> str:
    """Hash what a fit depends on: photos, features, code, the versions of Keras and TensorFlow, and `needs`.

    A fit may continue only from the state of a fit with the same key. Photos and features enter by their lists of
    checksums; each file is compared with these when it is read.

    Args:
        stage: "train" or "tune".
        data: the data of the fit.
        needs: everything else, such as parameters and seeds, as text.

    Returns:
        64 hexadecimal digits.
    """
    files = [data.packed.folder / LIST_NAME, data.features / LIST_NAME, *code_files(stage)]
    parts = [keras.version(), tf.__version__, *map(file_digest, files), *needs]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def code_files(stage: str) -> list[Path]:
    """List the source files that a stage's fits depend on, sorted; packages include their subfolders."""
    places = (LIBRARY / name for name in CODE[stage])
    return sorted(file for place in places for file in _source_files(place))


def _source_files(place: Path) -> Iterator[Path]:
    yield from place.rglob("*.py") if place.is_dir() else (place,)
