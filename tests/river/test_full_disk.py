"""A full disk: the command says so plainly, what was made before stands, and with room again it goes on to the same end."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.sample.world import make_world
from tests.river.conftest import SAVED_AT, Made, River, copied, longer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
DISK_MB = 700  # a checkpoint of the demo's tower is about 100 MB


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that can really be full."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no right to mount a small file system here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave_bytes: int) -> Path:
    """Write until only so many bytes are free."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free - leave_bytes)
    return ballast


def contents(river: River) -> dict[str, object]:
    """Return what the lake holds and prove it sound: tables read, tars have their hash."""
    for row in river.lake.rows("shards"):
        assert hashlib.sha256((river.lake.root / row["path"]).read_bytes()).hexdigest() == row["sha256"]
    return {name: river.lake.rows(name) for name in ("release", "samples", "shards", "kept_images")}


def test_a_full_disk_is_said_plainly_and_costs_nothing(harvested: Made, river: River, small_disk: Path) -> None:
    river.home = small_disk
    copied(harvested, river)
    before = contents(river)

    river.server.change_world(make_world(entities=8, pictures=12, holdout=3))
    for leave_kb in (0, 300, 1500):  # each fails in another place
        ballast = fill(small_disk, leave_kb * 1024)
        process = river.start("--new-round", "--until", "release")
        said = "".join(process.communicate())
        assert process.returncode == 1, leave_kb
        assert "disk is full" in said
        assert "Traceback" not in said
        assert contents(river) == before
        ballast.unlink()

    river.run("--new-round", "--until", "release")
    assert len(contents(river)["kept_images"]) > len(before["kept_images"])


def test_a_disk_that_fills_up_in_training_costs_the_last_checkpoint_only(
    harvested: Made, river: River, small_disk: Path
) -> None:
    river.home = small_disk
    copied(harvested, river)
    longer(river.study)
    ballast = fill(small_disk, 150 * 1024**2)  # room for the checkpoint in the middle, not for another one
    process = river.start("--until", "checkpoints")
    said = "".join(process.communicate())
    assert process.returncode == 1
    assert "disk is full" in said
    assert "Traceback" not in said

    ballast.unlink()
    river.run("--until", "checkpoints")
    log = next((river.lake.root / "jobs/train").glob("*/log.txt")).read_text()
    assert f"resuming after step {SAVED_AT}" in log
