"""Batches for TensorFlow: packed photos as RGB, features as they are cached."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.arrays import Labels
from rare_species.errors import UserError
from rare_species.shards import Packed


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
        """The values where TensorFlow reads them: one copy, however many fits share it."""
        return tf.constant(self.values)

    def originals(self) -> Features:
        """Without augmented views."""
        n = self.photos
        if n == len(self.labels):
            return self
        return Features(self.file_paths[:n], self.labels[:n], self.values[:n], n)

    def with_columns(self, columns: NDArray[np.float32]) -> Features:
        """With more numbers at the end of each vector; `columns` has shape (n, any)."""
        return replace(self, values=np.hstack([self.values, columns]))


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
        UserError: when they are not there.
    """
    path = folder / f"{split}.npz"
    if not path.is_file():
        raise UserError(f"Expected {path}. Received: no such file. Run the stage that writes it first: dvc repro.")
    with np.load(path) as arrays:
        return Features(arrays["file_paths"], arrays["labels"], arrays["values"], int(arrays["photos"]))


def photo_batches(packed: Packed, rows: pd.DataFrame, batch_size: int) -> tf.data.Dataset:
    """Decoded photos in order.

    Args:
        packed: the shards.
        rows: of its index.
        batch_size: photos per batch; the last may be smaller.

    Returns:
        A dataset of float32 tensors of shape (batch, side, side, 3), RGB in [0, 255].
    """
    photos = _jpegs(packed, rows).map(_decoder(packed), num_parallel_calls=tf.data.AUTOTUNE)
    return photos.batch(batch_size).prefetch(2)


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

    def order(self) -> tf.data.Dataset:
        """A dataset of ints, the rows of the present epoch one by one."""
        dataset = tf.data.Dataset.from_tensors(0).flat_map(lambda _: self._shuffled())
        return dataset.apply(tf.data.experimental.assert_cardinality(len(self.rows)))

    def batches(self) -> tf.data.Dataset:
        """The same, batch by batch."""
        dataset = tf.data.Dataset.from_tensors(0).flat_map(lambda _: self._shuffled().batch(self.batch_size))
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps))

    def _shuffled(self) -> tf.data.Dataset:
        seeds = tf.stack([self.seed, self.epoch])
        return tf.data.Dataset.from_tensor_slices(tf.random.experimental.stateless_shuffle(self.rows, seeds))


def shuffled_photo_batches(
    packed: Packed, rows: pd.DataFrame, targets: NDArray[np.float32], shuffle: Shuffle
) -> tf.data.Dataset:
    """Decoded photos with their targets, in another order each epoch.

    The encoded photos stay in memory (25 KB each), the decoded ones do not.

    Args:
        packed: the shards.
        rows: of its index.
        targets: float array of shape (n_rows, n_classes).
        shuffle: of the rows' positions.

    Returns:
        A dataset of (photos, targets).
    """
    jpegs, wanted, decode = tf.constant(list(packed.read(rows))), tf.constant(targets), _decoder(packed)
    pairs = shuffle.order().map(lambda row: (decode(jpegs[row]), wanted[row]), num_parallel_calls=tf.data.AUTOTUNE)
    return pairs.batch(shuffle.batch_size).prefetch(2)


def shuffled_feature_batches(values: tf.Tensor, targets: NDArray[np.float32], shuffle: Shuffle) -> tf.data.Dataset:
    """Features with their targets, in another order each epoch; a batch is gathered at once, not row by row.

    Gathering takes less time than handing a batch from thread to thread, so the dataset has one thread and no buffer.

    Args:
        values: float tensor of shape (n, feature_size).
        targets: float array of shape (n, n_classes).
        shuffle: of the rows' positions.

    Returns:
        A dataset of (features, targets).
    """
    wanted, options = tf.constant(targets), tf.data.Options()
    options.threading.private_threadpool_size = 1
    options.experimental_optimization.inject_prefetch = False
    options.autotune.enabled = False
    pairs = shuffle.batches().map(lambda rows: (tf.gather(values, rows), tf.gather(wanted, rows)))
    return pairs.with_options(options)


def as_batches(values: NDArray[np.float32] | tf.Tensor, batch_size: int = 4096) -> list[tf.Tensor]:
    """Features in order, in batches large enough for one to hold most splits."""
    return [tf.constant(values[start : start + batch_size]) for start in range(0, len(values), batch_size)]


def one_hot(labels: Labels, n_classes: int) -> NDArray[np.float32]:
    """Targets, float32 array of shape (n, n_classes)."""
    return np.eye(n_classes, dtype=np.float32)[labels]


def _jpegs(packed: Packed, rows: pd.DataFrame) -> tf.data.Dataset:
    def read() -> Iterator[bytes]:
        yield from packed.read(rows)

    dataset = tf.data.Dataset.from_generator(read, output_signature=tf.TensorSpec((), tf.string))
    return dataset.apply(tf.data.experimental.assert_cardinality(len(rows)))


def _decoder(packed: Packed) -> Callable[[tf.Tensor], tf.Tensor]:
    shape = (packed.shape.image_size, packed.shape.image_size, 3)

    def decode(jpeg: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.cast(tf.ensure_shape(photo, shape), tf.float32)

    return decode
