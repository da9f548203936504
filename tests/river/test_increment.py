"""What one changed fact moves, and what it must leave alone."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from entitynet_assets.sample.world import make_world
from entitynet_train.data import Batches
from entitynet_train.model import RandomCrop
from entitynet_train.spec import CaptionMix, RunSpec, load
from tests.river.conftest import WORLD, River

pytestmark = pytest.mark.slow
APPLE = "Q89"


def newest_spec(river: River) -> RunSpec:
    jobs = sorted((river.lake.root / "jobs/train").glob("tiny-*/spec.json"), key=lambda path: path.stat().st_mtime_ns)
    return load(RunSpec, jobs[-1])


def captions(spec: RunSpec) -> list[str]:
    """Return captions from names and queries, as the training loop would draw them."""
    named = dataclasses.replace(spec, mix=CaptionMix("names", {"label": 1.0, "query": 1.0}), world_size=1)
    batches = Batches(named, 0, RandomCrop(16, 0.9), lambda texts: torch.zeros(len(texts), 1))
    return [text for step in range(named.steps) for text in batches[step].texts]


def test_a_relabelled_entity_moves_words_and_no_tar(trained_river: River) -> None:
    river = trained_river
    tars, release = river.tars(), river.lake.rows("release")[0]["release_id"]
    before = captions(newest_spec(river))
    assert "apple" in before
    assert "quillberry" not in before

    river.server.change_world(make_world(**WORLD).with_label(APPLE, "quillberry"))
    river.run("--new-round", "--until", "checkpoints,entity_changes")
    assert {row["change"] for row in river.lake.rows("entity_changes") if row["qid"] == APPLE} == {"relabelled"}
    assert river.tars() == tars, "a tar was written again"
    assert river.lake.rows("release")[0]["release_id"] == release
    after = captions(newest_spec(river))
    assert "quillberry" in after
    assert not [text for text in after if "apple" in text.split()]


def test_a_new_round_with_nothing_new_asks_again_but_packs_and_trains_nothing(trained_river: River) -> None:
    river = trained_river
    tars = river.tars()
    said = river.run("--new-round", "--until", "checkpoints")
    assert "searches" in said
    for idle in ("pictures decoded", "shards packed", "trainings"):
        assert idle in said.split("None of:")[1]
    assert river.tars() == tars


def test_a_picture_taken_down_is_skipped_and_its_tar_stays(harvested_river: River) -> None:
    river = harvested_river
    tars, taken = river.tars(), river.lake.rows("samples")[0]["image_id"]
    river.lake.add_tombstones(
        [{"image_id": taken, "reason": "asked by its author", "requested_by": "test", "taken_down_at": "2026-01-01"}]
    )
    river.run("--until", "release")
    assert sum(row["skipped_count"] for row in river.lake.rows("release")) == 1
    assert river.tars() == tars
    river.run("--until", "checkpoints")
    spec = newest_spec(river)
    batches = Batches(
        dataclasses.replace(spec, world_size=1), 0, RandomCrop(16, 0.9), lambda texts: torch.zeros(len(texts), 1)
    )
    assert taken not in {image_id for step in range(spec.steps) for image_id in batches[step].image_ids}
