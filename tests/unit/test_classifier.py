"""What a champion's folder must hold, and whether it wants to be told a phylum."""

import json

import pytest

from rare_species.calibration import Calibration
from rare_species.classifier import read_classifier
from rare_species.errors import UserError
from rare_species.shards import Shape
from tests.unit.tf_fixtures import save_toy_champion


@pytest.fixture
def folder(tmp_path):
    return save_toy_champion(tmp_path / "champion")


def change(folder, section, key):
    file = folder / "metadata.json"
    metadata = json.loads(file.read_text(encoding="utf-8"))
    del (metadata[section] if section else metadata)[key]
    file.write_text(json.dumps(metadata), encoding="utf-8")


def test_all_is_read(folder):
    classifier = read_classifier(folder)
    assert classifier.shape == Shape(32, "crop", {"name": "none"}, 95)
    assert classifier.calibration == Calibration(1.5, 0.5, 0.9)
    assert [entry["family"] for entry in classifier.classes] == ["Felidae", "Formicidae", "Ranidae"]


def test_missing_files_are_named(folder):
    (folder / "model.keras").unlink()
    (folder / "classes.json").unlink()
    with pytest.raises(
        UserError, match=r"champion\. Received: no model\.keras and no classes\.json there\. Run .* repro"
    ):
        read_classifier(folder)


@pytest.mark.parametrize(("section", "key"), [("", "calibration"), ("input", "jpeg_quality")])
def test_a_model_that_is_no_champion_is_refused(folder, section, key):
    change(folder, section, key)
    with pytest.raises(UserError, match=rf"^Expected {key} in .*metadata\.json, which stage evaluate writes"):
        read_classifier(folder)


def test_phylum_is_told_to_a_model_that_wants_it(tmp_path):
    classifier = read_classifier(save_toy_champion(tmp_path, told=True))
    assert classifier.one_hot_phylum("Chordata").tolist() == [[0, 1]]
    for name, received in ((None, "none"), ("chordata", "'chordata'")):
        with pytest.raises(UserError, match=rf"--phylum with one of Arthropoda, Chordata.* Received: {received}\."):
            classifier.one_hot_phylum(name)


def test_phylum_is_not_told_to_a_model_that_sees_the_image_alone(folder):
    classifier = read_classifier(folder)
    assert classifier.one_hot_phylum(None) is None
    with pytest.raises(UserError, match=r"Expected no --phylum: .* Received: 'Chordata'\. Leave it out\."):
        classifier.one_hot_phylum("Chordata")
