"""Predictions of six test photos, small enough to check by hand."""

import numpy as np

from rare_species.augmentation.augmentation_params import AugmentationParams
from rare_species.evaluate import candidate_metrics
from rare_species.params.evaluate import EvaluateParams
from tests import toy
from tests.unit.tf_fixtures import STILL

PARAMS = EvaluateParams(
    top_k=2,
    confused_families=2,
    worst_photos=2,
    target_precision=0.75,
    explained_photos=2,
    resamples=200,
    test_time_copies=0,
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


def make_predictions(packed, **changed):
    """Predictions of packed photos; `changed` replaces a split's probabilities."""
    labels = {split: packed.rows(split)["class_id"].to_numpy() for split in ("train", "val", "test")}
    probabilities = {
        "train": probable(labels["train"], [0.9] * 12),
        "val": probable([*labels["val"][:-1], 0], [0.8] * 6),
        "test": probable(PREDICTED, CERTAINTY),
    } | changed
    return candidate_metrics.make_predictions(labels, probabilities, CLASSES, PARAMS)
