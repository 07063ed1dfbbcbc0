"""What is built for each entry of the registry, and what a person reads when the weights are wrong."""

import h5py
import keras
import numpy as np
import pytest
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

from rare_species.backbones.build import build_backbone, weights_digest
from rare_species.backbones.efficientnet_lite import efficientnet_lite0
from rare_species.backbones.registry import REGISTRY
from rare_species.backbones.weights import packaged_checkpoint
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.fitting.heads import build_head
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference_rewriting import with_dtype_policy
from rare_species.train.layer_groups import group_numbers, unfreeze
from tests.unit.tf_fixtures import HEAD, SIDE_PX, infer

MOBILENET = {"include_top": False, "input_shape": (SIDE_PX, SIDE_PX, 3)}


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


# As published; ConvNeXt's and the EfficientNets' by the sum of the repeats in their tables
BLOCKS = {
    "efficientnetlite0": 16,
    "efficientnetb0": 16,
    "efficientnetv2b0": 21,
    "efficientnetv2b3": 32,
    "efficientnetv2s": 40,
    "mobilenetv2": 17,
    "mobilenetv3large": 15,
    "resnet50": 16,
    "densenet121": 58,
    "vgg16": 5,
    "vitbase16": 12,
    "convnexttiny": 18,
    "convnextsmall": 36,
    "convnextbase": 36,
}


@pytest.mark.parametrize("name", REGISTRY)
def test_entry_says_what_it_builds(name):
    entry = REGISTRY[name]
    side_px = entry.native_size if name == "vitbase16" else entry.min_size  # its weights grow with the photo
    model, file = build_backbone(name, "none", side_px)
    assert file is None
    assert entry.name == name
    assert model.name == "backbone"
    assert model.input_shape == (None, side_px, side_px, 3)
    assert model.output_shape == (None, entry.feature_size)
    assert model.count_params() == entry.parameters
    assert not model.trainable_variables
    numbers = group_numbers(model.operations[-1])
    assert set(numbers.values()) == set(range(int(name == "vgg16"), 1 + entry.layer_groups))  # VGG16 has no stem
    assert entry.layer_groups == BLOCKS[name]
    assert entry.native_size >= 128
    assert entry.licence
    assert entry.pretrained_on


@pytest.mark.parametrize("name", ["efficientnetlite0", "mobilenetv3large", "convnexttiny"])
def test_the_last_block_of_a_copy_in_half_precision_can_learn(name):
    """The latter two hold additions and products that are no layers."""
    network = build_backbone(name, "none", SIDE_PX)[0].operations[-1]
    copy = with_dtype_policy(network, "mixed_float16")
    for model in (network, copy):
        unfreeze(model, 1, freeze_batch_norm=True)
    learning = [variable.shape for variable in network.trainable_variables]
    assert [variable.shape for variable in copy.trainable_variables] == learning
    assert 0 < len(learning) < len(network.weights)


def test_random_weights_repeat_with_the_seed_and_differ_with_another():
    def digest(seed):
        make_reproducible(seed)
        return weights_digest(build_backbone("mobilenetv2", "none", SIDE_PX)[0])

    first, same, other = digest(1), digest(1), digest(2)
    assert first == same
    assert first != other


def test_features_are_those_of_keras_on_its_own_preprocessing(network, weights_file, photos):
    model, file = build_backbone("mobilenetv2", str(weights_file), SIDE_PX)
    expected = infer(network, keras.applications.mobilenet_v2.preprocess_input(photos.copy()))
    assert file == weights_file
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(infer(model, photos), expected, rtol=1e-3, atol=1e-3)


def test_batch_norm_stays_frozen_even_when_a_model_around_it_trains(weights_file, photos):
    model, _ = build_backbone("mobilenetv2", str(weights_file), SIDE_PX)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(model(photos, training=True)), infer(model, photos))


def test_features_of_lite0_are_those_of_its_packaged_weights_on_its_own_preprocessing(photos):
    model, file = build_backbone("efficientnetlite0", "imagenet", SIDE_PX)
    assert file == packaged_checkpoint()
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


@pytest.mark.parametrize("name", sorted(REGISTRY.keys() - {"mobilenetv2", "efficientnetlite0"}))
def test_weights_of_mobilenet_are_refused_by_every_other_network(name, weights_file):
    with pytest.raises(UserError, match=rf"^Expected weights of {name} without its top\. Received: "):
        build_backbone(name, str(weights_file), SIDE_PX)


def test_imagenet_weights_come_from_the_folder_of_weights(weights_file, photos, tmp_path):
    paths = Paths(tmp_path)
    paths.weights.mkdir(parents=True)
    # as Keras publishes it: only its name says that it is in the older format, and it has no digest
    published = paths.weights / REGISTRY["mobilenetv2"].source.file_name
    model, _ = build_backbone("mobilenetv2", str(weights_file), SIDE_PX)
    with h5py.File(published, "w") as file:
        save_weights_to_hdf5_group(file, model.operations[-1])
    found, used = build_backbone("mobilenetv2", "imagenet", SIDE_PX, paths)
    assert used == published
    np.testing.assert_array_equal(infer(found, photos), infer(model, photos))


@pytest.mark.parametrize("name", REGISTRY)
def test_smaller_photos_than_the_network_takes_are_refused(name):
    least = REGISTRY[name].min_size
    with pytest.raises(UserError, match=rf"image_size of at least {least} for {name}\. Received: {least - 1}\."):
        build_backbone(name, "none", least - 1)
