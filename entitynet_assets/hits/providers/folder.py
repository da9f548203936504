"""A folder of photographs of the study as an image search; its address is the study's `providers.address`.

Rate limit: none. Licence: none is stated, as a folder says nothing of it. Texts: none, as a folder has no pages.
The answers have the shape of the sample's search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from entitynet_assets.hits.provider import Search
from entitynet_assets.hits.providers import sample
from entitynet_assets.hits.providers.sample import parse, total
from entitynet_assets.web import Limit, Request

LIMITS: tuple[Limit, ...] = ()
QUOTA, KEY, DEPTH = "folder", None, 0
TERMS = "yours: the photographs are on this machine"
STYLES: tuple[str, ...] = ()
LICENCES: Mapping[str, str] = {}
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
    """Return the request for the next page; the total says where the pages end."""
    asked = sample.request(search, per_page, answers)
    return asked and replace(asked, url="folder://")


def count_request(search: Search) -> Request | None:
    """Return the request for the total alone."""
    asked = sample.count_request(search)
    return asked and replace(asked, url="folder://")
