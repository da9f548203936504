"""Labels over the sample world: evidence by search and by what pages say."""

from __future__ import annotations

from collections import Counter

from entitynet_assets.text import hash_id


def test_evidence_by_search_is_what_the_search_answered(harvest):
    image_of = {row["url_id"]: row["image_id"] for row in harvest.rows("downloads") if row["image_id"]}
    best: dict = {}
    for hit in harvest.rows("hits"):
        if hit["url_id"] in image_of:
            key = (image_of[hit["url_id"]], hit["qid"], hit["query_id"])
            best[key] = min(best.get(key, hit["rank"]), hit["rank"])
    rows = [row for row in harvest.rows("image_entities") if row["evidence"] == "query"]
    assert {(row["image_id"], row["qid"], row["query_id"]): row["rank"] for row in rows} == best
    assert all(0 < row["score"] <= 1 for row in rows)


def test_evidence_by_text_is_said_by_a_page(harvest):
    said = {(row["image_id"], hash_id(row["text"])): row["text"] for row in harvest.rows("image_texts")}
    names = {(row["name"], row["qid"]): row["reason"] for row in harvest.rows("entity_names")}
    links = {(row["image_id"], row["qid"]): row for row in harvest.rows("entity_links")}
    rows = [row for row in harvest.rows("image_entities") if row["evidence"] == "text"]
    assert len(rows) > 20
    for row in rows:
        link = links[row["image_id"], row["qid"]]
        text = said[row["image_id"], link["text_id"]]
        assert text[link["begin_char"] :].startswith(link["surface"])
        assert names[link["name"], row["qid"]] is None
        assert row["threshold"] <= row["score"] == link["score"] <= 1


def test_most_texts_name_what_the_plan_says(harvest):
    plan = {row.url: row for row in harvest.server.world.plan()}
    claimed: dict = {}
    for row in harvest.rows("downloads"):
        if row["image_id"]:
            claimed.setdefault(row["image_id"], set()).add(plan[row["image_url"]].claimed)
    named = Counter(
        row["qid"] in claimed[row["image_id"]] for row in harvest.rows("image_entities") if row["evidence"] == "text"
    )
    assert named[True] > 3 * named[False]


def test_the_vocabulary_numbers_the_entities_that_have_pictures(harvest):
    rows = harvest.rows("label_vocabulary")
    assert [row["class_index"] for row in rows] == list(range(len(rows)))
    assert len({row["qid"] for row in rows}) == len(rows)
    assert all(row["image_count"] > 0 for row in rows)
