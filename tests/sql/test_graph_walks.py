"""Golden rows of the closure up and down, of branches and of faults in the graph; distances held against a walk in Python."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_lake import Row, SmallLake, below, claim, item, make_study, select_rows, words
from tests.sql.graphs import GRAPH, SCOPE, graph, shortest, whole_graph

LIVING = ["P31", "P279", "P171"]


def test_ancestors_have_their_shortest_distance(small: SmallLake) -> None:
    graph(
        small,
        item("Q1"),
        item("Q2", *below("Q1")),
        item("Q3", *below("Q2", "Q1")),
        item("Q4", claim("P279", "Q3"), claim("P171", "Q2")),
    )
    assert small.pick("entity_parents", "qid", "ancestor_qid", "distance") == [
        ("Q2", "Q1", 1), ("Q3", "Q1", 1), ("Q3", "Q2", 1), ("Q4", "Q1", 2), ("Q4", "Q2", 1), ("Q4", "Q3", 1),
    ]  # fmt: skip


def test_a_cycle_ends_and_nobody_is_its_own_ancestor(small: SmallLake) -> None:
    graph(
        small,
        item("Q1", *below("Q3")),
        item("Q2", *below("Q1")),
        item("Q3", *below("Q2")),
        item("Q4", *below("Q4", "Q1")),
    )
    assert small.pick("entity_parents", "qid", "ancestor_qid", "distance") == [
        ("Q1", "Q2", 2), ("Q1", "Q3", 1), ("Q2", "Q1", 1), ("Q2", "Q3", 2), ("Q3", "Q1", 2), ("Q3", "Q2", 1),
        ("Q4", "Q1", 1), ("Q4", "Q2", 3), ("Q4", "Q3", 2),
    ]  # fmt: skip
    assert small.pick("entity_roots", "qid", "root_qid", "distance") == [
        ("Q1", "Q1", 0), ("Q2", "Q1", 1), ("Q3", "Q1", 2), ("Q4", "Q1", 1),
    ]  # fmt: skip


def test_other_statements_and_items_that_did_not_come_lead_nowhere(small: SmallLake) -> None:
    graph(
        small,
        item("Q1"),
        item("Q2", claim("P462", "Q1"), claim("P279"), claim("P31", "Q1")),
        item("Q3", *below("Q1"), status="redirect"),
        item("Q4", *below("Q1"), role="value"),
    )
    assert small.pick("parent_statements", "qid") == []
    assert small.pick("entity_parents", "qid") == []
    assert small.pick("entity_roots", "qid") == [("Q1",)]


def test_ancestors_are_kept_of_what_may_become_an_entity_and_pass_what_may_not(small: SmallLake) -> None:
    graph(small, item("Q1"), item("Q2", *below("Q1"), sitelink_count=0), item("Q3", *below("Q2")))
    assert small.pick("entity_parents", "qid", "ancestor_qid") == [("Q3", "Q1"), ("Q3", "Q2")]
    assert small.pick("entity_roots", "qid", "distance") == [("Q1", 0), ("Q2", 1), ("Q3", 2)]


RELATIONS = [
    (["P279"], {"Q2": 1, "Q5": 2}),
    (["P171"], {"Q3": 1}),
    (["P279", "P171"], {"Q2": 1, "Q3": 1, "Q5": 2, "Q6": 2}),
    (LIVING, {"Q2": 1, "Q3": 1, "Q4": 1, "Q5": 2, "Q6": 2}),
]


@pytest.mark.parametrize(("relations", "reached"), RELATIONS, ids=["world", "taxa", "both", "living"])
def test_the_relations_of_the_scope_are_followed_and_an_instance_is_the_last_step_down(
    relations: list[str], reached: dict[str, int], small: SmallLake
) -> None:
    graph(
        small,
        item("Q1"),
        item("Q2", *below("Q1")),
        item("Q3", claim("P171", "Q1")),
        item("Q4", claim("P31", "Q1")),
        item("Q5", *below("Q2")),
        item("Q6", *below("Q3")),
        item("Q7", *below("Q4")),
        item("Q8", claim("P31", "Q4")),
        relations=relations,
    )
    found = dict(small.pick("entity_roots", "qid", "distance"))
    assert found == {"Q1": 0, **reached}
    above = [row for row in small.pick("entity_parents", "qid", "ancestor_qid", "distance") if row[1] == "Q1"]
    assert {qid: far for qid, _, far in above} == reached


QIDS = [f"Q{number}" for number in range(1, 8)]
STATED = st.sampled_from(list(itertools.product(QIDS, ["P31", "P279", "P171"], QIDS)))


@settings(max_examples=25, deadline=None)
@given(
    st.sets(STATED, max_size=16),
    st.sets(st.sampled_from(LIVING), min_size=1),
    st.sets(st.sampled_from(QIDS), min_size=1),
)
def test_distances_are_those_of_a_breadth_first_walk(
    stated: set[tuple[str, str, str]], relations: set[str], roots: set[str]
) -> None:
    study = make_study(scope={**SCOPE, "relations": sorted(relations), "roots": sorted(roots)})
    tables: dict[str, list[Row]] = {
        "wikidata_items": [
            item(qid, *(claim(pid, parent) for child, pid, parent in sorted(stated) if child == qid)) for qid in QIDS
        ]
    }
    for name in GRAPH[:3]:
        tables[name] = select_rows(name, study, tables)
    followed = [(child, pid, parent) for child, pid, parent in stated if pid in relations]
    first = {qid: {parent for child, _, parent in followed if child == qid} for qid in QIDS}
    classes = {qid: {parent for child, pid, parent in followed if child == qid and pid != "P31"} for qid in QIDS}
    walks = {qid: shortest(classes, qid, first[qid] - {qid}) for qid in QIDS}
    expected = sorted((qid, above, far) for qid, walk in walks.items() for above, far in walk.items())
    assert [tuple(row.values()) for row in tables["entity_parents"]] == expected
    rooted = sorted(
        (qid, root, {**walks[qid], qid: 0}[root]) for qid in QIDS for root in roots if root in {qid, *walks[qid]}
    )
    assert [tuple(row.values()) for row in tables["entity_roots"]] == rooted


def test_the_nearest_root_wins_and_of_two_as_near_the_one_named_first(small: SmallLake) -> None:
    graph(
        small,
        *(item(root) for root in ("Q1", "Q2", "Q3")),
        item("Q4", *below("Q1", "Q2")),
        item("Q5", *below("Q4", "Q3")),
        item("Q6", *below("Q5", "Q4")),
        roots=["Q2", "Q1", "Q3"],
    )
    assert small.pick("entities", "qid", "root_qid", "depth", "parent_qids") == [
        ("Q1", "Q1", 0, []), ("Q2", "Q2", 0, []), ("Q3", "Q3", 0, []),
        ("Q4", "Q2", 1, ["Q1", "Q2"]), ("Q5", "Q3", 1, ["Q3", "Q4"]), ("Q6", "Q2", 2, ["Q4", "Q5"]),
    ]  # fmt: skip
    assert [row for row in small.pick("entity_roots", "qid", "root_qid", "distance") if row[0] == "Q6"] == [
        ("Q6", "Q1", 2), ("Q6", "Q2", 2), ("Q6", "Q3", 2),
    ]  # fmt: skip
    shared = [row[1:] for row in small.pick("graph_integrity", "finding", "qid", "detail") if row[0] == "many_roots"]
    assert shared == [(one, f"{many} entities are also at or below {other}") for one, other, many in (
        ("Q1", "Q3", 2), ("Q2", "Q3", 2), ("Q2", "Q1", 3),
    )]  # fmt: skip


TYPES: list[tuple[str, list[Row], str | None]] = [
    ("nearest", [item("Q2", *below("Q1")), item("Q9", *below("Q2"))], "Q2"),
    ("named", [item("Q2", *below("Q1"), en=None), item("Q9", *below("Q2"))], "Q1"),
    ("not skipped", [item("Q223557", *below("Q1")), item("Q9", *below("Q223557"))], "Q1"),
    ("in scope", [item("Q2", role="value"), item("Q3", *below("Q1")), item("Q9", *below("Q2", "Q3"))], "Q3"),
    ("more sitelinks", [item("Q2", *below("Q1")), item("Q3", *below("Q1"), sitelink_count=11), item("Q9", *below("Q2", "Q3"))], "Q3"),
    ("lower number", [item("Q20", *below("Q1")), item("Q3", *below("Q1")), item("Q9", *below("Q20", "Q3"))], "Q3"),
    ("none", [item("Q488383", en="object"), item("Q9", *below("Q488383"))], None),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "items", "kind"), TYPES, ids=[rule for rule, _, _ in TYPES])
def test_the_natural_type_is_the_nearest_ancestor_in_scope_that_is_named_and_not_abstract(
    rule: str, items: list[Row], kind: str | None, small: SmallLake
) -> None:
    graph(small, item("Q1"), *items, roots=["Q1", "Q488383"])
    assert dict(small.pick("entities", "qid", "natural_type_qid"))["Q9"] == kind


def test_the_study_says_what_is_skipped(small: SmallLake) -> None:
    graph(small, item("Q1"), item("Q2", *below("Q1")), item("Q9", *below("Q2")), skip_types=["Q2"])
    assert dict(small.pick("entities", "qid", "natural_type_qid"))["Q9"] == "Q1"


# -- branches ----------------------------------------------------------------------------------------------------------

ANIMALS = [
    item("Q1", en="animal"),
    item("Q2", *below("Q1"), en="omnivore"),
    item("Q3", *below("Q2"), en="human"),
    *(item(f"Q{number}", *below("Q3")) for number in range(10, 16)),
    item("Q4", *below("Q1"), labels=words(mul="Felidae")),
    item("Q5", *below("Q4"), sitelink_count=0),
    item("Q6", claim("P31", "Q4")),
]


def test_branches_say_what_hangs_below_a_root_and_by_which_way(small: SmallLake) -> None:
    whole_graph(small, *ANIMALS, relations=["P31", "P279"], min_branch_entities=8)
    assert small.pick("root_branches", "root_label", "branch_qid", "branch_label", "members", "entities", "path_qids", "path") == [
        ("animal", "Q1", "animal", 12, 11, "Q1", "animal"),
        ("animal", "Q2", "omnivore", 8, 8, "Q3 < Q2 < Q1", "human < omnivore < animal"),
        ("animal", "Q4", "Felidae", 3, 2, "Q4 < Q1", "Felidae < animal"),
    ]  # fmt: skip
    assert [round(share, 3) for (share,) in small.pick("root_branches", "share")] == [1.0, 0.727, 0.182]
    assert [row for row in small.pick("graph_integrity", "finding", "qid", "detail") if row[0] == "wide_branch"] == [
        ("wide_branch", "Q2", "8 entities, 73 of 100 of root Q1, by human < omnivore < animal; "
         "if they are not meant, exclude one of Q3 < Q2 < Q1"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "scope",
    [{"min_branch_entities": 9}, {"max_branch_share": 0.8}, {"exclude": ["Q3"]}, {"roots": ["Q1", "Q2"]}, {}],
    ids=["too few", "share allowed", "excluded", "a root itself", "default"],
)
def test_a_branch_is_not_wide_where_the_study_says_so(scope: dict[str, Any], small: SmallLake) -> None:
    asked = {"relations": LIVING, "min_branch_entities": 8} | scope if scope else {}
    whole_graph(small, *ANIMALS, **asked)
    assert "wide_branch" not in {row[0] for row in small.pick("graph_integrity", "finding")}


def test_a_root_in_a_cycle_and_a_root_that_did_not_come_have_their_branches(small: SmallLake) -> None:
    whole_graph(
        small,
        item("Q1", *below("Q2")),
        item("Q2", *below("Q1")),
        item("Q3", *below("Q1")),
        item("Q5", *below("Q4")),
        {"qid": "Q4", "status": "broken"},
        roots=["Q1", "Q4"],
    )
    assert small.pick("root_branches", "root_qid", "root_label", "branch_qid", "members") == [
        ("Q1", "name of Q1", "Q1", 3), ("Q1", "name of Q1", "Q2", 1), ("Q1", "name of Q1", "Q3", 1),
        ("Q4", "Q4", "Q4", 1), ("Q4", "Q4", "Q5", 1),
    ]  # fmt: skip


# -- faults ------------------------------------------------------------------------------------------------------------


def test_a_cycle_is_one_finding_with_all_its_members(small: SmallLake) -> None:
    whole_graph(
        small,
        item("Q1", *below("Q10", "Q99")),
        item("Q2", *below("Q1")),
        item("Q10", *below("Q2")),
        item("Q20", *below("Q21", "Q1")),
        item("Q21", *below("Q20")),
        item("Q22", *below("Q21")),
        item("Q23", *below("Q23", "Q1")),
        item("Q24", claim("P31", "Q25")),
        item("Q25", *below("Q24", "Q1")),
        relations=LIVING,
    )
    assert [row[1:] for row in small.pick("graph_integrity", "finding", "qid", "detail") if row[0] == "cycle"] == [
        ("Q1", "each below all others: Q1, Q2, Q10"),
        ("Q20", "each below all others: Q20, Q21"),
        ("Q23", "is stated to be below itself"),
    ]


@settings(max_examples=25, deadline=None)
@given(st.sets(st.sampled_from(list(itertools.product(QIDS, QIDS))), max_size=14))
def test_cycles_are_the_sets_of_mutual_ancestors(pairs: set[tuple[str, str]]) -> None:
    edges = {qid: {parent for child, parent in pairs if child == qid} for qid in QIDS}
    stated = [{"qid": child, "property_id": "P279", "parent_qid": parent} for child, parent in pairs]
    items = [item(qid) for qid in QIDS]
    rows = select_rows(
        "graph_integrity", make_study(scope=SCOPE), {"wikidata_items": items, "parent_statements": stated}
    )
    above = {qid: shortest(edges, qid).keys() for qid in QIDS}
    knots = {
        frozenset({one, *(other for other in QIDS if other in above[one] and one in above[other])}) for one in QIDS
    }
    expected = {f"each below all others: {', '.join(sorted(knot))}" for knot in knots if len(knot) > 1}
    expected |= {"is stated to be below itself" for child, parent in pairs if child == parent}
    assert {row["detail"] for row in rows if row["finding"] == "cycle"} == expected


def test_faults_of_items_are_findings_of_their_own(small: SmallLake) -> None:
    whole_graph(
        small,
        item("Q1"),
        item("Q2", *below("Q1"), {**claim("P31", "Q5"), "rank": None}, {**claim("P18", text="a.jpg"), "rank": None}),
        item("Q3", *below("Q1", "Q77"), labels=words(en="apple", fr="pomme")),
        item("Q4", *below("Q1"), labels=words(mul="Malus")),
        item("Q5"),
        {"qid": "Q6", "status": "missing", "reason": "deleted"},
        {"qid": "Q7", "status": "broken", "role": "value"},
        languages=["en", "de", "fr", "mul"],
    )
    assert small.pick("graph_integrity", "finding", "qid", "detail") == [
        ("label_gap", "Q1", "no label in de, fr"),
        ("label_gap", "Q2", "no label in de, fr"),
        ("label_gap", "Q3", "no label in de"),
        ("no_natural_type", "Q1", "name of Q1"),
        ("no_rank", "Q2", "statements without a rank: P18, P31"),
        ("not_ok", "Q6", "missing: deleted"),
        ("not_ok", "Q7", "broken"),
        ("outside_roots", "Q5", "not an entity of this study"),
        ("unknown_parent", "Q3", "P279 Q77"),
    ]
