"""Flickr: photographs under an open licence, by text.

Rate limit: 3,600 an hour and key; 500 a page; 4,000 results of a search at most, after which the same come again. Licence: stated
for each by a number. Keys without pay are for uses that are not commercial, and a page of ours must link back to the photograph's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    BadPageError,
    Hit,
    Key,
    Search,
    count_of,
    expecting,
    json_object,
    listed,
    stated_number,
    stated_text,
    within,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.flickr.com/services/rest/"
PAGE = "https://www.flickr.com/photos/"
LIMITS = (Limit(3600, 3600.0),)
QUOTA, DEPTH = "flickr", 4000
KEY = Key("ENTITYNET_KEY_FLICKR", "https://www.flickr.com/services/apps/create/", parameter="api_key")
TERMS = (
    "keys without pay are not for commercial use; link back to the photograph's page; the photographs are their makers'"
)
STYLES = ("photo", "drawing")
CONTENT = {"photo": "0", "drawing": "2"}  # content_types: photographs, other (drawings, renderings)
BY_NUMBER = {
    "0": "all-rights-reserved", "1": "CC-BY-NC-SA-2.0", "2": "CC-BY-NC-2.0", "3": "CC-BY-NC-ND-2.0", "4": "CC-BY-2.0", "5": "CC-BY-SA-2.0",
    "6": "CC-BY-ND-2.0", "7": "no known copyright restrictions", "8": "US government work", "9": "CC0-1.0", "10": "PDM-1.0",
}  # fmt: skip
OPEN = ("1", "2", "3", "4", "5", "6", "9", "10")
LICENCES: Mapping[str, str] = {BY_NUMBER[number]: number for number in OPEN}
SIZES = ("l", "m", "s")  # 1024, 500, 240 pixels on the longer side


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page."""
    if answers:
        with expecting("photos with pages"):
            if len(answers) >= int(json_object(answers[-1])["photos"]["pages"]):
                return None
    return _page(search, len(answers) + 1, per_page) if within(DEPTH, per_page, len(answers)) else None


def count_request(search: Search) -> Request | None:
    """Return the request for the total, with one result."""
    return _page(search, 1, 1)


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    photos = _photos(body)
    with expecting("photos with an id"):
        return [_hit(rank, photo) for rank, photo in enumerate(listed(photos["photo"]), 1)]


def total(body: str) -> int:
    """Return how many photographs the search says it has. Raises BadPageError."""
    photos = _photos(body)
    with expecting("a total"):
        return count_of(photos["total"])


def _page(search: Search, page: int, per_page: int) -> Request:
    words = " ".join([search.text, *(f"-{word}" for word in search.exclude)])  # it has no OR beside other words
    content = {"content_types": CONTENT[search.style]} if search.style in CONTENT else {}
    return Request(ADDRESS, params={
        "method": "flickr.photos.search", "text": words, "license": LICENCES[search.licence] if search.licence else ",".join(OPEN),
        "per_page": str(per_page), "page": str(page), "media": "photos", "safe_search": "1", "sort": "relevance", **content,
        "extras": "description,license,owner_name,url_l,url_m,url_s", "format": "json", "nojsoncallback": "1",
    })  # fmt: skip


def _photos(body: str) -> Mapping[str, Any]:
    """Return the photos of an answer; a refusal comes with a status of 200."""
    answer = json_object(body)
    if answer.get("stat", "ok") != "ok" or not isinstance(answer.get("photos"), dict):
        raise BadPageError(f"expected photos, found {body[:200]!r}")
    return answer["photos"]


def _hit(rank: int, photo: Mapping[str, Any]) -> Hit:
    """Return the hit of a photograph in the largest size stated; one without an address is counted as such."""
    size = next((size for size in SIZES if photo.get(f"url_{size}")), "l")
    description = photo.get("description") or {}
    words = stated_text(description.get("_content") if isinstance(description, dict) else description)
    return Hit(
        rank, stated_text(photo.get(f"url_{size}")) or "", f"{PAGE}{photo['owner']}/{photo['id']}", None,
        stated_text(photo.get("title")), BY_NUMBER.get(str(photo.get("license"))), None, stated_text(photo.get("ownername")),
        stated_number(photo.get(f"width_{size}")), stated_number(photo.get(f"height_{size}")),
        page_text=words or None,
    )  # fmt: skip
