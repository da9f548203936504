"""All drawings of the default sample world: none is lost as a copy of another, none is taken for a held-out one."""

from __future__ import annotations

import numpy as np
import pytest

from entitynet_assets.curation.duplicates import near_pairs, representatives
from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.sample.render import Gallery
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import load_study

STUDY = load_study("sample")


@pytest.fixture(scope="module")
def drawings():
    """Return the scenes (entity, seed), phashes and dhashes of every honest picture, then of every held-out one."""
    world, gallery, side = make_world(), Gallery(None), STUDY.shards.stored_side_px
    honest = [row for row in world.plan() if row.fault in ("ok", "wrong")]
    sets = []
    for rows, draw in ((honest, gallery.picture), (world.benchmark(), gallery.benchmark)):
        read = [read_picture(draw(row).content, Kept(side)) for row in rows]
        scenes = [(row.qid, row.draw_seed) for row in rows]
        sets.append(
            (
                scenes,
                np.array([p.phash for p in read], dtype=np.uint64),
                np.array([p.dhash for p in read], dtype=np.uint64),
            )
        )
    return sets


def test_different_drawings_of_one_entity_all_survive(drawings):
    (scenes, phash, dhash), _ = drawings
    joined = representatives(phash, dhash, STUDY.curation.duplicate_radius)
    assert len(set(scenes)) == len(scenes) > 300
    assert [(scenes[a], scenes[b]) for a, b in joined.items()] == []


def test_different_drawings_are_not_taken_for_held_out_ones(drawings):
    (scenes, phash, _), (held, held_phash, _) = drawings
    pairs = near_pairs(phash, held_phash, STUDY.curation.leak_radius)
    assert [(scenes[i], held[j]) for i, j in pairs] == []
