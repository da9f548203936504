"""Downloads and images over the sample's web: the plan of the world is the truth."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from entitynet_assets.images.assets import FLUSH
from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.sample.faults import COPIES, FAULTS
from entitynet_assets.sample.plan import OWN_HOSTS
from tests.fakes.rooms import REPOSITORY, changed, work_of

EXPECTED = {name: fault.outcome for name, fault in FAULTS.items()}


def reached(rooms) -> dict:
    """Return the planned pictures that the search has led to, by address."""
    asked = {url["image_url"] for url in rooms.rows("urls")}
    return {row.url: row for row in rooms.server.world.plan() if row.url in asked}


def picture_requests(rooms) -> Counter:
    paths = {(row.host, row.path) for row in rooms.server.world.plan()}
    return Counter({key: count for key, count in rooms.server.requests().items() if key in paths})


def test_every_planned_fault_is_met_by_its_outcome(harvest):
    found = {row["image_url"]: row["outcome"] for row in harvest.rows("downloads")}
    planned = reached(harvest)
    assert found == {url: EXPECTED[row.fault] for url, row in planned.items()}
    assert {row.fault for row in planned.values()} == {row.fault for row in harvest.server.world.plan()}


def test_each_picture_is_asked_for_as_often_as_planned_and_forbidden_ones_never(harvest):
    planned = reached(harvest)
    expected = Counter({(row.host, row.path): FAULTS[row.fault].visits for row in planned.values()})
    assert picture_requests(harvest) == +expected
    log = harvest.server.requests()
    hosts = {row.host for row in planned.values()}
    once = dict.fromkeys(hosts, 1) | {OWN_HOSTS["busy"]: 2}  # its first answer is 429
    assert {host: log[host, "/robots.txt"] for host in hosts} == once


def test_copies_of_the_same_bytes_are_one_picture(harvest):
    rows = {row["image_url"]: row for row in harvest.rows("downloads")}
    planned = reached(harvest)
    by_id = {row.id: row for row in planned.values()}
    pairs = [(row, by_id[row.copy_of]) for row in planned.values() if row.fault in COPIES and row.copy_of in by_id]
    assert {row.fault for row, _ in pairs} == set(COPIES)
    for copy, original in pairs:
        same = rows[copy.url]["image_id"] == rows[original.url]["image_id"]
        assert same == (copy.fault == "duplicate")
    images = {row["image_id"]: row for row in harvest.rows("images")}
    addresses = Counter(row["image_id"] for row in rows.values() if row["image_id"])
    assert {image_id: row["url_count"] for image_id, row in images.items()} == addresses
    notices = sum(row.fault == "placeholder" for row in planned.values())  # all the same bytes
    repeats = sum(row.fault == "duplicate" for row, _ in pairs) + notices - 1
    assert len(images) == sum(EXPECTED[row.fault] == "ok" for row in planned.values()) - repeats


def test_the_stored_bytes_are_those_served(harvest):
    for row in harvest.rows("downloads"):
        if row["image_id"]:
            assert (
                hashlib.sha256(harvest.lake.blob(harvest.lake.blob_path("served", row["image_id"]))).hexdigest()
                == row["image_id"]
            )


def test_images_say_what_is_stored(harvest):
    side = harvest.study.shards.stored_side_px
    for row in harvest.rows("images"):
        stored = harvest.lake.blob(row["path"])
        assert hashlib.sha256(stored).hexdigest() == row["stored_sha256"]
        served = harvest.lake.blob(harvest.lake.blob_path("served", row["image_id"]))
        picture = read_picture(served, Kept(side))
        assert (row["phash"], row["dhash"], row["entropy_bits"]) == (picture.phash, picture.dhash, picture.entropy_bits)
        assert row["thumbnail"] == picture.thumbnail
        assert min(row["width_px"], row["height_px"]) <= max(side, 1)
        assert (row["original_width_px"], row["original_height_px"]) == (
            picture.original_width_px,
            picture.original_height_px,
        )


def test_another_stored_side_decodes_again_and_downloads_nothing(harvested):
    smaller = harvested.again(shards={"stored_side_px": 64})
    done = smaller.bring("downloads", "images")
    once_a_slice = sum(
        len({row["image_id"] for row in smaller.lake.rows("downloads", name)} - {None})
        for name in smaller.slices("downloads")
    )
    assert work_of(done, "downloads") == {"downloads": 0, "pictures": once_a_slice}
    assert picture_requests(smaller) == {}
    assert all(min(row["width_px"], row["height_px"]) <= 64 for row in smaller.rows("images"))
    back = smaller.again(shards={"stored_side_px": 96})
    before = {path.name for path in (back.lake.root / "blobs" / "stored").rglob("*.jpg")}
    back.bring("downloads", "images")
    assert {path.name for path in (back.lake.root / "blobs" / "stored").rglob("*.jpg")} == before


def test_a_new_round_sends_no_bytes_for_what_has_not_changed(harvested):
    digests = {table: harvested.digests(table) for table in ("images", "samples", "shards")}
    harvested.lake.seal_round()
    done = harvested.bring("downloads", "images", "samples", "shards")
    planned = reached(harvested)
    again = {name: fault.visits for name, fault in FAULTS.items()} | {"gone": 0, "busy": 1}  # busy no more
    assert sum(picture_requests(harvested).values()) == sum(again[row.fault] for row in planned.values())
    gone = {row.url for row in planned.values() if row.fault == "gone"}
    rounds = {row["image_url"]: row["asked_round"] for row in harvested.rows("downloads")}
    assert rounds == {url: 1 if url in gone else 2 for url in rounds}
    assert work_of(done, "downloads")["pictures"] == 0
    assert {row["round"] for row in harvested.rows("images")} == {1}
    assert {table: harvested.digests(table) for table in digests} == digests


def test_a_picture_that_changed_on_the_web_is_a_new_one(harvested):
    """The server draws another picture under one address; its old bytes stay, as evidence of the first round."""
    sites = harvested.server.http.sites
    rows = harvested.rows("downloads")
    url = next(
        row
        for row in rows
        if row["outcome"] == "ok" and next(r for r in sites.world.plan() if r.url == row["image_url"]).fault == "ok"
    )
    other = next(row for row in sites.world.plan() if row.fault == "ok" and row.url != url["image_url"])
    key = next((row.host, row.path) for row in sites.world.plan() if row.url == url["image_url"])
    places = next(found for index in range(10) if key in (found := sites.entity(index)))
    before = places[key]
    places[key] = ("picture", other, key)
    try:
        harvested.lake.seal_round()
        harvested.bring("downloads", "images")
    finally:
        places[key] = before
    row = next(row for row in harvested.rows("downloads") if row["url_id"] == url["url_id"])
    assert row["image_id"] != url["image_id"]
    assert (row["round"], row["asked_round"]) == (2, 2)
    assert (harvested.lake.root / harvested.lake.blob_path("served", url["image_id"])).exists()


def test_addresses_that_no_hit_names_any_more_stay_in_the_ledger(harvested):
    before = {row["url_id"] for row in harvested.rows("downloads")}
    fewer = harvested.again(queries={"per_entity": 1}, scope={"limit": 3})
    done = fewer.bring("entities", "attributes", "entity_texts", "queries", "search_pages", "hits", "urls", "downloads")
    assert {row["url_id"] for row in fewer.rows("downloads")} == before
    assert work_of(done, "downloads")["downloads"] == 0


def wait_for(holds) -> None:
    for _ in range(3000):
        if holds():
            return
        time.sleep(0.01)
    raise AssertionError("it never came true")


UP_TO_URLS = (
    "graph_source",
    "wikidata_items", "parent_statements", "entity_parents", "entity_roots", "visual_judgements",
    "visuality", "entities", "mined_attributes", "generated_attributes", "attributes", "entity_texts", "queries",
    "search_pages", "table_hits", "imported_rows", "hits", "urls",
)  # fmt: skip


@pytest.fixture
def slow_photos(server):
    """The photo hosts take their time, so that a download can be caught in the middle."""
    sites = server.http.sites
    at_once = sites.photos

    def slowly(request):
        time.sleep(0.02)
        return at_once(request)

    sites.photos = slowly
    yield
    sites.photos = at_once


def test_a_kill_in_the_middle_loses_only_what_was_not_noted(rooms_of, sample_study, slow_photos):
    rooms = rooms_of(changed(sample_study, slices=1), "killed")
    rooms.bring(*UP_TO_URLS)
    rooms.server.reset()
    urls = rooms.lake.rows("urls", "000")
    assert len(urls) > FLUSH
    command = [sys.executable, "-m", "tests.fakes.downloader", str(rooms.server.port), str(rooms.folder)]
    process = subprocess.Popen(command, cwd=REPOSITORY)
    notes = rooms.lake.root / "notes" / "downloads.000.jsonl"
    wait_for(lambda: (notes.exists() and notes.stat().st_size > 0) or process.poll() is not None)
    process.send_signal(signal.SIGKILL)
    process.wait()
    noted = {row["url_id"] for row in rooms.lake.notes("downloads", "000")}
    assert rooms.lake.record("downloads", "000") is None
    assert len(urls) > len(noted) >= FLUSH
    rooms.server.reset()
    rooms.bring("downloads")
    again = picture_requests(rooms)
    paths = {row.url: (row.host, row.path) for row in rooms.server.world.plan()}
    assert not [url for url in urls if url["url_id"] in noted and paths[url["image_url"]] in again]
    assert {row["image_url"]: row["outcome"] for row in rooms.rows("downloads")} == {
        url: EXPECTED[row.fault] for url, row in reached(rooms).items()
    }
    assert not notes.exists()
