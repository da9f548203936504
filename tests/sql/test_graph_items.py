"""Golden rows of a scope that names its items: they are the entities, what is above them is their natural type alone."""

from __future__ import annotations

from tests.small_lake import SmallLake, below, claim, item
from tests.sql.graphs import whole_graph

NAMED = [
    item("Q1", en="animal", role="ancestor"),
    item("Q2", *below("Q1"), en="cat", role="ancestor", sitelink_count=0),
    item("Q3", *below("Q2"), en="lion"),
    item("Q4", claim("P31", "Q3"), en="Elsa"),
]


def test_items_named_are_the_entities_and_what_is_above_them_is_their_natural_type_alone(small: SmallLake) -> None:
    whole_graph(small, *NAMED, roots=[], items=["Q3", "Q4"], relations=["P31", "P279"])
    assert small.pick("entities", "qid", "root_qid", "depth", "natural_type", "parent_qids") == [
        ("Q3", "Q3", 0, "cat", ["Q2"]),
        ("Q4", "Q4", 0, "lion", ["Q3"]),
    ]
    assert small.pick("graph_integrity", "finding", "qid") == []
    assert small.pick("root_branches", "root_qid", "branch_qid", "entities") == [("Q3", "Q3", 1), ("Q4", "Q4", 1)]


def test_an_item_named_that_a_root_reaches_stands_under_it_and_thresholds_hold_for_all(small: SmallLake) -> None:
    whole_graph(
        small, item("Q1"), item("Q2", *below("Q1")), item("Q9", *below("Q8"), sitelink_count=0), item("Q8", role="ancestor"),
        items=["Q2", "Q9"],
    )  # fmt: skip
    assert small.pick("entities", "qid", "root_qid") == [("Q1", "Q1"), ("Q2", "Q1")]
    assert small.pick("graph_integrity", "finding", "qid") == [("few_sitelinks", "Q9"), ("no_natural_type", "Q1")]
