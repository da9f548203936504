"""Golden rows of the graph room's SELECTs, and the promise that nothing is left out without a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_lake import Row, SmallLake, below, claim, item, make_study, select_rows, words
from tests.sql.graphs import GRAPH, SCOPE, graph, shortest

TAXON, APFEL, APPLE_NAME = (
    claim("P225", text="Malus domestica"),
    claim("P1843", text="Apfel", language="de"),
    claim("P1843", text="apple", language="en"),
)
NAMES = [
    ("en", {"labels": words(en="apple", mul="Malus"), "enwiki_title": "Apple"}, "apple"),
    ("mul", {"labels": words(mul="Malus", de="Apfel"), "claims": [TAXON]}, "Malus"),
    ("taxon_name", {"labels": words(de="Apfel"), "claims": [TAXON, APPLE_NAME]}, "Malus domestica"),
    ("common_name", {"labels": [], "claims": [APFEL, APPLE_NAME], "enwiki_title": "Apple"}, "apple"),
    ("sitelink", {"labels": words(de="Apfel"), "enwiki_title": "Apple"}, "Apple"),
]


@pytest.mark.parametrize(("source", "facts", "label"), NAMES, ids=[name[0] for name in NAMES])
def test_the_name_is_the_first_of_en_mul_taxon_common_sitelink(
    source: str, facts: Row, label: str, small: SmallLake
) -> None:
    graph(small, {"qid": "Q1", "sitelink_count": 9, **facts})
    assert small.pick("entities", "qid", "label", "label_source") == [("Q1", label, source)]


def test_of_two_taxon_names_the_first_in_the_alphabet_is_taken(small: SmallLake) -> None:
    graph(small, item("Q1", claim("P225", text="Pyrus malus"), claim("P225", text="Malus domestica"), en=None))
    assert small.pick("entities", "label", "label_source") == [("Malus domestica", "taxon_name")]


def test_an_entity_has_its_nearest_root_type_and_first_values(small: SmallLake) -> None:
    graph(
        small,
        item("Q1", en="food"),
        item("Q2", *below("Q1"), en="fruit"),
        item("Q3", *below("Q2"), en=None),
        item("Q4", *below("Q3"), claim("P18", text="b.jpg"), claim("P18", text="a.jpg"), claim("P373", text="Apples"),
             en="apple", descriptions=words(de="Frucht", en="a fruit")),
        item("Q9", *below("Q8"), en="stone"),
        roots=["Q1", "Q2"],
    )  # fmt: skip
    small.make("entities")
    rows = {row["qid"]: row for row in small.lake.rows("entities")}
    assert rows.keys() == {"Q1", "Q2", "Q4"}
    assert rows["Q4"] == {
        "qid": "Q4", "label": "apple", "label_source": "en", "description": "a fruit", "root_qid": "Q2", "root_label": "fruit",
        "depth": 2, "parent_qids": ["Q3"], "natural_type_qid": "Q2", "natural_type": "fruit",
        "sitelink_count": 10, "image_title": "a.jpg", "commons_category": "Apples",
    }  # fmt: skip
    assert (rows["Q1"]["root_qid"], rows["Q1"]["natural_type"]) == ("Q1", None)
    assert rows["Q2"]["root_qid"] == "Q2"
    assert small.pick("graph_integrity", "finding", "qid", "detail") == [
        ("many_roots", "Q1", "2 entities are also at or below Q2"),
        ("no_label", "Q3", "not an entity of this study"),
        ("no_natural_type", "Q1", "food"),
        ("outside_roots", "Q9", "not an entity of this study"),
        ("unknown_parent", "Q9", "P279 Q8"),
    ]


LEAVING = (
    "outside_roots", "no_label", "few_sitelinks", "no_image", "excluded", "excluded_by_statement", "not_leaf", "not_visual",
    "over_limit",
)  # fmt: skip


def findings(small: SmallLake) -> list[tuple[Any, ...]]:
    small.make("entities")
    return [row for row in small.pick("graph_integrity", "finding", "qid") if row[0] in LEAVING]


PICTURE = claim("P18", text="It.jpg")
LEFT_OUT = [
    ("few_sitelinks", [item("Q2", *below("Q1"), sitelink_count=4), item("Q3", *below("Q1"), sitelink_count=5)], {}),
    ("no_label", [item("Q2", *below("Q1"), labels=words(de="Apfel"))], {}),
    ("no_label", [item("Q2", *below("Q1"), claim("P225"), en=None)], {}),
    ("outside_roots", [item("Q2")], {}),
    ("excluded", [item("Q2", *below("Q1"))], {"exclude": ["Q2"]}),
    ("excluded", [item("Q2", *below("Q7", "Q1"))], {"exclude": ["Q7"]}),
    ("no_image", [item("Q2", *below("Q1"), claim("P18")), item("Q3", *below("Q1"), PICTURE)], {"need_image": True}),
    ("excluded_by_statement", [item("Q2", *below("Q1"), claim("P625"))], {"exclude_having": ["P625"]}),
    ("not_visual", [item("Q2", *below("Q1")), item("Q3", *below("Q1"), PICTURE)], {"visual": "rules"}),
    ("over_limit", [item("Q2", *below("Q1"), sitelink_count=9), item("Q3", *below("Q1"))], {"limit": 2}),
]


@pytest.mark.parametrize(("finding", "items", "scope"), LEFT_OUT)
def test_what_is_left_out_says_why(finding: str, items: list[Row], scope: Row, small: SmallLake) -> None:
    graph(small, item("Q1", PICTURE), *items, **scope)
    assert findings(small) == [(finding, "Q2")]


def test_leaves_only_leaves_out_every_ancestor(small: SmallLake) -> None:
    graph(
        small,
        item("Q1"),
        item("Q2", *below("Q1")),
        item("Q3", *below("Q2")),
        item("Q5", *below("Q4"), role="value"),
        item("Q4", *below("Q1")),
        leaves_only=True,
    )
    assert findings(small) == [("not_leaf", "Q1"), ("not_leaf", "Q2")]
    assert small.pick("entities", "qid") == [("Q3",), ("Q4",)]


QIDS = [f"Q{number}" for number in range(1, 8)]
ITEMS = st.fixed_dictionaries({
    "parents": st.lists(st.sampled_from(QIDS), max_size=3, unique=True),
    "named": st.sampled_from(["en", "de", "taxon", "taxon_unknown", "title"]),
    "sitelinks": st.integers(0, 8), "status": st.sampled_from(["ok", "ok", "ok", "missing"]),
    "picture": st.sampled_from(["known", "known", "unknown", "none"]), "placed": st.booleans(),
})  # fmt: skip
GRAPHS = st.fixed_dictionaries(
    {
        "items": st.lists(ITEMS, min_size=1, max_size=7),
        "exclude": st.lists(st.sampled_from(QIDS[1:]), max_size=1),
        "limit": st.sampled_from([0, 0, 1, 3]),
        "leaves_only": st.booleans(),
        "need_image": st.booleans(),
        "exclude_having": st.sampled_from([[], ["P625"], ["P625", "P21"]]),
        "scope_items": st.lists(st.sampled_from([*QIDS, "Q99"]), max_size=2, unique=True),
    }
)
CHOSEN = ("exclude", "limit", "leaves_only", "need_image", "exclude_having")


def drawn_item(qid: str, drawn: Row) -> Row:
    named = {
        "en": {"labels": words(en=qid)}, "de": {"labels": words(de=qid)}, "taxon": {"claims": [claim("P225", text=qid)]},
        "taxon_unknown": {"claims": [claim("P225")]}, "title": {"enwiki_title": qid},
    }[drawn["named"]]  # fmt: skip
    if drawn["status"] != "ok":
        return {"qid": qid, "status": drawn["status"]}
    picture = {"known": [PICTURE], "unknown": [claim("P18")], "none": []}[drawn["picture"]]
    claims = named.pop("claims", []) + below(*drawn["parents"]) + picture + [claim("P625")] * drawn["placed"]
    return {"qid": qid, "sitelink_count": drawn["sitelinks"], "claims": claims, **named}


def reasons(drawn: Row) -> tuple[set[str], dict[str, str]]:
    """Return (entities, reason of every other member) by a reading of the rules in plain Python."""
    members = {qid: one for qid, one in zip(QIDS, drawn["items"], strict=False) if one["status"] == "ok"}
    edges = {qid: set(one["parents"]) for qid, one in members.items()}
    above = {qid: set(shortest(edges, qid)) for qid in members}
    excluded, why = set(drawn["exclude"]), dict[str, str]()
    for qid, one in members.items():
        if "Q1" not in above[qid] | {qid} and qid not in drawn["scope_items"]:
            why[qid] = "outside_roots"
        elif one["named"] in ("de", "taxon_unknown"):
            why[qid] = "no_label"
        elif one["sitelinks"] < SCOPE["min_sitelinks"]:
            why[qid] = "few_sitelinks"
        elif drawn["need_image"] and one["picture"] != "known":
            why[qid] = "no_image"
        elif (above[qid] | {qid}) & excluded:
            why[qid] = "excluded"
        elif one["placed"] and "P625" in drawn["exclude_having"]:
            why[qid] = "excluded_by_statement"
        elif drawn["leaves_only"] and (qid in SCOPE["roots"] or any(qid in others for others in above.values())):
            why[qid] = "not_leaf"
    ranked = sorted((qid for qid in members if qid not in why), key=lambda qid: (-members[qid]["sitelinks"], qid))
    chosen = set(ranked[: drawn["limit"] or None])
    return chosen, why | {qid: "over_limit" for qid in ranked if qid not in chosen}


@settings(max_examples=20, deadline=None)
@given(GRAPHS)
def test_every_member_is_an_entity_or_has_one_reason_and_every_item_not_ok_a_finding(drawn: Row) -> None:
    items = [drawn_item(qid, one) for qid, one in zip(QIDS, drawn["items"], strict=False)]
    study = make_study(scope={**SCOPE, **{key: drawn[key] for key in CHOSEN}, "items": drawn["scope_items"]})
    tables: dict[str, list[Row]] = {"wikidata_items": items}
    for name in (*GRAPH[:5], "graph_integrity"):
        tables[name] = select_rows(name, study, tables)
    entities = {row["qid"] for row in tables["entities"]}
    rows = [(row["finding"], row["qid"]) for row in tables["graph_integrity"]]
    chosen, why = reasons(drawn)
    left_out = [row for row in rows if row[0] in LEAVING]
    assert entities == chosen
    assert sorted(left_out) == sorted((finding, qid) for qid, finding in why.items())
    not_ok = {qid for qid, one in zip(QIDS, drawn["items"], strict=False) if one["status"] != "ok"}
    assert {qid for finding, qid in rows if finding == "not_ok"} == not_ok


APPLE = {"qid": "Q4", "label": "apple", "label_source": "en", "natural_type": "fruit", "natural_type_qid": "Q2"}


def test_entity_texts_are_every_text_in_the_languages_of_the_study(small: SmallLake) -> None:
    small.choose(scope={**SCOPE, "languages": ["en", "de", "mul"]})
    small.put("entities", [APPLE, {"qid": "Q6", "label": "Malus", "label_source": "mul"}])
    red = {
        "qid": "Q4",
        "value": "red",
        "value_qid": "Q9",
        "attribute_noun_query": "red apple",
        "attribute_type_query": "red fruit",
    }
    small.put("attributes", [{**red, "category": "colour"}, {**red, "category": "other"}])
    small.put("wikidata_items", [
        item("Q4", claim("P225", text="Malus domestica"), claim("P1843", text="Apfelbaum", language="de"), claim("P225"),
             claim("P1843", text="pomme", language="fr"), labels=words(en="apple", de="Apfel", fr="pomme", mul="Apple"),
             aliases=words(en=["apples", "  "], mul="malum", fr="pommes"), descriptions=words(en="a fruit", fr="un fruit")),
        item("Q2", labels=words(en="fruit", de="Frucht"), aliases=words(en="fruits"), descriptions=words(de="Teil einer Pflanze")),
        item("Q6", labels=words(mul="Malus")), item("Q7", en="stranger"),
        item("Q9", role="value", labels=words(en="red", de="rot", fr="rouge"), descriptions=words(en="a colour")),
    ])  # fmt: skip
    assert small.pick("entity_texts", "qid", "kind", "language", "text") == [
        ("Q4", "alias", "en", "apples"), ("Q4", "alias", "mul", "malum"), ("Q4", "attribute", "en", "red apple"),
        ("Q4", "attribute_type", "en", "red fruit"), ("Q4", "attribute_value", "de", "rot"), ("Q4", "attribute_value", "en", "red"),
        ("Q4", "common_name", "de", "Apfelbaum"), ("Q4", "description", "en", "a fruit"), ("Q4", "label", "de", "Apfel"),
        ("Q4", "label", "en", "apple"), ("Q4", "natural_type", "de", "Frucht"), ("Q4", "natural_type", "en", "fruit"),
        ("Q4", "natural_type_alias", "en", "fruits"), ("Q4", "natural_type_description", "de", "Teil einer Pflanze"),
        ("Q4", "taxon_name", "la", "Malus domestica"), ("Q6", "label", "en", "Malus"),
    ]  # fmt: skip


def test_an_entity_has_each_text_of_a_kind_and_language_once_and_none_about_the_wiki(small: SmallLake) -> None:
    small.choose(scope={**SCOPE, "languages": ["en", "de"]})
    small.put("entities", [{"qid": "Q4", "label": "apple", "natural_type": "Fruit", "natural_type_qid": "Q2"}])
    small.put("wikidata_items", [
        item("Q4", labels=words(en="Apple"), aliases=words(en=["Pome", "pome", " pome", "caf\u00e9", "cafe\u0301"], de=["Pome"]),
             descriptions=words(en="Wikimedia disambiguation page", de="  eine\n Frucht ")),
        item("Q2", labels=words(en="fruit")),
    ])  # fmt: skip
    assert small.pick("entity_texts", "kind", "language", "text") == [
        ("alias", "de", "Pome"), ("alias", "en", "Pome"), ("alias", "en", "caf\u00e9"), ("description", "de", "eine Frucht"),
        ("label", "en", "Apple"), ("natural_type", "en", "Fruit"),
    ]  # fmt: skip


def test_a_snapshot_is_what_the_source_says_and_the_newest_of_what_was_read(small: SmallLake) -> None:
    said = {
        "source": "sparql",
        "address": "https://x.test/sparql",
        "complete_until": "2026-11-20T00:00:00Z",
        "asked_round": 1,
    }
    read = [("Q1", 7, "2026-01-02"), ("Q2", 9, "2026-01-01"), ("Q3", None, None)]
    items = [{**item(qid), "revision": revision, "modified_at": at} for qid, revision, at in read]
    gone = {**item("Q4", status="missing"), "revision": 99, "modified_at": "2027"}
    for source, items_read, expected in (
        ("sparql", [*items, gone], ("2026-11-20T00:00:00Z", 3, 9, "2026-01-02")), ("dump", items, ("2026-01-02", 3, 9, "2026-01-02")),
        ("dump", [], (None, 0, None, None)),
    ):  # fmt: skip
        small.put("graph_source", [{**said, "source": source}])
        small.put("wikidata_items", items_read)
        small.make("graph_snapshot")
        (row,) = small.lake.rows("graph_snapshot")
        assert (row["source"], row["address"]) == (source, said["address"])
        assert tuple(row[name] for name in ("complete_until", "items", "newest_revision", "newest_edit_at")) == expected
