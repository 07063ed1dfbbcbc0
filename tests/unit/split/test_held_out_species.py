"""rare_species.split.held_out_species: no species on both sides of test, everything else split as before."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError
from rare_species.split.assign import assign_splits
from rare_species.split.held_out_species import assign_others, choose_held_out

SHARES = {"train": 0.72, "val": 0.18, "test": 0.10}
SEEDS = st.integers(0, 20)
Row = tuple[str, str, int]  # family, species, group


def table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["family", "species", "group"])


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Families of up to four species; groups of 1 to 4 photos, a few across species and families, one species in two.

    Family "a" always has three species that nothing links to others.
    """
    rows = [("a", f"alone{number}", number) for number in range(3)]
    for group in range(3, draw(st.integers(4, 25))):
        owners = [(family, f"{family}{number}") for family in "abc" for number in range(4)]
        owners += [("d", "d0"), ("d", "c0"), ("e", "e0"), ("e", "")]
        moments = draw(st.sampled_from([1, 1, 1, 1, 2]))  # how many of them a group spans
        for family, species in draw(st.lists(st.sampled_from(owners), min_size=moments, max_size=moments)):
            rows += [(family, species, group)] * draw(st.integers(1, 4))
    return table(draw(st.permutations(rows)))


def split(photos: pd.DataFrame, seed: int) -> pd.DataFrame:
    held_out = choose_held_out(photos, SHARES, seed)
    families, groups = photos["family"].to_numpy(dtype=str), photos["group"].to_numpy()
    return photos.assign(held_out=held_out, split=assign_others(families, groups, held_out, SHARES, seed))


def spreads(photos: pd.DataFrame, by: str) -> list[str]:
    """Which values of a column are in more than one split."""
    counts = photos.groupby(by)["split"].nunique()
    return list(counts.index[counts > 1])


def held_out_of(rows: list[Row], seed: int = 0) -> set[str]:
    photos = table(rows)
    return set(photos.loc[choose_held_out(photos, SHARES, seed), "species"])


# --- properties


@given(tables(), SEEDS)
def test_every_photo_is_in_one_split_and_no_group_in_two(photos: pd.DataFrame, seed: int) -> None:
    found = split(photos, seed)
    assert set(found["split"]) <= set(SPLITS)
    assert spreads(found, "group") == []


@given(tables(), SEEDS)
def test_where_species_are_held_out_the_test_photos_are_of_no_other(photos: pd.DataFrame, seed: int) -> None:
    found = split(photos, seed)
    assert found["held_out"].any()
    tested = found[found["family"].isin(found.loc[found["held_out"], "family"])]
    assert (tested["held_out"] == (tested["split"] == "test")).all()
    assert set(found.loc[found["held_out"], "species"]).isdisjoint(found.loc[found["split"] != "test", "species"])
    assert (found.loc[found["held_out"], "species"] != "").all()


@given(tables(), SEEDS)
def test_every_family_is_trained_on(photos: pd.DataFrame, seed: int) -> None:
    found = split(photos, seed)
    assert set(found["family"]) == set(found.loc[found["split"] == "train", "family"])


@given(tables(), SEEDS)
def test_other_families_are_split_as_without_species_held_out(photos: pd.DataFrame, seed: int) -> None:
    found = split(photos, seed)
    before = assign_splits(photos["family"].to_numpy(dtype=str), photos["group"].to_numpy(), SHARES, seed)
    others = ~found["family"].isin(found.loc[found["held_out"], "family"]).to_numpy()
    assert (found["split"].to_numpy()[others] == before[others]).all()


@given(tables(), SEEDS)
def test_same_seed_same_split(photos: pd.DataFrame, seed: int) -> None:
    pd.testing.assert_frame_equal(split(photos, seed), split(photos, seed))


def test_another_seed_holds_out_other_species() -> None:
    photos = table([("a", f"a{species}", species) for species in range(20)])
    drawn = {tuple(choose_held_out(photos, SHARES, seed).tolist()) for seed in range(10)}
    assert len(drawn) > 5
    assert {sum(choice) for choice in drawn} == {2}  # a tenth of twenty species of one photo each


# --- hand-made cases


def test_the_species_nearest_to_the_share_is_held_out_and_the_others_have_validation_photos() -> None:
    sizes = {"a0": 50, "a1": 30, "a2": 11}
    rows = [("a", species, f"{species}-{number}") for species, size in sizes.items() for number in range(size)]
    photos = table(rows)
    photos["group"] = pd.factorize(photos["group"])[0]
    found = split(photos, seed=0)
    assert set(found.loc[found["split"] == "test", "species"]) == {"a2"}
    assert found["split"].value_counts().to_dict() == {"train": 64, "val": 16, "test": 11}  # four fifths of 80


def test_of_two_species_the_smaller_is_tested() -> None:
    photos = table([("a", "large", group) for group in range(6)] + [("a", "small", group) for group in range(6, 10)])
    found = split(photos, seed=0)
    assert set(found.loc[found["species"] == "small", "split"]) == {"test"}
    assert set(found.loc[found["species"] == "large", "split"]) == {"train", "val"}


SEVERAL = [("a", "a0", 0), ("a", "a0", 1), ("a", "a1", 2)]


@pytest.mark.parametrize(
    "linked",
    [
        [("b", "b0", 3), ("b", "b0", 4), ("b", "b1", 4)],
        [("b", "b0", 3), ("b", "b1", 4), ("b", "", 5)],
        [("b", "b0", 3), ("b", "b1", 4), ("c", "b0", 5), ("c", "b1", 6)],
        [("b", "b0", 3), ("b", "b1", 4), ("c", "c0", 3), ("c", "c0", 4)],
    ],
    ids=[
        "near-duplicates of two species",
        "a photo of unknown species",
        "species of two families",
        "near-duplicates of two families",
    ],
)
def test_families_whose_species_can_not_be_told_apart_are_passed_over(linked: list[Row]) -> None:
    assert held_out_of(SEVERAL + linked) == {"a1"}


def test_a_species_linked_to_another_family_stays_and_another_is_held_out() -> None:
    assert held_out_of([("a", "a0", 0), ("a", "a1", 1), ("a", "a1", 2), ("b", "b0", 0)]) == {"a1"}


@pytest.mark.parametrize(
    ("rows", "received"),
    [
        ([("a", "", 0), ("a", "", 1), ("b", "", 2)], "0 known species in 2 families"),
        ([("a", "a0", 0), ("a", "a0", 1), ("b", "b0", 2)], "2 known species in 2 families"),
    ],
    ids=["no species", "one species each"],
)
def test_no_species_to_hold_out_is_refused(rows: list[Row], received: str) -> None:
    with pytest.raises(
        UserError, match=f"needs a family with photos of several species.*Received: {received}"
    ) as error:
        choose_held_out(table(rows), SHARES, seed=0)
    assert "set split.holdout_species to false in params.yaml" in str(error.value)


def test_none_held_out_is_the_plain_split() -> None:
    families, groups = np.repeat(["a", "b"], 10), np.arange(20)
    nothing = np.zeros(20, dtype=bool)
    assert (assign_others(families, groups, nothing, SHARES, 3) == assign_splits(families, groups, SHARES, 3)).all()
