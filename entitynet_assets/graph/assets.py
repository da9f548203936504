"""The door of the graph room: items by SPARQL or dump in Python, every other table in SQL."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from entitynet_assets import previews
from entitynet_assets.graph.closure import members, walk_up
from entitynet_assets.graph.dump import rows_of_scope
from entitynet_assets.graph.items import parents_of, parse_item, value_qids
from entitynet_assets.graph.source import SourceError
from entitynet_assets.graph.sparql import children_query, parse_children
from entitynet_assets.resources import Workplace, data_path, endpoint
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import (
    ATTRIBUTES,
    ENTITIES,
    ENTITY_CHANGES,
    ENTITY_PARENTS,
    ENTITY_ROOTS,
    ENTITY_TEXTS,
    GRAPH_INTEGRITY,
    PARENT_STATEMENTS,
    ROOT_BRANCHES,
    WIKIDATA_ITEMS,
)
from entitynet_assets.web import Answer, Request

IDS_A_CALL = 50  # the item API's limit for anybody
Rows = list[dict[str, Any]]


HARVESTED = {
    "roots",
    "items",
    "relations",
    "exclude",
    "exclude_having",
    "languages",
}  # what of the scope is asked for; the rest is chosen later


def _scope(place: Workplace) -> dict[str, Any]:
    return {
        "scope": place.study.scope.model_dump(include=HARVESTED),
        "source": place.study.graph.model_dump(),
        "sample": place.study.sample and place.study.sample.model_dump(),
        "round": place.lake.round(),
    }


@station(
    WIKIDATA_ITEMS,
    reads=("previous_entities",),
    params=_scope,
    kinds=("python", "sparql"),
    preview=previews.ITEMS,
    code_version="4",
    config_schema={"new_round": dg.Field(bool, default_value=False)},
)
def wikidata_items(work: Work) -> Made:
    """Items at or below the study's roots or named by it, what names their colours, materials and parts, and former entities.

    What was an entity in the last sealed round and is found no more is asked for once, so that a merge is told from a deletion.

    Configuration `new_round: true` seals the current harvest round first, so that everything is asked anew.
    """
    rows = _from_dump(work) if work.study.graph.source == "dump" else _from_sparql(work)
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    return Made(rows, counts, {"items": len(rows)})


def _from_sparql(work: Work) -> Rows:
    scope, address = work.study.scope, endpoint("sparql", work.study.graph.sparql)

    def below(parents: Sequence[str], relations: Sequence[str]) -> list[tuple[str, str]]:
        form = {"query": children_query(parents, relations)}
        answer = work.place.web.ask(Request(address, headers={"Accept": "application/sparql-results+json"}, form=form))
        return parse_children(need_answer(answer, "SPARQL").body)

    found = {*members(scope.roots, scope.relations, below, scope.exclude), *scope.items}
    rows = _hydrate(work, sorted(found), "member")
    values = set[str]().union(*(value_qids(row) for row in rows))
    rows += _ancestors(work, rows)
    known = {row["qid"] for row in rows}
    former = _former(work) - known - values
    return rows + _hydrate(work, sorted(values - known), "value") + _hydrate(work, sorted(former), "former")


def _ancestors(work: Work, rows: Rows) -> Rows:
    """Return what is above the items that the scope names, asked for level by level."""
    scope, known = work.study.scope, {row["qid"]: row for row in rows}
    found: Rows = []

    def above(qids: Sequence[str], relations: Sequence[str]) -> set[str]:
        new = _hydrate(work, [qid for qid in qids if qid not in known], "ancestor")
        found.extend(new)
        known.update({row["qid"]: row for row in new})
        return set[str]().union(*(parents_of(known[qid], relations) for qid in qids))

    walk_up(scope.items, above, scope.relations)
    return found


def _former(work: Work) -> set[str]:
    return {row["qid"] for row in work.rows("previous_entities", "qid")}


def _hydrate(work: Work, qids: Sequence[str], role: str) -> Rows:
    return ask_items(work.place, qids, role, work.advance)


def ask_items(place: Workplace, qids: Sequence[str], role: str, advance: Callable[[int, int, str], None]) -> Rows:
    """Return the rows of items as the item API has them. Raises SourceError if it does not answer."""
    address, scope = endpoint("api", place.study.graph.api), place.study.scope
    rows: Rows = []
    for start in range(0, len(qids), IDS_A_CALL):
        batch = qids[start : start + IDS_A_CALL]
        query = {
            "action": "wbgetentities",
            "ids": "|".join(batch),
            "format": "json",
            "languages": "|".join({*scope.languages, "en", "mul"}),
        }
        answer = need_answer(place.web.ask(Request(address, params=query)), "item API")
        found = _entities(answer)
        rows += [
            parse_item(qid, found.get(qid, {"missing": ""}), role, scope.languages, scope.exclude_having)
            for qid in batch
        ]
        advance(start + len(batch), len(qids), f"{role} items")
    return rows


def _entities(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.body)
        if "error" in body:
            raise SourceError(
                f"item API refused: {body['error'].get('code')}: {body['error'].get('info')}; mend graph.api or wait"
            )
        found = body["entities"]
        return {item.get("redirects", {}).get("from", qid): item for qid, item in found.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise SourceError(f"item API: expected entities, found {answer.body[:200]!r}; check graph.api") from error


def need_answer(answer: Answer, name: str) -> Answer:
    """Return an answer that came whole. Raises SourceError with what was asked and what to do."""
    if not answer.ok:
        said = answer.body[:200].decode("utf-8", "replace")
        if answer.outcome in ("connection", "timeout"):
            raise SourceError(
                f"{name} at {answer.url}: the host {urlsplit(answer.url).netloc} did not answer: {answer.outcome} ({answer.reason}), "
                f"{answer.tries} tries; this study needs the network, and nothing of it was changed: check the address and the network"
            )
        raise SourceError(
            f"{name} at {answer.url}: {answer.outcome} ({answer.reason}) after {answer.tries} tries: {said}; "
            "check the address and the network"
        )
    return answer


def _from_dump(work: Work) -> Rows:
    return rows_of_scope(data_path(endpoint("dump", work.study.graph.dump)), work.study.scope, _former(work))


STATIONS: tuple[Station, ...] = (
    wikidata_items,
    sql_asset(PARENT_STATEMENTS),
    sql_asset(ENTITY_PARENTS),
    sql_asset(ENTITY_ROOTS),
    sql_asset(ENTITIES, preview=previews.ENTITIES),
    sql_asset(ROOT_BRANCHES),
    sql_asset(ATTRIBUTES, preview=previews.ATTRIBUTES),
    sql_asset(ENTITY_TEXTS),
    sql_asset(GRAPH_INTEGRITY, preview=previews.FINDINGS),
    sql_asset(ENTITY_CHANGES),
)
