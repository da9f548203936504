"""Manifests of held-out pictures: read, or refused by the entry and the field."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest

from entitynet_assets.benchmarks.holdout import HeldOut, ManifestError, parse_manifest
from entitynet_assets.web import Answer, Request
from tests.fakes.rooms import changed

ENTRY = {"image_url": "http://b.test/1.jpg", "qid": "Q1", "label": "apple"}


def said(*entries) -> bytes:
    return json.dumps({"images": list(entries)}).encode()


def test_entries_are_read():
    assert parse_manifest(said(ENTRY), "m") == [HeldOut("http://b.test/1.jpg", "Q1", "apple")]
    (learnt,) = parse_manifest(said({**ENTRY, "part": "train"}), "m")
    assert (learnt.part, HeldOut("u", "Q1", "apple").part) == ("train", "test")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "m: expected"), (b"<html>", "m: expected"), (b"[]", "m: expected"), (b"{}", "m: expected"),
        (b"null", "m: expected"), (b"\xff", "m: expected"),
        (b'{"images": null}', "m: images: expected a list"), (b'{"images": []}', "m: images: expected a list"),
        (b'{"images": {"a": 1}}', "m: images: expected a list"),
        (b'{"images": 5}', "m: images: expected a list"), (said("x"), r"m: images\[0\]\.image_url"),
        (said(ENTRY, None), r"m: images\[1\]\.image_url"),
        (said(ENTRY, {**ENTRY, "qid": 5}), r"m: images\[1\]\.qid"),
        (said({k: v for k, v in ENTRY.items() if k != "label"}), r"m: images\[0\]\.label"),
        (said(ENTRY, {**ENTRY, "part": "val"}), r"m: images\[1\]\.part: found 'val'; allowed: test or train"),
        (said({**ENTRY, "part": ["train"]}), r"m: images\[0\]\.part"),
    ],
    ids=range(16),
)  # fmt: skip
def test_a_manifest_that_cannot_be_used_is_told_by_entry_and_field(body, words):
    with pytest.raises(ManifestError, match=words):
        parse_manifest(body, "m")


def test_every_held_out_picture_is_stored_with_its_class(harvest):
    planned = {row.url: row for row in harvest.server.world.benchmark()}
    rows = harvest.rows("benchmark_images")
    assert {row["image_url"]: row["class_id"] for row in rows} == {url: row.qid for url, row in planned.items()}
    for row in rows:
        assert row["class_name"] == harvest.server.world.items[row["class_id"]].label.text
        assert harvest.lake.blob(row["path"])[:2] == b"\xff\xd8"
    log = harvest.server.requests()
    assert {log["benchmarks.test", row.path] for row in planned.values()} == {1}


def test_a_manifest_that_does_not_come_names_the_benchmark(rooms_of, sample_study):
    benchmark = {"name": "mine", "manifest": "http://benchmarks.test/none.json"}
    rooms = rooms_of(changed(sample_study, benchmarks=[benchmark]), "none")
    with pytest.raises(ManifestError, match=r"benchmarks\.mine\.manifest.*not_found"):
        rooms.bring("benchmark_images")


class Faulty:
    """The web door with pictures replaced."""

    def __init__(self, web, replace) -> None:
        self.web, self.replace = web, replace

    def close(self):
        self.web.close()

    def ask(self, request):
        return self.web.ask(request)

    def ask_all(self, requests, workers=16):
        answers = list(self.web.ask_all(requests, workers))
        yield from ((tag, self.replace(tag, answer)) for tag, answer in reversed(answers))


@pytest.mark.parametrize(("wish_s", "rest_s"), [(60.0, 900), (7200.0, 7200), (10.0**7, 86_400)])
def test_a_picture_that_does_not_come_is_counted_and_asked_for_again_after_a_rest(rooms, wish_s, rest_s):
    real = rooms.place.web
    lost = rooms.server.world.benchmark()[0].url
    away = Answer(lost, "timeout", retry_after_s=wish_s)
    rooms.place.web = Faulty(real, lambda tag, answer: away if answer.url == lost else answer)
    began = datetime.now(UTC)
    rooms.bring("benchmark_images")
    assert rooms.counts("benchmark_images")["timeout"] == 1
    record = rooms.lake.record("benchmark_images", "whole")
    rested = (datetime.fromisoformat(record.due_at) - began).total_seconds()
    assert rest_s - 1 <= rested <= rest_s + 60
    rooms.place.web = real
    rooms.bring("benchmark_images")
    assert rooms.counts("benchmark_images")["timeout"] == 1  # it still rests
    path = rooms.lake.root / "tables" / "benchmark_images" / "whole.json"
    path.write_text(path.read_text().replace(record.due_at, "2026-01-01T00:00:00+00:00"))
    rooms.bring("benchmark_images")
    assert rooms.counts("benchmark_images") == {"ok": len(rooms.server.world.benchmark())}


def test_the_same_bytes_under_two_classes_stand_once_whoever_came_first(rooms):
    real = rooms.place.web
    (one, two) = (rooms.server.world.benchmark()[0], rooms.server.world.benchmark()[-1])
    body = real.ask(Request(one.url))
    content = body.body
    found = []
    for turned in (False, True):
        faulty = Faulty(
            real,
            lambda tag, answer: Answer(answer.url, "ok", None, 200, {}, content) if answer.url == two.url else answer,
        )
        if turned:
            faulty.ask_all = lambda requests, workers=16, f=faulty: reversed(list(Faulty.ask_all(f, requests, workers)))
        rooms.place.web = faulty
        rooms.lake.seal_round()
        for path in (rooms.lake.root / "tables" / "benchmark_images").glob("*.json"):
            path.unlink()
        rooms.bring("benchmark_images")
        row = next(r for r in rooms.rows("benchmark_images") if r["image_id"] == hashlib.sha256(content).hexdigest())
        found.append(row["class_id"])
    rooms.place.web = real
    assert found == [min(one.qid, two.qid)] * 2
