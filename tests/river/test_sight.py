"""What a made lake lets one see: trails held against the world's own plan, the page, its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from entitynet_assets.hits.licences import licence_id
from entitynet_assets.sample.world import Picture
from tests.river.conftest import River

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
Tree = dict[str, Any]


def trace(river: River, thing: str) -> Tree:
    done = river.ask("trace", thing, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def walk(tree: Tree) -> Iterator[Tree]:
    yield tree
    for below in tree.get("below", []):
        yield from walk(below)


def facts(tree: Tree, kind: str) -> list[Tree]:
    return [branch["facts"] for branch in walk(tree) if branch["kind"] == kind]


def test_trails_agree_with_what_the_world_planned(finished_river: River) -> None:
    river = finished_river
    _kept_picture(river)
    hit_urls = {row["image_url"] for row in river.lake.rows("hits")}
    for picture, rule in _planned(river, {"leak": "leak", "tiny": "size"}, hit_urls):
        tree = trace(river, picture.url)
        assert rule in facts(tree, "verdicts")[0]["rejected_by"], picture
        assert not facts(tree, "packed")
    failed = {"missing": "not_found", "robots": "robots", "truncated": "truncated"}
    for picture, outcome in _planned(river, failed, hit_urls):
        tree = trace(river, picture.url)
        assert [one["outcome"] for one in facts(tree, "end")] == [outcome], picture
        assert picture.claimed in {entity["qid"] for entity in facts(tree, "entity")}

    held = river.server.world.benchmark()[0]
    assert facts(trace(river, held.url), "held_out")[0]["class_id"] == held.qid
    unknown = river.ask("trace", "no such thing")
    assert unknown.returncode == 2
    assert "allowed: a picture's id" in " ".join(unknown.stdout.split())
    _page(river)
    _taken_down(river)


def _planned(river: River, expected: dict[str, str], hit_urls: set[str]) -> list[tuple[Picture, str]]:
    """Return a picture of each fault that a search found, with what is to come of it."""
    chosen = {one.fault: one for one in river.server.world.plan() if one.fault in expected and one.url in hit_urls}
    assert chosen.keys() == expected.keys(), "the world has no such picture"
    return [(one, expected[fault]) for fault, one in chosen.items()]


def _kept_picture(river: River) -> None:
    """An honest picture from its entity to the score, by its id and by its page, and the entity by its name."""
    kept = {row["image_id"] for row in river.lake.rows("kept_images")}
    images = {row["image_url"]: row["image_id"] for row in river.lake.rows("downloads")}
    found = {(row["qid"], row["image_url"]) for row in river.lake.rows("hits")}
    plan = [one for one in river.server.world.plan() if one.fault == "ok" and (one.claimed, one.url) in found]
    honest = next(one for one in plan if images[one.url] in kept)

    tree = trace(river, images[honest.url][:16])
    assert honest.claimed in {entity["qid"] for entity in facts(tree, "entity")}
    hits = [hit for hit in facts(tree, "hit") if hit["image_url"] == honest.url]
    assert {(hit["page_url"], hit.get("alt_text") or "") for hit in hits} == {(honest.page_url, honest.words.alt)}
    rights = [one for one in facts(tree, "rights") if one.get("landing_url") == honest.page_url]
    assert (rights[0].get("licence"), rights[0].get("author")) == (
        licence_id(honest.words.licence),
        honest.words.author,
    )
    assert facts(tree, "verdicts")[0]["kept"]
    packed, sample = (
        facts(tree, "packed")[0],
        {row["image_id"]: row for row in river.lake.rows("samples")}[images[honest.url]],
    )
    assert (packed["shard"], packed["shard_index"], packed["skipped"]) == (
        sample["shard"],
        sample["shard_index"],
        False,
    )
    assert [one["saw"] for one in facts(tree, "checkpoint")] == [True]
    accuracy = river.lake.rows("leaderboard")[0]["acc1"]
    assert accuracy in [score["value"] for score in facts(tree, "score") if score["metric"] == "acc1"]
    assert honest.url in [one["image_url"] for one in facts(trace(river, honest.page_url), "address")]

    tree = trace(river, river.server.world.items[honest.claimed].label.text.upper())
    report = {row["qid"]: row for row in river.lake.rows("entity_report")}[honest.claimed]
    assert facts(tree, "report") == [{name: report[name] for name in facts(tree, "report")[0]}]


def _page(river: River) -> None:
    """The same lake as a page and as a sheet."""
    done = river.ask("report")
    assert done.returncode == 0, done.stdout + done.stderr
    page = river.lake.root / "report.html"
    assert f"{100 * river.lake.rows('leaderboard')[0]['acc1']:.1f} %" in page.read_text()
    assert page.stat().st_size < 3_000_000
    sheet = river.home / "pictures" / "sheet.jpg"
    assert river.ask("report", "--sheet", str(sheet)).returncode == 0
    with Image.open(sheet) as opened:
        assert opened.format == "JPEG"


def _taken_down(river: River) -> None:
    """Two releases with a takedown between them, told by the trail of the picture, whose bytes are nowhere afterwards."""
    first = river.lake.rows("release")[0]["release_id"]
    sample = river.lake.rows("samples")[0]
    content = (river.lake.root / sample["path"]).read_bytes()
    piece = content[len(content) * 2 // 3 :][:48]
    for holds in (True, False):
        texts = [
            path.read_bytes() for path in (*river.lake.root.glob("shards/*"), *river.lake.root.glob("blobs/stored/*/*"))
        ]
        assert any(piece in text for text in texts) is holds
        if holds:
            done = river.ask(
                "takedown",
                "--picture",
                sample["image_id"],
                "--only-these-bytes",
                "--reason",
                "asked",
                "--requested-by",
                "Ann",
                "--purge",
            )
            assert done.returncode == 0, done.stdout + done.stderr
    tree = trace(river, sample["image_id"])
    assert [(one["reason"], one["requested_by"], one["purged"]) for one in facts(tree, "takedown")] == [
        ("asked", "Ann", True)
    ]
    had = {(one["by"], one.get("release_id")) for one in facts(tree, "had_by")}
    assert ("releases", first) in had
    assert {"releases", "mixes", "checkpoints"} <= {by for by, _ in had}
    manifests, current = river.lake.manifests(), river.lake.rows("release")[0]["release_id"]
    assert len(manifests) == 3, "the first, the one without the picture, and the one without its bytes"
    assert manifests[current]["taken_down"] == 1
    assert "retired" not in manifests[current]
    assert all("retired" in one for name, one in manifests.items() if name != current)
