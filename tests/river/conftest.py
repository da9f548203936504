"""The whole river in a small sample world: a server in this process, the command in processes of its own."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from entitynet_assets.lake import Lake
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import HERE
from entitynet_assets.tables import TABLES
from tests.river import commands

STEPS, SAVED_AT = 40, 20  # of a longer recipe: its steps, and its only checkpoint in the middle
TRAINED = ("training", "scores")
RECIPES = """
[[recipes]]
name = "tiny"
mix = "balanced"
tower = "demo-64"
samples_seen = 96
batch_size_global = 32
lr_peak = 5e-4
context_length_tokens = 16
world_size = 1
"""
WORLD = {"entities": 8, "pictures": 6, "holdout": 3}  # none of these entities is hopeless


def small_study(folder: Path, name: str = "river", **changes: str) -> Path:
    """Write a study like the sample's with one tiny recipe and a small world; `changes` replace whole lines by key."""
    text = (HERE / "sample.toml").read_text()
    world = {key: str(value) for key, value in WORLD.items()}
    changes = {"name": f'"{name}"', "recipes": "", "samples_per_shard": "2", "timeout_s": "10.0", **world, **changes}
    for key, value in changes.items():
        line = f"{key} = {value}" if value else ""
        text, count = re.subn(rf"^{key} = .*$", line, text, count=1, flags=re.MULTILINE)
        assert count == 1, f"the sample study has no line for {key}"
    path = folder / f"{name}.toml"
    path.write_text(text + RECIPES)
    return path


def longer(study: Path, world_size: int = 1) -> None:
    """Let the study's recipe train long enough for a checkpoint in the middle, in many small steps."""
    changes = {"samples_seen = 96": f"samples_seen = {4 * STEPS}", "batch_size_global = 32": "batch_size_global = 4"}
    text = study.read_text()
    sized = f"world_size = {world_size}\ncheckpoint_every_steps = {SAVED_AT}"
    for old, new in {**changes, "world_size = 1": sized}.items():
        assert old in text
        text = text.replace(old, new)
    study.write_text(text)


def tars(lake: Lake) -> dict[str, tuple[str, int]]:
    """Return the sha256 and modification time of every tar by the name of its shard."""
    return {row["shard"]: (row["sha256"], (lake.root / row["path"]).stat().st_mtime_ns) for row in lake.rows("shards")}


def hashes(lake: Lake) -> dict[str, str]:
    """Return the sha256 of every tar by the name of its shard."""
    return {name: sha for name, (sha, _) in tars(lake).items()}


@dataclass
class River:
    """A study on a sample world that the test serves."""

    server: SampleServer
    study: Path
    home: Path

    @property
    def lake(self) -> Lake:
        return Lake(self.home / self.study.stem / "lake")

    @property
    def environment(self) -> dict[str, str]:
        return commands.environment(self.home, ENTITYNET_SAMPLE_PORT=str(self.server.port))

    def start(self, *flags: str) -> commands.Command:
        return commands.Command(["run", "--study", str(self.study), *flags], self.environment)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run any command on the study, to whatever end."""
        return commands.run([*words, "--study", str(self.study)], self.environment)

    def run(self, *flags: str) -> str:
        done = self.ask("run", *flags)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return done.stdout

    def asked(self) -> Counter[str]:
        """Return how often each host was asked so far, by the server's own log."""
        counts: Counter[str] = Counter()
        for (host, _), number in self.server.requests().items():
            counts[host] += number
        return counts

    def tars(self) -> dict[str, tuple[str, int]]:
        """Return the sha256 and modification time of every tar by the name of its shard."""
        return tars(self.lake)


@pytest.fixture
def make_river(tmp_path: Path) -> Iterator[Callable[..., River]]:
    """Build rivers over one world of eight entities; the server ends with the test."""
    with serve(make_world(**WORLD)) as server:
        yield lambda name="river", **changes: River(server, small_study(tmp_path, name, **changes), tmp_path / "home")


@pytest.fixture
def river(make_river: Callable[..., River]) -> River:
    return make_river()


@dataclass
class Made:
    """A river that one undisturbed run made for all tests of a session, in a folder that none of them may change."""

    folder: Path
    said: str  # what the run wrote
    asked: dict[str, int]  # how often it asked each host

    @property
    def lake(self) -> Lake:
        return Lake(self.folder / "home" / "river" / "lake")


def make_once(folder: Path, *flags: str, begun: Made | None = None) -> Made:
    """Make a river in a folder, from the start or from another, unless a test or worker did; who comes second waits."""
    folder.mkdir(exist_ok=True)
    told = folder / "told.json"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(folder / "home", ignore_errors=True)
            with serve(make_world(**WORLD)) as server:
                river = River(server, small_study(folder), folder / "home")
                said = (copied(begun, river) if begun else river).run(*flags)
                told.write_text(json.dumps({"said": said, "asked": river.asked()}))
    return Made(folder, **json.loads(told.read_text()))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of this session share."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture
def harvested(shared: Path) -> Made:
    """A river that was made up to where training begins: all tables of the rooms before."""
    tables = [name for name, table in TABLES.items() if table.room not in TRAINED]
    return make_once(shared / "harvested", "--until", ",".join(tables))


@pytest.fixture
def trained(shared: Path, harvested: Made) -> Made:
    """The harvested river with its recipe trained and nothing scored, so that a next round has no plan to search more."""
    return make_once(shared / "trained", "--until", "checkpoints", begun=harvested)


@pytest.fixture
def finished(shared: Path) -> Made:
    """A river that was made to its end by one command."""
    return make_once(shared / "finished")


def copied(made: Made, river: River) -> River:
    """Give a river, which has a server of its own, a copy of what was made."""
    shutil.copytree(made.folder / "home", river.home, dirs_exist_ok=True)
    return river


@pytest.fixture
def harvested_river(harvested: Made, river: River) -> River:
    """A copy of the harvested river, to go on with."""
    return copied(harvested, river)


@pytest.fixture
def trained_river(trained: Made, river: River) -> River:
    """A copy of the trained river, to go on with."""
    return copied(trained, river)


@pytest.fixture
def finished_river(finished: Made, river: River) -> River:
    """A copy of the finished river, to go on with."""
    return copied(finished, river)
