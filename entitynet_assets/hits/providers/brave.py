"""Brave: a web search for pictures. One answer of at most 200 results and no further page.

Rate limit: one a second on the smallest plan. Paid by the thousand; say the price in the study. Licence: none is stated. Whether
answers may be stored depends on the plan: read yours before asking.
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
    stated_number,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.search.brave.com/res/v1/images/search"
LIMITS = (Limit(1, 1.0),)
QUOTA, DEPTH = "brave", 200
MOST_CHARACTERS, MOST_WORDS = 400, 50
KEY = Key("ENTITYNET_KEY_BRAVE", "https://api-dashboard.search.brave.com/", header="X-Subscription-Token")
TERMS = "paid; whether answers may be stored depends on the plan; no licence is stated for any picture"
STYLES: tuple[str, ...] = ()
LICENCES: Mapping[str, str] = {}


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the one request."""
    if answers:
        return None
    words = google_words(search)
    if len(words) > MOST_CHARACTERS or len(words.split()) > MOST_WORDS:
        words = search.text[:MOST_CHARACTERS]  # the plain text rather than half a bracket
    count = str(max(1, min(per_page, DEPTH)))
    return Request(ADDRESS, params={"q": words, "count": count, "safesearch": "strict", "spellcheck": "0"})


def count_request(search: Search) -> Request | None:
    """Return None: it has no count, and every request is paid."""
    return None


def parse(body: str) -> list[Hit]:
    """Return the hits of the answer. Raises BadPageError."""
    answer = json_object(body)
    with expecting("results with properties.url"):
        return [_hit(rank, result) for rank, result in enumerate(listed(answer["results"]), 1)]


def total(body: str) -> int:
    """Return how many results the answer has."""
    return len(parse(body))


def _hit(rank: int, result: Mapping[str, Any]) -> Hit:
    shown = result.get("properties") or {}
    return Hit(
        rank, stated_text(shown.get("url")) or "", stated_text(result.get("url")), title=stated_text(result.get("title")),
        width_px=stated_number(shown.get("width")), height_px=stated_number(shown.get("height")),
    )  # fmt: skip
