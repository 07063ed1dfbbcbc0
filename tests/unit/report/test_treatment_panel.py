"""rare_species.cli.treatments: the same photos under every treatment that can be had."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from rare_species.cli import treatments as treatments_module
from rare_species.common.checksums import write_checksums
from rare_species.common.csv_tables import SPLIT_COLUMNS, write_table
from rare_species.images.fit_to_square import fit_square
from rare_species.params.preprocess import PreprocessParams
from rare_species.report import treatment_panel
from tests import toy
from tests.tiny_onnx import write_network

ALL = ["none", "circular_mask", "grayscale", "peripheral_blur", "remove_background"]
REMOVAL = "preprocess.remove_background.weights"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy's photos of three families, split, and a network, as the current folder."""
    photos, rows = toy.draw_photos()
    for name, data in photos.items():
        (tmp_path / "data/images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data/images" / name).write_bytes(data)
    table = pd.DataFrame(rows).reindex(columns=list(SPLIT_COLUMNS), fill_value="0")
    (tmp_path / "data/split").mkdir()
    write_table(tmp_path / "data/split/split.csv", table, SPLIT_COLUMNS)
    write_checksums(tmp_path / "data/split")
    write_network(tmp_path / "tiny.onnx")
    toy.write_params(tmp_path, {REMOVAL: "tiny.onnx"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def section(folder: Path) -> PreprocessParams:
    document = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    return PreprocessParams.model_validate(document["preprocess"])


def test_all_treatments_are_there_with_the_parameters_of_the_file(project: Path) -> None:
    toy.write_params(project, {REMOVAL: "tiny.onnx", "preprocess.circular_mask.colour": "red"})
    treatments = treatment_panel.available_treatments(section(project))
    assert list(treatments) == ALL
    assert treatments["circular_mask"](Image.new("RGB", (8, 8))).getpixel((0, 0)) == (255, 0, 0)


def test_a_treatment_without_its_network_is_left_out_and_the_log_says_why(
    project: Path, caplog: pytest.LogCaptureFixture
) -> None:
    toy.write_params(project, {REMOVAL: "gone.onnx"})
    with caplog.at_level(logging.WARNING):
        assert list(treatment_panel.available_treatments(section(project))) == ALL[:-1]
    (message,) = caplog.messages
    assert message.startswith("remove_background is left out. preprocess.remove_background.weights must be")
    assert "Received: 'gone.onnx'" in message


def test_panel_has_a_row_for_each_treatment_of_the_same_photos(project: Path) -> None:
    treatments = treatment_panel.available_treatments(section(project))
    photos = [fit_square(data, 32, "crop") for data in list(toy.draw_photos()[0].values())[:3]]
    figure = treatment_panel.draw_panel(photos, treatments)
    assert [axes.get_xlabel() for axes in figure.axes] == [name for name in ALL for _ in photos]
    assert [axes.get_subplotspec().colspan.start for axes in figure.axes] == [0, 1, 2] * len(ALL)
    for axes, (treat, photo) in zip(
        figure.axes, [(treat, photo) for treat in treatments.values() for photo in photos], strict=True
    ):
        np.testing.assert_array_equal(axes.images[0].get_array(), np.asarray(treat(photo)))


def test_command_draws_a_photo_of_each_family(project: Path) -> None:
    before = toy.snapshot(project)
    assert treatments_module.main(["--out", "pictures/panel.jpg"]) == 0
    with Image.open(project / "pictures/panel.jpg") as image:
        assert image.size == (2 * 3 * 100, (2.4 * len(ALL) + 0.5) * 100)
    (project / "pictures/panel.jpg").unlink()
    (project / "pictures").rmdir()
    assert toy.snapshot(project) == before


def test_command_refuses_names_that_are_no_jpeg(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert treatments_module.main(["--out", "panel.png"]) == 1
    assert "Expected --out to end in .jpg or .jpeg. Received: panel.png." in capsys.readouterr().err
    assert not (project / "panel.png").exists()


@pytest.mark.parametrize(
    ("missing", "expected"), [("params.yaml", "Expected params.yaml"), ("data/split/split.csv", "dvc repro")]
)
def test_command_says_what_is_missing(
    project: Path, capsys: pytest.CaptureFixture[str], missing: str, expected: str
) -> None:
    (project / missing).unlink()
    assert treatments_module.main(["--out", "panel.jpg"]) == 1
    stderr = capsys.readouterr().err
    assert expected in stderr
    assert "Traceback" not in stderr
    assert not (project / "panel.jpg").exists()
