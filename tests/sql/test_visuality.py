"""Golden rows of visuality: which rule decides, how far a mark reaches, and that a study asks for it or does not."""

from __future__ import annotations

import re

import pytest

from entitynet_assets.lake import read_sql
from entitynet_assets.tables import VISUALITY
from tests.small_lake import Row, SmallLake, below, claim, item
from tests.sql.graphs import graph

BUILDING, ORGANISATION, PROFESSION = "Q41176", "Q43229", "Q28640"
PICTURE, COMMONS = claim("P18", text="It.jpg"), claim("P373", text="Its")
JUDGED = [
    ("a class with a look", [item("Q2", *below(BUILDING))], (True, "seen_class", BUILDING, 1, None, None)),
    ("the mark itself", [item("Q2", *below("Q1")), item(ORGANISATION, *below("Q2"))], (False, "nothing_said", None, None, None, None)),
    ("a class without one", [item("Q2", *below(ORGANISATION), PICTURE)], (False, "abstract_class", None, None, ORGANISATION, 1)),
    ("the nearer of two", [item("Q2", *below("Q3", BUILDING)), item("Q3", *below(ORGANISATION))],
     (True, "seen_class", BUILDING, 1, ORGANISATION, 2)),
    ("the nearer of two, the other way", [item("Q2", *below("Q3", ORGANISATION)), item("Q3", *below(BUILDING))],
     (False, "abstract_class", BUILDING, 2, ORGANISATION, 1)),
    ("of two as near the one with a look", [item("Q2", *below(ORGANISATION, BUILDING))],
     (True, "seen_class", BUILDING, 1, ORGANISATION, 1)),
    ("what it is an instance of", [item("Q2", *below("Q1"), claim("P31", PROFESSION))],
     (False, "abstract_class", None, None, PROFESSION, 1)),
    ("below an instance is nothing", [item("Q2", *below("Q3")), item("Q3", *below("Q1"), claim("P31", PROFESSION))],
     (False, "nothing_said", None, None, None, None)),
    ("an instance of what is below a mark", [item("Q2", claim("P31", "Q3")), item("Q3", *below(BUILDING))],
     (True, "seen_class", BUILDING, 2, None, None)),
    ("a picture", [item("Q2", *below("Q1"), PICTURE, COMMONS)], (True, "picture", None, None, None, None)),
    ("a Commons category", [item("Q2", *below("Q1"), COMMONS)], (True, "commons_category", None, None, None, None)),
    ("a picture without a name", [item("Q2", *below("Q1"), claim("P18"))], (False, "nothing_said", None, None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("items", "judged"), [one[1:] for one in JUDGED], ids=[one[0] for one in JUDGED])
def test_the_rule_that_decides(items: list[Row], judged: tuple[object, ...], small: SmallLake) -> None:
    graph(small, item("Q1"), *items)
    columns = ("qid", "visual", "rule", "seen_qid", "seen_distance", "abstract_qid", "abstract_distance")
    assert [row[1:] for row in small.pick("visuality", *columns) if row[0] == "Q2"] == [judged]


def test_every_member_has_a_row_with_its_evidence_and_a_sentence(small: SmallLake) -> None:
    graph(small, item("Q1"), item("Q2", *below(BUILDING), PICTURE, COMMONS, sitelink_count=0), item(BUILDING, role="ancestor"),
          {"qid": "Q4", "status": "missing"})  # fmt: skip
    rows = small.pick("visuality", "qid", "has_image", "commons_category", "reason")
    assert rows == [
        ("Q1", False, None, "no class, no picture and no Commons category speaks for it"),
        ("Q2", True, "Its", "building (Q41176), which has a look, is one statement above it"),
    ]


def test_cycles_end(small: SmallLake) -> None:
    graph(small, item("Q1", *below("Q2", BUILDING)), item("Q2", *below("Q1")), item(BUILDING, *below("Q2")))
    assert small.pick("visuality", "qid", "seen_distance") == [("Q1", 1), ("Q2", 2), (BUILDING, 0)]


def test_a_study_that_does_not_ask_keeps_all(small: SmallLake) -> None:
    graph(small, item("Q1"), item("Q2", *below(ORGANISATION, "Q1")), item("Q3", *below(BUILDING, "Q1")))
    assert small.pick("entities", "qid") == [("Q1",), ("Q2",), ("Q3",)]
    graph(small, item("Q1"), item("Q2", *below(ORGANISATION, "Q1")), item("Q3", *below(BUILDING, "Q1")), visual="rules")
    assert small.pick("entities", "qid") == [("Q3",)]
    small.make("graph_integrity")
    left = [row for row in small.lake.rows("graph_integrity") if row["finding"] == "not_visual"]
    assert [(row["qid"], row["detail"]) for row in left] == [
        ("Q1", "no class, no picture and no Commons category speaks for it"),
        ("Q2", "organisation (Q43229), which has no look, is one statement above it"),
    ]


def test_every_mark_is_an_item_named_once() -> None:
    marks = re.findall(r"\('(Q\d+)', '([^']+)', (true|false)\)", read_sql(VISUALITY))
    assert len({qid for qid, _, _ in marks}) == len(marks) > 100
    assert {seen for _, _, seen in marks} == {"true", "false"}
