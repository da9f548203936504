"""Previews are small, show what the lake holds, and fail without failing the asset."""

from __future__ import annotations

import dagster as dg
import pytest

from entitynet_assets.charts import INLINE
from entitynet_assets.previews import CHANGES, FINDINGS
from entitynet_assets.shelf import Shelf
from entitynet_assets.station_assets import build_asset, preview_metadata
from entitynet_assets.stations import Station, replace
from tests.sight.conftest import put_graph
from tests.small_lake import STATIONS, SmallLake

SHOWN = {name: stop for name, stop in STATIONS.items() if stop.preview}
LARGE = 45_000  # characters of one asset's previews; the event log holds each of them


def metadata_of(stop: Station, small: SmallLake) -> dict:
    return preview_metadata(stop, small.place)


@pytest.mark.parametrize("name", SHOWN)
def test_every_preview_is_small_and_whole(whole: SmallLake, name: str) -> None:
    shown = metadata_of(SHOWN[name], whole)
    assert shown
    assert "preview failed" not in shown, shown
    assert sum(len(repr(value)) for value in shown.values()) < LARGE


@pytest.mark.parametrize("name", SHOWN)
def test_an_empty_lake_has_nothing_to_preview(small: SmallLake, name: str) -> None:
    shown = metadata_of(SHOWN[name], small)
    assert "preview failed" not in shown, shown


def test_the_leaderboard_is_a_line_and_a_table(shelf: Shelf) -> None:
    preview = SHOWN["leaderboard"].preview
    assert preview is not None
    shown = preview(shelf)
    line, (row,) = shown["best recipe"], shown["leaderboard"]
    assert (
        line
        == f"**{shelf.study.recipes[0].name}** names 50.0 % of the held-out pictures (95 %: 10.0 % to 90.0 %), 2.0 x chance"
    )
    assert isinstance(row, dict)
    assert (row["place"], row["accuracy"], row["95 %"], row["x chance"]) == (1, "50.0 %", "10.0-90.0", "2.0")


def test_the_loss_curve_shows_at_once(shelf: Shelf) -> None:
    preview = SHOWN["checkpoints"].preview
    assert preview is not None
    (shown,) = preview(shelf).values()
    assert isinstance(shown, str)
    assert "data:image/svg+xml" in shown
    assert shown.endswith("4.00 to 3.00 nats over 8 pictures")
    assert len(shown) < INLINE


def test_a_preview_that_fails_is_told_and_harms_nothing(small: SmallLake) -> None:
    def broken(shelf: Shelf) -> dict[str, str]:
        return {"one": shelf.ask("SELECT nonsense FROM entities")[0]["nonsense"]}

    put_graph(small)
    small.put("previous_harvest_plan", [])
    stop = replace(STATIONS["entities"], preview=broken)
    made = dg.materialize([build_asset(stop, small.study)], resources={"workplace": small.place}, raise_on_error=False)
    assert made.success
    (event,) = made.asset_materializations_for_node("entities")
    assert "nonsense" in str(event.metadata["preview failed"].value)


def test_an_asset_carries_its_preview(small_lake) -> None:
    small = small_lake(scope={"roots": ["Q3"]})
    put_graph(small)
    made = dg.materialize([build_asset(STATIONS["entities"], small.study)], resources={"workplace": small.place})
    (event,) = made.asset_materializations_for_node("entities")
    assert isinstance(event.metadata["the best known entities"], dg.TableMetadataValue)
    assert isinstance(event.metadata["dagster/row_count"].value, int)


def test_of_many_slices_the_newest_event_alone_carries_it(small_lake) -> None:
    small = small_lake(slices=3)
    put_graph(small)
    stop = STATIONS["queries"]
    for table in stop.reads:
        small.lake.slices(table) or small.put(table, [])
    tags = {"dagster/asset_partition_range_start": "000", "dagster/asset_partition_range_end": "002"}
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize(
            [build_asset(stop, small.study)], instance=instance, resources={"workplace": small.place}, tags=tags
        )
        found = instance.fetch_materializations(dg.AssetKey("queries"), limit=10).records
    shown = [
        "kinds of search" in record.asset_materialization.metadata for record in found if record.asset_materialization
    ]
    assert shown == [True] + [False] * (len(shown) - 1)


def test_changes_are_read_as_sentences_and_findings_by_example(small: SmallLake) -> None:
    """What a round changed, and what is wrong with a graph, is read without opening a table."""
    small.put("entity_changes", [
        {"qid": f"Q{number}", "change": "added", "words": f"Q{number} thing: new"} for number in range(1, 12)
    ] + [{"qid": "Q50", "change": "merged", "current": "Q1", "words": "Q50 cat: merged into Q1 thing"}])  # fmt: skip
    small.put("graph_integrity", [
        *({"finding": "no_label", "qid": f"Q{number}", "detail": "not an entity of this study"} for number in range(9)),
        {"finding": "cycle", "qid": "Q3", "detail": "each below all others: Q3, Q4"},
    ])  # fmt: skip
    shelf = Shelf(small.lake, small.study)
    changes = CHANGES(shelf)["what changed since the last round, up to eight of each"]
    assert [row["words"] for row in changes][-1] == "Q50 cat: merged into Q1 thing"
    assert len(changes) == 9
    findings = FINDINGS(shelf)["up to three of each, the rarest first"]
    assert [row["finding"] for row in findings] == ["cycle", "no_label", "no_label", "no_label"]
