"""Packed photos as TensorFlow batches of RGB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import tensorflow as tf

from rare_species.data.shards import Packed

PHOTO_BATCH = 64  # photos per batch where a network only predicts


def photo_batches(packed: Packed, rows: pd.DataFrame, batch_size: int) -> tf.data.Dataset:
    """Make a dataset of decoded photos, in order.

    Args:
        packed: the shards.
        rows: rows of their index.
        batch_size: photos per batch; the last may be smaller.

    Returns:
        A dataset of float32 tensors of shape (batch, side, side, 3), RGB in [0, 255].

    Raises:
        UserError: when a shard is missing or damaged.
    """
    return map_decoding(_jpegs(packed, rows).batch(batch_size), photo_decoder(packed))


def _jpegs(packed: Packed, rows: pd.DataFrame) -> tf.data.Dataset:
    packed.check(rows)  # raises here; inside the dataset TensorFlow would wrap the error in its own

    def read() -> Iterator[bytes]:
        yield from packed.read(rows)

    dataset = tf.data.Dataset.from_generator(read, output_signature=tf.TensorSpec((), tf.string))
    return dataset.apply(tf.data.experimental.assert_cardinality(len(rows)))


def photo_decoder(packed: Packed) -> Callable[[tf.Tensor], tf.Tensor]:
    """Make a function from a vector of JPEGs to photos."""
    shape = (packed.preprocessing.image_size, packed.preprocessing.image_size, 3)

    def decode(jpeg: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(jpeg, channels=3, dct_method="INTEGER_ACCURATE")
        return tf.cast(tf.ensure_shape(photo, shape), tf.float32)

    return lambda jpegs: tf.map_fn(decode, jpegs, fn_output_signature=tf.float32)


def map_decoding(batches: tf.data.Dataset, function: Callable[[tf.Tensor], Any]) -> tf.data.Dataset:
    """Apply a decoding function: ahead of time when there is a GPU, else only when a batch is requested.

    On a CPU, threads that decode ahead would take cores from the arithmetic and slow it down more than they save.
    """
    if not tf.config.list_physical_devices("GPU"):
        return batches.map(function).with_options(plain_options())
    ahead = batches.map(function, num_parallel_calls=tf.data.AUTOTUNE).prefetch(2)
    return ahead.with_options(plain_options(autotune=True))


def plain_options(*, autotune: bool = False) -> tf.data.Options:
    """Make options that keep TensorFlow from optimising a dataset.

    The optimisation copies everything that the dataset holds. With deterministic operations, TensorFlow does so anyway
    for each iterator, to find non-deterministic parts.
    """
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    options.experimental_optimization.inject_prefetch = False
    options.autotune.enabled = autotune
    return options
