"""Temperature, calibration error, thresholds and curves, against numbers worked out by hand and SciPy's softmax."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax, softmax

from rare_species.evaluate import calibration
from rare_species.metrics.photo_outcomes import log_loss
from tests.unit.drawn import predictions

few = settings(max_examples=40, deadline=None)
PHYLA = ["Chordata", "Arthropoda", "Chordata"]
# Confidence 0.9, 0.8, 0.7, 0.6, 0.5; right, right, wrong (same phylum), right, wrong (another phylum)
LABELS = np.array([0, 1, 2, 0, 0])
PROBABILITIES = np.array(
    [[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.7, 0.1, 0.2], [0.6, 0.2, 0.2], [0.3, 0.5, 0.2]], dtype=np.float32
)


@few
@given(predictions(), st.floats(0.2, 5))
def test_calibrating_is_a_softmax_of_logits_over_the_temperature(drawn, temperature):
    _, probabilities = drawn
    found = calibration.calibrate(probabilities, temperature)
    np.testing.assert_allclose(found, softmax(np.log(probabilities) / temperature, axis=1), atol=1e-6)


def test_temperature_of_overconfident_logits_is_found():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (4000, 5))
    labels = np.array([rng.choice(5, p=row) for row in softmax(logits, axis=1)])
    assert calibration.fit_temperature(labels, softmax(3 * logits, axis=1)) == pytest.approx(3, rel=0.1)
    assert calibration.fit_temperature(labels, softmax(logits / 2, axis=1)) == pytest.approx(0.5, rel=0.1)


def loss_at(labels, probabilities, temperature):
    """Cross-entropy, however improbable the true class is said to be."""
    return -log_softmax(np.log(probabilities) / temperature, axis=1)[np.arange(len(labels)), labels].mean()


def lowest_allowed_loss(labels, probabilities):
    """Of 1 and all temperatures, however far from it, that do not worsen the calibration error."""
    before = calibration.calibration_error(labels, probabilities)
    allowed = [
        temperature
        for temperature in np.geomspace(0.05, 20, 241)
        if calibration.calibration_error(labels, calibration.calibrate(probabilities, temperature)) <= before
    ]
    return min(loss_at(labels, probabilities, temperature) for temperature in [1, *allowed])


@settings(max_examples=15, deadline=None)
@given(predictions())
def test_no_temperature_is_better_than_the_one_that_is_found(drawn):
    labels, probabilities = drawn
    found = calibration.fit_temperature(labels, probabilities)
    assert loss_at(labels, probabilities, found) == pytest.approx(lowest_allowed_loss(labels, probabilities), rel=1e-6)


def test_mistakes_beyond_the_smallest_probability_make_it_less_sure():
    """What the metric clips counts in full: the right ones lose a little before it would be seen there."""
    probabilities = softmax(np.array([[5.0, 0.0]] * 89 + [[18.0, 0.0]] * 2), axis=1)
    labels = np.array([0] * 89 + [1] * 2)
    found = calibration.fit_temperature(labels, probabilities)
    assert found > 1.1
    assert loss_at(labels, probabilities, found) == pytest.approx(lowest_allowed_loss(labels, probabilities))


@few
@given(predictions())
def test_neither_loss_nor_calibration_error_is_above_that_before(drawn):
    labels, probabilities = drawn
    scaled = calibration.calibrate(probabilities, calibration.fit_temperature(labels, probabilities))
    before, after = (calibration.calibration_error(labels, values) for values in (probabilities, scaled))
    assert after <= before + 1e-6
    assert log_loss(labels, scaled) <= log_loss(labels, probabilities) + 1e-5


def test_a_certain_model_stays_finite():
    certain = np.eye(3, dtype=np.float32)[LABELS]
    assert np.isfinite(calibration.calibrate(certain, 3.0)).all()
    assert np.isfinite(calibration.fit_temperature((LABELS + 1) % 3, certain))


def test_temperature_of_lowest_loss_gives_way_to_one_that_betters_both():
    """The lowest loss is where half of the photos are said to be a little less sure than they are right."""
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 2, (150, 4))
    labels = np.array([rng.choice(4, p=row) for row in softmax(logits, axis=1)])
    probabilities = softmax(1.25 * logits, axis=1)
    found = calibration.fit_temperature(labels, probabilities)
    assert loss_at(labels, probabilities, found) == lowest_allowed_loss(labels, probabilities)
    assert found != 1


def test_reliability_and_its_error_by_hand():
    table = calibration.reliability(LABELS, PROBABILITIES, bins=2)  # (0, 0.5] and (0.5, 1]
    assert table.to_numpy().tolist() == [
        pytest.approx([0, 0.5, 1, 0.5, 0]),
        pytest.approx([0.5, 1, 4, 0.75, 0.75]),
    ]
    assert calibration.calibration_error(LABELS, PROBABILITIES, bins=2) == pytest.approx(0.1)


@few
@given(predictions(), st.integers(1, 20))
def test_calibration_error_is_that_of_a_loop_over_the_bins(drawn, bins):
    labels, probabilities = drawn
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    edges, expected = np.linspace(0, 1, bins + 1), 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            expected += inside.mean() * abs(confidence[inside].mean() - hit[inside].mean())
    assert calibration.calibration_error(labels, probabilities, bins) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@few
@given(predictions())
def test_bins_hold_every_photo_once(drawn):
    labels, probabilities = drawn
    table = calibration.reliability(labels, probabilities)
    assert table["images"].sum() == len(labels)
    assert ((table["low"] < table["confidence"] + 1e-9) & (table["confidence"] <= table["high"] + 1e-9)).all()


@pytest.mark.parametrize(("wanted", "expected"), [(1.0, 0.8), (0.75, 0.6), (0.6, 0.5), (0.5, 0.5)])
def test_threshold_is_the_lowest_that_is_precise_enough(wanted, expected):
    assert calibration.choose_threshold(LABELS, PROBABILITIES, wanted) == pytest.approx(expected)


def test_threshold_is_never_reached_where_nothing_is_precise_enough():
    wrong = (PROBABILITIES.argmax(axis=1) + 1) % 3
    threshold = calibration.choose_threshold(wrong, np.eye(3, dtype=np.float32)[PROBABILITIES.argmax(axis=1)], 0.9)
    assert threshold is None
    certain = np.eye(3, dtype=np.float32)[LABELS]
    assert calibration.selective_metrics(LABELS, certain, threshold, PHYLA)["answered"] == 0


def test_threshold_does_not_split_photos_that_are_equally_sure():
    equal = np.full((3, 2), 0.5, dtype=np.float32)
    assert calibration.choose_threshold(np.array([0, 1, 1]), equal, 0.5) is None
    assert calibration.choose_threshold(np.array([0, 1, 1]), equal, 1 / 3) == 0.5


def test_unsure_photos_are_answered_with_their_phylum():
    found = calibration.selective_metrics(LABELS, PROBABILITIES, 0.65, PHYLA)
    assert found == pytest.approx({"answered": 0.6, "precision": 2 / 3, "phylum_precision": 0.5, "right": 0.6})
    # photo 3 is right in its phylum; of photo 4 Arthropoda has 0.5, as much as Chordata, and comes first
    names, sums = calibration.phylum_probabilities(PROBABILITIES, PHYLA)
    assert names == ["Arthropoda", "Chordata"]
    np.testing.assert_allclose(sums[0], [0.05, 0.95])


def test_without_phyla_only_families_are_answered():
    found = calibration.selective_metrics(LABELS, PROBABILITIES, 0.0, ["", "", ""])
    assert found == pytest.approx({"answered": 1, "precision": 0.6})
    assert calibration.selective_metrics(LABELS, PROBABILITIES, 1.1, PHYLA)["precision"] == 1


def test_risk_coverage_by_hand():
    curve = calibration.risk_coverage(LABELS, PROBABILITIES)
    assert curve["coverage"].tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert curve["risk"].tolist() == pytest.approx([0, 0, 1 / 3, 1 / 4, 2 / 5])
    found = calibration.risk_coverage_metrics(curve)
    assert found == pytest.approx({"aurc": (1 / 3 + 1 / 4 + 2 / 5) / 5, "accuracy_at_80": 0.75})


def test_risk_coverage_takes_equally_sure_photos_together():
    equal = np.full((4, 2), 0.5, dtype=np.float32)
    curve = calibration.risk_coverage(np.array([0, 1, 1, 1]), equal)
    assert curve.to_numpy().tolist() == [[1, 0.75, 0.5]]


def test_calibration_holds_both_numbers():
    found = calibration.fit_calibration(LABELS, PROBABILITIES, 0.75)
    scaled = calibration.calibrate(PROBABILITIES, found.temperature)
    assert found.target_precision == 0.75
    assert found.family_threshold == calibration.choose_threshold(LABELS, scaled, 0.75)


@pytest.mark.parametrize(
    ("threshold", "sure"), [(0.5, [True, True, False]), (1.0, [True, False, False]), (None, [False] * 3)]
)
def test_sure_is_what_reaches_the_threshold(threshold, sure):
    assert calibration.is_sure(np.array([1, 0.5, 0.25], np.float32), threshold).tolist() == sure


def test_without_a_threshold_only_phyla_are_answered():
    found = calibration.selective_metrics(LABELS, PROBABILITIES, None, PHYLA)
    assert found["answered"] == 0
    assert found["right"] == found["phylum_precision"] > 0
