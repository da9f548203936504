"""Which Wikidata was read: an endpoint's own word, a dump's file, and a file that was replaced within a round."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.graph.snapshot import complete_until
from entitynet_assets.graph.source import SourceError
from entitynet_assets.web import Answer
from tests.fakes.rooms import Rooms, changed
from tests.graph.test_dump import item, line
from tests.graph.test_service import answer

SNAPSHOT = ("graph_source", "wikidata_items", "graph_snapshot")


def said(*values: str) -> Answer:
    return Answer("http://x.test", "ok", status=200, body=answer([{"until": value} for value in values]))


@pytest.mark.parametrize("date", ["2026-11-20T23:59:31Z", "2026-11-20", "2026-11-20T23:59:31+00:00"])
def test_an_endpoint_says_up_to_when_it_is_complete(date):
    assert complete_until(said(date)) == (date, None)
    assert complete_until(said("2026-11-21T00:00:00Z", date)) == (date, None)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (said(), "the endpoint does not say"),
        (said("http://www.wikidata.org/.well-known/genid/8b1e"), "no date"),
        (Answer("u", "ok", status=200, body=b"Please set a user-agent"), "cannot be read"),
        (Answer("u", "http_error", "HTTP 400", status=400, body=b"{}"), r"refused the question: http_error \(HTTP 400\)"),
    ],
    ids=range(4),
)  # fmt: skip
def test_an_endpoint_that_does_not_know_is_no_failure_and_has_a_reason(reply, reason):
    until, why = complete_until(reply)
    assert until is None
    assert re.search(reason, why or "")


def test_a_host_that_does_not_answer_is_a_failure():
    with pytest.raises(SourceError, match="did not answer"):
        complete_until(Answer("http://x.test", "connection", "refused"))


def graph(folder: Path, *items: dict[str, Any]) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    (folder / "some-dump.json").write_bytes(b"[\n" + b",\n".join(map(line, items)) + b"\n]\n")
    return {"source": "dump", "dump": str(folder / "some-dump.json")}


@pytest.fixture
def dumped(rooms_of, sample_study, tmp_path) -> Rooms:
    dump = graph(tmp_path / "a", item("Q1") | {"lastrevid": 7, "modified": "2020-01-02T00:00:00Z"}, item("Q9"))
    return rooms_of(changed(sample_study, graph=dump, scope={"roots": ["Q1"], "relations": ["P279"]}), "dumped")


def test_a_dump_is_named_without_its_folders_and_the_newest_edit_is_its_date(dumped):
    dumped.bring(*SNAPSHOT)
    (row,), (source,) = dumped.rows("graph_snapshot"), dumped.rows("graph_source")
    assert (row["source"], row["address"], row["items"], row["newest_revision"]) == ("dump", "some-dump.json", 1, 7)
    assert row["complete_until"] == row["newest_edit_at"] == "2020-01-02T00:00:00Z"
    assert (row["snapshot_id"], source["bytes"]) == (
        source["snapshot_id"],
        Path(dumped.study.graph.dump).stat().st_size,
    )
    assert str(dumped.folder) not in json.dumps([row, source])


def test_a_dump_that_was_replaced_is_read_again_in_the_same_round_and_one_that_was_not_is_not(dumped, tmp_path):
    dumped.bring(*SNAPSHOT)
    assert {done.outcome for done in dumped.bring(*SNAPSHOT).values()} == {"unchanged"}
    old = (tmp_path / "a" / "some-dump.json").stat()
    graph(tmp_path / "a", item("Q1", en="thong"), item("Q9"))
    os.utime(tmp_path / "a" / "some-dump.json", ns=(old.st_atime_ns, old.st_mtime_ns + 1_000_000))
    again = dumped.again()
    assert {done.outcome for done in again.bring(*SNAPSHOT).values()} == {"made"}
    assert again.rows("wikidata_items")[0]["labels"][0]["text"] == "thong"
    assert again.lake.round() == 1


def test_the_same_file_elsewhere_is_the_same_snapshot(dumped, rooms_of, tmp_path):
    dumped.bring(*SNAPSHOT)
    (tmp_path / "b").mkdir()
    copy = shutil.copy2(dumped.study.graph.dump, tmp_path / "b")
    other = rooms_of(changed(dumped.study, graph={"dump": str(copy)}), "elsewhere")
    other.bring(*SNAPSHOT)
    assert other.digests("graph_snapshot") == dumped.digests("graph_snapshot")


def test_an_absent_dump_says_what_to_do_before_anything_is_read(dumped, rooms_of):
    away = rooms_of(changed(dumped.study, graph={"dump": "/none/dump.json"}), "away")
    with pytest.raises(SourceError, match=r"no file /none/dump\.json.*ENTITYNET_ENDPOINT_DUMP"):
        away.bring(*SNAPSHOT)
