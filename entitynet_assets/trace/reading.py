"""The rows that a trail is made of, each read by what it hangs on: SELECTs with the identifier as parameter.

Belongs here: queries over the shelf. Does not belong here: what the rows say (origin.py, fate.py, entity.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.trace.releases import listed

Rows = dict[str, list[Row]]
_DOWNLOADS = """
    SELECT coalesce(downloads.url_id, urls.url_id) AS url_id, coalesce(urls.image_url, downloads.image_url) AS image_url,
        coalesce(urls.host, downloads.host) AS host, outcome, reason, http_status, content_type, size_bytes, image_id, etag,
        last_modified, round, asked_round, tries, fetched_at, licence, author, landing_url, hit_count
    FROM downloads FULL JOIN urls ON urls.url_id = downloads.url_id
    WHERE {where} ORDER BY image_url
"""
_HITS = """
    SELECT hits.*, queries.priority, queries.value_qid, queries.query_id IS NULL AND hits.qid IS NOT NULL AS retired,
        coalesce(entities.label, hits.qid) AS label
    FROM hits LEFT JOIN queries USING (query_id) LEFT JOIN entities ON entities.qid = hits.qid
    WHERE hits.url_id IN (SELECT UNNEST($urls)) ORDER BY hits.rank, hits.query_text, hits.provider
"""
_ITEM_NAME = "coalesce(list_filter(labels, lambda l: l.language = 'en')[1].text, labels[1].text, enwiki_title, wikidata_items.qid)"
_EDGES = f"""
    SELECT wikidata_items.qid, {_ITEM_NAME} AS label, claim.property_id, claim.value_qid
    FROM (SELECT *, UNNEST(CASE WHEN len(claims) = 0 THEN [NULL] ELSE claims END) AS claim FROM wikidata_items
        WHERE qid IN (SELECT UNNEST($qids)) OR qid IN (SELECT ancestor_qid FROM entity_parents WHERE qid IN (SELECT UNNEST($qids)))
    ) AS wikidata_items
    WHERE claim.property_id IN ('P31', 'P279', 'P171') OR claim IS NULL
    ORDER BY wikidata_items.qid, claim.property_id, claim.value_qid
"""
_TEXTS = """
    WITH links AS (SELECT qid, query_id, query_kind FROM caption_links WHERE image_id = $image_id)
    SELECT DISTINCT '' AS qid, '' AS query_id, '' AS query_kind, source, text, 0 AS distance FROM image_texts WHERE image_id = $image_id
    UNION ALL SELECT links.qid, query_id, query_kind, source, text, 0 FROM links JOIN query_texts USING (query_id)
    UNION ALL SELECT DISTINCT qid, links.query_id, query_kind, kind, text, 0 FROM links JOIN entity_texts USING (qid)
    UNION ALL SELECT qid, links.query_id, query_kind, 'ancestor', text, distance FROM links JOIN ancestor_texts USING (qid)
    ORDER BY source, text, qid, query_id
"""
_REFUSED_TEXTS = (
    "SELECT DISTINCT source, reason, text FROM web_texts WHERE image_id = $image_id AND reason IS NOT NULL ORDER BY ALL"
)
_PACKED = """
    SELECT samples.shard, shard_index, shards.path AS tar_path, shards.sha256 AS tar_sha256, sample_count,
        samples.image_id NOT IN (SELECT image_id FROM kept_images) AS not_kept,
        (SELECT any_value(release_id) FROM release WHERE release.shard = samples.shard) AS release_id
    FROM samples LEFT JOIN shards USING (shard) WHERE samples.image_id = $image_id
"""
_SCORES = """
    SELECT scores.*, leaderboard.place, acc1_low, acc1_high FROM scores
    LEFT JOIN leaderboard ON leaderboard.recipe = scores.recipe AND leaderboard.step = scores.step
    ORDER BY recipe, step, benchmark, protocol, metric
"""
_PREDICTIONS = """
    SELECT predictions.recipe, predictions.step, predictions.benchmark, predictions.class_id, predicted_class_id, rank_of_true,
        coalesce(entities.label, predicted_class_id) AS predicted
    FROM predictions LEFT JOIN entities ON entities.qid = predicted_class_id
    WHERE image_id = $image_id ORDER BY recipe, step, benchmark
"""


def picture_rows(shelf: Shelf, image_id: str) -> Rows:
    """Return the rows of a picture, harvested or held out."""
    ask = shelf.ask
    return {
        "picture": ask("SELECT * FROM images WHERE image_id = $image_id", image_id=image_id),
        "held_out": ask("SELECT * FROM benchmark_images WHERE image_id = $image_id ORDER BY benchmark", image_id=image_id),
        "predictions": ask(_PREDICTIONS, image_id=image_id),
        "leaks": ask("SELECT * FROM leaks WHERE $image_id IN (image_id, benchmark_image_id) ORDER BY ALL", image_id=image_id),
        "links": ask("SELECT * FROM image_entities WHERE image_id = $image_id ORDER BY evidence, score DESC", image_id=image_id),
        "verdicts": ask("SELECT * FROM verdicts WHERE image_id = $image_id ORDER BY rule", image_id=image_id),
        "packed": ask(_PACKED, image_id=image_id),
        "tombstones": ask("SELECT * FROM tombstones WHERE image_id = $image_id", image_id=image_id),
        "texts": ask(_TEXTS, image_id=image_id), "refused_texts": ask(_REFUSED_TEXTS, image_id=image_id),
        "mixes": ask("SELECT DISTINCT mix FROM caption_mixes ORDER BY mix"),
        **address_rows(shelf, _DOWNLOADS.format(where="downloads.image_id = $key"), image_id),
    }  # fmt: skip


def url_rows(shelf: Shelf, url_id: str) -> Rows:
    """Return the rows of one address."""
    return address_rows(shelf, _DOWNLOADS.format(where="coalesce(downloads.url_id, urls.url_id) = $key"), url_id)


def address_rows(shelf: Shelf, query: str, key: str) -> Rows:
    """Return addresses with the hits that lead to them."""
    downloads = shelf.ask(query, key=key)
    urls = [row["url_id"] for row in downloads] or [key]
    return {"downloads": downloads, "hits": shelf.ask(_HITS, urls=urls)}


def entity_facts(shelf: Shelf, qids: list[str]) -> Rows:
    """Return what the graph says of some items: entities, attributes, and the statements above them."""
    ask, listed = shelf.ask, sorted(set(qids))
    return {
        "entities": ask("SELECT * FROM entities WHERE qid IN (SELECT UNNEST($qids)) ORDER BY qid", qids=listed),
        "attributes": ask("SELECT * FROM attributes WHERE qid IN (SELECT UNNEST($qids)) ORDER BY ALL", qids=listed),
        "edges": ask(_EDGES, qids=listed),
    }


def entity_rows(shelf: Shelf, qid: str, shown: int) -> Rows:
    """Return the rows of one entity; `shown` pictures of it, the best first."""
    ask = shelf.ask
    return {
        **entity_facts(shelf, [qid]),
        "item": ask(f"SELECT qid, status, reason, redirect_qid, {_ITEM_NAME} AS label FROM wikidata_items WHERE qid = $qid", qid=qid),
        "findings": ask("SELECT finding, detail FROM graph_integrity WHERE qid = $qid ORDER BY ALL", qid=qid),
        "texts": ask("SELECT kind, language, text FROM entity_texts WHERE qid = $qid ORDER BY kind, language, text", qid=qid),
        "queries": ask("SELECT queries.*, (SELECT count(*) FROM hits WHERE hits.query_id = queries.query_id) AS hit_count "
                       "FROM queries WHERE qid = $qid ORDER BY priority", qid=qid),
        "report": ask("SELECT * FROM entity_report WHERE qid = $qid", qid=qid),
        "outcomes": ask("SELECT outcome, count(*) AS count FROM downloads WHERE url_id IN (SELECT url_id FROM hits WHERE qid = $qid) "
                        "GROUP BY outcome ORDER BY count DESC, outcome", qid=qid),
        "rejected": ask("SELECT rule, CASE WHEN rule = 'duplicate' THEN 'near_duplicate' ELSE reason END AS reason, count(*) AS count, "
                        "list_slice(list_sort(list(image_id)), 1, 3) AS images FROM verdicts WHERE verdict = 'reject' AND image_id IN "
                        f"({_FOUND}) GROUP BY ALL ORDER BY count DESC, rule", qid=qid),
        "kept": ask(f"SELECT image_id, path, width_px, height_px FROM kept_images WHERE image_id IN ({_FOUND}) "
                    "ORDER BY image_id LIMIT $shown", qid=qid, shown=shown),
        "scores": ask("SELECT * FROM entity_scores WHERE qid = $qid ORDER BY recall DESC, recipe, benchmark", qid=qid),
        "confusions": ask(_CONFUSIONS, qid=qid),
        "plan": ask("SELECT * FROM harvest_plan WHERE qid = $qid", qid=qid),
    }  # fmt: skip


_FOUND = (
    "SELECT image_id FROM downloads WHERE image_id IS NOT NULL AND url_id IN (SELECT url_id FROM hits WHERE qid = $qid)"
)
_CONFUSIONS = """
    SELECT confusions.*, coalesce(shown.label, class_id) AS label, coalesce(answered.label, predicted_class_id) AS predicted
    FROM confusions LEFT JOIN entities AS shown ON shown.qid = class_id LEFT JOIN entities AS answered ON answered.qid = predicted_class_id
    WHERE $qid IN (class_id, predicted_class_id) ORDER BY count DESC, recipe, label, predicted
"""


def checkpoint_rows(shelf: Shelf, image_id: str) -> list[Row]:
    """Return every checkpoint with what its run was given of a picture: in which tar, skipped, and its scores.

    What a run was given stands in its spec.json, which holds also when the release has moved on.
    """
    packed = shelf.ask("SELECT shard, shard_index FROM samples WHERE image_id = $image_id", image_id=image_id)
    scores = shelf.ask(_SCORES)
    rows = []
    for row in shelf.ask("SELECT * FROM checkpoints ORDER BY recipe, step"):
        figures = [one for one in scores if (one["recipe"], one["step"]) == (row["recipe"], row["step"])]
        rows.append({**row, **_given(shelf, row["path"], packed, image_id), "scores": figures})
    return rows


def _given(shelf: Shelf, export: str, packed: list[Row], image_id: str) -> dict[str, Any]:
    path = Path(shelf.lake.root, export).parent / "spec.json"
    if not path.exists():
        return {"had": None, "skipped": None, "pictures": None}
    data = json.loads(path.read_text())["data"]
    held = {shard["name"]: shard["samples"] for shard in data["shards"]}
    had = any(row["shard_index"] < held.get(row["shard"], 0) for row in packed)
    return {"had": had, "skipped": had and listed(shelf, data["skip"], image_id), "pictures": sum(held.values())}
