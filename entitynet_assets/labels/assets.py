"""The door of the labels room: which entities each picture shows, by search and by what its page says."""

from __future__ import annotations

from collections import Counter
from typing import Any

from entitynet_assets.labels.linking import named_entities, names_of
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import IMAGE_ENTITIES, LABEL_VOCABULARY

_BY_SEARCH = """
    SELECT downloads.image_id, hits.qid, 'query' AS evidence, hits.query_id, coalesce(any_value(queries.text), '') AS query_text,
        min(hits.rank) AS rank, 1.0 / (1.0 + ln(min(hits.rank))) AS score
    FROM hits JOIN downloads USING (url_id) LEFT JOIN queries ON queries.query_id = hits.query_id
    WHERE downloads.image_id IN (SELECT image_id FROM images) AND hits.qid IN (SELECT qid FROM entities)
    GROUP BY downloads.image_id, hits.qid, hits.query_id
    ORDER BY ALL
"""
_NAMES = "SELECT qid, text FROM entity_texts WHERE kind IN ('label', 'alias', 'taxon_name', 'common_name')"


@station(
    IMAGE_ENTITIES,
    reads=("images", "queries", "hits", "downloads", "image_texts", "entities", "entity_texts"),
    every=("queries", "hits", "downloads"),
)
def image_entities(work: Work) -> Made:
    """Entities of each picture: those whose search found it, and those that its alt text or title names.

    What a retired query found stays evidence, but its words are no caption any more: they may be an old name.
    """
    rows = work.select(_BY_SEARCH) + _by_text(work)
    return Made(rows, Counter(row["evidence"] for row in rows))


def _by_text(work: Work) -> list[dict[str, Any]]:
    names = names_of(work.select(_NAMES))
    longest = max((len(key) for key in names), default=0)
    texts: dict[str, set[str]] = {}
    for row in work.rows("image_texts", "image_id, source, text, page_url"):
        texts.setdefault(row["image_id"], set()).add(row["text"])
    rows = []
    for image_id, said in sorted(texts.items()):
        named = Counter(qid for text in said for qid in named_entities(text, names, longest))
        rows += [_named_row(image_id, qid, count / len(said)) for qid, count in sorted(named.items())]
    return rows


def _named_row(image_id: str, qid: str, score: float) -> dict[str, Any]:
    return {
        "image_id": image_id,
        "qid": qid,
        "evidence": "alt_text",
        "query_id": "",
        "query_text": "",
        "rank": None,
        "score": score,
    }


STATIONS: tuple[Station, ...] = (image_entities, sql_asset(LABEL_VOCABULARY))
