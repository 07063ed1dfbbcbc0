"""From probabilities to metrics, on numbers small enough to check by hand."""

from dataclasses import replace

import numpy as np
import pytest

from rare_species.evaluate import confidence_intervals
from rare_species.evaluate.calibration import calibrate, calibration_error
from rare_species.evaluate.candidate_metrics import evaluate_predictions, list_predictions, mask_phylum
from rare_species.metrics.photo_outcomes import log_loss, outcomes
from rare_species.metrics.registry import compute_metrics, sample_metrics
from tests.unit.predictions import CERTAINTY, CLASSES, PARAMS, PREDICTED, make_predictions


@pytest.fixture
def predictions(packed):
    return make_predictions(packed)


def test_every_split_is_scored(predictions):
    metrics = evaluate_predictions(predictions, PARAMS)
    assert list(metrics) == [
        "train",
        "val",
        "test",
        "test_95",
        "known_phylum",
        "gap",
        "calibration",
        "selective",
        "risk_coverage",
    ]
    assert metrics["train"]["accuracy"] == 1
    assert metrics["val"]["accuracy"] == pytest.approx(5 / 6)
    assert metrics["test"]["accuracy"] == pytest.approx(3 / 6)
    assert metrics["test"]["top2_accuracy"] == pytest.approx(4 / 6)  # both Ranidae rank third
    assert metrics["test"]["phylum_accuracy"] == pytest.approx(5 / 6)
    expected = compute_metrics(
        predictions.labels["test"], predictions.probabilities["test"], 2, [entry["phylum"] for entry in CLASSES]
    )
    assert {name: metrics["test"][name] for name in expected} == expected


def test_knowing_the_phylum_mends_mistakes_across_phyla_only(predictions):
    masked = mask_phylum(predictions, "test")
    np.testing.assert_allclose(masked.sum(axis=1), 1, rtol=1e-6)
    assert masked.argmax(axis=1).tolist() == [0, 0, 1, 1, 0, 0]  # the Felidae taken for Formicidae
    np.testing.assert_allclose(masked[1], [0.3 / 0.4, 0, 0.1 / 0.4], rtol=1e-5)
    known = evaluate_predictions(predictions, PARAMS)["known_phylum"]
    assert known["accuracy"] == pytest.approx(4 / 6)
    assert "phylum_accuracy" not in known


def test_a_photo_without_any_probability_in_its_phylum_keeps_a_uniform_one(predictions):
    certain = {**predictions.probabilities, "test": np.eye(3, dtype=np.float32)[[1, 1, 1, 1, 1, 1]]}
    masked = mask_phylum(replace(predictions, probabilities=certain), "test")
    np.testing.assert_allclose(masked[0], [0.5, 0, 0.5], rtol=1e-5)


def test_without_phyla_nothing_is_masked(predictions):
    unknown = [entry | {"phylum": ""} for entry in CLASSES]
    assert "known_phylum" not in evaluate_predictions(replace(predictions, classes=unknown), PARAMS)


def test_gaps_are_the_macro_f1_lost_from_split_to_split(predictions):
    metrics = evaluate_predictions(predictions, PARAMS)
    val = (4 / 5 + 1 + 2 / 3) / 3
    test = (2 / 5 + 4 / 5 + 0) / 3
    assert metrics["gap"] == pytest.approx({"train_val": 1 - val, "val_test": val - test})


def test_every_test_metric_has_an_interval_that_follows_the_seed(predictions):
    metrics = evaluate_predictions(predictions, PARAMS)
    test, spans = metrics["test"], metrics["test_95"]
    assert spans.keys() == test.keys()
    assert all(span["low"] - 1e-9 <= test[name] <= span["high"] + 1e-9 for name, span in spans.items())
    assert spans["macro_f1"]["low"] < spans["macro_f1"]["high"]
    assert evaluate_predictions(predictions, PARAMS) == metrics
    assert evaluate_predictions(predictions, PARAMS.model_copy(update={"seed": 2}))["test_95"] != spans
    labels = predictions.labels["test"]
    weights = confidence_intervals.resample_within_classes(labels, 200, 1)
    photos = outcomes(labels, predictions.probabilities["test"])
    samples = sample_metrics(photos, weights, PARAMS.top_k)["macro_f1"]
    assert tuple(spans["macro_f1"].values()) == confidence_intervals.interval(
        test["macro_f1"], samples, confidence_intervals.degrees_of_freedom(labels)
    )


def test_predictions_are_listed_photo_by_photo(predictions, packed):
    paths = packed.rows("test")["file_path"].to_numpy(dtype=str)
    table = list_predictions(predictions, paths)
    assert table["file_path"].tolist() == paths.tolist()
    assert table["family"].tolist() == [path.split("/")[0] for path in paths]
    assert table["predicted"].tolist() == [CLASSES[name]["family"] for name in PREDICTED]
    assert table["probability"].tolist() == pytest.approx(CERTAINTY)
    assert table["true_probability"].tolist() == pytest.approx([0.9, 0.3, 0.8, 0.8, 0.075, 0.0125])
    assert table["true_rank"].tolist() == [1, 2, 1, 1, 3, 3]
    assert table["calibrated_probability"].tolist() == pytest.approx(
        predictions.calibrated("test").max(axis=1), abs=1e-6
    )


def test_metrics_say_how_sure_answers_are_before_and_after_scaling(predictions):
    metrics = evaluate_predictions(predictions, PARAMS)
    found = metrics["calibration"]
    assert found["temperature"] == predictions.calibration.temperature
    for split in ("val", "test"):
        labels, before = predictions.labels[split], predictions.probabilities[split]
        after = calibrate(before, found["temperature"])
        assert found[split] == {
            "ece": calibration_error(labels, before),
            "ece_calibrated": calibration_error(labels, after),
            "loss": log_loss(labels, before),
            "loss_calibrated": log_loss(labels, after),
        }
    selective = metrics["selective"]
    assert (selective["target_precision"], selective["threshold"]) == (0.75, predictions.calibration.family_threshold)
    assert selective["val"]["precision"] >= 0.75
    assert metrics["risk_coverage"]["accuracy_at_80"] == pytest.approx(3 / 5)  # the surest five, by hand
