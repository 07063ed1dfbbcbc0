"""One-hot phyla by hand, and what a classifier can't be conditioned on."""

import numpy as np
import pytest

from rare_species.common.errors import UserError
from rare_species.data.phylum_encoding import list_phyla, one_hot_phyla

CLASSES = [
    {"class_id": 0, "family": "Acroporidae", "phylum": "Cnidaria"},
    {"class_id": 1, "family": "Felidae", "phylum": "Chordata"},
    {"class_id": 2, "family": "Formicidae", "phylum": "Arthropoda"},
    {"class_id": 3, "family": "Ranidae", "phylum": "Chordata"},
]
PHYLA = ["Arthropoda", "Chordata", "Cnidaria"]


def test_each_phylum_is_listed_once_in_alphabetical_order():
    assert list_phyla(CLASSES) == PHYLA


def test_families_without_a_phylum_are_refused_with_what_to_do():
    classes = [CLASSES[0], CLASSES[1] | {"phylum": ""}, CLASSES[2] | {"phylum": ""}]
    with pytest.raises(UserError, match=r"phylum of every family.*Received: none for 2 of 3 families, such as Felidae"):
        list_phyla(classes)
    with pytest.raises(UserError, match=r"metadata\.csv.*dvc exp run -S 'model\.inputs=\[image\]'"):
        list_phyla(classes)


def test_photos_have_the_phylum_of_their_label():
    found = one_hot_phyla(np.array([1, 2, 3, 0, 1]), CLASSES, PHYLA)
    assert found.tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]
    assert found.dtype == np.float32


def test_columns_follow_the_order_given():
    assert one_hot_phyla(np.array([2]), CLASSES, PHYLA[::-1]).tolist() == [[0, 0, 1]]


def test_without_phyla_there_are_no_columns():
    assert one_hot_phyla(np.array([1, 2]), CLASSES, []).shape == (2, 0)
    nameless = [{"class_id": 0, "family": "Felidae", "phylum": ""}]
    assert one_hot_phyla(np.array([0, 0, 0]), nameless, []).shape == (3, 0)
