"""Registry of the networks that turn photos into features: what each expects, gives, and where it comes from."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import keras

from rare_species.efficientnet_lite import efficientnet_lite0, fold_batch_norm
from rare_species.errors import UserError

Weights = Literal["imagenet"] | Path | None


@dataclass(frozen=True)
class Backbone:
    """One entry of the registry.

    Attributes:
        name: as in `model.name`.
        feature_size: length of a feature vector.
        native_size: side the weights were trained at, in pixels.
        min_size: smallest side the network can take, in pixels.
        scale: pixel values in [0, 255] are multiplied by this ...
        offset: ... and this is added, before the network sees them.
        pretrained_on: data the ImageNet weights were trained on.
        licence: of the weights.
        build: takes the side of the input in pixels and the weights, returns a network from scaled RGB of
            shape (n, side, side, 3) to features of shape (n, feature_size).
    """

    name: str
    feature_size: int
    native_size: int
    min_size: int
    scale: float
    offset: float
    pretrained_on: str
    licence: str
    build: Callable[[int, Weights], keras.Model]


def _build_lite0(side_px: int, weights: Weights) -> keras.Model:
    return fold_batch_norm(efficientnet_lite0(weights=weights, input_shape=(side_px, side_px, 3)))


def _build_mobilenetv2(side_px: int, weights: Weights) -> keras.Model:
    shape = (side_px, side_px, 3)
    return keras.applications.MobileNetV2(include_top=False, weights=weights, input_shape=shape, pooling="avg")


REGISTRY = {
    entry.name: entry
    for entry in (
        Backbone("efficientnetlite0", 1280, 224, 32, 1 / 128, -127 / 128, "ImageNet-1k", "Apache-2.0", _build_lite0),
        Backbone("mobilenetv2", 1280, 224, 32, 1 / 127.5, -1.0, "ImageNet-1k", "Apache-2.0", _build_mobilenetv2),
    )
}


def build_backbone(name: str, weights: str, side_px: int) -> keras.Model:
    """Build a network from RGB in [0, 255] to features; it scales its own input.

    Args:
        name: a key of `REGISTRY`.
        weights: "imagenet", "none" (random) or the path of a weights file.
        side_px: side of the input, in pixels.

    Returns:
        A frozen model named "backbone" from (n, side_px, side_px, 3) to (n, feature_size).

    Raises:
        UserError: when the side is too small, or the weights can't be had or are another model's.
    """
    entry = REGISTRY[name]
    if side_px < entry.min_size:
        raise UserError(
            f"Expected preprocess.image_size of at least {entry.min_size} for {name}. Received: {side_px}. "
            f"Set it in params.yaml; the weights were trained at {entry.native_size}."
        )
    network = _with_clear_errors(entry, side_px, weights)
    inputs = keras.Input((side_px, side_px, 3), name="rgb")
    scaled = keras.layers.Rescaling(entry.scale, entry.offset, name="scale")(inputs)
    model = keras.Model(inputs, network(scaled, training=False), name="backbone")
    model.trainable = False
    return model


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of all weights in order: what the model is, wherever its weights came from."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()


def _with_clear_errors(entry: Backbone, side_px: int, weights: str) -> keras.Model:
    if weights == "none":
        return entry.build(side_px, None)
    if weights == "imagenet":
        return _downloaded(entry, side_px)
    path = Path(weights)
    if not path.is_file():
        raise UserError(
            f"model.weights must be imagenet, none or the path of a weights file. Received: {weights!r}, "
            "where there is no file. Mend it with dvc exp run -S model.weights=VALUE."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one per layer that the file lacks; then Keras raises
            return entry.build(side_px, path)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"Expected weights of {entry.name} without its top. Received: {path}, which does not fit ({reason}). "
            f"Name the right file with dvc exp run -S model.weights=PATH, or choose the model it belongs to."
        ) from error


def _downloaded(entry: Backbone, side_px: int) -> keras.Model:
    try:
        return entry.build(side_px, "imagenet")
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001, RUF100 (keras.utils.get_file raises a bare Exception when it can't download)
        raise UserError(
            f"Expected to download the ImageNet weights of {entry.name}. Received: {error}. Fetch that file by hand "
            "and name it with dvc exp run -S model.weights=PATH, or use model.name=efficientnetlite0, whose weights "
            "are installed with the requirements."
        ) from error
