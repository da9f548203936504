"""Shards and releases of the sample world: what is taken down is gone for loaders, and no tar is written twice."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile

from tests.fakes.rooms import work_of

ROOM = ("samples", "shards", "tombstones", "release")


def tars(rooms) -> dict[str, tuple[bytes, int]]:
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in (rooms.lake.root / "shards").glob("*.tar")
    }


def skipped(rooms) -> set[str]:
    path = rooms.rows("release")[0]["skip_path"]
    return {row["image_id"] for row in rooms.lake.select("SELECT * FROM skip", {"skip": [rooms.lake.root / path]})}


def test_tars_hold_exactly_the_kept_pictures(harvest):
    kept = {row["image_id"]: row for row in harvest.rows("kept_images")}
    held: dict[str, bytes] = {}
    for shard in harvest.rows("shards"):
        content = harvest.lake.blob(shard["path"])
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (shard["sha256"], shard["size_bytes"])
        with tarfile.open(fileobj=io.BytesIO(content)) as tar:
            members = {info.name.removesuffix(".jpg"): tar.extractfile(info).read() for info in tar}
        assert len(members) == shard["sample_count"]
        held |= members
    assert held.keys() == kept.keys()
    for image_id, content in held.items():
        assert hashlib.sha256(content).hexdigest() == kept[image_id]["stored_sha256"]


def test_words_lie_beside_the_tars(harvest):
    placed = {row["image_id"]: row["shard"] for row in harvest.rows("samples")}
    expected = {
        (placed[r["image_id"]], r["image_id"], r["source"], r["text"])
        for r in harvest.rows("image_texts")
        if r["image_id"] in placed
    }
    found = set()
    for row in harvest.rows("release"):
        words = harvest.lake.select("SELECT * FROM words", {"words": [harvest.lake.root / row["texts_path"]]})
        found |= {(row["shard"], one["image_id"], one["source"], one["text"]) for one in words}
    assert found == expected


def test_a_second_run_packs_nothing(harvested):
    before = tars(harvested)
    assert {done.outcome for done in harvested.again().bring(*ROOM).values()} == {"unchanged"}
    assert tars(harvested) == before


def test_a_lost_record_leads_to_the_same_bytes(harvested):
    before, names = {name: content for name, (content, _) in tars(harvested).items()}, harvested.rows("release")
    for table in ("samples", "shards", "release"):
        for path in (harvested.lake.root / "tables" / table).glob("*.json"):
            path.unlink()
    for path in (harvested.lake.root / "shards").glob("*.tar"):
        path.unlink()
    done = harvested.bring(*ROOM)
    assert work_of(done, "shards")["shards_packed"] == len(before)
    assert {name: content for name, (content, _) in tars(harvested).items()} == before
    assert harvested.rows("release") == names


def test_a_takedown_is_obeyed_without_a_new_tar(harvested):
    before, old = tars(harvested), harvested.rows("release")
    gone = harvested.rows("samples")[3]
    request = {
        "image_id": gone["image_id"],
        "reason": "owner asked",
        "requested_by": "a@b.c",
        "taken_down_at": "2026-01-01",
    }
    harvested.lake.add_tombstones([request, {**request, "reason": "again"}])
    done = harvested.bring(*ROOM)
    new = harvested.rows("release")
    assert [row["reason"] for row in harvested.rows("tombstones")] == ["owner asked"]
    assert skipped(harvested) == {gone["image_id"]}
    assert sum(row["skipped_count"] for row in new) == 1
    assert next(row for row in new if row["skipped_count"])["shard"] == gone["shard"]
    assert new[0]["release_id"] != old[0]["release_id"]
    assert [row["tar_sha256"] for row in new] == [row["tar_sha256"] for row in old]
    assert tars(harvested) == before
    assert work_of(done, "shards")["shards_packed"] == 0
    assert (harvested.lake.root / "release" / f"{old[0]['release_id']}.json").exists()


def test_what_a_rule_rejects_later_is_skipped_not_repacked(harvested):
    before = tars(harvested)
    entropies = sorted(row["entropy_bits"] for row in harvested.rows("images"))
    stricter = harvested.again(curation={"min_entropy_bits": entropies[len(entropies) // 2]})
    stricter.bring("verdicts", "kept_images", *ROOM)
    kept = {row["image_id"] for row in stricter.rows("kept_images")}
    packed = {row["image_id"] for row in stricter.rows("samples")}
    assert packed - kept
    assert skipped(stricter) == packed - kept
    assert tars(stricter) == before


def test_other_words_change_no_tar_and_no_name(harvested, small_world):
    old, before = harvested.rows("release"), tars(harvested)
    index = harvested.server.http.sites.index
    search_words = {row.url: row for n in range(len(small_world.entities)) for row in index.entity(n)}
    url = next(
        row["image_url"]
        for row in harvested.rows("downloads")
        if row["image_id"] in {s["image_id"] for s in harvested.rows("samples")}
    )
    words = search_words[url].words
    previous = words.alt
    object.__setattr__(words, "alt", "quite other words than before")
    try:
        harvested.lake.seal_round()
        harvested.bring(
            "search_pages",
            "hits",
            "urls",
            "downloads",
            "images",
            "web_texts",
            "image_texts",
            "likeness_pairs",
            "likeness",
            "leaks",
            "verdicts",
            "kept_images",
            *ROOM,
        )
    finally:
        object.__setattr__(words, "alt", previous)
    new = harvested.rows("release")
    assert "quite other words than before" in {row["text"] for row in harvested.rows("image_texts")}
    assert [row["release_id"] for row in new] == [row["release_id"] for row in old]
    assert sum(a["texts_digest"] != b["texts_digest"] for a, b in zip(old, new, strict=True)) == 1
    assert tars(harvested) == before


def test_another_stored_side_packs_anew(harvested):
    smaller = harvested.again(shards={"stored_side_px": 64})
    before = {row["shard"]: row["sha256"] for row in smaller.rows("shards")}
    smaller.bring("downloads", "images", "likeness_pairs", "likeness", "leaks", "verdicts", "kept_images", *ROOM)
    after = {row["shard"]: row["sha256"] for row in smaller.rows("shards")}
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())
    assert {row["image_id"] for row in smaller.rows("samples")} == {
        row["image_id"] for row in smaller.rows("kept_images")
    }


def test_the_manifest_says_what_the_release_holds(harvest):
    rows = harvest.rows("release")
    said = json.loads((harvest.lake.root / "release" / f"{rows[0]['release_id']}.json").read_text())
    assert said["shards"] == rows
    assert (said["study"], said["round"], said["skipped"]) == ("sample", 1, 0)
