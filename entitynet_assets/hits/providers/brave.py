"""Brave: a web search for pictures. One answer of at most 200 results and no further page.

Rate limit: one a second on the smallest plan. Paid by the thousand; say the price in the study. Licence: none is stated. Whether
answers may be stored depends on the plan: read yours before asking.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entitynet_assets.hits.provider import Hit, Key, Provider, Search, google_words, stated_number, stated_text
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.search.brave.com/res/v1/images/search"
MOST_CHARACTERS, MOST_WORDS = 400, 50


class Brave(Provider):
    """The search for images. It has no count, and every request is paid."""

    LIMITS = (Limit(1, 1.0),)
    QUOTA, DEPTH = "brave", 200
    KEY = Key("ENTITYNET_KEY_BRAVE", "https://api-dashboard.search.brave.com/", header="X-Subscription-Token")
    TERMS = "paid; whether answers may be stored depends on the plan; no licence is stated for any picture"

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the one request."""
        words = google_words(search)
        if len(words) > MOST_CHARACTERS or len(words.split()) > MOST_WORDS:
            words = search.text[:MOST_CHARACTERS]  # the plain text rather than half a bracket
        count = str(max(1, min(per_page, self.DEPTH)))
        return Request(ADDRESS, params={"q": words, "count": count, "safesearch": "strict", "spellcheck": "0"})

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say that no page follows."""
        return False

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a result; of the picture itself it speaks apart."""
        shown = row.get("properties") or {}
        return Hit(
            rank, stated_text(shown.get("url")) or "", stated_text(row.get("url")), title=stated_text(row.get("title")),
            width_px=stated_number(shown.get("width")), height_px=stated_number(shown.get("height")),
        )  # fmt: skip


PROVIDER = Brave()
