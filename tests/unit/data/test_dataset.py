"""rare_species.data.dataset: features and packed photos belong together, or are refused."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from rare_species.common.errors import UserError
from rare_species.data import dataset as opened_module
from rare_species.data.dataset import open_data
from rare_species.data.features import load_features, save_features
from rare_species.data.photo_batches import photo_batches
from rare_species.data.shards import open_packed, pack
from rare_species.evaluate.predict_candidates import predict_splits
from rare_species.fitting.fitted_classifier import load_backbone
from tests.unit.candidates import CLASSES, SPLITS, fit, load, save_changed
from tests.unit.tf_fixtures import train_params


def test_opened_data_is_what_was_saved(data, photos_only, packed):
    rows = {split: len(features.labels) for split, features in data.fitted.items()}
    assert rows == {"train": 24, "val": 6}  # train with a copy of each photo
    assert len(load_features(data.features, "test").labels) == 6
    assert data.packed.preprocessing == packed.preprocessing
    assert data.has_features
    assert not photos_only.has_features
    assert (data.phyla, photos_only.phyla) == ([], [])
    (photos,) = photo_batches(packed, packed.rows("val"), 100)
    features = keras.ops.convert_to_numpy(load_backbone(data)(photos, training=False))
    np.testing.assert_allclose(features, data.fitted["val"].values, rtol=1e-4, atol=1e-5)


def test_features_are_read_when_they_are_needed_and_test_ones_never_to_fit(fitted, data, monkeypatch):
    read = []
    monkeypatch.setattr(
        opened_module, "load_features", lambda folder, split: read.append(split) or load_features(folder, split)
    )
    opened = open_data(data.features, data.packed, CLASSES)
    assert read == []
    fit(opened, train_params(epochs=1))
    assert read == ["train", "val"]
    predict_splits(load(fitted[1]), opened)
    assert read[2:] == list(SPLITS)


def test_missing_features_are_named(packed, tmp_path):
    with pytest.raises(UserError, match=r"Expected .*backbone\.json\. Received: no such file"):
        open_data(tmp_path, packed, CLASSES)


def test_features_of_other_photos_are_refused(data, packed, tmp_path):
    def change(split, features):
        return replace(features, file_paths=features.file_paths[::-1]) if split == "val" else features

    save_changed(data, tmp_path, change)
    with pytest.raises(UserError, match=r"to be of the photos in .* Received: others"):
        open_data(tmp_path, packed, data.classes)


def test_features_with_other_labels_are_refused(data, packed, tmp_path):
    save_changed(data, tmp_path, lambda split, one: replace(one, labels=2 - one.labels) if split == "test" else one)
    with pytest.raises(UserError, match=r"to be of the photos in .* Received: others"):
        open_data(tmp_path, packed, data.classes)


def test_features_of_the_same_photos_packed_otherwise_are_refused(data, packed, tmp_path):
    jpegs = list(packed.read(packed.index))
    pack(packed.index, [jpeg + b"\0" for jpeg in jpegs], tmp_path, 10, packed.preprocessing)
    with pytest.raises(UserError, match=r"to be of the photos in .* Received: others"):
        open_data(data.features, open_packed(tmp_path), data.classes)


@pytest.mark.parametrize("change", [{"family": "Canidae"}, {"phylum": "Mollusca"}])
def test_features_of_photos_that_were_classed_otherwise_are_refused(data, packed, change):
    with pytest.raises(UserError, match=r"to be of the photos in .* Received: others"):
        open_data(data.features, packed, [*CLASSES[:2], CLASSES[2] | change])


def test_photos_of_a_class_that_there_is_not_are_refused(data, packed):
    with pytest.raises(UserError, match=r"class ids below 2 in .*index\.csv"):
        open_data(data.features, packed, CLASSES[:2])


@pytest.mark.parametrize("name", ["backbone.json", "backbone.keras"])
def test_other_bytes_than_embed_wrote_are_refused_before_anything_is_fitted(data, packed, tmp_path, name):
    shutil.copytree(data.features, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\n")
    with pytest.raises(UserError, match=rf"{name} as its stage wrote it.* Received: other bytes"):
        open_data(tmp_path, packed, data.classes)


def test_other_values_than_embed_wrote_are_refused_when_they_are_read(data, packed, tmp_path):
    shutil.copytree(data.features, tmp_path, dirs_exist_ok=True)
    features = load_features(tmp_path, "val")
    save_features(tmp_path / "val.npz", replace(features, values=features.values[::-1]))
    opened = open_data(tmp_path, packed, data.classes)
    with pytest.raises(UserError, match=r"val\.npz as its stage wrote it.* Received: other bytes"):
        _ = opened.fitted


def test_vectors_of_another_length_are_refused(data, tmp_path):
    others = save_changed(data, tmp_path, lambda _, one: replace(one, values=one.values[:, 1:]))
    with pytest.raises(UserError, match=r"Expected vectors of 1280 numbers in .*train\.npz.* Received: 1279"):
        _ = others.fitted
