"""Which pictures look alike: all pairs of 64-bit hashes within a radius, exactly.

Belongs here: arrays of hashes in, pairs out. Does not belong here: making hashes (pictures.py), deciding (sql/curation).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]


def near_pairs(left_N: Hashes, right_M: Hashes, radius: int) -> Pairs:
    """Return all index pairs (i, j), shape (P, 2), with at most `radius` differing bits between left[i] and right[j].

    Pigeonhole: of radius + 1 bands of bits at least one is equal, so only pairs that share a band are compared.
    """
    found = []
    for shift, width in _bands(radius + 1):
        mask = np.uint64((1 << width) - 1)
        i, j = _equal_keys((left_N >> np.uint64(shift)) & mask, (right_M >> np.uint64(shift)) & mask)
        close = np.bitwise_count(left_N[i] ^ right_M[j]) <= radius
        found.append(np.stack([i[close], j[close]], axis=1))
    return np.unique(np.concatenate(found), axis=0)


def representatives(phash_N: Hashes, dhash_N: Hashes, radius: int) -> dict[int, int]:
    """Return {picture: the earlier picture it repeats} for rows in order of age, both hashes within the radius.

    A picture is held against representatives only, so a chain of small changes does not swallow a whole series; the
    second hash must agree within twice the radius, as equal perceptual hashes alone join different scenes.
    """
    pairs = near_pairs(phash_N, phash_N, radius)
    pairs = pairs[pairs[:, 0] < pairs[:, 1]]
    agree = np.bitwise_count(dhash_N[pairs[:, 0]] ^ dhash_N[pairs[:, 1]]) <= 2 * radius
    pairs = pairs[agree]
    repeats: dict[int, int] = {}
    for earlier, later in pairs[np.lexsort((pairs[:, 0], pairs[:, 1]))].tolist():
        if later not in repeats and earlier not in repeats:
            repeats[later] = earlier
    return repeats


def differing_bits(left: int, right: int) -> int:
    """Return how many of 64 bits differ."""
    return (left ^ right).bit_count()


def _bands(count: int) -> Sequence[tuple[int, int]]:
    edges = np.linspace(0, 64, count + 1).astype(int)
    return [(int(start), int(end - start)) for start, end in itertools.pairwise(edges)]


def _equal_keys(left_N: Hashes, right_M: Hashes) -> tuple[Pairs, Pairs]:
    """Return all (i, j) with left[i] == right[j], as two index arrays."""
    order = np.argsort(right_M, kind="stable")
    start = np.searchsorted(right_M[order], left_N, "left")
    counts = np.searchsorted(right_M[order], left_N, "right") - start
    i = np.repeat(np.arange(len(left_N)), counts)
    offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return i, order[np.repeat(start, counts) + offsets]
