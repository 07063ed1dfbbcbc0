"""What people use: the champion's folder."""

from rare_species.calibration import Calibration
from rare_species.champion import save_champion
from rare_species.files import read_json, write_json


def test_champion_is_a_copy_whose_metadata_say_how_sure_it_is(tmp_path):
    candidate, folder = tmp_path / "tune", tmp_path / "champion"
    candidate.mkdir()
    folder.mkdir()
    (candidate / "model.keras").write_bytes(b"a model")
    write_json(candidate / "classes.json", [{"family": "Felidae"}])
    write_json(candidate / "metadata.json", {"best_epoch": 3})
    save_champion(folder, candidate, Calibration(1.5, 0.25, 0.9), {"accuracy": 2 / 3})
    assert sorted(path.name for path in folder.iterdir()) == ["classes.json", "metadata.json", "model.keras"]
    for name in ("model.keras", "classes.json"):
        assert (folder / name).read_bytes() == (candidate / name).read_bytes()
    assert read_json(folder / "metadata.json") == {
        "best_epoch": 3,
        "champion": "tune",
        "calibration": {"temperature": 1.5, "family_threshold": 0.25, "wanted_precision": 0.9},
        "test": {"accuracy": 0.666667},
    }
