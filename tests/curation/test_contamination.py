"""Leaks: near hashes and near vectors against held-out pictures, held against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from entitynet_assets.curation import contamination
from entitynet_assets.curation.contamination import leaked, near_vectors

OURS = [{"image_id": "a", "phash": 0, "dhash": 0}, {"image_id": "b", "phash": 2**64 - 1, "dhash": 0}]
HELD = [{"benchmark": "x", "image_id": "h", "phash": 0b11, "dhash": 0b111}]
NEAR = {"image_id": "a", "benchmark": "x", "benchmark_image_id": "h", "phash_distance": 2, "dhash_distance": 3}


def test_a_leak_is_told_with_both_distances():
    assert leaked(OURS, HELD, 2) == [{**NEAR, "found_by": "hash", "cosine": None}]
    assert leaked(OURS, HELD, 1) == leaked([], HELD, 4) == leaked(OURS, [], 4) == []


@pytest.mark.parametrize(
    ("cosine", "radius", "found"),
    [(0.95, 2, ["both"]), (0.95, 1, ["embedding"]), (0.8, 2, ["hash"]), (0.8, 1, []), (1 - 1e-7, 1, ["embedding"])],
)
def test_either_measure_gives_a_leak_away_and_none_acquits(cosine, radius, found):
    rows = leaked(OURS, HELD, radius, {("a", "h"): cosine}, 0.9 if cosine < 0.99 else 1.0)
    assert [row["found_by"] for row in rows] == found
    assert all(row["cosine"] == cosine for row in rows)


def test_a_picture_held_out_twice_leaks_twice():
    twice = [*HELD, {**HELD[0], "benchmark": "y"}]
    assert [row["benchmark"] for row in leaked(OURS, twice, 0, {("b", "h"): 0.99}, 0.9)] == ["x", "y"]


def unit(rng, count, width=16):
    vectors = rng.normal(size=(count, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_near_vectors_are_those_of_brute_force_whatever_the_blocks(monkeypatch):
    rng = np.random.default_rng(0)
    held, ours = unit(rng, 23), unit(rng, 60)
    ours[[3, 40]] = held[[5, 22]]
    ids, theirs = [f"i{n}" for n in range(60)], [f"h{n}" for n in range(23)]
    blocks = [(ids[begin : begin + 7], ours[begin : begin + 7]) for begin in range(0, 60, 7)]
    expected = {(ids[i], theirs[j]) for i, j in np.argwhere(ours @ held.T >= 0.5)}
    assert {("i3", "h5"), ("i40", "h22")} < expected
    monkeypatch.setattr(contamination, "HELD_ROWS", 4)
    assert near_vectors(blocks, (theirs, held), 0.5).keys() == expected
    exact = near_vectors(blocks, (theirs, held), 1.0)
    assert exact == {("i3", "h5"): pytest.approx(1), ("i40", "h22"): pytest.approx(1)}


def test_a_pair_that_is_wanted_has_its_cosine_however_low():
    held, ours = np.eye(2, dtype=np.float32), np.array([[0.6, 0.8]], dtype=np.float32)
    found = near_vectors([(["a"], ours)], (["h", "k"], held), 0.9, [("a", "h"), ("a", "gone"), ("gone", "h")])
    assert found == {("a", "h"): pytest.approx(0.6)}
