"""The lake: records, contracts, digests, and writes that are whole or not there, whatever befalls the process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.lake import Lake, arrow_schema, connect, multiset_digest
from entitynet_assets.lineage import DriftError
from entitynet_assets.tables import TABLES, ContractError
from entitynet_assets.text import slice_of
from tests.small_lake import full_row
from tests.writer import TABLE, rows

ROOT = Path(__file__).parents[1]
DOWNLOADS, IMAGES = TABLES["downloads"], TABLES["images"]
DOWNLOAD = {"url_id": "u", "outcome": "ok", "image_id": "i", "tries": 1, "fetched_at": "2026-01-01", "http_status": 200}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.writer", *map(str, arguments)], cwd=ROOT, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


# -- records ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("torn", ["", "{", '{"table": "entities"', "[]", "null", '{"table": "x"}', "\udcff"])
def test_a_torn_record_says_what_to_do(torn: str, lake: Lake) -> None:
    lake.write_rows(TABLE, rows(1, "a"))
    path = lake.root / "tables" / TABLE.name / "whole.json"
    path.write_bytes(torn.encode("utf-8", "surrogateescape"))
    with pytest.raises(DriftError, match=r"whole\.json is not a record .*; delete it and run again"):
        lake.rows(TABLE.name)


def test_a_slice_that_is_not_made_names_the_command(lake: Lake) -> None:
    with pytest.raises(DriftError, match=r"entities is not made yet; run `entitynet run --until entities` first"):
        lake.rows("entities")
    with pytest.raises(DriftError, match=r"hits \[001\] is not made yet; run `entitynet run --until hits` first"):
        lake.path("hits", "001")


def test_a_record_whose_file_was_deleted_is_no_record(lake: Lake) -> None:
    record = lake.write_rows(TABLE, rows(1, "a"))
    (lake.root / "tables" / TABLE.name / record.file).unlink()
    assert lake.record(TABLE.name) is None


def test_an_older_file_goes_once_the_record_names_the_newer(lake: Lake) -> None:
    lake.write_rows(DOWNLOADS, [full_row(DOWNLOADS, DOWNLOAD)], "000")
    lake.write_rows(DOWNLOADS, [], "001")
    lake.write_rows(DOWNLOADS, [], "000")
    names = sorted(path.name[:4] for path in (lake.root / "tables" / "downloads").glob("*.parquet"))
    assert names == ["000-", "001-"]


def test_recipes_with_one_beginning_do_not_remove_each_others_files(lake: Lake) -> None:
    scores = TABLES["scores"]
    for name in ("demo-untrained", "demo", "demo"):
        lake.write_rows(scores, [full_row(scores, {"recipe": name})], name)
    assert [row["recipe"] for row in lake.rows("scores")] == ["demo", "demo-untrained"]


@pytest.mark.parametrize("name", ["o'brien", "a b", "a[b]c", 'a"b', "ä"])
def test_a_lake_may_lie_in_any_folder(name: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path / name)
    lake.write_rows(TABLE, rows(2, "a"))
    assert len(lake.rows(TABLE.name)) == 2
    assert lake.export("SELECT qid FROM label_vocabulary", {TABLE.name: [lake.path(TABLE.name)]}, "out/x")[2] == 2


# -- contracts -------------------------------------------------------------------------------------------------------

FAULTS = [
    ([{"url_id": None}], "url_id is null in 1 rows"),
    ([{"url_id": "u"}, {"url_id": "u"}], "key (url_id) repeated: [('u', 2)]"),
    ([{"url_id": "u", "outcome": "odd"}], "outcome is none of ok, not_found"),
    ([{"url_id": "u", "host": None}, {"url_id": "v", "host": None}], "host is null in 2 rows"),
]


@pytest.mark.parametrize(("found", "words"), FAULTS)
def test_a_breach_of_contract_is_recorded_and_no_reader_gets_it(found: list[dict], words: str, lake: Lake) -> None:
    record = lake.write_rows(DOWNLOADS, [full_row(DOWNLOADS, row) for row in found], "000")
    assert record.failed_checks == ("contract",)
    assert words in " ".join(lake.faults(DOWNLOADS, "000"))
    with pytest.raises(DriftError, match=r"downloads \[000\] failed contract; look at its checks, mend the cause"):
        lake.rows("downloads")


def test_a_sound_slice_has_no_fault(lake: Lake) -> None:
    lake.write_rows(DOWNLOADS, [full_row(DOWNLOADS, DOWNLOAD)], "000")
    assert lake.faults(DOWNLOADS, "000") == []
    assert lake.faults(DOWNLOADS, "001") == ["downloads [001] has no file"]


UNFIT = [
    ({"image_id": "a", "colour": "red"}, r"images: unknown columns \['colour'\]; the contract in tables.py has"),
    ({"image_id": 3}, "images: a value does not fit its column"),
    ({"image_id": "a", "width_px": "wide"}, "images: a value does not fit its column"),
    ({"image_id": "a", "width_px": 1.5}, r"images: width_px is 1\.5, expected a whole number; mend the maker"),
    ({"image_id": "a", "width_px": 2**70}, "images: a value does not fit its column"),
    ({"image_id": "a", "phash": -1}, "images: a value does not fit its column"),
    ({"image_id": "\ud800"}, "images: a value does not fit its column"),
]


@pytest.mark.parametrize(("row", "words"), UNFIT)
def test_a_value_that_does_not_fit_is_refused_and_nothing_is_written(row: dict, words: str, lake: Lake) -> None:
    with pytest.raises(ContractError, match=words):
        lake.write_rows(IMAGES, [row], "000")
    assert lake.record("images", "000") is None


def test_a_query_with_other_columns_is_refused(lake: Lake) -> None:
    with pytest.raises(ContractError, match=r"label_vocabulary: found .*'INTEGER'.* expected .*'BIGINT'"):
        lake.write_query(TABLE, "SELECT 1 AS class_index, 'q' AS qid, 'l' AS label, 1::BIGINT AS image_count", {}, {})


# -- content digests -------------------------------------------------------------------------------------------------

VALUES: dict[str, Any] = {
    "url_id": st.sampled_from(["u", "v", "w"]), "image_url": st.sampled_from(["", "a", "b"]), "reason": st.sampled_from([None, "", "null"]),
    "http_status": st.sampled_from([None, 0, 200]), "tries": st.integers(0, 3), "fetched_at": st.sampled_from(["x", "y"]),
}  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries(VALUES), max_size=4)


def digest(found: list[dict]) -> str:
    with connect() as con:
        made = pa.Table.from_pylist([full_row(DOWNLOADS, row) for row in found], schema=arrow_schema(DOWNLOADS))
        con.register("found", made)
        columns = ", ".join(f'"{name}"' for name in DOWNLOADS.lasting)
        return multiset_digest(con, f"(SELECT {columns} FROM found)", "downloads")[0]


def lasting(found: list[dict]) -> list[str]:
    return sorted(json.dumps({k: v for k, v in row.items() if k not in ("tries", "fetched_at")}) for row in found)


@settings(max_examples=25, deadline=None)
@given(ROWS, ROWS, st.randoms(use_true_random=False))
def test_a_digest_is_that_of_the_multiset_of_lasting_columns(one: list[dict], two: list[dict], random: Any) -> None:
    shuffled = random.sample(one, len(one))
    assert digest(one) == digest([{**row, "tries": 9} for row in shuffled])
    assert (digest(one) == digest(two)) == (lasting(one) == lasting(two))


@pytest.mark.parametrize("column", [column.name for column in DOWNLOADS.columns])
def test_every_lasting_column_counts_and_no_volatile_one(column: str, lake: Lake) -> None:
    row = full_row(DOWNLOADS, DOWNLOAD)
    kind = next(one.type for one in DOWNLOADS.columns if one.name == column)
    changed = {**row, column: "gone" if kind == "VARCHAR" else 404}
    first = lake.write_rows(DOWNLOADS, [row], "000")
    second = lake.write_rows(DOWNLOADS, [changed], "000")
    assert (first.digest == second.digest) == (column not in DOWNLOADS.lasting)
    assert lake.rows("downloads") == [changed]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.text(), st.integers(1, 1000)), min_size=1, max_size=20))
def test_the_slice_of_an_identifier_is_one_in_python_and_sql(pairs: list[tuple[str, int]]) -> None:
    with connect() as con:
        for identifier, count in pairs:
            found = con.execute("SELECT slice_of($id, $n)", {"id": identifier, "n": count}).fetchone()
            assert found == (slice_of(identifier, count),)


# -- kills, full disks and races -------------------------------------------------------------------------------------


def visible(lake: Lake) -> list[str]:
    return lake.slices(TABLE.name)


def test_a_process_killed_while_it_writes_leaves_a_slice_that_reads(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write_rows(TABLE, rows(5, "old"))
    for _ in range(3):
        writer = start("write_forever", lake.root, "")
        assert writer.stdout
        writer.stdout.readline()
        writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        found = lake.rows(TABLE.name)
        assert len(found) == 20_000
        assert len({row["label"].rsplit(" ", 1)[0] for row in found}) == 1
        assert visible(lake) == ["whole"]


@pytest.mark.parametrize("limit", [0, 4096, 200_000])
def test_a_full_disk_is_an_error_and_the_old_slice_still_reads(limit: int, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake")
    lake.write_rows(TABLE, rows(5, "old"))
    before = sorted(path.name for path in (lake.root / "tables" / TABLE.name).iterdir())
    starved = start("write_starved", lake.root, str(limit))
    _, said = starved.communicate()
    assert starved.returncode == 1
    assert "Error" in said.splitlines()[-1]
    assert [row["label"] for row in lake.rows(TABLE.name)] == [row["label"] for row in rows(5, "old")]
    assert sorted(path.name for path in (lake.root / "tables" / TABLE.name).iterdir()) == before


def test_of_two_processes_at_one_slice_the_second_waits_and_does_nothing(tmp_path: Path) -> None:
    root = tmp_path / "lake"
    Lake(root)
    both = [start("run_station", root, ""), start("run_station", root, "")]
    for one in both:
        assert one.stdout
        assert one.stdout.readline() == "ready\n"
    for one in both:  # whichever holds the slice gets on
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    said = sorted(one.communicate()[0] for one in both)
    assert said == ["made\n", "unchanged\n"]
    assert (root / "worked").read_text() == "worked\n"


def test_notes_outlive_a_kill_and_a_line_cut_off_spoils_no_other(lake: Lake) -> None:
    lake.add_notes("downloads", "000", [{"url_id": "a"}, {"url_id": "b"}])
    path = lake.root / "notes" / "downloads.000.jsonl"
    path.write_bytes(path.read_bytes() + b'{"url_id": "c", "ou')
    assert lake.notes("downloads", "000") == [{"url_id": "a"}, {"url_id": "b"}]
    lake.add_notes("downloads", "000", [{"url_id": "d"}])
    assert lake.notes("downloads", "000") == [{"url_id": "a"}, {"url_id": "b"}, {"url_id": "d"}]
    assert lake.notes("downloads", "001") == []
    lake.write_rows(DOWNLOADS, [], "000")
    assert lake.notes("downloads", "000") == []


# -- rounds, takedowns, exports, blobs -------------------------------------------------------------------------------


def test_a_sealed_round_is_what_the_next_one_reads(lake: Lake) -> None:
    entities = TABLES["entities"]
    assert lake.rows("previous_entities") == lake.rows("previous_harvest_plan") == []
    lake.write_rows(entities, [full_row(entities, {"qid": "Q1", "label": "old"})])
    assert (lake.round(), lake.seal_round(), lake.round()) == (1, 2, 2)
    lake.write_rows(entities, [full_row(entities, {"qid": "Q1", "label": "new"})])
    assert [row["label"] for row in Lake(lake.root).rows("previous_entities")] == ["old"]
    assert lake.record("entities") is not None
    assert lake.write_rows(entities, []).round == 2


def test_takedowns_are_kept_in_order_whoever_writes_at_once(lake: Lake) -> None:
    before = lake.ledger_digest()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: lake.add_tombstones([{"image_id": str(number)}]), range(24)))
    assert sorted(int(row["image_id"]) for row in lake.tombstone_ledger()) == list(range(24))
    lake.add_tombstones([{"image_id": "last"}])
    assert lake.tombstone_ledger()[-1] == {"image_id": "last"}
    assert lake.ledger_digest() not in (before, Lake(lake.root / "other").ledger_digest())


def test_an_export_carries_its_content_in_its_name_and_stays_when_another_is_made(lake: Lake) -> None:
    query, views = "SELECT qid, label FROM label_vocabulary WHERE qid <> $left_out", {}
    paths = []
    for label in ("a", "b"):
        lake.write_rows(TABLE, rows(3, label))
        views = {TABLE.name: [lake.path(TABLE.name)]}
        path, found, count = lake.export(query, views, "release/words", {"left_out": "Q0"})
        assert path == f"release/words-{found[:16]}.parquet"
        assert count == 2
        paths.append(path)
    assert lake.export(query, views, "release/words", {"left_out": "Q0"})[0] == paths[1]
    assert paths[0] != paths[1]
    assert sorted(path.name for path in (lake.root / "release").iterdir()) == sorted(Path(p).name for p in paths)


def test_a_blob_is_stored_once_and_a_file_is_whole_or_old(lake: Lake) -> None:
    path = lake.put_blob("served", "abcd", b"one")
    assert path == lake.blob_path("served", "abcd") == "blobs/served/ab/abcd"
    assert lake.put_blob("served", "abcd", b"two") == path
    assert lake.blob(path) == b"one"
    assert lake.put_file("release/x.json", b"1") == lake.put_file("release/x.json", b"2")
    assert lake.blob("release/x.json") == b"2"
