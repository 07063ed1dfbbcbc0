"""From probabilities to metrics, tables and pictures, on numbers small enough to check by hand."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rare_species import bootstrap, plots, scores
from rare_species.assessment import Predictions, assess, draw_assessment, list_predictions, mask_phylum, write_csv
from rare_species.params import EvaluateParams
from rare_species.training_params import AugmentationParams
from tests import toy
from tests.unit.tf_fixtures import STILL

PARAMS = EvaluateParams(
    top_k=2,
    confused_families=2,
    worst_photos=2,
    resamples=200,
    views=0,
    augmentation=AugmentationParams(**STILL),
    seed=1,
)
CLASSES = [{"family": family, "phylum": phylum} for family, (phylum, _, _) in toy.FAMILIES.items()]
# Predicted class of each test photo, two of each family: one Felidae is taken for Formicidae, both Ranidae for
# Felidae, the second with more certainty.
PREDICTED = [0, 1, 1, 1, 0, 0]
CERTAINTY = [0.9, 0.6, 0.8, 0.8, 0.7, 0.95]


def probable(predicted, certainty):
    """Rows with `certainty` for the predicted class; of the rest, the lower class id gets three quarters."""
    rows = np.zeros((len(predicted), 3), dtype=np.float32)
    for row, name, high in zip(rows, predicted, certainty, strict=True):
        row[name] = high
        row[row == 0] = (1 - high) * np.array([0.75, 0.25])
    return rows


@pytest.fixture
def predictions(packed):
    labels = {split: packed.rows(split)["class_id"].to_numpy() for split in ("train", "val", "test")}
    probabilities = {
        "train": probable(labels["train"], [0.9] * 12),
        "val": probable([*labels["val"][:-1], 0], [0.8] * 6),
        "test": probable(PREDICTED, CERTAINTY),
    }
    return Predictions(labels, probabilities, CLASSES)


def test_every_split_is_scored(predictions):
    metrics = assess(predictions, PARAMS)
    assert list(metrics) == ["train", "val", "test", "test_95", "known_phylum", "gap"]
    assert metrics["train"]["accuracy"] == 1
    assert metrics["val"]["accuracy"] == pytest.approx(5 / 6)
    assert metrics["test"]["accuracy"] == pytest.approx(3 / 6)
    assert metrics["test"]["top2_accuracy"] == pytest.approx(4 / 6)  # both Ranidae rank third
    assert metrics["test"]["phylum_accuracy"] == pytest.approx(5 / 6)
    expected = scores.score(
        predictions.labels["test"], predictions.probabilities["test"], 2, [entry["phylum"] for entry in CLASSES]
    )
    assert {name: metrics["test"][name] for name in expected} == expected


def test_knowing_the_phylum_mends_mistakes_across_phyla_only(predictions):
    masked = mask_phylum(predictions, "test")
    np.testing.assert_allclose(masked.sum(axis=1), 1, rtol=1e-6)
    assert masked.argmax(axis=1).tolist() == [0, 0, 1, 1, 0, 0]  # the Felidae taken for Formicidae
    np.testing.assert_allclose(masked[1], [0.3 / 0.4, 0, 0.1 / 0.4], rtol=1e-5)
    known = assess(predictions, PARAMS)["known_phylum"]
    assert known["accuracy"] == pytest.approx(4 / 6)
    assert "phylum_accuracy" not in known


def test_a_photo_without_any_probability_in_its_phylum_keeps_a_uniform_one(predictions):
    certain = {**predictions.probabilities, "test": np.eye(3, dtype=np.float32)[[1, 1, 1, 1, 1, 1]]}
    masked = mask_phylum(replace(predictions, probabilities=certain), "test")
    np.testing.assert_allclose(masked[0], [0.5, 0, 0.5], rtol=1e-5)


def test_without_phyla_nothing_is_masked(predictions):
    unknown = [entry | {"phylum": ""} for entry in CLASSES]
    assert "known_phylum" not in assess(replace(predictions, classes=unknown), PARAMS)


def test_gaps_are_the_macro_f1_lost_from_split_to_split(predictions):
    metrics = assess(predictions, PARAMS)
    val = (4 / 5 + 1 + 2 / 3) / 3
    test = (2 / 5 + 4 / 5 + 0) / 3
    assert metrics["gap"] == pytest.approx({"train_val": 1 - val, "val_test": val - test})


def test_every_test_metric_has_an_interval_that_follows_the_seed(predictions):
    metrics = assess(predictions, PARAMS)
    test, spans = metrics["test"], metrics["test_95"]
    assert spans.keys() == test.keys()
    assert all(span["low"] - 1e-9 <= test[name] <= span["high"] + 1e-9 for name, span in spans.items())
    assert spans["macro_f1"]["low"] < spans["macro_f1"]["high"]
    assert assess(predictions, PARAMS) == metrics
    assert assess(predictions, PARAMS.model_copy(update={"seed": 2}))["test_95"] != spans
    labels = predictions.labels["test"]
    weights = bootstrap.resample_within_classes(labels, 200, 1)
    photos = bootstrap.outcomes(labels, predictions.probabilities["test"])
    samples = bootstrap.sample_scores(photos, weights, PARAMS.top_k)["macro_f1"]
    assert tuple(spans["macro_f1"].values()) == bootstrap.interval(test["macro_f1"], samples)


def test_predictions_are_listed_photo_by_photo(predictions, packed):
    paths = packed.rows("test")["file_path"].to_numpy(dtype=str)
    table = list_predictions(predictions, paths)
    assert table["file_path"].tolist() == paths.tolist()
    assert table["family"].tolist() == [path.split("/")[0] for path in paths]
    assert table["predicted"].tolist() == [CLASSES[name]["family"] for name in PREDICTED]
    assert table["probability"].tolist() == pytest.approx(CERTAINTY)
    assert table["true_probability"].tolist() == pytest.approx([0.9, 0.3, 0.8, 0.8, 0.075, 0.0125])
    assert table["true_rank"].tolist() == [1, 2, 1, 1, 3, 3]


def test_assessment_writes_these_files_with_the_same_bytes_every_time(predictions, packed, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        draw_assessment(predictions, packed, tmp_path / name, PARAMS, "train")
    assert sorted(toy.snapshot(tmp_path / "a")) == [
        "confusion.png",
        "families.csv",
        "families.png",
        "misclassified.jpg",
        "most_confused.png",
        "plots/sklearn/confusion.json",
        "plots/sklearn/most_confused.json",
        "predictions.csv",
    ]
    assert toy.snapshot(tmp_path / "a") == toy.snapshot(tmp_path / "b")


def test_tables_name_the_families(predictions, packed, tmp_path):
    draw_assessment(predictions, packed, tmp_path, PARAMS, "train")
    families = pd.read_csv(tmp_path / "families.csv", keep_default_na=False)
    assert families["family"].tolist() == list(toy.FAMILIES)
    assert families["train_images"].tolist() == [4, 4, 4]
    assert families["images"].tolist() == [2, 2, 2]
    assert families["recall"].tolist() == [0.5, 1, 0]
    assert families["confused_with"].tolist() == ["Formicidae", "", "Felidae"]
    assert len(pd.read_csv(tmp_path / "predictions.csv")) == 6


def test_confusion_is_written_for_all_and_for_the_most_confused_families(predictions, packed, tmp_path):
    draw_assessment(predictions, packed, tmp_path, PARAMS, "train")
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


def test_sheet_shows_the_mistakes_the_model_was_surest_of(predictions, packed, tmp_path, monkeypatch):
    calls = []

    def contact_sheet(photos, captions, title, draw=plots.contact_sheet):
        calls.append((photos, captions, title))
        return draw(photos, captions, title)

    monkeypatch.setattr(plots, "contact_sheet", contact_sheet)
    draw_assessment(predictions, packed, tmp_path, PARAMS, "train")
    ((photos, captions, title),) = calls
    assert captions == ["Ranidae\nas Felidae 0.95", "Ranidae\nas Felidae 0.70"]
    assert title == "train: 3 of 6 test photos misclassified; the 2 it was surest of"
    rows = packed.rows("test").iloc[[5, 4]]
    for photo, jpeg in zip(photos, [next(packed.read(rows.iloc[[place]])) for place in (0, 1)], strict=True):
        (tmp_path / "photo.jpg").write_bytes(jpeg)
        with Image.open(tmp_path / "photo.jpg") as expected:
            np.testing.assert_array_equal(np.asarray(photo), np.asarray(expected))


def test_perfect_model_is_drawn_too(predictions, packed, tmp_path):
    perfect = {**predictions.probabilities, "test": probable(predictions.labels["test"], [0.9] * 6)}
    draw_assessment(Predictions(predictions.labels, perfect, CLASSES), packed, tmp_path, PARAMS, "train")
    assert (tmp_path / "misclassified.jpg").is_file()


def test_csv_has_six_digits_and_unix_line_ends(tmp_path):
    write_csv(tmp_path / "table.csv", pd.DataFrame({"a": [1 / 3, 2.0], "b": ["x", "y"]}))
    assert (tmp_path / "table.csv").read_bytes() == b"a,b\n0.333333,x\n2,y\n"
