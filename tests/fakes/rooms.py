"""A small sample world behind a real server, and a lake of one's own to bring up to date against it, without Dagster's runs."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake
from entitynet_assets.partitions import slice_keys
from entitynet_assets.resources import Workplace
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import World, make_world
from entitynet_assets.stations import Done, run_slice
from entitynet_assets.studies.models import Study, load_study, parse_study
from entitynet_assets.tables import TABLES

REPOSITORY = Path(__file__).parents[2]
HARVEST = [name for name, table in TABLES.items() if table.room not in ("training", "scores")]


def data_folder(*parts: str) -> Path:
    """Return a folder of genuine input; skip the test with a word where there is none."""
    root = Path(os.environ.get("ENTITYNET_DATA") or REPOSITORY / ".." / "shared" / "data")
    path = root.joinpath(*parts).resolve()
    if not path.exists():
        pytest.skip(f"no {'/'.join(parts)} under ENTITYNET_DATA")
    return path


def changed(study: Study, **sections: Any) -> Study:
    """Return a study with some values changed; a mapping changes keys of a section."""
    raw = study.model_dump(exclude_none=True)
    for name, value in sections.items():
        raw[name] = {**(raw.get(name) or {}), **value} if isinstance(value, Mapping) else value
    return parse_study(raw, "test")


class Rooms:
    """A workplace with a lake in a folder; `bring` makes tables in the order of the river."""

    def __init__(self, study: Study, folder: Path, server: SampleServer | None = None) -> None:
        self.study, self.server, self.folder = study, server, folder
        self.place = Workplace(study, Lake(folder / "lake"))
        self.later: list[Rooms] = []

    @property
    def lake(self) -> Lake:
        return self.place.lake

    def slices(self, table: str) -> list[str]:
        return slice_keys(self.study, TABLES[table].slicing)

    def bring(self, *tables: str, config: Mapping[str, Any] | None = None) -> dict[tuple[str, str], Done]:
        """Make these tables, all slices; returns what became of each."""
        done = {}
        for name, stop in stations().items():
            for key in self.slices(name) if name in tables else []:
                done[name, key] = run_slice(stop, self.place, key, config)
        return done

    def up_to(self, table: str) -> dict[tuple[str, str], Done]:
        """Make a table and all it is made of."""
        known, found, todo = stations(), set[str](), [table]
        while todo:
            name = todo.pop()
            if name in known and name not in found:
                found.add(name)
                todo += known[name].reads
        return self.bring(*found)

    def rows(self, table: str) -> list[dict[str, Any]]:
        return self.lake.rows(table)

    def digests(self, table: str) -> dict[str, str]:
        return {key: self.lake.need(table, key).digest for key in self.slices(table)}

    def counts(self, table: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for key in self.slices(table):
            for name, number in self.lake.need(table, key).counts.items():
                total[name] = total.get(name, 0) + number
        return total

    def again(self, **sections: Any) -> Rooms:
        """Return the same lake in a process that starts anew, perhaps with another study."""
        self.later.append(Rooms(changed(self.study, **sections) if sections else self.study, self.folder, self.server))
        return self.later[-1]

    def copied(self, folder: Path) -> Rooms:
        shutil.copytree(self.folder / "lake", folder / "lake")
        return Rooms(self.study, folder, self.server)

    def close(self) -> None:
        if "web" in vars(self.place):
            self.place.web.close()
        for one in self.later:
            one.close()


def work_of(done: Mapping[tuple[str, str], Done], table: str) -> Counter[str]:
    """Return the work done for a table over all its slices."""
    total: Counter[str] = Counter()
    for (name, _), one in done.items():
        for kind, number in one.work.items() if name == table else []:
            total[kind] = total.get(kind, 0) + number
    return total


@contextmanager
def serving(world: World) -> Iterator[SampleServer]:
    """Serve a world and lead the reserved names to it."""
    with serve(world) as server:
        before = os.environ.get("ENTITYNET_SAMPLE_PORT")
        os.environ["ENTITYNET_SAMPLE_PORT"] = str(server.port)
        yield server
        if before is None:
            del os.environ["ENTITYNET_SAMPLE_PORT"]
        else:
            os.environ["ENTITYNET_SAMPLE_PORT"] = before


@pytest.fixture(scope="module")
def small_world() -> World:
    """Ten entities, eight pictures each, three held out: the first faults of every sort occur."""
    return make_world(entities=10, pictures=8, holdout=3)


@pytest.fixture(scope="module")
def server(small_world: World) -> Iterator[SampleServer]:
    with serving(small_world) as running:
        yield running


@pytest.fixture
def sample_study(small_world: World) -> Study:
    return changed(load_study("sample"), slices=2, web={"timeout_s": 10.0})


@pytest.fixture
def rooms(sample_study: Study, tmp_path: Path, server: SampleServer) -> Iterator[Rooms]:
    """An empty lake on the running world; the server's log starts empty."""
    server.reset()
    made = Rooms(sample_study, tmp_path, server)
    yield made
    made.close()


@pytest.fixture
def rooms_of(tmp_path: Path, server: SampleServer) -> Iterator[Callable[..., Rooms]]:
    """A function that opens the lake of another study in a folder of its own."""
    made: list[Rooms] = []

    def make(study: Study, name: str) -> Rooms:
        made.append(Rooms(study, tmp_path / name, server))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def harvest(server: SampleServer, tmp_path_factory) -> Iterator[Rooms]:
    """The small world harvested whole, for tests that only look; the server's log is as the harvest left it."""
    server.reset()
    made = Rooms(
        changed(load_study("sample"), slices=2, web={"timeout_s": 10.0}), tmp_path_factory.mktemp("harvest"), server
    )
    made.bring(*HARVEST)
    yield made
    made.close()


@pytest.fixture
def harvested(harvest: Rooms, tmp_path: Path) -> Iterator[Rooms]:
    """A copy of the harvested lake, to go on with; the server's log starts empty."""
    made = harvest.copied(tmp_path)
    assert made.server is not None
    made.server.reset()
    yield made
    made.close()
