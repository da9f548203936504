"""A folder of photographs of the study as an image search; its address is the study's `providers.address`.

Rate limit: none. Licence: none is stated, as a folder says nothing of it. Texts: none, as a folder has no pages.
The answers have the shape of the sample's search.
"""

from __future__ import annotations

from entitynet_assets.hits.providers.sample import parse, total
from entitynet_assets.web import Request

__all__ = ["parse", "request", "total"]


def request(text: str, page: int, per_page: int) -> Request:
    """Return the request for one page, from 1; `per_page` 0 asks for the total alone."""
    return Request("folder://", params={"q": text, "page": str(page), "per_page": str(per_page)})
