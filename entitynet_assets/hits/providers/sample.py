"""The sample world's image search, on this machine.

Rate limit: none. Licence: every hit states one; the pictures are drawn by code and marked so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    Hit,
    Search,
    expecting,
    json_object,
    ranked_once,
    stated_number,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "http://search.test/images"
LIMITS: tuple[Limit, ...] = ()
QUOTA, KEY, DEPTH = "sample", None, 0
TERMS = "none: drawn by code on this machine"
STYLES: tuple[str, ...] = ()
LICENCES: Mapping[str, str] = {}


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page; the total says where the pages end."""
    if answers and len(answers) * per_page >= total(answers[-1]):
        return None
    return _page(search, len(answers) + 1, per_page)


def count_request(search: Search) -> Request | None:
    """Return the request for the total alone."""
    return _page(search, 1, 0)


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = json_object(body)
    with expecting("results with rank and image_url"):
        return ranked_once([_hit(result) for result in answer["results"]])


def total(body: str) -> int:
    """Return how many pictures the search says it has. Raises BadPageError."""
    answer = json_object(body)
    with expecting("a total"):
        return int(answer["total"])


def _page(search: Search, page: int, per_page: int) -> Request:
    return Request(ADDRESS, params={"q": search.text, "page": str(page), "per_page": str(per_page)})


def _hit(result: dict[str, Any]) -> Hit:
    texts = {
        field: stated_text(result.get(name))
        for field, name in (
            ("page_url", "page_url"), ("alt_text", "alt"), ("title", "title"),
            ("licence", "licence"), ("licence_url", "licence_url"), ("author", "author"),
        )
    }  # fmt: skip
    return Hit(
        rank=int(result["rank"]), image_url=stated_text(result["image_url"]) or "", **texts,
        width_px=stated_number(result.get("width")), height_px=stated_number(result.get("height")),
    )  # fmt: skip
