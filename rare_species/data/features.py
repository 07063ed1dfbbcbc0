"""One split's features, as stage embed writes them and models read them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.common.array_types import Labels
from rare_species.common.checksums import require_file, restore
from rare_species.common.errors import UserError
from rare_species.data.npz import is_damage

ALIGNMENT = 64  # bytes: addresses of TensorFlow's arrays are multiples of it
BYTES_AT_ONCE = 2**22
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Features:
    """One split's features.

    Attributes:
        file_paths: text array of shape (n,); augmented copies of a photo share its path and follow all photos.
        labels: int array of shape (n,), class ids.
        values: float32 array of shape (n, feature_size + n_phyla): what the backbone gives, then the one-hot phylum
            if the classifier is conditioned on it; width 0 for a model trained from scratch.
        photos: number of photos; they are the first rows, and their augmented copies follow.
    """

    file_paths: NDArray[np.str_]
    labels: Labels
    values: NDArray[np.float32]
    photos: int

    @cached_property
    def tensor(self) -> tf.Tensor:
        """The values as a tensor: in the same memory if they are aligned and contiguous there, else one copy."""
        if not self.values.size or self.values.ctypes.data % ALIGNMENT or not self.values.flags.carray:
            return tf.constant(self.values)
        return tf.identity(tf.experimental.dlpack.from_dlpack(self.values.__dlpack__()))  # a GPU takes a copy

    def originals(self) -> Features:
        """Return the features of the photos without those of their augmented copies."""
        n = self.photos
        if n == len(self.labels):
            return self
        return Features(self.file_paths[:n], self.labels[:n], self.values[:n], n)

    def with_columns(self, columns: NDArray[np.float32]) -> Features:
        """Append columns, of shape (n, any), to the end of each vector."""
        return replace(self, values=np.hstack([self.values, columns])) if columns.shape[1] else self


def save_features(path: Path, features: Features) -> None:
    """Write an uncompressed .npz; the same features give the same bytes."""
    np.savez(
        path,
        allow_pickle=False,
        file_paths=features.file_paths,
        labels=features.labels,
        values=features.values,
        photos=np.int64(features.photos),
    )


def load_features(folder: Path, split: str) -> Features:
    """Read a split's features.

    Raises:
        UserError: when they are not there or damaged.
    """
    with _open_features(folder, split) as arrays:
        paths, labels, photos = _read_rows(arrays)
        with arrays.zip.open("values.npy") as stream:
            values = _read_aligned(stream)
        _check(values.dtype == np.float32 and values.ndim == 2 and len(values) == len(labels), "values")
        ends = range(0, len(values), ROWS_AT_ONCE)
        _check(all(np.isfinite(values[start : start + ROWS_AT_ONCE]).all() for start in ends), "values without NaN")
        return Features(paths, labels, values, photos)


def load_photos(folder: Path, split: str) -> tuple[NDArray[np.str_], Labels]:
    """Read which photos a split's features are of, without the features.

    Returns:
        Paths, text array of shape (photos,), and class ids, int array of that shape; without augmented copies.

    Raises:
        UserError: when they are not there or damaged.
    """
    with _open_features(folder, split) as arrays:
        paths, labels, photos = _read_rows(arrays)
        return paths[:photos], labels[:photos]


def as_batches(values: NDArray[np.float32] | tf.Tensor, batch_size: int = 4096) -> list[tf.Tensor]:
    """Cut features into batches, in order; by default one batch holds all of most splits.

    Batches of a tensor share its memory if the bytes of a row are a multiple of `ALIGNMENT`.
    """
    return [tf.constant(values[start : start + batch_size]) for start in range(0, len(values), batch_size)]


@contextmanager
def _open_features(folder: Path, split: str) -> Iterator[Any]:
    """Open an .npz of features; whatever goes wrong with its bytes while it is read is one clear error."""
    path = folder / f"{split}.npz"
    require_file(path)
    try:
        with path.open("rb") as file, np.load(file) as arrays:  # NumPy itself leaves a damaged file open
            _check(sorted(arrays.files) == ["file_paths", "labels", "photos", "values"], "its arrays")
            yield arrays
    except Exception as error:
        if not is_damage(error, path):
            raise
        # NumPy takes what is no zip for a pickle, and advises to allow that
        received = "no .npz" if "allow_pickle" in str(error) else f"{type(error).__name__}: {error}"
        raise UserError(
            f"Expected {path} to hold features as stage embed writes them. Received: {received}. {restore(path)}"
        ) from error


def _check(holds: object, what: str) -> None:
    if not holds:
        raise ValueError(f"not {what} as expected")


def _read_rows(arrays: Any) -> tuple[NDArray[np.str_], Labels, int]:
    """Paths and class ids of the rows, and the number of photos; copies repeat all photos a whole number of times."""
    paths, labels, photos = arrays["file_paths"], arrays["labels"], arrays["photos"]
    _check(paths.dtype.kind == "U" and paths.ndim == 1, "file_paths")
    _check(labels.dtype == np.int64 and labels.shape == paths.shape, "labels")
    _check(photos.dtype == np.int64 and photos.ndim == 0 and 0 < photos <= len(paths), "photos")
    _check(len(paths) % photos == 0, "equally many copies of all photos")
    for rows in (paths, labels):
        _check((rows.reshape(-1, photos) == rows[:photos]).all(), "the photos' paths and labels again for each copy")
    return paths, labels, int(photos)


def _read_aligned(stream: IO[bytes]) -> NDArray[np.float32]:
    """Read an .npy file to an address that TensorFlow can use; `np.load` would need another copy."""
    np.lib.format.read_magic(stream)
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    numbers = memory[start : start + size]
    for first in range(0, size, BYTES_AT_ONCE):
        block = numbers[first : first + BYTES_AT_ONCE]
        block[:] = np.frombuffer(stream.read(len(block)), np.uint8)
    _check(not stream.read(1), "the end of values")  # zipfile compares the checksum where it finds the end
    return numbers.view(dtype).reshape(shape, order="F" if fortran_order else "C")
