"""GBIF: photographs of specimens and observations of a taxon, by its key (P846).

Rate limit: none in figures; parallel asking and tens of thousands of searches a day are not wanted, and whoever trains models
must take bulk data from a snapshot or download: this search is for narrow studies. Depth 100,000. Licence: that of each
medium; the occurrence's own is another thing and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import Hit, Search, count_of, expecting, json_object, listed, stated_text, within
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.gbif.org/v1/occurrence/search"
OCCURRENCE = "https://www.gbif.org/occurrence/"
LIMITS = (Limit(60, 60.0), Limit(10_000, 86_400.0))
QUOTA, KEY, DEPTH = "gbif", None, 100_000
MOST_A_PAGE = 300
TERMS = "cite the data sets; whoever trains models takes bulk data from a snapshot or download, not from this search"
STYLES: tuple[str, ...] = ()
LICENCES: Mapping[str, str] = {}
TAXON = "P846"


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page of occurrences; a page is of occurrences, each with one picture or more."""
    size = min(per_page, MOST_A_PAGE)
    ended = bool(answers) and json_object(answers[-1]).get("endOfRecords") is not False
    if ended or TAXON not in search.identifiers or not within(DEPTH, size, len(answers)):
        return None
    return _page(search, size, len(answers) * size)


def count_request(search: Search) -> Request | None:
    """Return the request for the count of occurrences with a picture."""
    return _page(search, 0, 0) if TAXON in search.identifiers else None


def parse(body: str) -> list[Hit]:
    """Return the pictures of a page's occurrences. Raises BadPageError."""
    answer = json_object(body)
    with expecting("results with media"):
        found = [pair for result in listed(answer["results"]) for pair in _pictures(result)]
        return [_hit(rank, *pair) for rank, pair in enumerate(found, 1)]


def total(body: str) -> int:
    """Return the count of occurrences with a picture. Raises BadPageError."""
    answer = json_object(body)
    with expecting("a count"):
        return count_of(answer["count"])


def _page(search: Search, size: int, offset: int) -> Request:
    return Request(ADDRESS, params={
        "taxonKey": search.identifiers[TAXON], "mediaType": "StillImage", "limit": str(size), "offset": str(offset),
    })  # fmt: skip


def _pictures(result: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for medium in listed(result.get("media") or []):
        if medium.get("type", "StillImage") == "StillImage" and medium.get("identifier"):
            yield result, medium


def _hit(rank: int, result: Mapping[str, Any], medium: Mapping[str, Any]) -> Hit:
    said = {
        name: stated_text(medium.get(name)) for name in ("identifier", "references", "title", "description", "license")
    }
    address = said["license"] if (said["license"] or "").startswith("http") else None
    return Hit(
        rank, said["identifier"] or "", said["references"] or f"{OCCURRENCE}{result['key']}", None, said["title"],
        said["license"], address, stated_text(medium.get("creator") or medium.get("rightsHolder")), page_text=said["description"],
    )  # fmt: skip
