"""The words that mixes draw from: links, texts of queries, names of classes above."""

from __future__ import annotations

from entitynet_assets.tables import QUERY_KINDS, TABLES
from entitynet_assets.tables import QUERY_SOURCES as TABLE_SOURCES
from entitynet_train.captions import ENTITY_SOURCES, LINK_KINDS, NO_QUERY, QUERY_SOURCES, WEB_SOURCES
from tests.small_lake import SmallLake, claim, item, make_study, select_rows, words
from tests.sql.test_mixes import Rows, recipe


def test_links_know_their_kind_and_forget_what_is_no_longer_asked(small: SmallLake) -> None:
    small.put(
        "queries", [{"query_id": "n", "kind": "noun", "qid": "Q1"}, {"query_id": "a", "kind": "attribute", "qid": "Q2"}]
    )
    small.put("entity_texts", [{"qid": "Q1", "kind": "taxon_name", "text": "Malus", "language": "la"}])
    links = [
        ("a", "Q1", "query", "n"),
        ("a", "Q2", "query", "a"),
        ("b", "Q2", "query", "retired"),
        ("b", "Q2", "text", ""),
    ]
    small.put(
        "image_entities", [{"image_id": i, "qid": q, "evidence": e, "query_id": query} for i, q, e, query in links]
    )
    assert small.pick("caption_links", "image_id", "qid", "query_id", "query_kind") == [
        ("a", "Q1", "n", "noun_living"), ("a", "Q2", "a", "attribute"), ("b", "Q2", "", "linked"),
    ]  # fmt: skip


def test_a_query_gives_itself_other_names_in_it_and_its_attribute() -> None:
    texts = [
        ("label", "Apple"),
        ("alias", "pome"),
        ("alias", "red apple"),
        ("natural_type", "fruit"),
        ("natural_type_alias", "fruits"),
    ]
    rows = [{"qid": "Q1", "kind": kind, "language": "en", "text": text} for kind, text in texts]
    rows.append({"qid": "Q1", "kind": "label", "language": "de", "text": "Apfel"})
    attributes = [{
        "qid": "Q1", "category": "colour", "value": "green", "phrase": "green", "place": 1,
        "attribute_noun_query": "green Apple", "attribute_type_query": "green fruit",
    }]  # fmt: skip
    queries = [
        ("n", "Apple", "noun"),
        ("an", "green apple", "attribute_noun"),
        ("at", "green fruit", "attribute"),
        ("x", "pineapple pie", "noun"),
    ]
    asked = [{"query_id": query, "text": text, "kind": kind, "qid": "Q1"} for query, text, kind in queries]
    world: Rows = {"entity_texts": rows, "attributes": attributes, "queries": asked}
    study = make_study(mixes=["published"], recipes=[recipe("published")])
    found = {(row["query_id"], row["source"], row["text"]) for row in select_rows("query_texts", study, world)}
    names, types = ("Apple", "pome", "red apple"), ("fruit", "fruits")
    said = {("an", "query_attribute", "green"), ("at", "query_attribute", "green")}
    said |= {(query, "query_attribute_name", f"green {name}") for query in ("an", "at") for name in names}
    said |= {(query, "query_attribute_type", f"green {name}") for query in ("an", "at") for name in types}
    said |= {("an", "query_swapped", "green pome"), ("an", "query_swapped", "green red apple")}
    said |= {("an", "query_swapped_type", f"green {name}") for name in types}
    said |= {("at", "query_swapped", f"green {name}") for name in names} | {
        ("at", "query_swapped_type", "green fruits")
    }
    assert found == said | {(query, "query", text) for query, text, _ in queries}
    plain = make_study(mixes=["graph_only"], recipes=[recipe("graph_only")])
    assert {row["source"] for row in select_rows("query_texts", plain, world)} == {"query"}


def test_ancestors_have_names_no_further_than_asked_and_nothing_above_a_root(small: SmallLake) -> None:
    mix = {"name": "up", "weights": {"ancestor": 1}, "ancestor_distance": 2}
    small.choose(mixes=[mix], recipes=[recipe("up")])
    small.put("entities", [{"qid": "Q1"}])
    above = [("Q2", 1), ("Q3", 2), ("Q4", 2), ("Q5", 3), ("Q6", 1), ("Q7", 1)]
    small.put("entity_parents", [{"qid": "Q1", "ancestor_qid": qid, "distance": far} for qid, far in above])
    small.put(
        "entity_roots", [{"qid": qid, "root_qid": "Q3", "distance": 1} for qid in ("Q1", "Q2", "Q3", "Q5", "Q6", "Q7")]
    )
    items = [
        item(qid, en=name, status="ok")
        for qid, name in [("Q2", "fruit"), ("Q3", "food"), ("Q4", "object"), ("Q5", "plant"), ("Q7", "food")]
    ]
    named_by_taxon = item("Q6", claim("P225", text="Malus"), en=None, labels=words(de="Apfel"), status="ok")
    small.put("wikidata_items", [*items, named_by_taxon])
    small.make("named_ancestors")
    assert small.pick("ancestor_texts", "qid", "text", "distance") == [
        ("Q1", "Malus", 1),
        ("Q1", "food", 1),
        ("Q1", "fruit", 1),
    ]
    small.choose(mixes=["graph_only"], recipes=[recipe("graph_only")])
    assert small.make("ancestor_texts") == []


def test_workshop_and_tables_know_the_same_words() -> None:
    assert {*QUERY_KINDS, "item", NO_QUERY} == set(LINK_KINDS)
    assert TABLE_SOURCES == QUERY_SOURCES
    allowed = {
        (name, column.name): set(column.allowed)
        for name in ("entity_texts", "image_texts")
        for column in TABLES[name].columns
    }
    assert allowed["entity_texts", "kind"] <= set(ENTITY_SOURCES)
    assert allowed["image_texts", "source"] <= set(WEB_SOURCES)
