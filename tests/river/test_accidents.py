"""Two runs at once, and a run that is killed while its trainer lives on. test_killed_anywhere.py kills in every room."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.river.conftest import River

pytestmark = pytest.mark.slow


def wait_for(holds: Callable[[], bool], limit_s: float = 120.0) -> None:
    end = time.monotonic() + limit_s
    while not holds():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def test_two_runs_at_once_do_the_work_once(river: River) -> None:
    both = [river.start("--until", "release") for _ in range(2)]
    said = ["".join(process.communicate()) for process in both]
    assert [process.returncode for process in both] == [0, 0], "\n".join(text[-2000:] for text in said)
    repeated = {
        key: number for key, number in river.server.requests().items() if key[0].startswith("photos-") and number > 1
    }
    repeated = {(host, path): number for (host, path), number in repeated.items() if path != "/robots.txt"}
    passing = {row["image_url"] for row in river.lake.rows("downloads") if row["outcome"] == "truncated"}
    assert {key: number for key, number in repeated.items() if f"http://{key[0]}{key[1]}" not in passing} == {}


def test_a_killed_trainer_is_resumed(harvested_river: River) -> None:
    river = harvested_river
    river.study.write_text(river.study.read_text().replace("world_size = 1", "world_size = 2"))
    process = river.start("--until", "checkpoints")
    wait_for(lambda: any((river.lake.root / "jobs/train").glob("*/job.json")))
    process.kill()
    process.communicate()
    said = river.run("--until", "checkpoints")
    assert "checkpoints" in said
    assert len(list((river.lake.root / "jobs/train").glob("*/result.json"))) == 1
    assert river.lake.rows("checkpoints")[0]["step"] == 3
