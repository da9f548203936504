"""The sample world's image search, on this machine.

Rate limit: none. Licence: every hit states one; the pictures are drawn by code and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from entitynet_assets.hits.provider import Hit, Provider, Search, hit_of
from entitynet_assets.web import Request


class Sample(Provider):
    """The search of the sample's world."""

    ADDRESS = "http://search.test/images"
    QUOTA = "sample"
    TERMS = "none: drawn by code on this machine"
    TOTAL = ("total",)
    FIELDS: ClassVar[Mapping[str, str]] = {
        "image_url": "image_url", "page_url": "page_url", "alt_text": "alt", "title": "title", "licence": "licence",
        "licence_url": "licence_url", "author": "author", "width_px": "width", "height_px": "height",
    }  # fmt: skip

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the request for a page; 0 a page is the total alone."""
        return Request(self.ADDRESS, params={"q": search.text, "page": str(number), "per_page": str(per_page)})

    def count_request(self, search: Search) -> Request:
        """Return the request for the total alone."""
        return self.page(search, 1, 0)

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say by the total whether a page comes after those answered."""
        return answered * per_page < self.total(body)

    def rank(self, row: Mapping[str, Any], place: int) -> int:
        """Return the rank stated, which goes on over all pages."""
        return int(row["rank"])

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a result as a hit; this search promises an address."""
        return hit_of(rank, {**row, "image_url": row["image_url"]}, self.FIELDS)


PROVIDER = Sample()
