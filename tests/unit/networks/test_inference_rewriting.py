"""Rewritten networks compute what the original does, layer by layer."""

import keras
import numpy as np
import pytest
from keras import layers

from rare_species.backbones.build import build_backbone
from rare_species.networks.inference_rewriting import (
    fold_batch_norm,
    for_inference,
    grouped_to_depthwise,
    with_dtype_policy,
)

SIDE_PX, CHANNELS = 8, 4
INPUT = (SIDE_PX, SIDE_PX, CHANNELS)


@pytest.fixture
def batch():
    return np.random.default_rng(0).normal(0, 1, (3, *INPUT)).astype(np.float32)


def network(*steps):
    """A chain of layers with random weights, those of batch norms included."""
    x = inputs = keras.Input(INPUT)
    for step in steps:
        x = step(x)
    return varied(keras.Model(inputs, x))


def varied(model):
    rng = np.random.default_rng(1)
    for layer in model.layers:
        layer.set_weights([rng.uniform(0.5, 1.5, array.shape) for array in layer.get_weights()])
    return model


def infer(model, batch):
    outputs = model(batch, training=False)
    return [keras.ops.convert_to_numpy(output) for output in (outputs if isinstance(outputs, list) else [outputs])]


def kinds(model):
    return [type(layer).__name__ for layer in model.layers if layer.weights]


def check_same(ours, theirs, batch):
    for found, expected in zip(infer(ours, batch), infer(theirs, batch), strict=True):
        assert np.ptp(expected) > 1
        np.testing.assert_allclose(found / np.abs(expected).max(), expected / np.abs(expected).max(), atol=2e-6)


@pytest.mark.parametrize("batch_norm", [{}, {"scale": False}, {"center": False}, {"epsilon": 0.3}])
@pytest.mark.parametrize(
    "convolution",
    [
        lambda: layers.Conv2D(6, 3, use_bias=False),
        lambda: layers.Conv2D(6, 3, strides=2, padding="same"),  # with a bias
        lambda: layers.Conv2D(8, 3, groups=2),
        lambda: layers.DepthwiseConv2D(3, use_bias=False),
        lambda: layers.DepthwiseConv2D(3, strides=2, padding="same"),
        lambda: layers.DepthwiseConv2D(3, depth_multiplier=2),
    ],
)
def test_batch_norm_after_a_convolution_is_folded(convolution, batch_norm, batch):
    model = network(convolution(), layers.BatchNormalization(**batch_norm), layers.Activation("relu"))
    before = model.get_weights()
    folded = fold_batch_norm(model)
    assert kinds(folded) == kinds(model)[:1]
    check_same(folded, model, batch)
    assert all((one == two).all() for one, two in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize(
    "before",
    [
        [layers.Activation("tanh")],
        [layers.Conv2D(6, 3, activation="tanh")],
        [layers.Conv2D(6, 3), layers.Activation("tanh")],
        [layers.Dense(5)],
    ],
    ids=["input", "convolution with an activation", "activation", "dense"],
)
def test_batch_norm_after_something_else_stays(before, batch):
    model = network(*before, layers.BatchNormalization(), layers.Conv2D(2, 1))
    folded = fold_batch_norm(model)
    assert kinds(folded) == kinds(model)
    check_same(folded, model, batch)


@pytest.mark.parametrize("reader", ["layer", "output"])
def test_batch_norm_stays_where_the_convolution_has_another_reader(reader, batch):
    inputs = keras.Input(INPUT)
    convolved = layers.Conv2D(6, 3)(inputs)
    normalised = layers.BatchNormalization()(convolved)
    outputs = layers.Add()([convolved, normalised]) if reader == "layer" else [convolved, normalised]
    model = varied(keras.Model(inputs, outputs))
    folded = fold_batch_norm(model)
    assert "BatchNormalization" in kinds(folded)
    check_same(folded, model, batch)


def test_normalization_keeps_its_statistics(batch):
    normalise = layers.Normalization()
    model = network(normalise, layers.Conv2D(6, 3), layers.BatchNormalization())
    normalise.adapt(5 + 3 * batch)
    check_same(fold_batch_norm(model), model, batch)


def test_grouped_convolutions_become_depthwise_with_the_same_weights(batch):
    model = network(
        layers.Conv2D(CHANNELS, 3, groups=CHANNELS, padding="same", strides=2, name="grouped"),
        layers.Conv2D(8, 1, name="dense"),
        layers.Conv2D(8, 3, groups=2, name="halves"),
    )
    fast = grouped_to_depthwise(model)
    assert kinds(fast) == ["DepthwiseConv2D", "Conv2D", "Conv2D"]
    assert [layer.name for layer in fast.layers][-3:] == ["grouped", "dense", "halves"]
    assert fast.count_params() == model.count_params()
    assert fast.trainable_variables
    check_same(fast, model, batch)


# resnet50 turns channels around first, efficientnetlite0 scales only
@pytest.mark.parametrize("name", ["efficientnetlite0", "resnet50"])
def test_backbone_for_inference_is_frozen_and_has_no_batch_norm_left(name):
    backbone, _ = build_backbone(name, "none", 32)
    fast = for_inference(backbone)
    assert (fast.name, fast.input_shape, fast.output_shape) == ("backbone", backbone.input_shape, backbone.output_shape)
    assert not fast.trainable_variables
    assert "BatchNormalization" not in kinds(fast.operations[-1])
    photos = np.random.default_rng(2).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    (found,), (expected,) = infer(fast, photos), infer(backbone, photos)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_half_precision_is_close_and_another_format(batch):
    model = network(layers.Conv2D(6, 3), layers.BatchNormalization(), layers.Flatten(), layers.Dense(3))
    half = with_dtype_policy(model, "mixed_float16")
    (found,), (expected,) = infer(half, batch), infer(model, batch)
    assert (found.dtype, expected.dtype) == (np.float16, np.float32)
    np.testing.assert_allclose(found / np.abs(expected).max(), expected / np.abs(expected).max(), atol=5e-3)
    assert [weight.path for weight in half.weights] == [weight.path for weight in model.weights]
