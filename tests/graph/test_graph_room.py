"""The graph room as a whole: two sources give one result, and a genuine slice runs through."""

from __future__ import annotations

import csv
import json

import pytest

from entitynet_assets.graph.hydration import IDS_A_CALL
from entitynet_assets.graph.source import SourceError
from entitynet_assets.sample.wikidata import entity_json
from entitynet_assets.studies.models import load_study
from entitynet_assets.tables import PREVIOUS
from entitynet_assets.web import Request
from tests.fakes.rooms import Rooms, changed, data_folder

GRAPH = (
    "graph_source",
    "wikidata_items",
    "graph_snapshot",
    "parent_statements",
    "entity_parents",
    "entity_roots",
    "visual_judgements",
    "visuality",
    "entities",
    "root_branches",
    "mined_attributes",
    "generated_attributes",
    "attributes",
    "attribute_coverage",
    "entity_texts",
    "graph_integrity",
    "entity_changes",
)
ROOTS = [
    "Q729", "Q756", "Q34379", "Q41176", "Q42889", "Q2095", "Q14745", "Q11460", "Q747883", "Q10683158", "Q712378", "Q15324", "Q39546",
    "Q618123", "Q214609", "Q25257", "Q13226383", "Q811979", "Q4936952", "Q2424752", "Q11663",
]  # fmt: skip


def test_the_query_service_and_a_dump_give_the_same_tables(rooms, rooms_of, small_world, tmp_path):
    rooms.bring(*GRAPH)
    asked = {path for (host, path) in rooms.server.requests() if "wikidata" in host}
    answers = {}
    for qid in small_world.items:
        query = {"action": "wbgetentities", "ids": qid, "format": "json", "languages": "en|mul"}
        answer = rooms.place.web.ask(Request(rooms.study.graph.api, params=query))
        answers |= json.loads(answer.body)["entities"]
    dump = tmp_path / "dump.json"
    dump.write_text("[\n" + ",\n".join(json.dumps(item) for item in answers.values()) + "\n]\n")
    other = rooms_of(changed(rooms.study, graph={"source": "dump", "dump": str(dump)}), "dump")
    other.bring(*GRAPH)
    assert asked == {"/sparql", "/w/api.php"}
    for table in (
        "wikidata_items",
        "parent_statements",
        "entity_roots",
        "entities",
        "entity_parents",
        "entity_texts",
        "visuality",
        "mined_attributes",
        "attributes",
        "attribute_coverage",
    ):
        assert other.digests(table) == rooms.digests(table), table
        assert rooms.rows(table)


def test_every_leaf_of_the_world_is_an_entity(rooms, small_world):
    rooms.bring(*GRAPH)
    found = {row["qid"]: row["label"] for row in rooms.rows("entities") if row["qid"] not in rooms.study.scope.roots}
    assert found == {qid: small_world.items[qid].label.text for qid in small_world.entities}


def test_items_are_asked_for_in_few_calls(rooms, small_world):
    rooms.bring("graph_source", "wikidata_items")
    log = rooms.server.requests()
    assert log["www.wikidata.test", "/w/api.php"] <= -(-len(small_world.items) // IDS_A_CALL) + 1
    assert log["query.wikidata.test", "/sparql"] <= 10


def test_a_second_run_asks_nothing_and_a_new_round_everything(rooms):
    rooms.bring(*GRAPH)
    first = rooms.server.requests()
    again = rooms.again()
    assert {done.outcome for done in again.bring(*GRAPH).values()} == {"unchanged"}
    assert rooms.server.requests() == first
    again.lake.seal_round()
    outcomes = {name: done.outcome for (name, _), done in again.bring(*GRAPH).items()}
    assert outcomes["wikidata_items"] == "made"
    assert outcomes["entities"] == "unchanged"
    assert rooms.server.requests()["query.wikidata.test", "/sparql"] == 2 * first["query.wikidata.test", "/sparql"]


def test_a_relabelled_item_is_a_change_in_the_next_round(rooms, small_world):
    rooms.bring(*GRAPH)
    qid = small_world.entities[0]
    rooms.server.change_world(small_world.with_label(qid, "renamed thing"))
    try:
        rooms.lake.seal_round()
        rooms.bring(*GRAPH)
    finally:
        rooms.server.change_world(small_world)
    changes = [(row["qid"], row["change"], row["previous"], row["current"]) for row in rooms.rows("entity_changes")]
    assert changes == [(qid, "relabelled", small_world.items[qid].label.text, "renamed thing")]


def test_former_entities_are_asked_for_so_that_a_merge_is_told_from_a_deletion(rooms, small_world):
    rooms.bring(*GRAPH)
    qid, gone = small_world.entities[0], "Q99999999999"
    rooms.lake.write_rows(
        PREVIOUS["previous_entities"],
        [*rooms.rows("entities"), {**rooms.rows("entities")[0], "qid": gone, "label": "unicorn"}],
    )
    rooms.bring(*GRAPH)
    former = [(row["qid"], row["status"]) for row in rooms.rows("wikidata_items") if row["role"] == "former"]
    assert former == [(gone, "missing")]
    assert [row["words"] for row in rooms.rows("entity_changes")] == [
        f"{gone} unicorn: removed (Wikidata has it no more)"
    ]
    assert qid in {row["qid"] for row in rooms.rows("entities")}


def test_what_is_chosen_of_the_graph_later_asks_nothing_anew(rooms):
    rooms.bring("graph_source", "wikidata_items")
    asked = rooms.server.requests()
    later = rooms.again(scope={"skip_types": [], "max_branch_share": 0.9, "min_sitelinks": 0, "leaves_only": False})
    assert later.bring("graph_source", "wikidata_items")["wikidata_items", "whole"].outcome == "unchanged"
    assert rooms.server.requests() == asked
    other = rooms.again(scope={"relations": ["P279"]})
    assert other.bring("graph_source", "wikidata_items")["wikidata_items", "whole"].outcome == "made"


def test_a_source_that_does_not_answer_says_what_to_do(rooms_of, sample_study):
    away = rooms_of(changed(sample_study, graph={"sparql": "http://query.wikidata.test/nothing"}), "away")
    with pytest.raises(
        SourceError, match=r"(?s)SPARQL at http://query\.wikidata\.test/nothing: not_found.*check the address"
    ):
        away.bring("graph_source", "wikidata_items")
    assert away.lake.record("wikidata_items") is None


def test_an_item_that_is_missing_is_a_row_with_its_reason(rooms_of, sample_study):
    scope = {"roots": [*sample_study.scope.roots, "Q99999999999"]}
    with_gap = rooms_of(changed(sample_study, scope=scope), "gap")
    with_gap.bring(*GRAPH)
    row = next(row for row in with_gap.rows("wikidata_items") if row["qid"] == "Q99999999999")
    assert (row["status"], row["reason"]) == ("missing", "no such item")
    assert [r["finding"] for r in with_gap.rows("graph_integrity") if r["qid"] == "Q99999999999"] == ["not_ok"]


def test_broken_lines_of_a_dump_are_rows(rooms_of, sample_study, small_world, tmp_path):
    lines = [json.dumps(entity_json(small_world, qid, set(), set())) for qid in small_world.items]
    (tmp_path / "dump.json").write_text("\n".join([*lines, '{"id": "Q5", "labels"', "prose"]))
    broken = rooms_of(changed(sample_study, graph={"source": "dump", "dump": str(tmp_path / "dump.json")}), "broken")
    done = broken.bring(*GRAPH)["wikidata_items", "whole"]
    assert done.record.counts["broken"] == 2
    assert set(small_world.entities) <= {row["qid"] for row in broken.rows("entities")}


@pytest.fixture
def genuine(tmp_path) -> Rooms:
    dump = data_folder("real", "graph.json.gz")
    scope = {"roots": ROOTS, "min_sitelinks": 0, "leaves_only": False}
    return Rooms(changed(load_study("sample"), graph={"source": "dump", "dump": str(dump)}, scope=scope), tmp_path)


def test_the_genuine_slice_runs_through_and_reaches_every_class(genuine):
    done = genuine.bring(*GRAPH)
    assert all(one.record.failed_checks == () for one in done.values())
    with data_folder("real", "classes.tsv").open() as file:
        classes = {row["qid"] for row in csv.DictReader(file, delimiter="\t") if row["qid"]}
    members = {row["qid"] for row in genuine.rows("wikidata_items") if row["role"] == "member"}
    assert len(classes) == 98
    assert classes <= members
    entities = {row["qid"] for row in genuine.rows("entities")}
    named = {row["qid"] for row in genuine.rows("wikidata_items") if row["labels"] or row["enwiki_title"]}
    assert classes & named <= entities


def test_the_ancestors_of_the_genuine_slice_are_those_of_a_walk(genuine):
    genuine.bring(*GRAPH)
    up: dict[str, set[str]] = {}
    for row in genuine.rows("wikidata_items"):
        if row["role"] == "member" and row["status"] == "ok":
            up[row["qid"]] = {
                c["value_qid"] for c in row["claims"] if c["value_qid"] and c["property_id"] in ("P279", "P171")
            }
    expected = {}
    for qid in up:
        seen, level, distance = {qid}, {qid}, 0
        while level:
            distance += 1
            level = {parent for one in level for parent in up.get(one, ())} - seen
            seen |= level
            expected |= {(qid, parent): distance for parent in level}
    assert {(r["qid"], r["ancestor_qid"]): r["distance"] for r in genuine.rows("entity_parents")} == expected
