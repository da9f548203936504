"""Words from the web for a picture: cleaned or refused with a reason, each kept with the link and the page that say it.

Belongs here: what is made of the texts of a hit. Does not belong here: the rules (cleaning.py, phrases.py), words of the
graph (graph room).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from entitynet_assets.curation.cleaning import LONGEST_RAW, clean
from entitynet_assets.curation.language import language_of
from entitynet_assets.tables import WEB_SOURCES

SHOWN_REFUSED = 300  # characters of a refused text that are kept to be looked at
Row = dict[str, Any]
_SAID = ", ".join(
    f"left(hits.{source}, {LONGEST_RAW + 1}) AS {source}" for source in WEB_SOURCES
)  # enough to see that it is too long
READ_HITS = f"""
    SELECT DISTINCT downloads.image_id, hits.url_id, hits.page_url, {_SAID}
    FROM hits JOIN downloads USING (url_id) WHERE downloads.image_id IN (SELECT image_id FROM images)
    ORDER BY ALL
"""


def web_texts(hits: Iterable[Mapping[str, Any]]) -> tuple[list[Row], Counter[str]]:
    """Return rows of web_texts for hits with an `image_id`, and counts by source of what was kept, refused for what, or absent.

    One row per picture, source, words, page and link: which link and which page say what is never lost.
    """
    rows: dict[tuple[str, ...], Row] = {}
    counts: Counter[str] = Counter()
    for hit in hits:
        for source in WEB_SOURCES:
            if not hit[source]:
                counts[f"{source}_absent"] += 1
                continue
            page = {
                "image_id": hit["image_id"],
                "source": source,
                "page_url": hit["page_url"] or "",
                "url_id": hit["url_id"],
            }
            row = page | _judged(hit[source])
            key = (*page.values(), row["text"])
            if key not in rows or rows[key]["reason"]:
                rows[key] = row
    counts.update(f"{row['source']}_{row['reason'] or 'ok'}" for row in rows.values())
    counts["ok"] = sum(row["reason"] is None for row in rows.values())
    return list(rows.values()), counts


@lru_cache(maxsize=10_000)  # the same words stand beside many pictures
def _judged(raw: str) -> Row:
    words, reason = clean(raw)
    if reason:
        words = raw[:SHOWN_REFUSED].encode("utf-8", "replace").decode()
    return {"text": words, "reason": reason, "language": None if reason else language_of(words)}
