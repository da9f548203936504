"""The door of the graph room: items by SPARQL or dump in Python, every other table in SQL."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from entitynet_assets import previews
from entitynet_assets.graph.closure import INSTANCE_OF, excluded_members, members, need_roots, walk_up
from entitynet_assets.graph.dump import rows_of_scope
from entitynet_assets.graph.hydration import ItemApi
from entitynet_assets.graph.items import parents_in_row, value_qids
from entitynet_assets.graph.model_tables import generated_attributes, visual_judgements
from entitynet_assets.graph.service import Service
from entitynet_assets.graph.snapshot import dump_facts, source_row
from entitynet_assets.graph.source import need_answer
from entitynet_assets.resources import Workplace, data_path, endpoint
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Scope
from entitynet_assets.tables import (
    ATTRIBUTE_COVERAGE,
    ATTRIBUTES,
    ENTITIES,
    ENTITY_CHANGES,
    ENTITY_PARENTS,
    ENTITY_ROOTS,
    ENTITY_TEXTS,
    GRAPH_INTEGRITY,
    GRAPH_SNAPSHOT,
    GRAPH_SOURCE,
    MINED_ATTRIBUTES,
    NAMED_ANCESTORS,
    PARENT_STATEMENTS,
    ROOT_BRANCHES,
    VISUALITY,
    WIKIDATA_ITEMS,
)
from entitynet_assets.web import Request

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


def _source(place: Workplace) -> dict[str, Any]:
    graph = place.study.graph
    return {
        "source": graph.model_dump(), "round": place.lake.round(), "file": dump_facts(place) if graph.source == "dump" else None,
    }  # fmt: skip


@station(
    GRAPH_SOURCE,
    params=_source,
    kinds=("python", "sparql"),
    config_schema={"new_round": dg.Field(bool, default_value=False)},
)
def graph_source(work: Work) -> Made:
    """What the study's source says of itself, asked once a round; of a dump its file, looked at by every run.

    So a file that was replaced is read again within the same round, and one that was not is not.

    Configuration `new_round: true` seals the current harvest round first, so that everything is asked anew.
    """
    return Made([source_row(work.place)])


@station(
    WIKIDATA_ITEMS,
    reads=("graph_source", "previous_entities"),
    params=_scope,
    kinds=("python", "sparql"),
    preview=previews.ITEMS,
    code_version="8",
)
def wikidata_items(work: Work) -> Made:
    """Items at or below the study's roots or named by it, what names their colours, materials and parts, and former entities.

    What was an entity in the last sealed round and is found no more is asked for once, so that a merge is told from a deletion.
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
        notes = work.lake.notes(work.table.name, work.slice)
        service, items = _service(work, note, notes), ItemApi(work.place, note, notes)
        walked = members(scope.roots, scope.relations, service.below, scope.exclude).keys()
        rows = items.rows(sorted({*walked, *scope.items}), "member", work.advance)
        out = _excluded([row for row in rows if row["qid"] in walked], service, scope) - set(scope.items)
        service.need_whole()
        rows = [row for row in rows if row["qid"] not in out]
        values = set[str]().union(*(value_qids(row) for row in rows))
        rows += _ancestors(work, items, rows)
        taken = {row["qid"] for row in rows}
        former = _former(work) - taken - values
        rows += items.rows(sorted(values - taken), "value", work.advance)
        return rows + items.rows(sorted(former), "former", work.advance)


def _service(work: Work, note: Callable[[Mapping[str, Any]], None], notes: Rows) -> Service:
    address = endpoint("sparql", work.study.graph.sparql)
    accept = {"Accept": "application/sparql-results+json"}
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


def _ancestors(work: Work, items: ItemApi, rows: Rows) -> Rows:
    """Return what is above the items that the scope names, asked for level by level."""
    scope, known = work.study.scope, {row["qid"]: row for row in rows}
    found: Rows = []

    def above(qids: Sequence[str], relations: Sequence[str]) -> set[str]:
        new = items.rows([qid for qid in qids if qid not in known], "ancestor", work.advance)
        found.extend(new)
        known.update({row["qid"]: row for row in new})
        return set[str]().union(*(parents_in_row(known[qid], relations) for qid in qids))

    walk_up(scope.items, above, scope.relations)
    return found


def _former(work: Work) -> set[str]:
    return {row["qid"] for row in work.rows("previous_entities", "qid")}


def _from_dump(work: Work) -> Iterator[Row]:
    return rows_of_scope(data_path(endpoint("dump", work.study.graph.dump)), work.study.scope, _former(work))


STATIONS: tuple[Station, ...] = (
    graph_source,
    wikidata_items,
    sql_asset(GRAPH_SNAPSHOT, preview=previews.SNAPSHOT),
    sql_asset(PARENT_STATEMENTS),
    sql_asset(ENTITY_PARENTS),
    sql_asset(ENTITY_ROOTS),
    visual_judgements,
    sql_asset(VISUALITY, preview=previews.VISUALITY),
    sql_asset(ENTITIES, preview=previews.ENTITIES),
    sql_asset(NAMED_ANCESTORS),
    sql_asset(ROOT_BRANCHES),
    sql_asset(MINED_ATTRIBUTES),
    generated_attributes,
    sql_asset(ATTRIBUTES, preview=previews.ATTRIBUTES),
    sql_asset(ATTRIBUTE_COVERAGE, preview=previews.ATTRIBUTE_COVERAGE),
    sql_asset(ENTITY_TEXTS, preview=previews.ENTITY_TEXTS),
    sql_asset(GRAPH_INTEGRITY, preview=previews.FINDINGS),
    sql_asset(ENTITY_CHANGES, preview=previews.CHANGES),
)
