"""Items that may be meant by a name: read off a dump, or asked of a SPARQL endpoint and its item API.

Belongs here: finding candidates in a source. Does not belong here: which candidate a name means (names.py).

A dump is read whole and compared without case. An endpoint has no index that is blind to case, so it is asked for each name as
written, in small letters, and with the first letter or every first letter large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from entitynet_assets.draft.names import QID, folded, names_of
from entitynet_assets.graph.dump import rows_of_items
from entitynet_assets.graph.hydration import ItemApi
from entitynet_assets.graph.source import need_answer
from entitynet_assets.graph.sparql import ENTITY, PREFIXES, parse_bindings
from entitynet_assets.resources import Workplace, data_path, endpoint
from entitynet_assets.web import Request

NAMES_A_QUERY = 25
Rows = list[dict[str, Any]]


def candidates(place: Workplace, names: Sequence[str]) -> Rows:
    """Return the rows of all items that are called by one of the names, and perhaps of others."""
    return _in_dump(place, names) if place.study.graph.source == "dump" else _at_endpoint(place, names)


def names_query(names: Sequence[str], languages: Sequence[str]) -> str:
    """Return the query for the items that have one of the names, in these spellings, as label, alias, taxon or common name."""
    spelled = [_literal(form) for name in names for form in spellings(name)]
    values = " ".join(one + tag for one in spelled for tag in ("", *(f"@{language}" for language in languages)))
    return (
        f"{PREFIXES} PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#> PREFIX skos: <http://www.w3.org/2004/02/skos/core#> "
        f"SELECT DISTINCT ?item WHERE {{ VALUES ?name {{ {values} }} ?item rdfs:label|skos:altLabel|wdt:P225|wdt:P1843 ?name }}"
    )


def spellings(name: str) -> list[str]:
    """Return a name as an endpoint is asked for it."""
    return list(dict.fromkeys((name, name.lower(), name[:1].upper() + name[1:].lower(), name.title())))


def _in_dump(place: Workplace, names: Sequence[str]) -> Rows:
    wanted, languages = {folded(name) for name in names}, place.study.scope.languages
    found = rows_of_items(data_path(endpoint("dump", place.study.graph.dump)), languages)
    return [row for row in found if not wanted.isdisjoint(names_of(row))]


def _at_endpoint(place: Workplace, names: Sequence[str]) -> Rows:
    ids = {name for name in names if QID.fullmatch(name)}
    plain = [name for name in names if name not in ids]
    for start in range(0, len(plain), NAMES_A_QUERY):
        ids.update(_ids(place, plain[start : start + NAMES_A_QUERY]))
    return ItemApi(place).rows(sorted(ids), "member", place.progress.advance)


def _ids(place: Workplace, names: Sequence[str]) -> Iterator[str]:
    form = {"query": names_query(names, place.study.scope.languages)}
    address = endpoint("sparql", place.study.graph.sparql)
    answer = place.web.ask(Request(address, headers={"Accept": "application/sparql-results+json"}, form=form))
    for row in parse_bindings(need_answer(answer, "SPARQL").body):
        if found := ENTITY.match(row["item"]):
            yield found[1]


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
