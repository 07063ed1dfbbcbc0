"""Run Keras models for inference, traced once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray


@dataclass(frozen=True)
class Inference:
    """A traced model: a function from one float32 batch per input to the output.

    Attributes:
        model: the model, kept because the trace does not keep its variables alive.
        traced: TensorFlow's concrete function.
    """

    model: keras.Model
    traced: Callable[..., tf.Tensor]

    def __call__(self, *batch: tf.Tensor) -> tf.Tensor:
        """Run the model on a batch of any length, with its current weights."""
        return self.traced(*batch)


def inference(model: keras.Model) -> Inference:
    """Trace a model with one output, without dropout or augmentation."""

    def run(*batch: tf.Tensor) -> tf.Tensor:
        return model(batch[0] if len(batch) == 1 else list(batch), training=False)

    batch = [tf.TensorSpec((None, *inputs.shape[1:]), tf.float32) for inputs in model.inputs]
    return Inference(model, tf.function(run).get_concrete_function(*batch))


def each_input(batch: tf.Tensor | tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    """Return an element of a dataset as one tensor per model input."""
    return batch if isinstance(batch, tuple) else (batch,)


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float32]:
    """Run a model over batches (tuples for several inputs) and return a float32 array of shape (n, ...)."""
    call = inference(model)
    return np.concatenate([call(*each_input(batch)).numpy() for batch in batches])
