"""GBIF: photographs of specimens and observations of a taxon, by its key (P846).

Rate limit: none in figures; parallel asking and tens of thousands of searches a day are not wanted, and whoever trains models
must take bulk data from a snapshot or download: this search is for narrow studies. Depth 100,000. Licence: that of each
medium; the occurrence's own is another thing and is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from entitynet_assets.hits.provider import Hit, Provider, Search, expecting, hit_of, listed, stated_text
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.gbif.org/v1/occurrence/search"
OCCURRENCE = "https://www.gbif.org/occurrence/"
MOST_A_PAGE = 300
TAXON = "P846"


class Gbif(Provider):
    """The search for occurrences with a picture; a page is of occurrences, each with one picture or more."""

    LIMITS = (Limit(60, 60.0), Limit(10_000, 86_400.0))
    QUOTA, DEPTH = "gbif", 100_000
    TERMS = (
        "cite the data sets; whoever trains models takes bulk data from a snapshot or download, not from this search"
    )
    TOTAL = ("count",)
    FIELDS: ClassVar[Mapping[str, str]] = {
        "image_url": "identifier", "page_url": "references", "title": "title", "licence": "license", "page_text": "description",
    }  # fmt: skip

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the next page of occurrences."""
        return super().request(search, min(per_page, MOST_A_PAGE), answers)

    def page(self, search: Search, number: int, per_page: int) -> Request | None:
        """Return the request for a page; an entity without a taxon has none."""
        if TAXON not in search.identifiers:
            return None
        return Request(ADDRESS, params={
            "taxonKey": search.identifiers[TAXON], "mediaType": "StillImage", "limit": str(per_page),
            "offset": str((number - 1) * per_page),
        })  # fmt: skip

    def count_request(self, search: Search) -> Request | None:
        """Return the request for the count of occurrences alone."""
        return self.page(search, 1, 0)

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say whether the answer is not the last."""
        return self.answer(body).get("endOfRecords") is False

    def parse(self, body: str) -> list[Hit]:
        """Return the pictures of a page's occurrences. Raises BadPageError."""
        answer = self.answer(body)
        with expecting("results with media"):
            found = [medium for result in listed(answer["results"]) for medium in _pictures(result)]
            return [self.hit(rank, medium) for rank, medium in enumerate(found, 1)]

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a medium as a hit."""
        address = row["license"] if (stated_text(row.get("license")) or "").startswith("http") else None
        author = stated_text(row.get("creator") or row.get("rightsHolder"))
        return hit_of(rank, row, self.FIELDS, licence_url=address, author=author)


def _pictures(result: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for medium in listed(result.get("media") or []):
        if medium.get("type", "StillImage") == "StillImage" and medium.get("identifier"):
            yield {**medium, "references": medium.get("references") or f"{OCCURRENCE}{result['key']}"}


PROVIDER = Gbif()
