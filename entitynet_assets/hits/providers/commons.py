"""Wikimedia Commons: files by full text, as thumbnails of 500 pixels with licence, author and the file's page.

Rate limit: 200 requests a minute for who names a contact, 10 for who does not; two connections for media. Licence: stated
for each file. Thumbnails are of the few widths that the servers make, and their address is the one that the answer gives.
Commons has no alt texts; the file's own description is the page text. The other ways into Commons by its API
(commons_statements.py, commons_category.py) read the same answers and share the limit.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from entitynet_assets.hits.provider import (
    BadPageError,
    Hit,
    Provider,
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
ASKED = {"action": "query", "format": "json", "formatversion": "2"}
FILES = "6"  # the namespace of files
WIDTH_PX = 500
STATED = "LicenseShortName|LicenseUrl|Artist|ImageDescription|ObjectName"
SHOWN = {
    "prop": "imageinfo", "iiprop": "url|size|mime|extmetadata", "iiurlwidth": str(WIDTH_PX), "iiextmetadatafilter": STATED,
    "iiextmetadatalanguage": "en",
}  # fmt: skip


class Commons(Provider):
    """The site's search (CirrusSearch); the ways into Commons by its API differ in the words that they ask it."""

    LIMITS = (Limit(200, 60.0),)
    QUOTA, DEPTH = "commons", 10_000
    TERMS = (
        "free licences, stated for each file; name a contact, keep to 200 requests a minute, two connections for media"
    )
    STYLES: tuple[str, ...] = ("photo", "drawing")
    LICENCES: ClassVar[Mapping[str, str]] = {  # items of licences in P275, copyright licence
        "CC0-1.0": "Q6938433", "CC-BY-4.0": "Q20007257", "CC-BY-SA-4.0": "Q18199165", "CC-BY-3.0": "Q14947546", "CC-BY-SA-3.0": "Q14946043",
        "CC-BY-2.0": "Q19125117", "CC-BY-SA-2.0": "Q19068220",
    }  # fmt: skip
    TOTAL = ("query", "searchinfo", "totalhits")

    def words(self, search: Search) -> str:
        """Return what the search is asked, but for the licence."""
        kind = "drawing" if search.style == "drawing" else "bitmap"  # to this search drawings are vector graphics
        names = "".join(f' OR "{term}"' for term in search.or_terms)
        unwanted = "".join(f' -"{word}"' for word in search.exclude)
        return f"{search.text}{names}{unwanted} filetype:{kind}"

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the next page, which begins where the last answer says."""
        further = continued(answers[-1]) if answers else {}
        if further is None or not within(self.DEPTH, per_page, len(answers)):
            return None
        return Request(ADDRESS, params={
            **ASKED, "generator": "search", "gsrsearch": self._sought(search), "gsrnamespace": FILES, "gsrlimit": str(per_page), **SHOWN,
            **further,
        })  # fmt: skip

    def count_request(self, search: Search) -> Request | None:
        """Return the request for the total alone."""
        asked = {
            "srsearch": self._sought(search),
            "srnamespace": FILES,
            "srlimit": "1",
            "srinfo": "totalhits",
            "srprop": "",
        }
        return Request(ADDRESS, params={**ASKED, "list": "search", **asked})

    def _sought(self, search: Search) -> str:
        licence = f" haswbstatement:P275={self.LICENCES[search.licence]}" if search.licence else ""
        return self.words(search) + licence

    def answer(self, body: str) -> Mapping[str, Any]:
        """Return an answer with its `query`, empty where nothing was found. An error comes with a status of 200."""
        answer = json_object(body)
        if "error" in answer or not isinstance(answer.get("query", {}), dict):
            raise BadPageError(f"expected a query, found {body[:200]!r}")
        if "query" not in answer and "batchcomplete" not in answer:
            raise BadPageError(f"expected a whole answer, found {body[:120]!r}")
        return {"query": {}, **answer}

    def parse(self, body: str) -> list[Hit]:
        """Return the hits of a page in the order of the search. Raises BadPageError."""
        query = self.answer(body)["query"]
        with expecting("pages with imageinfo"):
            files = [page for page in pages_of(query) if page.get("ns", 6) == int(FILES) and _is_picture(page)]
            ordered = sorted(files, key=lambda page: int(page.get("index", 0)))
            ranked = len({page.get("index") for page in ordered}) == len(ordered) and all(
                "index" in page for page in ordered
            )
            return ranked_once(
                [self.hit(int(page["index"]) if ranked else place, page) for place, page in enumerate(ordered, 1)]
            )

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return the hit of a file; one without imageinfo has no address."""
        (info, *_) = row.get("imageinfo") or [{}]
        said = {name: _plain(part.get("value")) for name, part in (info.get("extmetadata") or {}).items()}
        shown = "thumb" if info.get("thumburl") else ""
        return Hit(
            rank=rank, image_url=stated_text(info.get(f"{shown}url")) or "", page_url=stated_text(info.get("descriptionurl")),
            title=said.get("ObjectName") or _title(row.get("title")), licence=said.get("LicenseShortName"),
            licence_url=said.get("LicenseUrl"), author=said.get("Artist"), width_px=stated_number(info.get(f"{shown}width")),
            height_px=stated_number(info.get(f"{shown}height")), page_text=said.get("ImageDescription"),
        )  # fmt: skip


def continued(body: str) -> Mapping[str, str] | None:
    """Return the parameters by which an answer goes on; None if it was the last: it names no place to go on from."""
    further = json_object(body).get("continue")
    if not isinstance(further, dict) or not further.keys() - {"continue"}:
        return None
    return {name: str(value) for name, value in further.items()}


def pages_of(query: Mapping[str, Any]) -> Sequence[Any]:
    """Return the pages of an answer's `query`: a list, or the values of a mapping (formatversion 1)."""
    pages = query.get("pages", [])
    return list(pages.values()) if isinstance(pages, Mapping) else pages


def _is_picture(page: Mapping[str, Any]) -> bool:
    """Say whether a file may be a picture; a category has sounds and books too."""
    (info, *_) = page.get("imageinfo") or [{}]
    return str(info.get("mime") or "image/").startswith("image/")


def _title(stated: object) -> str | None:
    """Return the words of a file's name."""
    name = stated_text(stated)
    return re.sub(r"\.\w{2,5}$", "", name.removeprefix("File:")).replace("_", " ") if name else None


def _plain(value: object) -> str | None:
    """Return a value without its markup; some values are numbers."""
    words = stated_text(value if value is None or isinstance(value, str) else str(value))
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", words)).split()) or None if words else None


PROVIDER = Commons()
