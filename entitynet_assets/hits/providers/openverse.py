"""Openverse: openly licensed pictures of many collections, by text.

Rate limit without a key: 20 a minute and 200 a day as a client in the wild documents them; with a token (OAuth2, in
ENTITYNET_KEY_OPENVERSE) 100 a minute and 10,000 a day. A page has 20 results without a token, 50 with one; 240 results of a search
at most. Licence: stated for each. The terms forbid scraping the catalogue: for narrow studies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
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

ADDRESS = "https://api.openverse.org/v1/images/"
LIMITS = (Limit(20, 60.0), Limit(200, 86_400.0))
LIMITS_WITH_KEY = (Limit(100, 60.0), Limit(10_000, 86_400.0))
QUOTA, DEPTH = "openverse", 240
MOST_WITHOUT_KEY = 20  # results a page
KEY = Key(
    "ENTITYNET_KEY_OPENVERSE",
    "https://api.openverse.org/v1/#tag/auth",
    header="Authorization",
    prefix="Bearer ",
    needed=False,
)
TERMS = "open licences, stated for each: check each; no scraping of the catalogue"
STYLES = ("photo", "drawing")
CATEGORIES = {"photo": "photograph", "drawing": "illustration"}
LICENCES: Mapping[str, str] = {
    "CC0-1.0": "cc0", "PDM-1.0": "pdm", "CC-BY": "by", "CC-BY-SA": "by-sa", "CC-BY-NC": "by-nc", "CC-BY-ND": "by-nd",
    "CC-BY-NC-SA": "by-nc-sa", "CC-BY-NC-ND": "by-nc-nd",
}  # fmt: skip


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page."""
    ended = bool(answers) and len(answers) >= json_object(answers[-1]).get("page_count", 0)
    if ended or not within(DEPTH, per_page, len(answers)):
        return None
    return _page(search, len(answers) + 1, per_page)


def count_request(search: Search) -> Request | None:
    """Return the request for the total, with one result."""
    return _page(search, 1, 1)


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = json_object(body)
    with expecting("results with url"):
        return [_hit(rank, result) for rank, result in enumerate(listed(answer["results"]), 1)]


def total(body: str) -> int:
    """Return how many pictures the search says it has. Raises BadPageError."""
    answer = json_object(body)
    with expecting("result_count"):
        return count_of(answer["result_count"])


def _page(search: Search, page: int, per_page: int) -> Request:
    names = "".join(f' | "{term}"' for term in search.or_terms)
    asked = {
        "q": search.text + names + "".join(f' -"{word}"' for word in search.exclude),
        "page": str(page),
        "page_size": str(per_page),
    }
    kind = {"category": CATEGORIES[search.style]} if search.style in CATEGORIES else {}
    licence = {"license": LICENCES[search.licence]} if search.licence else {}
    return Request(ADDRESS, params={**asked, **kind, **licence})


def _hit(rank: int, result: Mapping[str, Any]) -> Hit:
    said = {
        name: stated_text(result.get(name))
        for name in (
            "url",
            "foreign_landing_url",
            "title",
            "license",
            "license_version",
            "license_url",
            "creator",
            "description",
        )
    }
    bare, version = said["license"], said["license_version"]
    code = {"cc0": "CC0-1.0", "pdm": "PDM-1.0"}.get(bare or "", f"CC-{bare}".upper()) if bare else None
    return Hit(
        rank, said["url"] or "", said["foreign_landing_url"], title=said["title"],
        licence=f"{code}-{version}" if code and version and code.startswith("CC-") else code, licence_url=said["license_url"],
        author=said["creator"], width_px=stated_number(result.get("width")), height_px=stated_number(result.get("height")),
        page_text=said["description"],
    )  # fmt: skip
