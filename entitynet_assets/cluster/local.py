"""This machine as a cluster: each job is torchrun, or one process, in a session of its own.

Belongs here: launching, process groups, signals. Does not belong here: a job's files (folder.py), the process table (processes.py).
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from entitynet_assets.cluster.folder import FolderCluster, prepare, read_json, record, wait_until
from entitynet_assets.cluster.interface import Job, Standing
from entitynet_assets.cluster.processes import MARK, is_gone, marked, started_at

KILLED_S = 10.0  # what the kernel may need to bury a killed process on a busy machine
GRACE_S = 30.0  # between SIGINT, SIGTERM and SIGKILL
# Until its id is recorded a job is held back; if the caller is killed before, the pipe closes and no job has begun.
_HELD = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "job")
_CHILDREN: dict[
    tuple[int, str], subprocess.Popen[bytes]
] = {}  # by pid and start: whoever waits in this process learns the exit code


class LocalCluster(FolderCluster):
    """Runs jobs on this machine.

    `grace_s` lies between SIGINT, SIGTERM and SIGKILL when a job is cancelled.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        super().__init__(grace_s)

    def standing(self, job: Job, known: dict[str, Any]) -> Standing:
        """Say whether the launcher lives, from the process table alone."""
        ended, code = _ended(known)
        return Standing("lost", passing=code is None or code < 0) if ended else Standing("running")

    def settle(self, job: Job) -> None:
        """Wait for the launcher of a job that has its result."""
        if not wait_until(lambda: not _launched(job), self.grace_s):
            self.cancel(job)

    def submit(self, job: Job) -> None:
        """Start a job and record its id before anything else can happen."""
        prepare(job)
        with (job.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [*_HELD, *_command(job)], stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(job), start_new_session=True,
            )  # fmt: skip
        known = {"pid": process.pid, "started": started_at(process.pid), "attempt_of": job.module}
        _CHILDREN[process.pid, known["started"]] = process
        record(job, known)
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(b"recorded\n")

    def cancel(self, job: Job) -> None:
        """End all processes of a job: SIGINT, so that it saves a checkpoint, then SIGTERM, then SIGKILL.

        The first two go to the launcher, which tells its workers in its own way, or to whoever is left without it.
        """
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            known, members = read_json(job.folder / "job.json"), _members(job)
            led = known is not None and known.get("pid") in members and signal_number != signal.SIGKILL
            for pid in [known["pid"]] if known and led else members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            patience_s = max(self.grace_s, KILLED_S) if signal_number == signal.SIGKILL else self.grace_s
            if wait_until(lambda: not _members(job) and not _launched(job), patience_s):
                return


def _command(job: Job) -> list[str]:
    program = ["-m", job.module, "--spec", str(job.folder / "spec.json"), "--out", str(job.folder)]
    if job.processes == 1:
        return [sys.executable, *program]
    launcher = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        str(job.processes),
        "--max-restarts",
        "0",
    ]
    return [sys.executable, *launcher, "-m", "--", *program[1:]]


def _environment(job: Job) -> dict[str, str]:
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONUNBUFFERED": "1", MARK: str(job.folder)}


def _ended(known: Mapping[str, Any]) -> tuple[bool, int | None]:
    """Return (has it ended, exit code if it was our child): code below 0 is the signal that killed it."""
    pid, started = known.get("pid", -1), known.get("started", "")
    child = _CHILDREN.get((pid, started))
    if child is not None and child.poll() is not None:
        return True, child.returncode
    return child is None and is_gone(pid, started), None


def _launched(job: Job) -> bool:
    known = read_json(job.folder / "job.json")
    return known is not None and not _ended(known)[0]


def _members(job: Job) -> list[int]:
    """Return the ids of all processes of a job; its launcher, if it was our child and has ended, is collected."""
    if known := read_json(job.folder / "job.json"):
        _ended(known)
    return marked(job.folder)
