"""SPARQL: the queries we send and the reading of answers, in plain SPARQL 1.1 for any endpoint.

Belongs here: query texts and strict parsing. Does not belong here: sending (web.py), asking again (service.py), walking (closure.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

ENTITY = re.compile(r"^http://www\.wikidata\.org/entity/(Q[1-9]\d*)$")
NODE = re.compile(r"^[^\s<>\"{}|\\^`]{1,2000}$")  # an address or the name of a blank node
PREFIXES = (
    "PREFIX wd: <http://www.wikidata.org/entity/> PREFIX wdt: <http://www.wikidata.org/prop/direct/> "
    "PREFIX wikibase: <http://wikiba.se/ontology#>"
)


TRACES = (
    "SPARQL-QUERY:",
    "TimeoutException",
    "!!!!>>#",
    "QueryTimeout",
    "OutOfMemory",
)  # what endpoints write into an answer that fails
TAIL = 4000  # where to look for it


class BadAnswerError(ValueError):
    """A SPARQL answer that is not whole or not SPARQL results: what was expected, what was found."""


class PartialAnswerError(BadAnswerError):
    """An answer that began as SPARQL results and failed on the way: a smaller question may be answered whole."""


@dataclass(frozen=True)
class Pairs:
    """A whole answer: (child, parent) ids, how many bindings they were read from, whether the answer counted itself."""

    pairs: list[tuple[str, str]]
    bindings: int
    sealed: bool = False


def children_query(parents: Sequence[str], relations: Sequence[str]) -> str:
    """Return the query for everything one statement below any of the parents: (child, parent)."""
    values = " ".join(f"wd:{qid}" for qid in parents)
    path = "|".join(f"wdt:{relation}" for relation in relations)
    return f"{PREFIXES} SELECT DISTINCT ?child ?parent WHERE {{ VALUES ?parent {{ {values} }} ?child {path} ?parent }}"


def parents_query(children: Sequence[str], relations: Sequence[str]) -> str:
    """Return the query for everything one statement above any of the children: (child, parent)."""
    values = " ".join(f"wd:{qid}" for qid in children)
    path = "|".join(f"wdt:{relation}" for relation in relations)
    return f"{PREFIXES} SELECT DISTINCT ?child ?parent WHERE {{ VALUES ?child {{ {values} }} ?child {path} ?parent }}"


def count_query(query: str) -> str:
    """Return the query for the number of rows of one of our queries, to be held against what came."""
    select = query.removeprefix(PREFIXES).strip()
    return f"{PREFIXES} SELECT (COUNT(*) AS ?rows) WHERE {{ {{ {select} }} }}"


def parse_count(body: bytes) -> int:
    """Return the answer to a count_query. Raises BadAnswerError."""
    rows, _ = _bindings(body)
    if len(rows) != 1 or not re.fullmatch("[0-9]{1,15}", str(rows[0].get("rows"))):
        raise BadAnswerError(f"expected one count, found {rows[:3]!r}")
    return int(rows[0]["rows"])


def snapshot_query() -> str:
    """Return the query for how far the endpoint's data reach."""
    return f"{PREFIXES} SELECT ?until WHERE {{ wikibase:Dump wikibase:updatesCompleteUntil ?until }}"


def parse_bindings(body: bytes) -> list[dict[str, str]]:
    """Return one {variable: value} per binding of SPARQL JSON results. Raises BadAnswerError on anything else."""
    return _bindings(body)[0]


def parse_pairs(body: bytes) -> Pairs:
    """Return what a children or parents query found; values that are no items (unknown values) are left out, as they name nothing.

    Raises BadAnswerError on a value that is no address at all: an endpoint may write its stack trace into a string.
    """
    rows, sealed = _bindings(body)
    found = [(_item(row, "child"), _item(row, "parent")) for row in rows]
    return Pairs(sorted({(child, parent) for child, parent in found if child and parent}), len(rows), sealed)


def parse_children(body: bytes) -> list[tuple[str, str]]:
    """Return the pairs of an answer alone."""
    return parse_pairs(body).pairs


def _bindings(body: bytes) -> tuple[list[dict[str, str]], bool]:
    """Return one {variable: value} per binding, and whether the answer counts itself.

    Endpoints put prose, HTML and half answers into a status of 200, so the body must parse whole and have the right shape.
    """
    try:
        answer = json.loads(body)
        bindings = answer["results"]["bindings"]
        rows = [{name: term["value"] for name, term in binding.items()} for binding in bindings]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        kind = PartialAnswerError if failed_midway(body) else BadAnswerError
        raise kind(f"expected SPARQL JSON results, found {_shown(body)} ({type(error).__name__})") from error
    meta = answer.get("meta")
    stated = meta.get("result-size-total") if isinstance(meta, dict) else None
    if stated is not None and stated != len(rows):
        raise PartialAnswerError(f"expected {stated} bindings as the answer's own count says, found {len(rows)}")
    return rows, stated is not None


def failed_midway(body: bytes) -> bool:
    """Say whether a body began as SPARQL results or says that time or memory ran out, so that a smaller question may do better."""
    start, tail = body[:TAIL].decode("utf-8", "replace"), body[-TAIL:].decode("utf-8", "replace")
    begun = start.lstrip().startswith('{"head"') or '"bindings"' in start
    return begun or any(trace in start or trace in tail for trace in TRACES)


def _shown(body: bytes) -> str:
    return repr(body[:200]) if len(body) <= 400 else f"{body[:200]!r} ... {body[-200:]!r}"


def _item(row: dict[str, str], name: str) -> str | None:
    value = row.get(name)
    if not isinstance(value, str) or not NODE.match(value):
        kind = PartialAnswerError if any(trace in str(value) for trace in TRACES) else BadAnswerError
        raise kind(f"expected the address of ?{name}, found {str(value)[:200]!r}")
    found = ENTITY.match(value)
    return found[1] if found else None
