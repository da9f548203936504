"""Wikimedia Commons: files by full text, as thumbnails of 500 pixels with licence, author and the file's page.

Rate limit: 200 requests a minute for who names a contact, 10 for who does not; two connections for media. Licence: stated
for each file. Thumbnails are of the few widths that the servers make, and their address is the one that the answer gives.
Commons has no alt texts; the file's own description is the page text. The other ways into Commons by its API
(commons_statements.py, commons_category.py) read the same answers and share the limit.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    BadPageError,
    Hit,
    Search,
    expecting,
    json_object,
    ranked_once,
    stated_number,
    stated_text,
    within,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://commons.wikimedia.org/w/api.php"
LIMITS = (Limit(200, 60.0),)
QUOTA, KEY, DEPTH = "commons", None, 10_000
TERMS = "free licences, stated for each file; name a contact, keep to 200 requests a minute, two connections for media"
STYLES = ("photo", "drawing")
LICENCES: Mapping[str, str] = {  # items of licences in P275, copyright licence
    "CC0-1.0": "Q6938433", "CC-BY-4.0": "Q20007257", "CC-BY-SA-4.0": "Q18199165", "CC-BY-3.0": "Q14947546", "CC-BY-SA-3.0": "Q14946043",
    "CC-BY-2.0": "Q19125117", "CC-BY-SA-2.0": "Q19068220",
}  # fmt: skip
ASKED = {"action": "query", "format": "json", "formatversion": "2"}
FILES = "6"  # the namespace of files
WIDTH_PX = 500
STATED = "LicenseShortName|LicenseUrl|Artist|ImageDescription|ObjectName"
SHOWN = {
    "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata", "iiurlwidth": str(WIDTH_PX), "iiextmetadatafilter": STATED,
    "iiextmetadatalanguage": "en",
}  # fmt: skip


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page, which begins where the last answer says."""
    return search_request(_words(search), per_page, answers)


def count_request(search: Search) -> Request | None:
    """Return the request for the total alone."""
    return total_request(_words(search))


def search_request(sought: str, per_page: int, answers: Sequence[str]) -> Request | None:
    """Return the request for the next page of a search in the language of the site's search (CirrusSearch)."""
    further = continued(answers[-1]) if answers else {}
    if further is None or not within(DEPTH, per_page, len(answers)):
        return None
    return Request(ADDRESS, params={
        **ASKED, "generator": "search", "gsrsearch": sought, "gsrnamespace": FILES, "gsrlimit": str(per_page), **SHOWN, **further,
    })  # fmt: skip


def total_request(sought: str) -> Request:
    """Return the request for the total of a search alone."""
    total_only = {"srsearch": sought, "srnamespace": FILES, "srlimit": "1", "srinfo": "totalhits", "srprop": ""}
    return Request(ADDRESS, params={**ASKED, "list": "search", **total_only})


def continued(body: str) -> Mapping[str, str] | None:
    """Return the parameters by which an answer goes on; None if it was the last: it names no place to go on from."""
    further = json_object(body).get("continue")
    if not isinstance(further, dict) or not further.keys() - {"continue"}:
        return None
    return {name: str(value) for name, value in further.items()}


def parse(body: str) -> list[Hit]:
    """Return the hits of a page in the order of the search. Raises BadPageError."""
    query = _query(body)
    with expecting("pages with imageinfo"):
        pages = query.get("pages", [])
        found: Sequence[Any] = (
            list(pages.values()) if isinstance(pages, Mapping) else pages
        )  # formatversion 1 has a mapping
        files = [page for page in found if page.get("ns", 6) == int(FILES) and _is_picture(page)]
        ordered = sorted(files, key=lambda page: int(page.get("index", 0)))
        ranked = len({page.get("index") for page in ordered}) == len(ordered) and all(
            "index" in page for page in ordered
        )
        return ranked_once(
            [_hit(page, int(page["index"]) if ranked else place) for place, page in enumerate(ordered, 1)]
        )


def total(body: str) -> int:
    """Return how many files the search says it has. Raises BadPageError."""
    query = _query(body)
    with expecting("searchinfo.totalhits"):
        return int(query["searchinfo"]["totalhits"])


def of_licence(search: Search) -> str:
    """Return the words that narrow a search to one licence."""
    return f" haswbstatement:P275={LICENCES[search.licence]}" if search.licence else ""


def _words(search: Search) -> str:
    kind = "drawing" if search.style == "drawing" else "bitmap"  # to this search drawings are vector graphics
    names = "".join(f' OR "{term}"' for term in search.or_terms)
    unwanted = "".join(f' -"{word}"' for word in search.exclude)
    return f"{search.text}{names}{unwanted} filetype:{kind}{of_licence(search)}"


def _query(body: str) -> Mapping[str, Any]:
    """Return the answer's `query`; there is none where nothing was found. An error comes with a status of 200."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPageError(f"expected JSON, found {body[:120]!r}") from error
    if not isinstance(answer, dict) or "error" in answer or not isinstance(answer.get("query", {}), dict):
        raise BadPageError(f"expected a query, found {body[:200]!r}")
    if "query" not in answer and "batchcomplete" not in answer:
        raise BadPageError(f"expected a whole answer, found {body[:120]!r}")
    return answer.get("query", {})


def _is_picture(page: Mapping[str, Any]) -> bool:
    """Say whether a file may be a picture; a category has sounds and books too."""
    (info, *_) = page.get("imageinfo") or [{}]
    return str(info.get("mime") or "image/").startswith("image/")


def _hit(page: Mapping[str, Any], rank: int) -> Hit:
    """Return the hit of a file; one without imageinfo has no address, and is counted as such by who reads the hit."""
    (info, *_) = page.get("imageinfo") or [{}]
    said = {name: _plain(part.get("value")) for name, part in (info.get("extmetadata") or {}).items()}
    shown = "thumb" if info.get("thumburl") else ""
    return Hit(
        rank=rank, image_url=stated_text(info.get(f"{shown}url")) or "", page_url=stated_text(info.get("descriptionurl")),
        page_text=said.get("ImageDescription"), title=said.get("ObjectName") or _title(page.get("title")),
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
