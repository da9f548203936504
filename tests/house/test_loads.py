"""The code location: it loads without the workshop, and every asset says what it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from entitynet_assets.definitions import ROOMS, defs, stations
from entitynet_assets.station_assets import TRAINED
from entitynet_assets.tables import PREVIOUS, TABLES

ROOT = Path(__file__).parents[2]
STATIONS = stations()
ROOM_NAMES = [room.__name__.split(".")[1] for room in ROOMS]
GRAPH = defs.resolve_asset_graph()


def python(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DAGSTER_HOME": str(home), "HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_it_loads_without_the_workshop_and_opens_nothing(tmp_path: Path) -> None:
    heavy = ("torch", "open_clip", "webdataset", "transformers", "pandas", "sklearn")
    done = python(f"import sys, entitynet_assets.definitions; print(sorted(set(sys.modules) & set({heavy})))", tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_command_loads_without_dagster(tmp_path: Path) -> None:
    done = python(
        "import sys, entitynet_assets.cli; print(sorted(set(sys.modules) & {'dagster', 'sqlglot'}))", tmp_path
    )
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_the_workspace_file_loads(tmp_path: Path) -> None:
    code = "from dagster._cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DAGSTER_HOME": str(tmp_path), "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, "definitions", "validate", "-w", str(ROOT / "workspace.yaml")],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location entitynet" in done.stdout + done.stderr


def test_the_definitions_are_loadable_with_their_jobs_schedule_and_sensor() -> None:
    dg.Definitions.validate_loadable(defs)
    for name in ("harvest", "train", "score"):
        assert defs.resolve_job_def(name).asset_layer.executable_asset_keys
    assert [schedule.name for schedule in defs.schedules or []] == ["weekly_harvest"]
    sensors = list(defs.sensors or [])
    assert [type(sensor) for sensor in sensors] == [dg.AutomationConditionSensorDefinition]


def test_every_table_is_one_asset_with_one_station_and_every_group_a_room() -> None:
    declared = [stop.table.name for room in ROOMS for stop in room.STATIONS]
    assert sorted(declared) == sorted(TABLES)
    assert {key.to_user_string() for key in GRAPH.get_all_asset_keys()} == {*TABLES, *PREVIOUS}
    groups = {key.to_user_string(): GRAPH.get(key).group_name for key in GRAPH.get_all_asset_keys()}
    assert groups == {
        **{name: table.room for name, table in TABLES.items()},
        **dict.fromkeys(PREVIOUS, "previous_round"),
    }
    assert set(ROOM_NAMES) == {table.room for table in TABLES.values()}


def test_a_station_stands_in_the_room_of_its_table() -> None:
    for room, name in zip(ROOMS, ROOM_NAMES, strict=True):
        assert {stop.table.room for stop in room.STATIONS} == {name}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_an_asset_says_what_it_is(name: str) -> None:
    node, table = GRAPH.get(dg.AssetKey(name)), TABLES[name]
    spec = defs.resolve_assets_def(name).get_asset_spec()
    assert (node.description or "").startswith(f"One row per {table.grain}.\n\n")
    assert len((node.description or "").split("\n\n", 1)[1]) > 20
    assert spec.kinds
    assert spec.code_version
    schema = spec.metadata["dagster/column_schema"]
    assert [(column.name, column.type) for column in schema.columns] == [(c.name, c.type) for c in table.columns]
    assert all(column.description for column in schema.columns)
    assert (spec.automation_condition is None) == (table.room in TRAINED)


def test_a_room_reads_only_rooms_before_it() -> None:
    order = {name: place for place, name in enumerate(ROOM_NAMES)}
    backward = [
        f"{name} ({stop.table.room}) reads {above} ({TABLES[above].room})"
        for name, stop in STATIONS.items()
        for above in stop.reads
        if above in TABLES and order[TABLES[above].room] > order[stop.table.room]
    ]
    assert backward == []


def test_the_order_of_stations_is_an_order_of_making() -> None:
    seen = set(PREVIOUS)
    for name, stop in STATIONS.items():
        missing = set(stop.reads) - seen
        assert not missing, f"{name} stands before {missing}"
        seen.add(name)


def test_the_graph_of_dagster_is_the_graph_of_stations() -> None:
    for name, stop in STATIONS.items():
        assert {key.to_user_string() for key in GRAPH.get(dg.AssetKey(name)).parent_keys} == set(stop.reads)
