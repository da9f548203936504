"""The door of the graph room: items by SPARQL or dump in Python, every other table in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import msgspec

from entitynet_assets import previews
from entitynet_assets.graph.closure import INSTANCE_OF, excluded_members, members, need_roots, walk_up
from entitynet_assets.graph.dump import rows_of_scope
from entitynet_assets.graph.items import UNREADABLE, parents_in_row, parse_item, value_qids
from entitynet_assets.graph.service import Service
from entitynet_assets.graph.source import SourceError
from entitynet_assets.resources import Workplace, data_path, endpoint
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Scope
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

MISSING = b'{"missing":""}'  # how the item API says it
IDS_A_CALL = 50  # the item API's limit for anybody
Row = dict[str, Any]
Rows = list[Row]


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
    code_version="6",
    config_schema={"new_round": dg.Field(bool, default_value=False)},
)
def wikidata_items(work: Work) -> Made:
    """Items at or below the study's roots or named by it, what names their colours, materials and parts, and former entities.

    What was an entity in the last sealed round and is found no more is asked for once, so that a merge is told from a deletion.

    Configuration `new_round: true` seals the current harvest round first, so that everything is asked anew.
    """
    rows = _from_dump(work) if work.study.graph.source == "dump" else _from_sparql(work)
    counts, items = Counter[str](), Counter[str]()
    return Made(_counted(rows, counts, items), counts, items)


def _counted(rows: Iterable[Row], counts: Counter[str], items: Counter[str]) -> Iterator[Row]:
    for row in rows:
        counts[row["status"]] += 1
        items["items"] += 1
        yield row


def _from_sparql(work: Work) -> Rows:
    scope = work.study.scope
    with work.lake.noting(work.table.name, work.slice, 1) as note:
        service = _service(work, note)
        walked = members(scope.roots, scope.relations, service.below, scope.exclude).keys()
        rows = _hydrate(work, sorted({*walked, *scope.items}), "member")
        out = _excluded([row for row in rows if row["qid"] in walked], service, scope) - set(scope.items)
        service.need_whole()
    rows = [row for row in rows if row["qid"] not in out]
    values = set[str]().union(*(value_qids(row) for row in rows))
    rows += _ancestors(work, rows)
    taken = {row["qid"] for row in rows}
    former = _former(work) - taken - values
    return rows + _hydrate(work, sorted(values - taken), "value") + _hydrate(work, sorted(former), "former")


def _service(work: Work, note: Callable[[Mapping[str, Any]], None]) -> Service:
    address = endpoint("sparql", work.study.graph.sparql)
    accept = {"Accept": "application/sparql-results+json"}
    notes = work.lake.notes(work.table.name, work.slice)
    return Service(
        lambda query: work.place.web.ask(Request(address, headers=accept, form={"query": query})),
        lambda answer: need_answer(answer, "SPARQL"), note, notes, key=f"{address} round {work.lake.round()}",
    )  # fmt: skip


def _excluded(rows: Rows, service: Service, scope: Scope) -> set[str]:
    """Return which of these members are at or below what is excluded, also by a way that was not walked."""
    if not scope.exclude:
        return set()
    steps = [relation for relation in scope.relations if relation != INSTANCE_OF]
    kinds = [INSTANCE_OF] if INSTANCE_OF in scope.relations else []
    up, of = ({row["qid"]: parents_in_row(row, relations) for row in rows} for relations in (steps, kinds))
    out = excluded_members(up, of, scope.exclude, lambda ids: service.above(ids, steps) if steps else ())
    need_roots(scope.roots, out)
    return out


def _ancestors(work: Work, rows: Rows) -> Rows:
    """Return what is above the items that the scope names, asked for level by level."""
    scope, known = work.study.scope, {row["qid"]: row for row in rows}
    found: Rows = []

    def above(qids: Sequence[str], relations: Sequence[str]) -> set[str]:
        new = _hydrate(work, [qid for qid in qids if qid not in known], "ancestor")
        found.extend(new)
        known.update({row["qid"]: row for row in new})
        return set[str]().union(*(parents_in_row(known[qid], relations) for qid in qids))

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
        rows += [parse_item(qid, found.get(qid, MISSING), role, scope.languages, scope.exclude_having) for qid in batch]
        advance(start + len(batch), len(qids), f"{role} items")
    return rows


def _entities(answer: Answer) -> dict[str, msgspec.Raw]:
    """Return each item as it came, by the id that was asked for."""
    try:
        said = msgspec.json.decode(answer.body, type=_Said)
        if said.error is not None:
            raise SourceError(f"item API refused: {said.error.code}: {said.error.info}; mend graph.api or wait")
        if said.entities is None:
            raise ValueError("no entities")
        return {_asked_id(qid, item): item for qid, item in said.entities.items()}
    except (ValueError, RecursionError) as error:
        raise SourceError(f"item API: expected entities, found {answer.body[:200]!r}; check graph.api") from error


class _Refusal(msgspec.Struct):
    code: Any = None
    info: Any = None


class _Said(msgspec.Struct):
    error: _Refusal | None = None
    entities: dict[str, msgspec.Raw] | None = None


def _asked_id(qid: str, item: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(item, type=_Moved).redirects.asked or qid
    except UNREADABLE:
        return qid


class _From(msgspec.Struct):
    asked: str | None = msgspec.field(name="from", default=None)


class _Moved(msgspec.Struct):
    redirects: _From


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


def _from_dump(work: Work) -> Iterator[Row]:
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
