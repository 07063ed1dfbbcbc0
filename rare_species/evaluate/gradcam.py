"""Grad-CAM: where in a photo a saved model sees a class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from rare_species.common.array_types import Labels
from rare_species.common.errors import UserError
from rare_species.networks.assembly import CLASSIFIER, TRANSFORMER


def class_heatmaps(
    model: keras.Model,
    photos: NDArray[Any],
    class_ids: Labels,
    phyla: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Compute heatmaps of what speaks for a class (Selvaraju et al., 2017, "Grad-CAM").

    The last spatial feature map is weighted, per channel, with the mean gradient of the class's logit; negative values
    are set to 0. Heatmaps of several members are averaged. For a Vision Transformer the map is the input of its last
    block, because behind that only the class token matters.

    Args:
        model: a network as `assembly.assemble` builds it.
        photos: array of shape (n, side, side, 3), RGB in [0, 255]; all activations are held in memory, so n should be
            about 32.
        class_ids: int array of shape (n,), the class to explain in each photo.
        phyla: float array of shape (n, n_phyla), one-hot, for a model that is conditioned on the phylum.

    Returns:
        float32 array of shape (n, side, side) in [0, 1]. Each photo's maximum is 1; where nothing speaks for the class,
        all its values are 0.

    Raises:
        UserError: when the network has no spatial feature map.
    """
    inputs = [tf.cast(photos, tf.float32)] + ([] if phyla is None else [tf.constant(phyla)])
    softmaxes = [layer for layer in model.get_layer(CLASSIFIER).layers if isinstance(layer, layers.Softmax)]
    maps: list[tf.Tensor] = []
    logits: list[tf.Tensor] = []
    with tf.GradientTape(watch_accessed_variables=False) as tape, ExitStack() as stack:

        def follow(activations: tf.Tensor) -> None:
            tape.watch(activations)
            maps.append(activations)

        for layer in _readers_of_maps(model):
            stack.enter_context(_inputs_seen(layer, follow))
        for layer in softmaxes:
            stack.enter_context(_inputs_seen(layer, logits.append))
        model(inputs if len(inputs) > 1 else inputs[0], training=False)
        wanted = tf.reduce_sum([tf.gather(member, class_ids, batch_dims=1) for member in logits])
    gradients = tape.gradient(wanted, maps, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    heatmaps = [_heatmap(*pair, photos.shape[1]) for pair in zip(maps, gradients, strict=True)]
    return np.asarray(_to_unit(tf.add_n(heatmaps)), dtype=np.float32)


def _readers_of_maps(model: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers whose inputs are the last spatial feature maps, one per network of the model."""
    transformers = [network.get_layer(TRANSFORMER) for network in _networks(model) if _has_transformer(network)]
    if transformers:
        return [_last_block(transformer) for transformer in transformers]
    readers = _first_readers_from_the_end(model)
    if not readers:
        raise UserError(
            f"Expected a network with a feature map of shape (n, height, width, channels), which Grad-CAM explains. "
            f"Received: {model.name}, which has none. Leave explanations out (evaluate.explained_photos=0), or choose "
            "another model.name."
        )
    return readers


def _first_readers_from_the_end(model: keras.Model) -> list[keras.layers.Layer]:
    """Walk back from the outputs, into nested models, and stop at layers whose input is a spatial map."""
    readers: list[Any] = []
    waiting, seen = list(model.outputs), set()
    while waiting:
        # Keras has no public way back from a tensor to the layer that made it
        layer, node, _ = waiting.pop()._keras_history
        if (layer, node) in seen:
            continue
        seen.add((layer, node))
        sources = layer._inbound_nodes[node].input_tensors
        inside = _first_readers_from_the_end(layer) if isinstance(layer, keras.Model) else []
        if not inside and any(len(source.shape) == 4 for source in sources):
            inside = [] if isinstance(layer, keras.Model) else [layer]
        readers += inside
        waiting += [] if inside else sources
    return readers


def _networks(model: keras.Model) -> Iterator[keras.Model]:
    yield model
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _networks(layer)


def _has_transformer(network: keras.Model) -> bool:
    return any(layer.name == TRANSFORMER for layer in network.layers)


def _last_block(transformer: keras.Model) -> keras.layers.Layer:
    encoders: Sequence[Any] = [layer for layer in transformer.layers if hasattr(layer, "encoder_layers")]
    return encoders[-1].encoder_layers[-1]


@contextmanager
def _inputs_seen(layer: keras.layers.Layer, see: Callable[[tf.Tensor], object]) -> Iterator[None]:
    """Call `see` with the input of a layer before the layer computes."""
    compute = layer.call

    def call(inputs: tf.Tensor, *args: Any, **kwargs: Any) -> Any:
        see(inputs)
        return compute(inputs, *args, **kwargs)

    layer.call = call
    try:
        yield
    finally:
        del layer.call  # restores the method of its class


def _heatmap(activations: tf.Tensor, gradients: tf.Tensor, side_px: int) -> tf.Tensor:
    """Equations 1 and 2 of the paper, at the photo's size."""
    if len(activations.shape) == 3:  # tokens: first the class token, then one per patch
        side = round((activations.shape[1] - 1) ** 0.5)
        squares = (-1, side, side, activations.shape[2])
        activations, gradients = (tf.reshape(tensor[:, 1:], squares) for tensor in (activations, gradients))
    weights = tf.reduce_mean(gradients, axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * activations, axis=-1, keepdims=True))
    return _to_unit(tf.image.resize(heat, (side_px, side_px))[..., 0])


def _to_unit(heat: tf.Tensor) -> tf.Tensor:
    """Divide each photo's heat by its maximum; all zeros stay zeros."""
    return tf.math.divide_no_nan(heat, tf.reduce_max(heat, axis=(1, 2), keepdims=True))
