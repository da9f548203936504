"""One side of step.py: `python -m tests.bench.step_side ours|peer JSON`; prints its figures as a line of JSON."""

from __future__ import annotations

import argparse
import functools
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from entitynet_train import model, throughput, train
from entitynet_train.compat import import_open_clip
from entitynet_train.data import Batch
from entitynet_train.distributed import StopSignals, process_group
from entitynet_train.spec import CaptionMix, DataSpec, RunSpec
from entitynet_train.watchdog import Watchdog

WARM = 3  # steps before the clock starts
BATCHES = 4  # different ones, in turns
WEIGHT_DECAY, BETA1, BETA2, EPS, LR, CLIP = 0.2, 0.9, 0.98, 1e-6, 5e-4, 1.0


class Stamps:
    """When each step began, by the clock and by the core, once the device has done what was asked before."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._at: list[tuple[float, float]] = []

    def take(self) -> None:
        """Note the time."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        self._at.append((time.perf_counter(), time.process_time()))

    def medians(self) -> tuple[float, float]:
        """Return seconds a step, of the clock and of the core."""
        spans = list(zip(self._at[WARM:], self._at[WARM + 1 :], strict=False))
        return tuple(statistics.median(end[n] - begin[n] for begin, end in spans) for n in range(2))  # type: ignore[return-value]


class InMemory:
    """Batches of noise that take no time to make; like data.Batches for the loop."""

    counts: dict[str, int] = {}  # noqa: RUF012 - as data.Batches has it

    def __init__(self, spec: RunSpec, stamps: Stamps) -> None:
        side, size = model.image_size_px(spec), spec.batch_size_global
        generator = torch.Generator().manual_seed(7)
        self._made = []
        for _ in range(BATCHES):
            image_BHWC = torch.randint(0, 256, (size, side, side, 3), dtype=torch.uint8, generator=generator)
            text_BT = torch.randint(1, 49406, (size, spec.context_length_tokens), generator=generator)
            text_BT[:, -1] = 49407  # the end of a text, where the tower reads its answer
            self._made.append((image_BHWC, text_BT))
        self._stamps = stamps

    def __getitem__(self, step: int) -> Batch:
        self._stamps.take()
        image_BHWC, text_BT = self._made[step % BATCHES]
        return Batch(image_BHWC, text_BT, [], [], [])

    def close(self) -> None:
        """Nothing is open."""

    def as_floats(self, steps: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield what open_clip's loader would: normalised pictures, made before the clock starts."""
        made = [(model.normalise(image_BHWC), text_BT) for image_BHWC, text_BT in self._made]
        for step in range(steps):
            self._stamps.take()
            yield made[step % BATCHES]


def spec_of(options: dict[str, Any]) -> RunSpec:
    """Return the run of a side; `options` may name fields of RunSpec."""
    fields = {key: value for key, value in options.items() if key in RunSpec.__dataclass_fields__ and key != "tower"}
    steps = options["steps"] + WARM + 1
    return RunSpec(
        recipe="bench", tower=options["tower"], mix=CaptionMix("label", {"label": 1.0}), data=DataSpec("bench", "", "", (), "", (), (), ()),
        samples_seen=steps * options["batch"], batch_size_global=options["batch"], lr_peak=LR, weight_decay=WEIGHT_DECAY, beta1=BETA1,
        beta2=BETA2, eps=EPS, grad_clip_norm=CLIP, checkpoint_every_steps=10**6, workers=0, **fields,
    )  # fmt: skip


def ours(spec: RunSpec, options: dict[str, Any], stamps: Stamps, out: Path) -> float | None:
    """Run our loop; return its last loss."""
    with process_group() as world, StopSignals() as stop, Watchdog(out, world, spec.hang_timeout_s) as watchdog:
        run = train.assemble(spec, out, world, InMemory(spec, stamps))  # type: ignore[arg-type]
        if not options.get("fused", True):
            run.optimizer = torch.optim.AdamW(run.optimizer.param_groups, betas=(BETA1, BETA2), eps=EPS, fused=False)
        train.run_steps(run, stop, watchdog, throughput.Speed(spec, world))
        return run.progress.loss_last


def peer(spec: RunSpec, _: dict[str, Any], stamps: Stamps, __: Path) -> float | None:
    """Run open_clip_train's loop, with the optimiser that its main builds."""
    open_clip = import_open_clip()
    from open_clip_train import scheduler as schedules
    from open_clip_train import train as loop

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.benchmark = True
    tower = model.build_model(spec).to(device)
    tower.output_dict = True  # type: ignore[assignment]
    optimizer = _optimizer(tower)
    scheduler = schedules.cosine_lr(optimizer, spec.lr_peak, round(spec.warmup_ratio * spec.steps), spec.steps)
    arguments = argparse.Namespace(
        device=str(device), precision="amp_bf16" if spec.precision == "bf16" else "fp32", distill=False, accum_freq=1, skip_scheduler=False,
        grad_clip_norm=CLIP, horovod=False, log_every_n_steps=100, batch_size=spec.batch_size_global, world_size=1, wandb=False, rank=0,
        local_rank=0, log_local=False,
    )  # fmt: skip
    data = {"train": _Data(functools.partial(InMemory(spec, stamps).as_floats, spec.steps), spec)}
    running = torch.compile(tower) if spec.compile else tower
    loss = _Kept(open_clip.ClipLoss(cache_labels=True))
    loop.train_one_epoch(running, data, loss, 0, optimizer, None, scheduler, None, arguments)
    return None if loss.last is None else float(loss.last)


class _Data:
    """What open_clip_train asks of its data."""

    def __init__(self, batches: Callable[[], Iterator[Any]], spec: RunSpec) -> None:
        self._batches, self.num_batches, self.num_samples = batches, spec.steps, spec.samples_seen
        self.dataloader = self

    def set_epoch(self, _: int) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        return self._batches()


class _Kept:
    """Remembers the last loss, which the peer only logs."""

    def __init__(self, loss: Callable[..., dict[str, Tensor]]) -> None:
        self._loss = loss
        self.last: Tensor | None = None

    def __call__(self, **features: Any) -> dict[str, Tensor]:
        found = self._loss(**features)
        self.last = found["contrastive_loss"].detach()
        return found


def _optimizer(tower: nn.Module) -> torch.optim.Optimizer:
    plain = [
        p
        for n, p in tower.named_parameters()
        if p.ndim < 2 or any(word in n for word in ("bn", "ln", "bias", "logit_scale"))
    ]
    kept = {id(p) for p in plain}
    groups = [
        {"params": plain, "weight_decay": 0.0},
        {"params": [p for p in tower.parameters() if id(p) not in kept], "weight_decay": WEIGHT_DECAY},
    ]
    return torch.optim.AdamW(groups, lr=LR, betas=(BETA1, BETA2), eps=EPS)


def main() -> None:
    """Run one side and print what it took."""
    options = json.loads(sys.argv[2])
    spec = spec_of(options)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    stamps = Stamps(device)
    with tempfile.TemporaryDirectory() as folder:
        loss = {"ours": ours, "peer": peer}[sys.argv[1]](spec, options, stamps, Path(folder))
    step_s, step_cpu_s = stamps.medians()
    rate = spec.batch_size_global / step_s
    facts = {
        "step_s": step_s,
        "step_cpu_s": step_cpu_s,
        "images_per_s": round(rate, 1),
        "peak_memory_mib": throughput.peak_memory_mib(device),
    }
    if sys.argv[1] == "ours":
        with process_group() as world:
            facts |= throughput.Speed(spec, world).facts(rate)
    print(json.dumps(facts | {"loss_last": float(math.nan if loss is None else loss)}))


if __name__ == "__main__":
    main()
