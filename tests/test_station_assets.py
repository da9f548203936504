"""Stations as Dagster sees them: versions per slice, checks, metadata, failures, the new round."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from entitynet_assets.definitions import build_definitions
from entitynet_assets.jobs import range_tags
from entitynet_assets.station_assets import ONLY_WHAT_CHANGED, build_asset
from entitynet_assets.stations import Made, Station, Work, replace
from entitynet_assets.tables import PREVIOUS, TABLES
from entitynet_assets.text import slice_of
from tests.small_lake import STATIONS, Counting, SmallLake, full_row, put_entities, queries

QUERIES = TABLES["queries"]


def harvest(
    small: SmallLake, instance: dg.DagsterInstance, tables: Sequence[str], **options: Any
) -> dg.ExecuteInProcessResult:
    """Run stations as Dagster assets in one in-process run over all slices; anything above them must be written already."""
    assets = [build_asset(STATIONS[name], small.study) for name in tables]
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return dg.materialize(
        assets, instance=instance, resources={"workplace": small.place}, run_config=quiet,
        tags=range_tags("000", f"{small.study.slices - 1:03d}"), **options,
    )  # fmt: skip


def versions(instance: dg.DagsterInstance, table: str, slices: int) -> list[str | None]:
    found = []
    for number in range(slices):
        records = instance.fetch_materializations(
            dg.AssetRecordsFilter(dg.AssetKey(table), asset_partitions=[f"{number:03d}"]), limit=1
        ).records
        tags = records[0].asset_materialization.tags if records and records[0].asset_materialization else {}
        found.append((tags or {}).get("dagster/data_version"))
    return found


def outcomes(result: dg.ExecuteInProcessResult, table: str) -> tuple[Any, Any]:
    events = [
        event.materialization
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey(table)
    ]
    return events[0].metadata["slices_made"].value, events[0].metadata["slices_unchanged"].value


def test_a_change_in_one_slice_travels_down_that_slice_only(small_lake: Callable[..., SmallLake]) -> None:
    small = small_lake(slices=3, queries={"kinds": ["noun"]})
    small.put("wikidata_items", [])
    small.put("attributes", [])
    small.put("entity_texts", [])
    names = [f"name {number}" for number in range(1, 13)]
    put_entities(small, *names)
    pages = [Counting({"query_id": f"h{number}"}, table="search_pages") for number in range(1)]
    fake = replace(STATIONS["search_pages"], make=pages[0], params=lambda place: None)
    with dg.DagsterInstance.ephemeral() as instance:

        def run() -> dg.ExecuteInProcessResult:
            assets = [build_asset(STATIONS["queries"], small.study), build_asset(fake, small.study)]
            quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
            return dg.materialize(
                assets,
                instance=instance,
                resources={"workplace": small.place},
                run_config=quiet,
                tags=range_tags("000", "002"),
            )

        assert outcomes(run(), "queries") == (3, 0)
        before = versions(instance, "queries", 3)
        assert before == [small.lake.need("queries", f"00{n}").digest for n in range(3)]
        assert len(set(before)) == 3
        put_entities(small, *names[:-1], "another name")
        touched = slice_of("Q12", 3)
        result = run()
        after = versions(instance, "queries", 3)
    assert [one != two for one, two in zip(before, after, strict=True)] == [n == touched for n in range(3)]
    assert outcomes(result, "search_pages") == (1, 2)
    assert pages[0].calls == 4


def test_an_asset_reports_rows_reasons_checks_and_column_lineage(small: SmallLake) -> None:
    small.put("hits", [{"url_id": "u", "query_id": "q", "image_url": "http://h.test/1"}])
    with dg.DagsterInstance.ephemeral() as instance:
        result = harvest(small, instance, ["urls"])
    event = result.asset_materializations_for_node("urls")[0]
    assert event.metadata["dagster/row_count"].value == 1
    lineage = event.metadata["dagster/column_lineage"].value.deps_by_column
    assert {(dep.asset_key.to_user_string(), dep.column_name) for dep in lineage["licence"]} >= {("hits", "licence")}
    checks = {one.check_name: one.passed for one in result.get_asset_check_evaluations()}
    assert checks == {"contract": True, "unknown_to_hits": True}


def test_a_failing_blocking_check_fails_the_run_and_what_is_below_does_not_run(small: SmallLake) -> None:
    put_entities(small, "apple")
    bad = queries(Counting({"query_id": "a"}, {"query_id": "a"}))
    below = Counting(table="search_pages")
    pages = Station(TABLES["search_pages"], below, reads=("queries",))
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [build_asset(bad, small.study), build_asset(pages, small.study)], instance=instance, raise_on_error=False,
            resources={"workplace": small.place}, tags=range_tags("000", "000"),
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip
        assert not result.success
    assert below.calls == 0
    (check,) = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert "repeated" in json.dumps(check.metadata["offenders"].value)


def test_a_slice_that_breaks_leaves_the_others_recorded(small_lake: Callable[..., SmallLake]) -> None:
    small = small_lake(slices=3)
    put_entities(small, "apple")

    def breaks(work: Work) -> Made:
        if work.slice == "001":
            raise RuntimeError("the disk is gone")
        return Made([full_row(QUERIES, {"query_id": work.slice})])

    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [build_asset(queries(breaks), small.study)], instance=instance, raise_on_error=False, resources={"workplace": small.place},
            tags=range_tags("000", "002"), run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )  # fmt: skip
        assert not result.success
        assert versions(instance, "queries", 3) == [small.lake.need("queries", "000").digest, None, None]


def test_a_new_round_is_opened_by_configuration(small: SmallLake) -> None:
    source = replace(STATIONS["graph_source"], make=Counting(table="graph_source"))
    config = {
        "ops": {"graph_source": {"config": {"new_round": True}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [build_asset(source, small.study)],
            instance=instance,
            resources={"workplace": small.place},
            run_config=config,
        )
    assert small.lake.round() == 2


def test_definitions_of_a_study_have_its_slices_and_recipes(small: SmallLake) -> None:
    graph = build_definitions(small.study, small.place).resolve_asset_graph()
    for name, table in (TABLES | PREVIOUS).items():
        definition = graph.get(dg.AssetKey(name)).partitions_def
        expected = {"slices": ["000"], "recipes": ["demo", "demo-untrained"]}.get(table.slicing)
        assert (list(definition.get_partition_keys()) if definition else None) == expected
    assert ONLY_WHAT_CHANGED.get_label() == "only_what_changed"
