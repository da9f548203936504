"""SerpApi: the image results of Google, read off its pages. Off unless the study accepts the risk.

Rate limit: the plan's. Paid. Licence: none is stated. The price and terms are the vendor's; Google sued it in December 2025.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from entitynet_assets.hits.provider import BadPageError, Key, Search, json_object
from entitynet_assets.hits.providers.serper import GoogleImages
from entitynet_assets.web import Limit, Request


class SerpApi(GoogleImages):
    """The engine google_images; the size of a page is the vendor's, about 100."""

    LIMITS = (Limit(1, 1.0),)
    QUOTA = "serpapi"
    KEY = Key("ENTITYNET_KEY_SERPAPI", "https://serpapi.com/manage-api-key", parameter="api_key")
    TERMS = "paid; a lawsuit on this way of reading results is pending (Google v. SerpApi); no licence is stated for any picture"
    ROWS = ("images_results",)
    FIELDS: ClassVar[Mapping[str, str]] = {
        "image_url": "original", "page_url": "link", "title": "title", "width_px": "original_width", "height_px": "original_height",
    }  # fmt: skip

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the request for a page; they count from 0."""
        asked = {"engine": "google_images", **self.asked(search), "ijn": str(number - 1)}
        return Request("https://serpapi.com/search.json", params=asked)

    def answer(self, body: str) -> Mapping[str, Any]:
        """Return an answer; finding nothing is told as an error."""
        answer = json_object(body)
        if "error" in answer and "images_results" not in answer:
            if "hasn't returned any results" not in str(answer["error"]):
                raise BadPageError(f"expected images_results, found {body[:200]!r}")
            return {"images_results": []}
        return answer


PROVIDER = SerpApi()
