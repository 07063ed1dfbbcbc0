"""What a champion's folder must hold, and whether it is conditioned on the phylum."""

import json
from pathlib import Path

import pytest

from rare_species.common.checksums import write_checksums
from rare_species.common.errors import UserError
from rare_species.data.shards import Preprocessing
from rare_species.evaluate.calibration import Calibration
from rare_species.evaluate.champion_file import read_classifier
from rare_species.saved_models.network_file import load_network
from tests.unit.tf_fixtures import save_toy_champion

MISSING = object()


@pytest.fixture
def folder(tmp_path):
    return save_toy_champion(tmp_path / "champion")


def change(folder, name, key, value):
    """Change a value of a document, or take it out, and list what is there then as its stage would have."""
    file = folder / name
    document = json.loads(file.read_text(encoding="utf-8"))
    *places, last = key.split(".")
    part = document
    for place in places:
        part = part[int(place) if place.isdecimal() else place]
    if value is MISSING:
        del part[last]
    else:
        part[last] = value
    file.write_text(json.dumps(document), encoding="utf-8")
    write_checksums(folder)


def test_all_is_read(folder):
    classifier = read_classifier(folder)
    expected = Preprocessing(image_size=32, resize="crop", treatment={"name": "none"}, jpeg_quality=95)
    assert classifier.preprocessing == expected
    assert classifier.calibration == Calibration(1.5, 0.5, 0.9)
    assert [entry["family"] for entry in classifier.classes] == ["Felidae", "Formicidae", "Ranidae"]


def test_missing_files_are_named(folder):
    (folder / "model.keras").unlink()
    (folder / "classes.json").unlink()
    with pytest.raises(
        UserError,
        match=r"champion\. Received: no .*champion/model\.keras and no .*champion/classes\.json\. Run .* repro",
    ):
        read_classifier(folder)


@pytest.mark.parametrize("name", ["model.keras", "classes.json", "metadata.json"])
def test_other_bytes_are_refused_whatever_they_are(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-3] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=rf"Expected .*{name} as its stage wrote it, .*Received: other bytes"):
        read_classifier(folder)


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:100])])
def test_list_that_is_missing_or_cut_is_refused(folder, damage):
    damage(folder / "SHA256SUMS")
    with pytest.raises(UserError, match="SHA256SUMS"):
        read_classifier(folder)


@pytest.mark.parametrize(
    ("name", "key", "value", "received"),
    [
        ("metadata.json", "calibration", MISSING, "calibration: Field required"),
        ("metadata.json", "input.jpeg_quality", MISSING, "input.jpeg_quality: Field required"),
        ("metadata.json", "input.image_size", "32", r"input.image_size: .* \('32'\)"),
        ("metadata.json", "input.resize", "zoom", "input.resize: .*'crop', 'pad' or 'stretch'"),
        ("metadata.json", "input.treatment.name", 1, "input.treatment: name must be that of a treatment, and is 1"),
        ("metadata.json", "input.jpeg_quality", 10, r"input.jpeg_quality: .* \(10\)"),
        ("metadata.json", "calibration.temperature", 0, "calibration.temperature: .* greater than 0"),
        ("metadata.json", "calibration.temperature", float("nan"), "calibration.temperature: .*finite"),
        ("metadata.json", "calibration.family_threshold", 2, "calibration.family_threshold"),
        ("metadata.json", "calibration.target_precision", 0, "calibration.target_precision"),
        ("metadata.json", "champion", "best", "champion: Input should be 'train' or 'tune'"),
        ("metadata.json", "test.accuracy", 1.5, "test: accuracy must be from 0 to 1, and is 1.5"),
        ("metadata.json", "test.loss", MISSING, "test: loss is missing"),
        ("metadata.json", "unknown", 1, "unknown: Extra inputs are not permitted"),
        ("metadata.json", "params.head.units", "8", "params.head.units: "),
        ("classes.json", "0.family", "", "0.family: "),
        ("classes.json", "1.family", "Felidae", "two classes of family 'Felidae'"),
        ("classes.json", "2.class_id", 999, "class_id 999 where 2 belongs"),
    ],
)
def test_documents_that_no_champion_has_are_refused(folder, name, key, value, received):
    change(folder, name, key, value)
    with pytest.raises(UserError, match=rf"^Expected .*{name} to be what its stage writes\. Received: {received}"):
        read_classifier(folder)


def test_threshold_that_no_probability_reaches_is_null(folder):
    change(folder, "metadata.json", "calibration.family_threshold", None)
    assert read_classifier(folder).calibration.family_threshold is None


def test_phyla_are_those_of_the_classes(tmp_path):
    folder = save_toy_champion(tmp_path, conditioned=True)
    change(folder, "metadata.json", "input.phyla", ["Chordata", "Arthropoda"])
    with pytest.raises(UserError, match=r"Expected input\.phyla of .* to be the phyla of .*classes\.json"):
        read_classifier(folder)


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("metadata.json", lambda document: document["input"].update(image_size=33)),
        ("metadata.json", lambda document: document["input"].update(phyla=["Arthropoda", "Chordata"])),
        ("classes.json", lambda document: document.pop()),
    ],
)
def test_network_is_the_one_that_the_documents_describe(folder, name, changed):
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    changed(document)
    (folder / name).write_text(json.dumps(document), encoding="utf-8")
    write_checksums(folder)
    with pytest.raises(
        UserError, match=r"Expected .*model\.keras to take .* as metadata\.json and classes\.json beside"
    ):
        load_network(read_classifier(folder))


def test_network_that_fits_is_loaded(folder, tmp_path):
    assert load_network(read_classifier(folder)).output_shape == (None, 3)
    assert len(load_network(read_classifier(save_toy_champion(tmp_path / "conditioned", conditioned=True))).inputs) == 2


def test_phylum_is_told_to_a_model_that_wants_it(tmp_path):
    classifier = read_classifier(save_toy_champion(tmp_path, conditioned=True))
    assert classifier.one_hot_phylum("Chordata").tolist() == [[0, 1]]
    for name, received in ((None, "none"), ("chordata", "'chordata'")):
        with pytest.raises(UserError, match=rf"--phylum with one of Arthropoda, Chordata.* Received: {received}\."):
            classifier.one_hot_phylum(name)


def test_phylum_is_not_told_to_a_model_that_sees_the_image_alone(folder):
    classifier = read_classifier(folder)
    assert classifier.one_hot_phylum(None) is None
    with pytest.raises(UserError, match=r"Expected no --phylum: .* Received: 'Chordata'\. Leave it out\."):
        classifier.one_hot_phylum("Chordata")
