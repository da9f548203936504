"""SPARQL: the queries we send and the reading of answers, in plain SPARQL 1.1 for any endpoint.

Belongs here: query texts and strict parsing. Does not belong here: sending (web.py), walking (closure.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

ENTITY = re.compile(r"^http://www\.wikidata\.org/entity/(Q[1-9]\d*)$")
NODE = re.compile(r"^[^\s<>\"{}|\\^`]{1,2000}$")  # an address or the name of a blank node
PREFIXES = (
    "PREFIX wd: <http://www.wikidata.org/entity/> PREFIX wdt: <http://www.wikidata.org/prop/direct/> "
    "PREFIX wikibase: <http://wikiba.se/ontology#>"
)


class BadAnswerError(ValueError):
    """A SPARQL answer that is not whole or not SPARQL results: what was expected, what was found."""


def children_query(parents: Sequence[str], relations: Sequence[str]) -> str:
    """Return the query for everything one statement below any of the parents: (child, parent)."""
    values = " ".join(f"wd:{qid}" for qid in parents)
    path = "|".join(f"wdt:{relation}" for relation in relations)
    return f"{PREFIXES} SELECT DISTINCT ?child ?parent WHERE {{ VALUES ?parent {{ {values} }} ?child {path} ?parent }}"


def snapshot_query() -> str:
    """Return the query for how far the endpoint's data reach."""
    return f"{PREFIXES} SELECT ?until WHERE {{ wikibase:Dump wikibase:updatesCompleteUntil ?until }}"


def parse_bindings(body: bytes) -> list[dict[str, str]]:
    """Return one {variable: value} per binding of SPARQL JSON results. Raises BadAnswerError on anything else.

    Endpoints put prose, HTML and half answers into a status of 200, so the body must parse whole and have the right shape.
    """
    try:
        answer = json.loads(body)
        bindings = answer["results"]["bindings"]
        rows = [{name: term["value"] for name, term in binding.items()} for binding in bindings]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadAnswerError(f"expected SPARQL JSON results, found {body[:200]!r} ({type(error).__name__})") from error
    meta = answer.get("meta")
    sealed = meta.get("result-size-total") if isinstance(meta, dict) else None
    if sealed is not None and sealed != len(rows):
        raise BadAnswerError(f"expected {sealed} bindings as the answer's own count says, found {len(rows)}")
    return rows


def parse_children(body: bytes) -> list[tuple[str, str]]:
    """Return (child, parent) ids; values that are no items (unknown values) are left out, as they name nothing.

    Raises BadAnswerError on a value that is no address at all: an endpoint may write its stack trace into a string.
    """
    pairs = [(_item(row, "child"), _item(row, "parent")) for row in parse_bindings(body)]
    return sorted({(child, parent) for child, parent in pairs if child and parent})


def _item(row: dict[str, str], name: str) -> str | None:
    value = row.get(name)
    if not isinstance(value, str) or not NODE.match(value):
        raise BadAnswerError(f"expected the address of ?{name}, found {str(value)[:200]!r}")
    found = ENTITY.match(value)
    return found[1] if found else None
