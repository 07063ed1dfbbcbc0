"""Metrics against scikit-learn on drawn predictions, and against numbers worked out by hand."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics

from rare_species.metrics.auc import macro_auc
from rare_species.metrics.family_tables import confusion_matrix, family_table, macro_f1, most_confused
from rare_species.metrics.photo_outcomes import log_loss, true_ranks
from rare_species.metrics.registry import compute_metrics, epoch_metrics
from tests.unit.drawn import predictions

few = settings(max_examples=30, deadline=None)  # scikit-learn takes milliseconds a call
EXACT = {"rel": 1e-9, "abs": 1e-9}
CLASSES = [
    {"family": "Felidae", "phylum": "Chordata"},
    {"family": "Formicidae", "phylum": "Arthropoda"},
    {"family": "Ranidae", "phylum": "Chordata"},
    {"family": "Unseenidae", "phylum": "Mollusca"},
]
# Six photos of three of four families; the highest of each row is predicted: 0, 2, 1, 1, 2, 1.
LABELS = np.array([0, 0, 1, 1, 2, 2])
PROBABILITIES = np.array(
    [
        [0.7, 0.1, 0.1, 0.1],
        [0.2, 0.1, 0.6, 0.1],
        [0.1, 0.8, 0.05, 0.05],
        [0.3, 0.4, 0.2, 0.1],
        [0.1, 0.2, 0.5, 0.2],
        [0.05, 0.5, 0.15, 0.3],
    ],
    dtype=np.float32,
)


def without_ties():
    """Rows of which no two values are alike."""
    return (
        predictions()
        .map(lambda drawn: (drawn[0], drawn[1] + np.arange(drawn[1].shape[1]) * 1e-7))
        .filter(lambda drawn: all(len(set(row)) == len(row) for row in drawn[1]))
    )


TIES = st.sampled_from([0.25, 0.5, 1.0])


@few
@given(predictions())
def test_accuracy_and_loss_are_those_of_scikit_learn(drawn):
    labels, probabilities = drawn
    found = compute_metrics(labels, probabilities, top_k=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, probabilities.argmax(axis=1)), **EXACT)
    expected = metrics.log_loss(labels, probabilities, labels=np.arange(probabilities.shape[1]))
    assert found["loss"] == pytest.approx(expected, **EXACT)


@few
@given(without_ties(), st.integers(1, 5))
def test_top_k_accuracy_is_that_of_scikit_learn(drawn, k):
    labels, probabilities = drawn
    n_classes = probabilities.shape[1]
    assume(k < n_classes and n_classes > 2)
    expected = metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=np.arange(n_classes))
    assert compute_metrics(labels, probabilities, k)[f"top{k}_accuracy"] == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("average", ["macro", "weighted"])
@few
@given(drawn=predictions())
def test_averages_run_over_the_classes_present(average, drawn):
    labels, probabilities = drawn
    predicted, present = probabilities.argmax(axis=1), np.unique(labels)
    found = compute_metrics(labels, probabilities, top_k=1)
    for name in ("precision", "recall", "f1"):
        score = getattr(metrics, f"{name}_score")
        expected = score(labels, predicted, labels=present, average=average, zero_division=0.0)
        assert found[f"{average}_{name}"] == pytest.approx(expected, **EXACT)


@few
@given(predictions())
def test_balanced_accuracy_is_that_of_scikit_learn(drawn):
    labels, probabilities = drawn
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of predicted classes that have no photos
        expected = metrics.balanced_accuracy_score(labels, probabilities.argmax(axis=1))
    assert compute_metrics(labels, probabilities, 1)["balanced_accuracy"] == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("values", [None, TIES], ids=["any", "ties"])
@few
@given(data=st.data())
def test_macro_auc_is_the_mean_one_against_the_rest_of_the_classes_present(values, data):
    labels, probabilities = data.draw(predictions(values, min_present=2))
    expected = [metrics.roc_auc_score(labels == name, probabilities[:, name]) for name in np.unique(labels)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rare_species.metrics.auc.CLASSES_AT_ONCE", 2)
        found = macro_auc(labels, probabilities)
    assert found == pytest.approx(np.mean(expected), **EXACT)


@few
@given(predictions())
def test_macro_f1_of_a_confusion_matrix_is_that_of_scikit_learn(drawn):
    labels, probabilities = drawn
    predicted, n_classes = probabilities.argmax(axis=1), probabilities.shape[1]
    counts = confusion_matrix(labels, predicted, n_classes)
    assert counts.shape == (n_classes, n_classes)
    expected = metrics.f1_score(labels, predicted, labels=np.unique(labels), average="macro", zero_division=0.0)
    assert macro_f1(counts) == pytest.approx(expected, **EXACT)


@few
@given(predictions())
def test_epoch_scores_are_those_of_the_full_score(drawn):
    full = compute_metrics(*drawn, top_k=1)
    expected = {
        "loss": full["loss"],
        "accuracy": full["accuracy"],
        "auc": full["macro_auc"],
        "macro_f1": full["macro_f1"],
    }
    assert epoch_metrics(*drawn) == pytest.approx(expected, **EXACT)


def test_metrics_by_hand():
    found = compute_metrics(LABELS, PROBABILITIES, top_k=2, phyla=[entry["phylum"] for entry in CLASSES])
    # recall 1/2, 1, 1/2; precision 1/1, 2/3, 1/2; F1 2/3, 4/5, 1/2; the fourth family has no photos
    by_hand = pytest.approx(
        {
            "loss": -np.log([0.7, 0.2, 0.8, 0.4, 0.5, 0.15]).mean(),
            "accuracy": 4 / 6,
            "top2_accuracy": 5 / 6,  # only the last photo's family is third
            "macro_precision": (1 + 2 / 3 + 1 / 2) / 3,
            "macro_recall": 2 / 3,
            "macro_f1": (2 / 3 + 4 / 5 + 1 / 2) / 3,
            "weighted_precision": (1 + 2 / 3 + 1 / 2) / 3,
            "weighted_recall": 2 / 3,
            "weighted_f1": (2 / 3 + 4 / 5 + 1 / 2) / 3,
            "balanced_accuracy": 2 / 3,
            # pairs in the right order of 8: family 0 has 0.7 and 0.2 against 0.1, 0.3, 0.1, 0.05; family 1
            # 0.8 and 0.4 against 0.1, 0.1, 0.2, 0.5; family 2 0.5 and 0.15 against 0.1, 0.6, 0.05, 0.2
            "macro_auc": (7 / 8 + 7 / 8 + 5 / 8) / 3,
            "phylum_accuracy": 5 / 6,  # a cat taken for a frog is a chordate still
        },
        rel=1e-6,
    )
    assert {name: found[name] for name in by_hand.expected} == by_hand


def test_weighted_and_macro_differ_when_families_do():
    labels = np.array([0, 0, 0, 1])
    found = compute_metrics(labels, np.eye(2, dtype=np.float32)[[0, 0, 0, 0]], top_k=1)
    assert found["macro_recall"] == pytest.approx(1 / 2)
    assert found["weighted_recall"] == pytest.approx(3 / 4)
    assert found["macro_f1"] == pytest.approx(6 / 7 / 2)
    assert found["weighted_f1"] == pytest.approx(6 / 7 * 3 / 4)


def test_certain_mistake_costs_as_much_as_in_keras():
    certain = np.array([[1.0, 0.0]], dtype=np.float32)
    assert log_loss(np.array([1]), certain) == pytest.approx(-np.log(1e-7))
    assert log_loss(np.array([0]), certain) == 0


def test_ties_count_against_the_model():
    probabilities = np.array([[0.25, 0.25, 0.5], [0.4, 0.3, 0.3]], dtype=np.float32)
    np.testing.assert_array_equal(true_ranks(np.array([0, 0]), probabilities), [3, 1])
    assert compute_metrics(np.array([0, 0]), probabilities, 2)["top2_accuracy"] == 0.5
    assert compute_metrics(np.array([0, 0]), probabilities, 3)["top3_accuracy"] == 1


def test_auc_of_equal_probabilities_is_a_half():
    assert macro_auc(np.array([0, 1, 1]), np.full((3, 2), 0.5, np.float32)) == 0.5


def test_single_class_is_scored():
    found = compute_metrics(np.array([1, 1]), np.array([[0.2, 0.8], [0.6, 0.4]], dtype=np.float32), top_k=1)
    assert found["macro_auc"] == 0.5
    assert found["macro_recall"] == 0.5
    assert found["macro_f1"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("phyla", [None, ["", "", "", ""]])
def test_phylum_accuracy_is_left_out_where_phyla_are_unknown(phyla):
    assert "phylum_accuracy" not in compute_metrics(LABELS, PROBABILITIES, 1, phyla)


def test_confusion_matrix_has_the_truth_in_rows():
    expected = [[1, 0, 1, 0], [0, 2, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(confusion_matrix(LABELS, PROBABILITIES.argmax(axis=1), 4), expected)


def test_macro_f1_takes_a_stack_of_matrices():
    perfect, wrong = np.diag([2, 3, 0]), np.array([[0, 2, 0], [3, 0, 0], [0, 0, 0]])
    assert (macro_f1(perfect), macro_f1(wrong)) == (1, 0)


def test_family_table_by_hand():
    table = family_table(LABELS, PROBABILITIES, CLASSES, np.array([5, 6, 7, 8]))
    assert table.to_dict("list") == {
        "family": ["Felidae", "Formicidae", "Ranidae"],  # Unseenidae has no photos here
        "phylum": ["Chordata", "Arthropoda", "Chordata"],
        "train_images": [5, 6, 7],
        "images": [2, 2, 2],
        "precision": [1.0, 0.666667, 0.5],
        "recall": [0.5, 1.0, 0.5],
        "f1": [0.666667, 0.8, 0.5],
        "confused_with": ["Ranidae", "", "Formicidae"],
    }


def test_confused_with_is_the_family_most_often_taken_for():
    probabilities = np.eye(4, dtype=np.float32)[[1, 2, 2, 0]]
    table = family_table(np.zeros(4, int), probabilities, CLASSES, np.ones(4, int))
    assert list(table["confused_with"]) == ["Ranidae"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(1, [3]), (2, [0, 3]), (3, [0, 1, 3]), (9, [0, 1, 2, 3])],
)
def test_most_confused_families_have_most_mistakes_on_either_side(limit, expected):
    # mistakes as true plus as predicted: 0 + 4, 1 + 1, 0 + 1, 5 + 0
    counts = np.array([[9, 0, 0, 0], [0, 5, 1, 0], [0, 0, 50, 0], [4, 1, 0, 0]])
    np.testing.assert_array_equal(most_confused(counts, limit), expected)
