"""Golden rows of attributes: whose word counts, what is inherited, what a description says, and how many are kept."""

from __future__ import annotations

import re

import pytest

from entitynet_assets.graph.items import KEPT, LOOKS, NAMING_VALUES
from entitynet_assets.lake import read_sql
from entitynet_assets.tables import ATTRIBUTES
from tests.small_lake import Row, SmallLake, below, claim, item, words
from tests.sql.graphs import SCOPE, graph

VALUES = [
    item("Q31", en="red", role="value"), item("Q32", role="value", labels=words(mul="wood", de="Holz")),
    item("Q33", role="value", labels=words(mul="w", en="wing")), item("Q34", role="value", labels=words(de="blau")),
    item("Q35", en="gone", status="redirect", role="value"), item("Q36", en="brown", role="value"), item("Q37", en="Red", role="value"),
    item("Q38", en="tail", role="value"),
]  # fmt: skip


def looks(small: SmallLake, *items: Row, **scope: object) -> SmallLake:
    """Fill the graph with these items and the values, and make entities and what is mined."""
    graph(small, *items, *VALUES, **{"min_sitelinks": 0, **scope})
    small.make("entities")
    small.make("mined_attributes")
    return small


def test_what_is_stated_is_phrased_by_its_property_and_needs_a_name(small: SmallLake) -> None:
    looks(
        small,
        item("Q1", en="food"),
        item("Q2", *below("Q1"), en="fruit"),
        item("Q4", *below("Q2"), claim("P462", "Q31"), claim("P462", "Q31"), claim("P186", "Q32"), claim("P527", "Q33"),
             claim("P462", "Q34"), claim("P462", "Q35"), claim("P17", "Q31"), claim("P462"), en="apple"),
        item("Q5", {**claim("P462", "Q31"), "statement_id": "Q5$1", "rank": "preferred"}, *below("Q1"), en="cake"),
    )  # fmt: skip
    small.make("attributes")
    rows = [tuple(row.values()) for row in small.lake.rows("attributes")]
    assert rows == [
        ("Q4", "colour", "red", "Q31", "P462", "stated", "Q4", 0, None, "normal", 1, "red", "red fruit", "red apple"),
        ("Q4", "material", "wood", "Q32", "P186", "stated", "Q4", 0, None, "normal", 1, "made of wood", "fruit made of wood",
         "apple made of wood"),
        ("Q4", "part", "wing", "Q33", "P527", "stated", "Q4", 0, None, "normal", 1, "with wing", "fruit with wing", "apple with wing"),
        ("Q5", "colour", "red", "Q31", "P462", "stated", "Q5", 0, "Q5$1", "preferred", 1, "red", "red food", "red cake"),
    ]  # fmt: skip


def test_an_attribute_of_an_entity_without_a_natural_type_has_no_type_query(small: SmallLake) -> None:
    looks(small, item("Q1", claim("P462", "Q31"), en="food"))
    assert small.pick("attributes", "attribute_type_query", "attribute_noun_query") == [(None, "red food")]


ANIMALS = [
    item("Q1", claim("P462", "Q36"), claim("P527", "Q33"), en="animal"),
    item("Q2", *below("Q1"), claim("P462", "Q31"), claim("P527", "Q38"), en="bird"),
]


def inherited(small: SmallLake, qid: str) -> list[tuple[object, ...]]:
    rows = small.pick("attributes", "qid", "category", "value", "source", "source_qid", "distance")
    return [row[1:] for row in rows if row[0] == qid]


def test_parts_add_up_on_the_way_down_and_of_colours_the_nearest_item_alone_speaks(small: SmallLake) -> None:
    looks(small, *ANIMALS, item("Q3", *below("Q2"), en="gull"))
    assert inherited(small, "Q3") == [
        ("colour", "red", "inherited", "Q2", 1),
        ("part", "tail", "inherited", "Q2", 1),
        ("part", "wing", "inherited", "Q1", 2),
    ]


def test_what_is_stated_is_not_replaced_by_the_same_value_from_above(small: SmallLake) -> None:
    looks(small, *ANIMALS, item("Q3", *below("Q2"), claim("P462", "Q37"), claim("P2670", "Q38"), en="gull"))
    assert inherited(small, "Q3") == [
        ("colour", "Red", "stated", "Q3", 0),
        ("part", "tail", "stated", "Q3", 0),
        ("part", "wing", "inherited", "Q1", 2),
    ]


def test_a_value_reached_by_two_ways_comes_from_the_nearer(small: SmallLake) -> None:
    looks(small, *ANIMALS, item("Q3", *below("Q1"), claim("P527", "Q38")), item("Q4", *below("Q2", "Q3"), en="gull"))
    tails = [row for row in inherited(small, "Q4") if row[1] == "tail"]
    assert tails == [("part", "tail", "inherited", "Q2", 1)]


def test_an_individual_looks_like_its_class_and_a_class_not_like_the_class_of_classes(small: SmallLake) -> None:
    kind = item("Q7", claim("P527", "Q33"), en="kind of bird")
    looks(
        small, *ANIMALS, kind,
        item("Q3", *below("Q2"), claim("P31", "Q7"), en="gull"), item("Q4", claim("P31", "Q2"), en="Jonathan"),
        item("Q5", claim("P171", "Q2"), claim("P31", "Q7"), en="swan"),
        roots=["Q1", "Q7"], relations=["P31", "P279", "P171"],
    )  # fmt: skip
    assert ("part", "tail", "inherited", "Q2", 1) in inherited(small, "Q4")
    assert {row[3] for qid in ("Q3", "Q5") for row in inherited(small, qid)} == {"Q1", "Q2"}


def test_a_cycle_above_an_entity_ends_and_gives_nothing_of_itself(small: SmallLake) -> None:
    looks(small, item("Q1", *below("Q2"), claim("P527", "Q33")), item("Q2", *below("Q1"), claim("P527", "Q38")))
    assert inherited(small, "Q1") == [("part", "tail", "inherited", "Q2", 1), ("part", "wing", "stated", "Q1", 0)]


def test_an_entity_has_no_attribute_that_is_its_own_name_or_type(small: SmallLake) -> None:
    looks(small, item("Q1", en="wing"), item("Q2", *below("Q1"), claim("P527", "Q33"), claim("P527", "Q38"), en="tail"))
    assert inherited(small, "Q2") == []


def test_mined_comes_after_stated_and_speaks_for_the_entity_itself(small: SmallLake) -> None:
    said = {"descriptions": words(en="large white bird with red tail")}
    looks(small, *ANIMALS, item("Q3", *below("Q2"), en="gull", **said))
    assert inherited(small, "Q3") == [
        ("colour", "white", "mined", "Q3", 0),
        ("part", "red tail", "mined", "Q3", 0),
        ("part", "tail", "inherited", "Q2", 1),
        ("part", "wing", "inherited", "Q1", 2),
        ("shape_size", "large", "mined", "Q3", 0),
    ]
    assert small.pick("attributes", "value", "place", "phrase", "attribute_noun_query")[-5:] == [
        ("white", 1, "white", "white gull"), ("red tail", 3, "with red tail", "gull with red tail"),
        ("tail", 1, "with tail", "gull with tail"), ("wing", 2, "with wing", "gull with wing"), ("large", 1, "large", "large gull"),
    ]  # fmt: skip


def test_the_best_of_a_category_are_kept(small: SmallLake) -> None:
    names = [item(f"Q{number}", en=f"part {number}", role="value") for number in range(50, 60)]
    mine = [claim("P527", f"Q{number}") for number in (55, 54)] + [{**claim("P527", "Q59"), "rank": "preferred"}]
    above = item("Q1", *(claim("P527", f"Q{number}") for number in range(50, 54)), en="animal")
    looks(small, above, item("Q2", *below("Q1"), *mine, en="bird"), *names, attributes_per_category=4)
    rows = small.pick("attributes", "qid", "place", "value")
    assert sorted(row[1:] for row in rows if row[0] == "Q2") == [
        (1, "part 59"),
        (2, "part 54"),
        (3, "part 55"),
        (4, "part 50"),
    ]


def test_every_property_of_looks_is_kept_with_the_name_of_its_value() -> None:
    mapped = re.findall(r"^    \('(P\d+)'", read_sql(ATTRIBUTES), re.MULTILINE)
    assert sorted(mapped) == sorted(LOOKS)
    assert len(set(mapped)) == len(mapped)
    assert set(LOOKS) <= set(KEPT)
    assert set(LOOKS) <= set(NAMING_VALUES)


MINED = [
    ("large striped cat", ["pattern: striped", "shape_size: large"]),
    ("species of small freshwater fish kept as a pet", ["environment: freshwater", "shape_size: small"]),
    ("Small bird of prey", ["shape_size: small"]),
    ("long-legged pink wading bird", ["behaviour: wading", "colour: pink", "part: long-legged"]),
    ("tall black and white seabird that cannot fly", ["colour: black", "colour: white", "shape_size: tall"]),
    ("red, green or yellow fruit", ["colour: green", "colour: red", "colour: yellow"]),
    ("container made of glass or metal", ["material: made of glass", "material: made of metal"]),
    ("dwelling built from blocks of snow", []),
    ("bird living in tropical forests", ["environment: in forest"]),
    ("bird found in New Zealand", []),
    ("bird with long tail, red beak and two yellow wings", ["part: with long tail", "part: with red beak", "part: with two yellow wings"]),
    ("piece of furniture with a flat top", []),
    ("bird with no tail", []),
    ("bird without tail", []),
    ("person with disabilities", []),
    ("tool with a handle that is long", ["part: with handle"]),
    ("ship with glimmer", ["part: with glimmer"]),
    ("spoon carved from horn", ["material: made of horn"]),
    ("edible red fruit", []),
    ("Black Sea fish", []),
    ("white wine from Italy", []),
    ("red panda of the mountains", []),
    ("White, Black and Partners", []),
    ("", []),
    ("large", ["shape_size: large"]),
    ("with", []),
    ("gr\u00fcne (red) \U0001f34e fruit", []),
    (", and red", ["colour: red"]),
]  # fmt: skip


@pytest.mark.parametrize(("description", "found"), MINED, ids=[one[0] or "empty" for one in MINED])
def test_a_description_says_what_its_grammar_finds_and_no_more(
    description: str, found: list[str], small: SmallLake
) -> None:
    small.choose(scope=SCOPE)
    small.put("entities", [{"qid": "Q1", "description": description}, {"qid": "Q2"}])
    small.put("wikidata_items", [
        item("Q10", en="white wine"), item("Q11", en="Red panda"),
        item("Q12", claim("P527", "Q13"), claim("P186", "Q14")), item("Q13", en="glimmer"), item("Q14", en="horn"),
    ])  # fmt: skip
    assert [
        f"{category}: {phrase}" for category, phrase in small.pick("mined_attributes", "category", "phrase")
    ] == found


def test_coverage_counts_entities_by_source_and_category(small: SmallLake) -> None:
    small.put("entities", [{"qid": f"Q{number}"} for number in range(1, 5)])
    small.put("attributes", [
        *({"qid": "Q1", "category": "part", "value": value, "source": "stated"} for value in "abc"),
        {"qid": "Q1", "category": "other", "value": "d", "source": "mined"},
        {"qid": "Q2", "category": "part", "value": "a", "source": "inherited"},
    ])  # fmt: skip
    rows = {(row["kind"], row["name"]): tuple(row.values())[2:] for row in small.make("attribute_coverage")}
    assert len(rows) == 1 + 4 + 8
    assert rows["total", "all"] == (5, 4, 2, 1, 0.5, 0.25)
    assert rows["source", "stated"] == (3, 4, 1, 1, 0.25, 0.25)
    assert rows["category", "part"] == (4, 4, 2, 1, 0.5, 0.25)
    assert rows["category", "other"] == (1, 4, 1, 0, 0.25, 0.0)
    assert rows["source", "generated"] == (0, 4, 0, 0, 0.0, 0.0)


def test_coverage_of_a_study_without_entities_is_nothing(small: SmallLake) -> None:
    assert {tuple(row.values())[2:] for row in small.make("attribute_coverage")} == {(0, 0, 0, 0, 0.0, 0.0)}


def test_where_something_is_and_what_it_belongs_to_are_not_inherited(small: SmallLake) -> None:
    place = [claim("P276", "Q33"), claim("P361", "Q33"), claim("P1552", "Q33"), claim("P366", "Q38")]
    looks(small, item("Q1", *place, en="animal"), item("Q2", *below("Q1"), en="bird"))
    assert inherited(small, "Q2") == [("behaviour", "tail", "inherited", "Q1", 1)]
