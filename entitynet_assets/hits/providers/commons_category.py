"""Wikimedia Commons by category: the files of the entity's category (P373), then of those below it, breadth first.

The tree has cycles and wanders far off: a category is walked once, and those more than two below are not. Where the walk
stands is worked out anew from the answers so far, so that a page asked for again is the same page.
The same answers, limit and terms as commons.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from entitynet_assets.hits.provider import Search, expecting, json_object, listed
from entitynet_assets.hits.providers.commons import ADDRESS, ASKED, SHOWN, Commons, continued, pages_of
from entitynet_assets.web import Request

CATEGORY = "P373"
MAX_BELOW = 2  # categories of categories of the entity's own
CATEGORIES = 14  # their namespace


class Category(Commons):
    """The members of categories, as the API lists them."""

    DEPTH = 0
    STYLES = ()
    LICENCES: ClassVar[Mapping[str, str]] = {}

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the next page of members: of the same category while it goes on, else of the next one."""
        own = search.identifiers.get(CATEGORY)
        todo, seen, further = [(f"Category:{own}", 0)] if own else [], {f"Category:{own}"}, None
        for body in answers:
            (_, depth), further = todo[0], continued(body)
            for name in _below(body) if depth < MAX_BELOW else []:
                if name not in seen:
                    seen.add(name)
                    todo.append((name, depth + 1))
            if further is None:
                todo.pop(0)
            if not todo:
                return None
        if not todo:
            return None
        members = {
            "generator": "categorymembers", "gcmtitle": todo[0][0], "gcmtype": "file|subcat", "gcmlimit": str(per_page),
        }  # fmt: skip
        return Request(ADDRESS, params={**ASKED, **members, **SHOWN, **(further or {})})

    def count_request(self, search: Search) -> Request | None:
        """Return the request for the count of the entity's own category; those below it are not counted."""
        own = search.identifiers.get(CATEGORY)
        return Request(ADDRESS, params={**ASKED, "prop": "categoryinfo", "titles": f"Category:{own}"}) if own else None

    def total(self, body: str) -> int:
        """Return the files of the category; a category that is not there has none. Raises BadPageError."""
        answer = json_object(body)
        with expecting("one page with categoryinfo"):
            (page,) = listed(answer["query"]["pages"])
            return int(page.get("categoryinfo", {}).get("files", 0))


def _below(body: str) -> list[str]:
    """Return the names of the categories among the members of an answer."""
    found = pages_of(json_object(body).get("query", {}))
    return [str(page["title"]) for page in found if page.get("ns") == CATEGORIES and page.get("title")]


PROVIDER = Category()
