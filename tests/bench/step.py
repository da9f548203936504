"""A training step against open_clip_train's: `python -m tests.bench.step`, the same towers, batch, rate and device in one run.

Both sides train the same first weights on the same batches, which lie in memory, with AdamW, clipping and schedule alike, and must come
to the same loss. Ours is the whole loop (train.run_steps): pixels come as bytes, metrics.jsonl, TensorBoard and the watchdog are
written. The peer is open_clip_train.train.train_one_epoch, to which its loader hands normalised floats. Each side runs in a process of
its own, in turns; the ratio is the peer's time over ours, by the core on a CPU and by the clock on CUDA.

With CUDA, each trick is switched on or off for ViT-B/32 and ViT-B/16. Beside torch, torchvision, timm, numpy, pillow, pyarrow and
tensorboard that needs the wheels of open_clip_torch, ftfy and wcwidth, and no network.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

import torch

from tests.bench.harness import in_own_process, last_line

Figures = dict[str, Any]
# tower, batch, steps that are timed, rounds; on a CPU a big tower is timed on few pictures, once
ON_CPU = (("demo-64", 64, 20, 3), ("ViT-B-32", 8, 3, 1))
ON_CUDA = (("ViT-B-32", 2048, 20), ("ViT-B-16", 1024, 20))
BASE = {"precision": "bf16"}
TRICKS: dict[str, dict[str, Any]] = {
    "bf16, fused": {},
    "compile": {"compile": True},
    "patch dropout 0.5": {"patch_dropout": 0.5},
    "compile, patch dropout 0.5": {"compile": True, "patch_dropout": 0.5},
    "optimiser not fused": {"fused": False},
    "fp32": {"precision": "fp32"},
    "activation checkpointing": {"activation_checkpointing": True},
    "in 4 pieces": {"accumulate_steps": 4},
}


def side(name: str, tower: str, batch: int, steps: int, **options: Any) -> Figures:
    """Run one side in a process of its own; return what it measured."""
    return in_own_process(
        sys.executable,
        "tests.bench.step_side",
        name,
        json.dumps({"tower": tower, "batch": batch, "steps": steps, **options}),
    )


def compared(tower: str, batch: int, steps: int, rounds: int, **options: Any) -> Figures:
    """Run both sides in turns; return the medians and the ratio. Raises RuntimeError if they come to other losses."""
    runs: dict[str, list[Figures]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        for name, kept in runs.items():
            kept.append(side(name, tower, batch, steps, **options))
    found = {name: kept[0] | _medians(kept) for name, kept in runs.items()}
    ours, peer = (found[name]["loss_last"] for name in runs)
    if abs(ours - peer) > 0.02 * abs(peer):
        raise RuntimeError(f"{tower}: ours came to a loss of {ours}, open_clip_train to {peer}")
    return found


def _medians(kept: list[Figures]) -> Figures:
    return {key: statistics.median(run[key] for run in kept) for key in ("step_s", "step_cpu_s", "images_per_s")}


def on_cuda() -> Figures:
    """Print a line for each trick; return both sides of each tower."""
    found: Figures = {}
    for tower, batch, steps in ON_CUDA:
        for trick, options in TRICKS.items():
            print(
                tower,
                batch,
                trick,
                json.dumps(_side_or_error("ours", tower, batch, steps, {**BASE, **options})),
                flush=True,
            )
        peer = _side_or_error("peer", tower, batch, steps, {**BASE, "compile": True})
        print(tower, batch, "open_clip_train, compile", json.dumps(peer), flush=True)
        found[tower] = compared(tower, batch, steps, 1, **BASE)
    return found


def _side_or_error(name: str, tower: str, batch: int, steps: int, options: Figures) -> Figures:
    try:
        return side(name, tower, batch, steps, **options)
    except RuntimeError as error:  # one trick that fails must not cost the others their figures
        return {"error": str(error)[-300:]}


def main() -> None:
    """Print both sides of each tower and the line of JSON; its ratio is that of the first tower."""
    cuda = torch.cuda.is_available()
    found = on_cuda() if cuda else {tower: compared(tower, *sizes) for tower, *sizes in ON_CPU}
    key = "step_s" if cuda else "step_cpu_s"
    for tower, sides in found.items():
        for name, figures in sides.items():
            print(tower, name, json.dumps(figures), flush=True)
    ratios = {tower: round(sides["peer"][key] / sides["ours"][key], 3) for tower, sides in found.items()}
    first = next(iter(found.values()))
    ours, peer = (round(1 / first[name][key], 3) for name in ("ours", "peer"))
    print(last_line("step", ours, peer, "steps/s" if cuda else "steps/s of a core", ratios=ratios))


if __name__ == "__main__":
    main()
