"""Build heads, the baseline network and whole models; .keras files with the same bytes every time."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from rare_species.errors import UserError
from rare_species.training_params import CnnParams, HeadParams

MEMBER_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold
CLASSIFIER = "classifier"  # the part of a saved model that takes features, or photos where there is no backbone
SAVED_AT = "1980-01-01@00:00:00"


def build_head(feature_size: int, n_classes: int, head: HeadParams) -> keras.Model:
    """Build the classifier on top of features.

    Args:
        feature_size: length of a feature vector.
        n_classes: families.
        head: its layers.

    Returns:
        A model named "head" from (n, feature_size) to logits of shape (n, n_classes).
    """
    model = keras.Sequential([keras.Input((feature_size,), name="features")], name="head")
    if head.input_batch_norm:
        model.add(layers.BatchNormalization(name="input_batch_norm"))
    if head.input_dropout:
        model.add(layers.Dropout(head.input_dropout, name="input_dropout"))
    for number, (units, dropout) in enumerate(zip(head.units, head.dropouts, strict=False), start=1):
        model.add(layers.Dense(units, use_bias=not head.batch_norm, name=f"dense{number}"))
        if head.batch_norm:
            model.add(layers.BatchNormalization(name=f"batch_norm{number}"))
        model.add(layers.Activation(head.activation, name=f"activation{number}"))
        model.add(layers.Dropout(dropout, name=f"dropout{number}"))
    if not head.units:
        model.add(layers.Dropout(head.dropouts[0], name="dropout"))
    model.add(layers.Dense(n_classes, name="logits"))
    return model


def build_cnn(side_px: int, n_classes: int, cnn: CnnParams) -> keras.Model:
    """Build the baseline: convolution blocks with max pooling, a dense layer, dropout.

    Args:
        side_px: side of the input, in pixels.
        n_classes: families.
        cnn: its sizes.

    Returns:
        A model named "cnn" from RGB in [0, 255] of shape (n, side_px, side_px, 3) to logits.

    Raises:
        UserError: when so many poolings leave nothing of the photo.
    """
    if side_px < 2 ** len(cnn.filters):
        raise UserError(
            f"Expected preprocess.image_size of at least {2 ** len(cnn.filters)} for the {len(cnn.filters)} blocks of "
            f"train.cnn.filters, each of which halves it. Received: {side_px}. Set either in params.yaml."
        )
    inputs = keras.Input((side_px, side_px, 3), name="rgb")
    model = keras.Sequential([inputs, layers.Rescaling(1 / 255, name="scale")], name="cnn")
    for number, filters in enumerate(cnn.filters, start=1):
        model.add(layers.Conv2D(filters, 3, padding="same", activation="relu", name=f"conv{number}"))
        model.add(layers.MaxPooling2D(name=f"pool{number}"))
    model.add(layers.Flatten(name="flatten"))
    model.add(layers.Dense(cnn.dense, activation="relu", name="dense"))
    model.add(layers.Dropout(cnn.dropout, name="dropout"))
    model.add(layers.Dense(n_classes, name="logits"))
    return model


def average_probabilities(members: Sequence[keras.Model]) -> keras.Model:
    """Join models that give logits into one named `CLASSIFIER` that gives the mean of their probabilities."""
    inputs = keras.Input(members[0].input_shape[1:], name="inputs")
    outputs = []
    for number, member in enumerate(members, start=1):
        copy = type(member).from_config(member.get_config())  # for a name of its own
        copy.set_weights(member.get_weights())
        copy.name = f"member{number}"
        outputs.append(layers.Softmax(name=f"probabilities{number}")(copy(inputs, training=False)))
    return keras.Model(
        inputs, outputs[0] if len(outputs) == 1 else layers.Average(name="mean")(outputs), name=CLASSIFIER
    )


class LookUp(keras.layers.Layer):
    """From row numbers to features, where they lie: a dataset that held them would have another copy in each fit.

    Args:
        values: float32 tensor of shape (n, feature_size).
    """

    def __init__(self, values: tf.Tensor) -> None:
        super().__init__(trainable=False)
        self._values = values

    def call(self, rows: tf.Tensor) -> tf.Tensor:
        """Features of int rows of shape (batch,), float32 of shape (batch, feature_size)."""
        return tf.gather(self._values, rows)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """One vector for each row number."""
        return (*input_shape, self._values.shape[1])


def assemble(side_px: int, parts: Sequence[keras.Model], n_phyla: int = 0) -> keras.Model:
    """Chain models into the one that is saved: from RGB in [0, 255] to probabilities.

    Args:
        side_px: side of the input, in pixels.
        parts: the first takes RGB in [0, 255], the last gives probabilities.
        n_phyla: length of a second input, the one-hot phylum, which the last part takes behind the features; 0
            without one.

    Returns:
        A model from "rgb" of shape (n, side_px, side_px, 3), and "phylum" of shape (n, n_phyla) if it is told that,
        to probabilities of shape (n, n_classes).
    """
    inputs = [keras.Input((side_px, side_px, 3), name="rgb")]
    *before, last = parts
    x = inputs[0]
    for part in before:
        x = part(x, training=False)
    if n_phyla:
        inputs.append(keras.Input((n_phyla,), name="phylum"))
        x = layers.Concatenate(name="features_and_phylum")([x, inputs[1]])
    return keras.Model(inputs if n_phyla else inputs[0], last(x, training=False), name="photo_classifier")


def save_keras(path: Path, model: keras.Model) -> None:
    """Write a .keras file; the same model gives the same bytes."""
    raw = path.with_name("raw.keras")
    model.save(raw)
    _normalise_archive(raw, path)
    raw.unlink()


def load_keras(path: Path) -> keras.Model:
    """Read a .keras file; Keras itself imports KerasHub where the file needs it.

    Raises:
        UserError: when that can't be imported.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except TypeError as error:
        if "parent module keras_hub" not in str(error):
            raise
        raise UserError(
            f"Expected KerasHub for the network in {path}. Received: it cannot be imported. "
            "Install it with pip install -r requirements-vit.txt."
        ) from error


@dataclass(frozen=True)
class Inference:
    """A traced model, from a float32 batch, one per input, to the output.

    Attributes:
        model: held, as the trace does not keep its variables.
        traced: TensorFlow's concrete function.
    """

    model: keras.Model
    traced: Callable[..., tf.Tensor]

    def __call__(self, *batch: tf.Tensor) -> tf.Tensor:
        """Run the model on a batch of any length; later changes of the weights are seen."""
        return self.traced(*batch)


def inference(model: keras.Model) -> Inference:
    """Trace a model with one output once, without dropout or augmentation."""

    def run(*batch: tf.Tensor) -> tf.Tensor:
        return model(batch[0] if len(batch) == 1 else list(batch), training=False)

    batch = [tf.TensorSpec((None, *inputs.shape[1:]), tf.float32) for inputs in model.inputs]
    return Inference(model, tf.function(run).get_concrete_function(*batch))


def each_input(batch: tf.Tensor | tuple[tf.Tensor, ...]) -> tuple[tf.Tensor, ...]:
    """One tensor per input of a model, from a dataset's element."""
    return batch if isinstance(batch, tuple) else (batch,)


def predict(model: keras.Model, batches: tf.data.Dataset) -> NDArray[np.float32]:
    """Run a model over batches, tuples if it has several inputs; float32 array of shape (n, ...)."""
    call = inference(model)
    return np.concatenate([call(*each_input(batch)).numpy() for batch in batches])


def _normalise_archive(source: Path, target: Path) -> None:
    """Copy a .keras file without what differs at every save: times, and object ids that are memory addresses."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps(json.loads(data) | {"date_saved": SAVED_AT}).encode()
            if name == "config.json":
                data = json.dumps(_renumber(json.loads(data), {})).encode()
            new.writestr(zipfile.ZipInfo(name, MEMBER_TIME), data)


def _renumber(config: Any, seen: dict[int, int]) -> Any:
    """Replace each shared_object_id by the order in which it first appears."""
    if isinstance(config, dict):
        return {
            key: seen.setdefault(value, len(seen)) if key == "shared_object_id" else _renumber(value, seen)
            for key, value in config.items()
        }
    return [_renumber(item, seen) for item in config] if isinstance(config, list) else config
