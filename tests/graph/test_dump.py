"""Dumps as they are found: every layout and compression, cut, misnamed, with lines that are no items."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from entitynet_assets.graph.dump import rows_of_scope
from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.graph.source import SourceError
from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import Scope
from entitynet_assets.tables import WIKIDATA_ITEMS


def to(pid: str, qid: str) -> dict[str, Any]:
    value = {"entity-type": "item", "numeric-id": int(qid[1:]), "id": qid}
    return {
        "rank": "normal",
        "mainsnak": {"snaktype": "value", "property": pid, "datavalue": {"value": value, "type": "x"}},
    }


def item(qid: str, en: str = "thing", **above: str) -> dict[str, Any]:
    claims = {pid: [to(pid, parent) for parent in parents.split()] for pid, parents in above.items()}
    return {"type": "item", "id": qid, "labels": {"en": {"language": "en", "value": en}}, "claims": claims or []}


def line(raw: dict[str, Any]) -> bytes:
    return json.dumps(raw, separators=(",", ":")).encode()


def scope(**facts: Any) -> Scope:
    return Scope(**{"roots": ["Q1"], "relations": ["P279"], "languages": ["en"], **facts})


def rows(folder: Path, *lines: bytes, **facts: Any) -> dict[str, dict[str, Any]]:
    (folder / "dump.json").write_bytes(b"[\n" + b",\n".join(lines) + b"\n]\n")
    found = list(rows_of_scope(folder / "dump.json", scope(**facts)))
    assert len({row["qid"] for row in found}) == len(found)
    return {row["qid"]: row for row in found}


# -- layouts -----------------------------------------------------------------------------------------------------------

LINES = [line(item(f"Q{number}")) for number in (7, 3, 5)]
PACKERS = {"": lambda text: text, ".gz": gzip.compress, ".bz2": bz2.compress, ".zst": zstandard.compress}


def layouts() -> Iterator[tuple[str, bytes]]:
    for name, text in (
        ("array", b"[\n" + b",\n".join(LINES) + b"\n]\n"),
        ("lines", b"\n".join(LINES) + b"\n"),
        ("crlf", b"[\r\n" + b",\r\n".join(LINES) + b"\r\n]"),
    ):
        for ending, pack in PACKERS.items():
            yield f"{name}.json{ending}", pack(text)
            if ending:  # many streams, as bz2 dumps are published
                yield f"{name}-parts.json{ending}", b"".join(pack(part + b"\n") for part in text.split(b"\n"))


@pytest.mark.parametrize(("name", "content"), list(layouts()), ids=[name for name, _ in layouts()])
def test_every_layout_of_a_dump_is_read(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert [json.loads(text)["id"] for _, text in lines_of(tmp_path / name)] == ["Q7", "Q3", "Q5"]


def test_an_absent_dump_says_what_to_do(tmp_path):
    with pytest.raises(SourceError, match=r"graph\.dump.*ENTITYNET_ENDPOINT_DUMP"):
        list(lines_of(tmp_path / "none.json"))


@pytest.mark.parametrize("ending", PACKERS)
def test_a_dump_that_breaks_off_is_named_with_the_remedy(ending, tmp_path):
    whole = b"[\n" + b",\n".join(line(item(f"Q{n}")) for n in range(1, 4000)) + b"\n]\n"
    packed = PACKERS[ending](whole)
    path = tmp_path / f"cut.json{ending}"
    path.write_bytes(packed[: len(packed) * 2 // 3])
    with pytest.raises(SourceError, match=rf"cut\.json{ending} breaks off.*fetch the file again"):
        list(lines_of(path))


@pytest.mark.parametrize("ending", [".gz", ".bz2", ".zst"])
def test_what_is_not_packed_as_its_name_says_is_refused(ending, tmp_path):
    for name, content in ((f"page.json{ending}", b"<html>not found</html>"), ("dump.json", PACKERS[ending](b"[\n]\n"))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(SourceError, match=r"found (no compression|\.\w+), first bytes .*rename it or fetch"):
            list(lines_of(tmp_path / name))


# -- lines that are no items -------------------------------------------------------------------------------------------


def test_lines_that_are_no_items_are_rows_with_the_reason(tmp_path):
    odd = [b'{"id": "Q8", "labels": {', b"\xff\xfe", b"[1, 2]", b"5", b'{"id": 5}', b'{"no": "id"}', b'{"id":"Q9\x00"}']
    found = rows(tmp_path, line(item("Q1")), *odd, line(item("Q2", P279="Q1")))
    assert [(row["qid"], row["status"]) for row in found.values() if row["role"] == "value"] == [
        (f"line {number}", "broken") for number in range(3, 10)
    ]
    assert all(row["reason"].startswith("not an item: ") for row in found.values() if row["status"] == "broken")
    assert found["Q2"]["status"] == "ok"


def test_a_file_of_anything_but_items_is_no_dump(tmp_path):
    (tmp_path / "log.json").write_bytes(b"GET /\n" * 20_000)
    with pytest.raises(SourceError, match="more than 10000 lines are no items, such as line 1; is it a JSON dump"):
        list(rows_of_scope(tmp_path / "log.json", scope()))


def test_an_item_whose_statements_cannot_be_read_is_a_row(tmp_path):
    bad = b'{"type":"item","id":"Q2","claims":{"P279":[{"mainsnak":5}]}}'
    assert rows(tmp_path, line(item("Q1")), bad)["Q2"]["status"] == "broken"
    found = rows(tmp_path, bad, roots=["Q2"])
    assert (found["Q2"]["role"], found["Q2"]["status"]) == ("member", "broken")


def test_huge_items_and_odd_names_are_read_and_written(tmp_path):
    huge = item("Q2", P279="Q1") | {"sitelinks": {f"s{n}wiki": {"title": "x" * 90} for n in range(180_000)}}
    names = {"Q3": "a\x01\x7f\u2028b\nc", "Q4": "n" * 100_000, "Q5": "\U0001f981 لیون"}
    assert len(line(huge)) > 20_000_000
    found = rows(tmp_path, line(item("Q1")), line(huge), *(line(item(qid, en, P279="Q1")) for qid, en in names.items()))
    assert found["Q2"]["sitelink_count"] == 180_000
    assert {qid: found[qid]["labels"][0]["text"] for qid in names} == names
    assert Lake(tmp_path / "lake").write_rows(WIKIDATA_ITEMS, found.values()).rows == 5


def test_half_a_character_breaks_one_item_only(tmp_path):
    found = rows(
        tmp_path,
        line(item("Q1")),
        b'{"type":"item","id":"Q2","labels":{"en":{"value":"\\ud800"}},"claims":{}}',
        roots=["Q1", "Q2"],
    )
    assert [found[qid]["status"] for qid in ("Q1", "Q2")] == ["ok", "broken"]


# -- members -----------------------------------------------------------------------------------------------------------


def members(found: dict[str, dict[str, Any]]) -> set[str]:
    return {qid for qid, row in found.items() if row["role"] == "member"}


def test_instances_are_members_and_nothing_is_walked_below_them(tmp_path):
    lines = [line(one) for one in (
        item("Q6", P279="Q5"), item("Q5", P31="Q2"), item("Q2", P279="Q1"), item("Q1"), item("Q3", P31="Q1 Q9"), item("Q7", P31="Q9"),
        item("P5", P31="Q1"), item("Q2"),
    )]  # fmt: skip
    assert members(rows(tmp_path, *lines, relations=["P31", "P279"])) == {"Q1", "Q2", "Q3", "Q5"}
    assert members(rows(tmp_path, *lines)) == {"Q1", "Q2"}


def test_what_is_below_an_excluded_class_by_any_way_is_out(tmp_path):
    lines = [line(one) for one in (
        item("Q1"), item("Q2", P279="Q1"), item("Q3", P279="Q2 Q21"), item("Q21", P279="Q20"), item("Q20", P279="Q1"),
        item("Q4", P279="Q3"), item("Q5", P279="Q2"), item("Q6", P31="Q5"), item("Q7", P31="Q5 Q21"), item("Q8", P279="Q1", P31="Q20"),
    )]  # fmt: skip
    found = rows(tmp_path, *lines, relations=["P31", "P279"], exclude=["Q20"])
    assert members(found) == {"Q1", "Q2", "Q5", "Q6"}
    with pytest.raises(SourceError, match=r"scope\.exclude: Q3 of scope\.roots is at or below"):
        rows(tmp_path, *lines, roots=["Q1", "Q3"], exclude=["Q20"])


def roles(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {qid: row["role"] for qid, row in found.items()}


def test_items_named_are_members_with_what_is_above_them_and_nothing_below(tmp_path):
    lines = [line(one) for one in (
        item("Q5", P279="Q2"), item("Q2", P279="Q3", P31="Q9"), item("Q3", P279="Q4 Q2", P31="Q8"), item("Q7", P31="Q3", P462="Q6"),
        item("Q6"), item("Q9"), item("Q8"),
    )]  # fmt: skip
    found = rows(tmp_path, *lines, roots=[], items=["Q2", "Q7", "Q10"], relations=["P31", "P279"])
    above = dict.fromkeys(("Q3", "Q4", "Q9"), "ancestor")  # an instance is above nothing but where the way begins
    assert roles(found) == {"Q2": "member", "Q7": "member", "Q10": "member", **above, "Q6": "value"}
    assert {qid for qid, row in found.items() if row["status"] == "missing"} == {"Q10", "Q4"}
    assert roles(rows(tmp_path, *lines, roots=[], items=["Q2"])) == {
        "Q2": "member",
        **dict.fromkeys(("Q3", "Q4"), "ancestor"),
        "Q9": "value",
    }


def test_an_item_named_is_a_member_also_where_it_is_excluded_and_what_is_below_it_is_not(tmp_path):
    lines = [line(one) for one in (item("Q1"), item("Q2", P279="Q1"), item("Q3", P279="Q2"), item("Q4", P279="Q3"))]
    found = rows(tmp_path, *lines, items=["Q3"], exclude=["Q2"])
    assert roles(found) == {"Q1": "member", "Q2": "ancestor", "Q3": "member"}


def test_statements_that_the_scope_excludes_by_are_kept_on_every_row(tmp_path):
    lines = [line(one) for one in (item("Q1", P462="Q2", P21="Q5"), item("Q2", P21="Q6"))]
    found = rows(tmp_path, *lines, exclude_having=["P21", "P31"])
    kept = {qid: [claim["property_id"] for claim in row["claims"]] for qid, row in found.items()}
    assert kept == {"Q1": ["P462", "P21"], "Q2": ["P21"]}
