"""Wikimedia Commons by what a file is said to depict: structured data (P180), asked of the site's search.

The same answers, limit and terms as commons.py; an entity is asked for by its id, so no name can be mistaken.
"""

from __future__ import annotations

from collections.abc import Sequence

from entitynet_assets.hits.provider import Search
from entitynet_assets.hits.providers.commons import (
    DEPTH,
    KEY,
    LICENCES,
    LIMITS,
    QUOTA,
    STYLES,
    TERMS,
    of_licence,
    parse,
    search_request,
    total,
    total_request,
)
from entitynet_assets.web import Request

__all__ = [
    "DEPTH",
    "KEY",
    "LICENCES",
    "LIMITS",
    "QUOTA",
    "STYLES",
    "TERMS",
    "count_request",
    "parse",
    "request",
    "total",
]


def request(search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
    """Return the request for the next page of files that depict the entity."""
    return search_request(_words(search), per_page, answers)


def count_request(search: Search) -> Request | None:
    """Return the request for the total alone."""
    return total_request(_words(search))


def _words(search: Search) -> str:
    return f"haswbstatement:P180={search.qid} filetype:bitmap{of_licence(search)}"
