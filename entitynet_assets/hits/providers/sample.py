"""The sample world's image search, on this machine.

Rate limit: none. Licence: every hit states one; the pictures are drawn by code and marked so.
"""

from __future__ import annotations

import json
from typing import Any

from entitynet_assets.hits.provider import BadPageError, Hit, ranked_once, stated_number, stated_text
from entitynet_assets.web import Request

ADDRESS = "http://search.test/images"


def request(text: str, page: int, per_page: int) -> Request:
    """Return the request for one page, from 1; `per_page` 0 asks for the total alone."""
    return Request(ADDRESS, params={"q": text, "page": str(page), "per_page": str(per_page)})


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = _answer(body)
    try:
        return ranked_once([_hit(result) for result in answer["results"]])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadPageError(
            f"expected results with rank and image_url, found {type(error).__name__}: {error}"
        ) from error


def total(body: str) -> int:
    """Return how many pictures the search says it has. Raises BadPageError."""
    try:
        return int(_answer(body)["total"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadPageError(f"expected a total, found {body[:120]!r}") from error


def _answer(body: str) -> dict[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise BadPageError(f"expected JSON, found {body[:120]!r}") from error
    if not isinstance(answer, dict):
        raise BadPageError(f"expected a JSON object, found {body[:120]!r}")
    return answer


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
