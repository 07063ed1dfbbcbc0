"""Batches for TensorFlow: packed photos as RGB, features as they are cached."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.arrays import Labels
from rare_species.checksums import require_file, restore
from rare_species.errors import UserError
from rare_species.npz import is_damage
from rare_species.shards import Packed

ALIGNMENT = 64  # bytes: addresses of TensorFlow's arrays are multiples of it
BYTES_AT_ONCE = 2**22
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Features:
    """One split's features.

    Attributes:
        file_paths: text array of shape (n,); augmented views of a photo share its path and follow all photos.
        labels: int array of shape (n,), class ids.
        values: float32 array of shape (n, feature_size + n_phyla): what the backbone gives, then the one-hot phylum
            if the classifier is told that; width 0 for a model trained from scratch.
        photos: the first so many rows are the photos themselves, the rest are augmented views.
    """

    file_paths: NDArray[np.str_]
    labels: Labels
    values: NDArray[np.float32]
    photos: int

    @cached_property
    def tensor(self) -> tf.Tensor:
        """The values as TensorFlow reads them: in the same memory if they lie as it wants them, else one copy."""
        if not self.values.size or self.values.ctypes.data % ALIGNMENT or not self.values.flags.carray:
            return tf.constant(self.values)
        return tf.identity(tf.experimental.dlpack.from_dlpack(self.values.__dlpack__()))  # a GPU takes a copy

    def originals(self) -> Features:
        """Without augmented views."""
        n = self.photos
        if n == len(self.labels):
            return self
        return Features(self.file_paths[:n], self.labels[:n], self.values[:n], n)

    def with_columns(self, columns: NDArray[np.float32]) -> Features:
        """With more numbers at the end of each vector; `columns` has shape (n, any)."""
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
        Paths, text array of shape (photos,), and class ids, int array of that shape; without those of views.

    Raises:
        UserError: when they are not there or damaged.
    """
    with _open_features(folder, split) as arrays:
        paths, labels, photos = _read_rows(arrays)
        return paths[:photos], labels[:photos]


def photo_batches(packed: Packed, rows: pd.DataFrame, batch_size: int) -> tf.data.Dataset:
    """Decoded photos in order.

    Args:
        packed: the shards.
        rows: of its index.
        batch_size: photos per batch; the last may be smaller.

    Returns:
        A dataset of float32 tensors of shape (batch, side, side, 3), RGB in [0, 255].

    Raises:
        UserError: when a shard is missing or damaged.
    """
    return _map_decoding(_jpegs(packed, rows).batch(batch_size), _decoder(packed))


@dataclass(frozen=True)
class Shuffle:
    """In which order each epoch shows which rows: by seed and epoch alone, so that a fit can go on at any epoch.

    Attributes:
        rows: those an epoch shows, int array of shape (m,).
        batch_size: rows per batch; the last may be smaller.
        seed: of the order.
        epoch: the present one, from 0; the fit sets it before an epoch starts.
    """

    rows: Labels
    batch_size: int
    seed: int
    epoch: tf.Variable = field(default_factory=lambda: tf.Variable(0, dtype=tf.int64, trainable=False))

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return math.ceil(len(self.rows) / self.batch_size)

    def batches(self) -> tf.data.Dataset:
        """A dataset of int vectors, the rows of the present epoch batch by batch."""
        dataset = tf.data.Dataset.from_tensors(0).flat_map(lambda _: self._shuffled().batch(self.batch_size))
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps))

    def _shuffled(self) -> tf.data.Dataset:
        seeds = tf.stack([self.seed, self.epoch])
        return tf.data.Dataset.from_tensor_slices(tf.random.experimental.stateless_shuffle(self.rows, seeds))


def shuffled_photo_batches(packed: Packed, rows: pd.DataFrame, n_classes: int, shuffle: Shuffle) -> tf.data.Dataset:
    """Decoded photos with their targets, in another order each epoch.

    The encoded photos stay in memory (25 KB each, twice while an epoch runs), the decoded ones do not.

    Args:
        packed: the shards.
        rows: of its index.
        n_classes: families.
        shuffle: of the rows' positions.

    Returns:
        A dataset of (photos, one-hot targets).
    """
    jpegs, labels, decode = tf.constant(list(packed.read(rows))), tf.constant(rows["class_id"]), _decoder(packed)

    def gather(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return decode(tf.gather(jpegs, chosen)), tf.one_hot(tf.gather(labels, chosen), n_classes)

    return _map_decoding(shuffle.batches(), gather)


def shuffled_rows(labels: Labels, n_classes: int, shuffle: Shuffle) -> tf.data.Dataset:
    """Row numbers with their targets, in another order each epoch; `models.LookUp` turns them into features.

    To make such a batch takes less time than to hand one from thread to thread, so the dataset has one thread.

    Args:
        labels: int array of shape (n,).
        n_classes: families.
        shuffle: of the rows.

    Returns:
        A dataset of (row numbers, one-hot targets).
    """
    wanted, options = tf.constant(labels), _plain_options()
    options.threading.private_threadpool_size = 1
    pairs = shuffle.batches().map(lambda rows: (rows, tf.one_hot(tf.gather(wanted, rows), n_classes)))
    return pairs.with_options(options)


def as_batches(values: NDArray[np.float32] | tf.Tensor, batch_size: int = 4096) -> list[tf.Tensor]:
    """Features in order, in batches large enough for one to hold most splits.

    Those of a tensor share its memory where a row is a multiple of `ALIGNMENT`.
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
    """Paths and class ids of the rows, and how many are photos; views repeat the photos as often as it fits."""
    paths, labels, photos = arrays["file_paths"], arrays["labels"], arrays["photos"]
    _check(paths.dtype.kind == "U" and paths.ndim == 1, "file_paths")
    _check(labels.dtype == np.int64 and labels.shape == paths.shape, "labels")
    _check(photos.dtype == np.int64 and photos.ndim == 0 and 0 < photos <= len(paths), "photos")
    _check(len(paths) % photos == 0, "whole views of all photos")
    for rows in (paths, labels):
        _check((rows.reshape(-1, photos) == rows[:photos]).all(), "the photos' paths and labels again for each view")
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


def _jpegs(packed: Packed, rows: pd.DataFrame) -> tf.data.Dataset:
    packed.check(rows)  # what is wrong with them is told here: TensorFlow would wrap it in an error of its own

    def read() -> Iterator[bytes]:
        yield from packed.read(rows)

    dataset = tf.data.Dataset.from_generator(read, output_signature=tf.TensorSpec((), tf.string))
    return dataset.apply(tf.data.experimental.assert_cardinality(len(rows)))


def _decoder(packed: Packed) -> Callable[[tf.Tensor], tf.Tensor]:
    """From a vector of JPEGs to photos."""
    shape = (packed.shape.image_size, packed.shape.image_size, 3)

    def decode(jpeg: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.cast(tf.ensure_shape(photo, shape), tf.float32)

    return lambda jpegs: tf.map_fn(decode, jpegs, fn_output_signature=tf.float32)


def _map_decoding(batches: tf.data.Dataset, function: Callable[[tf.Tensor], Any]) -> tf.data.Dataset:
    """Apply a function that decodes: ahead of a GPU; else when a batch is asked for.

    Threads that decode beside the arithmetic would take its cores, and slow it more than they save.
    """
    if not tf.config.list_physical_devices("GPU"):
        return batches.map(function).with_options(_plain_options())
    ahead = batches.map(function, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    return ahead.with_options(_plain_options(autotune=True))


def _plain_options(*, autotune: bool = False) -> tf.data.Options:
    """Options of a dataset that runs as it is written.

    To look for a faster one TensorFlow would copy all that it holds; with deterministic operations it does so anyway,
    for each iterator, to look for what is not deterministic.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    options.autotune.enabled = autotune
    return options
