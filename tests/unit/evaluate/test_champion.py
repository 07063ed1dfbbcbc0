"""What people use: the champion's folder."""

from dataclasses import asdict

import pytest
from pydantic import ValidationError

from rare_species.common.checksums import check_files, write_checksums
from rare_species.common.staged_files import read_json, write_json
from rare_species.evaluate.champion import save_champion
from rare_species.evaluate.champion_file import read_classifier
from rare_species.saved_models.metadata import read_saved
from tests.unit.predictions import PARAMS, make_predictions
from tests.unit.tf_fixtures import METADATA, SIDE_PX

INPUT = {
    "image_size": SIDE_PX,
    "resize": "crop",
    "treatment": {"name": "none"},
    "jpeg_quality": 95,
    "values": "RGB, 0 to 255",
    "phyla": [],
}


@pytest.fixture
def candidate(tmp_path):
    """A candidate's folder as its stage leaves it, but for the network."""
    folder = tmp_path / "tune"
    folder.mkdir()
    (folder / "model.keras").write_bytes(b"a model")
    write_json(folder / "classes.json", [{"class_id": 0, "family": "Felidae", "phylum": "Chordata"}])
    write_json(folder / "metadata.json", METADATA | {"input": INPUT})
    write_checksums(folder)
    return read_saved(folder)


@pytest.fixture
def folder(tmp_path):
    """Where the champion goes."""
    (tmp_path / "champion").mkdir()
    return tmp_path / "champion"


def test_champion_is_a_copy_whose_metadata_say_how_sure_and_how_right_it_is(packed, candidate, folder):
    predictions = make_predictions(packed).of_test()
    save_champion(folder, candidate, predictions, PARAMS.top_k)
    write_checksums(folder)  # as the stage does
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "classes.json",
        "metadata.json",
        "model.keras",
    ]
    check_files(folder, "classes.json", "metadata.json", "model.keras")
    for name in ("model.keras", "classes.json"):
        assert (folder / name).read_bytes() == (candidate.folder / name).read_bytes()
    metadata = read_json(folder / "metadata.json")
    assert (metadata["best_epoch"], metadata["champion"]) == (3, "tune")
    assert metadata["params"] == METADATA["params"]
    assert metadata["calibration"] == asdict(predictions.calibration)
    assert metadata["test"]["accuracy"] == pytest.approx(0.5)
    assert metadata["test"]["top2_accuracy"] == pytest.approx(4 / 6, abs=1e-6)
    assert read_classifier(folder).calibration == predictions.calibration


@pytest.mark.parametrize("temperature", [0.0, -1.0])
def test_what_predict_would_refuse_is_not_written(packed, candidate, folder, temperature):
    predictions = make_predictions(packed).of_test()
    object.__setattr__(predictions.calibration, "temperature", temperature)
    with pytest.raises(ValidationError, match=r"calibration\.temperature"):
        save_champion(folder, candidate, predictions, PARAMS.top_k)
