"""Layers of heads and networks, models saved with the same bytes, and whole models against their parts."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import softmax

from rare_species.common.errors import UserError
from rare_species.fitting.batches import LookUp
from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.determinism import make_reproducible
from rare_species.networks.inference import inference, predict
from rare_species.networks.saving import save_keras
from rare_species.params.train import CnnParams
from rare_species.train.cnn import build_cnn
from tests import toy
from tests.unit.tf_fixtures import CNN, HEAD, SIDE_PX, head_params, infer, save_toy_classifiers


@pytest.fixture(scope="module")
def photos():
    return np.random.default_rng(0).uniform(0, 255, (3, SIDE_PX, SIDE_PX, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    save_toy_classifiers(folder)
    return folder


def summary(model):
    """Layers by name, with what distinguishes them."""
    told = {"Dense": "units", "Dropout": "rate", "Activation": "activation", "Conv2D": "filters"}
    return {
        layer.name: (kind, layer.get_config()[told[kind]] if kind in told else None)
        for layer in model.layers
        if (kind := type(layer).__name__)
    }


@pytest.mark.parametrize(
    ("head", "layers"),
    [
        (
            head_params(units=(), activation="relu", batch_norm=True, dropout=0.3),
            {"dropout": ("Dropout", 0.3), "logits": ("Dense", 5)},
        ),
        (
            head_params(units=(8,), activation="gelu", batch_norm=False, dropout=0.1),
            {
                "dense1": ("Dense", 8),
                "activation1": ("Activation", "gelu"),
                "dropout1": ("Dropout", 0.1),
                "logits": ("Dense", 5),
            },
        ),
        (
            head_params(units=(8, 4), dropout=0.0, input_batch_norm=True, input_dropout=0.5),
            {
                "input_batch_norm": ("BatchNormalization", None),
                "input_dropout": ("Dropout", 0.5),
                "dense1": ("Dense", 8),
                "batch_norm1": ("BatchNormalization", None),
                "activation1": ("Activation", "relu"),
                "dropout1": ("Dropout", 0),
                "dense2": ("Dense", 4),
                "batch_norm2": ("BatchNormalization", None),
                "activation2": ("Activation", "relu"),
                "dropout2": ("Dropout", 0),
                "logits": ("Dense", 5),
            },
        ),
    ],
    ids=["linear", "one layer", "two layers with batch norm"],
)
def test_head_has_these_layers_in_this_order(head, layers):
    model = build_head(6, 5, head)
    assert list(summary(model).items()) == list(layers.items())
    assert (model.name, model.input_shape, model.output_shape) == ("head", (None, 6), (None, 5))
    assert model.get_layer("logits").activation is keras.activations.linear
    biased = [layer.use_bias for layer in model.layers if layer.name.startswith("dense")]
    assert biased == [not head.batch_norm] * len(head.units)  # batch norm has its own offset


def test_network_has_a_pooled_block_per_size():
    model = build_cnn(SIDE_PX, 5, CNN)
    assert list(summary(model).items()) == [
        ("scale", ("Rescaling", None)),
        ("conv1", ("Conv2D", 4)),
        ("pool1", ("MaxPooling2D", None)),
        ("conv2", ("Conv2D", 6)),
        ("pool2", ("MaxPooling2D", None)),
        ("flatten", ("Flatten", None)),
        ("dense", ("Dense", 8)),
        ("dropout", ("Dropout", 0.1)),
        ("logits", ("Dense", 5)),
    ]
    assert (model.name, model.input_shape, model.output_shape) == ("cnn", (None, SIDE_PX, SIDE_PX, 3), (None, 5))
    assert model.get_layer("flatten").output.shape[1] == (SIDE_PX // 4) ** 2 * 6


def test_network_scales_pixels_to_one(photos):
    model = build_cnn(SIDE_PX, 2, CnnParams(filters=(2,), dense=2, dropout=0))
    np.testing.assert_allclose(infer(model.get_layer("scale"), photos), photos / 255, rtol=1e-6)


def test_more_poolings_than_the_photo_has_pixels_are_refused():
    three = CnnParams(filters=(2, 2, 2), dense=2, dropout=0)
    assert build_cnn(8, 2, three).output_shape == (None, 2)
    with pytest.raises(UserError, match=r"image_size of at least 8 for the 3 blocks.*Received: 7\."):
        build_cnn(7, 2, three)


def test_models_built_and_saved_again_have_the_same_bytes(saved, tmp_path):
    save_toy_classifiers(tmp_path)
    assert toy.snapshot(tmp_path) == toy.snapshot(saved)


def test_models_saved_by_another_process_have_the_same_bytes(saved, tmp_path):
    subprocess.run([sys.executable, "-m", "tests.unit.tf_fixtures", tmp_path], cwd=toy.REPO, check=True)
    assert toy.snapshot(tmp_path) == toy.snapshot(saved)


def test_saved_file_tells_no_time_and_nothing_is_left_beside_it(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["cnn.keras", "head.keras", "told.keras"]
    with zipfile.ZipFile(saved / "head.keras") as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert json.loads(archive.read("metadata.json"))["date_saved"] == "1980-01-01@00:00:00"


def test_object_ids_are_numbered_by_first_appearance(tmp_path):
    shared = keras.initializers.RandomNormal(seed=1)  # Keras writes its memory address
    other = keras.initializers.RandomNormal(seed=2)
    layers = [
        keras.layers.Dense(2, kernel_initializer=drawn, name=name)
        for name, drawn in (("a", shared), ("b", other), ("c", shared))
    ]
    model = keras.Sequential([keras.Input((2,), name="x"), *layers], name="model")
    save_keras(tmp_path / "model.keras", model)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = archive.read("config.json").decode()
    ids = [int(part.split("}")[0].split(",")[0]) for part in config.split('"shared_object_id": ')[1:]]
    assert ids
    assert sorted(set(ids)) == list(range(len(set(ids))))
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(infer(loaded, np.eye(2)), infer(model, np.eye(2)))


@pytest.mark.parametrize("name", ["head.keras", "cnn.keras"])
def test_saved_model_loads_without_custom_objects_and_gives_probabilities(saved, photos, name):
    assert b"rare_species" not in (saved / name).read_bytes()
    model = keras.models.load_model(saved / name, compile=False)
    probabilities = infer(model, photos)
    assert probabilities.shape == (3, 3)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def backbone_and_head(feature_size):
    """Mean colours, and a head of arbitrary weights."""
    rng = np.random.default_rng(1)
    backbone = keras.Sequential(
        [keras.Input((SIDE_PX, SIDE_PX, 3)), keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D()]
    )
    head = build_head(feature_size, 4, HEAD)
    head.set_weights([rng.uniform(0.5, 2, array.shape) for array in head.get_weights()])
    return backbone, head


def test_whole_model_is_the_softmax_of_the_head_on_the_backbone(photos):
    backbone, head = backbone_and_head(3)
    model = assemble(SIDE_PX, [backbone, average_probabilities([head])])
    expected = softmax(infer(head, infer(backbone, photos)), axis=1)
    np.testing.assert_allclose(infer(model, photos), expected, rtol=1e-5)


def test_whole_model_that_is_told_the_phylum_gives_it_to_the_head_behind_the_features(photos):
    backbone, head = backbone_and_head(3 + 2)
    model = assemble(SIDE_PX, [backbone, average_probabilities([head])], n_phyla=2)
    assert [(tensor.name, tensor.shape) for tensor in model.inputs] == [
        ("rgb", (None, SIDE_PX, SIDE_PX, 3)),
        ("phylum", (None, 2)),
    ]
    phyla = np.array([[0, 1], [1, 0], [0, 1]], np.float32)
    expected = softmax(infer(head, np.hstack([infer(backbone, photos), phyla])), axis=1)
    np.testing.assert_allclose(infer(model, [photos, phyla]), expected, rtol=1e-5)
    np.testing.assert_allclose(infer(model, {"phylum": phyla, "rgb": photos}), expected, rtol=1e-5)
    batches = tf.data.Dataset.from_tensor_slices((photos, phyla)).batch(2)
    np.testing.assert_allclose(predict(model, batches), expected, rtol=1e-5)


def test_inference_takes_any_batch_ignores_dropout_and_sees_new_weights():
    make_reproducible(1)
    model = build_head(4, 3, head_params(units=(8,), activation="relu", batch_norm=False, dropout=0.9))
    call, features = inference(model), np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    np.testing.assert_allclose(call(tf.constant(features)).numpy(), infer(model, features), rtol=1e-5)
    assert call(tf.constant(features[:1])).shape == (1, 3)
    model.set_weights([array + 1 for array in model.get_weights()])
    np.testing.assert_allclose(call(tf.constant(features)).numpy(), infer(model, features), rtol=1e-5)


def test_predict_joins_batches_in_order():
    model = build_head(4, 3, HEAD)
    features = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    found = predict(model, tf.data.Dataset.from_tensor_slices(features).batch(3))
    np.testing.assert_allclose(found, infer(model, features), rtol=1e-5, atol=1e-6)


def test_rows_are_looked_up():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    model = keras.Sequential([keras.Input((), dtype="int64"), LookUp(values)])
    assert model.output_shape == (None, 2)
    np.testing.assert_array_equal(model(tf.constant([2, 0, 2], tf.int64)), [[5, 6], [1, 2], [5, 6]])
