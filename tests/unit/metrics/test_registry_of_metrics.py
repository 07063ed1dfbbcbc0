"""rare_species.metrics.registry: what follows from an entry, and that its parts agree with each other."""

import numpy as np
import pytest

from rare_species.metrics.photo_outcomes import Outcomes, WeightedPhotos, outcomes
from rare_species.metrics.registry import METRICS, Metric, compute_metrics, find_metric, sample_metrics
from rare_species.params.compare import CompareParams

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 4, 40)
PROBABILITIES = RNG.dirichlet(np.ones(4), 40).astype(np.float32)
PHYLA = ["Chordata", "Chordata", "Arthropoda", "Mollusca"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_value_is_that_of_the_sample_in_which_each_photo_counts_once(metric):
    photos = outcomes(LABELS, PROBABILITIES, PHYLA)
    once = WeightedPhotos(photos, np.ones((1, 40)), top_k=2)
    assert metric.of(once) == pytest.approx(float(metric.samples(once)[0]), rel=1e-12)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_values_lie_within_their_bounds_and_a_perfect_model_reaches_the_better_one(metric):
    perfect = outcomes(LABELS, np.eye(4, dtype=np.float32)[LABELS], PHYLA)
    low, high = metric.bounds
    assert metric.of(WeightedPhotos(perfect, np.ones((1, 40)), 2)) == (high if metric.better == "higher" else low)
    assert low <= metric.of(WeightedPhotos(outcomes(LABELS, PROBABILITIES, PHYLA), np.ones((1, 40)), 2)) <= high


def test_keys_are_found_whatever_their_k_is():
    for key in compute_metrics(LABELS, PROBABILITIES, 3, PHYLA):
        assert find_metric(key) in METRICS
    assert find_metric("top7_accuracy") is find_metric("top5_accuracy")
    assert find_metric("top7_precision") is None


def test_what_a_table_of_predictions_lacks_is_not_measured():
    full = outcomes(LABELS, PROBABILITIES, PHYLA)
    table = Outcomes(full.labels, full.predicted, full.true_probability, full.true_rank, 4)
    missing = {"macro_auc", "phylum_accuracy"}
    assert set(sample_metrics(full, np.ones((2, 40)), 2)) - set(sample_metrics(table, np.ones((2, 40)), 2)) == missing


def test_every_rule_of_compare_judges_a_metric_that_a_table_of_predictions_allows():
    rules = set(CompareParams.model_fields) - {"resamples", "seed"}
    assert rules <= {metric.rule for metric in METRICS if not metric.needs}


def test_a_metric_that_is_followed_must_be_quick():
    with pytest.raises(ValueError, match="kappa must have a point"):
        Metric("kappa", "pooled", lambda photos: photos.photos.hit, epoch_name="kappa")
