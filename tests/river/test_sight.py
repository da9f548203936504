"""What a made lake lets one see: trails held against the world's own plan, the page, its pictures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from entitynet_assets.sample.world import Picture
from tests.river.conftest import River

pytestmark = pytest.mark.slow
Tree = dict[str, Any]


def command(river: River, *words: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "entitynet_assets.cli", *words, "--study", str(river.study)]
    return subprocess.run(line, env=river.environment, capture_output=True, text=True, check=False)


def trace(river: River, thing: str) -> Tree:
    done = command(river, "trace", thing, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for below in tree.get("below", []):
        yield from walk(below)


def facts(tree: Tree, kind: str) -> list[Tree]:
    return [branch["facts"] for branch in walk(tree) if branch["kind"] == kind]


def planned(river: River, fault: str) -> list[Picture]:
    return [picture for picture in river.server.world.plan() if picture.fault == fault]


def test_trails_agree_with_what_the_world_planned(river: River) -> None:
    river.run()
    kept = {row["image_id"] for row in river.lake.rows("kept_images")}
    hit_urls = {row["image_url"] for row in river.lake.rows("hits")}
    by_url = {row["image_url"]: row for row in river.lake.rows("downloads")}
    found_by_their_entity = {(row["qid"], row["image_url"]) for row in river.lake.rows("hits")}
    honest = next(
        one for one in planned(river, "ok")
        if (one.claimed, one.url) in found_by_their_entity and by_url[one.url]["image_id"] in kept
    )  # fmt: skip

    tree = trace(river, by_url[honest.url]["image_id"][:16])
    assert honest.claimed in {entity["qid"] for entity in facts(tree, "entity")}
    hits = [hit for hit in facts(tree, "hit") if hit["image_url"] == honest.url]
    assert {(hit["page_url"], hit.get("alt_text") or "") for hit in hits} == {(honest.page_url, honest.words.alt)}
    assert honest.url in {address["image_url"] for address in facts(tree, "address")}
    rights = [one for one in facts(tree, "rights") if one.get("landing_url") == honest.page_url]
    assert (rights[0].get("licence"), rights[0].get("author")) == (honest.words.licence, honest.words.author)
    assert facts(tree, "verdicts")[0]["kept"]
    packed = facts(tree, "packed")[0]
    sample = next(row for row in river.lake.rows("samples") if row["image_id"] == tree["facts"]["image_id"])
    assert (packed["shard"], packed["shard_index"], packed["skipped"]) == (
        sample["shard"],
        sample["shard_index"],
        False,
    )
    assert [one["saw"] for one in facts(tree, "checkpoint")] == [True]
    board = river.lake.rows("leaderboard")[0]
    assert board["acc1"] in [score["value"] for score in facts(tree, "score") if score["metric"] == "acc1"]
    assert trace(river, honest.page_url)["facts"]["image_url"] == honest.url

    for fault, rule in (("leak", "leak"), ("tiny", "size")):
        for picture in planned(river, fault):
            if picture.url in hit_urls:
                tree = trace(river, picture.url)
                assert rule in facts(tree, "verdicts")[0]["rejected_by"], picture
                assert not facts(tree, "packed")
    for fault, outcome in (("missing", "not_found"), ("robots", "robots"), ("truncated", "truncated")):
        for picture in planned(river, fault):
            if picture.url in hit_urls:
                tree = trace(river, picture.url)
                assert [one["outcome"] for one in facts(tree, "end")] == [outcome], picture
                assert picture.claimed in {entity["qid"] for entity in facts(tree, "entity")}

    world = river.server.world
    tree = trace(river, world.items[honest.claimed].label.text.upper())
    assert tree["facts"]["qid"] == honest.claimed
    report = next(row for row in river.lake.rows("entity_report") if row["qid"] == honest.claimed)
    assert facts(tree, "report") == [{name: report[name] for name in facts(tree, "report")[0]}]
    held = world.benchmark()[0]
    assert facts(trace(river, held.url), "held_out")[0]["class_id"] == held.qid

    unknown = command(river, "trace", "no such thing")
    assert unknown.returncode == 2
    assert "allowed: a picture's id" in " ".join(unknown.stdout.split())
    _page(river, f"{100 * board['acc1']:.1f} %")


def _page(river: River, accuracy: str) -> None:
    """The same lake as a page and as a sheet."""
    done = command(river, "report")
    assert done.returncode == 0, done.stdout + done.stderr
    page = river.lake.root / "report.html"
    assert accuracy in page.read_text()
    assert page.stat().st_size < 3_000_000
    sheet = river.home / "pictures" / "sheet.jpg"
    assert command(river, "report", "--sheet", str(sheet)).returncode == 0
    with Image.open(sheet) as opened:
        assert opened.format == "JPEG"
