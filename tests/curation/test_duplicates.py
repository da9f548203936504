"""Near pairs and representatives, held against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.curation.duplicates import differing_bits, near_pairs, representatives

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=12)


def brute(left, right, radius):
    return sorted((i, j) for i, a in enumerate(left) for j, b in enumerate(right) if (a ^ b).bit_count() <= radius)


def near(left, right, radius):
    pairs = near_pairs(np.array(left, dtype=np.uint64), np.array(right, dtype=np.uint64), radius)
    assert pairs.shape[1] == 2
    return [tuple(pair) for pair in pairs.tolist()]


def flipped(value: int, *bits: int) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value


@settings(max_examples=150, deadline=None)
@given(
    HASHES,
    st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=10)), max_size=12),
    st.integers(0, 8),
)
def test_near_pairs_are_those_of_brute_force(left, changes, radius):
    right = [flipped(left[index % len(left)], *bits) for index, bits in changes] if left else []
    assert near(left, right, radius) == brute(left, right, radius)


@pytest.mark.parametrize("radius", range(9))
def test_many_random_hashes_with_planted_neighbours(radius):
    rng = np.random.default_rng(radius)
    left = [int(value) for value in rng.integers(0, 2**64, 120, dtype=np.uint64)]
    right = [flipped(value, *rng.choice(64, int(rng.integers(0, 11)), replace=False).tolist()) for value in left]
    expected = brute(left, right, radius)
    assert near(left, right, radius) == expected
    assert expected


def test_no_hash_has_no_pair():
    assert near([], [1], 4) == near([1], [], 4) == near([], [], 0) == []
    assert representatives(np.array([], dtype=np.uint64), np.array([], dtype=np.uint64), 4) == {}


def repeats(phashes, radius=4, dhashes=None):
    dhash = np.array(dhashes or [0] * len(phashes), dtype=np.uint64)
    return representatives(np.array(phashes, dtype=np.uint64), dhash, radius)


def test_the_first_by_age_represents():
    assert repeats([7, 7, flipped(7, 1), 7]) == {1: 0, 2: 0, 3: 0}


def test_a_chain_of_small_changes_does_not_swallow_a_series():
    chain = [0, 0b111, 0b111111, 0b111111111, 0b111111111111]
    assert repeats(chain) == {1: 0, 3: 2}


def test_the_second_hash_must_agree():
    assert repeats([7, 7], 4, [0, 0b1111_1111]) == {1: 0}
    assert repeats([7, 7], 4, [0, 0b1_1111_1111]) == {}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), max_size=20), st.integers(0, 4))
def test_nobody_repeats_a_repeat_and_everybody_near_a_representative_is_one(hashes, radius):
    phash, dhash = [p for p, _ in hashes], [d for _, d in hashes]
    found = repeats(phash, radius, dhash)
    for later, earlier in found.items():
        assert earlier < later
        assert earlier not in found
    first = [index for index in range(len(hashes)) if index not in found]
    for index in range(len(hashes)):
        close = [
            one for one in first
            if one < index and differing_bits(phash[one], phash[index]) <= radius and differing_bits(dhash[one], dhash[index]) <= 2 * radius
        ]  # fmt: skip
        assert found.get(index) == (close[0] if close else None)
