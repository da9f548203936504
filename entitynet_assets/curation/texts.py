"""Words from the web for a picture: cleaned, each kept with the page that says it.

Belongs here: which texts of a hit are kept. Does not belong here: string rules (text.py), words of the graph (graph room).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from entitynet_assets.text import clean_text

SOURCES = ("alt_text", "title")


def web_texts(hits: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Return rows of image_texts for hits with an `image_id`, and counts of what was kept or why not.

    One row per picture, source, words and page: which page says what is never lost.
    """
    rows: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    counts: Counter[str] = Counter()
    for hit in hits:
        for source in SOURCES:
            words = clean_text(hit[source])
            if words is None:
                counts[f"{source}_absent" if not hit[source] else f"{source}_says_nothing"] += 1
                continue
            page = hit["page_url"] or ""
            row = {
                "image_id": hit["image_id"],
                "source": source,
                "text": words,
                "page_url": page,
                "url_id": hit["url_id"],
            }
            rows.setdefault((row["image_id"], source, words, page), row)
    counts["ok"] = len(rows)
    return list(rows.values()), counts
