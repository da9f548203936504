"""All drawings of the default sample world: none is lost as a copy of another, none is taken for a held-out one."""

from __future__ import annotations

import numpy as np
import pytest

from entitynet_assets.curation.alignment import compare, read_thumbnails
from entitynet_assets.curation.duplicates import candidates, near_pairs
from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.sample.render import Gallery
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import load_study

STUDY = load_study("sample")


@pytest.fixture(scope="module")
def drawings():
    """Return the scenes (entity, seed) and pictures of every honest picture, then of every held-out one."""
    world, gallery, side = make_world(), Gallery(None), STUDY.shards.stored_side_px
    honest = [row for row in world.plan() if row.fault in ("ok", "wrong")]
    sets = []
    for rows, draw in ((honest, gallery.picture), (world.benchmark(), gallery.benchmark)):
        read = [read_picture(draw(row).content, Kept(side)) for row in rows]
        sets.append(([(row.qid, row.draw_seed) for row in rows], read))
    return sets


def hashes(pictures, name):
    return np.array([getattr(picture, name) for picture in pictures], dtype=np.uint64)


def test_different_drawings_of_one_entity_all_survive(drawings):
    (scenes, pictures), _ = drawings
    pairs, mirrored, _ = candidates(
        hashes(pictures, "phash"), hashes(pictures, "dhash"), STUDY.curation.duplicate_radius
    )
    thumbnails = read_thumbnails([picture.thumbnail for picture in pictures])
    correlation, hue = compare(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]], mirrored)
    copies = (correlation >= STUDY.curation.duplicate_correlation) & ~(hue > STUDY.curation.duplicate_hue_distance)
    assert len(set(scenes)) == len(scenes) > 300
    assert [(scenes[a], scenes[b]) for a, b in pairs[copies].tolist()] == []


def test_different_drawings_are_not_taken_for_held_out_ones(drawings):
    (scenes, pictures), (held, held_out) = drawings
    pairs = near_pairs(hashes(pictures, "phash"), hashes(held_out, "phash"), STUDY.curation.leak_radius)
    assert [(scenes[i], held[j]) for i, j in pairs] == []
