"""SerpApi: the image results of Google, read off its pages. Off unless the study accepts the risk.

Rate limit: the plan's. Paid. Licence: none is stated. The price and terms are the vendor's; Google sued it in December 2025.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    BadPageError,
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

ADDRESS = "https://serpapi.com/search.json"
LIMITS = (Limit(1, 1.0),)
QUOTA, DEPTH = "serpapi", 1000
KEY = Key("ENTITYNET_KEY_SERPAPI", "https://serpapi.com/manage-api-key", parameter="api_key")
TERMS = "paid; a lawsuit on this way of reading results is pending (Google v. SerpApi); no licence is stated for any picture"
STYLES = ("photo", "drawing")
KINDS = {"photo": "itp:photo", "drawing": "itp:lineart"}
LICENCES: Mapping[str, str] = {}


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page; its size is the vendor's, about 100."""
    if answers and not parse(answers[-1]):
        return None
    kind = {"tbs": KINDS[search.style]} if search.style in KINDS else {}
    return Request(
        ADDRESS, params={"engine": "google_images", "q": google_words(search), "ijn": str(len(answers)), **kind}
    )


def count_request(search: Search) -> Request | None:
    """Return None: it has no count, and every request is paid."""
    return None


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = json_object(body)
    if "error" in answer and "images_results" not in answer:
        if "hasn't returned any results" in str(answer["error"]):
            return []
        raise BadPageError(f"expected images_results, found {body[:200]!r}")
    with expecting("images_results with original"):
        found = listed(answer["images_results"])
        return ranked_once([_hit(int(result.get("position", place)), result) for place, result in enumerate(found, 1)])


def total(body: str) -> int:
    """Return how many results the answer has."""
    return len(parse(body))


def _hit(rank: int, result: Mapping[str, Any]) -> Hit:
    return Hit(
        rank, stated_text(result.get("original")) or "", stated_text(result.get("link")), title=stated_text(result.get("title")),
        width_px=stated_number(result.get("original_width")), height_px=stated_number(result.get("original_height")),
    )  # fmt: skip
