"""Same seed, same bytes: seeding and deterministic operations for Keras."""

import random

import keras
import tensorflow as tf


def make_reproducible(seed: int) -> None:
    """Seed Python, NumPy and TensorFlow, and allow only deterministic operations."""
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()


def seed_new_layers(seed: int) -> None:
    """Seed the generator from which Keras seeds new layers, and allow only deterministic operations.

    This is enough for layers that are built right away, and safe while other threads compute. It leaves TensorFlow's
    own seed alone, because setting that discards kernels that other threads use.
    """
    random.seed(seed)
    tf.config.experimental.enable_op_determinism()
