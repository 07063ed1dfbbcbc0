"""rare_species.fitting.fitted_classifier: what is saved of a candidate, and what comes back."""

import io
import zipfile

import h5py
import keras
import numpy as np
import pytest

from rare_species.common.staged_files import read_json
from rare_species.data.features import as_batches, load_features
from rare_species.data.photo_batches import photo_batches
from rare_species.evaluate.predict_candidates import predict_splits
from rare_species.fitting.fitted_classifier import load_backbone, load_trainable_backbone, measure_classifier
from rare_species.metrics.registry import epoch_metrics
from rare_species.networks.assembly import average_probabilities
from rare_species.networks.inference import predict
from tests import toy
from tests.unit.candidates import PHYLA, fit, load, predict_photos, save
from tests.unit.tf_fixtures import SIDE_PX, train_params


def test_saved_classifier_is_folded_and_the_backbone_can_still_be_trained(data, fitted):
    def batch_norms(backbone):
        return sum(isinstance(layer, keras.layers.BatchNormalization) for layer in backbone.operations[-1].layers)

    model = load(fitted[1])
    assert batch_norms(model.get_layer("backbone")) == 0
    assert batch_norms(load_backbone(data)) == 0
    assert batch_norms(load_trainable_backbone(data)) == 49


@pytest.mark.parametrize("kind", ["head", "cnn"])
def test_saved_candidate_has_the_scores_of_its_best_epoch(request, kind):
    (candidate, folder), data = (
        request.getfixturevalue(name)
        for name in (("fitted", "data") if kind == "head" else ("fitted_cnn", "photos_only"))
    )
    labels = data.fitted["val"].labels
    found = epoch_metrics(labels, predict_splits(load(folder), data)["val"])
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


def test_one_saved_model_gives_the_mean_of_its_members_probabilities(ensemble, data, packed):
    candidate, folder, _ = ensemble
    features = load_features(data.features, "test").values
    single = [predict(average_probabilities([member]), as_batches(features)) for member in candidate.members]
    assert np.abs(single[0] - single[1]).max() > 1e-3
    found = predict_splits(load(folder), data)
    np.testing.assert_allclose(found["test"], np.mean(single, axis=0), atol=1e-6)
    np.testing.assert_allclose(predict_photos(folder, packed)["test"], found["test"], atol=1e-4)
    expected = epoch_metrics(data.fitted["val"].labels, found["val"])
    assert measure_classifier(candidate, data)["val_loss"] == pytest.approx(expected["loss"], rel=1e-5)


@pytest.mark.parametrize(
    ("imbalance", "epochs"), [("none", 0), ("focal", 0), ("balanced_softmax", 0), ("balanced_softmax", 1)]
)
def test_saved_model_holds_no_loss_and_no_optimizer(data, tmp_path, imbalance, epochs):
    """A loss of our own could not be loaded without this code; moments of an optimizer would double the file."""
    parameters = train_params(epochs=1, imbalance=imbalance, optimizer__name="adam", fine_tune={"epochs": epochs})
    save(tmp_path, fit(data, parameters), data)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert b"rossentropy" not in archive.read("config.json")
        weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")))
    names = []
    weights.visit(names.append)
    assert names
    assert not any("optimizer" in name for name in names)
    assert predict_splits(load(tmp_path), data)["test"].shape == (6, 3)


def test_saved_model_takes_the_phylum_next_to_the_photo_and_says_so(fitted_conditioned, conditioned):
    model, metadata = load(fitted_conditioned), read_json(fitted_conditioned / "metadata.json")
    assert [(tensor.name, tensor.shape[1:]) for tensor in model.inputs] == [
        ("rgb", (SIDE_PX, SIDE_PX, 3)),
        ("phylum", (2,)),
    ]
    assert metadata["input"]["values"] == "RGB, 0 to 255; phylum, one-hot in the order of phyla"
    assert metadata["input"]["phyla"] == PHYLA
    assert metadata["backbone"] == conditioned.description.model_dump()


def test_another_phylum_gives_another_prediction(fitted_conditioned, packed):
    model = load(fitted_conditioned)
    rows = packed.rows("test")
    (photos,) = photo_batches(packed, rows, 100)
    arthropoda, chordata = (
        keras.ops.convert_to_numpy(model([photos.numpy(), np.tile(phylum, (len(rows), 1))], training=False))
        for phylum in np.eye(2, dtype=np.float32)
    )
    ant = list(toy.FAMILIES).index("Formicidae")  # the only family of its phylum
    assert (arthropoda[:, ant] > chordata[:, ant]).all()
    assert np.abs(arthropoda - chordata).max() > 0.05
