"""Shuffled batches for a fit: photos, or rows of cached features."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import keras
import pandas as pd
import tensorflow as tf

from rare_species.common.array_types import Labels
from rare_species.data.photo_batches import map_decoding, photo_decoder, plain_options
from rare_species.data.shards import Packed


class LookUp(keras.layers.Layer):
    """A layer from row numbers to features. A dataset of features would copy them for each fit; this layer does not.

    Args:
        values: float32 tensor of shape (n, feature_size).
    """

    def __init__(self, values: tf.Tensor) -> None:
        super().__init__(trainable=False)
        self._values = values

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """Look up int rows of shape (batch,); return float32 features of shape (batch, feature_size)."""
        return tf.gather(self._values, rows)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return the shape of the features."""
        return (*input_shape, self._values.shape[1])


@dataclass(frozen=True)
class Shuffle:
    """The order of rows in each epoch. It depends only on seed and epoch, so that a fit can continue at any epoch.

    Attributes:
        rows: rows that each epoch shows, int array of shape (m,).
        batch_size: rows per batch; the last batch may be smaller.
        seed: seed of the order.
        epoch: the current epoch, from 0; the fit sets it before each epoch.
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
        """Make a dataset of int vectors: the rows of the current epoch, batch by batch."""
        dataset = tf.data.Dataset.from_tensors(0).flat_map(lambda _: self._shuffled().batch(self.batch_size))
        return dataset.apply(tf.data.experimental.assert_cardinality(self.steps))

    def _shuffled(self) -> tf.data.Dataset:
        seeds = tf.stack([self.seed, self.epoch])
        return tf.data.Dataset.from_tensor_slices(tf.random.experimental.stateless_shuffle(self.rows, seeds))


def shuffled_photo_batches(packed: Packed, rows: pd.DataFrame, n_classes: int, shuffle: Shuffle) -> tf.data.Dataset:
    """Make a dataset of decoded photos with their targets, in another order each epoch.

    Encoded photos stay in memory (25 KB each, twice while an epoch runs); decoded ones do not.

    Args:
        packed: the shards.
        rows: rows of their index.
        n_classes: number of classes.
        shuffle: order of the positions in `rows`.

    Returns:
        A dataset of (photos, one-hot targets).
    """
    jpegs, labels, decode = tf.constant(list(packed.read(rows))), tf.constant(rows["class_id"]), photo_decoder(packed)

    def gather(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return decode(tf.gather(jpegs, chosen)), tf.one_hot(tf.gather(labels, chosen), n_classes)

    return map_decoding(shuffle.batches(), gather)


def shuffled_rows(labels: Labels, n_classes: int, shuffle: Shuffle) -> tf.data.Dataset:
    """Make a dataset of row numbers with their targets, in another order each epoch; see `LookUp`.

    The dataset uses a single thread, because making such a batch is faster than passing it between threads.

    Args:
        labels: int array of shape (n,), class ids.
        n_classes: number of classes.
        shuffle: order of the rows.

    Returns:
        A dataset of (row numbers, one-hot targets).
    """
    wanted, options = tf.constant(labels), plain_options()
    options.threading.private_threadpool_size = 1
    pairs = shuffle.batches().map(lambda rows: (rows, tf.one_hot(tf.gather(wanted, rows), n_classes)))
    return pairs.with_options(options)
