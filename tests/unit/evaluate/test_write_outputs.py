"""The tables and pictures of a candidate with three mistakes in six test photos."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rare_species.evaluate import figures
from rare_species.evaluate.figures import FIGURES
from rare_species.evaluate.measured_classifier import MeasuredClassifier, describe_photos
from rare_species.evaluate.write_outputs import TABLES, write_plots, write_rounded
from rare_species.figures import contact_sheet as contact_sheets
from tests import toy
from tests.unit.predictions import CLASSES, PARAMS, PREDICTED, make_predictions, probable


@pytest.fixture
def candidate(packed):
    paths, sides = packed.rows("test")["file_path"], [32, 35, 40, 41, 42, 48]
    manifest = pd.DataFrame({"file_path": paths, "width": sides, "height": "50"})
    return MeasuredClassifier("train", make_predictions(packed).of_test(), packed, describe_photos(packed, manifest))


def test_every_table_and_figure_is_written_with_the_same_bytes_every_time(candidate, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_plots(candidate, tmp_path / name, PARAMS)
    confusion = {f"plots/sklearn/{name}.json" for name in ("confusion", "most_confused")}
    assert set(toy.snapshot(tmp_path / "a")) == {*TABLES, *FIGURES} | confusion
    assert toy.snapshot(tmp_path / "a") == toy.snapshot(tmp_path / "b")


def test_tables_name_the_families(candidate, tmp_path):
    write_plots(candidate, tmp_path, PARAMS)
    families = pd.read_csv(tmp_path / "families.csv", keep_default_na=False)
    assert families["family"].tolist() == list(toy.FAMILIES)
    assert families["train_images"].tolist() == [4, 4, 4]
    assert families["images"].tolist() == [2, 2, 2]
    assert families["recall"].tolist() == [0.5, 1, 0]
    assert families["confused_with"].tolist() == ["Formicidae", "", "Felidae"]
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 6


def test_confusion_is_written_for_all_and_for_the_most_confused_families(candidate, tmp_path):
    write_plots(candidate, tmp_path, PARAMS)
    every, worst = (
        json.loads((tmp_path / f"plots/sklearn/{name}.json").read_text()) for name in ("confusion", "most_confused")
    )
    assert [row["predicted"] for row in every] == [CLASSES[name]["family"] for name in PREDICTED]
    # Felidae has 1 + 2 mistakes, Formicidae 0 + 1, Ranidae 2 + 0
    assert {row["actual"] for row in worst} == {"Felidae", "Ranidae"}
    assert [(row["actual"], row["predicted"]) for row in worst] == [
        ("Felidae", "Felidae"),
        ("Ranidae", "Felidae"),
        ("Ranidae", "Felidae"),
    ]


def test_sheet_shows_the_mistakes_the_model_was_surest_of(candidate, tmp_path, monkeypatch):
    calls = []

    def contact_sheet(photos, captions, title, draw=contact_sheets.contact_sheet):
        calls.append((photos, captions, title))
        return draw(photos, captions, title)

    monkeypatch.setattr(figures, "contact_sheet", contact_sheet)
    write_plots(candidate, tmp_path, PARAMS)
    ((photos, captions, title),) = calls
    assert captions == ["Ranidae\nas Felidae 0.95", "Ranidae\nas Felidae 0.70"]
    assert title == "train: 3 of 6 test photos misclassified; the 2 it was surest of"
    rows = candidate.rows.iloc[[5, 4]]
    for photo, jpeg in zip(photos, [next(candidate.packed.read(rows.iloc[[place]])) for place in (0, 1)], strict=True):
        (tmp_path / "photo.jpg").write_bytes(jpeg)
        with Image.open(tmp_path / "photo.jpg") as expected:
            np.testing.assert_array_equal(np.asarray(photo), np.asarray(expected))


def test_perfect_model_is_drawn_too(candidate, tmp_path):
    labels = candidate.predictions.labels["test"]
    perfect = make_predictions(candidate.packed, test=probable(labels, [0.9] * 6))
    write_plots(replace(candidate, predictions=perfect), tmp_path, PARAMS)
    assert (tmp_path / "misclassified.jpg").is_file()
    assert (tmp_path / "pairs.csv").read_text() == "family,predicted,images,same_phylum\n"


def test_without_phyla_there_is_no_phylum_matrix_but_its_file(candidate, tmp_path):
    unknown = [entry | {"phylum": ""} for entry in CLASSES]
    write_plots(replace(candidate, predictions=replace(candidate.predictions, classes=unknown)), tmp_path, PARAMS)
    assert (tmp_path / "phyla.png").is_file()
    assert pd.read_csv(tmp_path / "pairs.csv", keep_default_na=False)["same_phylum"].tolist() == ["", ""]


def test_tables_of_calibration_and_conditions(candidate, tmp_path):
    write_plots(candidate, tmp_path, PARAMS)
    reliability, curve, conditions, pairs = (
        pd.read_csv(tmp_path / f"{name}.csv") for name in ("reliability", "risk_coverage", "conditions", "pairs")
    )
    assert set(reliability["probabilities"]) == {"as trained", "calibrated"}
    assert reliability.groupby("probabilities")["images"].sum().tolist() == [6, 6]
    assert (curve["coverage"].iloc[-1], curve["risk"].iloc[-1]) == (1, 0.5)
    assert list(conditions["property"].unique()) == ["shorter_side_px", "brightness", "sharpness"]
    assert conditions.groupby("property")["images"].sum().tolist() == [6, 6, 6]
    assert pairs.to_numpy().tolist() == [["Ranidae", "Felidae", 2, "yes"], ["Felidae", "Formicidae", 1, "no"]]


def test_sides_are_those_of_the_test_photos_in_their_order(packed):
    paths = packed.index["file_path"].tolist()
    manifest = pd.DataFrame(
        {"file_path": paths[::-1], "width": "40", "height": [str(90 - n) for n in range(len(paths))]}
    )
    manifest.loc[manifest["file_path"] == packed.rows("test")["file_path"].iloc[1], "height"] = "33"
    assert describe_photos(packed, manifest)["shorter_side_px"].tolist() == [40, 33, 40, 40, 40, 40]


def test_csv_has_six_digits_and_unix_line_ends(tmp_path):
    write_rounded(tmp_path / "table.csv", pd.DataFrame({"a": [1 / 3, 2.0], "b": ["x", "y"]}))
    assert (tmp_path / "table.csv").read_bytes() == b"a,b\n0.333333,x\n2,y\n"
