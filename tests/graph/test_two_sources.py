"""One snapshot of genuine items, once as triples behind a SPARQL engine and an item API, once as a dump: the same tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pyoxigraph as ox
import pytest

from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.sample.wikidata import WD, WDT, run_query
from tests.fakes.rooms import changed, data_folder
from tests.fakes.web_server import Call, faulty_server
from tests.graph.test_graph_room import GRAPH, ROOTS

SCOPE = {
    "roots": ROOTS,
    "relations": ["P31", "P279", "P171"],
    "min_sitelinks": 0,
    "leaves_only": False,
    "languages": ["en", "de"],
}
GENUINE = (("real", "graph.json.gz"), ("wikidata", "04-jsondumpdata-2014-2015", "20151109", "1000-entities.json.gz"),
           ("wikidata", "05-openrefine-wikibase-2020", "entities.ndjson.gz"))  # fmt: skip
EXCLUDED = ["Q5", "Q7725634"]  # human, literary work


@pytest.fixture(scope="module")
def genuine() -> dict[str, dict[str, Any]]:
    """Return items by id, the first version of each."""
    found: dict[str, dict[str, Any]] = {}
    for name in GENUINE:
        for _, text in lines_of(data_folder(*name)):
            raw = json.loads(text)
            if raw.get("type") == "item":
                found.setdefault(raw["id"], raw)
    return found


def truthy(raw: dict[str, Any]) -> Iterator[ox.Quad]:
    """Yield the statements of best rank as the query service has them; an unknown value has an address that names no item."""
    for pid, statements in (raw.get("claims") or {}).items():
        ranks = [statement["rank"] for statement in statements]
        best = "preferred" if "preferred" in ranks else "normal"
        for number, statement in enumerate(one for one in statements if one["rank"] == best):
            snak = statement["mainsnak"]
            value = snak["datavalue"]["value"] if snak["snaktype"] == "value" else None
            if isinstance(value, dict) and value.get("entity-type") == "item":
                target = f"{WD}Q{value['numeric-id']}"
            elif snak["snaktype"] == "somevalue":
                target = f"http://www.wikidata.org/.well-known/genid/{raw['id']}{pid}{number}"
            else:
                continue
            yield ox.Quad(ox.NamedNode(WD + raw["id"]), ox.NamedNode(WDT + pid), ox.NamedNode(target))


@pytest.fixture
def service(genuine) -> Iterator[dict[str, str]]:
    store = ox.Store()
    store.bulk_extend(quad for raw in genuine.values() for quad in truthy(raw))

    def sparql(call: Call) -> None:
        call.answer(200, run_query(store, parse_qs(call.body.decode())["query"][0]))

    def api(call: Call) -> None:
        ids = parse_qs(call.path.partition("?")[2])["ids"][0].split("|")
        found = {qid: genuine.get(qid, {"id": qid, "missing": ""}) for qid in ids}
        call.answer(200, json.dumps({"entities": found, "success": 1}).encode())

    with faulty_server() as server:
        yield {"source": "sparql", "sparql": server.on("/sparql", sparql), "api": server.on("/api", api)}


NAMED = ["Q7725634", "Q89", "Q78987", "Q42", "Q99999999999"]  # literary work, apple, electric guitar, a human, none
SCOPES = {
    "all": {},
    "excluded": {"exclude": EXCLUDED},
    "named": {"roots": [], "items": NAMED},
    "named and below roots": {"items": NAMED, "exclude": EXCLUDED, "exclude_having": ["P625", "P18"]},
}


@pytest.mark.parametrize("facts", SCOPES.values(), ids=SCOPES)
def test_genuine_items_give_the_same_tables_by_both_ways(facts, genuine, service, rooms_of, sample_study, tmp_path):
    dump = tmp_path / "dump.json"
    dump.write_text("[\n" + ",\n".join(json.dumps(raw) for raw in genuine.values()) + "\n]\n")
    scope = {**SCOPE, **facts}
    asked = rooms_of(changed(sample_study, graph=service, scope=scope), "asked")
    read = rooms_of(changed(sample_study, graph={"source": "dump", "dump": str(dump)}, scope=scope), "read")
    for rooms in (asked, read):
        rooms.bring(*GRAPH)
    mine, theirs = (
        {row["qid"]: (row["role"], row["status"]) for row in r.rows("wikidata_items")} for r in (asked, read)
    )
    assert {qid: role for qid, (role, _) in mine.items()} == {qid: role for qid, (role, _) in theirs.items()}
    for table in set(GRAPH) - {"graph_source", "wikidata_items", "graph_snapshot", "graph_integrity"}:
        assert asked.digests(table) == read.digests(table), table
    assert len(asked.rows("entities")) > (50 if scope["roots"] else 2)
    assert {qid: role for qid, (role, _) in mine.items() if qid in facts.get("items", ())} == dict.fromkeys(
        facts.get("items", ()), "member"
    )
    assert ("ancestor" in {role for role, _ in mine.values()}) == ("items" in facts)
    found = [sorted((row["finding"], row["qid"]) for row in rooms.rows("graph_integrity")) for rooms in (asked, read)]
    assert found[0] == found[1]  # an absent item is told in each source's own words
