"""Build the networks of the registry with their weights."""

from __future__ import annotations

import hashlib
import warnings
import zipfile
from pathlib import Path
from pkgutil import resolve_name

import keras

from rare_species.backbones.registry import REGISTRY, Backbone, Scaling
from rare_species.backbones.weights import find_weights
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.system_errors import is_refusal


def build_backbone(
    name: str, weights: str, side_px: int, paths: Paths | None = None
) -> tuple[keras.Model, Path | None]:
    """Build a network from RGB in [0, 255] to features; it scales its own input.

    Args:
        name: a key of `REGISTRY`.
        weights: "imagenet", "none" (random) or the path of a weights file.
        side_px: side of the input, in pixels.
        paths: the pipeline's folders; those below the current folder when not given.

    Returns:
        A frozen model named "backbone" from (n, side_px, side_px, 3) to (n, feature_size), and the file that its
        weights came from, None for random ones.

    Raises:
        UserError: when the side is too small, or the weights can't be had or are another model's.
    """
    entry = REGISTRY[name]
    if side_px < entry.min_size:
        raise UserError(
            f"Expected preprocess.image_size of at least {entry.min_size} for {name}. Received: {side_px}. "
            f"Set it in params.yaml; the weights were trained at {entry.native_size}."
        )
    file = None if weights == "none" else find_weights(weights, entry.source, paths or Paths())
    network = build_network(entry, side_px)
    if file:
        _load(entry, network, file)
    return with_scaling(resolve_name(entry.rewrite)(network) if entry.rewrite else network, entry.scaling), file


def build_network(entry: Backbone, side_px: int) -> keras.Model:
    """Build the network of an entry with its factory: random weights, no scaling of the input.

    Args:
        entry: of the registry.
        side_px: side of the input, in pixels.

    Returns:
        A model from scaled photos of shape (n, side_px, side_px, 3) to (n, feature_size).
    """
    factory = resolve_name(entry.factory)
    return factory(include_top=False, weights=None, input_shape=(side_px, side_px, 3), pooling="avg", **entry.arguments)


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of all weights in order: what the model is, wherever its weights came from."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()


def with_scaling(network: keras.Model, scaling: Scaling) -> keras.Model:
    """Put its scaling before a network: a frozen model named "backbone" that takes RGB in [0, 255]."""
    x = inputs = keras.Input(network.input_shape[1:], name="rgb")
    if scaling.order == "bgr":
        x = keras.ops.flip(x, axis=-1)
    x = keras.layers.Rescaling(scaling.scale, scaling.offset, name="scale")(x)
    model = keras.Model(inputs, network(x, training=False), name="backbone")
    model.trainable = False
    return model


def _load(entry: Backbone, network: keras.Model, path: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one per layer that the file lacks; then Keras raises
            resolve_name(entry.load)(network, path)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        if isinstance(error, OSError) and is_refusal(error):
            raise
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"Expected weights of {entry.name} without its top. Received: {path}, which does not fit ({reason}). "
            "Name the right file with dvc exp run -S model.weights=PATH, or choose the model it belongs to."
        ) from error
