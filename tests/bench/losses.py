"""Losses benchmark: `python -m tests.bench.losses [pictures]`, memory and core time of forward and backward, each in a process of its own.

Sigmoid against open_clip.SigLipLoss on the same features; the class head against the dense softmax over all classes as most would write
it; and the head with 2 million classes of which some are drawn, which has no peer here. Values must agree.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from entitynet_train.class_head import ClassHead
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.pair_losses import Sigmoid
from entitynet_train.spec import LossSpec
from tests.bench.harness import in_own_process, last_line, measured, peak_mib

WORLD = World(0, 1, torch.device("cpu"))
PICTURES, WIDTH, CLASSES, MANY, DRAWN = 8192, 512, 100_000, 2_000_000, 65_536


def features(pictures: int) -> list[Tensor]:
    """Return pictures and texts of unit norm that take a gradient."""
    generator = torch.Generator().manual_seed(6)
    drawn = (torch.randn(pictures, WIDTH, generator=generator) for _ in range(2))
    return [functional.normalize(one, dim=1).requires_grad_() for one in drawn]


def head_of(classes: int, negatives: int) -> ClassHead:
    return ClassHead(LossSpec({"classification": 1.0}, negatives=negatives), WORLD, classes, WIDTH, 0)


def dense(head: ClassHead, image_BD: Tensor, labels_B1: Tensor) -> Tensor:
    """Return the softmax over all classes at once."""
    logits_BK = 32.0 * image_BD @ functional.normalize(head.weight_SD, dim=1).T
    return functional.cross_entropy(logits_BK, labels_B1[:, 0])


def side(name: str, pictures: int) -> dict:
    """Return time, value and memory of one loss; `mib` is what the step took above what stood there before."""
    image, text = features(pictures)
    scale, bias = (torch.tensor(value, requires_grad=True) for value in (10.0, -10.0))
    few = image[: pictures // 8].detach().requires_grad_()
    labels = (torch.arange(len(few)) * 37 % CLASSES)[:, None]
    theirs = import_open_clip().loss.SigLipLoss()
    head = head_of(MANY if name == "drawn" else CLASSES, DRAWN if name == "drawn" else 0) if "d" in name[:4] else None
    losses: dict[str, Callable[[], Tensor]] = {
        "sigmoid": lambda: Sigmoid(WORLD)(image, text, scale, bias),
        "open_clip": lambda: theirs(image, text, scale, bias),
    }
    if head:
        losses |= {
            "head": lambda: head(few, labels, 0),
            "dense": lambda: dense(head, few, labels),
            "drawn": lambda: head(few, labels, 0),
        }

    def step() -> float:
        loss = losses[name]()
        loss.backward()
        return round(loss.item(), 4)

    before = peak_mib()
    found = measured({name: step})
    return {"s": found["cpu_seconds"][name], "loss": found["answers"][name], "mib": found["peak_mib"] - before}


def main() -> None:
    names = ("sigmoid", "open_clip", "head", "dense", "drawn")
    pictures = sys.argv[1] if len(sys.argv) > 1 else str(PICTURES)
    if pictures in names:
        print(json.dumps(side(pictures, int(sys.argv[2]))))
        return
    found = {name: in_own_process(sys.executable, "tests.bench.losses", name, pictures) for name in names}
    for name, figures in found.items():
        print(name, figures)
    for ours, peer in (("sigmoid", "open_clip"), ("head", "dense")):
        if abs(found[ours]["loss"] - found[peer]["loss"]) > 1e-3:
            sys.exit(
                f"bench NAME=losses: {ours} {found[ours]['loss']}, {peer} {found[peer]['loss']}; the values differ"
            )
    ours, peer = found["sigmoid"], found["open_clip"]
    print(last_line("losses", ours["s"], peer["s"], "s", **found))


if __name__ == "__main__":
    main()
