"""rare_species.split.assign: a partition that keeps groups, families and shares, and says so in numbers."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError
from rare_species.split.assign import assign_splits, count_families, describe_splits, list_classes, refuse_empty_splits

SHARES = {"train": 0.72, "val": 0.18, "test": 0.10}
SEEDS = st.integers(0, 50)


@st.composite
def fractions(draw: st.DrawFn) -> dict[str, float]:
    parts = [draw(st.integers(1, 20)) for _ in SPLITS]
    return {split: part / sum(parts) for split, part in zip(SPLITS, parts, strict=True)}


@st.composite
def grouped_photos(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Families and groups of photos in random order: up to four families of groups of 1 to 6 photos, some mixed."""
    families, groups = [], []
    for group in range(draw(st.integers(1, 25))):
        labels = draw(st.sampled_from([["a"], ["a"], ["b"], ["c"], ["d"], ["a", "b"]]))
        for _ in range(draw(st.integers(1, 6))):
            families += labels
            groups += [group] * len(labels)
    order = draw(st.permutations(range(len(groups))))
    return np.array(families)[order], np.array(groups)[order]


def assign_singles(count: int, shares: dict[str, float], seed: int = 0) -> Counter[str]:
    """Photos per split of one family whose photos are all of different moments."""
    return Counter(assign_splits(np.full(count, "a"), np.arange(count), shares, seed).tolist())


def splits_by_group(groups: np.ndarray, splits: np.ndarray) -> dict[int, set[str]]:
    return {int(group): set(splits[groups == group].tolist()) for group in np.unique(groups)}


# --- assign_splits


@given(grouped_photos(), fractions(), SEEDS)
def test_every_photo_is_in_one_split_and_no_group_in_two(
    photos: tuple[np.ndarray, np.ndarray], shares: dict[str, float], seed: int
) -> None:
    families, groups = photos
    splits = assign_splits(families, groups, shares, seed)
    assert splits.shape == families.shape
    assert set(splits.tolist()) <= set(SPLITS)
    assert all(len(found) == 1 for found in splits_by_group(groups, splits).values())


@given(grouped_photos(), fractions(), SEEDS)
def test_a_family_of_three_or_more_groups_is_in_all_splits(
    photos: tuple[np.ndarray, np.ndarray], shares: dict[str, float], seed: int
) -> None:
    families, groups = photos
    splits = assign_splits(families, groups, shares, seed)
    mixed = {group for group in groups.tolist() if len(set(families[groups == group].tolist())) > 1}
    for family in set(families.tolist()):
        own = set(groups[families == family].tolist())
        if len(own) >= 3 and len(own - mixed) >= 2:
            assert set(splits[families == family].tolist()) == set(SPLITS)


@given(grouped_photos(), SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(photos: tuple[np.ndarray, np.ndarray], seed: int, random) -> None:
    families, groups = photos
    order = random.sample(range(len(groups)), len(groups))
    shuffled = assign_splits(families[order], groups[order], SHARES, seed)
    assert (shuffled == assign_splits(families, groups, SHARES, seed)[order]).all()


@given(st.integers(3, 60), SEEDS, st.randoms(use_true_random=False))
def test_numbering_single_photos_anew_does_not_change_how_many_go_where(count: int, seed: int, random) -> None:
    numbers = np.array(random.sample(range(1000), count))
    found = Counter(assign_splits(np.full(count, "a"), numbers, SHARES, seed).tolist())
    assert found == assign_singles(count, SHARES, seed)


@given(grouped_photos(), SEEDS, st.sampled_from(["val", "test"]))
def test_two_splits_share_out_all_photos(photos: tuple[np.ndarray, np.ndarray], seed: int, other: str) -> None:
    families, groups = photos
    splits = assign_splits(families, groups, {"train": 0.8, other: 0.2}, seed)
    assert set(splits.tolist()) <= {"train", other}
    assert all(len(found) == 1 for found in splits_by_group(groups, splits).values())
    mixed = {group for group in groups.tolist() if len(set(families[groups == group].tolist())) > 1}
    for family in set(families.tolist()):
        own = set(groups[families == family].tolist())
        if len(own) > 1 and own - mixed:
            assert set(splits[families == family].tolist()) == {"train", other}


@given(st.integers(3, 200), fractions(), SEEDS)
def test_shares_of_single_photos_are_close_to_what_was_asked(count: int, shares: dict[str, float], seed: int) -> None:
    found = assign_singles(count, shares, seed)
    assert all(found[split] >= 1 for split in SPLITS)
    if min(shares.values()) * count >= 1:  # else a split gets a photo beyond its share
        assert all(abs(found[split] - shares[split] * count) <= 1 for split in SPLITS)
    else:
        assert all(abs(found[split] - shares[split] * count) < 2 for split in SPLITS)


@pytest.mark.parametrize(
    ("count", "wanted"),
    [
        (100, (72, 18, 10)),
        (50, (36, 9, 5)),
        (10, (7, 2, 1)),
        (4, (2, 1, 1)),
        (3, (1, 1, 1)),
        (2, (1, 0, 1)),
        (1, (1, 0, 0)),
    ],
)
def test_hand_computed_shares(count: int, wanted: tuple[int, int, int]) -> None:
    found = assign_singles(count, SHARES)
    assert tuple(found[split] for split in SPLITS) == wanted


def test_each_family_gets_its_own_share() -> None:
    families = np.array(["a"] * 50 + ["b"] * 100)
    splits = assign_splits(families, np.arange(150), SHARES, seed=0)
    assert Counter(splits[:50].tolist()) == {"train": 36, "val": 9, "test": 5}
    assert Counter(splits[50:].tolist()) == {"train": 72, "val": 18, "test": 10}


def test_equal_groups_are_shared_out_by_photos() -> None:
    groups = np.repeat(np.arange(20), 5)
    splits = assign_splits(np.full(100, "a"), groups, {"train": 0.5, "val": 0.25, "test": 0.25}, seed=3)
    assert Counter(splits.tolist()) == {"train": 50, "val": 25, "test": 25}


@pytest.mark.parametrize("seed", range(5))
def test_of_two_groups_the_larger_is_in_train_and_the_other_in_test(seed: int) -> None:
    groups = np.array([0, 1, 1, 1])
    assert assign_splits(np.full(4, "a"), groups, SHARES, seed).tolist() == ["test", "train", "train", "train"]


def test_a_single_group_is_in_train() -> None:
    assert assign_splits(np.full(3, "a"), np.zeros(3, dtype=int), SHARES, seed=0).tolist() == ["train"] * 3


@given(SEEDS)
def test_a_shared_group_counts_as_its_familys_training_photos(seed: int) -> None:
    families = np.array(["a", "b", "a", "a", "a", "b"])
    groups = np.array([0, 0, 1, 1, 2, 3])  # the first is shared
    splits = assign_splits(families, groups, SHARES, seed)
    assert splits[:2].tolist() == ["train", "train"]
    assert {splits[2], splits[4]} == {"val", "test"}  # a: three groups, so it is in every split
    assert splits[5] == "test"  # b: of two groups one is in train already


@given(SEEDS)
def test_a_group_of_two_families_is_in_train(seed: int) -> None:
    families = np.array(["a", "b"] + ["a"] * 5 + ["b"] * 5)
    groups = np.array([0, 0, *range(1, 11)])
    splits = assign_splits(families, groups, SHARES, seed)
    assert splits[:2].tolist() == ["train", "train"]
    assert set(splits[2:7].tolist()) == set(splits[7:].tolist()) == set(SPLITS)


@pytest.mark.parametrize("sizes", [(50, 1, 1), (1, 50, 1), (1, 1, 50), (30, 20, 1, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_one_large_burst_leaves_no_split_empty(sizes: tuple[int, ...], seed: int) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    assert set(assign_splits(np.full(len(groups), "a"), groups, SHARES, seed).tolist()) == set(SPLITS)


@given(grouped_photos(), SEEDS)
def test_same_seed_same_split(photos: tuple[np.ndarray, np.ndarray], seed: int) -> None:
    assert (assign_splits(*photos, SHARES, seed) == assign_splits(*photos, SHARES, seed)).all()


def test_another_seed_another_split() -> None:
    drawn = {tuple(assign_splits(np.full(60, "a"), np.arange(60), SHARES, seed).tolist()) for seed in range(10)}
    assert len(drawn) == 10


# --- list_classes


def make_photos(*labels: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(labels), columns=["family", "phylum"], dtype=str)


CAT, FROG, BEE = ("felidae", "chordata"), ("ranidae", "chordata"), ("apidae", "arthropoda")


def test_classes_are_numbered_alphabetically_whatever_the_order_of_rows() -> None:
    wanted = [
        {"class_id": 0, "family": "apidae", "phylum": "arthropoda"},
        {"class_id": 1, "family": "felidae", "phylum": "chordata"},
        {"class_id": 2, "family": "ranidae", "phylum": "chordata"},
    ]
    assert list_classes(make_photos(FROG, CAT, BEE, BEE, CAT, FROG)) == wanted


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((CAT, CAT), r"at least two families.*Received: felidae\."),
        ((), r"at least two families.*Received: none\."),
        (
            (CAT, CAT, FROG, BEE),
            r"at least two usable photos of each family\. Received one of: apidae, ranidae\..*clean\.exclude",
        ),
    ],
    ids=["one family", "no photo", "one photo"],
)
def test_families_that_cannot_be_told_apart_are_refused(labels: tuple[tuple[str, str], ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        list_classes(make_photos(*labels))


# --- describe_splits


TABLE = pd.DataFrame(
    [
        ("a", "a0", 0, "train", False),
        ("a", "a0", 0, "train", False),
        ("a", "a1", 1, "val", False),
        ("a", "a2", 2, "test", True),
        ("b", "b0", 3, "train", False),
        ("b", "b0", 4, "train", False),
        ("b", "", 4, "train", False),
        ("b", "b0", 5, "test", False),
        ("c", "", 6, "train", False),
        ("c", "", 6, "train", False),
    ],
    columns=["family", "species", "group", "split", "held_out_species"],
)


def test_description_of_a_split() -> None:
    shares = {"train": 0.6, "val": 0.2, "test": 0.2}
    # largest deviations: a 0.10 (train 0.5), b 0.20 (val 0), c 0.40 (train 1.0)
    assert describe_splits(TABLE, shares, leaked_pairs=7) == {
        "train": {"images": 7, "families": 3, "groups": 4},
        "val": {"images": 1, "families": 1, "groups": 1},
        "test": {"images": 2, "families": 2, "groups": 2},
        "held_out_species": {"images": 1, "species": 1, "families": 1},
        "leaked_pairs": 7,
        "families_without_val": 2,
        "families_without_test": 1,
        "family_share_deviation": 0.233333,
    }


def test_description_when_a_split_is_empty() -> None:
    found = describe_splits(TABLE.loc[[0, 4]], SHARES, leaked_pairs=0)
    assert found["val"] == found["test"] == {"images": 0, "families": 0, "groups": 0}
    assert (found["families_without_val"], found["families_without_test"]) == (2, 2)
    assert found["family_share_deviation"] == pytest.approx(0.28)


def test_species_and_images_of_each_family_are_counted() -> None:
    counts = count_families(TABLE)
    assert list(counts.columns) == ["species", "train", "val", "test", "held_out_species"]
    assert counts.loc["a"].tolist() == [3, 2, 1, 1, 1]
    assert counts.loc["b"].tolist() == [1, 3, 0, 1, 0]
    assert counts.loc["c"].tolist() == [0, 2, 0, 0, 0]


@pytest.mark.parametrize(
    ("splits", "named"), [(["train", "test"], "none for val,"), (["train"], "none for val and test,")]
)
def test_a_split_without_photos_is_refused(splits, named):
    with pytest.raises(UserError, match=named):
        refuse_empty_splits(np.array(splits))


def test_three_filled_splits_pass():
    refuse_empty_splits(np.array(["test", "train", "val"]))
