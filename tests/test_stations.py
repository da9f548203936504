"""The loop: what is done stays, what changed is made again, and a change travels down only the slices it touches."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg
import pytest

from entitynet_assets import stations as loop
from entitynet_assets.definitions import build_definitions
from entitynet_assets.jobs import range_tags
from entitynet_assets.lineage import DriftError
from entitynet_assets.stations import Made, Query, Station, Work, build_asset, replace, run_slice
from entitynet_assets.tables import PREVIOUS, TABLES, ContractError
from entitynet_assets.text import slice_of
from tests.small_lake import STATIONS, Row, SmallLake, full_row

QUERIES, HITS = TABLES["queries"], TABLES["label_vocabulary"]


class Counting:
    """A maker that counts its calls and answers what it is told."""

    def __init__(self, *rows: Row, table: str = "queries", **made: Any) -> None:
        self.rows = [full_row(TABLES[table], row) for row in rows]
        self.made, self.calls = made, 0

    def __call__(self, work: Work) -> Made:
        self.calls += 1
        return Made(self.rows, **self.made)


def queries(maker: Callable[[Work], Made], **facts: Any) -> Station:
    return Station(QUERIES, maker, **{"reads": ("entities",), **facts})


def put(small: SmallLake, *labels: str) -> None:
    small.put("entities", [{"qid": f"Q{number}", "label": label} for number, label in enumerate(labels, 1)])


def test_a_slice_is_made_once_and_then_found_unchanged(small: SmallLake) -> None:
    put(small, "apple")
    maker = Counting({"query_id": "a"}, counts={"ok": 1}, work={"searches": 3})
    first, second = (run_slice(queries(maker), small.place, "000") for _ in range(2))
    assert (first.outcome, second.outcome, maker.calls) == ("made", "unchanged", 1)
    assert (first.record, dict(first.work), second.work) == (second.record, {"searches": 3}, {})
    assert first.record.counts == {"ok": 1}


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("code_version", {"code_version": "2"}),
    ("parameter", {"params": lambda place: {"budget": 2}}),
    ("input", {"reads": ("entities", "attributes")}),
]


@pytest.mark.parametrize(("what", "facts"), CHANGES, ids=[change[0] for change in CHANGES])
def test_a_change_of_code_parameter_or_inputs_makes_it_anew(what: str, facts: dict[str, Any], small: SmallLake) -> None:
    put(small, "apple")
    small.put("attributes", [])
    maker = Counting({"query_id": "a"})
    run_slice(queries(maker), small.place, "000")
    assert run_slice(queries(maker, **facts), small.place, "000").outcome == "made", what
    assert maker.calls == 2


def test_another_content_above_makes_it_anew_and_the_same_content_does_not(small: SmallLake) -> None:
    maker = Counting({"query_id": "a"})
    outcomes = []
    for labels in (("apple",), ("apple",), ("pear",), ("apple",)):
        put(small, *labels)
        outcomes.append(run_slice(queries(maker), small.place, "000").outcome)
    assert outcomes == ["made", "unchanged", "made", "made"]


def test_another_number_of_slices_makes_every_slice_anew(small_lake: Callable[..., SmallLake]) -> None:
    small = small_lake(slices=2)
    put(small, "apple")
    maker = Counting({"query_id": "a"})
    run_slice(queries(maker), small.place, "000")
    small.choose(slices=3)
    assert run_slice(queries(maker), small.place, "000").outcome == "made"


def test_what_comes_out_the_same_leaves_everything_below_untouched(small: SmallLake) -> None:
    put(small, "apple")
    above, below = Counting({"query_id": "a"}), Counting({"query_id": "a"}, table="search_pages")
    pages = Station(TABLES["search_pages"], below, reads=("queries",))
    for version in ("1", "2"):
        run_slice(queries(above, code_version=version), small.place, "000")
        run_slice(pages, small.place, "000")
    assert (above.calls, below.calls) == (2, 1)


def test_a_file_deleted_by_hand_is_made_again(small: SmallLake) -> None:
    put(small, "apple")
    maker = Counting({"query_id": "a"})
    record = run_slice(queries(maker), small.place, "000").record
    (small.lake.root / "tables" / "queries" / record.file).unlink()
    assert run_slice(queries(maker), small.place, "000").outcome == "made"
    assert small.lake.rows("queries")[0]["query_id"] == "a"


def test_what_is_unfinished_is_gone_at_again_though_nothing_changed(small: SmallLake) -> None:
    put(small, "apple")
    maker = Counting({"query_id": "a"}, unfinished=True)
    for _ in range(2):
        assert run_slice(queries(maker), small.place, "000").outcome == "made"
    maker.made["unfinished"] = False
    outcomes = [run_slice(queries(maker), small.place, "000").outcome for _ in range(2)]
    assert outcomes == ["made", "unchanged"]
    assert small.lake.rows("queries")[0]["query_id"] == "a"  # what is unfinished is sound, and may be read


def test_a_failed_check_refuses_readers_and_is_made_again(small: SmallLake) -> None:
    put(small, "apple")
    maker = Counting({"query_id": "a"}, {"query_id": "a"})
    done = run_slice(queries(maker), small.place, "000")
    assert done.record.failed_checks == ("contract",)
    assert done.problems["contract"] == ["key (query_id) repeated: [('a', 2)]"]
    with pytest.raises(
        DriftError, match=r"queries \[000\] failed contract; look at its checks, mend the cause, run again"
    ):
        run_slice(STATIONS["search_pages"], small.place, "000")
    maker.rows = maker.rows[:1]
    assert run_slice(queries(maker), small.place, "000").record.failed_checks == ()
    assert maker.calls == 2


def test_what_was_not_checked_does_not_look_sound(small: SmallLake) -> None:
    blind = Station(TABLES["urls"], Counting(table="urls"))  # its check reads hits, which this station does not declare
    with pytest.raises(Exception, match="hits"):
        run_slice(blind, small.place, "000")
    with pytest.raises(DriftError, match=r"urls \[000\] failed unchecked"):
        small.lake.rows("urls")
    assert small.run("urls").outcome == "made"


def test_an_input_that_is_not_declared_cannot_be_read(small: SmallLake) -> None:
    put(small, "apple")
    small.put("attributes", [])
    for body in (lambda work: Made(work.rows("attributes")), lambda work: Made(Query("SELECT * FROM attributes", {}))):
        with pytest.raises(Exception, match="attributes does not exist"):
            run_slice(queries(body), small.place, "000")
    assert small.lake.record("queries", "000") is None


def test_an_input_that_is_not_made_stops_the_slice_with_the_command(small: SmallLake) -> None:
    with pytest.raises(DriftError, match=r"run `entitynet run --until entities` first"):
        run_slice(queries(Counting()), small.place, "000")


def test_counts_must_be_whole_numbers(small: SmallLake) -> None:
    put(small, "apple")
    with pytest.raises(ContractError, match=r"queries: counts \['share'\] are no whole numbers; mend its maker"):
        run_slice(queries(Counting(counts={"share": 0.5})), small.place, "000")  # pyright: ignore


def test_a_ledger_reads_its_own_last_rows(small: SmallLake) -> None:
    put(small, "apple")

    def grow(work: Work) -> Made:
        old = work.own_rows()
        return Made([*old, full_row(QUERIES, {"query_id": str(len(old))})], unfinished=True)

    for _ in range(3):
        run_slice(queries(grow), small.place, "000")
    assert [row["query_id"] for row in small.lake.rows("queries")] == ["0", "1", "2"]


def test_a_leaderboard_reads_the_recipes_trained_so_far(small: SmallLake) -> None:
    small.choose(recipes=["demo", "demo-seed-1"])
    stop = STATIONS["leaderboard"]
    assert stop.input_slices(small.study, "scores", "whole") == ["demo", "demo-seed-1"]
    for name in ("checkpoints", "scores"):
        small.put(name, [], "demo-seed-1")
    done = run_slice(stop, small.place, "whole")
    assert sorted(done.record.inputs) == ["checkpoints/demo-seed-1", "scores/demo-seed-1"]
    small.put("scores", [], "demo")
    assert run_slice(stop, small.place, "whole").outcome == "made"


# -- through Dagster -------------------------------------------------------------------------------------------------


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
    small.put("attributes", [])
    small.put("entity_texts", [])
    names = [f"name {number}" for number in range(1, 13)]
    put(small, *names)
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
        put(small, *names[:-1], "another name")
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
    put(small, "apple")
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
    put(small, "apple")

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
    items = replace(STATIONS["wikidata_items"], make=Counting(table="wikidata_items"))
    config = {
        "ops": {"wikidata_items": {"config": {"new_round": True}}},
        "loggers": {"console": {"config": {"log_level": "CRITICAL"}}},
    }
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [build_asset(items, small.study)],
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
    assert loop.ONLY_WHAT_CHANGED.get_label() == "only_what_changed"
