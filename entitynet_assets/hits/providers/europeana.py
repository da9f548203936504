"""Europeana: pictures of museums, libraries and archives, by text.

Rate limit: fair use, few at once; personal keys were cut in steps until April 2026 and the figures are not published, so 60 a minute
is ours. 100 a page, by a cursor without end. Licence: a rights statement's address for each. Bulk goes by OAI-PMH or FTP.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.hits.provider import (
    BadPageError,
    Hit,
    Key,
    Provider,
    Search,
    count_of,
    expecting,
    json_object,
    listed,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.europeana.eu/record/v2/search.json"
MOST_A_PAGE = 100


class Europeana(Provider):
    """The search for records with pictures."""

    LIMITS = (Limit(60, 60.0),)
    QUOTA = "europeana"
    KEY = Key("ENTITYNET_KEY_EUROPEANA", "https://apis.europeana.eu/en/api-key", header="X-Api-Key")
    TERMS = "a rights statement for each picture binds; bulk harvests go by OAI-PMH or FTP"
    ROWS, TOTAL = ("items",), ("totalResults",)

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the next page, at the cursor of the last answer."""
        cursor = json_object(answers[-1]).get("nextCursor") if answers else "*"
        return _at(search, min(per_page, MOST_A_PAGE), cursor=str(cursor)) if cursor else None

    def count_request(self, search: Search) -> Request:
        """Return the request for the total, with counts by rights statement."""
        return _at(search, 0, profile="facets", facet="RIGHTS")

    def answer(self, body: str) -> Mapping[str, Any]:
        """Return an answer, if it says no failure."""
        answer = json_object(body)
        if answer.get("success") is False:
            raise BadPageError(f"expected success, found {body[:200]!r}")
        return answer

    def totals(self, body: str) -> Mapping[str, int]:
        """Return the counts by the address of the rights statement. Raises BadPageError."""
        answer, found = self.answer(body), dict[str, int]()
        with expecting("facets with fields"):
            for facet in listed(answer.get("facets") or []):
                for field in listed(facet["fields"]) if facet.get("name") == "RIGHTS" else []:
                    found[str(field["label"])] = count_of(field["count"])
        return found

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return an item; what it says stands in lists, the author among them as an address sometimes."""
        said = {name: _texts(row, name) for name in ("dcCreator", "dataProvider", "rights", "title", "dcDescription")}
        first = {name: next(iter(words), None) for name, words in said.items()}
        owners = [name for name in (first["dcCreator"], first["dataProvider"]) if name and "://" not in name]
        shown, page = (next(iter(_texts(row, name)), None) for name in ("edmIsShownBy", "edmIsShownAt"))
        return Hit(
            rank, shown or "", page or stated_text(row.get("guid")), title=first["title"], licence=first["rights"],
            licence_url=first["rights"], author=owners[0] if owners else first["dataProvider"],
            page_text=" ".join(said["dcDescription"]) or None,
        )  # fmt: skip


def _at(search: Search, rows: int, **more: str) -> Request:
    names = "".join(f' OR "{term}"' for term in search.or_terms)
    unwanted = "".join(f' AND NOT "{word}"' for word in search.exclude)
    return Request(ADDRESS, params={
        "query": f'("{search.text}"{names}){unwanted}', "qf": "TYPE:IMAGE", "media": "true", "thumbnail": "true", "profile": "rich",
        "rows": str(rows), **more,
    })  # fmt: skip


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    said = item.get(name)
    return [words for one in (said if isinstance(said, list) else [said]) if (words := stated_text(one))]


PROVIDER = Europeana()
