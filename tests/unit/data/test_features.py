"""rare_species.data.features: what is saved comes back, and what is no features is named."""

import os

import numpy as np
import pytest

from rare_species.common.errors import UserError
from rare_species.data import features as datasets
from rare_species.data.features import Features, load_features, load_photos, save_features
from tests.damage import list_damages

VALUES = np.arange(20, dtype=np.float32).reshape(10, 2)
ARRAYS = ("file_paths", "labels", "values")


@pytest.fixture
def features():
    paths = np.array(["cat/ä.jpg", "ant/2.jpg", "cat/ä.jpg", "ant/2.jpg"])
    return Features(paths, np.array([1, 0, 1, 0]), VALUES[:4], photos=2)


@pytest.mark.parametrize("width", [2, 0])
def test_saved_features_come_back(features, tmp_path, monkeypatch, width):
    monkeypatch.setattr(datasets, "BYTES_AT_ONCE", 12)
    saved = Features(features.file_paths, features.labels, features.values[:, :width], 2)
    save_features(tmp_path / "train.npz", saved)
    loaded = load_features(tmp_path, "train")
    assert loaded.photos == 2
    for name in ("file_paths", "labels", "values"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(saved, name))
        assert getattr(loaded, name).dtype == getattr(saved, name).dtype


def test_each_photo_has_a_path_and_a_label_and_no_view_has_them(features, tmp_path):
    save_features(tmp_path / "train.npz", features)
    paths, labels = load_photos(tmp_path, "train")
    assert (paths.tolist(), labels.tolist()) == (["cat/ä.jpg", "ant/2.jpg"], [1, 0])


def test_loaded_features_are_in_memory_once(features, tmp_path):
    save_features(tmp_path / "train.npz", features)
    loaded = load_features(tmp_path, "train")
    tensors = [loaded.tensor, loaded.originals().tensor]
    loaded.values[0, 0] = 7
    assert [float(tensor[0, 0]) for tensor in tensors] == [7, 7]


@pytest.mark.parametrize("values", [VALUES[1:], VALUES[:, :1], VALUES[:, :0], np.asfortranarray(VALUES)])
def test_features_of_any_layout_become_a_tensor_and_come_back(values, tmp_path):
    features = Features(np.array(["a"] * len(values)), np.zeros(len(values), int), values, len(values))
    save_features(tmp_path / "train.npz", features)
    for found in (features, load_features(tmp_path, "train")):
        np.testing.assert_array_equal(found.tensor.numpy(), values)


def test_features_saved_twice_have_the_same_bytes(features, tmp_path):
    for name, seconds in (("a.npz", 1_000_000_000), ("b.npz", 1_500_000_000)):
        save_features(tmp_path / name, features)
        os.utime(tmp_path / name, (seconds, seconds))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_missing_features_are_named_with_what_to_do(tmp_path):
    with pytest.raises(UserError, match=r"Expected .*val\.npz\. Received: no such file\..*dvc repro"):
        load_features(tmp_path, "val")


def test_originals_leave_augmented_copies_out(features):
    originals = features.originals()
    assert originals.file_paths.tolist() == ["cat/ä.jpg", "ant/2.jpg"]
    assert originals.labels.tolist() == [1, 0]
    np.testing.assert_array_equal(originals.values, VALUES[:2])
    assert originals.photos == 2


def test_columns_join_at_the_end_and_nothing_else_changes(features):
    columns = np.array([[0, 1, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    joined = features.with_columns(columns)
    np.testing.assert_array_equal(joined.values, [[0, 1, 0, 1, 0], [2, 3, 1, 0, 0], [4, 5, 0, 1, 0], [6, 7, 1, 0, 0]])
    assert joined.values.dtype == np.float32
    assert (joined.file_paths.tolist(), joined.labels.tolist()) == (
        features.file_paths.tolist(),
        features.labels.tolist(),
    )
    assert joined.photos == 2
    np.testing.assert_array_equal(features.with_columns(columns[:, :0]).values, features.values)


@pytest.fixture
def saved(features, tmp_path):
    save_features(tmp_path / "train.npz", features)
    return tmp_path / "train.npz"


def test_damaged_features_are_one_message_or_the_same(saved):
    """What is whole in itself, as the same in another order, is for the checksums."""
    whole, unseen = saved.read_bytes(), set()
    for name, data in list_damages(whole, ".npz").items():
        saved.write_bytes(data)
        try:
            load_features(saved.parent, "train")
            unseen.add(name)
        except UserError as error:
            assert str(error).startswith(f"Expected {saved} to hold features as stage embed writes them. Received: ")
    assert unseen <= {"a bit flipped", "a tail more", *(f"{name} in another order" for name in ARRAYS)}


def rewrite(file, **changed):
    with np.load(file) as arrays:
        whole = dict(arrays)
    np.savez(file, **(whole | changed))


@pytest.mark.parametrize(
    ("changed", "found"),
    [
        ({"values": np.array([[np.nan, 1]] * 4, np.float32)}, "values without NaN"),
        ({"values": np.array([[np.inf, 1]] * 4, np.float32)}, "values without NaN"),
        ({"values": VALUES[:3]}, "values"),
        ({"values": VALUES[:4].astype(np.float64)}, "values"),
        ({"values": VALUES[:4].ravel()}, "values"),
        ({"labels": np.array([1, 0, 1, 0], np.int32)}, "labels"),
        ({"labels": np.array([1, 0, 1])}, "labels"),
        ({"labels": np.array([1, 0, 1, 1])}, "labels again for each copy"),
        ({"file_paths": np.array(["a", "b", "a", "c"])}, "labels again for each copy"),
        ({"file_paths": np.array([1, 2, 1, 2])}, "file_paths"),
        ({"photos": np.int64(3)}, "equally many copies of all photos"),
        ({"photos": np.int64(0)}, "photos"),
        ({"photos": np.int64(5)}, "photos"),
        ({"photos": np.float64(2)}, "photos"),
        ({"more": np.int64(2)}, "its arrays"),
    ],
)
def test_arrays_that_are_no_features_are_named(saved, changed, found):
    rewrite(saved, **changed)
    with pytest.raises(UserError, match=rf"train\.npz to hold features .* Received: .*not .*{found} as expected"):
        load_features(saved.parent, "train")


def test_one_bit_of_any_value_is_seen(saved, monkeypatch):
    monkeypatch.setattr(datasets, "BYTES_AT_ONCE", 12)
    whole = saved.read_bytes()
    start = whole.index(VALUES[:4].tobytes())
    for place in range(start, start + VALUES[:4].nbytes):
        saved.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(UserError, match=r"train\.npz .*Bad CRC-32 for file 'values\.npy'"):
            load_features(saved.parent, "train")


def test_zeros_instead_of_features_are_told_without_an_advice_to_allow_pickles(tmp_path):
    (tmp_path / "train.npz").write_bytes(bytes(5_000))
    with pytest.raises(UserError, match=r"as stage embed writes them\. Received: no \.npz\. ") as error:
        load_features(tmp_path, "train")
    assert "pickle" not in str(error.value)
