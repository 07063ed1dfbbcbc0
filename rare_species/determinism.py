"""Same seed, same bytes: for everything that draws random numbers through Keras."""

import keras
import tensorflow as tf


def make_reproducible(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and allow only deterministic operations."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
