"""Assign photos to train, validation and test, family by family; photos of one group stay together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError

Fractions = Mapping[str, float]
ORDERS = 32  # number of random orders of a family's groups that are tried


def list_classes(photos: pd.DataFrame) -> list[dict[str, int | str]]:
    """Give each family its class id; families are numbered in alphabetical order.

    Args:
        photos: columns family and phylum; all photos of a family have the same phylum.

    Returns:
        One mapping per family, with class_id, family and phylum; its position in the list is its class_id.

    Raises:
        UserError: if there are fewer than two families, or a family has only one photo.
    """
    families = photos.groupby("family", sort=True)["phylum"].agg(["size", "first"])
    if len(families) < 2:
        found = ", ".join(families.index) or "none"
        raise UserError(f"Expected at least two families to tell apart. Received: {found}. Add photos of another one.")
    single = list(families.index[families["size"] == 1])
    if single:
        raise UserError(
            f"Expected at least two usable photos of each family. Received one of: {', '.join(single)}. "
            "Add photos, or list these in the file of clean.exclude."
        )
    return [
        {"class_id": number, "family": str(family), "phylum": phylum}
        for number, (family, phylum) in enumerate(families["first"].items())
    ]


def assign_splits(
    families: NDArray[np.str_], groups: NDArray[np.int64], fractions: Fractions, seed: int
) -> NDArray[np.str_]:
    """Assign whole groups to splits so that each family has its share in each split.

    A family's groups are taken in random order, and each goes to the split that lacks most photos. `ORDERS` such
    orders are tried, and the one whose shares come nearest to `fractions` is kept. A family is in every split if it has
    at least as many groups as there are splits and shares at most one of them with another family.

    A family with fewer groups than splits takes the documented fallback: its largest group goes to the first split
    (train) and its second largest to the last (test); a single group goes to train. A group with several families
    (near-duplicates under two labels) goes to train, and counts there for each of these families.

    Args:
        families: family of each photo, text array of shape (n_photos,).
        groups: group of each photo, int array of shape (n_photos,); see `groups.group_photos`.
        fractions: share of each split, summing to 1; the keys are train, then val, test or both.
        seed: seed of the random orders.

    Returns:
        Split of each photo, text array of shape (n_photos,), values in `SPLITS`. The order of the photos matters only
        through the numbers that it gives to groups.
    """
    table = pd.DataFrame({"family": families, "group": groups})
    n_families = table.groupby("group")["family"].nunique()
    mixed = set(n_families.index[n_families > 1])
    assigned = dict.fromkeys(mixed, "train")
    rng = np.random.default_rng(seed)
    for _, rows in table.groupby("family", sort=True):
        sizes = Counter(rows["group"].tolist())
        assigned |= _assign_family(sizes, mixed.intersection(sizes), fractions, rng)
    return table["group"].map(assigned).to_numpy(dtype=str)


def refuse_empty_splits(splits: NDArray[np.str_]) -> None:
    """Stop if a split is empty, because no family has enough groups for it.

    Raises:
        UserError: if a split has no photo.
    """
    empty = [split for split in SPLITS if split not in splits]
    if empty:
        raise UserError(
            f"Expected photos in train, val and test. Received: none for {' and '.join(empty)}, as no family has "
            "enough groups of photos. Add photos, or lower split.burst_gap or split.near_duplicate_bits in params.yaml."
        )


def describe_splits(table: pd.DataFrame, fractions: Fractions, leaked_pairs: int | None) -> dict[str, object]:
    """Count the photos, families and groups of each split, and measure how far it is from the requested shares.

    Args:
        table: columns family, species, group, split and held_out_species (True if the photo's species is held out).
        fractions: requested share of each split.
        leaked_pairs: number of pairs of photos of the same moment in different splits; None if it can't be known.

    Returns:
        The content of metrics/split.json. `family_share_deviation` is the mean over families of the largest
        difference between a split's share of the family's photos and the requested share.
    """
    shares = pd.crosstab(table["family"], table["split"], normalize="index").reindex(columns=list(SPLITS), fill_value=0)
    present = pd.crosstab(table["family"], table["split"]).reindex(columns=list(SPLITS), fill_value=0) > 0
    by_split = {
        split: {
            "images": len(rows),
            "families": rows["family"].nunique(),
            "groups": rows["group"].nunique(),
        }
        for split, rows in ((split, table[table["split"] == split]) for split in SPLITS)
    }
    held_out = table[table["held_out_species"]]
    deviation = shares.sub(pd.Series(fractions), axis="columns").abs().max(axis="columns").mean()
    return {
        **by_split,
        "held_out_species": {
            "images": len(held_out),
            "species": held_out["species"].nunique(),
            "families": held_out["family"].nunique(),
        },
        "leaked_pairs": leaked_pairs,
        "families_without_val": int((~present["val"]).sum()),
        "families_without_test": int((~present["test"]).sum()),
        "family_share_deviation": round(float(deviation), 6),
    }


def count_families(table: pd.DataFrame) -> pd.DataFrame:
    """Count each family's species and images.

    Args:
        table: columns family, species ("" where unknown), split and held_out_species.

    Returns:
        One row per family in alphabetical order; the index is the family. Columns: species (number of known species),
        train, val and test (number of images), held_out_species (number of test images of held-out species).
    """
    counts = pd.crosstab(table["family"], table["split"]).reindex(columns=list(SPLITS), fill_value=0)
    counts.insert(0, "species", table[table["species"] != ""].groupby("family")["species"].nunique())
    counts["held_out_species"] = table.groupby("family")["held_out_species"].sum()
    return counts.fillna(0).astype(int).rename_axis(columns=None)


def _assign_family(
    sizes: Mapping[int, int], mixed: set[int], fractions: Fractions, rng: np.random.Generator
) -> dict[int, str]:
    """Assign one family's groups; those in `mixed` are in train already, as they are shared with other families."""
    names = list(fractions)
    if len(sizes) < len(names):
        largest_first = sorted(sizes, key=lambda group: (group not in mixed, -sizes[group], group))
        return dict(zip(largest_first, (names[0], names[-1]), strict=False)) | dict.fromkeys(mixed, "train")
    groups = sorted(sizes)
    orders = ([groups[place] for place in rng.permutation(len(groups))] for _ in range(ORDERS))
    tried = [_assign_in_order(order, sizes, mixed, fractions) for order in orders]
    return min(tried, key=lambda assigned: _distance(assigned, sizes, fractions))


def _assign_in_order(
    order: list[int], sizes: Mapping[int, int], mixed: set[int], fractions: Fractions
) -> dict[int, str]:
    lacking = {split: fraction * sum(sizes.values()) for split, fraction in fractions.items()}
    assigned: dict[int, str] = {}
    for group in sorted(order, key=lambda group: group not in mixed):
        split = "train" if group in mixed else max(lacking, key=lambda name: lacking[name])
        assigned[group] = split
        lacking[split] -= sizes[group]
    _fill_empty_splits(assigned, {group: sizes[group] for group in order if group not in mixed}, list(fractions))
    return assigned


def _fill_empty_splits(assigned: dict[int, str], movable: dict[int, int], splits: list[str]) -> None:
    """Give each empty split a group: the smallest movable one of the split with the most movable groups.

    A split never gives away its last group.
    """
    for split in splits:
        if split not in assigned.values():
            held = [assigned[group] for group in movable]
            donor = max(splits, key=held.count)
            donors = [group for group in movable if assigned[group] == donor]
            if donors and list(assigned.values()).count(donor) > 1:
                assigned[min(donors, key=lambda group: movable[group])] = split


def _distance(assigned: dict[int, str], sizes: Mapping[int, int], fractions: Fractions) -> float:
    """Return how far a family's splits are from the requested shares, each difference relative to its share."""
    held = dict.fromkeys(fractions, 0)
    for group, split in assigned.items():
        held[split] += sizes[group]
    total = sum(sizes.values())
    return sum(abs(held[split] / total - fraction) / fraction for split, fraction in fractions.items())
