"""Confused pairs, accuracy by property and the sentence on the gap, by hand."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import binomtest

from rare_species.evaluate.error_analysis import accuracy_by_property, confused_pairs, describe_gap, photo_properties

CLASSES = [
    {"family": "Felidae", "phylum": "Chordata"},
    {"family": "Formicidae", "phylum": "Arthropoda"},
    {"family": "Ranidae", "phylum": "Chordata"},
    {"family": "Unknownidae", "phylum": ""},
]


def test_pairs_are_counted_canonical_spellings_first_with_their_phyla():
    labels, predicted = np.array([0, 0, 2, 2, 1, 3, 1]), np.array([0, 2, 0, 0, 2, 1, 1])
    assert confused_pairs(labels, predicted, CLASSES).to_numpy().tolist() == [
        ["Ranidae", "Felidae", 2, "yes"],
        ["Felidae", "Ranidae", 1, "yes"],
        ["Formicidae", "Ranidae", 1, "no"],
        ["Unknownidae", "Formicidae", 1, ""],
    ]


def test_a_perfect_model_confuses_nothing():
    table = confused_pairs(np.array([0, 1]), np.array([0, 1]), CLASSES)
    assert table.empty
    assert list(table) == ["family", "predicted", "images", "same_phylum"]


def test_brightness_and_sharpness_are_of_the_luma():
    grey = Image.new("RGB", (8, 8), (100, 100, 100))
    green = Image.new("RGB", (8, 8), (0, 255, 0))
    stripes = Image.fromarray(np.tile(np.array([0, 0, 255, 255], np.uint8), (8, 2))).convert("RGB")
    found = photo_properties([grey, green, stripes])
    assert found["brightness"].tolist() == pytest.approx([100, 0.587 * 255, 127.5])
    # rows of the Laplacian: 0 255 -255 -255 255 255 -255 0, whose mean is 0
    assert found["sharpness"].tolist() == pytest.approx([0, 0, 6 / 8 * 255**2])


def test_accuracy_of_each_quarter_of_the_photos():
    properties = pd.DataFrame({"size": [5, 1, 2, 3, 4, 6, 7, 8]})
    hit = np.array([1, 0, 0, 0, 1, 0, 1, 1], dtype=bool)
    table = accuracy_by_property(properties, hit)
    assert table[["low", "high", "images", "accuracy"]].to_numpy().tolist() == [
        [1, 2, 2, 0],
        [3, 4, 2, 0.5],
        [5, 6, 2, 0.5],
        [7, 8, 2, 1],
    ]
    span = binomtest(1, 2).proportion_ci(method="wilson")
    assert table.loc[1, ["accuracy_low", "accuracy_high"]].tolist() == [span.low, span.high]


@pytest.mark.parametrize(("values", "sizes"), [([1] * 8, [8]), ([1] * 6 + [2, 3], [6, 2]), ([1, 2], [1, 1])])
def test_photos_that_are_alike_stay_together(values, sizes):
    table = accuracy_by_property(pd.DataFrame({"size": values}), np.ones(len(values), dtype=bool))
    assert table["images"].tolist() == sizes
    assert table["images"].sum() == len(values)


@pytest.mark.parametrize(
    ("scores", "start", "end"),
    [
        ((1.0, 0.8, 0.75), "Overfitted: ", "; it knows the training photos 0.200 better than those of validation."),
        ((0.9, 0.85, 0.5), "Overfitted: ", "; validation, on which it was chosen, flatters it by 0.350."),
        (
            (1.0, 0.8, 0.6),
            "Overfitted: ",
            " and validation, on which it was chosen, flatters it by 0.200.",
        ),
        ((0.9, 0.85, 0.8), "Not overfitted: ", " on test photos."),
        ((0.05, 0.04, 0.0), "Hardly anything was learned: ", " on test photos."),
    ],
)
def test_gap_is_named(scores, start, end):
    metrics = {split: {"macro_f1": score} for split, score in zip(("train", "val", "test"), scores, strict=True)}
    sentence = describe_gap(metrics)
    assert sentence.startswith(start)
    assert sentence.endswith(end)
    assert all(f"{score:.3f}" in sentence for score in scores)
