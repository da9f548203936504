"""Killed in the search, the download, the packing and the training, at moments that a seed chooses: the results are those of peace.

The undisturbed river and the killed one have the same study on the same world; what is compared is the release's manifest
and the leaderboard, which hold no times. The undisturbed harvest is the one that all tests share.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.river.commands import Command
from tests.river.conftest import SAVED_AT, STEPS, Made, River, copied, longer

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(600)]
LIMIT_S = 120.0


def killed_when(river: River, until: str, holds: Callable[[], bool], too_late: Callable[[], bool]) -> None:
    """Start the command and kill it, with every process that it started, once `holds` is true."""
    process = river.start("--until", until)
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert process.poll() is None, f"it ended before it could be killed: {process.communicate()[0][-2000:]}"
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.002)
    process.send_signal(signal.SIGSTOP)
    late = too_late()
    kill_all(river, process)
    assert not late, "the moment had passed"


def kill_all(river: River, process: Command) -> None:
    """Kill the command and the trainers, which live in sessions of their own, as a power cut would."""
    mark = str(river.lake.root / "jobs").encode()
    trainers = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if mark in environment(path)]
    for pid in [process.pid, *trainers]:
        os.kill(pid, signal.SIGKILL)
    process.communicate()


def environment(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def is_made(river: River, table: str) -> bool:
    return (river.lake.root / "tables" / table / "whole.json").exists()


def photographs_asked(river: River) -> int:
    return sum(number for host, number in river.asked().items() if host.startswith("photos"))


def steps_done(river: River) -> int:
    found = (river.lake.root / "jobs/train").glob("*/metrics.jsonl")
    lines = [json.loads(line) for path in found for line in path.read_text().split("\n")[:-1]]
    return max((line.get("step", 0) for line in lines), default=0)


def outcome(river: River) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the release's manifest and the leaderboard."""
    release = river.lake.rows("release")[0]["release_id"]
    return json.loads((river.lake.root / f"release/{release}.json").read_text()), river.lake.rows("leaderboard")


def kill_four_times(river: River, seed: int) -> None:
    """Kill it once each in search, download, packing and training, where the seed says, and let it finish then."""
    chosen = random.Random(seed)
    searches, downloads, tars = chosen.randint(2, 12), chosen.randint(5, 30), chosen.randint(1, 8)
    step = chosen.randint(SAVED_AT + 2, SAVED_AT + 8)
    assert step < STEPS - 10
    shards = river.lake.root / "shards"
    killed_when(river, "release", lambda: river.asked()["search.test"] >= searches, lambda: is_made(river, "likeness"))
    enough = photographs_asked(river) + downloads
    killed_when(river, "release", lambda: photographs_asked(river) >= enough, lambda: is_made(river, "likeness"))
    killed_when(river, "release", lambda: len(list(shards.glob("*.tar"))) >= tars, lambda: is_made(river, "shards"))
    killed_when(river, "leaderboard", lambda: steps_done(river) >= step, lambda: is_made(river, "leaderboard"))
    river.run()
    log = next((river.lake.root / "jobs/train").glob("*/log.txt")).read_text()
    assert f"resuming after step {SAVED_AT}" in log


def test_killed_anywhere_it_ends_as_in_peace(make_river: Callable[..., River], harvested: Made, tmp_path: Path) -> None:
    clean, killed = make_river(), make_river()
    clean.home, killed.home = tmp_path / "clean", tmp_path / "killed"
    longer(clean.study, world_size=2)
    copied(harvested, clean).run()
    kill_four_times(killed, seed=int(os.environ.get("ENTITYNET_KILL_SEED", "0")))
    assert outcome(killed) == outcome(clean)
    assert "Up to date" in killed.run()
