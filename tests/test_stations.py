"""The loop: what is done stays, what changed is made again, and a change travels down only the slices it touches."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from entitynet_assets.lineage import DriftError
from entitynet_assets.stations import Made, Query, Station, Work, run_slice
from entitynet_assets.tables import TABLES, ContractError
from tests.small_lake import STATIONS, Counting, SmallLake, full_row, put_entities, queries

QUERIES = TABLES["queries"]


def test_a_slice_is_made_once_and_then_found_unchanged(small: SmallLake) -> None:
    put_entities(small, "apple")
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
    put_entities(small, "apple")
    small.put("attributes", [])
    maker = Counting({"query_id": "a"})
    run_slice(queries(maker), small.place, "000")
    assert run_slice(queries(maker, **facts), small.place, "000").outcome == "made", what
    assert maker.calls == 2


def test_another_content_above_makes_it_anew_and_the_same_content_does_not(small: SmallLake) -> None:
    maker = Counting({"query_id": "a"})
    outcomes = []
    for labels in (("apple",), ("apple",), ("pear",), ("apple",)):
        put_entities(small, *labels)
        outcomes.append(run_slice(queries(maker), small.place, "000").outcome)
    assert outcomes == ["made", "unchanged", "made", "made"]


def test_another_number_of_slices_makes_every_slice_anew(small_lake: Callable[..., SmallLake]) -> None:
    small = small_lake(slices=2)
    put_entities(small, "apple")
    maker = Counting({"query_id": "a"})
    run_slice(queries(maker), small.place, "000")
    small.choose(slices=3)
    assert run_slice(queries(maker), small.place, "000").outcome == "made"


def test_what_comes_out_the_same_leaves_everything_below_untouched(small: SmallLake) -> None:
    put_entities(small, "apple")
    above, below = Counting({"query_id": "a"}), Counting({"query_id": "a"}, table="search_pages")
    pages = Station(TABLES["search_pages"], below, reads=("queries",))
    for version in ("1", "2"):
        run_slice(queries(above, code_version=version), small.place, "000")
        run_slice(pages, small.place, "000")
    assert (above.calls, below.calls) == (2, 1)


def test_a_file_deleted_by_hand_is_made_again(small: SmallLake) -> None:
    put_entities(small, "apple")
    maker = Counting({"query_id": "a"})
    record = run_slice(queries(maker), small.place, "000").record
    (small.lake.root / "tables" / "queries" / record.file).unlink()
    assert run_slice(queries(maker), small.place, "000").outcome == "made"
    assert small.lake.rows("queries")[0]["query_id"] == "a"


def test_what_is_due_later_is_left_alone_until_then(small: SmallLake) -> None:
    put_entities(small, "apple")
    maker = Counting({"query_id": "a"}, due_at="2999-01-01T00:00:00+00:00")
    stop = queries(maker)
    outcomes = [run_slice(stop, small.place, "000").outcome for _ in range(2)]
    assert (outcomes, maker.calls) == (["made", "unchanged"], 1)
    maker.made["due_at"] = "2000-01-01T00:00:00+00:00"
    record = small.lake.need("queries", "000")
    small.lake.write_record(dataclasses.replace(record, due_at=maker.made["due_at"]))
    assert [run_slice(stop, small.place, "000").outcome for _ in range(2)] == ["made", "made"]
    maker.made["due_at"] = None
    assert [run_slice(stop, small.place, "000").outcome for _ in range(2)] == ["made", "unchanged"]


def test_what_is_unfinished_is_gone_at_again_though_nothing_changed(small: SmallLake) -> None:
    put_entities(small, "apple")
    maker = Counting({"query_id": "a"}, unfinished=True)
    for _ in range(2):
        assert run_slice(queries(maker), small.place, "000").outcome == "made"
    maker.made["unfinished"] = False
    outcomes = [run_slice(queries(maker), small.place, "000").outcome for _ in range(2)]
    assert outcomes == ["made", "unchanged"]
    assert small.lake.rows("queries")[0]["query_id"] == "a"  # what is unfinished is sound, and may be read


def test_a_failed_check_refuses_readers_and_is_made_again(small: SmallLake) -> None:
    put_entities(small, "apple")
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
    put_entities(small, "apple")
    small.put("attributes", [])
    for body in (lambda work: Made(work.rows("attributes")), lambda work: Made(Query("SELECT * FROM attributes", {}))):
        with pytest.raises(Exception, match="attributes does not exist"):
            run_slice(queries(body), small.place, "000")
    assert small.lake.record("queries", "000") is None


def test_an_input_that_is_not_made_stops_the_slice_with_the_command(small: SmallLake) -> None:
    with pytest.raises(DriftError, match=r"run `entitynet run --until entities` first"):
        run_slice(queries(Counting()), small.place, "000")


def test_counts_must_be_whole_numbers(small: SmallLake) -> None:
    put_entities(small, "apple")
    with pytest.raises(ContractError, match=r"queries: counts \['share'\] are no whole numbers; mend its maker"):
        run_slice(queries(Counting(counts={"share": 0.5})), small.place, "000")  # pyright: ignore


def test_a_ledger_reads_its_own_last_rows(small: SmallLake) -> None:
    put_entities(small, "apple")

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
