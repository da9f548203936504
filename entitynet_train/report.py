"""What a job tells the platform: metrics.jsonl (and TensorBoard) while it runs, result.json last, error.json if it fails.

Belongs here: files of plain values, written so that a reader never sees half of one.
Does not belong here: weights (checkpoint.py), what is measured (train.py, evaluate.py).
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from entitynet_train.distributed import ERROR
from entitynet_train.spec import SpecError

RESULT = "result.json"
METRICS = "metrics.jsonl"
TENSORBOARD = "tensorboard"


class JobError(RuntimeError):
    """A job that cannot go on for a reason that its text explains; no traceback is needed. `kind` as in `write_error`."""

    def __init__(self, text: str, kind: str = "job") -> None:
        super().__init__(text)
        self.kind = kind


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file so that it is either absent, the former one, or whole."""
    scratch = path.with_name(f".{path.name}.part")
    with scratch.open("w") as file:
        json.dump(value, file, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(path)


def write_result(out: Path, spec_fingerprint: str, values: dict[str, Any]) -> None:
    """Write result.json: its presence means that the job is done. Call it after everything else is on disk."""
    write_json(out / RESULT, {"status": "finished", "spec_fingerprint": spec_fingerprint, **values})


def read_result(out: Path, spec_fingerprint: str) -> dict[str, Any] | None:
    """Return the result of an earlier run of the same spec, or None. Raises SpecError if it is of another spec."""
    path = out / RESULT
    if not path.exists():
        return None
    result = json.loads(path.read_text())
    if result["spec_fingerprint"] != spec_fingerprint:
        found = result["spec_fingerprint"]
        raise SpecError(f"{path}: found the result of spec {found}; allowed: {spec_fingerprint}, or an empty directory")
    return result


def read_metrics(out: Path) -> list[dict[str, Any]]:
    """Return the whole lines of metrics.jsonl; a line that is still being written is left out."""
    path = out / METRICS
    if not path.exists():
        return []
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    return [json.loads(line) for line in whole]


def write_error(out: Path, kind: str, reason: str, rank: int) -> None:
    """Write error.json unless another rank did: the first one knows the cause, the others see what follows from it.

    `kind` is one of spec, job, memory, disk, store, lost_rank, hang, crash.
    """
    scratch = out / f".{ERROR}.{rank}.part"
    write_json(scratch, {"status": "failed", "kind": kind, "reason": reason, "rank": rank})
    with contextlib.suppress(FileExistsError):
        os.link(scratch, out / ERROR)
    scratch.unlink()


def read_error(out: Path) -> dict[str, Any] | None:
    """Return why the last run here failed, or None."""
    path = out / ERROR
    return json.loads(path.read_text()) if path.exists() else None


class Metrics:
    """Appends one JSON object a line; a resumed run first drops the lines after the step it resumes from.

    The same numbers go to OUT/tensorboard, where a resumed run marks later points as replaced.
    """

    def __init__(self, out: Path, resume_step: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter  # only the rank that writes pays for the import

        self._board = SummaryWriter(str(out / TENSORBOARD), purge_step=resume_step + 1)
        self._path = out / METRICS
        kept = [line for line in read_metrics(out) if line["step"] <= resume_step]
        self._path.write_text("".join(json.dumps(line) + "\n" for line in kept))

    def append(self, **values: Any) -> None:
        """Add a line; `step` is among the values, which are numbers."""
        with self._path.open("a") as file:
            file.write(json.dumps(values) + "\n")
        for name in values.keys() - {"step"}:
            self._board.add_scalar(f"train/{name}", values[name], values["step"])

    def close(self) -> None:
        """Write what TensorBoard still holds back."""
        self._board.close()
