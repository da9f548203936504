"""From Wikidata items to a leaderboard, twice; the web's own log says what was asked."""

from __future__ import annotations

import json

import pytest

from tests.river.conftest import Made, River, hashes

pytestmark = pytest.mark.slow


def test_from_items_to_leaderboard_and_then_nothing_to_do(finished: Made, finished_river: River) -> None:
    first, river = finished.said, finished_river
    assert "Leaderboard" in first
    assert "trainings" in first
    assert str(finished.lake.root) in first
    assert "make ui" in first
    board = river.lake.rows("leaderboard")
    assert [row["recipe"] for row in board] == ["tiny"]
    assert board[0]["samples_seen"] == 96
    assert finished.asked["search.test"] > 0
    tars = river.tars()
    jobs = {path: path.stat().st_mtime_ns for path in (river.lake.root / "jobs").rglob("result.json")}
    assert len(jobs) == 3  # a training, its evaluation, a floor

    second = river.run()
    assert "Up to date" in second
    assert "no search, no download, no packing, no training" in second
    assert river.asked() == {}
    assert river.tars() == tars
    assert {path: path.stat().st_mtime_ns for path in (river.lake.root / "jobs").rglob("result.json")} == jobs


def test_the_manifest_names_every_tar_and_its_hash(harvested: Made) -> None:
    lake = harvested.lake
    manifest = json.loads((lake.root / f"release/{lake.rows('release')[0]['release_id']}.json").read_text())
    assert {row["shard"]: row["tar_sha256"] for row in manifest["shards"]} == hashes(lake)


def test_a_second_machine_packs_the_same_tars(harvested: Made, finished: Made) -> None:
    one, two = harvested, finished
    assert hashes(one.lake) == hashes(two.lake)
    assert one.lake.rows("release")[0]["release_id"] == two.lake.rows("release")[0]["release_id"]


def test_slices_and_limit_narrow_a_run(river: River) -> None:
    river.run("--until", "queries", "--limit", "3")
    assert len(river.lake.rows("entities")) == 3
    left_out = list(river.lake.rows("graph_integrity")) if river.lake.slices("graph_integrity") else []
    assert left_out == []
    river.run("--until", "queries", "--slices", "001")
    assert len(river.lake.rows("entities")) == 8
    one, two = (river.lake.record("queries", name) for name in ("000", "001"))
    assert one is not None
    assert two is not None
    assert two.inputs["entities/whole"] != one.inputs["entities/whole"]
