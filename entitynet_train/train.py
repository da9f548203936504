"""Train one recipe: `torchrun --nproc-per-node N -m -- entitynet_train.train --spec PATH --out DIR`.

Belongs here: the loop, from a RunSpec to OUT/export, OUT/metrics.jsonl and OUT/result.json.
Does not belong here: pictures (data.py), words (words.py), towers (model.py, towers.py), losses.py, optim.py, run_state.py, report.py.
A run that was cut off goes on from its newest whole checkpoint to the same weights (bit for bit on CPU, 1 or 2 ranks).

Shapes: B pictures of this rank, H and W pixels, C channels, T tokens, D features.
"""

from __future__ import annotations

import math
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from entitynet_train import export, guard, model, optim, report, run_state, throughput
from entitynet_train.average import moving_average
from entitynet_train.data import Batch, Batches, load_batches
from entitynet_train.distributed import (
    StopSignals,
    World,
    hold_directory,
    process_group,
    require_size,
    sum_all,
    wait_for_all,
)
from entitynet_train.entry import out_of_memory, run_entry
from entitynet_train.losses import Features, LossValue, build_objective
from entitynet_train.report import JobError
from entitynet_train.run_state import Run
from entitynet_train.spec import RunSpec, fingerprint
from entitynet_train.towers import Outputs, Towers, prepared
from entitynet_train.watchdog import Watchdog


@dataclass(frozen=True)
class Step:
    """What one step came to, the same on every rank; `parts` are the losses before their weights."""

    loss: float
    parts: dict[str, float]
    gradient_norm: float
    lr: float
    taken: bool
    stop_wanted: bool


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(RunSpec, train, "Train one recipe, or go on with it.", argv)


def train(spec: RunSpec, out: Path) -> int:
    """Train `spec` in directory `out`; return 0 when finished, 128 + n when stopped by signal n.

    Raises:
        SpecError: the spec cannot be run, or `out` holds a run of another spec.
        JobError: the loss is no longer finite or stays far too high, memory or the disk does not suffice.
    """
    patience_s = 2 * spec.hang_timeout_s  # the watchdog, which knows more, speaks first
    with process_group(patience_s) as world, StopSignals() as stop, hold_directory(out, world):
        require_size(world, spec.world_size, "world_size")
        if report.read_result(out, fingerprint(spec)):
            _say(world, f"{out} is finished already")
            return 0
        try:
            with Watchdog(out, world, spec.hang_timeout_s) as watchdog:
                return _train(spec, out, world, stop, watchdog)
        except Exception as error:
            if out_of_memory(error):
                raise _short_of_memory(spec, error) from error
            raise


def _train(spec: RunSpec, out: Path, world: World, stop: StopSignals, watchdog: Watchdog) -> int:
    crop = model.RandomCrop(model.image_size_px(spec), spec.crop_scale_min)
    run = assemble(spec, out, world, Batches(spec, world.rank, crop, model.build_tokenizer(spec)))
    if run_state.resume(run):
        _say(world, f"resuming after step {run.progress.step}")
    speed = throughput.Speed(spec, world) if world.is_first else None
    began_step, began = run.progress.step, time.monotonic()
    signum = run_steps(run, stop, watchdog, speed)
    if signum:
        return 128 + signum
    seconds = time.monotonic() - began
    watchdog.beat("the export")
    _finish(run, (run.progress.step - began_step) * spec.batch_size_global / seconds, speed)
    return 0


def assemble(spec: RunSpec, out: Path, world: World, batches: Batches) -> Run:
    """Return what this rank needs for a run on these batches, its weights fresh."""
    if (
        world.device.type == "cuda"
    ):  # what stays in float32 beside autocast goes through tensor cores; input shapes never change
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.benchmark = True
    tower = prepared(model.build_model(spec), spec).to(world.device)
    average = moving_average(tower, spec.ema_decay) if spec.ema_decay and world.is_first else None
    if spec.compile:
        tower.compile()
    parallel = tower
    if world.size > 1:
        devices = [world.device] if world.device.type == "cuda" else None
        parallel = DistributedDataParallel(tower, device_ids=devices, gradient_as_bucket_view=True)
    objective = build_objective(spec, world, model.model_config(spec)["embed_dim"], tower)
    optimizer = optim.build_optimizer(torch.nn.ModuleList([tower, objective]), spec)
    towers = Towers(tower, parallel, spec, world)
    return Run(spec, out, world, towers, objective, optimizer, average, batches, guard.SpikeGuard(spec.spike_factor))


def run_steps(run: Run, stop: StopSignals, watchdog: Watchdog, speed: throughput.Speed | None) -> int:
    """Run the steps that are left; return 0, or the signal that asked for a stop after its checkpoint is saved."""
    spec, progress = run.spec, run.progress
    metrics = report.Metrics(run.out, progress.step) if run.world.is_first else None
    watchdog.beat(f"step {progress.step + 1}, its pictures")
    for batch in load_batches(run.batches, range(progress.step, spec.steps), spec.workers):
        watchdog.beat(f"step {progress.step + 1}, its gradient")
        step = _step(run, batch, stop)
        progress.advance(step.loss, batch)
        if metrics and speed:
            line = _measures(run, step) | speed.measure(spec.batch_size_global)
            metrics.append(**line)
            _print_progress(line, spec.steps)
        if step.stop_wanted or progress.step % spec.checkpoint_every_steps == 0 or progress.step == spec.steps:
            watchdog.beat(f"step {progress.step}, its checkpoint")
            run_state.save(run)
        if step.stop_wanted and progress.step < spec.steps:
            _say(run.world, f"stopped after step {progress.step}; the same command goes on from there")
            return stop.signum or signal.SIGTERM
        watchdog.beat(f"step {progress.step + 1}, its pictures")
    if metrics:
        metrics.close()
    return 0


def _step(run: Run, batch: Batch, stop: StopSignals) -> Step:
    """Take one optimiser step, unless its loss is far above the usual."""
    spec, number = run.spec, run.progress.step
    lr = optim.learning_rate(number, spec.steps, spec.lr_peak, spec.warmup_ratio)
    values: list[LossValue] = []

    def loss(outputs: Outputs) -> Tensor:
        values.append(run.objective(_features(outputs, batch, number)))
        return values[-1].total

    optim.set_learning_rate(run.optimizer, lr)
    run.optimizer.zero_grad()
    run.towers.backward(batch.image_BHWC, batch.text_BT, number, loss)
    run.objective.average_gradients()
    norm = float(optim.clip_gradients(run.towers.bare, run.objective, run.world, spec.grad_clip_norm))
    names, parts = zip(*values[0].parts.items(), strict=True)
    sums = sum_all(run.world, [float(stop.wanted), *(float(value.detach()) for value in (values[0].total, *parts))])
    means = [value / run.world.size for value in sums[1:]]
    _require_finite(run, means[0], norm)
    taken = _accepted(run, means[0])
    if taken:
        run.optimizer.step()
        optim.clamp_logit_scale(run.towers.bare)
        if run.average:
            run.average.update_parameters(run.towers.bare)
    return Step(means[0], dict(zip(names, means[1:], strict=True)), norm, lr, taken, sums[0] > 0)


def _features(outputs: Outputs, batch: Batch, step: int) -> Features:
    device = outputs[0].device
    labels, entities, seen, read = (
        None if one is None else one.to(device)
        for one in (batch.labels, batch.entities, batch.teacher_image_BE, batch.teacher_text_BE)
    )
    return Features(*outputs, labels=labels, entities=entities, teacher_image_BE=seen, teacher_text_BE=read, step=step)


def _require_finite(run: Run, loss: float, norm: float) -> None:
    for what, value in (("loss", loss), ("gradient", norm)):
        if not math.isfinite(value):
            raise JobError(
                f"step {run.progress.step + 1}: the {what} is {value}; lower lr_peak (now {run.spec.lr_peak:g}), raise "
                "warmup_ratio, or lower grad_clip_norm; the newest checkpoint is from before this step"
            )


def _accepted(run: Run, loss: float) -> bool:
    """Tell whether a step may be taken on this loss. Raises JobError after too many that may not, one after the other."""
    if run.guard.accepts(loss):
        return True
    at, usual, factor = f"step {run.progress.step + 1}", run.guard.median, run.spec.spike_factor
    _say(run.world, f"{at} skipped: loss {loss:.4f} is above {factor:g} (spike_factor) times the usual {usual:.4f}")
    if run.guard.in_a_row < guard.SKIPPED_MAX:
        return False
    raise JobError(
        f"{at}: {guard.SKIPPED_MAX} losses in a row above {factor:g} (spike_factor) times the usual {usual:.4f}, the last {loss:.4f}; "
        f"lower lr_peak (now {run.spec.lr_peak:g}), raise warmup_ratio, or raise spike_factor if the data may do that; "
        "the weights are those from before the first of them"
    )


def _short_of_memory(spec: RunSpec, error: Exception) -> JobError:
    batch = spec.batch_size_global // spec.world_size
    return JobError(
        f"out of memory with {batch} pictures a process in {spec.accumulate_steps} piece(s) ({str(error).splitlines()[0][:200]}); "
        f"raise accumulate_steps (now {spec.accumulate_steps}), set activation_checkpointing (now {spec.activation_checkpointing}), "
        f"start more processes, or lower batch_size_global (now {spec.batch_size_global})",
        "memory",
    )


def _measures(run: Run, step: Step) -> dict[str, float]:
    scale = run.towers.bare.get_parameter("logit_scale").detach().exp()
    parts = {f"loss_{name}": value for name, value in step.parts.items()} if len(step.parts) > 1 else {}
    return {
        "step": run.progress.step,
        "loss": step.loss,
        **parts,
        "lr": step.lr,
        "gradient_norm": step.gradient_norm,
        "samples_seen": run.progress.step * run.spec.batch_size_global,
        "logit_scale": float(scale),
        "skipped": run.guard.skipped,
    }


def _print_progress(line: dict[str, float], steps: int) -> None:
    every = max(1, steps // 20)
    if line["step"] % every == 0 or line["step"] in (1, steps):
        text = (
            f"step {line['step']}/{steps} loss {line['loss']:.4f} lr {line['lr']:.2e} {line['images_per_s']} images/s"
        )
        print(text, flush=True)


def _finish(run: Run, images_per_s: float, speed: throughput.Speed | None) -> None:
    """Export the weights and write result.json, last."""
    progress = run.gathered()
    folder, sha256 = export.export_run(run.exported, run.out, run.spec, progress.step, run.world)
    if run.world.is_first and speed:
        values = {
            "step": progress.step,
            "samples_seen": progress.step * run.spec.batch_size_global,
            "loss_first": progress.loss_first,
            "loss_last": progress.loss_last,
            "steps_skipped": run.guard.skipped,
            "export": folder.name,
            "export_sha256": sha256,
            "counts": {**run.batches.counts, "broken": len(progress.broken)},
            "broken": sorted(progress.broken)[:100],
            "captions_drawn": dict(sorted(progress.drawn.items())),
            "world_size": run.world.size,
            "images_per_s": round(images_per_s, 1),
            **speed.facts(images_per_s),
            "parameters": sum(parameter.numel() for parameter in run.towers.bare.parameters()),
        }
        report.write_result(run.out, fingerprint(run.spec), values)
        _say(run.world, f"finished at step {progress.step}: {folder}")
    wait_for_all(run.world)


def _say(world: World, text: str) -> None:
    if world.is_first:
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
