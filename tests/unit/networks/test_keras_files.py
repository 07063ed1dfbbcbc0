"""rare_species.networks.keras_files: the same model is the same bytes, and loads without this code."""

import json
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

from rare_species.networks.keras_files import save_keras
from tests import toy
from tests.unit.tf_fixtures import infer, save_toy_classifiers


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    save_toy_classifiers(folder)
    return folder


def test_models_built_and_saved_again_have_the_same_bytes(saved, tmp_path):
    save_toy_classifiers(tmp_path)
    assert toy.snapshot(tmp_path) == toy.snapshot(saved)


def test_models_saved_by_another_process_have_the_same_bytes(saved, tmp_path):
    subprocess.run([sys.executable, "-m", "tests.unit.tf_fixtures", tmp_path], cwd=toy.REPO, check=True)
    assert toy.snapshot(tmp_path) == toy.snapshot(saved)


def test_saved_file_tells_no_time_and_nothing_is_left_beside_it(saved):
    assert sorted(path.name for path in saved.iterdir()) == ["cnn.keras", "conditioned.keras", "head.keras"]
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
