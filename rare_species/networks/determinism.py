"""Same seed, same bytes: for everything that draws random numbers through Keras."""

import random

import keras
import tensorflow as tf


def make_reproducible(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and allow only deterministic operations."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def seed_new_layers(seed: int) -> None:
    """Seed what Keras draws the seeds of new layers from, and allow only deterministic operations.

    Enough for layers that are built at once, and safe while other threads compute: TensorFlow's own seed is left alone,
    as setting it throws away the kernels that they use.
    """
    random.seed(seed)
    tf.config.experimental.enable_op_determinism()
