"""The closure on genuine class graphs: the published answer, cycles as counted, and the branch that makes animals professions.

The graphs are of 2021 and 2025. Of 2025 are the ten thousand largest classes only, and of 2021 the professions below human
but not omnivore below animal; so the two together are what a harvest of all classes would have met.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from entitynet_assets.graph.closure import members
from tests.fakes.rooms import data_folder
from tests.small_lake import SmallLake, claim, item
from tests.sql.graphs import SCOPE, whole_graph

ANIMAL, HUMAN = "Q729", "Q5"
KGTK = ("wikidata", "01-kgtk-arnold-2021")


def table(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt") as lines:
        yield from csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)


def stated(path: Path, *relations: str) -> dict[str, set[str]]:
    """Return parent ids by child."""
    found: dict[str, set[str]] = {}
    for row in table(path):
        if row["label"] in relations:
            found.setdefault(row["node1"], set()).add(row["node2"])
    return found


@pytest.fixture(scope="module")
def kgtk() -> dict[str, set[str]]:
    return stated(data_folder(*KGTK, "derived.P279.tsv.gz"), "P279")


@pytest.fixture(scope="module")
def names() -> dict[str, str]:
    rows = table(data_folder(*KGTK, "labels.en.tsv.gz"))
    return {row["node1"]: row["node2"].removesuffix("@en").strip("'") for row in rows}


@pytest.fixture(scope="module")
def newer() -> dict[str, set[str]]:
    raw = json.loads(
        gzip.decompress(data_folder("wikidata", "03-humemai-p279-2025", "graph_10000.json.gz").read_bytes())
    )
    found: dict[str, set[str]] = {node["id"]: set() for node in raw["nodes"]}
    for edge in raw["links"]:
        found[edge["target"]].add(edge["source"])
    return found


def world(small: SmallLake, up: Mapping[str, set[str]], names: Mapping[str, str], **scope: Any) -> SmallLake:
    """Walk down from the roots as the sources do, and make every table of what was found."""
    down: dict[str, list[str]] = {}
    for child, parents in up.items():
        for parent in parents:
            down.setdefault(parent, []).append(child)

    def below(parents, relations):
        return [(child, parent) for parent in parents for child in down.get(parent, [])]

    scope = {"relations": ["P279"], "min_sitelinks": 0, **scope}
    found = members(scope["roots"], scope["relations"], below, scope.get("exclude", ()))
    rows = [
        item(qid, *(claim("P279", parent) for parent in sorted(up.get(qid, ()))), en=names.get(qid))
        for qid in sorted(found)
    ]
    return whole_graph(small, *rows, **scope)


def wide(small: SmallLake) -> list[tuple[Any, ...]]:
    return [row[1:] for row in small.pick("graph_integrity", "finding", "qid", "detail") if row[0] == "wide_branch"]


def test_human_omnivore_animal_is_seen_in_the_largest_classes_of_2025(small, newer, names):
    every = {qid: names.get(qid, f"class {qid}") for qid in newer}  # classes made after 2021 have no name in our data
    world(small, newer, every, roots=[ANIMAL], min_branch_entities=10)
    branch = next(row for row in small.lake.rows("root_branches") if row["branch_qid"] == "Q164509")
    assert (branch["root_label"], branch["entities"], branch["share"] > 0.5) == ("animal", 19, True)
    assert branch["path"].endswith("human < omnivore < animal")
    assert "Q164509" in {qid for qid, _ in wide(small)}


def test_humans_make_most_animals_and_excluding_them_cures_it(small, kgtk, newer, names):
    both = {qid: kgtk.get(qid, set()) | newer.get(qid, set()) for qid in kgtk.keys() | newer.keys()}
    world(small, both, names, roots=[ANIMAL])
    total = next(row for row in small.lake.rows("root_branches") if row["branch_qid"] == ANIMAL)
    omnivore = next(row for row in small.lake.rows("root_branches") if row["branch_qid"] == "Q164509")
    assert omnivore["share"] > 0.9
    assert omnivore["path"].endswith("human < omnivore < animal")
    assert omnivore["path_qids"].endswith("Q5 < Q164509 < Q729")
    assert "human < omnivore < animal" in dict(wide(small))["Q164509"]
    world(small, both, names, roots=[ANIMAL], exclude=[HUMAN])
    assert wide(small) == []
    assert 10 < len(small.lake.rows("entities")) < total["entities"] / 10


def test_the_closure_is_the_published_one(small, kgtk, names):
    published: dict[str, set[str]] = {}
    for row in table(data_folder(*KGTK, "derived.P279star.tsv.gz")):
        if row["node1"] != row["node2"]:
            published.setdefault(row["node1"], set()).add(row["node2"])
    world(small, kgtk, names, roots=[HUMAN, ANIMAL, "Q42889", "Q2424752"])
    found: dict[str, set[str]] = {}
    for row in small.lake.rows("entity_parents"):
        found.setdefault(row["qid"], set()).add(row["ancestor_qid"])
    wanted = {row["qid"] for row in small.lake.rows("entity_roots")} & published.keys()
    inside = {row["qid"] for row in small.lake.rows("wikidata_items")}
    assert len(wanted) > 1900
    for qid in wanted:  # what lies above the roots was not asked for, so only what is in scope can be compared
        assert found.get(qid, set()) & inside == published[qid] & inside, qid


def test_the_cycles_of_2025_are_those_of_a_graph_library(small, newer):
    graph = nx.DiGraph([(child, parent) for child, parents in newer.items() for parent in parents])
    knots = {frozenset(knot) for knot in nx.strongly_connected_components(graph) if len(knot) > 1}
    whole_graph(
        small,
        *(item(qid, *(claim("P279", parent) for parent in sorted(parents))) for qid, parents in newer.items()),
        **{**SCOPE, "roots": ["Q35120"]},
    )
    rows = [row["detail"] for row in small.lake.rows("graph_integrity") if row["finding"] == "cycle"]
    prefix = "each below all others: "
    assert len(knots) == 14
    assert {frozenset(row.removeprefix(prefix).split(", ")) for row in rows if row.startswith(prefix)} == knots
