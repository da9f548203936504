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
    Search,
    count_of,
    expecting,
    json_object,
    listed,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.europeana.eu/record/v2/search.json"
LIMITS = (Limit(60, 60.0),)
QUOTA, DEPTH = "europeana", 0
MOST_A_PAGE = 100
KEY = Key("ENTITYNET_KEY_EUROPEANA", "https://apis.europeana.eu/en/api-key", header="X-Api-Key")
TERMS = "a rights statement for each picture binds; bulk harvests go by OAI-PMH or FTP"
STYLES: tuple[str, ...] = ()
LICENCES: Mapping[str, str] = {}


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page, at the cursor of the last answer."""
    cursor = json_object(answers[-1]).get("nextCursor") if answers else "*"
    return _page(search, min(per_page, MOST_A_PAGE), str(cursor)) if cursor else None


def count_request(search: Search) -> Request | None:
    """Return the request for the total, with counts by rights statement."""
    asked = _page(search, 0, "")
    return Request(asked.url, params={**asked.params, "profile": "facets", "facet": "RIGHTS"})


def parse(body: str) -> list[Hit]:
    """Return the hits of a page. Raises BadPageError."""
    answer = _answer(body)
    with expecting("items with edmIsShownBy"):
        return [_hit(rank, item) for rank, item in enumerate(listed(answer["items"]), 1)]


def total(body: str) -> int:
    """Return how many pictures the search says it has. Raises BadPageError."""
    answer = _answer(body)
    with expecting("totalResults"):
        return count_of(answer["totalResults"])


def totals(body: str) -> Mapping[str, int]:
    """Return the counts by the address of the rights statement. Raises BadPageError."""
    answer, found = _answer(body), dict[str, int]()
    with expecting("facets with fields"):
        for facet in listed(answer.get("facets") or []):
            for field in listed(facet["fields"]) if facet.get("name") == "RIGHTS" else []:
                found[str(field["label"])] = count_of(field["count"])
    return found


def _answer(body: str) -> dict[str, Any]:
    answer = json_object(body)
    if answer.get("success") is False:
        raise BadPageError(f"expected success, found {body[:200]!r}")
    return answer


def _page(search: Search, rows: int, cursor: str) -> Request:
    names = "".join(f' OR "{term}"' for term in search.or_terms)
    unwanted = "".join(f' AND NOT "{word}"' for word in search.exclude)
    begun = {"cursor": cursor} if cursor else {}
    return Request(ADDRESS, params={
        "query": f'("{search.text}"{names}){unwanted}', "qf": "TYPE:IMAGE", "media": "true", "thumbnail": "true", "profile": "rich",
        "rows": str(rows), **begun,
    })  # fmt: skip


def _hit(rank: int, item: Mapping[str, Any]) -> Hit:
    rights = _first(item, "rights")
    owner = next(
        (name for name in (_first(item, "dcCreator"), _first(item, "dataProvider")) if name and "://" not in name), None
    )
    return Hit(
        rank, _first(item, "edmIsShownBy") or "", _first(item, "edmIsShownAt") or stated_text(item.get("guid")),
        None, _first(item, "title"), rights, rights, owner or _first(item, "dataProvider"), page_text=_all(item, "dcDescription"),
    )  # fmt: skip


def _first(item: Mapping[str, Any], name: str) -> str | None:
    """Return the first of the texts that an item has under a name."""
    return next(iter(_texts(item, name)), None)


def _all(item: Mapping[str, Any], name: str) -> str | None:
    return " ".join(_texts(item, name)) or None


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    said = item.get(name)
    return [words for one in (said if isinstance(said, list) else [said]) if (words := stated_text(one))]
