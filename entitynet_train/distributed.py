"""The process group: who am I among how many, and the few things that ranks tell each other.

Belongs here: start and end of the group, rank-consistent values, signals, the lock on an output directory.
Does not belong here: gradients (DDP in train.py) and features gathered for a loss (losses.py).
Works the same in a single process without torchrun.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import torch
from torch import distributed

from entitynet_train.spec import SpecError

ERROR = "error.json"  # why the last run in an output directory failed


@dataclass(frozen=True)
class World:
    """This process among all: `rank` of `size`, on `device`."""

    rank: int
    size: int
    device: torch.device

    @property
    def is_first(self) -> bool:
        """Tell whether this is the rank that writes files and prints."""
        return self.rank == 0


@contextmanager
def process_group(timeout_s: float = 1800.0) -> Iterator[World]:
    """Join the group that torchrun's environment describes (gloo on CPU, nccl on CUDA) and leave it at the end.

    `timeout_s` is how long a rank waits for the others in one exchange before it raises.
    """
    rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    device = torch.device("cpu")
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if size > 1:
        on_gpu = device.type == "cuda"
        distributed.init_process_group(
            "nccl" if on_gpu else "gloo", timeout=timedelta(seconds=timeout_s), device_id=device if on_gpu else None
        )
    yield World(rank, size, device)
    if size > 1:  # not after an error: nccl would wait here for ranks that are gone
        distributed.destroy_process_group()


def require_size(world: World, size: int, field: str) -> None:
    """Raise SpecError unless the group has the number of processes that the spec was written for."""
    if world.size != size:
        raise SpecError(f"{field}: found {size}; allowed: {world.size}, the processes that were started (torchrun)")


def gather_all(world: World, value: Any) -> list[Any]:
    """Return every rank's picklable value, in rank order, on every rank."""
    if world.size == 1:
        return [value]
    values: list[Any] = [None] * world.size
    distributed.all_gather_object(values, value)
    return values


def sum_all(world: World, values: list[float]) -> list[float]:
    """Return the element-wise sum over ranks, the same float64 numbers on every rank."""
    if world.size == 1:
        return values
    total = torch.tensor(values, dtype=torch.float64, device=world.device)
    distributed.all_reduce(total)
    return total.tolist()


def wait_for_all(world: World) -> None:
    """Return when every rank has come here."""
    if world.size > 1:
        distributed.barrier()


class StopSignals:
    """Turns SIGINT, SIGTERM and the death of torchrun into a request that the training loop reads between steps.

    Why the death of torchrun: a killed launcher leaves its ranks running, and a second start would meet them.
    """

    def __init__(self) -> None:
        self.signum = 0
        self._parent = os.getppid() if "TORCHELASTIC_RUN_ID" in os.environ else 0
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopSignals:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._previous[signum] = signal.signal(signum, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def _remember(self, signum: int, _frame: object) -> None:
        self.signum = signum

    @property
    def wanted(self) -> bool:
        """Tell whether this rank was asked to stop."""
        if self._parent and os.getppid() != self._parent:
            self.signum = self.signum or signal.SIGTERM
        return self.signum != 0


class HeldError(SpecError):
    """Another job holds the output directory."""


@contextmanager
def hold_directory(out: Path, world: World, patience_s: float = 60.0) -> Iterator[None]:
    """Keep other jobs out of an output directory while this one runs.

    Waits for an earlier job that is still saving. A record lock: given back by the system when the process dies, and
    not inherited by loader processes. What an earlier run said of its failure is removed.
    Raises HeldError when the directory stays taken for `patience_s` seconds.
    """
    out.mkdir(parents=True, exist_ok=True)
    with (out / "lock").open("w") as file:
        held = _lock(file, out, patience_s) if world.is_first else True
        if held and world.is_first:
            (out / ERROR).unlink(missing_ok=True)
        if not all(gather_all(world, held)):
            raise HeldError(f"--out {out}: another job is writing here; allowed: a directory of its own")
        yield


def _lock(file: IO[str], out: Path, patience_s: float) -> bool:
    """Take the lock within `patience_s` seconds; tell whether it was free."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() >= deadline:
                return False
        print(f"waiting for the job that holds {out}", file=sys.stderr, flush=True)
        time.sleep(1.0)
