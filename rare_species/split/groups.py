"""Group photos that show the same moment, so that no group is split between training and test."""

from __future__ import annotations

import logging
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rare_species.layouts.spreadsheet_ids import unread_ids
from rare_species.split.near_duplicates import Pairs, near_duplicate_pairs

log = logging.getLogger(__name__)


def group_photos(photos: pd.DataFrame, burst_gap: int, near_duplicate_bits: int) -> NDArray[np.int64]:
    """Number the groups of photos that must stay together.

    Two photos are in the same group if they are from one burst (same species, content ids at most `burst_gap`
    apart), if their perceptual hashes are close, or if a chain of such photos links them.

    Args:
        photos: columns species, content_id and phash; text, "" where unknown. Include rejected photos: they link the
            photos taken before and after them.
        burst_gap: largest difference between neighbouring content ids of a burst; 0 switches bursts off.
        near_duplicate_bits: largest Hamming distance between the perceptual hashes of near-duplicates, 0..15.

    Returns:
        Group of each photo, int array of shape (n_photos,), numbered from 0 in order of first appearance.
    """
    hashed = np.flatnonzero(photos["phash"] != "")
    hashes = np.array([int(text, 16) for text in photos["phash"].iloc[hashed]], dtype=np.uint64)
    near_duplicates = hashed[near_duplicate_pairs(hashes, near_duplicate_bits)]
    return number_linked(np.concatenate([burst_pairs(photos, burst_gap), near_duplicates]), len(photos))


def number_linked(links: Pairs, count: int) -> NDArray[np.int64]:
    """Number the connected sets of positions.

    Args:
        links: pairs of positions that belong together, int array of shape (n_links, 2).
        count: number of positions.

    Returns:
        Set of each position, int array of shape (count,), numbered from 0 in order of first appearance.
    """
    graph = coo_array((np.ones(len(links), dtype=bool), (links[:, 0], links[:, 1])), shape=(count, count))
    return np.asarray(pd.factorize(connected_components(graph, directed=False)[1])[0], dtype=np.int64)


def burst_pairs(photos: pd.DataFrame, burst_gap: int) -> Pairs:
    """Find the neighbours in every burst: pairs of rows, int array of shape (n_pairs, 2)."""
    known = (photos["content_id"] != "") & ~unused_ids(photos)
    if burst_gap == 0 or not known.any():
        return np.empty((0, 2), dtype=np.int64)
    ids = photos.loc[known, ["species"]].assign(
        content_id=photos.loc[known, "content_id"].astype(np.int64), row=np.flatnonzero(known)
    )
    ids = ids.sort_values(["species", "content_id"], kind="stable")
    rows, species, content = (ids[name].to_numpy() for name in ("row", "species", "content_id"))
    near = (species[1:] == species[:-1]) & (np.diff(content) <= burst_gap)
    return np.stack([rows[:-1][near], rows[1:][near]], axis=1)


def unused_ids(photos: pd.DataFrame) -> pd.Series[bool]:
    """Mark photos whose content id can't be used to find bursts: it is no whole number, or the species is unknown."""
    return (photos["content_id"] != "") & (unread_ids(photos["content_id"]) | (photos["species"] == ""))


def cross_split_pairs(groups: NDArray[np.int64], splits: NDArray[np.str_]) -> int:
    """Count leaks: pairs of photos of the same group in different splits."""
    table = pd.crosstab(groups, splits).to_numpy()
    return int(sum((table[:, a] * table[:, b]).sum() for a, b in combinations(range(table.shape[1]), 2)))


def count_leaks(photos: pd.DataFrame, manifest: pd.DataFrame, burst_gap: int) -> int | None:
    """Count leaks: pairs of photos that show the same moment but are in different splits.

    Args:
        photos: columns group and split.
        manifest: columns species and content_id of all photos, rejected ones included.
        burst_gap: see `group_photos`.

    Returns:
        The number of pairs; None if `burst_gap` is above 0 and some content ids can't be used, so that some bursts may
        be missed.
    """
    unused = manifest["content_id"][unused_ids(manifest)]
    if burst_gap == 0 or unused.empty:
        return cross_split_pairs(photos["group"].to_numpy(), photos["split"].to_numpy(dtype=str))
    log.warning(
        "%d of %d content ids, first %r, are no whole numbers or have no species: bursts among them are not found, and "
        "leaked_pairs is null. Mend metadata.csv, or set split.burst_gap to 0 if ids say nothing of the photos' order",
        len(unused),
        int((manifest["content_id"] != "").sum()),
        unused.iloc[0],
    )
    return None
