"""Features against the backbone called directly, and the order of augmented copies."""

import hashlib
from functools import partial

import keras
import numpy as np
import pytest
from tqdm import tqdm

from rare_species.backbones.build import weights_digest
from rare_species.backbones.registry import REGISTRY
from rare_species.backbones.weights import CHECKPOINT_SHA256, packaged_checkpoint
from rare_species.data.photo_batches import photo_batches
from rare_species.embed.embedder import describe, embed_split, open_embedder
from rare_species.params.embed import EmbedParams
from rare_species.params.model import ModelParams
from tests.unit.tf_fixtures import AUGMENTATION, SIDE_PX

LITE0 = ModelParams(name="efficientnetlite0", weights="imagenet", inputs=("image",))
CNN = ModelParams(name="cnn", weights="imagenet", inputs=("image",))


def embed_params(seed=0):
    return EmbedParams(batch_size=5, augmented_copies=2, augmentation=AUGMENTATION, seed=seed)


@pytest.fixture(scope="module")
def embedder():
    return open_embedder(LITE0, embed_params(), SIDE_PX)


@pytest.fixture(scope="module")
def viewed(embedder, packed):
    return embed_split(embedder, packed, "train", augmented_copies=2)


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_features_are_those_of_the_backbone(embedder, packed, split):
    features, rows = embed_split(embedder, packed, split, augmented_copies=0), packed.rows(split)
    (photos,) = photo_batches(packed, rows, 100)
    expected = keras.ops.convert_to_numpy(embedder.backbone(photos, training=False))
    assert features.values.shape == (len(rows), 1280)
    assert features.values.dtype == np.float32
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(features.values, expected, atol=1e-4)
    np.testing.assert_array_equal(features.file_paths, rows["file_path"])
    np.testing.assert_array_equal(features.labels, rows["class_id"])
    assert features.photos == len(rows)


@pytest.mark.parametrize("disable", [True, False])
def test_features_lie_in_their_rows_whether_there_is_a_bar_or_not(embedder, packed, viewed, monkeypatch, disable):
    """A bar that is switched off (TQDM_DISABLE=1) counts nothing."""
    monkeypatch.setattr("rare_species.embed.embedder.tqdm", partial(tqdm, disable=disable))
    features = embed_split(embedder, packed, "train", augmented_copies=0)
    np.testing.assert_array_equal(features.values, viewed.originals().values)


def test_copies_follow_all_photos_in_the_same_order(embedder, packed, viewed):
    rows = packed.rows("train")
    assert viewed.values.shape == (36, 1280)
    assert viewed.photos == 12
    assert viewed.file_paths.tolist() == 3 * rows["file_path"].tolist()
    assert viewed.labels.tolist() == 3 * rows["class_id"].tolist()
    plain = embed_split(embedder, packed, "train", augmented_copies=0)
    np.testing.assert_array_equal(viewed.originals().values, plain.values)


def test_each_view_is_another_change_of_its_own_photo(viewed):
    photos, first, second = np.split(viewed.values, 3)
    for one, two in ((photos, first), (photos, second), (first, second)):
        assert (one != two).any(axis=1).all()
    between = np.linalg.norm(first[:, None] - photos, axis=2)  # of every copy to every photo
    own = np.diagonal(between).mean()
    assert own < 0.8 * between[~np.eye(12, dtype=bool)].mean()


def test_copies_repeat_with_the_seed_and_differ_with_another(embedder, packed, viewed, monkeypatch):
    monkeypatch.setattr(
        "rare_species.embed.embedder.build_backbone", lambda *_: (embedder.backbone, None)
    )  # it takes seconds
    same, other = (
        embed_split(open_embedder(LITE0, embed_params(seed), SIDE_PX), packed, "train", 1) for seed in (0, 1)
    )
    np.testing.assert_array_equal(same.values, viewed.values[:24])
    np.testing.assert_array_equal(other.values[:12], viewed.values[:12])
    assert (other.values[12:] != viewed.values[12:24]).any()


def test_backbone_that_is_saved_can_be_trained_and_its_copy_that_runs_is_folded(embedder):
    assert embedder.backbone.count_params() == REGISTRY["efficientnetlite0"].parameters
    assert any(isinstance(layer, keras.layers.BatchNormalization) for layer in embedder.backbone.operations[-1].layers)
    assert not any("moving_variance" in variable.name for variable in embedder.call.model.variables)


def test_description_identifies_the_backbone(embedder):
    assert embedder.description.model_dump() == {
        "name": "efficientnetlite0",
        "weights": packaged_checkpoint().name,
        "weights_file_sha256": CHECKPOINT_SHA256,
        "weights_sha256": weights_digest(embedder.backbone),
        "feature_size": 1280,
        "layer_groups": 16,
        "licence": "Apache-2.0",
        "pretrained_on": "ImageNet-1k",
    }
    assert embedder.feature_size == 1280


@pytest.mark.parametrize(("weights", "facts"), [("none", ""), ("mine.pth", "unknown")])
def test_description_claims_nothing_of_other_weights(embedder, tmp_path, weights, facts):
    file = None if weights == "none" else tmp_path / weights
    if file:
        file.write_bytes(b"trained further")
    found = describe(
        ModelParams(name="efficientnetlite0", weights=str(file), inputs=("image",)), embedder.backbone, file
    )
    assert found.weights == weights
    assert found.weights_file_sha256 == (hashlib.sha256(b"trained further").hexdigest() if file else "")
    assert (found.licence, found.pretrained_on) == (facts, facts)


def test_description_knows_a_copy_of_the_published_file(embedder, tmp_path):
    file = tmp_path / "copy.pth"
    file.write_bytes(packaged_checkpoint().read_bytes())
    found = describe(
        ModelParams(name="efficientnetlite0", weights=str(file), inputs=("image",)), embedder.backbone, file
    )
    assert (found.weights, found.licence) == ("copy.pth", "Apache-2.0")


@pytest.mark.parametrize("copies", [0, 2])
def test_network_that_learns_from_photos_has_no_features_and_no_copies(packed, copies):
    embedder = open_embedder(CNN, embed_params(), SIDE_PX)
    features = embed_split(embedder, packed, "train", copies)
    assert embedder.backbone is None
    assert embedder.description.model_dump() == {
        "name": "cnn",
        "weights": "none",
        "weights_file_sha256": "",
        "weights_sha256": "",
        "feature_size": 0,
        "layer_groups": 0,
        "licence": "",
        "pretrained_on": "",
    }
    assert features.values.shape == (12, 0)
    assert features.file_paths.tolist() == packed.rows("train")["file_path"].tolist()
    assert features.photos == 12
