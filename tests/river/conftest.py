"""The whole river in a small sample world: a server in this process, the command in processes of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from entitynet_assets.lake import Lake
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import HERE

STEPS, SAVED_AT = 260, 200  # of a longer recipe: its steps, and its only checkpoint in the middle
REPOSITORY = Path(__file__).parents[2]
RECIPES = """
[[recipes]]
name = "tiny"
mix = "balanced"
tower = "demo-64"
samples_seen = 96
batch_size_global = 32
lr_peak = 5e-4
context_length_tokens = 16
world_size = 2
"""


def small_study(folder: Path, name: str = "river", **changes: str) -> Path:
    """Write a study like the sample's with one tiny recipe and a small world; `changes` replace whole lines by key."""
    text = (HERE / "sample.toml").read_text()
    world = {"entities": "8", "pictures": "6", "holdout": "3", "timeout_s": "10.0"}
    changes = {"name": f'"{name}"', "recipes": "", "samples_per_shard": "12", **world, **changes}
    for key, value in changes.items():
        line = f"{key} = {value}" if value else ""
        text, count = re.subn(rf"^{key} = .*$", line, text, count=1, flags=re.MULTILINE)
        assert count == 1, f"the sample study has no line for {key}"
    path = folder / f"{name}.toml"
    path.write_text(text + RECIPES)
    return path


def longer(study: Path) -> None:
    """Let the study's recipe train long enough for a checkpoint in the middle."""
    text = study.read_text().replace("samples_seen = 96", f"samples_seen = {16 * STEPS}")
    study.write_text(text.replace("batch_size_global = 32", "batch_size_global = 16"))


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
        mine = {
            "ENTITYNET_HOME": str(self.home),
            "ENTITYNET_SAMPLE_PORT": str(self.server.port),
            "OMP_NUM_THREADS": "1",
        }
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("ENTITYNET_", "DAGSTER_"))}
        return {**clean, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "160", **mine}

    def command(self, *flags: str) -> list[str]:
        return [sys.executable, "-m", "entitynet_assets.cli", "run", "--study", str(self.study), *flags]

    def start(self, *flags: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*flags), env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *flags: str) -> str:
        done = subprocess.run(self.command(*flags), env=self.environment, capture_output=True, text=True, check=False)
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
        return {
            row["shard"]: (row["sha256"], (self.lake.root / row["path"]).stat().st_mtime_ns)
            for row in self.lake.rows("shards")
        }


@pytest.fixture
def make_river(tmp_path: Path) -> Iterator[Callable[..., River]]:
    """Build rivers over one world of eight entities, none of which is hopeless; servers end with the test."""
    with serve(make_world(entities=8, pictures=6, holdout=3)) as server:
        yield lambda name="river", **changes: River(server, small_study(tmp_path, name, **changes), tmp_path / "home")


@pytest.fixture
def river(make_river: Callable[..., River]) -> River:
    return make_river()
