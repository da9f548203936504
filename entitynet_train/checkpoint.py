"""Checkpoints that are either whole or ignored.

Layout: OUT/checkpoints/step_0000200/{state.pt, rank_00001.pt, ..., complete}. The directory is written under another name and
renamed; `complete` is written last and says how many bytes each file has. state.pt is what all ranks share; a rank that has
weights of its own (a class head cut over ranks) writes them beside it.
Belongs here: saving, finding, loading. Does not belong here: what is in a state (train.py), exports (model.py).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from entitynet_train.distributed import World, wait_for_all
from entitynet_train.report import JobError
from entitynet_train.spec import SpecError

ALONE = World(0, 1, torch.device("cpu"))
STATE = "state.pt"
KEPT = 2  # the newest and the one before it: enough to survive a disk that lost the newest


def save_checkpoint(
    out: Path,
    step: int,
    spec_fingerprint: str,
    state: dict[str, Any],
    own: dict[str, Any] | None = None,
    world: World = ALONE,
) -> Path:
    """Save a checkpoint for `step` atomically and return its directory; keep the newest two and remove older ones.

    Every rank calls it: rank 0 writes `state`, each rank that has some writes its `own`. Raises JobError if the disk does not take it.
    """
    target = _directory(out) / f"step_{step:07d}"
    scratch = target.with_name(f".{target.name}.part")
    if world.is_first:
        for leftover in (scratch, target):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch.mkdir(parents=True)
        _write(scratch / STATE, {**state, "step": step, "spec_fingerprint": spec_fingerprint})
    wait_for_all(world)
    if own:
        _write(scratch / _own_name(world.rank), own)
    wait_for_all(world)
    if world.is_first:
        sizes = {path.name: path.stat().st_size for path in sorted(scratch.iterdir())}
        _write_marker(scratch, {"step": step, "spec_fingerprint": spec_fingerprint, "bytes": sizes})
        scratch.rename(target)
        _sync(target.parent)
        _forget_older(out)
    wait_for_all(world)
    return target


def _write(path: Path, state: dict[str, Any]) -> None:
    try:
        with path.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
    except (OSError, RuntimeError) as error:  # torch's writer wraps what the system said
        cause: BaseException = error
        while not isinstance(cause, OSError) and (cause.__cause__ or cause.__context__):
            cause = cause.__cause__ or cause.__context__ or cause
        shutil.rmtree(path.parent, ignore_errors=True)
        size_mib = sum(value.nbytes for value in _tensors(state)) / 2**20
        free_mib = shutil.disk_usage(path.parent.parent).free / 2**20
        raise JobError(
            f"{path.parent}: cannot write a checkpoint of {size_mib:.0f} MiB: {cause}; {free_mib:.0f} MiB are free there, and "
            f"{KEPT + 1} checkpoints must fit; the former checkpoint is whole: make room, start again, and the run goes on from it",
            "disk",
        ) from error


def _write_marker(scratch: Path, marker: dict[str, Any]) -> None:
    (scratch / "complete").write_text(json.dumps(marker))
    _sync(scratch / "complete")
    _sync(scratch)


def _tensors(value: Any) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _tensors(one)


def newest_checkpoint(out: Path) -> Path | None:
    """Return the newest whole checkpoint, or None; names on stderr each torn one that it passes over."""
    for directory in sorted(_directory(out).glob("step_*"), reverse=True):
        fault = _fault(directory)
        if not fault:
            return directory
        print(f"checkpoint {directory.name} ignored: {fault}", file=sys.stderr, flush=True)
    return None


def load_checkpoint(directory: Path, spec_fingerprint: str) -> dict[str, Any]:
    """Return the shared state of a whole checkpoint, tensors on the CPU. Raises SpecError if another spec wrote it."""
    marker = json.loads((directory / "complete").read_text())
    if marker["spec_fingerprint"] != spec_fingerprint:
        raise SpecError(
            f"{directory}: found a checkpoint of spec {marker['spec_fingerprint']}; allowed: {spec_fingerprint} "
            "(the spec given), or an --out without checkpoints"
        )
    return torch.load(directory / STATE, map_location="cpu", weights_only=True)


def load_own(directory: Path, rank: int) -> dict[str, Any]:
    """Return what a rank had of its own in a checkpoint, tensors on the CPU; empty if it had nothing."""
    path = directory / _own_name(rank)
    return torch.load(path, map_location="cpu", weights_only=True) if path.exists() else {}


def _own_name(rank: int) -> str:
    return f"rank_{rank:05d}.pt"


def _directory(out: Path) -> Path:
    return out / "checkpoints"


def _fault(directory: Path) -> str:
    try:
        expected = json.loads((directory / "complete").read_text())["bytes"]
        found = {name: (directory / name).stat().st_size for name in expected}
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"torn, {type(error).__name__}: {error}"
    torn = [name for name in expected if found[name] != expected[name]]
    return f"torn, {torn[0]} has {found[torn[0]]} bytes of {expected[torn[0]]}" if torn else ""


def _forget_older(out: Path) -> None:
    whole = [d for d in sorted(_directory(out).glob("step_*")) if not _fault(d)]
    for directory in whole[:-KEPT]:
        shutil.rmtree(directory, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
