"""Find near-duplicates: photos whose perceptual hashes differ in few bits."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

HASH_BITS = 64
Pairs = NDArray[np.int64]


def near_duplicate_pairs(hashes: NDArray[np.uint64], max_bits: int) -> Pairs:
    """Find pairs of hashes that link all hashes within `max_bits` of each other.

    Hashes are cut into `max_bits + 1` bands. Two hashes that differ in at most `max_bits` bits agree in at
    least one band (pigeonhole; Norouzi et al., 2012, "Fast Search in Hamming Space with Multi-Index
    Hashing"), so only hashes that share a band are compared.

    Args:
        hashes: uint64 array of shape (n,).
        max_bits: largest Hamming distance, 0..15.

    Returns:
        Pairs of positions, int array of shape (n_pairs, 2). Of equal hashes, each is paired with the first only.
    """
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    equal = np.stack([first[inverse], np.arange(len(hashes))], axis=1)
    edges = np.linspace(0, HASH_BITS, max_bits + 2).astype(np.uint64)
    found = [equal[equal[:, 0] != equal[:, 1]]]
    for low, high in pairwise(edges):
        band = (unique >> low) & ((np.uint64(1) << (high - low)) - np.uint64(1)) if max_bits else unique
        candidates = _pairs_within(band)
        distance = np.bitwise_count(unique[candidates[:, 0]] ^ unique[candidates[:, 1]])
        found.append(first[candidates[distance <= max_bits]])
    return np.unique(np.concatenate(found), axis=0).astype(np.int64)


def _pairs_within(keys: NDArray[np.uint64]) -> Pairs:
    """Find all pairs of positions with equal keys, int array of shape (n_pairs, 2)."""
    order = np.argsort(keys, kind="stable")
    pairs = [np.empty((0, 2), dtype=np.int64)]
    for step in range(1, len(keys)):
        same = keys[order[step:]] == keys[order[:-step]]
        if not same.any():
            break
        pairs.append(np.stack([order[:-step][same], order[step:][same]], axis=1))
    return np.concatenate(pairs)
