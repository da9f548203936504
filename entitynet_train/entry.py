"""The command line that the entries share: --spec PATH --out DIR, and how an error leaves.

Belongs here: arguments, exit codes, what an exception means. Does not belong here: what a job does (train.py, embed.py and the
like), ranks in which nothing moves (watchdog.py).
Exit codes: 0 finished, 1 the job failed, 2 the spec cannot be run, 128 + n stopped by signal n. What failed is also in
OUT/error.json, by the rank that failed first.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from entitynet_train import report
from entitynet_train.distributed import HeldError
from entitynet_train.objects import StoreError
from entitynet_train.report import JobError as JobError
from entitynet_train.spec import SpecError, load

T = TypeVar("T")
_OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory", "std::bad_alloc")
_LOST_RANK = (
    "Connection closed by peer", "Connection reset by peer", "Broken pipe", "Timed out waiting", "timed out", "NCCL", "Socket Timeout",
)  # fmt: skip


def run_entry(kind: type[T], job: Callable[[T, Path], int], summary: str, argv: list[str] | None = None) -> int:
    """Parse the arguments, run `job` on the spec and the output directory, return the exit code."""
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--spec", required=True, type=Path, help=f"a {kind.__name__} as JSON (spec.to_json)")
    parser.add_argument("--out", required=True, type=Path, help="directory for what the job writes")
    arguments = parser.parse_args(argv)
    if (
        signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    ):  # so a shell starts what runs in its background; a cancel must reach us
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return job(_load_spec(kind, arguments.spec), arguments.out)
    except HeldError as error:
        return _told(None, "spec", str(error))
    except SpecError as error:
        return _told(arguments.out, "spec", str(error))
    except JobError as error:
        return _told(arguments.out, error.kind, str(error))
    except StoreError as error:
        return _told(arguments.out, "store", str(error))
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        if lost_rank(error):
            reason = (
                f"another rank is gone or hangs: {reason.splitlines()[0][:300]}; the launcher's last lines say which one and by which "
                "signal (9 is often the kernel short of memory); start again to go on from the newest checkpoint"
            )
            return _told(arguments.out, "lost_rank", reason)
        _told(arguments.out, "crash", reason)
        raise


def out_of_memory(error: BaseException) -> bool:
    """Tell whether an exception says that memory ran out, on whatever device."""
    text = str(error).lower()
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or any(words in text for words in _OUT_OF_MEMORY)


def lost_rank(error: BaseException) -> bool:
    """Tell whether an exception says that an exchange with other ranks failed."""
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _LOST_RANK)


def _told(out: Path | None, kind: str, reason: str) -> int:
    """Say why the job ends, on stderr and in error.json; return the exit code."""
    print(f"{'spec ' if kind == 'spec' else ''}error: {reason}", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):  # no directory, or a full disk: the log has it
        if out:
            out.mkdir(parents=True, exist_ok=True)
            report.write_error(out, kind, reason, int(os.environ.get("RANK", "0")))
    return 2 if kind == "spec" else 1


def _load_spec(kind: type[T], path: Path) -> T:
    try:
        return load(kind, path)
    except OSError as error:
        raise SpecError(f"--spec {path}: {error.strerror}; allowed: a readable JSON file") from error
