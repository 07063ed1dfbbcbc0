"""The registry, what the networks are fed, and what a person reads when the weights are wrong."""

from dataclasses import replace

import h5py
import keras
import numpy as np
import pytest

from rare_species.backbones import REGISTRY, build_backbone, weights_digest
from rare_species.determinism import make_reproducible
from rare_species.efficientnet_lite import efficientnet_lite0
from rare_species.errors import UserError
from rare_species.models import build_head
from rare_species.params import ModelParams
from tests.unit.tf_fixtures import HEAD, SIDE_PX

MOBILENET = {"include_top": False, "input_shape": (SIDE_PX, SIDE_PX, 3)}


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE_PX, SIDE_PX, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network():
    """keras.applications' own network, its batch norms set to the photos: else features are near zero."""
    keras.utils.set_random_seed(4)
    model = keras.applications.MobileNetV2(**MOBILENET, weights=None, pooling="avg")
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(np.random.default_rng(4).uniform(-1, 1, (16, SIDE_PX, SIDE_PX, 3)), training=True)
    return model


@pytest.fixture(scope="module")
def weights_file(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "mobilenetv2.weights.h5"
    network.save_weights(path)
    return path


def infer(model, batch):
    return keras.ops.convert_to_numpy(model(batch, training=False))


@pytest.mark.parametrize("name", REGISTRY)
def test_entry_says_what_it_builds(name):
    entry = REGISTRY[name]
    model = build_backbone(name, "none", SIDE_PX)
    assert entry.name == name
    assert model.name == "backbone"
    assert model.input_shape == (None, SIDE_PX, SIDE_PX, 3)
    assert model.output_shape == (None, entry.feature_size)
    assert not model.trainable_variables
    assert entry.native_size >= 128
    assert entry.licence
    assert entry.pretrained_on


@pytest.mark.parametrize("name", REGISTRY)
def test_pixels_are_scaled_to_about_minus_one_to_one(name):
    entry = REGISTRY[name]
    assert entry.offset == pytest.approx(-1, abs=0.01)
    assert 255 * entry.scale + entry.offset == pytest.approx(1, abs=0.01)


def test_lite0_is_fed_as_it_was_trained():
    assert 127 * REGISTRY["efficientnetlite0"].scale + REGISTRY["efficientnetlite0"].offset == pytest.approx(0)
    assert REGISTRY["efficientnetlite0"].scale == 1 / 128


def test_every_backbone_is_a_choice_of_params_and_cnn_is_the_only_other():
    assert set(ModelParams.model_fields["name"].annotation.__args__) == {*REGISTRY, "cnn"}


def test_random_weights_repeat_with_the_seed_and_differ_with_another():
    def digest(seed):
        make_reproducible(seed)
        return weights_digest(build_backbone("mobilenetv2", "none", SIDE_PX))

    first, same, other = digest(1), digest(1), digest(2)
    assert first == same
    assert first != other


def test_features_are_those_of_keras_on_its_own_preprocessing(network, weights_file, photos):
    model = build_backbone("mobilenetv2", str(weights_file), SIDE_PX)
    expected = infer(network, keras.applications.mobilenet_v2.preprocess_input(photos.copy()))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(infer(model, photos), expected, rtol=1e-3, atol=1e-3)


def test_batch_norm_stays_frozen_even_when_a_model_around_it_trains(weights_file, photos):
    model = build_backbone("mobilenetv2", str(weights_file), SIDE_PX)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(photos, training=True)), infer(model, photos))


def test_features_of_lite0_are_those_of_its_packaged_weights_on_its_own_preprocessing(photos):
    model = build_backbone("efficientnetlite0", "imagenet", SIDE_PX)
    expected = infer(efficientnet_lite0(weights="imagenet", input_shape=(SIDE_PX, SIDE_PX, 3)), (photos - 127) / 128)
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(infer(model, photos), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("position", [0, 3, -1])
def test_digest_changes_with_any_weight(position):
    model = build_head(4, 3, HEAD)
    before = weights_digest(model)
    assert weights_digest(model) == before
    changed = model.get_weights()
    changed[position].flat[-1] += 1e-6
    model.set_weights(changed)
    assert weights_digest(model) != before


@pytest.fixture(scope="module")
def wrong_files(tmp_path_factory):
    """Files that are not MobileNetV2's weights, by what they are."""
    folder = tmp_path_factory.mktemp("wrong")
    keras.applications.MobileNetV2(**MOBILENET, weights=None, alpha=0.35).save_weights(folder / "narrow.weights.h5")
    with h5py.File(folder / "random.h5", "w") as file:
        file["numbers"] = np.arange(3)
    for name in ("text.weights.h5", "text.keras", "text.txt", "empty.h5"):
        (folder / name).write_text("no weights" if "text" in name else "")
    return folder


@pytest.mark.parametrize(
    "file",
    [
        "narrow.weights.h5",
        "random.h5",
        "text.weights.h5",
        "text.keras",
        "text.txt",
        "empty.h5",
    ],
)
def test_wrong_file_is_named_with_what_to_do(wrong_files, file):
    with pytest.raises(UserError) as caught:
        build_backbone("mobilenetv2", str(wrong_files / file), SIDE_PX)
    message = str(caught.value)
    assert message.startswith("Expected weights of mobilenetv2 without its top. Received: ")
    assert str(wrong_files / file) in message
    assert "dvc exp run -S model.weights=PATH" in message
    assert "\n" not in message


def test_wrong_file_for_lite0_is_named(wrong_files):
    with pytest.raises(UserError, match=r"text\.txt must have SHA-256 .* Received: "):
        build_backbone("efficientnetlite0", str(wrong_files / "text.txt"), SIDE_PX)


@pytest.mark.parametrize("name", REGISTRY)
@pytest.mark.parametrize("weights", ["no/such/file.h5", "imagnet", "."])
def test_file_that_is_not_there_is_named_with_the_other_choices(name, weights):
    with pytest.raises(UserError) as caught:
        build_backbone(name, weights, SIDE_PX)
    assert repr(weights) in str(caught.value)
    assert "must be imagenet, none or the path of a weights file" in str(caught.value)
    assert "dvc exp run -S model.weights=" in str(caught.value)


def failing_build(error):
    def build(side_px, weights):
        assert (side_px, weights) == (SIDE_PX, "imagenet")
        raise error

    return replace(REGISTRY["mobilenetv2"], build=build)


def test_failed_download_names_the_choices_without_a_network(monkeypatch):
    error = Exception("URL fetch failure on https://storage.example/mobilenet_v2.h5: None -- refused")
    monkeypatch.setitem(REGISTRY, "mobilenetv2", failing_build(error))
    with pytest.raises(UserError) as caught:
        build_backbone("mobilenetv2", "imagenet", SIDE_PX)
    message = str(caught.value)
    assert "Expected to download the ImageNet weights of mobilenetv2" in message
    assert "https://storage.example/mobilenet_v2.h5" in message
    assert "model.weights=PATH" in message
    assert "model.name=efficientnetlite0" in message


def test_message_that_is_already_for_people_is_passed_on(monkeypatch):
    monkeypatch.setitem(REGISTRY, "mobilenetv2", failing_build(UserError("Install it with: pip install x")))
    with pytest.raises(UserError, match=r"^Install it with: pip install x$"):
        build_backbone("mobilenetv2", "imagenet", SIDE_PX)


@pytest.mark.parametrize("name", REGISTRY)
def test_smaller_photos_than_the_network_takes_are_refused(name):
    entry = REGISTRY[name]
    assert build_backbone(name, "none", entry.min_size).output_shape == (None, entry.feature_size)
    with pytest.raises(UserError, match=rf"image_size of at least {entry.min_size} for {name}\. Received: 16\."):
        build_backbone(name, "none", 16)
