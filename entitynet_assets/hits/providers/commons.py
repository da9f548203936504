"""Wikimedia Commons: files by full text, as thumbnails of 500 pixels with licence, author and the file's page.

Rate limit: 200 requests a minute for who names a contact, 10 for who does not; two connections for media. Licence: stated
for each file. Thumbnails are of the few widths that the servers make, and their address is the one that the answer gives.
Commons has no alt texts; the file's own description stands in that place.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import BadPageError, Hit, ranked_once, stated_number, stated_text
from entitynet_assets.web import Request

ADDRESS = "https://commons.wikimedia.org/w/api.php"
FILES = "6"  # the namespace of files
WIDTH_PX = 500
STATED = "LicenseShortName|LicenseUrl|Artist|ImageDescription|ObjectName"


def request(text: str, page: int, per_page: int) -> Request:
    """Return the request for one page, from 1; `per_page` 0 asks for the total alone."""
    asked = {"action": "query", "format": "json", "formatversion": "2"}
    sought = f"{text} filetype:bitmap"
    if not per_page:
        total_only = {
            "list": "search",
            "srsearch": sought,
            "srnamespace": FILES,
            "srlimit": "1",
            "srinfo": "totalhits",
            "srprop": "",
        }
        return Request(ADDRESS, params={**asked, **total_only})
    return Request(ADDRESS, params={
        **asked, "generator": "search", "gsrsearch": sought, "gsrnamespace": FILES, "gsrlimit": str(per_page),
        "gsroffset": str((page - 1) * per_page), "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata",
        "iiurlwidth": str(WIDTH_PX), "iiextmetadatafilter": STATED, "iiextmetadatalanguage": "en",
    })  # fmt: skip


def parse(body: str) -> list[Hit]:
    """Return the hits of a page in the order of the search. Raises BadPageError."""
    query = _query(body)
    try:
        pages = query.get("pages", [])
        found: Sequence[Any] = (
            list(pages.values()) if isinstance(pages, Mapping) else pages
        )  # formatversion 1 has a mapping
        ordered = sorted(found, key=lambda page: int(page.get("index", 0)))
        ranked = len({page.get("index") for page in ordered}) == len(ordered) and all(
            "index" in page for page in ordered
        )
        return ranked_once(
            [_hit(page, int(page["index"]) if ranked else place) for place, page in enumerate(ordered, 1)]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadPageError(f"expected pages with imageinfo, found {type(error).__name__}: {error}") from error


def total(body: str) -> int:
    """Return how many files the search says it has. Raises BadPageError."""
    try:
        return int(_query(body)["searchinfo"]["totalhits"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadPageError(f"expected searchinfo.totalhits, found {body[:120]!r}") from error


def _query(body: str) -> Mapping[str, Any]:
    """Return the answer's `query`; there is none where nothing was found. An error comes with a status of 200."""
    try:
        answer = json.loads(body)
    except ValueError as error:
        raise BadPageError(f"expected JSON, found {body[:120]!r}") from error
    if not isinstance(answer, dict) or "error" in answer or not isinstance(answer.get("query", {}), dict):
        raise BadPageError(f"expected a query, found {body[:200]!r}")
    if "query" not in answer and "batchcomplete" not in answer:
        raise BadPageError(f"expected a whole answer, found {body[:120]!r}")
    return answer.get("query", {})


def _hit(page: Mapping[str, Any], rank: int) -> Hit:
    """Return the hit of a file; one without imageinfo has no address, and is counted as such by who reads the hit."""
    (info, *_) = page.get("imageinfo") or [{}]
    said = {name: _plain(part.get("value")) for name, part in (info.get("extmetadata") or {}).items()}
    shown = "thumb" if info.get("thumburl") else ""
    return Hit(
        rank=rank, image_url=stated_text(info.get(f"{shown}url")) or "", page_url=stated_text(info.get("descriptionurl")),
        alt_text=said.get("ImageDescription"), title=said.get("ObjectName") or _title(page.get("title")),
        licence=said.get("LicenseShortName"), licence_url=said.get("LicenseUrl"), author=said.get("Artist"),
        width_px=stated_number(info.get(f"{shown}width")), height_px=stated_number(info.get(f"{shown}height")),
    )  # fmt: skip


def _title(stated: object) -> str | None:
    """Return the words of a file's name."""
    name = stated_text(stated)
    return re.sub(r"\.\w{2,5}$", "", name.removeprefix("File:")).replace("_", " ") if name else None


def _plain(value: object) -> str | None:
    """Return a value without its markup; some values are numbers."""
    words = stated_text(value if value is None or isinstance(value, str) else str(value))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", words)).split()) or None if words else None
