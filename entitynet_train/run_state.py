"""What a run is made of, and how it is put into a checkpoint and taken out again.

Belongs here: the parts that one rank holds, saving and resuming them. Does not belong here: the loop (train.py), files and their
wholeness (checkpoint.py).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from entitynet_train import checkpoint, optim
from entitynet_train.data import Batch, Batches
from entitynet_train.distributed import World, gather_all, wait_for_all
from entitynet_train.guard import SpikeGuard
from entitynet_train.losses import Objective
from entitynet_train.spec import RunSpec, SpecError, fingerprint
from entitynet_train.towers import Towers


@dataclass
class Progress:
    """How far a run is. `broken` and `drawn` are this rank's share until they are gathered."""

    step: int = 0
    loss_first: float | None = None
    loss_last: float | None = None
    broken: set[str] = field(default_factory=set)
    drawn: Counter[str] = field(default_factory=Counter)

    def advance(self, loss: float, batch: Batch) -> None:
        """Count one finished step."""
        self.step += 1
        self.loss_first = loss if self.loss_first is None else self.loss_first
        self.loss_last = loss
        self.broken.update(batch.broken)
        self.drawn.update(batch.sources)


@dataclass
class Run:
    """What one rank holds; `average` is kept by rank 0 alone, which exports."""

    spec: RunSpec
    out: Path
    world: World
    towers: Towers
    objective: Objective
    optimizer: torch.optim.Optimizer
    average: AveragedModel | None
    batches: Batches
    guard: SpikeGuard
    progress: Progress = field(default_factory=Progress)

    @property
    def exported(self) -> nn.Module:
        """The weights to hand on: their average where one is kept and has begun, else the last ones."""
        return self.average.module if self.average and int(self.average.n_averaged) else self.towers.bare

    def gathered(self) -> Progress:
        """Return the progress with every rank's counts in it."""
        own = self.progress
        shares = gather_all(self.world, (own.broken, own.drawn))
        broken = set().union(*(share[0] for share in shares))
        drawn = sum((share[1] for share in shares), Counter[str]())
        return Progress(own.step, own.loss_first, own.loss_last, broken, drawn)


def save(run: Run) -> None:
    """Save a checkpoint that every rank can resume from; what the ranks counted apart is gathered into it.

    No generator is saved: all that is drawn follows from the seed, the step and the rank.
    """
    progress = run.gathered()
    objective, optimizer = run.objective.whole_state(), optim.whole_state(run.optimizer, run.objective)
    if run.world.is_first:
        state = {
            "model": run.towers.bare.state_dict(),
            "objective": objective,
            "optimizer": optimizer,
            "average": run.average.state_dict() if run.average else {},
            "guard": run.guard.state_dict(),
            "losses": [progress.loss_first, progress.loss_last],
            "broken": sorted(progress.broken),
            "drawn": dict(progress.drawn),
        }
        checkpoint.save_checkpoint(run.out, progress.step, fingerprint(run.spec), state)
    wait_for_all(run.world)


def resume(run: Run) -> bool:
    """Take up the newest whole checkpoint, the one that rank 0 found, or leave the fresh weights; tell which.

    Raises SpecError if it is of another spec or does not fit the model.
    """
    found = checkpoint.newest_checkpoint(run.out) if run.world.is_first else None
    directory = gather_all(run.world, found)[0]
    if not directory:
        return False
    state = checkpoint.load_checkpoint(directory, fingerprint(run.spec))
    try:
        _load(run, state)
    except (RuntimeError, ValueError, KeyError) as error:
        raise SpecError(
            f"{directory}: found a checkpoint of another model ({str(error).splitlines()[-1].strip()}); allowed: one that this "
            "version wrote for this spec, or an --out without checkpoints"
        ) from error
    run.progress = Progress(state["step"], *state["losses"])
    if run.world.is_first:
        run.progress.broken, run.progress.drawn = set(state["broken"]), Counter(state["drawn"])
    return True


def _load(run: Run, state: dict[str, Any]) -> None:
    run.towers.bare.load_state_dict(state["model"])
    run.objective.load_whole_state(state["objective"])
    optim.load_whole_state(run.optimizer, run.objective, state["optimizer"])
    run.guard.load_state_dict(state["guard"])
    if run.average:
        run.average.load_state_dict(state["average"])
