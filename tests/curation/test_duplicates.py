"""Near pairs and representatives, held against brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageOps

from entitynet_assets.curation.duplicates import (
    candidates,
    differing_bits,
    mirrored_dhashes,
    mirrored_pairs,
    mirrored_phashes,
    near_pairs,
    pairs_within,
    representatives,
)
from entitynet_assets.picture_hashes import hash_picture
from tests.noise import blots

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
    assert near_within([], 3) == []
    assert candidates(np.array([], dtype=np.uint64), np.array([], dtype=np.uint64), 4)[0].shape == (0, 2)


def near_within(hashes, radius, most=50):
    pairs, left_out = pairs_within(np.array(hashes, dtype=np.uint64), radius, most)
    assert len(pairs) + left_out == sum(i < j for i, j in brute(hashes, hashes, radius))
    return [tuple(pair) for pair in pairs.tolist()]


@settings(max_examples=100, deadline=None)
@given(
    HASHES, st.lists(st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=10)), max_size=12), st.integers(0, 8)
)  # fmt: skip
def test_pairs_within_are_those_of_brute_force(some, changes, radius):
    hashes = some + [flipped(some[index % len(some)], *bits) for index, bits in changes if some]
    assert near_within(hashes, radius) == [(i, j) for i, j in brute(hashes, hashes, radius) if i < j]


@pytest.mark.parametrize("blocks", [(5, 2), (6, 3), (9, 3), (11, 3), (12, 6)])
def test_every_choice_of_blocks_finds_the_same_pairs(blocks, monkeypatch):
    rng, (count, keyed) = np.random.default_rng(0), blocks
    some = [int(value) for value in rng.integers(0, 2**64, 60, dtype=np.uint64)]
    hashes = some + [
        flipped(value, *rng.choice(64, int(rng.integers(0, 11)), replace=False).tolist()) for value in some
    ]
    radius = count - keyed
    monkeypatch.setattr("entitynet_assets.curation.duplicates._scheme", lambda *_: blocks)
    assert near_within(hashes, radius) == [(i, j) for i, j in brute(hashes, hashes, radius) if i < j]


def test_a_frequent_hash_is_held_against_its_first_pictures_and_the_rest_is_counted():
    hashes = [7] * 8 + [flipped(7, 0)] * 3 + [flipped(7, *range(9))]
    found = near_within(hashes, 2, most=2)
    everyone = [(i, j) for i, j in brute(hashes, hashes, 2) if i < j]
    first = {0, 1, 8, 9}
    assert found == [(i, j) for i, j in everyone if {i, j} & first]
    assert len(found) < len(everyone)


def test_a_mirrored_picture_is_proposed_by_its_own_hashes():
    rng = np.random.default_rng(3)
    for seed in range(20):
        picture = blots(seed)
        (phash, dhash), turned = hash_picture(picture), hash_picture(ImageOps.mirror(picture))
        seen = (
            mirrored_phashes(np.array([phash], dtype=np.uint64)),
            mirrored_dhashes(np.array([dhash], dtype=np.uint64)),
        )
        bits = [differing_bits(int(mine[0]), own) for mine, own in zip(seen, turned, strict=True)]
        assert bits[0] <= 8
        assert bits[1] <= 10  # steps between equal neighbours go either way
        others = [int(value) for value in rng.integers(0, 2**64, 5, dtype=np.uint64)]
        pairs = mirrored_pairs(np.array([phash, *others, turned[0]], dtype=np.uint64), 8)
        assert pairs.tolist() == [[0, 6]]


def test_either_hash_proposes():
    phash = np.array([0, 1, 2**40 - 1, 2**64 - 1], dtype=np.uint64)
    dhash = np.array([0, 2**50 - 1, 1, 2**32 - 1], dtype=np.uint64)
    pairs, mirrored, left_out = candidates(phash, dhash, 4)
    assert [tuple(pair) for pair, turned in zip(pairs.tolist(), mirrored, strict=True) if not turned] == [
        (0, 1),
        (0, 2),
    ]
    assert left_out == 0


def repeats(hashes, radius=4):
    names = [f"{index:02}" for index in range(len(hashes))]
    pairs = sorted((j, i) for i, j in near_within(hashes, radius))
    return {
        int(later): int(earlier) for later, earlier in representatives((names[i], names[j]) for j, i in pairs).items()
    }


def test_the_first_by_age_represents():
    assert repeats([7, 7, flipped(7, 1), 7]) == {1: 0, 2: 0, 3: 0}


def test_a_chain_of_small_changes_does_not_swallow_a_series():
    chain = [0, 0b111, 0b111111, 0b111111111, 0b111111111111]
    assert repeats(chain) == {1: 0, 3: 2}


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 4095), max_size=20), st.integers(0, 4))
def test_nobody_repeats_a_repeat_and_everybody_near_a_representative_is_one(hashes, radius):
    found = repeats(hashes, radius)
    for later, earlier in found.items():
        assert earlier < later
        assert earlier not in found
    first = [index for index in range(len(hashes)) if index not in found]
    for index, value in enumerate(hashes):
        close = [one for one in first if one < index and differing_bits(hashes[one], value) <= radius]
        assert found.get(index) == (close[0] if close else None)
