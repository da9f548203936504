"""What a word names: a picture by its id or the beginning of it, an entity by id or name, an address of a picture or page.

Belongs here: looking the word up. Does not belong here: following it (reading.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from entitynet_assets.shelf import Shelf
from entitynet_assets.text import hash_id, normal_url
from entitynet_assets.trace.tree import TraceError

PREFIX = 6  # hex digits that a picture may be named by at least
SHOWN = 8  # candidates that a message names
_PICTURES = """
    SELECT image_id FROM images WHERE starts_with(image_id, $word)
    UNION SELECT image_id FROM downloads WHERE starts_with(image_id, $word)
    UNION SELECT image_id FROM benchmark_images WHERE starts_with(image_id, $word)
    UNION SELECT image_id FROM tombstones WHERE starts_with(image_id, $word)
    ORDER BY image_id LIMIT 9
"""
_ITEMS = """
    SELECT qid, label, 1 AS place FROM entities WHERE qid = upper($word) OR lower(label) = lower($word)
    UNION SELECT entity_texts.qid, entities.label, 2 FROM entity_texts JOIN entities USING (qid)
    WHERE lower(entity_texts.text) = lower($word) AND kind IN ('alias', 'taxon_name', 'common_name', 'label')
    UNION SELECT qid, coalesce(label.text, qid), 3
    FROM (SELECT qid, UNNEST(CASE WHEN len(labels) = 0 THEN [NULL] ELSE labels END) AS label FROM wikidata_items)
    WHERE qid = upper($word) OR lower(label.text) = lower($word)
    ORDER BY place, qid
"""
_ADDRESSES = """
    SELECT url_id FROM hits WHERE url_id = $url_id OR page_url IN ($url, $word)
    UNION SELECT url_id FROM downloads WHERE url_id = $url_id
    ORDER BY url_id
"""
_NEAR_ADDRESSES = """
    SELECT name FROM (SELECT DISTINCT image_url AS name FROM urls UNION SELECT DISTINCT image_url FROM benchmark_images)
    WHERE jaro_winkler_similarity(name, $word) > 0.9 ORDER BY jaro_winkler_similarity(name, $word) DESC, name LIMIT 3
"""
_NEAR_NAMES = """
    SELECT label AS name FROM entities WHERE jaro_winkler_similarity(lower(label), $word) > 0.75
    ORDER BY jaro_winkler_similarity(lower(label), $word) DESC, name LIMIT 3
"""
_TAKEN_DOWN = "SELECT image_id FROM tombstones WHERE list_contains(url_ids, $url_id) ORDER BY image_id"
_HELD_OUT = "SELECT DISTINCT image_id FROM benchmark_images WHERE image_url IN ($url, $word) ORDER BY image_id"


@dataclass(frozen=True)
class Found:
    """What a word names: `picture` (image_id), `entity` (qid) or `address` (url_id, one or more)."""

    kind: str
    keys: tuple[str, ...]


def find(shelf: Shelf, word: str) -> Found:
    """Return what a word names. Raises TraceError if that is nothing or more than one thing."""
    word = word.strip()
    if "://" in word:
        return _address(shelf, word)
    if re.fullmatch(rf"[0-9a-fA-F]{{{PREFIX},64}}", word) and (found := _picture(shelf, word.lower())):
        return found
    return _entity(shelf, word)


def _address(shelf: Shelf, word: str) -> Found:
    try:
        url = normal_url(word)
    except ValueError as error:
        raise TraceError(
            f"found {error}; allowed: the address of a picture or of a page, with http:// or https://"
        ) from error
    if rows := shelf.ask(_ADDRESSES, url_id=hash_id(url), url=url, word=word):
        return Found("address", tuple(row["url_id"] for row in rows))
    if rows := shelf.ask(_TAKEN_DOWN, url_id=hash_id(url)):
        return Found("picture", (rows[0]["image_id"],))
    if rows := shelf.ask(_HELD_OUT, url=url, word=word):
        return Found("picture", (rows[0]["image_id"],))
    near = [row["name"] for row in shelf.ask(_NEAR_ADDRESSES, word=url)]
    raise TraceError(f"found {word!r}; no search named this address and no benchmark holds it out{_nearest(near)}")


def _picture(shelf: Shelf, prefix: str) -> Found | None:
    rows = [row["image_id"] for row in shelf.ask(_PICTURES, word=prefix)]
    if len(rows) > 1:
        listed = ", ".join(image_id[: len(prefix) + 6] for image_id in rows[:SHOWN]) + (
            ", ..." if len(rows) > SHOWN else ""
        )
        raise TraceError(f"found {prefix!r}, the beginning of several pictures: {listed}; give more digits")
    return Found("picture", tuple(rows)) if rows else None


def _entity(shelf: Shelf, word: str) -> Found:
    rows = shelf.ask(_ITEMS, word=word)
    best = {row["qid"]: row["label"] for row in rows if row["place"] == rows[0]["place"]}
    if len(best) > 1:
        listed = ", ".join(f"{qid} ({label})" for qid, label in list(best.items())[:SHOWN])
        raise TraceError(f"found {word!r}, the name of several entities: {listed}; give the id of one")
    if not best:
        near = [row["name"] for row in shelf.ask(_NEAR_NAMES, word=word.lower())]
        allowed = f"a picture's id or at least {PREFIX} digits of it, an entity's id or name, the address of a picture or a page"
        raise TraceError(f"found {word!r}; allowed: {allowed}{_nearest(near)}")
    return Found("entity", tuple(best))


def _nearest(near: list[str]) -> str:
    return f"; did you mean {' or '.join(near)}?" if near else ""
