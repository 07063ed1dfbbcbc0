"""Candidates fitted, saved, loaded and run on 3 families of 8 photos at 32 px."""

import io
import shutil
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from scipy.special import softmax

from rare_species.augmentation.parameters import AugmentationParams
from rare_species.common.checksums import write_checksums
from rare_species.common.errors import UserError
from rare_species.common.files import read_json, write_json
from rare_species.data.backbone_document import FeaturesDocument
from rare_species.data.features import as_batches, load_features, save_features
from rare_species.data.photo_batches import photo_batches
from rare_species.data.phylum import one_hot_phyla
from rare_species.data.shards import open_packed, pack
from rare_species.embed.embedder import embed_split, open_embedder
from rare_species.evaluate.predictions import _check_agreement, average_views, predict_splits
from rare_species.fitting.callbacks import Fit
from rare_species.fitting.candidate import load_backbone, load_trainable_backbone, save_candidate, score_candidate
from rare_species.fitting.fit_key import fit_key
from rare_species.metrics.point import epoch_scores
from rare_species.models import opened as opened_module
from rare_species.models.network import load_network
from rare_species.models.opened import Data, open_data
from rare_species.models.saved import read_saved
from rare_species.networks.assembly import average_probabilities
from rare_species.networks.inference import predict
from rare_species.networks.saving import save_keras
from rare_species.params.embed import EmbedParams
from rare_species.params.evaluate import EvaluateParams
from rare_species.params.model import ModelParams
from rare_species.train.members import fit_members
from tests import toy
from tests.unit.tf_fixtures import AUGMENTATION, SIDE_PX, STILL, ignore_epoch, train_params

SPLITS = ("train", "val", "test")
EVALUATE = EvaluateParams(
    wanted_precision=0.9,
    explained_photos=2,
    top_k=2,
    confused_families=2,
    worst_photos=1,
    resamples=100,
    views=0,
    augmentation=AUGMENTATION,
    seed=0,
)
CLASSES = [
    {"class_id": number, "family": family, "phylum": phylum}
    for number, (family, (phylum, _, _)) in enumerate(toy.FAMILIES.items())
]
PHYLA = ["Arthropoda", "Chordata"]


def embed(folder, packed, name, views) -> Data:
    """What stage embed leaves, opened."""
    params = EmbedParams(batch_size=16, views=views, augmentation=AUGMENTATION, seed=0)
    embedder = open_embedder(ModelParams(name=name, weights="imagenet", inputs=("image",)), params, SIDE_PX)
    for split in SPLITS:
        save_features(folder / f"{split}.npz", embed_split(embedder, packed, split, views if split == "train" else 0))
    document = FeaturesDocument.of(embedder.description, [], packed.folder / "index.csv", CLASSES)
    write_json(folder / "backbone.json", document.model_dump())
    if embedder.backbone:
        save_keras(folder / "backbone.keras", embedder.backbone)
    write_checksums(folder)
    return open_data(folder, packed, CLASSES)


def fit(data, params, on_epoch=ignore_epoch):
    """A candidate whose checkpoints are thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return fit_members(data, params, on_epoch, Path(folder))


def save(folder, candidate, data):
    """Save a candidate as its stage does."""
    save_candidate(folder, candidate, data, train_params().model_dump(mode="json"))
    write_checksums(folder)


def load(folder):
    """The network of a saved candidate."""
    return load_network(read_saved(folder))


@pytest.fixture(scope="module")
def data(packed, tmp_path_factory):
    return embed(tmp_path_factory.mktemp("features"), packed, "efficientnetlite0", views=1)


@pytest.fixture(scope="module")
def photos_only(packed, tmp_path_factory):
    return embed(tmp_path_factory.mktemp("nothing"), packed, "cnn", views=1)


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    """A head, and the folder it is saved in."""
    candidate = fit(data, train_params(epochs=5))
    folder = tmp_path_factory.mktemp("head")
    save(folder, candidate, data)
    return candidate, folder


@pytest.fixture(scope="module")
def fitted_cnn(photos_only, tmp_path_factory):
    """The baseline network, and the folder it is saved in."""
    candidate = fit(photos_only, train_params(epochs=1))
    folder = tmp_path_factory.mktemp("cnn")
    save(folder, candidate, photos_only)
    return candidate, folder


def predict_photos(folder, packed):
    """Probabilities of the saved model on the photos themselves, by split."""
    model = load(folder)
    return {split: predict(model, photo_batches(packed, packed.rows(split), 100)) for split in SPLITS}


def test_opened_data_is_what_was_saved(data, photos_only, packed):
    rows = {split: len(features.labels) for split, features in data.fitted.items()}
    assert rows == {"train": 24, "val": 6}  # train with a view of each photo
    assert len(load_features(data.features, "test").labels) == 6
    assert data.packed.shape == packed.shape
    assert data.has_features
    assert not photos_only.has_features
    assert (data.phyla, photos_only.phyla) == ([], [])
    (photos,) = photo_batches(packed, packed.rows("val"), 100)
    features = keras.ops.convert_to_numpy(load_backbone(data)(photos, training=False))
    np.testing.assert_allclose(features, data.fitted["val"].values, rtol=1e-4, atol=1e-5)


def test_saved_classifier_is_folded_and_the_backbone_can_still_be_trained(data, fitted):
    def batch_norms(backbone):
        return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in backbone.operations[-1].layers)

    model = load(fitted[1])
    assert batch_norms(model.get_layer("backbone")) == 0
    assert batch_norms(load_backbone(data)) == 0
    assert batch_norms(load_trainable_backbone(data)) == 49


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


def test_head_predicts_from_features_what_the_saved_model_does_from_photos(fitted, data, packed):
    _, folder = fitted
    probabilities, expected = predict_splits(load(folder), data), predict_photos(folder, packed)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):  # views are not predicted
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split].sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(probabilities[split], expected[split], atol=1e-4)
    assert np.ptp(probabilities["test"]) > 0.1


@pytest.mark.parametrize("kind", ["head", "cnn"])
def test_saved_candidate_has_the_scores_of_its_best_epoch(request, kind):
    (candidate, folder), data = (
        request.getfixturevalue(name)
        for name in (("fitted", "data") if kind == "head" else ("fitted_cnn", "photos_only"))
    )
    labels = data.fitted["val"].labels
    found = epoch_scores(labels, predict_splits(load(folder), data)["val"])
    assert found["loss"] == pytest.approx(candidate.fit.best["val_loss"], rel=1e-4)
    assert found["accuracy"] == candidate.fit.best["val_accuracy"]


def test_metadata_says_how_the_model_was_made(fitted, data):
    candidate, folder = fitted
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "classes.json",
        "metadata.json",
        "model.keras",
    ]
    metadata = read_json(folder / "metadata.json")
    assert metadata == {
        "input": {
            "image_size": SIDE_PX,
            "resize": "crop",
            "treatment": {"name": "none"},
            "jpeg_quality": 95,
            "values": "RGB, 0 to 255",
            "phyla": [],
        },
        "backbone": data.description.model_dump(),
        "images": {"train": 12, "val": 6, "test": 6},
        "best_epoch": candidate.fit.best_epoch,
        "params": train_params().model_dump(mode="json"),
        "cores": None,
    }


def test_network_predicts_every_photo(fitted_cnn, photos_only, packed):
    candidate, folder = fitted_cnn
    probabilities, expected = predict_splits(load(folder), photos_only), predict_photos(folder, packed)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split].sum(axis=1), 1, rtol=1e-5)
        np.testing.assert_allclose(probabilities[split], expected[split], atol=1e-5)
    assert len(candidate.classifier.layers) == 3  # inputs, network, softmax: augmentation is not saved
    assert len(candidate.fit.history) == 1


def test_network_repeats_with_the_seed_and_differs_with_another(fitted_cnn, photos_only):
    def weights(seed):
        return fit(photos_only, train_params(seed, epochs=1)).members[0].get_weights()

    first = fitted_cnn[0].members[0].get_weights()
    assert all((one == two).all() for one, two in zip(first, weights(3), strict=True))
    assert not all((one == two).all() for one, two in zip(first, weights(4), strict=True))


@pytest.fixture
def seen(monkeypatch):
    """What reaches the fit of the network, which is not run."""
    given = []

    monkeypatch.setattr(
        "rare_species.train.photos.fit_model",
        lambda model, training, *_, **__: given.append((model, training)) or Fit(),
    )
    return given


@pytest.mark.parametrize(("imbalance", "expected"), [("none", None), ("class_weight", {0: 1.0, 1: 1.0, 2: 1.0})])
def test_network_is_fitted_to_changed_photos_in_batches_with_the_class_weights_wished(
    photos_only, seen, imbalance, expected
):
    fit(photos_only, train_params(imbalance=imbalance, batch_size=5))
    ((model, training),) = seen
    changes = [type(layer).__name__ for layer in model.get_layer("augmenter").layers]
    assert changes == ["RandomFlip", "RandomRotation", "RandomZoom"]
    assert training.class_weight == expected
    assert training.shuffle.steps == 3
    assert list(training.scored) == ["train", "val"]
    assert training.scored["val"][0].tolist() == [0, 0, 1, 1, 2, 2]
    photos, targets = next(iter(training.batches))
    assert (photos.shape, targets.shape) == ((5, SIDE_PX, SIDE_PX, 3), (5, 3))


def save_changed(data, folder, change) -> Data:
    """The same data with features that `change` makes of each split's name and features."""
    shutil.copytree(data.features, folder, dirs_exist_ok=True)
    for split in SPLITS:
        save_features(folder / f"{split}.npz", change(split, load_features(data.features, split)))
    write_checksums(folder)
    return replace(data, features=folder)


def test_model_that_does_not_belong_to_the_features_is_refused(fitted, data, tmp_path):
    others = save_changed(data, tmp_path, lambda _, one: replace(one, values=np.roll(one.values, 2, axis=0)))
    with pytest.raises(UserError, match=r"Expected the saved model to give the same .*dvc repro --force"):
        predict_splits(load(fitted[1]), others)


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
    pack(packed.index, [jpeg + b"\0" for jpeg in jpegs], tmp_path, 10, packed.shape)
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


def test_key_of_a_fit_changes_with_photos_and_with_features(data, packed, tmp_path):
    same = replace(data)
    others = save_changed(data, tmp_path / "features", lambda _, one: replace(one, values=one.values + 1))
    pack(packed.index, [jpeg + b"\0" for jpeg in packed.read(packed.index)], made(tmp_path / "p"), 10, packed.shape)
    repacked = replace(data, packed=open_packed(tmp_path / "p"))
    assert fit_key("train", data) == fit_key("train", same)
    assert len({fit_key("train", one) for one in (data, others, repacked)}) == 3
    assert len({fit_key("train", data), fit_key("tune", data), fit_key("train", data, "seed 1")}) == 3


def made(folder):
    folder.mkdir()
    return folder


def test_nan_is_no_agreement():
    with pytest.raises(UserError, match="a difference of nan"):
        _check_agreement(np.full((2, 3), np.nan, np.float32), np.full((2, 3), 1 / 3, np.float32))


@pytest.mark.parametrize(("difference", "agrees"), [(0.0, True), (9e-4, True), (1.1e-3, False), (-1.1e-3, False)])
def test_agreement_allows_for_rounding_only(difference, agrees):
    cached = np.full((20, 3), 1 / 3, np.float32)
    whole = cached[:16].copy()
    whole[15, 2] += difference
    if agrees:
        _check_agreement(whole, cached)
    else:
        with pytest.raises(UserError, match=r"a difference of 0\.0011\."):
            _check_agreement(whole, cached)


def test_views_are_fitted_to(data, fitted, tmp_path):
    """Without the views of the training photos another head comes out."""
    assert load_features(data.features, "train").photos == 12
    candidate = fit(save_changed(data, tmp_path, lambda _, one: one.originals()), train_params(epochs=5))
    assert (candidate.members[0].get_weights()[0] != fitted[0].members[0].get_weights()[0]).any()


@pytest.fixture(scope="module")
def ensemble(data, tmp_path_factory):
    """Two heads, their candidate's folder and the epochs that were followed."""
    epochs = []
    knobs = train_params(epochs=3).model_copy(update={"members": 2})
    candidate = fit(data, knobs, lambda epoch, _: epochs.append(epoch))
    folder = tmp_path_factory.mktemp("ensemble")
    save(folder, candidate, data)
    return candidate, folder, epochs


def test_members_differ_in_their_seed_and_the_first_is_the_single_classifier(ensemble, data):
    candidate, _, epochs = ensemble
    first, second = candidate.members
    alone = fit(data, train_params(epochs=3)).members[0]
    other = fit(data, train_params(seed=4, epochs=3)).members[0]
    for member, same in ((first, alone), (second, other)):
        assert all((a == b).all() for a, b in zip(member.get_weights(), same.get_weights(), strict=True))
    assert epochs == [0, 1, 2]  # of the first member


def test_one_saved_model_gives_the_mean_of_its_members_probabilities(ensemble, data, packed):
    candidate, folder, _ = ensemble
    features = load_features(data.features, "test").values
    single = [predict(average_probabilities([member]), as_batches(features)) for member in candidate.members]
    assert np.abs(single[0] - single[1]).max() > 1e-3
    found = predict_splits(load(folder), data)
    np.testing.assert_allclose(found["test"], np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_allclose(predict_photos(folder, packed)["test"], found["test"], atol=1e-4)
    expected = epoch_scores(data.fitted["val"].labels, found["val"])
    assert score_candidate(candidate, data)["val_loss"] == pytest.approx(expected["loss"], rel=1e-5)


@pytest.mark.parametrize("kind", ["head", "cnn"])
def test_views_are_averaged_with_the_plain_photos_and_repeat(request, kind):
    (_, folder), data = (
        request.getfixturevalue(name)
        for name in (("fitted", "data") if kind == "head" else ("fitted_cnn", "photos_only"))
    )
    model = load(folder)
    plain = predict_splits(model, data)
    knobs = EVALUATE.model_copy(update={"views": 2})
    views, again = (average_views(model, data, plain, knobs) for _ in range(2))
    np.testing.assert_array_equal(views["train"], plain["train"])
    for split in ("val", "test"):
        np.testing.assert_array_equal(views[split], again[split])
        np.testing.assert_allclose(views[split].sum(axis=1), 1, rtol=1e-5)
        assert np.abs(views[split] - plain[split]).max() > 1e-6
    still = knobs.model_copy(update={"augmentation": AugmentationParams(**STILL)})
    np.testing.assert_allclose(average_views(model, data, plain, still)["test"], plain["test"], atol=1e-4)
    other = average_views(model, data, plain, knobs.model_copy(update={"seed": 1}))
    assert np.abs(other["test"] - views["test"]).max() > 1e-6


@pytest.mark.parametrize(
    ("imbalance", "epochs"), [("none", 0), ("focal", 0), ("balanced_softmax", 0), ("balanced_softmax", 1)]
)
def test_saved_model_holds_no_loss_and_no_optimizer(data, tmp_path, imbalance, epochs):
    """A loss of our own could not be loaded without this code; moments of an optimizer would double the file."""
    knobs = train_params(epochs=1, imbalance=imbalance, optimizer__name="adam", fine_tune={"epochs": epochs})
    save(tmp_path, fit(data, knobs), data)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert b"rossentropy" not in archive.read("config.json")
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    names = []
    weights.visit(names.append)
    assert names
    assert not any("optimizer" in name for name in names)
    assert predict_splits(load(tmp_path), data)["test"].shape == (6, 3)


def tell(data, folder, phyla):
    """The same data, with the photos' phyla behind their features in this order."""
    wider = replace(data, phyla=phyla)
    return save_changed(wider, folder, lambda _, one: one.with_columns(one_hot_phyla(one.labels, CLASSES, phyla)))


@pytest.fixture(scope="module")
def told(data, tmp_path_factory):
    """Features that end in the phylum, as stage embed leaves them."""
    return tell(data, tmp_path_factory.mktemp("told"), PHYLA)


@pytest.fixture(scope="module")
def fitted_told(told, tmp_path_factory):
    """The folder of two heads that are told the phylum."""
    knobs = train_params(epochs=5).model_copy(update={"members": 2})
    folder = tmp_path_factory.mktemp("told")
    save(folder, fit(told, knobs), told)
    return folder


def test_saved_model_takes_the_phylum_next_to_the_photo_and_says_so(fitted_told, told):
    model, metadata = load(fitted_told), read_json(fitted_told / "metadata.json")
    assert [(tensor.name, tensor.shape[1:]) for tensor in model.inputs] == [
        ("rgb", (SIDE_PX, SIDE_PX, 3)),
        ("phylum", (2,)),
    ]
    assert metadata["input"]["values"] == "RGB, 0 to 255; phylum, one-hot in the order of phyla"
    assert metadata["input"]["phyla"] == PHYLA
    assert metadata["backbone"] == told.description.model_dump()


def test_told_head_predicts_from_features_what_the_saved_model_does_from_photos(fitted_told, told, packed):
    model = load(fitted_told)
    probabilities = predict_splits(model, told)
    for split, n in zip(SPLITS, (12, 6, 6), strict=True):
        rows = packed.rows(split)
        (photos,) = photo_batches(packed, rows, 100)
        chordata = rows["class_id"].isin([0, 2]).to_numpy()
        phylum = np.column_stack([~chordata, chordata]).astype(np.float32)
        expected = keras.ops.convert_to_numpy(model({"rgb": photos.numpy(), "phylum": phylum}, training=False))
        assert probabilities[split].shape == (n, 3)
        np.testing.assert_allclose(probabilities[split], expected, atol=1e-4)


def test_another_phylum_gives_another_prediction(fitted_told, packed):
    model = load(fitted_told)
    rows = packed.rows("test")
    (photos,) = photo_batches(packed, rows, 100)
    arthropoda, chordata = (
        keras.ops.convert_to_numpy(model([photos.numpy(), np.tile(phylum, (len(rows), 1))], training=False))
        for phylum in np.eye(2, dtype=np.float32)
    )
    ant = list(toy.FAMILIES).index("Formicidae")  # the only family of its phylum
    assert (arthropoda[:, ant] > chordata[:, ant]).all()
    assert np.abs(arthropoda - chordata).max() > 0.05


def test_views_change_the_photo_and_not_what_is_told(fitted_told, told):
    model = load(fitted_told)
    plain = predict_splits(model, told)
    knobs = EVALUATE.model_copy(update={"views": 2})
    views = average_views(model, told, plain, knobs)
    for split in ("val", "test"):
        np.testing.assert_allclose(views[split].sum(axis=1), 1, rtol=1e-5)
        assert np.abs(views[split] - plain[split]).max() > 1e-6
    still = knobs.model_copy(update={"augmentation": AugmentationParams(**STILL)})
    np.testing.assert_allclose(average_views(model, told, plain, still)["test"], plain["test"], atol=1e-4)


def test_features_that_tell_the_phyla_in_another_order_are_refused(fitted_told, data, tmp_path):
    others = replace(tell(data, tmp_path, PHYLA[::-1]), phyla=PHYLA)
    with pytest.raises(UserError, match=r"Expected the saved model to give the same .*dvc repro --force"):
        predict_splits(load(fitted_told), others)


def test_more_blocks_than_the_backbone_has_are_refused_before_anything_is_fitted(data, monkeypatch):
    monkeypatch.setattr("rare_species.train.members.fit_head", lambda *_: pytest.fail("fitted"))
    expected = r"fine_tune\.blocks of at most 16 for efficientnetlite0\. Received: 17\. Say all"
    with pytest.raises(UserError, match=expected):
        fit(data, train_params(fine_tune={"epochs": 2, "blocks": 17}))


def test_as_many_blocks_as_the_backbone_has_may_learn(data, monkeypatch):
    monkeypatch.setattr("rare_species.train.members.fit_head", lambda *_: pytest.fail("fitted"))
    for knobs in ({"epochs": 2, "blocks": 16}, {"epochs": 2, "blocks": "all"}, {"epochs": 0, "blocks": 17}):
        with pytest.raises(pytest.fail.Exception, match="fitted"):
            fit(data, train_params(fine_tune=knobs))


@pytest.fixture(scope="module")
def tuned(data, tmp_path_factory):
    """Two networks fine-tuned whole, their folder, and the epochs that were followed."""
    epochs = []
    knobs = train_params(epochs=2, fine_tune={"epochs": 1, "learning_rate": 0.02}).model_copy(update={"members": 2})
    candidate = fit(data, knobs, lambda epoch, _: epochs.append(epoch))
    folder = tmp_path_factory.mktemp("tuned")
    save(folder, candidate, data)
    return candidate, folder, epochs


def test_fine_tuned_network_goes_on_from_the_head_and_is_saved_whole(tuned, data, packed):
    candidate, folder, epochs = tuned
    assert epochs == [0, 1, 2]
    assert len(candidate.fit.history) == 3
    found, expected = predict_splits(load(folder), data), predict_photos(folder, packed)
    for split in SPLITS:
        np.testing.assert_allclose(found[split], expected[split], atol=1e-6)
    first, second = (predict_rows(member, packed) for member in candidate.members)
    np.testing.assert_allclose(found["test"], (first + second) / 2, atol=1e-5)
    assert np.abs(first - second).max() > 1e-4


def predict_rows(member, packed):
    return softmax(predict(member, photo_batches(packed, packed.rows("test"), 100)), axis=1)
