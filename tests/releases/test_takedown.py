"""Taken down: obeyed by whatever begins afterwards, told to who had seen it, and after a purge found nowhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.export.img2dataset import export
from entitynet_assets.releases.choose import chosen_pictures
from entitynet_assets.releases.purge import JOURNAL, purge
from entitynet_assets.releases.takedown import Request, finish, records, take_down, unfinished
from entitynet_assets.shelf import Shelf
from entitynet_assets.tables import TABLES
from entitynet_assets.trace.answer import answer
from tests.fakes.rooms import HARVEST, Rooms
from tests.small_lake import full_row

AT = "2026-01-01T00:00:00+00:00"


def chosen(rooms: Rooms, kind: str, value: str, only: bool = False) -> list[str]:
    with Shelf(rooms.lake, rooms.study) as shelf:
        return chosen_pictures(shelf, kind, value, only)


def asked(rooms: Rooms, kind: str, value: str, only: bool = False) -> dict[str, Any]:
    request = Request(kind, value, "its author asked", "ann@a.test", AT)
    return take_down(rooms.place, request, chosen(rooms, kind, value, only))


def an_author(rooms: Rooms) -> str:
    return next(row["author"] for row in rooms.rows("urls") if row["author"])


def skipped(rooms: Rooms) -> set[str]:
    return set(pq.read_table(rooms.lake.root / rooms.rows("release")[0]["skip_path"])["image_id"].to_pylist())


def exported(rooms: Rooms, out: Path, part: str = "") -> list[dict[str, Any]]:
    with Shelf(rooms.lake, rooms.study) as shelf:
        export(shelf, out, range(rooms.study.slices), 40, part)
    return [row for path in sorted(out.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def test_every_way_to_name_pictures_names_those(harvest: Rooms) -> None:
    by_id = {row["image_id"]: row for row in harvest.rows("downloads") if row["image_id"]}
    stated = {row["url_id"]: row for row in harvest.rows("hits")}
    one = next(row for row in by_id.values() if row["url_id"] in stated)
    hit = stated[one["url_id"]]
    for kind, value in (("picture", one["image_id"][:12].upper()), ("url", one["image_url"]), ("url", hit["page_url"])):
        assert one["image_id"] in chosen(harvest, kind, value, only=True)
    assert chosen(harvest, "picture", one["image_id"], only=True) == [one["image_id"]]
    hosts = {row["host"] for row in by_id.values()}
    assert {len(chosen(harvest, "host", host, only=True)) for host in hosts} == {
        len({row["image_id"] for row in harvest.rows("downloads") if row["image_id"] and row["host"] == host}) for host in hosts
    }  # fmt: skip
    assert set(chosen(harvest, "host", "TEST", only=True)) == by_id.keys()
    for kind in ("author", "licence"):
        word = next(row[kind] for row in stated.values() if row[kind])
        urls = {row["url_id"] for row in harvest.rows("hits") if row[kind] == word}
        expected = {row["image_id"] for row in harvest.rows("downloads") if row["url_id"] in urls and row["image_id"]}
        assert set(chosen(harvest, kind, word.upper(), only=True)) == expected
    link = harvest.rows("image_entities")[0]
    assert link["image_id"] in chosen(harvest, "entity", link["qid"], only=True)
    assert chosen(harvest, "picture", "f" * 64) == ["f" * 64], "a hash may be kept out before it ever comes"


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [("picture", "nonsense", "6 digits"), ("url", "nonsense", "absolute"), ("author", "B. Paintre", "B. Painter"), ("host", "x", "trace")],
)  # fmt: skip
def test_what_names_nothing_is_refused_with_what_there_is(harvest: Rooms, kind: str, value: str, words: str) -> None:
    with pytest.raises(Exception, match=f"--{kind}: found .*{words}"):
        chosen(harvest, kind, value)


def test_a_repeat_goes_with_its_picture_unless_it_is_to_stay(harvest: Rooms) -> None:
    pair = harvest.rows("likeness")[0]
    group = {
        pair["representative_id"],
        *(row["image_id"] for row in harvest.rows("likeness") if row["representative_id"] == pair["representative_id"]),
    }
    assert set(chosen(harvest, "picture", pair["image_id"])) == group
    assert chosen(harvest, "picture", pair["image_id"], only=True) == [pair["image_id"]]


def test_a_takedown_is_obeyed_at_once_and_its_addresses_are_asked_no_more(harvested: Rooms, tmp_path: Path) -> None:
    exported(harvested, tmp_path / "before")
    old, packed = harvested.rows("release"), {row["image_id"] for row in harvested.rows("samples")}
    record = asked(harvested, "author", an_author(harvested))
    gone, urls = set(record["pictures"]), {url for listed in record["pictures"].values() for url in listed}
    assert record["addresses"], "the author's pictures that never came are not to come later"
    urls |= set(record["addresses"])
    new = harvested.rows("release")
    assert skipped(harvested) == gone & packed
    assert {row["tar_sha256"] for row in new} == {row["tar_sha256"] for row in old}
    assert (record["release_before"], record["release_after"]) == (old[0]["release_id"], new[0]["release_id"])
    assert old[0]["release_id"] != new[0]["release_id"]
    manifests = harvested.lake.manifests()
    assert manifests[new[0]["release_id"]]["parent"] == old[0]["release_id"]
    assert manifests[new[0]["release_id"]]["taken_down"] == len(gone)
    live = pq.read_table(harvested.lake.root / harvested.lake.live_skips())["image_id"].to_pylist()
    assert set(live) == gone

    seen = record["seen"]
    assert seen["releases"] == [{"release_id": old[0]["release_id"], "round": 1, "pictures": len(gone & packed)}]
    assert {row["mix"] for row in seen["mixes"]} <= {mix.name for mix in harvested.study.mixes}
    assert [row["out"] for row in seen["exports"]] == [str(tmp_path / "before")]
    assert not gone & {row["sha256"] for row in exported(harvested, tmp_path / "after")}
    (part,) = seen["subreleases"]
    kept = {row["sha256"] for row in exported(harvested, tmp_path / "living", "living-things")}
    assert [row["picture_count"] for row in harvested.rows("subreleases")] == [len(kept - {None})]
    assert part["pictures"] > 0

    again = asked(harvested, "author", an_author(harvested))
    assert (again["pictures"], again["addresses"]) == ({}, [])
    assert len(records(harvested.lake)) == 1

    assert harvested.server is not None
    addresses = {row["image_url"] for row in harvested.rows("downloads") if row["url_id"] in urls}
    harvested.lake.seal_round()
    harvested.server.reset()
    harvested.again().bring("search_pages", "hits", "urls", "downloads")
    asked_for = {f"http://{host}{path.split('?')[0]}" for host, path in harvested.server.requests()}
    assert asked_for & {row["image_url"] for row in harvested.rows("urls")}, "the round asked for pictures"
    assert not asked_for & addresses


def test_bytes_taken_down_are_not_kept_at_a_new_address(harvested: Rooms) -> None:
    row = next(row for row in harvested.rows("downloads") if row["image_id"])
    record = asked(harvested, "picture", row["image_id"], only=True)
    path = harvested.lake.root / "tombstones.jsonl"  # as if the address were one that it was not known at
    path.write_text(json.dumps({**json.loads(path.read_text().splitlines()[0]), "url_ids": []}) + "\n")
    for part in harvested.lake.slices("downloads"):
        harvested.lake.drop_rows(TABLES["downloads"], part, "image_id = $id", {"id": row["image_id"]})
        record_path = harvested.lake.root / "tables" / "downloads" / f"{part}.json"
        record_path.write_text(record_path.read_text().replace('"identity": "', '"identity": "other '))
    for blob in harvested.lake.root.glob(f"blobs/*/*/{row['image_id']}*"):
        blob.unlink()
    harvested.again().bring("downloads")
    found = next(one for one in harvested.rows("downloads") if one["url_id"] == row["url_id"])
    assert (found["outcome"], found["image_id"]) == ("taken_down", None)
    assert list(record["pictures"]) == [row["image_id"]]
    assert not list(harvested.lake.root.glob(f"blobs/*/*/{row['image_id']}*"))


def every_text(root: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file under a folder as bytes, and Parquet as its values, too; read by other means than the purge's own proof."""
    for path in sorted(root.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
            if path.suffix == ".parquet":
                yield path, str(pq.read_table(path).to_pylist()).encode()


def pieces(content: bytes) -> list[bytes]:
    """Return pieces of a picture's pixels, none of which is flat."""
    pixels = content[content.rfind(b"\xff\xda") :]
    found = [pixels[at : at + 40] for at in range(20, len(pixels) - 40, 40)]
    return [one for one in found if len(set(one)) > 24][-3:]


def test_after_a_purge_no_byte_is_found_anywhere(harvested: Rooms, tmp_path: Path) -> None:
    lake, author = harvested.lake, an_author(harvested)
    exported(harvested, tmp_path / "out")
    exported(harvested, tmp_path / "part", "living-things")
    gone = set(chosen(harvested, "author", author))
    blobs = [path for one in gone for path in lake.root.glob(f"blobs/*/*/{one}*")]
    assert len(blobs) >= 2 * len(gone)
    others = b"".join(path.read_bytes() for path in lake.root.glob("blobs/*/*/*") if path not in blobs)
    needles = [piece for path in blobs for piece in pieces(path.read_bytes()) if piece not in others]
    addresses = {row["image_url"].encode() for row in harvested.rows("hits") if row["author"] == author}
    addresses |= {row["image_url"].encode() for row in harvested.rows("downloads") if row["image_id"] in gone}
    assert len(needles) > 2 * len(gone)
    asked(harvested, "author", author)
    whose = {row["image_url"]: row["author"] for row in harvested.rows("hits")}
    kept_hits = {url: author for url, author in whose.items() if url.encode() not in addresses}
    told = [{"image_url": one.decode(), "rank": place} for place, one in enumerate(addresses)]
    for table in (TABLES["table_hits"], TABLES["imported_rows"]):  # as if tables of pictures named them, too
        lake.write_rows(table, [full_row(table, row) for row in told], "000")
    release, sheet = harvested.rows("release")[0]["release_id"], tmp_path / "sheet.jpg"
    sheet.write_bytes(b"a sheet that shows them")
    lake.note_export({"page": str(sheet), "sheet": True})
    done = purge(harvested.place)
    assert done is not None
    assert (set(done[0].ids), done[0].pages_lost, done[1]) == (gone, 0, [])
    with Image.open(sheet) as drawn:
        assert drawn.format == "JPEG", "drawn anew"

    texts = [*every_text(lake.root), *every_text(tmp_path / "out"), *every_text(tmp_path / "part")]
    whole = b"\n".join(content for _, content in texts)
    left = [needle for needle in (*needles, *addresses, author.encode()) if needle in whole]
    assert not [(path, needle) for needle in left for path, content in texts if needle in content]
    assert {one for one in gone if one in (lake.root / "tombstones.jsonl").read_text()} == gone, "their hashes stay"
    new = harvested.rows("release")
    assert sum(row["skipped_count"] for row in new) == 0
    assert new[0]["release_id"] != release
    manifests = lake.manifests()
    assert ["retired" in one for one in manifests.values() if one["release_id"] != new[0]["release_id"]] == [True, True]
    assert not gone & {row["image_id"] for row in harvested.rows("samples")}
    assert all(lake.fault_of(row["path"], row["size_bytes"], row["sha256"]) is None for row in harvested.rows("shards"))
    with Shelf(lake, harvested.study) as shelf:
        (told,) = answer(shelf, min(gone)).find("takedown")
    assert told.facts["purged"]
    assert [one.facts["by"] for one in told.below if one.facts["by"] == "releases"] == ["releases"]

    _later_runs(harvested, addresses, kept_hits)


def _later_runs(harvested: Rooms, addresses: set[bytes], kept_hits: dict[str, str | None]) -> None:
    """The next run asks nothing and changes no release; a round that finds the addresses again is purged of them again."""
    lake, release = harvested.lake, harvested.rows("release")
    assert harvested.server is not None
    harvested.server.reset()
    later = harvested.again()
    later.bring(*HARVEST)
    assert harvested.server.requests() == {}
    assert {row["image_url"]: row["author"] for row in later.rows("hits")} == kept_hits
    assert later.rows("release") == release
    assert purge(later.place) is None

    lake.seal_round()
    later.again().bring("search_pages", "hits")
    named = {row["image_url"].encode() for row in lake.rows("hits")}
    assert named & addresses, "the search names them again"
    done = purge(later.place)
    assert done is not None
    assert (done[0].ids, done[1]) == ([], [])
    later.again().bring("hits")
    assert not {row["image_url"].encode() for row in lake.rows("hits")} & addresses
    assert {row["image_url"]: row["author"] for row in lake.rows("hits")} == kept_hits


class Stop(BaseException):
    """What an interruption looks like from within."""


HOOK: dict[str, int] = {"left": -1}


def _stop_at(event: str, arguments: tuple[Any, ...]) -> None:
    if HOOK["left"] >= 0 and event in ("os.rename", "os.remove"):
        HOOK["left"] -= 1
        if HOOK["left"] < 0:
            raise Stop


sys.addaudithook(_stop_at)


def test_what_was_broken_off_anywhere_is_ended_by_the_next_call(harvest: Rooms, tmp_path: Path) -> None:
    picture = harvest.rows("samples")[0]["image_id"]
    results = set()
    for steps in (1, 6, 10_000):
        rooms = harvest.copied(tmp_path / str(steps))
        HOOK["left"] = steps
        try:
            asked(rooms, "picture", picture, only=True)
            HOOK["left"] = steps if HOOK["left"] >= 0 else -1
            purge(rooms.place)
            assert steps == 10_000, "the purge takes more steps than these"
        except Stop:
            assert (
                not rooms.lake.tombstone_ledger()
                or unfinished(rooms.lake)
                or (rooms.lake.root / JOURNAL).exists()
                or steps > 1
            )
        finally:
            HOOK["left"] = -1
        for record in unfinished(rooms.lake):
            finish(rooms.place, record)
        asked(rooms, "picture", picture, only=True)
        purge(rooms.place)
        assert not (rooms.lake.root / JOURNAL).exists()
        assert not list(rooms.lake.root.glob(f"blobs/*/*/{picture}*"))
        assert {row["image_id"] for row in rooms.rows("tombstones") if row["purged"]} == {picture}
        results.add((rooms.rows("release")[0]["release_id"], *(row["sha256"] for row in rooms.rows("shards"))))
        rooms.close()
    assert len(results) == 1, "however it came about, the release is the same"


def test_the_command_names_what_is_wrong_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path))
    for words, expected in (
        ([], "exactly one of --picture"), (["--url", "http://a.test/", "--author", "x", "--reason", "r"], "found --url, --author"),
        (["--author", "x"], "--reason: found nothing"), (["--author", "x", "--reason", "r"], "has no lake"),
    ):  # fmt: skip
        said = CliRunner().invoke(app, ["takedown", *words])
        assert said.exit_code == 2
        assert expected in " ".join(said.output.split())
