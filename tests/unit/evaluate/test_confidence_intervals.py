"""The bootstrap within classes: its weights, its metrics against scikit-learn's weighted ones, its intervals."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn import metrics

from rare_species.evaluate import confidence_intervals
from rare_species.metrics.auc import sample_macro_auc
from rare_species.metrics.photo_outcomes import Outcomes, outcomes
from rare_species.metrics.registry import compute_metrics, sample_metrics
from tests.unit.drawn import predictions

few = settings(max_examples=30, deadline=None)
EXACT = {"rel": 1e-9, "abs": 1e-9}
LABELS = np.array([0, 0, 0, 1, 1, 2, 4, 4, 4, 4])


def test_classes_keep_their_share_and_single_photos_stay():
    weights = confidence_intervals.resample_within_classes(LABELS, 200, seed=0)
    assert weights.shape == (200, 10)
    for name, count in zip(*np.unique(LABELS, return_counts=True), strict=True):
        np.testing.assert_allclose(weights[:, name == LABELS].sum(axis=1), count, rtol=1e-12)
    assert set(weights[:, LABELS == 1].ravel()) == {0, 2}  # one of two is drawn, and counts for both
    assert set(weights[:, LABELS == 2].ravel()) == {1}


def test_photos_that_are_alone_are_drawn_among_each_other():
    labels = np.array([0, 1, 2, 3, 3])
    weights = confidence_intervals.resample_within_classes(labels, 200, seed=0)
    np.testing.assert_allclose(weights[:, :3].sum(axis=1), 3, rtol=1e-12)
    assert set(weights[:, 0]) == {0, 1.5, 3}
    photos = Outcomes(labels, np.array([0, 1, 3, 3, 3]), np.ones(5), np.ones(5, dtype=np.int64), 4)
    found = sample_metrics(photos, weights, 1)
    np.testing.assert_allclose(found["macro_recall"], (weights[:, 0] + weights[:, 1] + 1) / 4)
    areas = sample_macro_auc(labels, np.eye(4, dtype=np.float32)[[0, 1, 3, 3, 3]], weights)
    assert np.isfinite(areas).all()


def test_auc_of_a_class_counts_as_its_photos_do_even_when_no_others_do():
    labels, weights = np.array([0, 0, 1, 1]), np.array([[1.0, 1, 1, 1], [0, 0, 2, 2], [0, 0, 0, 0]])
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.5, 0.5], [0.2, 0.8]], dtype=np.float32)
    assert sample_macro_auc(labels, probabilities, weights) == pytest.approx([0.75, 0, 0])


def test_variance_of_a_share_is_the_unbiased_one():
    """Plain resampling of four photos would give three quarters of it."""
    hit = np.array([1.0, 0.0, 0.0, 0.0])
    weights = confidence_intervals.resample_within_classes(np.zeros(4, dtype=int), 100_000, seed=0)
    assert (weights @ hit / 4).var() == pytest.approx(hit.var(ddof=1) / 4, rel=0.02)


def test_samples_repeat_with_the_seed_and_differ_with_another():
    first, same, other = (confidence_intervals.resample_within_classes(LABELS, 50, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_samples_for_differences_vary_photos_that_are_alone_too():
    within, found = (
        draw(LABELS, 2000, seed=0)
        for draw in (confidence_intervals.resample_within_classes, confidence_intervals.resample_for_differences)
    )
    alone = LABELS == 2
    assert set(found[:, alone].ravel()) == {0, 2}
    assert found[:, alone].mean() == pytest.approx(1, abs=0.07)  # three standard errors
    np.testing.assert_array_equal(found[:, ~alone], within[:, ~alone])


def test_class_counts_in_macro_averages_as_its_photos_do():
    """Class 1 has one photo: with weight 2 its F1 of 1 counts twice, with weight 0 not at all."""
    labels = np.array([0, 0, 1])
    blank = np.ones(3)
    photos = Outcomes(labels, np.array([2, 2, 1]), blank, blank.astype(np.int64), 3)
    weights = np.array([[1.0, 1, 1], [1, 1, 2], [1, 1, 0]])
    assert sample_metrics(photos, weights, 1)["macro_f1"] == pytest.approx([0.5, 1, 0])


def some_weights(labels, seed):
    """Of samples that keep every class: scikit-learn's averages count all alike."""
    weights = confidence_intervals.resample_within_classes(labels, 3, seed)
    weights[:, np.bincount(labels)[labels] == 1] = 1
    return weights


@few
@given(predictions(), st.integers(0, 9), st.integers(1, 3))
def test_every_sample_has_the_metrics_of_scikit_learn(drawn, seed, top_k):
    labels, probabilities = drawn
    weights, present = some_weights(labels, seed), np.unique(labels)
    photos = outcomes(labels, probabilities)
    found = sample_metrics(photos, weights, top_k)
    for number, weight in enumerate(weights):
        expected = {
            "loss": metrics.log_loss(
                labels, probabilities, labels=np.arange(probabilities.shape[1]), sample_weight=weight
            ),
            "accuracy": metrics.accuracy_score(labels, photos.predicted, sample_weight=weight),
            f"top{top_k}_accuracy": np.average(photos.true_rank <= top_k, weights=weight),
        }
        for average in ("macro", "weighted"):
            values = metrics.precision_recall_fscore_support(
                labels, photos.predicted, labels=present, average=average, zero_division=0.0, sample_weight=weight
            )
            expected |= {f"{average}_{name}": values[place] for place, name in enumerate(("precision", "recall", "f1"))}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of predicted classes that have no photos
            expected["balanced_accuracy"] = metrics.balanced_accuracy_score(
                labels, photos.predicted, sample_weight=weight
            )
        assert {name: found[name][number] for name in expected} == pytest.approx(expected, **EXACT)


@few
@given(predictions(min_present=2), st.integers(0, 9))
def test_auc_of_every_sample_is_that_of_scikit_learn(drawn, seed):
    labels, probabilities = drawn
    weights = some_weights(labels, seed)
    expected = [
        np.mean(
            [metrics.roc_auc_score(labels == name, probabilities[:, name], sample_weight=w) for name in set(labels)]
        )
        for w in weights
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rare_species.metrics.auc.PHOTOS_AT_ONCE", 3)
        found = sample_macro_auc(labels, probabilities, weights)
    assert found == pytest.approx(expected, **EXACT)


@few
@given(predictions())
def test_metrics_without_resampling_are_those_of_the_scores(drawn):
    labels, probabilities = drawn
    whole = np.ones((1, len(labels)))
    found = sample_metrics(outcomes(labels, probabilities), whole, 2)
    found["macro_auc"] = sample_macro_auc(labels, probabilities, whole)
    expected = compute_metrics(labels, probabilities, 2)
    assert found.keys() == expected.keys()
    assert {name: values[0] for name, values in found.items()} == pytest.approx(expected, **EXACT)


def test_interval_is_the_middle_of_the_samples_around_the_estimate():
    samples = np.random.default_rng(0).permutation(1001).astype(float)
    assert confidence_intervals.interval(500, samples, np.inf) == pytest.approx((25, 975))
    biased = confidence_intervals.interval(600, samples, np.inf, level=0.5)  # by 100
    assert biased == pytest.approx((350, 850))


def test_interval_of_few_degrees_of_freedom_is_wider_by_students_t():
    samples = np.random.default_rng(0).permutation(1001).astype(float)
    reach = 475 * 2.570582 / 1.959964  # the 97.5 % points of t with 5 degrees of freedom and of the normal
    assert confidence_intervals.interval(500, samples, 5) == pytest.approx((500 - reach, 500 + reach))


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([4] * 24, 72),  # as many as the photos less the classes, where classes are alike
        ([9], 8),
        ([2, 3], (1 / 2 + 1 / 3) ** 2 / (1 / 4 + 1 / 18)),
        ([1] * 5, 4),  # drawn among each other
        ([1, 1, 2], (2 + 1 / 2) ** 2 / (4 + 1 / 4)),
        ([1, 3], 2),  # the single photo stands still
        ([1], np.inf),
    ],
)
def test_degrees_of_freedom_are_satterthwaites(counts, expected):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) * 2, counts))
    assert confidence_intervals.degrees_of_freedom(labels) == pytest.approx(expected)


def test_symmetric_interval_is_the_estimate_give_or_take_deviations():
    samples = np.array([1.0, 3.0])  # a deviation of the root of 2
    assert confidence_intervals.symmetric_interval(5, samples) == pytest.approx((5 - 2.771808, 5 + 2.771808))
    low, high = confidence_intervals.symmetric_interval(5, samples, level=0.6826894921370859)
    assert (low, high) == pytest.approx((5 - 2**0.5, 5 + 2**0.5))


@few
@given(arrays(np.float64, 50, elements=st.floats(0, 1)), st.floats(0, 1))
def test_intervals_stay_within_what_a_metric_can_be(samples, estimate):
    estimates = {"accuracy": estimate, "other": 1.0, "loss": 0.1}
    found = confidence_intervals.metric_intervals(estimates, {"loss": samples, "accuracy": samples}, 10)
    assert list(found) == ["accuracy", "loss"]
    assert 0 <= found["accuracy"]["low"] <= found["accuracy"]["high"] <= 1
    assert found["loss"]["low"] >= 0


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
def test_interval_holds_the_truth_about_19_times_in_20(accuracy):
    """Of macro F1, in 300 test sets of 20 families with 3 to 6 photos; `benchmarks/coverage.py` has more."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(3, 7, 20)
    labels = np.repeat(np.arange(20), sizes)
    confusion = np.full((20, 20), (1 - accuracy) / 19) + np.eye(20) * (accuracy - (1 - accuracy) / 19)
    truth = np.mean(2 * sizes * accuracy / (sizes + sizes @ confusion))
    weights, inside = confidence_intervals.resample_within_classes(labels, 300, seed=1), 0
    freedom = confidence_intervals.degrees_of_freedom(labels)
    for _ in range(300):
        predicted = np.where(
            rng.random(len(labels)) < accuracy, labels, (labels + rng.integers(1, 20, len(labels))) % 20
        )
        blank = np.ones(len(labels))
        photos = Outcomes(labels, predicted, blank, blank.astype(np.int64), 20)
        estimate = sample_metrics(photos, np.ones((1, len(labels))), 1)["macro_f1"][0]
        low, high = confidence_intervals.interval(estimate, sample_metrics(photos, weights, 1)["macro_f1"], freedom)
        inside += low <= truth <= high
    assert 0.92 <= inside / 300 <= 0.98  # 0.95 give or take two standard errors
