"""Golden rows of queries and urls: budgets, order, one spelling once, and whose word counts for an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.text import hash_id, slice_of
from tests.small_lake import SmallLake, claim, item

KINDS = ["noun", "alias", "taxon_name", "attribute", "attribute_noun"]
APPLE = {"qid": "Q1", "label": "Apple", "natural_type": "fruit"}


def text(kind: str, said: str, language: str = "en", qid: str = "Q1") -> dict[str, str]:
    return {"qid": qid, "kind": kind, "text": said, "language": language}


def attribute(value_qid: str, type_query: str | None, noun_query: str, place: int = 1) -> dict[str, Any]:
    return {
        "qid": "Q1", "value": value_qid, "value_qid": value_qid, "place": place,
        "attribute_type_query": type_query, "attribute_noun_query": noun_query,
    }  # fmt: skip


def filled(small: SmallLake, **queries: object) -> SmallLake:
    small.choose(queries={"kinds": KINDS, "per_entity": 10, **queries})
    small.put("entities", [APPLE])
    small.put("attributes", [
        attribute("Q9", "red fruit", "red Apple"), attribute("Q8", None, "Apple with leaf"), attribute("Q7", None, "Apple with a", place=2),
    ])  # fmt: skip
    small.put("entity_texts", [
        text("alias", "malum", "mul"), text("alias", "apples"), text("alias", "apple "), text("alias", "pommes", "fr"),
        text("alias", "Red Fruit"), text("taxon_name", "Malus", "la"), text("label", "Apple"), text("alias", " "),
    ])  # fmt: skip
    return small


def test_kinds_come_in_the_order_of_the_study_and_one_spelling_once(small: SmallLake) -> None:
    filled(small).make("queries")
    rows = sorted(small.lake.rows("queries"), key=lambda row: row["priority"])
    assert [(row["priority"], row["kind"], row["text"], row["value_qid"]) for row in rows] == [
        (1, "noun", "Apple", None),
        (2, "alias", "apples", None),
        (3, "alias", "malum", None),
        (4, "alias", "Red Fruit", None),
        (5, "taxon_name", "Malus", None),
        (6, "attribute_noun", "Apple with leaf", "Q8"),
        (7, "attribute_noun", "red Apple", "Q9"),
        (8, "attribute_noun", "Apple with a", "Q7"),
    ]
    assert {(row["qid"], row["natural_type"]) for row in rows} == {("Q1", "fruit")}
    assert len({row["query_id"] for row in rows}) == 8


def test_another_order_of_kinds_asks_attributes_first(small: SmallLake) -> None:
    filled(small, kinds=["attribute", "alias"]).make("queries")
    rows = sorted(small.lake.rows("queries"), key=lambda row: row["priority"])
    assert [(row["kind"], row["text"]) for row in rows] == [
        ("attribute", "red fruit"), ("alias", "apple "), ("alias", "apples"), ("alias", "malum"),
    ]  # fmt: skip


def test_the_budget_is_the_study_plus_the_last_rounds_plan(small: SmallLake) -> None:
    filled(small, per_entity=2)
    assert len(small.make("queries")) == 2
    small.put("harvest_plan", [{"qid": "Q1", "extra_queries": 2}, {"qid": "Q7", "extra_queries": 9}])
    assert small.run("queries").outcome == "unchanged"
    small.lake.seal_round()
    assert [row["priority"] for row in small.make("queries")] != []
    assert sorted(row["priority"] for row in small.lake.rows("queries")) == [1, 2, 3, 4]


def test_two_values_of_one_name_are_one_query_for_the_first(small: SmallLake) -> None:
    small.choose(queries={"kinds": ["attribute_noun"]})
    small.put("entities", [APPLE])
    small.put("attributes", [attribute(f"Q{number}", None, "red Apple") for number in (7, 5, 9)])
    assert small.pick("queries", "text", "value_qid", "priority") == [("red Apple", "Q5", 1)]


def test_an_entity_is_asked_in_its_own_slice_only(small_lake: Callable[..., SmallLake]) -> None:
    small = small_lake(slices=3, queries={"kinds": ["noun"]})
    small.put("entities", [{"qid": f"Q{number}", "label": str(number)} for number in range(1, 20)])
    found = {name: {row["qid"] for row in small.make("queries", name)} for name in ("000", "001", "002")}
    assert found == {
        f"00{index}": {f"Q{number}" for number in range(1, 20) if slice_of(f"Q{number}", 3) == index}
        for index in range(3)
    }


def test_an_address_takes_its_words_from_the_best_ranked_hit(small: SmallLake) -> None:
    hit = {"url_id": "u", "page": 1, "provider": "p"}
    small.put("hits", [
        {**hit, "query_id": "b", "rank": 2, "image_url": "HTTP://A.test:81/late.jpg", "licence": "late", "page_url": "late"},
        {**hit, "query_id": "z", "rank": 1, "image_url": "HTTP://B.test:81/x.jpg?q#f", "licence": "unknown", "author": "first"},
        {**hit, "query_id": "a", "rank": 1, "image_url": "HTTP://C.test:81/y.jpg", "author": "best", "page_url": "http://best",
         "licence": "unknown"},
        {**hit, "url_id": "v", "query_id": "a", "rank": 7, "image_url": "https://d.test", "licence": "cc0"},
    ])  # fmt: skip
    rows = [tuple(row.values()) for row in small.make("urls")]
    assert rows == [
        ("u", "HTTP://C.test:81/y.jpg", "c.test:81", "unknown", "best", "http://best", 3),
        ("v", "https://d.test", "d.test", "cc0", None, None, 1),
    ]


def test_an_address_lies_in_the_slice_of_its_hash_whatever_search_found_it(
    small_lake: Callable[..., SmallLake],
) -> None:
    small = small_lake(slices=2)
    hits = [{"url_id": f"u{n}", "query_id": "a", "rank": n, "image_url": f"http://h.test/{n}"} for n in range(1, 9)]
    small.put("hits", hits[:4], "000")
    small.put("hits", hits[4:], "001")
    for index, name in enumerate(("000", "001")):
        assert {row["url_id"] for row in small.make("urls", name)} == {
            f"u{n}" for n in range(1, 9) if slice_of(f"u{n}", 2) == index
        }


def label(qid: str, said: str, natural_type: str | None) -> dict[str, str | None]:
    return {"qid": qid, "label": said, "natural_type": natural_type}


def test_a_name_that_several_share_is_asked_with_the_natural_type(small: SmallLake) -> None:
    small.choose(queries={"kinds": ["noun", "alias", "drawing"], "per_entity": 9})
    small.put("entities", [
        label("Q1", "Mercury", "planet"), label("Q2", "mercury", "metal"), label("Q3", "Venus", "planet"),
        label("Q4", "Mercury", None), label("Q5", "Hermes", "god"), label("Q6", "quicksilver planet", "planet"),
    ])  # fmt: skip
    small.put("entity_texts", [
        text("alias", "Mercury", qid="Q5"), text("alias", "Hg", qid="Q2"), text("alias", "Planet Mercury", qid="Q1"),
        text("alias", "mercury planet", qid="Q3"), text("alias", "wanderer", qid="Q3"), text("alias", "wanderer", qid="Q1"),
    ])  # fmt: skip
    rows = small.make("queries")
    assert {row["text"] for row in rows if row["qid"] == "Q3"} == {"Venus", "mercury planet", "wanderer"}
    asked = {(row["qid"], row["kind"]): row["text"] for row in rows if row["qid"] != "Q3" and row["text"] != "wanderer"}
    assert asked == {
        ("Q1", "noun"): "Mercury planet", ("Q2", "noun"): "mercury metal", ("Q4", "noun"): "Mercury",
        ("Q5", "noun"): "Hermes", ("Q5", "alias"): "Mercury god", ("Q2", "alias"): "Hg", ("Q1", "alias"): "Planet Mercury",
        ("Q6", "noun"): "quicksilver planet",
        ("Q1", "drawing"): "Mercury planet", ("Q2", "drawing"): "mercury metal", ("Q4", "drawing"): "Mercury",
        ("Q5", "drawing"): "Hermes", ("Q6", "drawing"): "quicksilver planet",
    }  # fmt: skip


def test_kinds_have_their_published_names_and_drawings_their_style(small: SmallLake) -> None:
    filled(small, kinds=["noun", "drawing", "common_name", "attribute", "attribute_noun"])
    small.put("entities", [APPLE, label("Q2", "hammer", "tool")])
    rows = small.make("queries")
    published = {(row["qid"], row["kind"]): row["published_kind"] for row in rows}
    assert published == {
        ("Q1", "noun"): "wd-noun-living", ("Q1", "drawing"): None, ("Q1", "attribute"): "wd-attr-living",
        ("Q1", "attribute_noun"): "wd-attrnoun-living", ("Q2", "noun"): "wd-noun-world", ("Q2", "drawing"): "wd-noun-world-cartoon",
    }  # fmt: skip
    assert {row["kind"] for row in rows if row["style"] == "drawing"} == {"drawing"}
    assert len({row["query_id"] for row in rows}) == len(rows)


def test_options_are_in_the_query_and_in_its_id_and_plain_ids_stay(small: SmallLake) -> None:
    plain = {row["kind"]: row["query_id"] for row in filled(small, kinds=["noun", "taxon_name"]).make("queries")}
    assert plain["noun"] == hash_id("Q1", "apple")
    options = {"style": "photo", "or_terms": 3, "exclude": ["clipart"]}
    rows = {row["kind"]: row for row in filled(small, kinds=["noun", "taxon_name"], **options).make("queries")}
    assert (rows["noun"]["style"], rows["noun"]["exclude"]) == ("photo", ["clipart"])
    assert rows["noun"]["or_terms"] == ["Malus", "Red Fruit", "apples"]  # of Malus, Red Fruit, apples, fruit, malum
    assert rows["taxon_name"]["or_terms"] == []
    assert not {row["query_id"] for row in rows.values()} & set(plain.values())


def test_the_item_query_stands_beside_the_budget_with_its_ids_elsewhere(small: SmallLake) -> None:
    filled(small, kinds=["noun", "alias"], per_entity=1)
    assert {row["kind"] for row in small.make("queries")} == {"noun"}
    filled(small.choose(providers=[{"name": "gbif"}]), kinds=["noun", "alias"], per_entity=1)
    small.choose(providers=[{"name": "gbif"}], queries={"kinds": ["noun"], "per_entity": 1})
    claims = [claim("P846", text="3001509"), claim("P3151", text="54905"), claim("P18", text="x.jpg")]
    small.put("wikidata_items", [item("Q1", *claims), item("Q9", claim("P846", text="9"))])
    rows = {row["kind"]: row for row in small.make("queries")}
    assert rows.keys() == {"noun", "item"}
    assert (rows["item"]["text"], rows["item"]["priority"], rows["item"]["style"]) == ("Apple", 0, "any")
    assert rows["item"]["identifiers"] == [
        {"property_id": "P3151", "value": "54905"},
        {"property_id": "P846", "value": "3001509"},
    ]
    assert rows["noun"]["identifiers"] == []


def test_words_of_a_list_are_asked_where_they_name_an_entity(
    small: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "words.txt").write_text("\ufeffMALUM\nhammer\n\nmalus \nnothing\n")
    monkeypatch.setenv("ENTITYNET_DATA", str(tmp_path))
    filled(small, kinds=["word"], words="words.txt")
    rows = small.make("queries")
    assert {(row["text"], row["published_kind"]) for row in rows} == {
        ("MALUM", "wordnet-noun-living"),
        ("malus", "wordnet-noun-living"),
    }
    (tmp_path / "words.txt").write_text("hammer\n")
    assert small.make("queries") == []
