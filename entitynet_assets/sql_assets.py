"""Tables made by a SELECT: the query is the wiring, its inputs, parameters and column lineage are read off it.

Belongs here: parsing SQL files with sqlglot. Does not belong here: the loop (stations.py), running queries (lake.py).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage as trace_column
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from entitynet_assets.lake import read_sql
from entitynet_assets.resources import Workplace, query_words
from entitynet_assets.stations import Made, Preview, Query, Station, Work
from entitynet_assets.studies.models import Mix, Screen, Study
from entitynet_assets.tables import PREVIOUS, TABLES, ContractError, Table
from entitynet_train.spec import TEXT_SOURCES, all_kinds


def sql_asset(table: Table, every: tuple[str, ...] = (), preview: Preview | None = None) -> Station:
    """Return the station of a table whose SELECT stands in sql/<room>/<table>.sql.

    Raises ContractError if the query reads a name that is no table.
    """
    query = read_sql(table)
    used = parameters_of(query)

    def params(place: Workplace) -> dict[str, Any]:
        return {name: value for name, value in study_parameters(place).items() if name in used}

    def make(work: Work) -> Made:
        return Made(Query(query, {**params(work.place), **_slice_parameters(work, used)}))

    return Station(
        table, make, reads=tables_of(query, table.name), every=every, params=params, kinds=("sql", "duckdb"),
        code_version=code_version_of(query), description=_opening_comment(query), column_lineage=lambda: column_lineage(table),
        preview=preview,
    )  # fmt: skip


def scored_by(study: Study, screen: Screen) -> str:
    """Return who scores pictures for a screen, as the table `screens` says it; empty for prompts without an encoder."""
    if screen.classifier:
        return f"{screen.classifier}@{screen.version}"
    return study.encoder.model if study.encoder else ""


def study_parameters(place: Workplace) -> dict[str, Any]:
    """Return every value of a study that a SELECT may name as $parameter."""
    study: Study = place.study
    return {
        "roots": study.scope.roots, "items": study.scope.items, "exclude": study.scope.exclude, "relations": study.scope.relations,
        "languages": study.scope.languages, "min_sitelinks": study.scope.min_sitelinks,
        "need_image": study.scope.need_image, "exclude_having": study.scope.exclude_having,
        "leaves_only": study.scope.leaves_only, "entity_limit": place.limit or study.scope.limit,
        "skip_types": study.scope.skip_types, "max_branch_share": study.scope.max_branch_share,
        "min_branch_entities": study.scope.min_branch_entities, "visual": study.scope.visual,
        "attributes_per_category": study.scope.attributes_per_category,
        "query_kinds": list(study.queries.kinds), "queries_per_entity": study.queries.per_entity, "style": study.queries.style,
        "or_terms": study.queries.or_terms > 0, "most_or_terms": study.queries.or_terms, "exclude_words": study.queries.exclude,
        "words": query_words(study), "ask_items": any(provider.asks_items for provider in study.providers),
        "page_budget": sum(provider.pages * provider.per_page for provider in study.providers),
        **study.linking.model_dump(), **study.curation.model_dump(), "refused_pattern": refused_pattern(study.curation.refused_words),
        "encoder": study.encoder.model if study.encoder else "",
        "min_relevance": study.encoder.min_relevance if study.encoder else 0.0,
        "leak_cosine": study.encoder.leak_cosine if study.encoder else 1.0,
        "screen_rules": [
            {"screen": screen.name, "rule": screen.rule, "margin": screen.margin, "scored_by": scored_by(study, screen)}
            for screen in study.screens
        ]
        or [{"screen": "", "rule": "", "margin": 0.0, "scored_by": ""}],  # an empty list has no type
        "benchmark_names": [benchmark.name for benchmark in study.benchmarks] or [""],
        "coverage_limits": [
            {"benchmark": benchmark.name, "min_coverage": 0.0 if place.limit else benchmark.min_coverage}
            for benchmark in study.benchmarks
        ] or [{"benchmark": "", "min_coverage": 0.0}],  # an empty list has no type
        **mix_parameters(study.mixes),
    }  # fmt: skip


def mix_parameters(mixes: Sequence[Mix]) -> dict[str, Any]:
    """Return what a SELECT may know of mixes: their facts, their weights by kind of link ('' is the web), which sources they use."""
    plain = [mix.caption_mix() for mix in mixes]
    return {
        "mixes": [
            {"mix": mix.name, "two_stage": bool(mix.by_query), "web_share": float(mix.web_share),
             "ancestor_decay": float(mix.ancestor_decay), "ancestor_distance": mix.ancestor_distance,
             "balance": next(iter(mix.balance), "none"), "most": sum(mix.balance.values())}
            for mix in plain
        ],
        "mix_weights": [
            {"mix": mix.name, "query_kind": kind, "source": TEXT_SOURCES[place], "unit": unit, "place": place, "weight": float(weight)}
            for mix in plain for kind in ("", *all_kinds())
            for place, (unit, weight) in mix.table(kind if mix.by_query else "").items()
        ],
        "mix_sources": sorted({source for mix in plain for source in mix.sources}),
        "ancestor_distance": max((mix.ancestor_distance for mix in plain if "ancestor" in mix.sources), default=0),
    }  # fmt: skip


def refused_pattern(words: Sequence[str]) -> str:
    """Return a pattern (RE2) of which group 2 is one of the words, whole and in any case; empty for none."""
    listed = "|".join(re.escape(unicodedata.normalize("NFC", " ".join(word.split()))) for word in sorted(words))
    return rf"(?i)(^|[^\pL\pM\pN])({listed})([^\pL\pM\pN]|$)" if words else ""


def _slice_parameters(work: Work, used: set[str]) -> dict[str, Any]:
    known = {"slice_count": work.study.slices}
    if work.table.slicing == "slices":
        known["slice_index"] = int(work.slice)
    return {name: value for name, value in known.items() if name in used}


@cache
def parse(query: str) -> exp.Query:
    """Return the syntax tree of one SELECT, the same for all who ask: copy it to change it.

    Raises ContractError if it is anything else.
    """
    statements = [statement for statement in sqlglot.parse(query, dialect="duckdb") if statement is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise ContractError(
            f"expected one SELECT, found {[type(s).__name__ for s in statements]}; a SQL file makes exactly one table"
        )
    return statements[0]


def tables_of(query: str, own: str = "") -> tuple[str, ...]:
    """Return the tables that a SELECT reads, in name order. Raises ContractError on a name that is no table."""
    tree = parse(query)
    inner = {cte.alias for cte in tree.find_all(exp.CTE)}
    names = {table.name for table in tree.find_all(exp.Table) if table.name} - inner - {own}
    unknown = sorted(name for name in names if name not in TABLES and name not in PREVIOUS)
    if unknown:
        raise ContractError(f"{own or 'query'}: reads {unknown}, which are no tables; the tables are in tables.py")
    return tuple(sorted(names))


def parameters_of(query: str) -> set[str]:
    """Return the names of $parameters in a SELECT."""
    return {node.name for node in parse(query).find_all(exp.Parameter, exp.Placeholder)}


def code_version_of(query: str) -> str:
    """Return a short hash of what a SELECT says, whatever its comments and layout."""
    return hashlib.sha256(parse(query).sql(dialect="duckdb", comments=False).encode()).hexdigest()[:12]


@cache
def column_lineage(table: Table) -> Mapping[str, list[tuple[str, str]]]:
    """Return, per column, the (table, column) pairs its SELECT computes it from; a column sqlglot cannot trace is left out."""
    query = read_sql(table)
    tables = tables_of(query, table.name)
    schema: dict[str, object] = {
        name: {c.name: c.type for c in (TABLES.get(name) or PREVIOUS[name]).columns} for name in tables
    }
    tree = qualify(parse(query).copy(), schema=schema, dialect="duckdb", validate_qualify_columns=False)
    scope, traced = build_scope(tree), {}
    for column in table.column_names:
        try:
            root = trace_column(column, tree, schema=schema, scope=scope, dialect="duckdb")
        except (SqlglotError, ValueError, KeyError, RecursionError):
            continue
        leaves = {
            (node.expression.name, node.name.split(".")[-1].strip('"'))
            for node in root.walk()
            if isinstance(node.expression, exp.Table)
        }
        traced[column] = sorted(leaf for leaf in leaves if leaf[0] in schema)
    return traced


def _opening_comment(query: str) -> str:
    lines = []
    for line in query.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--").strip())
    return " ".join(lines)
