"""Golden rows of what a language model said, where the graph's SELECTs take it in: it overrules rules, and comes last of attributes."""

from __future__ import annotations

from tests.small_lake import SmallLake, below, claim, item
from tests.sql.graphs import graph

BUILDING, ORGANISATION = "Q41176", "Q43229"
MODEL = {"address": "http://127.0.0.1:1/v1", "model": "m", "judge": True}
SAID = [
    {"qid": "Q2", "model": "m", "visual": False, "explanation": "it is an idea"},
    {"qid": "Q3", "model": "m", "visual": True, "explanation": "it has walls"},
    {"qid": "Q4", "model": "m", "visual": False, "status": "malformed"},
    {"qid": "Q5", "model": "m", "status": "ok"},
    {"qid": "Q99", "model": "m", "visual": True},
]  # fmt: skip


def visuality(small: SmallLake, visual: str) -> list[tuple[object, ...]]:
    """Fill four members and what was said of them, and return how they are judged."""
    members = [
        item("Q2", *below(BUILDING)),
        item("Q3", *below(ORGANISATION)),
        item("Q4", *below(BUILDING)),
        item("Q5", *below(BUILDING)),
    ]
    graph(small, *members, roots=[BUILDING, ORGANISATION])
    small.choose(scope={**small.study.scope.model_dump(), "visual": visual}, language_model=MODEL)
    small.put("visual_judgements", [{"status": "ok", "visual": None, **row} for row in SAID])
    return small.pick("visuality", "qid", "visual", "rule", "reason")


def test_a_judgement_overrules_the_rules_where_there_is_one_and_the_study_says_so(small: SmallLake) -> None:
    building = "building (Q41176), which has a look, is one statement above it"
    assert visuality(small, "judge") == [
        ("Q2", False, "language_model", "m says: it is an idea"),
        ("Q3", True, "language_model", "m says: it has walls"),
        ("Q4", True, "seen_class", building),
        ("Q5", True, "seen_class", building),
    ]
    assert small.pick("entities", "qid") == [("Q3",), ("Q4",), ("Q5",)]
    small.make("root_branches")
    found = [row for row in small.make("graph_integrity") if row["finding"] == "not_visual"]
    assert [(row["qid"], row["detail"]) for row in found] == [("Q2", "m says: it is an idea")]


def test_a_judgement_counts_for_nothing_where_the_study_asks_for_rules(small: SmallLake) -> None:
    for visual in ("rules", "off"):
        assert [row[:3] for row in visuality(small, visual)] == [
            ("Q2", True, "seen_class"),
            ("Q3", False, "abstract_class"),
            ("Q4", True, "seen_class"),
            ("Q5", True, "seen_class"),
        ]


def said(**values: list[str]) -> list[dict[str, str]]:
    return [{"category": category, "value": value} for category, many in values.items() for value in many]


def test_generated_attributes_come_last_and_are_phrased_by_their_category(small: SmallLake) -> None:
    graph(
        small, item("Q1", claim("P527", "Q31"), en="animal"), item("Q2", *below("Q1"), claim("P462", "Q32"), en="gull"),
        item("Q31", en="tail", role="value"), item("Q32", en="white", role="value"),
    )  # fmt: skip
    small.make("entities")
    looks = said(
        colour=["White", "grey"], pattern=["speckled back"], material=["made of feathers", "down"], part=["tail", "with a hooked beak"],
        shape_size=["long wings"], environment=["over the sea"], behaviour=["gliding low"], other=["Gull"],
    )  # fmt: skip
    small.put("generated_attributes", [
        {"qid": "Q2", "status": "ok", "attributes": looks}, {"qid": "Q1", "status": "malformed", "attributes": said(colour=["red"])},
        {"qid": "Q9", "status": "ok", "attributes": said(colour=["red"])},
    ])  # fmt: skip
    columns = ("qid", "category", "value", "source", "place", "phrase", "attribute_noun_query")
    rows = [row[1:] for row in small.pick("attributes", *columns) if row[0] == "Q2"]
    assert rows == [
        ("behaviour", "gliding low", "generated", 1, "gliding low", "gull gliding low"),
        ("colour", "grey", "generated", 2, "grey", "grey gull"),
        ("colour", "white", "stated", 1, "white", "white gull"),
        ("environment", "over the sea", "generated", 1, "over the sea", "gull over the sea"),
        ("material", "down", "generated", 1, "made of down", "gull made of down"),
        ("material", "made of feathers", "generated", 2, "made of feathers", "gull made of feathers"),
        ("part", "tail", "inherited", 1, "with tail", "gull with tail"),
        ("part", "with a hooked beak", "generated", 2, "with a hooked beak", "gull with a hooked beak"),
        ("pattern", "speckled back", "generated", 1, "speckled back", "gull speckled back"),
        ("shape_size", "long wings", "generated", 1, "long wings", "gull long wings"),
    ]  # fmt: skip
    generated = [row for row in small.lake.rows("attributes") if row["source"] == "generated"]
    assert {(row["source_qid"], row["distance"], row["statement_id"], row["rank"], row["value_qid"]) for row in generated} == {
        ("Q2", 0, None, None, None)
    }  # fmt: skip
    counted = {row["name"]: row["attributes"] for row in small.make("attribute_coverage") if row["kind"] == "source"}
    assert counted == {"stated": 2, "inherited": 1, "mined": 0, "generated": 8}
