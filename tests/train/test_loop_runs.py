"""Whole runs with every trick on, and runs that fail: what is said, what is left, who is gone."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from entitynet_train import checkpoint, report, train
from entitynet_train.export import WEIGHTS
from entitynet_train.spec import LossSpec, RunSpec, fingerprint

MODULE = "entitynet_train.train"
SEVERAL = LossSpec({"contrastive": 1.0, "sigmoid": 0.5, "classification": 0.3}, negatives=2, entity_targets=True)


@pytest.fixture
def train_here(saved_spec, tmp_path):
    """A function that trains in this process; returns (exit code, directory)."""

    def run(spec: RunSpec, name: str = "out") -> tuple[int, Path]:
        path = saved_spec(spec, f"{name}.json")
        return train.main(["--spec", str(path), "--out", str(tmp_path / name)]), tmp_path / name

    return run


def state_of(out: Path, spec: RunSpec, step: int) -> dict:
    return checkpoint.load_checkpoint(out / "checkpoints" / f"step_{step:07d}", fingerprint(spec))


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def same(mine, other) -> bool:
    """Tell whether two states are equal to the last bit."""
    if isinstance(mine, torch.Tensor):
        return torch.equal(mine, other)
    if isinstance(mine, dict):
        return mine.keys() == other.keys() and all(same(mine[key], other[key]) for key in mine)
    if isinstance(mine, list | tuple):
        return len(mine) == len(other) and all(same(a, b) for a, b in zip(mine, other, strict=True))
    return mine == other


def test_a_run_with_every_trick_resumes_bit_for_bit_and_exports_its_average(tiny_world, train_here, capfd):
    spec = tiny_world.run_spec(
        loss=SEVERAL, data=tiny_world.data_with_classes(), accumulate_steps=2, patch_dropout=0.5, ema_decay=0.9,
        spike_factor=8.0, activation_checkpointing=True, precision="bf16",
    )  # fmt: skip
    code, whole = train_here(spec, "whole")
    assert code == 0
    cut = whole.with_name("cut")
    shutil.copytree(whole, cut)
    (cut / "result.json").unlink()
    shutil.rmtree(cut / "checkpoints" / "step_0000004")
    assert train_here(spec, "cut")[0] == 0
    final, again = state_of(whole, spec, 4), state_of(cut, spec, 4)
    assert same(final, again)
    assert not same(final["average"], state_of(cut, spec, 2)["average"])
    exported = [load_file(out / "export" / WEIGHTS) for out in (whole, cut)]
    averages = {name.removeprefix("module."): value for name, value in final["average"].items() if name != "n_averaged"}
    assert same(exported[0], averages)
    assert same(exported[0], exported[1])
    assert not same(exported[0]["logit_scale"], final["model"]["logit_scale"])
    board = EventAccumulator(str(cut / report.TENSORBOARD))
    board.Reload()
    assert [event.step for event in board.Scalars("train/loss_classification")] == [1, 2, 3, 4]
    again["model"].pop("ln_final.weight")
    checkpoint.save_checkpoint(cut, 4, fingerprint(spec), again)
    (cut / "result.json").unlink()
    assert train_here(spec, "cut")[0] == 2
    assert "found a checkpoint of another model (Missing key(s)" in capfd.readouterr().err
    assert report.read_error(cut)["kind"] == "spec"


def test_a_spike_takes_no_step_and_too_many_end_the_run(tiny_world, train_here, capfd):
    # The weights hardly move and batches differ: by so small a factor above the median, some of them are spikes.
    spec = tiny_world.run_spec(samples_seen=8 * 20, spike_factor=1.002, lr_peak=1e-12, checkpoint_every_steps=1000)
    code, out = train_here(spec)
    skipped = lines_of(out)[-1]["skipped"]
    assert code == 0
    assert 0 < skipped < 10
    assert json.loads((out / "result.json").read_text())["steps_skipped"] == skipped
    assert capfd.readouterr().out.count("skipped: loss") == skipped
    state = state_of(out, spec, 20)
    assert int(state["optimizer"]["state"][0]["step"]) == 20 - skipped
    (out / "result.json").unlink()
    shutil.rmtree(out / "checkpoints")
    state["guard"] |= {"accepted": [0.5] * 20, "in_a_row": 0}  # once it was far better
    checkpoint.save_checkpoint(out, 5, fingerprint(spec), state)
    assert train_here(spec)[0] == 1
    reason = "step 15: 10 losses in a row above 1.002 (spike_factor) times the usual 0.5000"
    assert reason in report.read_error(out)["reason"]
    assert "lower lr_peak (now 1e-12), raise warmup_ratio" in capfd.readouterr().err


@contextlib.contextmanager
def limited(what: int, soft: int):
    before, hard = resource.getrlimit(what)
    resource.setrlimit(what, (soft, hard))
    try:
        yield
    finally:
        resource.setrlimit(what, (before, hard))


def test_a_checkpoint_that_the_disk_does_not_take_ends_the_run_and_leaves_the_former(tiny_world, train_here):
    spec = tiny_world.run_spec(samples_seen=16)
    with limited(resource.RLIMIT_FSIZE, 20 * 2**20):
        code, out = train_here(spec)
    assert code == 1
    said = report.read_error(out)
    assert said["kind"] == "disk"
    assert "File too large" in said["reason"]
    assert "MiB are free there" in said["reason"]
    assert not list((out / "checkpoints").iterdir())
    assert train_here(spec)[0] == 0  # with room again
    assert report.read_error(out) is None


def test_out_of_memory_names_what_would_help(tiny_world, train_here):
    spec = tiny_world.run_spec(samples_seen=512, batch_size_global=512, accumulate_steps=1)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    with limited(resource.RLIMIT_AS, held + 300 * 2**20):
        code, out = train_here(spec)
    assert code == 1
    said = report.read_error(out)
    assert said["kind"] == "memory"
    assert "512 pictures a process in 1 piece(s)" in said["reason"]
    assert "raise accumulate_steps (now 1), set activation_checkpointing (now False)" in said["reason"]


def rank_process(out: Path, rank: int) -> int:
    """Return the process id of a rank that writes to `out`."""
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if str(out).encode() in words and f"RANK={rank}".encode() in (path / "environ").read_bytes().split(b"\0"):
                return int(path.name)
    raise AssertionError(f"no process of rank {rank} in {out}")


def left_of(out: Path) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(out).encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def wait_for_steps(process: subprocess.Popen, out: Path) -> None:
    while not list(out.glob("checkpoints/step_*/complete")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


def struck(torchrun, path: Path, out: Path, signum: int) -> tuple[str, dict]:
    """Start two ranks, strike rank 1 with a signal, wait for the end; return log and error.json."""
    process = torchrun.start(MODULE, path, out)
    wait_for_steps(process, out)
    os.kill(rank_process(out, 1), signum)
    said, _ = process.communicate(timeout=200)
    assert process.returncode != 0
    assert not left_of(out)
    assert not (out / "result.json").exists()
    assert checkpoint.newest_checkpoint(out)
    return said, report.read_error(out)


@pytest.mark.slow
def test_a_rank_that_is_killed_takes_the_others_down_and_is_told(tiny_world, saved_spec, tmp_path, torchrun):
    spec = tiny_world.run_spec(samples_seen=8 * 5000, world_size=2, checkpoint_every_steps=5)
    said, error = struck(torchrun, saved_spec(spec), tmp_path / "out", signal.SIGKILL)
    assert (error["kind"], error["rank"]) == ("lost_rank", 0)
    assert "another rank is gone or hangs" in error["reason"]
    assert "Signal 9 (SIGKILL)" in said


@pytest.mark.long
def test_a_rank_that_stands_still_is_named_and_all_are_gone(tiny_world, saved_spec, tmp_path, torchrun):
    limit_s = 20.0
    spec = tiny_world.run_spec(samples_seen=8 * 5000, world_size=2, checkpoint_every_steps=5, hang_timeout_s=limit_s)
    said, error = struck(torchrun, saved_spec(spec), tmp_path / "out", signal.SIGSTOP)
    assert (error["kind"], error["rank"]) == ("hang", 0)
    assert "no sign of life of rank 1 (stopped or dead" in error["reason"]
    assert "Thread 0x" in said


WAITS = """
import sys, time
from pathlib import Path
import torch
from entitynet_train.distributed import World
from entitynet_train.watchdog import Watchdog

with Watchdog(Path(sys.argv[1]), World(0, 2, torch.device("cpu")), 1.0) as watchdog:
    watchdog.beat("step 1, its pictures")
    time.sleep(600)
"""


@pytest.mark.slow
def test_a_process_that_waits_for_ever_ends_itself(tmp_path):
    (tmp_path / "ranks").mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", WAITS, str(tmp_path)], capture_output=True, text=True, timeout=200, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert ended.returncode == 1
    assert 'File "<string>", line 10 in <module>' in ended.stderr
    error = report.read_error(tmp_path)
    assert (error["kind"], error["rank"]) == ("hang", 0)
    assert (
        "rank 0 waited for 1 s (hang_timeout_s) at 'step 1, its pictures'; no sign of life of rank 1 ("
        in error["reason"]
    )
