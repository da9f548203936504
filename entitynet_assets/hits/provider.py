"""What an image search is to us: how to ask a page, how to read it, how many pictures it says it has.

Belongs here: the protocol and its values. Does not belong here: any one search (providers/<name>.py), sending (web.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from entitynet_assets.web import Request


class BadPageError(ValueError):
    """An answer page that is not what the provider promises."""


@dataclass(frozen=True)
class Hit:
    """One result of a page, as the provider states it; `rank` counts over all pages, from 1. Sizes in pixels."""

    rank: int
    image_url: str
    page_url: str | None = None
    alt_text: str | None = None
    title: str | None = None
    licence: str | None = None
    licence_url: str | None = None
    author: str | None = None
    width_px: int | None = None
    height_px: int | None = None


def stated_text(value: object) -> str | None:
    """Return a text of an answer that any table can hold: halves of surrogate pairs are replaced. Raises TypeError if it is none."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected a text, found {value!r}")
    return value and value.encode("utf-8", "replace").decode()


def stated_number(value: object) -> int | None:
    """Return a size of an answer; what is no size of a picture is as good as not stated."""
    number = float(value) if isinstance(value, (int, float, str)) and str(value).replace(".", "", 1).isdecimal() else 0
    return int(number) if 0 < number < 1e9 else None


def ranked_once(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits if their ranks are whole numbers from 1, each once. Raises ValueError."""
    ranks = [hit.rank for hit in hits]
    if any(not 0 < rank < 1e9 for rank in ranks) or len(set(ranks)) < len(ranks):
        raise ValueError(f"ranks must count from 1, each once: {ranks[:20]}")
    return list(hits)


class Provider(Protocol):
    """Pure functions; one module a provider offers exactly these."""

    def request(self, text: str, page: int, per_page: int) -> Request:
        """Return the request for one page, from 1; `per_page` 0 asks for the total alone."""
        ...

    def parse(self, body: str) -> list[Hit]:
        """Return the hits of a page. Raises BadPageError."""
        ...

    def total(self, body: str) -> int:
        """Return how many pictures the provider says it has. Raises BadPageError."""
        ...


def provider(name: str) -> Provider:
    """Return the provider of that name: the module hits/providers/<name>.py."""
    return import_module(f"entitynet_assets.hits.providers.{name}")  # type: ignore[return-value]
