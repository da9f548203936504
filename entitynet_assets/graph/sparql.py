"""SPARQL: the queries we send and the reading of answers, in plain SPARQL 1.1 for any endpoint.

Belongs here: query texts and strict parsing. Does not belong here: sending (web.py), walking (closure.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

ENTITY = re.compile(r"^http://www\.wikidata\.org/entity/(Q[1-9]\d*)$")
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
    sealed = answer.get("meta", {}).get("result-size-total")
    if sealed is not None and sealed != len(rows):
        raise BadAnswerError(f"expected {sealed} bindings as the answer's own count says, found {len(rows)}")
    return rows


def parse_children(body: bytes) -> list[tuple[str, str]]:
    """Return (child, parent) ids; values that are no items (unknown values) are left out, as they name nothing."""
    pairs = [(ENTITY.match(row.get("child", "")), ENTITY.match(row.get("parent", ""))) for row in parse_bindings(body)]
    return sorted({(child[1], parent[1]) for child, parent in pairs if child and parent})
