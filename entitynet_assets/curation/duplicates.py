"""Which pictures may be the same: all pairs of 64-bit hashes within a radius, exactly, and who stands for whom.

Belongs here: arrays of hashes in, pairs out. Does not belong here: making hashes (pictures.py), looking closer at a pair
(alignment.py), deciding (sql/curation).

The search is by block combinations (Manku, Jain and Das Sarma, Detecting near-duplicates for web crawling, 2007): of b blocks of
bits at least b - radius are equal, so every choice of b - radius blocks is a key, and only hashes that share a key are compared.
Keys are packed above row numbers and sorted as one array, which is several times as fast as sorting row numbers by key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Pairs = NDArray[np.int64]
ROW_BITS = 32  # of a packed entry; the key has the rest
MAX_TABLES = 2000
CHUNK = 1 << 22  # candidates compared at a time, so that memory does not grow with their number
_EVEN_COLUMNS, _LEFT_HALF = np.uint64(0xAAAA_AAAA_AAAA_AAAA), np.uint64(0xF0F0_F0F0_F0F0_F0F0)
_PAIRS_OF_BITS = np.uint64(0xCCCC_CCCC_CCCC_CCCC)


def near_pairs(left_N: Hashes, right_M: Hashes, radius: int) -> Pairs:
    """Return all index pairs (i, j), shape (P, 2), in order, with at most `radius` differing bits of left[i] and right[j]."""
    left, right = _Groups(left_N), _Groups(right_M)
    codes_U, where = np.unique(np.concatenate([left.codes, right.codes]), return_inverse=True)
    left_at, right_at = _rows(len(codes_U), where[: len(left.codes)]), _rows(len(codes_U), where[len(left.codes) :])
    found = _near_codes(codes_U, radius)
    equal = np.arange(len(codes_U))
    i = np.concatenate([left_at[found[:, 0]], left_at[found[:, 1]], left_at[equal]])
    j = np.concatenate([right_at[found[:, 1]], right_at[found[:, 0]], right_at[equal]])
    both = (i >= 0) & (j >= 0)
    return _ordered(_crossed(left, right, i[both], j[both]))


def pairs_within(hashes_N: Hashes, radius: int, most: int = 50) -> tuple[Pairs, int]:
    """Return all pairs (i, j), i < j, shape (P, 2), in order, with at most `radius` differing bits, and how many were left out.

    Left out is nothing but what a hash of more than `most` pictures would square: of such a hash the first `most` pictures are
    held against all others, and the rest only against these. Rows are in order of age.
    """
    groups = _Groups(hashes_N)
    i, j = _near_codes(groups.codes, radius).T
    same = np.flatnonzero(groups.counts > 1)
    head, tail = groups.head(most), groups.tail(most)
    alike = _crossed(head, groups, same, same)
    alike = alike[alike[:, 0] < alike[:, 1]]
    others = np.concatenate([_crossed(head, groups, i, j), _crossed(tail, head, i, j)])
    others.sort(axis=1)
    counts = groups.counts
    total = (counts[same] * (counts[same] - 1) // 2).sum() + (counts[i] * counts[j]).sum()
    return _ordered(np.concatenate([alike, others])), int(total) - len(alike) - len(others)


def mirrored_pairs(phash_N: Hashes, radius: int, most: int = 50) -> Pairs:
    """Return pairs (i, j), i < j, shape (P, 2), in order, of which one is near the other seen in a mirror.

    Of a hash of more than `most` pictures the first `most` stand for all.
    """
    first = _Groups(phash_N).head(most)
    kept = np.sort(first.rows())
    pairs = kept[near_pairs(phash_N[kept], mirrored_phashes(phash_N[kept]), radius)]
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    pairs.sort(axis=1)
    return np.unique(pairs, axis=0)


def candidates(phash_N: Hashes, dhash_N: Hashes, radius: int) -> tuple[Pairs, NDArray[np.bool_], int]:
    """Return pairs (earlier, later) worth a closer look, which of them in a mirror, and how many of frequent hashes were left out.

    Either hash may propose, as each survives what the other does not; rows are in order of age.
    """
    (by_phash, left_out), (by_dhash, also) = pairs_within(phash_N, radius), pairs_within(dhash_N, radius)
    direct, turned = np.unique(np.concatenate([by_phash, by_dhash]), axis=0), mirrored_pairs(phash_N, radius)
    return np.concatenate([direct, turned]), np.arange(len(direct) + len(turned)) >= len(direct), left_out + also


def representatives(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return {picture: the earlier picture it repeats} for pairs (earlier, later) in order of the later's age, then the earlier's.

    A picture is held against representatives only, so a chain of small changes does not swallow a whole series.
    """
    repeats: dict[str, str] = {}
    for earlier, later in pairs:
        if later not in repeats and earlier not in repeats:
            repeats[later] = earlier
    return repeats


def mirrored_phashes(phash_N: Hashes) -> Hashes:
    """Return perceptual hashes of the pictures seen in a mirror: odd horizontal frequencies change their sign.

    A coefficient close to the median may fall on its other side, so a bit or two can differ from the mirrored picture's own.
    """
    return phash_N ^ ~_EVEN_COLUMNS


def mirrored_dhashes(dhash_N: Hashes) -> Hashes:
    """Return difference hashes of the pictures seen in a mirror: each row backwards, each step the other way."""
    swapped = dhash_N
    for mask, shift in ((_LEFT_HALF, 4), (_PAIRS_OF_BITS, 2), (_EVEN_COLUMNS, 1)):
        by = np.uint64(shift)
        swapped = ((swapped & mask) >> by) | ((swapped & ~mask) << by)
    return ~swapped


def differing_bits(left: int, right: int) -> int:
    """Return how many of 64 bits differ."""
    return (left ^ right).bit_count()


# -- hashes without repeats --------------------------------------------------------------------------------------------


class _Groups:
    """Rows by hash: `codes` without repeats, and of each the rows that have it, `order[start : start + count]`."""

    def __init__(self, hashes_N: Hashes) -> None:
        self.order = np.argsort(hashes_N, kind="stable")
        ordered = hashes_N[self.order]
        starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
        self.codes, self.starts = ordered[starts], starts
        self.counts = np.diff(np.append(starts, len(ordered)))

    def head(self, most: int) -> _Groups:
        """Return the same hashes with the first `most` rows of each."""
        return self._cut(self.starts, np.minimum(self.counts, most))

    def tail(self, most: int) -> _Groups:
        """Return the same hashes without the first `most` rows of each."""
        return self._cut(self.starts + most, np.maximum(self.counts - most, 0))

    def rows(self) -> Pairs:
        """Return all rows, those of one hash together."""
        within = np.arange(self.counts.sum()) - np.repeat(np.cumsum(self.counts) - self.counts, self.counts)
        return self.order[np.repeat(self.starts, self.counts) + within]

    def _cut(self, starts: Pairs, counts: Pairs) -> _Groups:
        part = _Groups.__new__(_Groups)
        part.codes, part.order, part.starts, part.counts = self.codes, self.order, starts, counts
        return part


def _crossed(left: _Groups, right: _Groups, i: Pairs, j: Pairs) -> Pairs:
    """Return the rows of left group i[p] with each row of right group j[p], shape (P, 2)."""
    wide = right.counts[j]
    sizes = left.counts[i] * wide
    p = np.repeat(np.arange(len(i)), sizes)
    within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = left.order[left.starts[i][p] + within // np.maximum(wide, 1)[p]]
    return np.stack([rows, right.order[right.starts[j][p] + within % np.maximum(wide, 1)[p]]], axis=1)


def _rows(count: int, where: Pairs) -> Pairs:
    rows = np.full(count, -1, dtype=np.int64)
    rows[where] = np.arange(len(where))
    return rows


def _ordered(pairs_P2: Pairs) -> Pairs:
    return pairs_P2[np.lexsort((pairs_P2[:, 1], pairs_P2[:, 0]))]


# -- block combinations ------------------------------------------------------------------------------------------------


def _near_codes(codes_U: Hashes, radius: int) -> Pairs:
    """Return all (i, j), i != j, each pair once, of distinct codes with at most `radius` differing bits."""
    found = [np.empty((0, 2), dtype=np.int64)]
    if radius < 1 or len(codes_U) < 2:
        return found[0]
    count, keyed = _scheme(len(codes_U), radius)
    masks = _blocks(count)
    for chosen in itertools.combinations(range(count), keyed):
        keyed_bits = np.bitwise_or.reduce([masks[block] for block in chosen])
        passed_over = [masks[block] for block in range(chosen[-1]) if block not in chosen]
        for i, j in _sharing_key(_packed(codes_U, [masks[block] for block in chosen])):
            differ = codes_U[i] ^ codes_U[j]
            close = np.flatnonzero(np.bitwise_count(differ) <= radius)
            close = close[differ[close] & keyed_bits == 0]
            for mask in passed_over:  # equal there too: an earlier choice of blocks has found the pair already
                close = close[differ[close] & mask != 0]
            found.append(np.stack([i[close], j[close]], axis=1))
    return np.concatenate(found)


def _scheme(count: int, radius: int) -> tuple[int, int]:
    """Return how many blocks, and how many of them make a key, so that sorting and comparing together cost least."""

    def cost(keyed: int) -> float:
        blocks = radius + keyed
        tables = float(np.prod([(blocks - n) / (keyed - n) for n in range(keyed)]))
        shared = count * count / 2.0 ** (64 * keyed // blocks + 1)
        return tables * (2.0 * count + shared) if tables <= MAX_TABLES else np.inf

    keyed = min(range(1, max(2, radius + 1)), key=cost)
    return radius + keyed, keyed


def _blocks(count: int) -> list[np.uint64]:
    edges = np.linspace(0, 64, count + 1).astype(int)
    return [np.uint64((1 << int(end)) - (1 << int(start))) for start, end in itertools.pairwise(edges)]


def _packed(codes_U: Hashes, masks: Sequence[np.uint64]) -> Hashes:
    """Return the bits under the masks, above the row number, sorted."""
    packed = np.zeros_like(codes_U)
    for mask in masks:
        low, width = _span(int(mask))
        packed <<= np.uint64(width)
        packed |= (codes_U & mask) >> np.uint64(low)
    packed <<= np.uint64(ROW_BITS)  # of a longer key the first bits fall away
    packed |= np.arange(len(codes_U), dtype=np.uint64)
    packed.sort()
    return packed


def _span(mask: int) -> tuple[int, int]:
    low = (mask & -mask).bit_length() - 1
    return low, mask.bit_length() - low


def _sharing_key(packed_U: Hashes) -> Iterator[tuple[Pairs, Pairs]]:
    """Yield the rows of all pairs of entries with one key, a chunk at a time: neighbours, then those two apart, and so on."""
    keys = packed_U >> np.uint64(ROW_BITS)
    rows = packed_U & np.uint64((1 << ROW_BITS) - 1)
    at = np.flatnonzero(keys[1:] == keys[:-1])
    apart = 1
    while len(at):
        for start in range(0, len(at), CHUNK):
            part = at[start : start + CHUNK]
            yield rows[part].astype(np.int64), rows[part + apart].astype(np.int64)
        apart += 1
        at = at[at + apart < len(keys)]
        at = at[keys[at] == keys[at + apart]]
