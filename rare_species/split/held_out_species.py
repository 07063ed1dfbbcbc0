"""Hold out whole species: a family's test photos show species that no model is fitted to or chosen on.

Validation photos come from the species that are trained on ("training-domain validation", Gulrajani & Lopez-Paz, 2021,
"In Search of Lost Domain Generalization"). So a family of two species has validation photos too, no family gives up a
second species, and neither early stopping nor the choice of a model ever sees a tested species.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rare_species.common.errors import UserError
from rare_species.split.assign import Fractions, assign_splits
from rare_species.split.groups import number_linked


def choose_held_out(photos: pd.DataFrame, fractions: Fractions, seed: int) -> NDArray[np.bool_]:
    """Choose whole species for the test split, so that each family comes as near to the test share as possible.

    At least one species of each family stays in training. A family is skipped if it has one species, if the species of
    one of its photos is unknown, or if near-duplicates link all its species. A species is never held out if it is
    linked to another family, by near-duplicates or because it is labelled as both.

    Args:
        photos: columns family, species ("" where unknown) and group, see `groups.group_photos`.
        fractions: share of each split, summing to 1.
        seed: seed of the random choice.

    Returns:
        bool array of shape (n_photos,), True if the photo's species is held out.

    Raises:
        UserError: if no family has a species to hold out.
    """
    shares = {"train": 1 - fractions["test"], "test": fractions["test"]}
    held_out = assign_splits(photos["family"].to_numpy(dtype=str), _link_species(photos), shares, seed) == "test"
    if not held_out.any():
        known = photos.loc[photos["species"] != "", "species"].nunique()
        raise UserError(
            "split.holdout_species needs a family with photos of several species, all of them known (eol_page_id in "
            f"metadata.csv). Received: {known} known species in {photos['family'].nunique()} families, none of which "
            "can spare one. Name the species, or set split.holdout_species to false in params.yaml."
        )
    return np.asarray(held_out)


def assign_others(
    families: NDArray[np.str_],
    groups: NDArray[np.int64],
    held_out: NDArray[np.bool_],
    fractions: Fractions,
    seed: int,
) -> NDArray[np.str_]:
    """Put the held-out species into test, and assign the other photos.

    A family without held-out species is split exactly as in a run that holds out none, so that two such runs differ
    only in the other families. The remaining photos of a family with held-out species are shared between train and
    val.

    Args:
        families: family of each photo, text array of shape (n_photos,).
        groups: group of each photo, int array of shape (n_photos,).
        held_out: bool array of shape (n_photos,), see `choose_held_out`.
        fractions: share of each split, summing to 1.
        seed: seed of the random orders of groups, see `assign_splits`.

    Returns:
        Split of each photo, text array of shape (n_photos,), values in `SPLITS`.
    """
    splits = assign_splits(families, groups, fractions, seed)
    fitted = {name: fractions[name] / (fractions["train"] + fractions["val"]) for name in ("train", "val")}
    # every family takes part, because a group that two families share must go to train
    rest = assign_splits(families[~held_out], groups[~held_out], fitted, seed)
    tested = np.isin(families, families[held_out])
    splits[~held_out] = np.where(tested[~held_out], rest, splits[~held_out])
    splits[held_out] = "test"
    return splits


def _link_species(photos: pd.DataFrame) -> NDArray[np.int64]:
    """Number what is held out as a whole: photos linked by species, by group, or by a family with unknown species."""
    known = photos["species"] != ""
    doubtful = photos["family"].isin(photos.loc[~known, "family"])
    rows = pd.Series(np.arange(len(photos)), index=photos.index)
    shared = (photos["species"].where(known), photos["group"], photos["family"].where(doubtful))
    first = [rows.groupby(names).transform("first").fillna(rows).astype(np.int64) for names in shared]
    return number_linked(np.concatenate([np.stack([one, rows], axis=1) for one in first]), len(photos))
