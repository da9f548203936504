"""A world larger than the facts through the river: made-up kinds are entities like any other."""

from __future__ import annotations

from pathlib import Path

import pytest

from entitynet_assets.sample.kinds import kind_id
from entitynet_assets.sample.server import serve
from entitynet_assets.sample.world import make_world
from tests.river.conftest import River, small_study

pytestmark = pytest.mark.slow
COUNTS = {"entities": 60, "pictures": 2, "holdout": 1}


def test_made_up_kinds_are_harvested_like_true_entities(tmp_path: Path) -> None:
    world = make_world(**COUNTS)
    study = small_study(tmp_path, "kinds", timeout_s="2.0", **{key: str(value) for key, value in COUNTS.items()})
    with serve(world) as server:
        river = River(server, study, tmp_path / "home")
        river.run("--until", "entity_report")
    labels = {row["qid"]: row["label"] for row in river.lake.rows("entities")}
    assert labels == {qid: world.items[qid].label.text for qid in world.entities}
    report = {row["qid"]: row for row in river.lake.rows("entity_report")}
    for n in range(12):
        assert report[kind_id(n)]["kept"] >= 2
