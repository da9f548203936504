"""What an image search is to us: what it is asked by, how to ask it, how its answers are read, what it allows.

Belongs here: what providers have in common, their values, and the reading that every provider needs. Does not belong here: any one search
(providers/<name>.py), keys (keys.py), sending (web.py).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from entitynet_assets.web import Limit, Request


class BadPageError(ValueError):
    """An answer page that is not what the provider promises."""


@dataclass(frozen=True)
class Key:
    """How a provider wants to be told who asks: a header or a parameter of this name, from ENTITYNET_KEY_<PROVIDER>.

    `exchange` is where a client's id and secret, joined by a colon, are exchanged for a token (OAuth 2.0 client credentials).
    """

    variable: str
    source: str  # where to get one
    header: str = ""
    parameter: str = ""
    prefix: str = ""  # what stands before the key in the header
    needed: bool = True
    exchange: str = ""


@dataclass(frozen=True)
class Search:
    """What is looked for: a text with options, or an entity by what it is called elsewhere.

    `style` is any, photo or drawing; `or_terms` are other names of the same; `exclude` are words that must not be there.
    `identifiers` maps Wikidata properties to values (P3151: the iNaturalist taxon). `licence` narrows a count to one licence.
    """

    text: str = ""
    qid: str = ""
    style: str = "any"
    or_terms: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    licence: str = ""


@dataclass(frozen=True)
class Hit:
    """One result of a page, as the provider states it; `rank` counts from 1 in the page, or over all pages. Sizes in pixels.

    `alt_text` stands at the picture in a page; `page_text` is a description, which may be long and about more than the picture.
    """

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
    page_text: str | None = None


class Provider:
    """What every provider offers; a file of providers/ has one of these as PROVIDER, with its facts and what is its own.

    The parts stand on each other: `request` asks for numbered pages by `page` while `goes_on`; `parse` reads the rows that lie at
    ROWS of an answer, each by `hit`; `total` is what lies at TOTAL. A provider overrides as little as it can.
    """

    LIMITS: tuple[Limit, ...] = ()  # how often it may be asked; empty: as often as the pace per host allows
    LIMITS_WITH_KEY: tuple[Limit, ...] = ()  # with a key that may be left out, if they are others
    MOST_WITHOUT_KEY = 0  # results a page without a key that may be left out; 0 is as many as with it
    QUOTA: str  # providers of one name share one count
    KEY: Key | None = None
    TERMS: str  # what its terms ask of us, in a line
    DEPTH = 0  # results that it gives of one search at most; 0 is all
    STYLES: tuple[str, ...] = ()  # styles that it can be asked for
    LICENCES: ClassVar[Mapping[str, str]] = {}  # licences that a count can be narrowed to, and how it calls them
    ROWS: tuple[str, ...] = ("results",)  # the way to the list of results in an answer
    TOTAL: tuple[str, ...] = ()  # the way to the count in an answer; empty: there is none, and none is asked for
    FIELDS: ClassVar[Mapping[str, str]] = {}  # fields of a hit by the names that they have in a result

    def request(self, search: Search, per_page: int, answers: Sequence[str] = ()) -> Request | None:
        """Return the request for the page after `answers`, the bodies so far; none of them yet: the first page.

        None where the search has come to its end, or the entity has nothing that this provider could be asked by.
        """
        ended = bool(answers) and not self.goes_on(answers[-1], len(answers), per_page)
        if ended or not within(self.DEPTH, per_page, len(answers)):
            return None
        return self.page(search, len(answers) + 1, per_page)

    def page(self, search: Search, number: int, per_page: int) -> Request | None:
        """Return the request for a page, counted from 1."""
        raise NotImplementedError(f"{type(self).__name__} has no numbered pages")

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say by the last answer whether a page comes after those answered. Raises BadPageError."""
        return bool(self.parse(body))

    def count_request(self, search: Search) -> Request | None:
        """Return the request whose answer says how many pictures there are; None where there is none."""
        return self.page(search, 1, 1) if self.TOTAL else None

    def parse(self, body: str) -> list[Hit]:
        """Return the hits of a page. Raises BadPageError."""
        answer = self.answer(body)
        with expecting(f"{'.'.join(self.ROWS)}, each with an address"):
            rows = listed(at(answer, self.ROWS))
            return ranked_once([self.hit(self.rank(row, place), row) for place, row in enumerate(rows, 1)])

    def answer(self, body: str) -> Mapping[str, Any]:
        """Return an answer as an object, if it is no refusal. Raises BadPageError."""
        return json_object(body)

    def rank(self, row: Mapping[str, Any], place: int) -> int:
        """Return the rank of a result: its place in the answer, where it states none."""
        return place

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a result as a hit; one without an address is counted as such by who reads it."""
        return hit_of(rank, row, self.FIELDS)

    def total(self, body: str) -> int:
        """Return how many pictures the provider says it has; without a count, those of the answer. Raises BadPageError."""
        if not self.TOTAL:
            return len(self.parse(body))
        answer = self.answer(body)
        with expecting(f"a count as {'.'.join(self.TOTAL)}"):
            return count_of(at(answer, self.TOTAL))

    def totals(self, body: str) -> Mapping[str, int]:
        """Return the counts by licence that an answer to `count_request` has besides. Raises BadPageError."""
        return {}


class Batched(Provider):
    """A provider that answers for many entities at once; the rest is as with any other."""

    BATCH: int  # entities a request

    def batch_request(self, searches: Sequence[Search], most: int) -> Request:
        """Return the request for at most `most` pictures of each entity; 0 asks for counts alone."""
        raise NotImplementedError

    def split(self, body: str, searches: Sequence[Search]) -> list[str]:
        """Return the part of an answer that is each entity's, as a body that `parse` and `totals` read. Raises BadPageError."""
        raise NotImplementedError


def provider(name: str) -> Provider:
    """Return the provider of that name, of the module hits/providers/<name>.py."""
    return import_module(f"entitynet_assets.hits.providers.{name}").PROVIDER


def at(answer: Mapping[str, Any], way: Sequence[str]) -> Any:
    """Return what lies at the end of a way of names in an answer. Raises KeyError or TypeError."""
    found: Any = answer
    for name in way:
        found = found[name]
    return found


def hit_of(rank: int, row: Mapping[str, Any], fields: Mapping[str, str], **more: Any) -> Hit:
    """Return the hit whose fields stand under these names of a result; `more` are fields that are read otherwise."""
    said = {
        field: (stated_number if field.endswith("_px") else stated_text)(row.get(name))
        for field, name in fields.items()
    }
    return Hit(**{"rank": rank, **said, "image_url": said.get("image_url") or "", **more})


@contextlib.contextmanager
def expecting(words: str) -> Iterator[None]:
    """Turn what goes wrong in reading an answer into a BadPageError that says what was expected."""
    try:
        yield
    except BadPageError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise BadPageError(f"expected {words}, found {type(error).__name__}: {str(error)[:200]}") from error


def json_object(body: str) -> dict[str, Any]:
    """Return the object that an answer is. Raises BadPageError."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadPageError(f"expected JSON, found {body[:120]!r}") from error
    if not isinstance(answer, dict):
        raise BadPageError(f"expected a JSON object, found {body[:120]!r}")
    return answer


def listed(value: object) -> list[dict[str, Any]]:
    """Return a list of objects of an answer. Raises TypeError if it is none."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise TypeError(f"a list of objects, found {str(value)[:80]!r}")
    return value


def stated_text(value: object) -> str | None:
    """Return a text of an answer that any table can hold: halves of surrogate pairs are replaced. Raises TypeError if it is none."""
    if value is not None and not isinstance(value, str):
        raise TypeError(f"expected a text, found {value!r}")
    return value and value.encode("utf-8", "replace").decode()


def stated_number(value: object) -> int | None:
    """Return a size of an answer; what is no size of a picture is as good as not stated."""
    number = float(value) if isinstance(value, (int, float, str)) and str(value).replace(".", "", 1).isdecimal() else 0
    return int(number) if 0 < number < 1e9 else None


def count_of(value: object) -> int:
    """Return a count of an answer. Raises ValueError or TypeError if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise TypeError(f"a count, found {value!r}")
    number = int(value)
    if number < 0:
        raise ValueError(f"a count, found {value!r}")
    return number


def ranked_once(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits if their ranks are whole numbers from 1, each once. Raises ValueError."""
    ranks = [hit.rank for hit in hits]
    if any(not 0 < rank < 1e9 for rank in ranks) or len(set(ranks)) < len(ranks):
        raise ValueError(f"ranks must count from 1, each once: {ranks[:20]}")
    return list(hits)


def within(depth: int, per_page: int, answered: int) -> bool:
    """Say whether another page of that size begins within a provider's depth."""
    return not depth or answered * per_page < depth


def google_words(search: Search) -> str:
    """Return a search in the words that most web searches know: OR between names, a minus before what must not be there."""
    names = [f'"{term}"' for term in search.or_terms]
    return " ".join(
        [search.text, *([f"({' OR '.join(names)})"] if names else []), *(f"-{word}" for word in search.exclude)]
    )
