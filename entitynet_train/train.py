"""Train one recipe: `torchrun --nproc-per-node N -m -- entitynet_train.train --spec PATH --out DIR`.

Belongs here: the loop, from a RunSpec to OUT/export, OUT/metrics.jsonl and OUT/result.json.
Does not belong here: pictures (data.py), words (words.py), towers (model.py), losses.py, optim.py, report.py.
A run that was cut off goes on from its newest whole checkpoint to the same weights (bit for bit on CPU, 1 or 2 ranks).

Shapes: B pictures of this rank, H and W pixels, C channels, T tokens, D features.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from entitynet_train import checkpoint, export, model, optim, report
from entitynet_train.data import Batch, Batches, load_batches
from entitynet_train.distributed import (
    StopSignals,
    World,
    gather_all,
    hold_directory,
    process_group,
    require_size,
    sum_all,
    wait_for_all,
)
from entitynet_train.entry import JobError, run_entry
from entitynet_train.losses import Features, Objective, build_objective
from entitynet_train.spec import RunSpec, fingerprint


@dataclass
class Progress:
    """How far a run is. `broken` and `drawn` are this rank's share until they are gathered."""

    step: int = 0
    loss_first: float | None = None
    loss_last: float | None = None
    broken: set[str] = field(default_factory=set)
    drawn: Counter[str] = field(default_factory=Counter)
    parts: dict[str, float] = field(default_factory=dict[str, float])  # of the last step, before their weights

    def advance(self, loss: float, batch: Batch) -> None:
        """Count one finished step."""
        self.step += 1
        self.loss_first = loss if self.loss_first is None else self.loss_first
        self.loss_last = loss
        self.broken.update(batch.broken)
        self.drawn.update(batch.sources)


@dataclass
class Run:
    """What one rank holds: `tower` is the bare model, `parallel` the same one with gradients averaged over ranks."""

    spec: RunSpec
    out: Path
    world: World
    tower: nn.Module
    parallel: nn.Module
    objective: Objective
    optimizer: torch.optim.Optimizer
    batches: Batches
    progress: Progress


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(RunSpec, train, "Train one recipe, or go on with it.", argv)


def train(spec: RunSpec, out: Path) -> int:
    """Train `spec` in directory `out`; return 0 when finished, 128 + n when stopped by signal n.

    Raises:
        SpecError: the spec cannot be run, or `out` holds a run of another spec.
        JobError: the loss or the gradient is no longer finite.
    """
    with process_group() as world, StopSignals() as stop, hold_directory(out, world):
        require_size(world, spec.world_size, "world_size")
        if report.read_result(out, fingerprint(spec)):
            _say(world, f"{out} is finished already")
            return 0
        run = _assemble(spec, out, world)
        _resume(run)
        began_step, began = run.progress.step, time.monotonic()
        signum = _run_steps(run, stop)
        if signum:
            return 128 + signum
        seconds = time.monotonic() - began
        _finish(run, (run.progress.step - began_step) * spec.batch_size_global / seconds)
        return 0


def _assemble(spec: RunSpec, out: Path, world: World) -> Run:
    crop = model.RandomCrop(model.image_size_px(spec), spec.crop_scale_min)
    batches = Batches(spec, world.rank, crop, model.build_tokenizer(spec))
    torch.manual_seed(spec.seed)
    tower = model.build_model(spec).to(world.device)
    parallel = tower
    if world.size > 1:
        devices = [world.device] if world.device.type == "cuda" else None
        parallel = DistributedDataParallel(tower, device_ids=devices, gradient_as_bucket_view=True)
    objective = build_objective(spec, world, model.model_config(spec)["embed_dim"], tower)
    optimizer = optim.build_optimizer(nn.ModuleList([tower, objective]), spec)
    return Run(spec, out, world, tower, parallel, objective, optimizer, batches, Progress())


def _run_steps(run: Run, stop: StopSignals) -> int:
    """Run the steps that are left; return 0, or the signal that asked for a stop after its checkpoint is saved."""
    spec, progress = run.spec, run.progress
    metrics = report.Metrics(run.out, progress.step) if run.world.is_first else None
    clock = time.monotonic()
    for batch in load_batches(run.batches, range(progress.step, spec.steps), spec.workers):
        loss, lr, stop_wanted = _step(run, batch, stop)
        progress.advance(loss, batch)
        now = time.monotonic()
        if metrics:
            line = _measures(run, loss, lr, spec.batch_size_global / (now - clock))
            metrics.append(**line)
            _print_progress(line, spec.steps)
        clock = now
        if stop_wanted or progress.step % spec.checkpoint_every_steps == 0 or progress.step == spec.steps:
            _save(run)
        if stop_wanted and progress.step < spec.steps:
            _say(run.world, f"stopped after step {progress.step}; the same command goes on from there")
            return stop.signum or signal.SIGTERM
    return 0


def _step(run: Run, batch: Batch, stop: StopSignals) -> tuple[float, float, bool]:
    """Take one optimiser step; return the loss over all ranks, the learning rate, and whether any rank should stop."""
    spec, device = run.spec, run.world.device
    lr = optim.learning_rate(run.progress.step, spec.steps, spec.lr_peak, spec.warmup_ratio)
    optim.set_learning_rate(run.optimizer, lr)
    image_BCHW = model.normalise(batch.image_BHWC.to(device))
    with torch.autocast(device.type, torch.bfloat16, enabled=spec.precision == "bf16"):
        image_BD, text_BD, logit_scale, *bias = run.parallel(image_BCHW, batch.text_BT.to(device))
    features = Features(
        image_BD.float(), text_BD.float(), logit_scale.float(), *bias,
        labels=_on(device, batch.labels), entities=_on(device, batch.entities),
        teacher_image_BE=_on(device, batch.teacher_image_BE), teacher_text_BE=_on(device, batch.teacher_text_BE), step=run.progress.step,
    )  # fmt: skip
    value = run.objective(features)
    names = list(value.parts)
    loss_sum, stops, *parts = sum_all(
        run.world, [float(value.total.detach()), float(stop.wanted), *(float(value.parts[name]) for name in names)]
    )
    _require_finite(run, "loss", loss_sum)
    run.optimizer.zero_grad()
    value.total.backward()
    run.objective.average_gradients()
    _require_finite(run, "gradient", optim.clip_gradients(run.tower, run.objective, run.world, spec.grad_clip_norm))
    run.optimizer.step()
    optim.clamp_logit_scale(run.tower)
    size = run.world.size
    run.progress.parts = {name: part / size for name, part in zip(names, parts, strict=True)}
    return loss_sum / size, lr, stops > 0


def _on(device: torch.device, ids: torch.Tensor | None) -> torch.Tensor | None:
    return None if ids is None else ids.to(device)


def _require_finite(run: Run, what: str, value: float) -> None:
    if not math.isfinite(value):
        raise JobError(
            f"step {run.progress.step + 1}: the {what} is {value}; lower lr_peak (now {run.spec.lr_peak:g}), raise "
            "warmup_ratio, or lower grad_clip_norm; the newest checkpoint is from before this step"
        )


def _measures(run: Run, loss: float, lr: float, images_per_s: float) -> dict[str, Any]:
    parts = run.progress.parts if len(run.progress.parts) > 1 else {}
    return {
        "step": run.progress.step,
        "loss": loss,
        **{f"loss_{name}": value for name, value in parts.items()},
        "lr": lr,
        "samples_seen": run.progress.step * run.spec.batch_size_global,
        "images_per_s": round(images_per_s, 1),
        "logit_scale": float(run.tower.get_parameter("logit_scale").detach().exp()),
    }


def _print_progress(line: dict[str, Any], steps: int) -> None:
    every = max(1, steps // 20)
    if line["step"] % every == 0 or line["step"] in (1, steps):
        text = (
            f"step {line['step']}/{steps} loss {line['loss']:.4f} lr {line['lr']:.2e} {line['images_per_s']} images/s"
        )
        print(text, flush=True)


def _save(run: Run) -> None:
    """Save a checkpoint that every rank can resume from; what the ranks counted apart is gathered into it."""
    progress = _gathered(run)
    rng = gather_all(run.world, torch.get_rng_state())
    objective, optimizer = run.objective.whole_state(), optim.whole_state(run.optimizer, run.objective)
    if run.world.is_first:
        state = {
            "model": run.tower.state_dict(),
            "objective": objective,
            "optimizer": optimizer,
            "rng": rng,
            "losses": [progress.loss_first, progress.loss_last],
            "broken": sorted(progress.broken),
            "drawn": dict(progress.drawn),
        }
        checkpoint.save_checkpoint(run.out, progress.step, fingerprint(run.spec), state)
    wait_for_all(run.world)


def _resume(run: Run) -> None:
    """Take up the newest whole checkpoint, the one that rank 0 found, or leave the fresh weights."""
    found = checkpoint.newest_checkpoint(run.out) if run.world.is_first else None
    directory = gather_all(run.world, found)[0]
    if not directory:
        return
    state = checkpoint.load_checkpoint(directory, fingerprint(run.spec))
    run.tower.load_state_dict(state["model"])
    run.objective.load_whole_state(state["objective"])
    optim.load_whole_state(run.optimizer, run.objective, state["optimizer"])
    torch.set_rng_state(state["rng"][run.world.rank])
    run.progress = Progress(state["step"], *state["losses"])
    if run.world.is_first:
        run.progress.broken, run.progress.drawn = set(state["broken"]), Counter(state["drawn"])
    _say(run.world, f"resuming after step {run.progress.step}")


def _gathered(run: Run) -> Progress:
    """Return the progress with every rank's counts in it."""
    own = run.progress
    shares = gather_all(run.world, (own.broken, own.drawn))
    broken = set().union(*(share[0] for share in shares))
    drawn = sum((share[1] for share in shares), Counter[str]())
    return Progress(own.step, own.loss_first, own.loss_last, broken, drawn)


def _finish(run: Run, images_per_s: float) -> None:
    """Export the weights and write result.json, last."""
    progress = _gathered(run)
    folder, sha256 = export.export_run(run.tower, run.out, run.spec, progress.step, run.world)
    if run.world.is_first:
        values = {
            "step": progress.step,
            "samples_seen": progress.step * run.spec.batch_size_global,
            "loss_first": progress.loss_first,
            "loss_last": progress.loss_last,
            "export": folder.name,
            "export_sha256": sha256,
            "counts": {**run.batches.counts, "broken": len(progress.broken)},
            "broken": sorted(progress.broken)[:100],
            "captions_drawn": dict(sorted(progress.drawn.items())),
            "world_size": run.world.size,
            "images_per_s": round(images_per_s, 1),
            "parameters": sum(parameter.numel() for parameter in run.tower.parameters()),
        }
        report.write_result(run.out, fingerprint(run.spec), values)
        _say(run.world, f"finished at step {progress.step}: {folder}")
    wait_for_all(run.world)


def _say(world: World, text: str) -> None:
    if world.is_first:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
