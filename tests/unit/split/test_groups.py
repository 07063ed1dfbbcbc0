"""rare_species.split.groups and near_duplicates: photos of one moment, by hand-computed cases and by brute force."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.split.groups import burst_pairs, cross_split_pairs, group_photos, unused_ids
from rare_species.split.near_duplicates import near_duplicate_pairs

BITS = st.integers(0, 63)


def make_photos(*rows: tuple[str, str, int]) -> pd.DataFrame:
    """Photos from (species, content id, perceptual hash)."""
    return pd.DataFrame(
        {
            "species": [species for species, _, _ in rows],
            "content_id": [content for _, content, _ in rows],
            "phash": [f"{value:016x}" for _, _, value in rows],
        },
        dtype=str,
    )


def bursts(*ids: tuple[str, str], gap: int = 2) -> list[tuple[int, int]]:
    photos = make_photos(*((species, content, 0) for species, content in ids))
    return sorted((min(pair), max(pair)) for pair in burst_pairs(photos, gap).tolist())


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def link(count: int, pairs: list[tuple[int, int]]) -> set[frozenset[int]]:
    """Groups of positions that chains of pairs join, by merging sets."""
    groups = {position: {position} for position in range(count)}
    for first, second in pairs:
        if groups[first] is not groups[second]:
            groups[first] |= groups[second]
            for position in groups[second]:
                groups[position] = groups[first]
    return {frozenset(group) for group in groups.values()}


@st.composite
def hashes_near_each_other(draw: st.DrawFn) -> list[int]:
    """A few random hashes, and others some flipped bits away from them."""
    seeds = draw(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=4))
    found = list(seeds)
    for _ in range(draw(st.integers(0, 12))):
        value = draw(st.sampled_from(found))
        for bit in draw(st.lists(BITS, max_size=10)):
            value ^= 1 << bit
        found.append(value)
    return draw(st.permutations(found))


# --- bursts


@pytest.mark.parametrize(
    ("gap", "pairs"), [(0, []), (1, []), (2, [(0, 1)]), (3, [(0, 1), (1, 2)]), (4, [(0, 1), (1, 2)])]
)
def test_a_burst_is_a_run_of_ids_at_most_the_gap_apart(gap: int, pairs: list[tuple[int, int]]) -> None:
    assert bursts(("cat", "10"), ("cat", "12"), ("cat", "15"), gap=gap) == pairs


def test_bursts_do_not_depend_on_the_order_of_rows() -> None:
    assert bursts(("cat", "12"), ("cat", "20"), ("cat", "10"), ("cat", "11")) == [(0, 3), (2, 3)]


def test_ids_are_compared_as_numbers() -> None:
    assert bursts(("cat", "9"), ("cat", "10"), ("cat", "100")) == [(0, 1)]


def test_ids_that_tell_no_burst_are_known() -> None:
    photos = make_photos(("cat", "10", 0), ("cat", "x", 0), ("", "11", 0), ("cat", "", 0), ("", "", 0))
    assert unused_ids(photos).tolist() == [False, True, True, False, False]


def test_a_burst_ends_at_its_species() -> None:
    assert bursts(("cat", "10"), ("dog", "11"), ("cat", "12"), ("dog", "12")) == [(0, 2), (1, 3)]


def test_the_same_id_twice_is_one_burst() -> None:
    assert bursts(("cat", "10"), ("cat", "10"), gap=1) == [(0, 1)]


@pytest.mark.parametrize(
    "unknown", [("", "10"), ("cat", ""), ("cat", "ten"), ("cat", "10.5"), ("cat", "-10"), ("cat", "9" * 19)]
)
def test_unknown_species_or_ids_form_no_burst(unknown: tuple[str, str]) -> None:
    assert bursts(unknown, unknown, ("cat", "50"), ("cat", "51")) == [(2, 3)]
    assert bursts(unknown, unknown) == []


# --- near duplicates


@given(hashes_near_each_other(), st.integers(0, 15))
def test_near_duplicates_are_those_that_brute_force_finds(hashes: list[int], max_bits: int) -> None:
    near = [
        (first, second)
        for first, second in combinations(range(len(hashes)), 2)
        if (hashes[first] ^ hashes[second]).bit_count() <= max_bits
    ]
    pairs = [(a, b) for a, b in near_duplicate_pairs(np.array(hashes, dtype=np.uint64), max_bits).tolist()]
    assert {(min(pair), max(pair)) for pair in pairs} <= set(near)
    assert link(len(hashes), pairs) == link(len(hashes), near)
    assert len(set(pairs)) == len(pairs)


@pytest.mark.parametrize("max_bits", range(16))
def test_the_limit_is_the_last_distance_that_counts(max_bits: int) -> None:
    spread = sum(1 << (bit * 4) for bit in range(max_bits))  # one bit in each nibble
    hashes = np.array([0, spread, spread | 1 << 63], dtype=np.uint64)
    assert near_duplicate_pairs(hashes[[0, 1]], max_bits).tolist() == [[0, 1]]
    assert near_duplicate_pairs(hashes[[0, 2]], max_bits).tolist() == []


@pytest.mark.parametrize("max_bits", [1, 4, 15])
@pytest.mark.parametrize("bit", [0, 31, 63])
def test_any_bit_may_differ(bit: int, max_bits: int) -> None:
    assert near_duplicate_pairs(
        np.array([(2**64 - 1) ^ (1 << bit), 2**64 - 1], dtype=np.uint64), max_bits
    ).tolist() == [[0, 1]]


# --- groups


def test_groups_are_numbered_in_order_of_first_appearance() -> None:
    photos = make_photos(
        ("dog", "7", 1 << 40),
        ("cat", "1", 0),
        ("dog", "8", 0xFFFF),
        ("cat", "50", 0xFFFF << 20),
        ("cat", "2", 0xFFFF << 44),
    )
    assert group_photos(photos, burst_gap=1, near_duplicate_bits=0).tolist() == [0, 1, 0, 2, 1]


def test_a_chain_of_bursts_and_near_duplicates_is_one_group() -> None:
    photos = make_photos(
        ("cat", "1", 0),
        ("cat", "2", 0xFFFF),  # a burst with the first
        ("dog", "90", 0xFFFE),  # looks like the second
        ("dog", "50", 0xFFFC),  # looks like the third, but two bits from the second
        ("dog", "52", 0xFFFF << 30),  # alone
    )
    assert group_photos(photos, burst_gap=1, near_duplicate_bits=1).tolist() == [0, 0, 0, 0, 1]


def test_equal_hashes_are_one_group_even_at_0_bits() -> None:
    photos = make_photos(("cat", "", 5), ("dog", "", 6), ("", "", 5))
    assert group_photos(photos, burst_gap=0, near_duplicate_bits=0).tolist() == [0, 1, 0]


@given(
    hashes_near_each_other(),
    st.integers(0, 3),
    st.integers(0, 6),
    st.randoms(use_true_random=False),
)
def test_groups_are_what_all_links_join(hashes: list[int], gap: int, max_bits: int, random) -> None:
    rows = [(random.choice(["cat", "dog", ""]), str(random.randrange(20)), value) for value in hashes]

    def together(first: tuple[str, str, int], second: tuple[str, str, int]) -> bool:
        burst = gap > 0 and first[0] == second[0] != "" and abs(int(first[1]) - int(second[1])) <= gap
        return burst or (first[2] ^ second[2]).bit_count() <= max_bits

    links = [(a, b) for a, b in combinations(range(len(rows)), 2) if together(rows[a], rows[b])]
    groups = group_photos(make_photos(*rows), gap, max_bits)
    assert partition(groups) == link(len(rows), links)
    assert list(dict.fromkeys(groups.tolist())) == list(range(len(set(groups.tolist()))))


# --- leaks


@pytest.mark.parametrize(
    ("groups", "splits", "leaked"),
    [
        ([0, 0, 0, 0], ["train", "train", "val", "test"], 2 * 1 + 2 * 1 + 1 * 1),
        ([0, 0, 1, 1], ["train", "train", "test", "test"], 0),
        ([0, 0, 1, 1, 1], ["val", "test", "train", "train", "test"], 1 + 2),
        ([0, 0, 0], ["train", "train", "train"], 0),
        ([0, 1, 2], ["train", "val", "test"], 0),
    ],
)
def test_leaks_are_pairs_of_one_group_in_two_splits(groups: list[int], splits: list[str], leaked: int) -> None:
    assert cross_split_pairs(np.array(groups), np.array(splits)) == leaked


def test_a_photo_that_cannot_be_hashed_still_links_its_burst() -> None:
    photos = make_photos(("7", "10", 0), ("7", "12", 255), ("7", "14", 2**40), ("8", "10", 0))
    assert group_photos(photos, burst_gap=2, near_duplicate_bits=0).tolist() == [0, 0, 0, 0]
    photos.loc[[1, 3], "phash"] = ""
    assert group_photos(photos, burst_gap=2, near_duplicate_bits=0).tolist() == [0, 0, 0, 1]
