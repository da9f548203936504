"""Schedule, groups, checkpoints, reports: the small parts of a run."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys

import pytest
import torch

from entitynet_train import checkpoint, optim, report
from entitynet_train.distributed import World, hold_directory, require_size
from entitynet_train.spec import SpecError

WORLD = World(0, 1, torch.device("cpu"))


def test_the_rate_warms_up_then_follows_a_cosine():
    rates = [optim.learning_rate(step, 100, 2.0, 0.1) for step in range(100)]
    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)
    assert rates[99] == pytest.approx(1 + math.cos(math.pi * 89 / 90))
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert optim.learning_rate(100, 100, 2.0, 0.1) == pytest.approx(0.0)


def test_without_warm_up_the_rate_starts_at_its_peak():
    assert optim.learning_rate(0, 4, 1e-3, 0.0) == 1e-3
    assert optim.learning_rate(0, 1, 1e-3, 0.1) == 1e-3


def test_gains_and_biases_have_no_weight_decay(tiny_world):
    model = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3))
    model.logit_scale = torch.nn.Parameter(torch.tensor(2.0))
    decayed, free = optim.build_optimizer(model, tiny_world.run_spec(weight_decay=0.3)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.3, 0.0)
    assert [parameter.shape for parameter in decayed["params"]] == [(3, 3)]
    assert len(free["params"]) == 4


def test_the_logit_scale_stays_below_100():
    model = torch.nn.Module()
    model.logit_scale = torch.nn.Parameter(torch.tensor(9.0))
    optim.clamp_logit_scale(model)
    assert model.logit_scale.exp().item() == pytest.approx(100)


def state(value):
    return {"model": {"weight": torch.full((3,), float(value))}}


def test_the_newest_checkpoint_is_found_and_loaded(tmp_path):
    for step in (2, 10, 4):
        checkpoint.save_checkpoint(tmp_path, step, "f", state(step))
    newest = checkpoint.newest_checkpoint(tmp_path)
    assert newest.name == "step_0000010"
    loaded = checkpoint.load_checkpoint(newest, "f")
    assert loaded["step"] == 10
    assert loaded["model"]["weight"].tolist() == [10, 10, 10]


def test_two_checkpoints_are_kept(tmp_path):
    for step in (1, 2, 3):
        checkpoint.save_checkpoint(tmp_path, step, "f", state(step))
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step_0000002", "step_0000003"]


@pytest.mark.parametrize(
    "tear",
    [
        lambda directory: (directory / "complete").unlink(),
        lambda directory: (directory / "state.pt").unlink(),
        lambda directory: (directory / "state.pt").write_bytes(b"half"),
        lambda directory: (directory / "complete").write_text("{"),
    ],
)
def test_a_torn_checkpoint_is_ignored_and_named(tmp_path, capfd, tear):
    for step in (1, 2):
        checkpoint.save_checkpoint(tmp_path, step, "f", state(step))
    tear(tmp_path / "checkpoints" / "step_0000002")
    assert checkpoint.newest_checkpoint(tmp_path).name == "step_0000001"
    assert "step_0000002 ignored: torn" in capfd.readouterr().err


def test_a_save_that_was_cut_off_leaves_nothing_that_is_found(tmp_path):
    whole = checkpoint.save_checkpoint(tmp_path, 1, "f", state(1))
    shutil.copytree(whole, whole.with_name(".step_0000002.part"))
    assert checkpoint.newest_checkpoint(tmp_path) == whole
    assert checkpoint.save_checkpoint(tmp_path, 2, "f", state(2)).name == "step_0000002"


def test_a_checkpoint_of_another_spec_is_refused(tmp_path):
    directory = checkpoint.save_checkpoint(tmp_path, 1, "mine", state(1))
    with pytest.raises(SpecError, match="found a checkpoint of spec mine; allowed: yours"):
        checkpoint.load_checkpoint(directory, "yours")


def test_metrics_after_the_resumed_step_are_dropped(tmp_path):
    metrics = report.Metrics(tmp_path, 0)
    for step in (1, 2, 3):
        metrics.append(step=step, loss=1.0)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    report.Metrics(tmp_path, 2).append(step=3, loss=0.5)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[-1]["loss"] == 0.5


def test_a_result_of_another_spec_is_refused(tmp_path):
    report.write_result(tmp_path, "mine", {"step": 1})
    assert report.read_result(tmp_path, "mine")["step"] == 1
    with pytest.raises(SpecError, match="an empty directory"):
        report.read_result(tmp_path, "yours")


def test_a_result_is_never_not_a_number(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        report.write_result(tmp_path, "f", {"loss_last": float("nan")})
    assert report.read_result(tmp_path, "f") is None


def test_the_number_of_processes_is_checked():
    with pytest.raises(SpecError, match="found 4; allowed: 1"):
        require_size(WORLD, 4, "world_size")


def test_a_directory_that_stays_taken_is_refused(tmp_path):
    lock = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX); print('held'); input()"
    command = [sys.executable, "-u", "-c", lock, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with (
            pytest.raises(SpecError, match="another job is writing here"),
            hold_directory(tmp_path, WORLD, patience_s=0),
        ):
            pass
        other.communicate("\n")
    with hold_directory(tmp_path, WORLD, patience_s=0):
        pass


def test_a_directory_is_given_back(tmp_path):
    for _ in range(2):
        with hold_directory(tmp_path / "out", WORLD):
            assert (tmp_path / "out").is_dir()
