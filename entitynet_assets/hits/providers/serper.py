"""Serper: the image results of Google, read off its pages. Off unless the study accepts the risk.

Rate limit: the plan's. Paid. Licence: none is stated, a credit sometimes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    Hit,
    Key,
    Search,
    expecting,
    google_words,
    json_object,
    listed,
    ranked_once,
    stated_number,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://google.serper.dev/images"
LIMITS = (Limit(5, 1.0),)
QUOTA, DEPTH = "serper", 1000
KEY = Key("ENTITYNET_KEY_SERPER", "https://serper.dev/api-key", header="X-API-KEY")
TERMS = "paid; lawsuits on this way of reading results are pending; no licence is stated for any picture"
STYLES = ("photo", "drawing")
KINDS = {"photo": "itp:photo", "drawing": "itp:lineart"}
LICENCES: Mapping[str, str] = {}


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page."""
    if answers and not parse(answers[-1]):
        return None
    kind = {"tbs": KINDS[search.style]} if search.style in KINDS else {}
    page = {"num": min(per_page, 100), "page": len(answers) + 1}
    return Request(ADDRESS, json={"q": google_words(search), **page, **kind})


def count_request(search: Search) -> Request | None:
    """Return None: it has no count, and every request is paid."""
    return None


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = json_object(body)
    with expecting("images with imageUrl"):
        found = listed(answer["images"])
        return ranked_once([_hit(int(result.get("position", place)), result) for place, result in enumerate(found, 1)])


def total(body: str) -> int:
    """Return how many results the answer has."""
    return len(parse(body))


def _hit(rank: int, result: Mapping[str, Any]) -> Hit:
    author = result.get("creator") or result.get("credit")
    return Hit(
        rank, stated_text(result.get("imageUrl")) or "", stated_text(result.get("link")), title=stated_text(result.get("title")),
        author=stated_text(author), width_px=stated_number(result.get("imageWidth")), height_px=stated_number(result.get("imageHeight")),
    )  # fmt: skip
