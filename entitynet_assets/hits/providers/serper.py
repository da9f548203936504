"""Serper: the image results of Google, read off its pages. Off unless the study accepts the risk.

Rate limit: the plan's. Paid. Licence: none is stated, a credit sometimes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from entitynet_assets.hits.provider import Hit, Key, Provider, Search, google_words, hit_of, stated_text
from entitynet_assets.web import Limit, Request

MOST_A_PAGE = 100


class GoogleImages(Provider):
    """What the sellers of Google's results have in common: words, styles, and a position in place of a rank. They have no count."""

    DEPTH = 1000
    STYLES = ("photo", "drawing")
    KINDS: ClassVar[Mapping[str, str]] = {"photo": "itp:photo", "drawing": "itp:lineart"}

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the next page, of 100 results at most."""
        return super().request(search, min(per_page, MOST_A_PAGE), answers)

    def asked(self, search: Search) -> dict[str, str]:
        """Return the words and the style as both are asked."""
        kind = {"tbs": self.KINDS[search.style]} if search.style in self.KINDS else {}
        return {"q": google_words(search), **kind}

    def rank(self, row: Mapping[str, Any], place: int) -> int:
        """Return the position stated."""
        return int(row.get("position", place))


class Serper(GoogleImages):
    """The search for images."""

    LIMITS = (Limit(5, 1.0),)
    QUOTA = "serper"
    KEY = Key("ENTITYNET_KEY_SERPER", "https://serper.dev/api-key", header="X-API-KEY")
    TERMS = "paid; lawsuits on this way of reading results are pending; no licence is stated for any picture"
    ROWS = ("images",)
    FIELDS: ClassVar[Mapping[str, str]] = {
        "image_url": "imageUrl", "page_url": "link", "title": "title", "width_px": "imageWidth", "height_px": "imageHeight",
    }  # fmt: skip

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the request for a page."""
        asked = {**self.asked(search), "num": per_page, "page": number}
        return Request("https://google.serper.dev/images", json=asked)

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a result with whoever is credited."""
        return hit_of(rank, row, self.FIELDS, author=stated_text(row.get("creator") or row.get("credit")))


PROVIDER = Serper()
