"""Checkpoints that are either whole or ignored.

Layout: OUT/checkpoints/step_0000200/{state.pt, complete}. The directory is written under another name and renamed;
`complete` is written last and says how many bytes state.pt has.
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

from entitynet_train.report import JobError
from entitynet_train.spec import SpecError

KEPT = 2  # the newest and the one before it: enough to survive a disk that lost the newest


def save_checkpoint(out: Path, step: int, spec_fingerprint: str, state: dict[str, Any]) -> Path:
    """Save `state` for `step` atomically and return its directory; keep the newest two and remove older ones.

    Raises JobError if the disk does not take it; what was written of it is removed then, and the former one stays.
    """
    target = _directory(out) / f"step_{step:07d}"
    scratch = target.with_name(f".{target.name}.part")
    for leftover in (scratch, target):
        shutil.rmtree(leftover, ignore_errors=True)
    scratch.mkdir(parents=True)
    _write(scratch / "state.pt", {**state, "step": step, "spec_fingerprint": spec_fingerprint})
    marker = {"step": step, "spec_fingerprint": spec_fingerprint, "bytes": (scratch / "state.pt").stat().st_size}
    (scratch / "complete").write_text(json.dumps(marker))
    _sync(scratch / "complete")
    _sync(scratch)
    scratch.rename(target)
    _sync(target.parent)
    _forget_older(out)
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
    """Return the state of a whole checkpoint, tensors on the CPU. Raises SpecError if another spec wrote it."""
    marker = json.loads((directory / "complete").read_text())
    if marker["spec_fingerprint"] != spec_fingerprint:
        raise SpecError(
            f"{directory}: found a checkpoint of spec {marker['spec_fingerprint']}; allowed: {spec_fingerprint} "
            "(the spec given), or an --out without checkpoints"
        )
    return torch.load(directory / "state.pt", map_location="cpu", weights_only=True)


def _directory(out: Path) -> Path:
    return out / "checkpoints"


def _fault(directory: Path) -> str:
    try:
        expected = json.loads((directory / "complete").read_text())["bytes"]
        found = (directory / "state.pt").stat().st_size
    except (OSError, ValueError, KeyError) as error:
        return f"torn, {type(error).__name__}: {error}"
    return "" if found == expected else f"torn, state.pt has {found} bytes of {expected}"


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
