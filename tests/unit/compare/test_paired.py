"""rare_species.compare.paired: the statistics behind a verdict, against hand-computed numbers."""

import math

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rare_species.compare.paired import (
    Verdict,
    compare_families,
    compare_metrics,
    compare_params,
    flatten,
    lost_metrics,
    mcnemar,
)
from rare_species.evaluate import confidence_intervals
from rare_species.metrics.photo_outcomes import Outcomes
from rare_species.params.compare import CompareParams
from tests import toy

DOCUMENT = yaml.safe_load((toy.REPO / "params.yaml").read_text(encoding="utf-8"))["compare"]
RULES = CompareParams.model_validate(DOCUMENT)
LABELS = np.repeat(np.arange(10), 6)


def outcomes(labels, wrong, n_classes=None):
    """Photos of which those with these numbers are taken for the next class."""
    n_classes = n_classes or int(labels.max()) + 1
    predicted = labels.copy()
    predicted[wrong] = (predicted[wrong] + 1) % n_classes
    hit = predicted == labels
    return Outcomes(labels, predicted, np.where(hit, 0.9, 0.1), np.where(hit, 1, 9), n_classes)


def changes(labels, wrong_before, wrong_now, rules=RULES, weights=None):
    if weights is None:
        weights = confidence_intervals.resample_for_differences(labels, 500, seed=0)
    return compare_metrics(outcomes(labels, wrong_before), outcomes(labels, wrong_now), weights, rules, 5)


# --- metrics and their intervals


def test_values_are_those_of_the_metrics():
    found = changes(LABELS, [], [0, 6])
    assert list(found) == ["macro_f1", "accuracy", "top5_accuracy", "loss"]
    assert (found["accuracy"].base, found["accuracy"].head) == pytest.approx((1, 58 / 60))
    assert found["loss"].head - found["loss"].base == pytest.approx(2 / 60 * math.log(9))
    f1 = (10 / 11, 10 / 12, 12 / 13)  # the class that lost one, that lost and got one, and that got one
    assert found["macro_f1"].head == pytest.approx((sum(f1) + 7) / 10)


def test_four_intervals_are_those_of_one_at_a_quarter_of_the_error():
    weights = confidence_intervals.resample_for_differences(LABELS, 500, seed=0)
    found = changes(LABELS, [], [0, 6, 12, 18], weights=weights)["accuracy"]
    lost = np.zeros(60)
    lost[[0, 6, 12, 18]] = -1 / 60
    expected = confidence_intervals.symmetric_interval(-4 / 60, weights @ lost, level=0.9875)
    assert (found.low, found.high) == pytest.approx(expected)


@settings(max_examples=30, deadline=None)
@given(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59)))
def test_exchanged_sides_have_the_opposite_differences(one, other):
    weights = confidence_intervals.resample_for_differences(LABELS, 50, seed=0)
    there, back = (changes(LABELS, list(a), list(b), weights=weights) for a, b in ((one, other), (other, one)))
    for name, change in there.items():
        opposite = (-back[name].high, -back[name].low)
        assert (change.low, change.high) == pytest.approx(opposite, abs=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_few_photos_that_all_got_worse_are_no_proof(size):
    """Of four photos none got better, so no bootstrap sample has a gain; the exact test gives p = 0.125."""
    labels = np.repeat(np.arange(90 // size), size)
    found = changes(labels, [], [0, 20, 40, 60])
    assert {found[name].status for name in ("accuracy", "top5_accuracy")} == {Verdict.UNCLEAR}
    assert mcnemar(outcomes(labels, []), outcomes(labels, [0, 20, 40, 60])).p == 0.125


def test_many_photos_that_all_got_worse_are_proof_even_alone_in_their_families():
    found = changes(np.arange(90), [], list(range(0, 90, 5)))
    assert {change.status for change in found.values()} == {Verdict.REGRESSED}


# --- verdicts


def rules(name, **parameters):
    return CompareParams.model_validate(DOCUMENT | {name: DOCUMENT[name] | parameters})


@pytest.mark.parametrize(("tolerance", "status"), [(0.29, Verdict.REGRESSED), (0.31, Verdict.WITHIN_TOLERANCE)])
def test_drop_of_accuracy_is_held_against_its_floor(tolerance, status):
    wrong = list(range(0, 60, 10)) + list(range(1, 60, 5))
    assert changes(LABELS, [], wrong, rules("accuracy", tolerance=tolerance))["accuracy"].status is status


@pytest.mark.parametrize(("share", "status"), [(0.9, Verdict.REGRESSED), (1.1, Verdict.WITHIN_TOLERANCE)])
def test_growth_of_the_loss_is_held_against_its_floor(share, status):
    wrong = list(range(0, 60, 10)) + list(range(1, 60, 5))
    tolerance = share * 18 / 60 * math.log(9)
    assert changes(LABELS, [], wrong, rules("loss", tolerance=tolerance))["loss"].status is status


def test_less_loss_and_more_of_the_rest_is_better():
    found = changes(LABELS, list(range(1, 60, 4)), [])
    assert {change.status for change in found.values()} == {Verdict.IMPROVED}


@pytest.mark.parametrize(
    ("name", "limit", "status"),
    [
        ("accuracy", {"minimum": 0.89}, Verdict.UNCLEAR),
        ("accuracy", {"minimum": 0.91}, Verdict.BEYOND_LIMIT),
        ("loss", {"maximum": 0.4}, Verdict.UNCLEAR),
        ("loss", {"maximum": 0.3}, Verdict.BEYOND_LIMIT),  # 0.325
    ],
)
def test_limits_hold_whatever_the_base_was(name, limit, status):
    same = list(range(0, 60, 10))
    assert changes(LABELS, same, same, rules(name, **limit))[name].status is status


@pytest.mark.parametrize(("side", "status"), [("base", Verdict.UNCLEAR), ("head", Verdict.NOT_A_NUMBER)])
def test_loss_that_is_not_a_number_is_the_heads_fault_alone(side, status):
    photos = {"base": outcomes(LABELS, []), "head": outcomes(LABELS, [])}
    photos[side].true_probability[0] = np.nan
    weights = confidence_intervals.resample_for_differences(LABELS, 50, seed=0)
    assert compare_metrics(*photos.values(), weights, RULES, 5)["loss"].status is status


# --- McNemar, families, metrics and parameters


@pytest.mark.parametrize(("lost", "won", "p"), [(0, 0, 1), (1, 0, 1), (3, 1, 0.625), (8, 0, 2**-7), (5, 5, 1)])
def test_mcnemar_is_exact(lost, won, p):
    found = mcnemar(outcomes(LABELS, list(range(won))), outcomes(LABELS, list(range(10, 10 + lost))))
    assert (found.only_base, found.only_head) == (lost, won)
    assert found.p == pytest.approx(p)


def test_families_that_changed_and_no_others():
    labels = np.array([0, 0, 0, 1, 1, 2, 2])
    (worse, better) = compare_families(outcomes(labels, [], 4), outcomes(labels, [0], 4), ["a", "b", "c", "d"])
    assert (worse.family, worse.images, worse.base_hits, worse.head_hits) == ("a", 3, 3, 2)
    assert (worse.base_f1, worse.head_f1) == pytest.approx((1, 4 / 5))
    assert (better.family, better.base_hits, better.head_hits) == ("b", 2, 2)  # no photo lost, one taken for it
    assert better.head_f1 == pytest.approx(4 / 5)
    assert worse.gain == pytest.approx((-1 / 5, -1))


def test_families_without_test_photos_are_left_out():
    labels = np.array([0, 0, 2, 2])
    found = compare_families(outcomes(labels, [], 3), outcomes(labels, [0], 3), ["a", "b", "c"])
    assert [change.family for change in found] == ["a"]


def test_metrics_are_lost_by_disappearing_or_ceasing_to_be_numbers():
    base = {"test": {"a": 1, "b": 0.5, "c": 0.5, "d": None, "e": float("nan"), "top5_accuracy": 1}, "gone": {"x": 1}}
    head = {"test": {"a": 1, "b": float("nan"), "c": None, "d": None, "e": 1.0, "top3_accuracy": 1}, "new": {"y": None}}
    assert lost_metrics(base, head) == {
        "test.b": "is not a number",
        "test.c": "is not a number",
        "gone.x": "disappeared",
    }


def test_parameters_that_differ_by_dotted_name():
    base = {"train": {"head": {"units": [256], "dropout": 0.4}, "space": {}}, "old": {"parameter": 1}}
    head = {"train": {"head": {"units": [256], "dropout": 0.1}, "space": {}}, "new": {"parameter": "x"}}
    assert compare_params(base, head) == {
        "train.head.dropout": (0.4, 0.1),
        "old.parameter": (1, None),
        "new.parameter": (None, "x"),
    }
    assert flatten(base)["train.space"] == {}
