"""Whole runs: control, resume bit for bit, kill, stop, export, learning."""

from __future__ import annotations

import dataclasses
import json
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image

from entitynet_train import checkpoint, train
from entitynet_train.compat import import_open_clip
from entitynet_train.export import export_open_clip, weights_sha256
from entitynet_train.model import eval_transform
from entitynet_train.spec import CaptionMix, RunSpec, fingerprint

MODULE = "entitynet_train.train"
# A third of the pictures an epoch, so that a resume must know how long the epochs before it were.
TAMED = CaptionMix("tamed", {"label": 1.0, "alt_text": 1.0}, balance={"threshold": 2})


def result_of(out: Path) -> dict:
    return json.loads((out / "result.json").read_text())


@pytest.fixture
def train_here(saved_spec, tmp_path):
    """A function that trains in this process; returns (exit code, directory)."""

    def run(spec: RunSpec, name: str = "out") -> tuple[int, Path]:
        path = saved_spec(spec, f"{name}.json")
        return train.main(["--spec", str(path), "--out", str(tmp_path / name)]), tmp_path / name

    return run


def forget_the_end(out: Path, kept: str) -> None:
    """Leave a directory as if the run had died after the checkpoint `kept`."""
    for directory in (out / "checkpoints").iterdir():
        if directory.name != kept:
            shutil.rmtree(directory)
    shutil.rmtree(out / "export", ignore_errors=True)
    (out / "result.json").unlink()


def test_an_untrained_control_exports_the_first_weights(tiny_world, train_here):
    code, out = train_here(tiny_world.run_spec(samples_seen=0))
    assert code == 0
    result = result_of(out)
    assert (result["step"], result["samples_seen"], result["loss_first"]) == (0, 0, None)
    assert result["export_sha256"] == weights_sha256(out / "export")
    assert not (out / "checkpoints").exists()


def test_a_finished_run_says_what_it_did(tiny_world, train_here):
    tiny_world.skip = sorted(tiny_world.pictures)[:2]
    tiny_world.write_words()
    spec = tiny_world.run_spec()
    code, out = train_here(spec)
    result = result_of(out)
    assert code == 0
    assert result["status"] == "finished"
    assert result["spec_fingerprint"] == fingerprint(spec)
    assert (result["step"], result["samples_seen"], result["world_size"]) == (4, 32, 1)
    assert result["counts"] == {"pictures": 24, "skipped": 2, "no_text": 0, "usable": 22, "broken": 0}
    assert sum(result["captions_drawn"].values()) == 32
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert set(lines[0]) == {"step", "loss", "lr", "samples_seen", "images_per_s", "logit_scale"}
    assert lines[-1]["loss"] == result["loss_last"]
    card = (out / "export" / "README.md").read_text()
    for fact in ("tiny", "tiny-1", "alt_text 1", fingerprint(spec), "4 of 4"):
        assert fact in card


def test_a_second_start_of_a_finished_run_changes_nothing(tiny_world, train_here):
    spec = tiny_world.run_spec(samples_seen=8)
    _, out = train_here(spec)
    before = (out / "result.json").read_bytes()
    assert train_here(spec)[0] == 0
    assert (out / "result.json").read_bytes() == before


def test_resume_equals_an_unbroken_run_bit_for_bit(tiny_world, train_here, capfd):
    spec = tiny_world.run_spec(mix=TAMED)
    _, whole = train_here(spec, "whole")
    shutil.copytree(whole, whole.with_name("cut"))
    forget_the_end(whole.with_name("cut"), "step_0000002")
    _, cut = train_here(spec, "cut")
    assert "resuming after step 2" in capfd.readouterr().out
    assert result_of(cut)["export_sha256"] == result_of(whole)["export_sha256"]
    for key in ("loss_first", "loss_last", "captions_drawn", "counts"):
        assert result_of(cut)[key] == result_of(whole)[key]
    final = [checkpoint.load_checkpoint(o / "checkpoints" / "step_0000004", fingerprint(spec)) for o in (whole, cut)]
    for mine, other in zip(*(state["optimizer"]["state"].values() for state in final), strict=True):
        assert torch.equal(mine["exp_avg_sq"], other["exp_avg_sq"])
    lines = [
        [
            (line["step"], line["loss"], line["lr"])
            for line in map(json.loads, (o / "metrics.jsonl").read_text().splitlines())
        ]
        for o in (whole, cut)
    ]
    assert lines[0] == lines[1]


def test_a_torn_newest_checkpoint_costs_its_steps_and_nothing_else(tiny_world, train_here, capfd):
    spec = tiny_world.run_spec()
    _, out = train_here(spec)
    sha256 = result_of(out)["export_sha256"]
    (out / "result.json").unlink()
    (out / "checkpoints" / "step_0000004" / "state.pt").write_bytes(b"torn")
    assert train_here(spec)[0] == 0
    assert result_of(out)["export_sha256"] == sha256
    said = capfd.readouterr()
    assert "step_0000004 ignored" in said.err
    assert "resuming after step 2" in said.out


def test_a_run_of_another_spec_is_refused(tiny_world, train_here, capfd):
    _, out = train_here(tiny_world.run_spec(samples_seen=16))
    other = tiny_world.run_spec(samples_seen=16, seed=5)
    assert train_here(other)[0] == 2
    (out / "result.json").unlink()
    assert train_here(other)[0] == 2
    assert "found a checkpoint of spec" in capfd.readouterr().err


def test_a_bad_spec_is_one_line_and_code_2(tmp_path, capfd, tiny_world, train_here):
    bad = tmp_path / "bad.json"
    bad.write_text('{"recipe": "r", "colour": 1}')
    for path in (bad, tmp_path / "absent.json"):
        assert train.main(["--spec", str(path), "--out", str(tmp_path / "o")]) == 2
    assert train_here(tiny_world.run_spec(world_size=2))[0] == 2
    said = capfd.readouterr().err
    assert said.count("spec error: ") == 3
    assert "Traceback" not in said


def test_a_loss_that_is_not_finite_ends_the_run(tiny_world, train_here, capfd):
    spec = tiny_world.run_spec(samples_seen=80, lr_peak=1e30, grad_clip_norm=0.0, checkpoint_every_steps=1000)
    code, out = train_here(spec)
    assert code == 1
    assert re.search(r"error: step \d+: the (loss|gradient) is (nan|inf); lower lr_peak", capfd.readouterr().err)
    assert not (out / "result.json").exists()
    assert not list(out.glob("checkpoints/step_*"))


def test_bf16_trains(tiny_world, train_here):
    code, out = train_here(tiny_world.run_spec(samples_seen=16, precision="bf16"))
    assert code == 0
    assert result_of(out)["loss_last"] < 5


def test_broken_pictures_are_counted_over_the_run(empty_world, train_here):
    bad = empty_world.add_shard(per_class=4, seed=0, broken=2)
    _, out = train_here(empty_world.run_spec())
    assert result_of(out)["counts"]["broken"] == 2
    assert result_of(out)["broken"] == sorted(bad)


def test_open_clip_loads_an_export_with_equal_embeddings(tiny_world, tmp_path):
    spec = tiny_world.run_spec(context_length_tokens=11, seed=3)
    tower = train.model.build_model(spec).eval()
    export_open_clip(tower, tmp_path / "export", spec)
    open_clip = import_open_clip()
    name = f"local-dir:{tmp_path / 'export'}"
    loaded, _, transform = open_clip.create_model_and_transforms(name)
    text_BT = open_clip.get_tokenizer(name)(["a red circle", "a green square"])
    assert text_BT.shape == (2, 11)
    picture = Image.effect_mandelbrot((90, 70), (-2, -1, 1, 1), 50).convert("RGB")
    assert torch.equal(transform(picture), eval_transform(spec)(picture))
    image_BCHW = transform(picture)[None]
    with torch.no_grad():
        for mine, other in zip(tower(image_BCHW, text_BT), loaded.eval()(image_BCHW, text_BT), strict=True):
            assert torch.equal(mine, other)


def test_bigger_towers_have_open_clips_shape_and_the_recipes_context(tiny_world):
    for tower, patch in (("ViT-B-32", 32), ("ViT-B-16", 16)):
        config = train.model.model_config(tiny_world.run_spec(tower=tower, context_length_tokens=20))
        assert config["vision_cfg"]["patch_size"] == patch
        assert config["text_cfg"]["context_length"] == 20


@pytest.mark.slow
def test_two_ranks_resume_bit_for_bit_and_agree_with_one(tiny_world, saved_spec, tmp_path, torchrun, train_here):
    spec = tiny_world.run_spec(world_size=2, workers=1, mix=TAMED)
    path, whole, cut = saved_spec(spec), tmp_path / "whole", tmp_path / "cut"
    code, said = torchrun.run(MODULE, path, whole)
    assert code == 0, said
    shutil.copytree(whole, cut)
    forget_the_end(cut, "step_0000002")
    code, said = torchrun.run(MODULE, path, cut)
    assert code == 0, said
    assert "resuming after step 2" in said
    assert result_of(cut)["export_sha256"] == result_of(whole)["export_sha256"]
    assert result_of(cut)["captions_drawn"] == result_of(whole)["captions_drawn"]
    _, alone = train_here(dataclasses.replace(spec, world_size=1), "alone")
    assert result_of(alone)["loss_first"] == pytest.approx(result_of(whole)["loss_first"], rel=1e-6)
    assert result_of(alone)["loss_last"] == pytest.approx(result_of(whole)["loss_last"], rel=1e-3)


def wait_for_checkpoint(process: subprocess.Popen, out: Path) -> None:
    while not list(out.glob("checkpoints/step_*/complete")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.05)


@pytest.mark.slow
def test_a_launcher_that_is_killed_in_the_middle_costs_nothing(tiny_world, saved_spec, tmp_path, torchrun):
    spec = tiny_world.run_spec(samples_seen=8 * 80, world_size=2, checkpoint_every_steps=10)
    path, out = saved_spec(spec), tmp_path / "out"
    process = torchrun.start(MODULE, path, out)
    wait_for_checkpoint(process, out)
    process.kill()
    code, said = torchrun.run(MODULE, path, out)
    first, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert code == 0, said
    resumed = re.search(r"resuming after step (\d+)", said)
    assert resumed, said
    assert 10 <= int(resumed[1]) < 80
    assert f"stopped after step {resumed[1]}" in first
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, 81))
    assert result_of(out)["step"] == 80


@pytest.mark.slow
def test_two_ranks_that_are_asked_to_stop_save_the_same_step(tiny_world, saved_spec, tmp_path, torchrun):
    spec = tiny_world.run_spec(samples_seen=8 * 5000, world_size=2, checkpoint_every_steps=10)
    path, out = saved_spec(spec), tmp_path / "out"
    process = torchrun.start(MODULE, path, out)
    wait_for_checkpoint(process, out)
    process.terminate()
    said, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    step = int(re.search(r"stopped after step (\d+)", said)[1])
    assert checkpoint.newest_checkpoint(out).name == f"step_{step:07d}"
    assert not (out / "result.json").exists()


@pytest.mark.slow
def test_an_interrupt_saves_and_leaves_with_its_code(tiny_world, saved_spec, tmp_path, torchrun):
    spec = tiny_world.run_spec(samples_seen=8 * 5000, checkpoint_every_steps=10)
    path, out = saved_spec(spec), tmp_path / "out"
    process = torchrun.start_command([sys.executable, "-m", MODULE, "--spec", str(path), "--out", str(out)])
    wait_for_checkpoint(process, out)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    step = int(re.search(r"stopped after step (\d+)", said)[1])
    assert checkpoint.newest_checkpoint(out).name == f"step_{step:07d}"
    assert not (out / "result.json").exists()


@pytest.mark.slow
def test_two_ranks_have_the_loss_and_gradient_of_one(tmp_path, torchrun):
    script = Path(__file__).with_name("loss_on_ranks.py")
    runpy.run_path(str(script))["main"](tmp_path / "1.json")
    process = torchrun.start_command([*torchrun.launch(2), str(script), str(tmp_path / "2.json")])
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    alone, shared = (json.loads((tmp_path / f"{processes}.json").read_text()) for processes in (1, 2))
    for name in alone:
        assert shared[name] == pytest.approx(alone[name], rel=1e-10, abs=1e-14), name
    assert alone["loss"] == pytest.approx(7.033032331521234, rel=1e-7)
