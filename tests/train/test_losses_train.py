"""Whole runs with several losses: the head is trained, saved, resumed, and its vocabulary checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from entitynet_train import checkpoint, train
from entitynet_train.spec import LossSpec, RunSpec, fingerprint

MODULE = "entitynet_train.train"
ALL = LossSpec(
    {"contrastive": 1.0, "sigmoid": 0.5, "classification": 0.25}, entity_targets=True, negatives=2, margin=0.2
)


def lines_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def state_of(out: Path, spec: RunSpec, step: int) -> dict:
    return checkpoint.load_checkpoint(out / "checkpoints" / f"step_{step:07d}", fingerprint(spec))


@pytest.mark.long
def test_two_ranks_train_several_losses_and_resume_them_bit_for_bit(tiny_world, saved_spec, tmp_path, torchrun):
    tricks = {"accumulate_steps": 2, "patch_dropout": 0.5, "ema_decay": 0.9, "spike_factor": 5.0}
    spec = tiny_world.run_spec(world_size=2, loss=ALL, data=tiny_world.data_with_classes(), **tricks)
    path, whole, cut = saved_spec(spec), tmp_path / "whole", tmp_path / "cut"
    code, said = torchrun.run(MODULE, path, whole)
    assert code == 0, said
    shutil.copytree(whole, cut)
    (cut / "result.json").unlink()
    shutil.rmtree(cut / "checkpoints" / "step_0000004")
    code, said = torchrun.run(MODULE, path, cut)
    assert code == 0, said
    assert "resuming after step 2" in said
    results = [json.loads((out / "result.json").read_text()) for out in (whole, cut)]
    assert results[0]["export_sha256"] == results[1]["export_sha256"]
    final, again, half = state_of(whole, spec, 4), state_of(cut, spec, 4), state_of(whole, spec, 2)
    assert final["objective"]["class_head.weight_SD"].shape == (5, 128)
    for name, value in final["objective"].items():
        assert value.equal(again["objective"][name])
        assert not value.equal(half["objective"][name])
    for place, moments in final["optimizer"]["state"].items():
        assert moments["exp_avg_sq"].equal(again["optimizer"]["state"][place]["exp_avg_sq"])
    (line, *_) = lines_of(whole)
    weighted = sum(weight * line[f"loss_{name}"] for name, weight in ALL.weights.items())
    assert line["loss"] == pytest.approx(weighted, rel=1e-6)


def test_supervised_alone_learns_its_classes(tiny_world, saved_spec, tmp_path):
    loss = LossSpec({"classification": 1.0}, negatives=1)
    spec = tiny_world.run_spec(samples_seen=8 * 12, loss=loss, data=tiny_world.data_with_classes())
    path = saved_spec(spec)
    assert train.main(["--spec", str(path), "--out", str(tmp_path / "out")]) == 0
    told = [line["loss"] for line in lines_of(tmp_path / "out")]
    assert sum(told[-3:]) < 0.5 * sum(told[:3])
