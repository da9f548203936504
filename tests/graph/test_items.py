"""Items as rows, held against qwikidata, which reads the same items in its own way."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qwikidata.entity import WikidataItem

from entitynet_assets.graph import items
from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.graph.items import KEPT, empty_row, value_qids
from entitynet_assets.graph.source import SourceError
from entitynet_assets.lake import Lake
from entitynet_assets.sample.wikidata import entity_json
from entitynet_assets.sample.world import make_world
from entitynet_assets.tables import WIKIDATA_ITEMS
from tests.fakes.rooms import data_folder

LANGUAGES = ("en", "mul", "de")
COMPLETE = (
    "04-jsondumpdata-2014-2015",
    "05-openrefine-wikibase-2020",
    "06-opentapioca-2019",
    "08-wikibase-dump-filter",
)


def parse_item(qid: str, raw: Any, role: str, languages: tuple[str, ...]) -> dict[str, Any]:
    return items.parse_item(qid, json.dumps(raw).encode(), role, languages)


def parents_above(raw: Any, relations: list[str]) -> set[str]:
    try:
        above = items.statements_decoder(tuple(relations)).decode(json.dumps(raw))
    except items.UNREADABLE:
        return set()
    return {parent for _, parent in items.values_of(above)}


def read_dump(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield what the plainest reader makes of each line; some published extracts are the beginning of an array only."""
    with (
        contextlib.suppress(SourceError) if path.parent.name == "08-wikibase-dump-filter" else contextlib.nullcontext()
    ):
        for _, text in lines_of(path):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                raw = json.loads(text)
                yield raw["id"], raw


def with_ids(value: Any) -> Any:
    """Fill in the id that items of 2014 lack beside the number, as qwikidata needs it."""
    if isinstance(value, dict):
        if value.get("entity-type") == "item" and "id" not in value:
            value = {**value, "id": f"Q{value['numeric-id']}"}
        return {key: with_ids(part) for key, part in value.items()}
    return [with_ids(part) for part in value] if isinstance(value, list) else value


def oracle(raw: dict[str, Any]) -> WikidataItem:
    """Read an item with qwikidata, which knows neither `[]` for `{}` nor a missing part."""
    parts = ("labels", "descriptions", "aliases", "claims", "sitelinks")
    return WikidataItem({**with_ids(raw), **{name: with_ids(raw.get(name) or {}) for name in parts}})


def truthy_values(item: WikidataItem, pid: str) -> list[Any]:
    values = []
    for claim in item.get_truthy_claim_group(pid):
        if claim.mainsnak.snaktype == "value":
            values.append(claim.mainsnak.datavalue.value["id"])
    return values


def agrees(raw: dict[str, Any]) -> None:
    row, item = parse_item(raw["id"], raw, "member", LANGUAGES), oracle(raw)
    assert row["status"] == "ok", (raw["id"], row["reason"])
    for pid in ("P31", "P279", "P171", "P462", "P186", "P527"):
        ours = [
            claim["value_qid"] for claim in row["claims"] if claim["property_id"] == pid and claim["snak"] == "value"
        ]
        assert ours == truthy_values(item, pid), (raw["id"], pid)
    labels = {label["language"]: label["text"] for label in row["labels"]}
    aliases = [alias["text"] for alias in row["aliases"] if alias["language"] == "en"]
    for language in LANGUAGES:
        assert labels.get(language, "") == item.get_label(language)
    assert aliases == item.get_aliases("en")
    assert row["sitelink_count"] == len(raw.get("sitelinks") or {})
    assert (row["enwiki_title"] or "") == item.get_enwiki_title()


def dumps(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*.json*")) + sorted(folder.rglob("*.ndjson*")) if path.is_file()]


def test_every_item_of_the_sample_world_agrees_with_qwikidata():
    world = make_world()
    for qid in world.items:
        agrees(entity_json(world, qid, set(), set()))


@pytest.mark.parametrize("name", COMPLETE)
def test_genuine_items_agree_with_qwikidata(name):
    checked, kinds = 0, set[str]()
    for path in dumps(data_folder("wikidata", name)):
        for qid, raw in read_dump(path):
            if raw and raw.get("type") == "item":
                agrees(raw)
                checked += 1
                kinds.add(qid)
    assert checked >= len(kinds) > 0


def test_all_layouts_of_one_dump_give_the_same_items():
    folder = data_folder("wikidata", COMPLETE[0], "20151109")
    found = {path.name: list(read_dump(path)) for path in dumps(folder) if path.name.startswith(("five", "one"))}
    assert found["five-entities.json"] == found["five-entities.json.gz"] == found["five-entities.json.bz2"]
    assert len(found["five-entities.json"]) == 5


# -- odd shapes --------------------------------------------------------------------------------------------------------


def claim(value: Any, pid: str = "P279", rank: str = "normal", snak: str = "value") -> dict[str, Any]:
    main = {"snaktype": snak, "property": pid}
    return {"rank": rank, "mainsnak": main | ({"datavalue": {"value": value}} if snak == "value" else {})}


def to(qid: str, **facts: str) -> dict[str, Any]:
    return claim({"entity-type": "item", "numeric-id": int(qid[1:]), "id": qid}, **facts)


def item(**parts: Any) -> dict[str, Any]:
    return {"type": "item", "id": "Q1", "labels": {"en": {"language": "en", "value": "thing"}}, **parts}


def values(row: dict[str, Any], pid: str = "P279") -> list[Any]:
    return [part["value_qid"] for part in row["claims"] if part["property_id"] == pid]


def test_preferred_statements_hide_normal_ones_and_deprecated_ones_never_count():
    raw = item(claims={
        "P279": [to("Q2"), to("Q3", rank="preferred"), to("Q4", rank="deprecated"), to("Q5", rank="preferred")],
        "P171": [to("Q6", pid="P171", rank="deprecated")], "P31": [to("Q7", pid="P31"), to("Q8", pid="P31", rank="deprecated")],
    })  # fmt: skip
    row = parse_item("Q1", raw, "member", LANGUAGES)
    assert (values(row), values(row, "P171"), values(row, "P31")) == (["Q3", "Q5"], [], ["Q7"])
    assert parents_above(raw, ["P279", "P171"]) == {"Q3", "Q5"}
    assert value_qids(row) == {"Q7"}


def test_no_value_and_some_value_are_kept_as_such():
    raw = item(claims={"P171": [claim(None, "P171", snak="novalue"), claim(None, "P171", snak="somevalue")]})
    row = parse_item("Q1", raw, "member", LANGUAGES)
    assert [(part["snak"], part["value_qid"]) for part in row["claims"]] == [("novalue", None), ("somevalue", None)]
    assert parents_above(raw, ["P171"]) == set()


@pytest.mark.parametrize("claims", [[], None, 5, {"P279": [{}]}, {"P279": 5}, {"P279": [claim({"id": 5})]}])
def test_statements_that_cannot_be_read_lead_nowhere(claims):
    assert parents_above(item(claims=claims), ["P279"]) == set()


def test_a_number_without_an_id_is_an_item():
    row = parse_item(
        "Q1", item(claims={"P279": [claim({"entity-type": "item", "numeric-id": 11004})]}), "member", LANGUAGES
    )
    assert values(row) == ["Q11004"]


ODD = [
    {}, [], {"id": "Q1"}, item(labels=[], descriptions=[], aliases=[], claims=[], sitelinks=[]), item(labels=None, claims=None),
    item(claims={"P279": {}}), item(claims={"P279": [{}]}), item(claims={"P279": "x"}),
    item(claims={"P279": [claim("x")]}),
    item(claims={"P279": [claim([])]}), item(claims={"P279": [claim(5)]}), item(claims={"P279": [claim({"id": 5})]}),
    item(claims={"P279": [{"rank": "normal", "mainsnak": {"snaktype": "value"}}]}),
    item(claims={"P1843": [claim({"text": 5, "language": []}, "P1843")]}),
    item(labels={"en": "thing"}), item(labels={"en": {"value": 5}}), item(labels={"en": {}}),
    item(aliases={"en": {}}), item(aliases={"en": ["x"]}),
    item(sitelinks={"enwiki": []}), item(sitelinks={"enwiki": {"title": 5}}), item(lastrevid="x"), item(modified=5), item(redirects=[]),
    item(redirects={"from": "Q1", "to": "Q2"}), {"id": "Q1", "missing": ""}, item(claims={"P31": [to("Q2", pid="P31", rank="odd")]}),
    None, 5, "Q1",
]  # fmt: skip


@pytest.mark.parametrize("raw", ODD, ids=range(len(ODD)))
def test_an_odd_item_becomes_a_row_that_the_table_takes(raw, tmp_path):
    row = parse_item("Q1", raw, "member", LANGUAGES)
    assert row.keys() == empty_row("Q1", "member", "ok", None).keys()
    assert row["status"] in ("ok", "missing", "redirect", "broken")
    assert (row["reason"] is None) == (row["status"] == "ok")
    record = Lake(tmp_path / "lake").write_rows(WIKIDATA_ITEMS, [row])
    assert (record.rows, record.failed_checks) == (1, ())


def test_an_answer_for_another_id_is_a_redirect():
    row = parse_item("Q9", item(claims={"P279": [to("Q2")]}), "member", LANGUAGES)
    assert (row["qid"], row["status"], row["redirect_qid"]) == ("Q9", "redirect", "Q1")


def test_only_what_the_platform_uses_is_kept():
    claims = {pid: [to("Q2", pid=pid)] for pid in (*KEPT, "P21", "P625")}
    row = parse_item("Q1", item(claims=claims), "member", ("en",))
    assert {part["property_id"] for part in row["claims"]} == set(KEPT)


def test_statements_of_other_properties_are_kept_where_they_are_asked_for():
    place = {"snaktype": "value", "datavalue": {"value": {"latitude": 1.5, "globe": "x"}, "type": "globecoordinate"}}
    raw = item(
        claims={"P31": [to("Q2")], "P625": [{"rank": "normal", "mainsnak": place}], "P21": [to("Q3", pid="P21")]}
    )
    row = items.parse_item("Q1", json.dumps(raw).encode(), "member", ("en",), ("P625", "P31"))
    assert [(part["property_id"], part["value_qid"]) for part in row["claims"]] == [("P31", "Q2"), ("P625", None)]
    assert items.parents_in_row(row, ("P31", "P625")) == {"Q2"}
    assert items.parents_in_row({**row, "status": "redirect"}, ("P31",)) == set()
