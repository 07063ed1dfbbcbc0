"""What people use: the champion's folder."""

from dataclasses import asdict

import pytest

from rare_species.champion import save_champion
from rare_species.files import read_json, write_json
from tests.unit.predictions import PARAMS, make_predictions


def test_champion_is_a_copy_whose_metadata_say_how_sure_and_how_right_it_is(packed, tmp_path):
    candidate, folder = tmp_path / "tune", tmp_path / "champion"
    candidate.mkdir()
    folder.mkdir()
    (candidate / "model.keras").write_bytes(b"a model")
    write_json(candidate / "classes.json", [{"family": "Felidae"}])
    write_json(candidate / "metadata.json", {"best_epoch": 3})
    predictions = make_predictions(packed).of_test()
    save_champion(folder, candidate, predictions, PARAMS.top_k)
    assert sorted(path.name for path in folder.iterdir()) == ["classes.json", "metadata.json", "model.keras"]
    for name in ("model.keras", "classes.json"):
        assert (folder / name).read_bytes() == (candidate / name).read_bytes()
    metadata = read_json(folder / "metadata.json")
    assert (metadata["best_epoch"], metadata["champion"]) == (3, "tune")
    assert metadata["calibration"] == asdict(predictions.calibration)
    assert metadata["test"]["accuracy"] == pytest.approx(0.5)
    assert metadata["test"]["top2_accuracy"] == pytest.approx(4 / 6, abs=1e-6)
