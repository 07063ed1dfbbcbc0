"""The Vision Transformer's proof, with few and narrow layers: ours on RGB 0-255 gives what KerasHub's own gives."""

import os
import subprocess
import sys

import keras
import keras_hub
import numpy as np
import pytest

from rare_species.backbones.build import build_backbone, with_scaling
from rare_species.backbones.registry import REGISTRY, UNIT_OF_128
from rare_species.backbones.vision_transformer import BASE16
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.networks.inference_rewriting import for_inference, with_dtype_policy
from rare_species.networks.keras_files import save_keras
from rare_species.train.layer_groups import unfreeze
from tests.toy import REPO
from tests.unit.tf_fixtures import infer

SIDE_PX = 32
TOLERANCE = 1e-5  # of the largest feature
TOY = {"patch_size": 16, "num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64}
# of the published preset: the mean and deviation of each channel, in [0, 1], are 0.5, in
# https://github.com/keras-team/keras-hub/blob/master/tools/checkpoint_conversion/convert_vit_checkpoints.py
CONVERTER = {"scale": [1 / 255 / 0.5] * 3, "offset": [-0.5 / 0.5] * 3}
IN_ANOTHER_PROCESS = """
import pathlib, sys
import numpy as np
from rare_species.common.errors import UserError
from rare_species.networks.keras_files import load_keras
from rare_species.backbones.registry import REGISTRY

assert "keras_hub" not in sys.modules, "imported before it is chosen"
folder = pathlib.Path(sys.argv[1])
sys.modules["keras_hub"] = None
try:
    load_keras(folder / "backbone.keras")
except UserError as error:
    print(error)
del sys.modules["keras_hub"]
np.save(folder / "found.npy", load_keras(folder / "backbone.keras")(np.load(folder / "photos.npy"), training=False))
"""


@pytest.fixture(autouse=True)
def toy(monkeypatch):
    assert TOY.keys() == BASE16.keys()
    for parameter, value in TOY.items():
        monkeypatch.setitem(BASE16, parameter, value)


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    """Four by four blocks of one colour each, so that no two photos are alike."""
    blocks = np.random.default_rng(1).uniform(0, 255, (8, 4, 4, 3))
    return blocks.repeat(SIDE_PX // 4, axis=1).repeat(SIDE_PX // 4, axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def theirs() -> keras.Model:
    """KerasHub's backbone with random weights, those that start as zeros or ones too."""
    rng = np.random.default_rng(0)
    model = keras_hub.models.ViTBackbone(image_shape=(SIDE_PX, SIDE_PX, 3), **TOY)
    for weight in model.weights:
        weight.assign(rng.normal(1.0 if weight.name == "gamma" else 0.0, 0.2, weight.shape))
    return model


@pytest.fixture(scope="module")
def weights_file(theirs, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "random.weights.h5"
    theirs.save_weights(path)
    return path


@pytest.fixture(scope="module")
def expected(theirs, photos) -> np.ndarray:
    """What KerasHub's classifier makes of its own preprocessing, before its last layer."""
    converter = keras_hub.layers.ViTImageConverter(image_size=(SIDE_PX, SIDE_PX), **CONVERTER)
    classifier = keras_hub.models.ViTImageClassifier(theirs, num_classes=3, pooling="token")
    features = keras.Model(classifier.input, classifier.get_layer("output_dropout").input)
    return infer(features, converter(photos))


def test_features_are_those_of_keras_hub_on_its_own_preprocessing(weights_file, photos, expected):
    unit = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 0.1 * unit, "photos that can't be told apart"
    ours, used = build_backbone("vitbase16", str(weights_file), SIDE_PX)
    assert used == weights_file
    assert ours.output_shape == (None, TOY["hidden_dim"])
    np.testing.assert_allclose(infer(ours, photos) / unit, expected / unit, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(infer(for_inference(ours), photos) / unit, expected / unit, rtol=0, atol=TOLERANCE)
    mistaken = infer(with_scaling(ours.operations[-1], UNIT_OF_128), photos)
    assert np.abs(mistaken - expected).max() > 100 * TOLERANCE * unit


def test_it_can_be_fine_tuned_in_half_precision(weights_file, photos, expected):
    network = build_backbone("vitbase16", str(weights_file), SIDE_PX)[0].operations[-1]
    half = with_dtype_policy(network, "mixed_float16")
    found = infer(half, photos / 127.5 - 1)
    assert found.dtype == np.float16
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    unfreeze(half, 1, freeze_batch_norm=True)
    assert {variable.path.split("/")[1] for variable in half.trainable_variables} == {"transformer_block_2", "ln"}


def test_every_weight_has_a_path_of_its_own_that_names_its_block():
    paths = [weight.path for weight in build_backbone("vitbase16", "none", SIDE_PX)[0].weights]
    assert len(set(paths)) == len(paths)
    assert {path.split("/")[1] for path in paths if path.startswith("vit_encoder/")} == {
        "transformer_block_1",
        "transformer_block_2",
        "ln",
    }


def test_file_is_loaded_elsewhere_without_more_and_names_what_it_needs(weights_file, photos, tmp_path):
    ours, _ = build_backbone("vitbase16", str(weights_file), SIDE_PX)
    for name in ("backbone.keras", "again.keras"):
        save_keras(tmp_path / name, ours)
    assert (tmp_path / "backbone.keras").read_bytes() == (tmp_path / "again.keras").read_bytes()
    np.save(tmp_path / "photos.npy", photos)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_ANOTHER_PROCESS, tmp_path],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(REPO), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(f"Expected KerasHub for the network in {tmp_path / 'backbone.keras'}. Received: ")
    assert "pip install -r requirements-vit.txt" in result.stdout
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), infer(ours, photos))


def test_without_keras_hub_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)
    with pytest.raises(
        UserError, match=r"KerasHub for model\.name=vitbase16\. .* pip install -r requirements-vit\.txt"
    ):
        build_backbone("vitbase16", "none", SIDE_PX)


def test_published_file_is_looked_for_under_a_name_of_its_own(theirs, photos, expected, tmp_path):
    paths = Paths(tmp_path)
    paths.weights.mkdir(parents=True)
    theirs.save_weights(paths.weights / "vit_base_patch16_224_imagenet.weights.h5")
    ours, used = build_backbone("vitbase16", "imagenet", SIDE_PX, paths)
    assert used == paths.weights / REGISTRY["vitbase16"].source.file_name
    np.testing.assert_allclose(infer(ours, photos), expected, rtol=0, atol=TOLERANCE * np.abs(expected).max())


@pytest.mark.parametrize("parameter", TOY)
def test_weights_of_another_size_are_refused(parameter, weights_file, monkeypatch):
    monkeypatch.setitem(BASE16, parameter, TOY[parameter] * 2)
    with pytest.raises(UserError, match=r"^Expected weights of vitbase16 without its top\. Received: .*does not fit"):
        build_backbone("vitbase16", str(weights_file), SIDE_PX)


def test_weights_for_photos_of_another_size_are_told_from_those_of_another_network(weights_file):
    with pytest.raises(UserError, match=r"^Expected preprocess\.image_size to be that of .* 224\. Received: 48\."):
        build_backbone("vitbase16", str(weights_file), 48)


def test_photos_that_patches_do_not_fill_are_refused():
    with pytest.raises(UserError, match=r"image_size to be a multiple of 16 for vitbase16.* Received: 40\."):
        build_backbone("vitbase16", "none", 40)
