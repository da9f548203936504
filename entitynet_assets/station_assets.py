"""Stations as Dagster assets: partitions, checks, data versions, metadata, automation.

Belongs here: what Dagster is told of a station. Does not belong here: the loop itself (stations.py), how tables are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from entitynet_assets.lake import WHOLE
from entitynet_assets.partitions import asset_dep, partitions_of
from entitynet_assets.resources import Workplace
from entitynet_assets.shelf import Shelf
from entitynet_assets.stations import Done, Station, run_slice, sql_checks
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import PREVIOUS, TABLES, Table

A: Any = dg.AutomationCondition  # its classes are generic in a way that type checkers cannot combine
ONLY_WHAT_CHANGED = (
    (A.any_deps_match(A.data_version_changed()) | A.code_version_changed() | A.missing()).since_last_handled()
    & ~A.any_deps_missing().ignore(dg.AssetSelection.assets(*PREVIOUS))  # there is none before the first seal
    & ~A.any_deps_in_progress()
    & ~A.in_progress()
    & A.all_deps_blocking_checks_passed()
).with_label("only_what_changed")
TRAINED = ("training", "scores")  # rooms that cost GPU time start by hand or by schedule, never by themselves


def build_asset(stop: Station, study: Study) -> dg.AssetsDefinition:
    """Return the Dagster asset of a station."""
    table = stop.table
    deps = [asset_dep(table, TABLES.get(above) or PREVIOUS[above], stop.every) for above in stop.reads]
    checks = [
        dg.AssetCheckSpec(name, asset=table.name, blocking=True, description=words)
        for name, words in _check_words(table).items()
    ]

    @dg.asset(
        name=table.name, group_name=table.room, deps=deps, partitions_def=partitions_of(study, table.slicing),
        backfill_policy=None if table.slicing == "whole" else dg.BackfillPolicy.single_run(),
        check_specs=checks, kinds=set(stop.kinds), code_version=stop.code_version, required_resource_keys={"workplace"},
        description=_description(stop), metadata={"dagster/column_schema": column_schema(table)},
        automation_condition=None if table.room in TRAINED else ONLY_WHAT_CHANGED, config_schema=dict(stop.config_schema) or None,
        pool="cluster" if table.room in TRAINED else None,
    )  # fmt: skip
    def asset(context) -> Iterator[Any]:  # Dagster cannot read a postponed annotation here
        place: Workplace = context.resources.workplace
        keys = list(context.partition_keys) if table.slicing != "whole" else [WHOLE]
        config = context.op_execution_context.op_config or {}
        if config.get("new_round"):
            place.lake.seal_round()
            _report_sealed(context, place)
        finished: dict[str, Done] = {}
        try:
            for key in keys:
                finished[key] = run_slice(stop, place, key, config)
        except BaseException:
            if table.slicing != "whole":  # what is whole stays recorded as such, whatever befell the next slice
                _report(context, stop, place, finished)
            raise
        yield _result(stop, place, finished)
        if table.slicing != "whole":
            _report(context, stop, place, finished)

    return asset


def _description(stop: Station) -> str:
    glance = "\n\nFigures at a glance: the Events tab, or Metadata below the columns." if stop.preview else ""
    return f"One row per {stop.table.grain}.\n\n{stop.description}{glance}"


def _result(stop: Station, place: Workplace, finished: Mapping[str, Done]) -> dg.MaterializeResult:
    results = []
    for name in _check_words(stop.table):
        offenders = {key: done.problems[name] for key, done in finished.items() if done.problems.get(name)}
        results.append(
            dg.AssetCheckResult(
                passed=not offenders, check_name=name, metadata={"offenders": dg.MetadataValue.json(offenders)}
            )
        )
    whole = stop.table.slicing == "whole"
    version = dg.DataVersion(finished[WHOLE].record.digest) if whole else None
    metadata = {**(preview_metadata(stop, place) if whole else {}), **_metadata(stop, place, finished)}
    return dg.MaterializeResult(check_results=results, data_version=version, metadata=metadata)


def _report(context: dg.AssetExecutionContext, stop: Station, place: Workplace, finished: Mapping[str, Done]) -> None:
    for number, (key, done) in enumerate(finished.items(), 1):
        tags = {"dagster/data_version": done.record.digest, "dagster/data_version_is_user_provided": "true"}
        metadata = _metadata(stop, place, {key: done})
        if number == len(finished):  # once, in the newest event, which is the one that the asset's page shows
            metadata = {**preview_metadata(stop, place), **metadata}
        context.log_event(dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata, tags=tags))


def _report_sealed(context: dg.AssetExecutionContext, place: Workplace) -> None:
    for name in PREVIOUS:
        record = place.lake.need(name)
        tags = {"dagster/data_version": record.digest, "dagster/data_version_is_user_provided": "true"}
        context.log_event(dg.AssetMaterialization(name, metadata={"dagster/row_count": record.rows}, tags=tags))


def _metadata(stop: Station, place: Workplace, finished: Mapping[str, Done]) -> dict[str, Any]:
    counts: dict[str, int] = {}
    work: dict[str, int] = {}
    for done in finished.values():
        for total, part in ((counts, done.record.counts), (work, done.work)):
            for name, number in part.items():
                total[name] = total.get(name, 0) + number
    outcomes = [done.outcome for done in finished.values()]
    records = [place.lake.record(stop.table.name, name) for name in place.lake.slices(stop.table.name)]
    metadata: dict[str, Any] = {
        "dagster/row_count": sum(record.rows for record in records if record),
        "dagster/partition_row_count": sum(done.record.rows for done in finished.values()),
        "dagster/uri": str(place.lake.root / "tables" / stop.table.name),
        "slices_made": outcomes.count("made"), "slices_unchanged": outcomes.count("unchanged"),
        "work": dg.MetadataValue.json(work),
    }  # fmt: skip
    if counts:
        metadata["reasons"] = dg.MetadataValue.json(counts)
    if columns := stop.column_lineage():
        metadata["dagster/column_lineage"] = _lineage(columns)
    return metadata


def preview_metadata(stop: Station, place: Workplace) -> dict[str, Any]:
    """Return a station's preview as metadata; one that fails says so there and fails nothing else."""
    if stop.preview is None:
        return {}
    try:
        with Shelf(place.lake, place.study) as shelf:
            shown = stop.preview(shelf)
        return {name: value for name, found in shown.items() if (value := _shown(found)) is not None}
    except Exception as error:
        return {"preview failed": f"{type(error).__name__}: {str(error)[:500]}"}


def _shown(found: str | Sequence[Mapping[str, Any]]) -> Any:
    if isinstance(found, str):
        return dg.MetadataValue.md(found)
    if not found:
        return None
    kinds = {
        name: "int" if isinstance(value, int) else "float" if isinstance(value, float) else "string"
        for name, value in found[0].items()
    }
    schema = dg.TableSchema(columns=[dg.TableColumn(name, kind) for name, kind in kinds.items()])
    records = [dg.TableRecord({name: "" if value is None else value for name, value in row.items()}) for row in found]
    return dg.MetadataValue.table(records, schema)


def _lineage(columns: Mapping[str, Sequence[tuple[str, str]]]) -> dg.TableColumnLineage:
    deps = {
        name: [dg.TableColumnDep(asset_key=table, column_name=column) for table, column in above]
        for name, above in columns.items()
    }
    return dg.TableColumnLineage(deps_by_column=deps)


def column_schema(table: Table) -> dg.TableSchema:
    """Return a contract as Dagster shows it."""
    columns = []
    for column in table.columns:
        words = column.meaning + (f" ({', '.join(column.allowed)})" if column.allowed else "")
        limits = dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,))
        columns.append(dg.TableColumn(column.name, column.type, description=words, constraints=limits))
    return dg.TableSchema(columns=columns)


def _check_words(table: Table) -> dict[str, str]:
    words = {"contract": "Keys are unique, nothing required is null, closed lists hold."}
    for name, path in sql_checks(table).items():
        words[name] = " ".join(
            line.removeprefix("--").strip() for line in path.read_text().splitlines() if line.startswith("--")
        )
    return words
