"""Every backbone's proof: ours on RGB 0-255 gives what keras.applications gives on its own preprocessing."""

import importlib
import warnings
from dataclasses import replace
from pkgutil import resolve_name
from typing import Any, get_args

import keras
import numpy as np
import pytest
from keras.src.applications import convnext, efficientnet_v2

from rare_species.backbones.build import build_backbone, with_scaling
from rare_species.backbones.registry import (
    CAFFE,
    MEAN,
    REGISTRY,
    STANDARDISED,
    STANDARDISED_TWICE,
    STD,
    UNIT,
    UNIT_OF_128,
    Scaling,
)
from rare_species.networks.inference_rewriting import for_inference
from rare_species.params.model import ModelName
from tests.unit.tf_fixtures import infer

SIDE_PX = 64
TOLERANCE = 1e-5  # of the largest feature
KERAS = {name: entry.factory.split(":")[1] for name, entry in REGISTRY.items() if "keras.applications" in entry.factory}
# The nearest mistake for each kind of preprocessing; the last is EfficientNetB0 without its second standardisation
MISTAKES = {
    UNIT: UNIT_OF_128,
    UNIT_OF_128: UNIT,
    STANDARDISED: UNIT,
    CAFFE: replace(CAFFE, order="rgb"),
    STANDARDISED_TWICE: Scaling(),
}


def stock(name: str, monkeypatch: pytest.MonkeyPatch) -> keras.Model:
    """What keras.applications gives who asks for ImageNet weights, but random ones; the file it asks for is ours."""
    factory = getattr(keras.applications, KERAS[name])
    module = importlib.import_module(factory.__module__)
    asked: dict[str, str] = {}

    def get_file(_name: str, origin: str, cache_subdir: str, file_hash: str = "") -> str:
        assert cache_subdir == "models"
        asked.update(origin=origin, digest=file_hash)
        return "nothing"

    with monkeypatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the ImageNet weights are of another size than the toy photos
        patch.setattr(module.file_utils, "get_file", get_file)
        patch.setattr(keras.Model, "load_weights", lambda *_: None)
        network = factory(include_top=False, weights="imagenet", input_shape=(SIDE_PX, SIDE_PX, 3), pooling="avg")
    source = REGISTRY[name].source
    assert asked == {"origin": source.url, "digest": source.digest}
    return network


def preprocessed(name: str, photos: np.ndarray) -> np.ndarray:
    """What keras.applications itself does to pixels outside the network."""
    module = importlib.import_module(getattr(keras.applications, KERAS[name]).__module__)
    return module.preprocess_input(photos.copy())


def vary(model: keras.Model) -> None:
    """Give every layer that starts as the identity something to do."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))
            layer.beta.assign(rng.normal(0, 0.2, layer.beta.shape))
        elif isinstance(layer, keras.layers.Normalization) and layer.weights:
            layer.weights[0].assign(MEAN)
            layer.weights[1].assign(np.square(STD))
            layer.finalize_state()
        elif type(layer).__name__ == "LayerScale":
            layer.gamma.assign(rng.uniform(0.5, 1.5, layer.gamma.shape))


def calibrate(model: keras.Model, inputs: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set every batch norm to what reaches it: random weights become as well-behaved as trained ones.

    Each layer is set before the next one sees its output. Channels that hardly vary are not blown up, or rounding
    would be too.
    """
    call = keras.layers.BatchNormalization.call

    def calibrated(layer: Any, x: Any, training: bool | None = None, mask: Any = None) -> Any:
        del training, mask
        values = keras.ops.convert_to_numpy(x)
        variance = values.var(axis=(0, 1, 2))
        layer.moving_mean.assign(values.mean(axis=(0, 1, 2)))
        layer.moving_variance.assign(np.maximum(variance, 2 * variance.mean()))
        return call(layer, x, training=False)

    with monkeypatch.context() as patch:
        patch.setattr(keras.layers.BatchNormalization, "call", calibrated)
        model(inputs, training=False)


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """Four by four blocks of one colour each, so that no two photos are alike."""
    blocks = np.random.default_rng(1).uniform(0, 255, (8, 4, 4, 3))
    return blocks.repeat(SIDE_PX // 4, axis=1).repeat(SIDE_PX // 4, axis=2)


@pytest.fixture
def exact():
    """Networks in float64: a deep one of random weights blows the rounding of float32 up."""
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")


@pytest.fixture
def shallow(monkeypatch):
    """ConvNeXt that is narrow, EfficientNetV2 of full width, both with few blocks: all of a stage are alike."""
    for config in convnext.MODEL_CONFIGS.values():
        monkeypatch.setitem(config, "depths", [1, 1, 2, 1])
        monkeypatch.setitem(config, "projection_dims", [24, 48, 96, 192])
    for stages in efficientnet_v2.DEFAULT_BLOCKS_ARGS.values():
        for stage in stages:
            monkeypatch.setitem(stage, "num_repeat", min(stage["num_repeat"], 2))


@pytest.mark.usefixtures("exact", "shallow")
@pytest.mark.parametrize("name", KERAS)
def test_features_are_those_of_keras_on_its_own_preprocessing(name, photos, tmp_path, monkeypatch):
    entry, file = REGISTRY[name], tmp_path / "random.weights.h5"
    keras.utils.set_random_seed(0)
    theirs = stock(name, monkeypatch)
    vary(theirs)
    calibrate(theirs, preprocessed(name, photos), monkeypatch)
    theirs.save_weights(file)
    expected = infer(theirs, preprocessed(name, photos))
    unit = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 0.1 * unit, "photos that can't be told apart"

    ours, used = build_backbone(name, str(file), SIDE_PX)
    found = infer(ours, photos)
    np.testing.assert_allclose(found / unit, expected / unit, rtol=0, atol=TOLERANCE)
    assert used == file
    assert ours.output_shape == theirs.output_shape
    mistaken = infer(with_scaling(ours.operations[-1], MISTAKES[entry.scaling]), photos)
    assert np.abs(mistaken - expected).max() > 100 * TOLERANCE * unit

    ours.save(tmp_path / "backbone.keras")
    loaded = keras.models.load_model(tmp_path / "backbone.keras", compile=False)
    np.testing.assert_array_equal(infer(loaded, photos), found)
    np.testing.assert_allclose(infer(for_inference(loaded), photos) / unit, expected / unit, rtol=0, atol=TOLERANCE)


def test_every_backbone_has_its_proof():
    elsewhere = {"efficientnetlite0", "vitbase16"}  # test_efficientnet_lite, test_vision_transformer
    assert REGISTRY.keys() - elsewhere == KERAS.keys()


@pytest.mark.parametrize("name", KERAS)
def test_name_is_that_of_the_network_in_keras(name):
    assert KERAS[name].lower() == name


@pytest.mark.parametrize("entry", REGISTRY.values(), ids=REGISTRY)
def test_functions_that_an_entry_names_exist(entry):
    functions = [entry.factory, entry.load, *([entry.rewrite] if entry.rewrite else [])]
    assert all(callable(resolve_name(function)) for function in functions)


def test_no_backbone_takes_the_name_of_the_small_network():
    assert "cnn" not in REGISTRY
    assert get_args(ModelName) == (*REGISTRY, "cnn")
