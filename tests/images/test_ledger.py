"""The download ledger over runs: what is asked again and when, what is decoded again, what a lake of an older version keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.cli import resting
from entitynet_assets.tables import DOWNLOADS
from tests.fakes.web_server import FaultyServer, faulty_server
from tests.small_lake import SmallLake
from tests.test_pictures import drawn, saved

PICTURE = saved(drawn(), "JPEG")
Lakes = Callable[..., SmallLake]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    with faulty_server() as running:
        monkeypatch.setenv("ENTITYNET_SAMPLE_PORT", running.address.rpartition(":")[2])
        yield running


@pytest.fixture
def small_lake(tmp_path: Path) -> Iterator[Callable[..., SmallLake]]:
    """A function that puts addresses of one host into a lake; its client is closed at the end."""
    made: list[SmallLake] = []

    def build(*paths: str, **shards: Any) -> SmallLake:
        made.append(SmallLake(tmp_path, web={"tries": 1}, shards={"stored_side_px": 32, **shards}))
        made[-1].put(
            "urls", [{"url_id": path, "image_url": f"http://a.test/{path}", "host": "a.test"} for path in paths]
        )
        return made[-1]

    yield build
    for one in made:
        one.place.close()


def choose(small: SmallLake, **shards: Any) -> SmallLake:
    """Take another choice on the same lake, in a client that starts anew."""
    small.place.close()
    return small.choose(web={"tries": 1}, shards={"stored_side_px": 32, **shards})


def pictures_asked(server: FaultyServer) -> list[str]:
    return [call.path.strip("/") for call in server.log if call.path not in ("/robots.txt", "/.well-known/tdmrep.json")]


def test_a_picture_is_had_when_one_of_its_addresses_gives_it(server: FaultyServer, small_lake: Lakes) -> None:
    server.on("/a", lambda call: call.answer(404))
    server.on("/b", lambda call: call.answer(body=PICTURE))
    server.on("/c", lambda call: call.answer(body=PICTURE[:-200]))
    server.on("/d", lambda call: call.answer(body=PICTURE))
    small = small_lake("a", "b", "c", "d")
    assert small.pick("downloads", "url_id", "outcome") == [
        ("a", "not_found"),
        ("b", "ok"),
        ("c", "truncated"),
        ("d", "ok"),
    ]
    assert [(row["url_count"], row["format"]) for row in small.make("images")] == [(2, "JPEG")]


def test_what_failed_for_a_passing_reason_rests_and_then_is_asked_again(
    server: FaultyServer, small_lake: Lakes
) -> None:
    server.on("/a", lambda call: call.answer(429, Retry_After="1"))
    server.on("/b", lambda call: call.answer(body=PICTURE))
    small = small_lake("a", "b")
    done = small.run("downloads")
    assert done.record.due_at is not None
    assert (
        timedelta(minutes=10) < datetime.fromisoformat(done.record.due_at) - datetime.now(UTC) <= timedelta(minutes=15)
    )
    assert resting(small.lake) == (
        f"1 addresses failed for reasons that may pass; a run after {done.record.due_at[:16].replace('T', ' ')} UTC asks them again."
    )
    asked = len(server.log)
    assert small.run("downloads").outcome == "unchanged"
    assert len(server.log) == asked

    rows = small.lake.rows("downloads")  # as if the time had come
    early = (datetime.now(UTC) - timedelta(minutes=20)).isoformat(timespec="seconds")
    late = (datetime.now(UTC) - timedelta(minutes=5)).isoformat(timespec="seconds")
    for row in rows:
        row["fetched_at"], row["due_at"] = early, row["due_at"] and late
    facts = {"identity": done.record.identity, "inputs": done.record.inputs, "code_version": done.record.code_version}
    small.lake.write_rows(DOWNLOADS, rows, "000", **facts, due_at=late)
    server.on("/a", lambda call: call.answer(body=PICTURE))
    done = choose(small).run("downloads")
    assert (done.outcome, done.record.due_at, done.work["downloads"]) == ("made", None, 1)
    assert resting(small.lake) is None


def test_another_quality_decodes_the_served_bytes_and_asks_nobody(server: FaultyServer, small_lake: Lakes) -> None:
    server.on("/a", lambda call: call.answer(body=PICTURE))
    small = small_lake("a")
    first = small.make("downloads")[0]
    asked = pictures_asked(server)
    choose(small, jpeg_quality=50)
    done = small.run("downloads")
    again = small.lake.rows("downloads")[0]
    assert (done.work["downloads"], done.work["pictures"]) == (0, 1)
    assert pictures_asked(server) == asked == ["a"]
    assert len(small.lake.blob(again["path"])) < len(small.lake.blob(first["path"]))
    assert small.make("images")[0]["path"] == again["path"]


def test_without_the_served_bytes_another_side_asks_the_address_again(server: FaultyServer, small_lake: Lakes) -> None:
    server.on("/a", lambda call: call.answer(body=PICTURE, ETag='"1"'))
    small = small_lake("a", keep_served=False)
    first = small.make("downloads")[0]
    assert not (small.lake.root / "blobs" / "served").exists()
    choose(small, stored_side_px=20, keep_served=False)
    again = small.make("downloads")[0]
    assert pictures_asked(server) == ["a", "a"]
    assert "if-none-match" not in {name.lower() for name in server.asked("/a")[-1].headers}
    assert (again["image_id"], again["round"]) == (first["image_id"], first["round"])
    assert again["height_px"] == 20


def test_a_ledger_from_before_the_decode_was_in_it_is_decoded_and_not_asked(
    server: FaultyServer, small_lake: Lakes
) -> None:
    server.on("/a", lambda call: call.answer(body=PICTURE))
    small = small_lake("a")
    row = small.make("downloads")[0]
    bare = {name: None if name in ("path", "phash", "n_frames", "width_px") else value for name, value in row.items()}
    small.lake.write_rows(DOWNLOADS, [bare], "000")
    assert small.make("downloads")[0] == row
    assert pictures_asked(server) == ["a"]


def test_a_crash_in_the_middle_of_a_run_is_one_row(server: FaultyServer, small_lake: Lakes) -> None:
    """The decoder's memory is so small that one picture cannot be had; those around it are."""
    big = saved(drawn(9000, 3000), "PNG")
    for number in range(9):
        server.on(
            f"/{number}", lambda call, body=big if number == 4 else PICTURE + b"%d" % number: call.answer(body=body)
        )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENTITYNET_DECODE_MIB", "48")
        small = small_lake(*(str(number) for number in range(9)))
        rows = {row["url_id"]: row for row in small.make("downloads")}
    assert {name for name, row in rows.items() if row["outcome"] != "ok"} == {"4"}
    assert rows["4"]["outcome"] == "too_large"
    assert "more memory" in rows["4"]["reason"]
