"""Weights, repetitions and offsets for rare families, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.fitting.class_imbalance import (
    balanced_softmax_bias,
    class_weights,
    effective_numbers,
    rows_of_an_epoch,
)


@pytest.mark.parametrize(
    ("labels", "n_classes", "expected"),
    [
        ([0, 0, 0, 1], 2, {0: 4 / 3 / 2, 1: 4 / 1 / 2}),
        ([0, 0, 2], 4, {0: 3 / 2 / 2, 1: 0.0, 2: 3 / 1 / 2, 3: 0.0}),
        ([1, 0, 1, 0], 2, {0: 1.0, 1: 1.0}),
    ],
)
def test_class_weights_by_hand(labels, n_classes, expected):
    assert class_weights(np.array(labels), n_classes, "class_weight", 0.9) == pytest.approx(expected)


def test_effective_numbers_by_hand():
    assert effective_numbers(np.array([1, 2, 3]), 0.5) == pytest.approx([1, 1.5, 1.75])
    assert effective_numbers(np.array([1, 9]), 0.0) == pytest.approx([1, 1])


def test_class_balanced_weights_by_hand():
    # effective numbers 1.75 and 1: weights 4/7 and 1, then a mean of 1 over 3 * 4/7 + 1 = 19/7 for 4 photos
    expected = {0: 4 / 7 * 28 / 19, 1: 28 / 19}
    assert class_weights(np.array([0, 0, 0, 1]), 2, "class_balanced", 0.5) == pytest.approx(expected)


@pytest.mark.parametrize(("beta", "like"), [(0.0, {0: 1.0, 1: 1.0}), (1 - 1e-9, {0: 2 / 3, 1: 2.0})])
def test_beta_leads_from_all_alike_to_the_inverse_of_the_counts(beta, like):
    assert class_weights(np.array([0, 0, 0, 1]), 2, "class_balanced", beta) == pytest.approx(like, rel=1e-5)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.sampled_from(["class_weight", "class_balanced"]))
def test_photos_weigh_1_in_the_mean(labels, imbalance):
    weights = class_weights(np.array(labels), 5, imbalance, 0.9)
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1)


@pytest.mark.parametrize("imbalance", ["none", "oversample", "focal", "balanced_softmax"])
def test_other_ways_weigh_no_class(imbalance):
    assert class_weights(np.array([0, 0, 1]), 2, imbalance, 0.9) is None


def test_oversampling_repeats_rare_photos_in_turn():
    assert sorted(rows_of_an_epoch(np.array([0, 1, 0, 0, 1, 2]), "oversample").tolist()) == [0, 1, 1, 2, 3, 4, 5, 5, 5]


@pytest.mark.parametrize("imbalance", ["none", "class_weight", "class_balanced", "focal", "balanced_softmax"])
def test_other_ways_show_each_photo_once(imbalance):
    assert rows_of_an_epoch(np.array([0, 1, 0]), imbalance).tolist() == [0, 1, 2]


def test_balanced_softmax_adds_log_counts():
    bias = balanced_softmax_bias(np.array([1, 10]))
    assert bias == pytest.approx([0, 2.302585])
    assert bias.dtype == np.float32
    with pytest.raises(ValueError, match=r"at least one training photo of each class\. Received: \[2, 0\]"):
        balanced_softmax_bias(np.array([2, 0]))
