"""Flickr: photographs under an open licence, by text.

Rate limit: 3,600 an hour and key; 500 a page; 4,000 results of a search at most, after which the same come again. Licence: stated
for each by a number. Keys without pay are for uses that are not commercial, and a page of ours must link back to the photograph's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from entitynet_assets.hits.provider import (
    BadPageError,
    Hit,
    Key,
    Provider,
    Search,
    expecting,
    json_object,
    stated_number,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.flickr.com/services/rest/"
PAGE = "https://www.flickr.com/photos/"
CONTENT = {"photo": "0", "drawing": "2"}  # content_types: photographs, other (drawings, renderings)
BY_NUMBER = {
    "0": "all-rights-reserved", "1": "CC-BY-NC-SA-2.0", "2": "CC-BY-NC-2.0", "3": "CC-BY-NC-ND-2.0", "4": "CC-BY-2.0", "5": "CC-BY-SA-2.0",
    "6": "CC-BY-ND-2.0", "7": "no known copyright restrictions", "8": "US government work", "9": "CC0-1.0", "10": "PDM-1.0",
}  # fmt: skip
OPEN = ("1", "2", "3", "4", "5", "6", "9", "10")
SIZES = ("l", "m", "s")  # 1024, 500, 240 pixels on the longer side


class Flickr(Provider):
    """The search for photographs, flickr.photos.search."""

    LIMITS = (Limit(3600, 3600.0),)
    QUOTA, DEPTH = "flickr", 4000
    KEY = Key("ENTITYNET_KEY_FLICKR", "https://www.flickr.com/services/apps/create/", parameter="api_key")
    TERMS = "keys without pay are not for commercial use; link back to the photograph's page; the photographs are their makers'"
    STYLES = ("photo", "drawing")
    LICENCES: ClassVar[Mapping[str, str]] = {BY_NUMBER[number]: number for number in OPEN}
    ROWS, TOTAL = ("photo",), ("total",)

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the request for a page."""
        words = " ".join([search.text, *(f"-{word}" for word in search.exclude)])  # it has no OR beside other words
        content = {"content_types": CONTENT[search.style]} if search.style in CONTENT else {}
        return Request(ADDRESS, params={
            "method": "flickr.photos.search", "text": words,
            "license": self.LICENCES[search.licence] if search.licence else ",".join(OPEN),
            "per_page": str(per_page), "page": str(number), "media": "photos", "safe_search": "1", "sort": "relevance", **content,
            "extras": "description,license,owner_name,url_l,url_m,url_s", "format": "json", "nojsoncallback": "1",
        })  # fmt: skip

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say by the number of pages whether one comes after those answered."""
        with expecting("photos with pages"):
            return answered < int(self.answer(body)["pages"])

    def answer(self, body: str) -> Mapping[str, Any]:
        """Return the photos of an answer; a refusal comes with a status of 200."""
        answer = json_object(body)
        if answer.get("stat", "ok") != "ok" or not isinstance(answer.get("photos"), dict):
            raise BadPageError(f"expected photos, found {body[:200]!r}")
        return answer["photos"]

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a photograph in the largest size stated."""
        size = next((size for size in SIZES if row.get(f"url_{size}")), "l")
        description = row.get("description") or {}
        words = stated_text(description.get("_content") if isinstance(description, dict) else description)
        return Hit(
            rank, stated_text(row.get(f"url_{size}")) or "", f"{PAGE}{row['owner']}/{row['id']}", title=stated_text(row.get("title")),
            licence=BY_NUMBER.get(str(row.get("license"))), author=stated_text(row.get("ownername")),
            width_px=stated_number(row.get(f"width_{size}")), height_px=stated_number(row.get(f"height_{size}")),
            page_text=words or None,
        )  # fmt: skip


PROVIDER = Flickr()
