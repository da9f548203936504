"""The command line that the entries share: --spec PATH --out DIR, and how an error leaves.

Belongs here: arguments and exit codes. Does not belong here: what a job does (train.py, embed.py and the like).
Exit codes: 0 finished, 1 the job failed, 2 the spec cannot be run, 128 + n stopped by signal n.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from entitynet_train.spec import SpecError, load

T = TypeVar("T")


class JobError(RuntimeError):
    """A job that cannot go on for a reason that its text explains; no traceback is needed."""


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
    except SpecError as error:
        print(f"spec error: {error}", file=sys.stderr, flush=True)
        return 2
    except JobError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return 1


def _load_spec(kind: type[T], path: Path) -> T:
    try:
        return load(kind, path)
    except OSError as error:
        raise SpecError(f"--spec {path}: {error.strerror}; allowed: a readable JSON file") from error
