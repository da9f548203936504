"""The door to the machines that train: submit a job, find it again, wait for it, cancel it.

Belongs here: launching torchrun, job ids, process groups, the tail of a log. Does not belong here: what a job computes
(entitynet_train), which job is wanted (training/, scores/, curation/). Here stands the local machine; a Slurm or
Kubernetes door offers the same four verbs.

A job is a folder: spec.json (in), job.json (id, written before waiting), log.txt, metrics.jsonl, result.json (last, its
presence means finished). So a restart loses nothing: finished -> report, running -> wait, lost -> submit again and resume.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from entitynet_assets.files import write_atomic

State = Literal["absent", "running", "finished", "lost"]
POLL_S = 0.25
KILLED_S = 10.0  # what the kernel may need to bury a killed process on a busy machine
GRACE_S = 30.0  # between SIGINT, SIGTERM and SIGKILL
# Until its id is recorded a job is held back; if the caller is killed before, the pipe closes and no job has begun.
_HELD = ("/bin/sh", "-c", 'read -r go && exec "$@" </dev/null', "job")
_CHILDREN: dict[
    tuple[int, str], subprocess.Popen[bytes]
] = {}  # by pid and start: whoever waits in this process learns the exit code
MARK = "ENTITYNET_JOB"  # in the environment of every process of a job: its folder
MAX_LOSSES = 3  # a job that dies this often without a result is the job's own fault
Watcher = Callable[[Mapping[str, Any]], None]


class JobLost(Exception):  # noqa: N818 - the name says what happened
    """A job that ended without a result: what was asked, the end of its log, what to do."""


@dataclass(frozen=True)
class Job:
    """What to run: a module of entitynet_train, its spec as JSON text, the folder, and how many processes."""

    module: str
    spec_json: str
    folder: Path
    processes: int = 1


class LocalCluster:
    """Runs jobs on this machine, each torchrun in a session of its own.

    `grace_s` lies between SIGINT, SIGTERM and SIGKILL when a job is cancelled.
    """

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s

    def run(self, job: Job, watch: Watcher | None = None) -> dict[str, Any]:
        """Return the job's result, running it as far as needed; `watch` gets each new line of metrics.jsonl.

        Raises JobLost if it ends without a result. An interruption (Ctrl-C, a cancelled run) cancels the job; a killed
        caller leaves it running, and the next call finds it.
        """
        for attempt in range(1, MAX_LOSSES + 1):
            try:
                if self.state(job) in ("absent", "lost"):
                    self.cancel(job)  # of a lost job, processes may be left that still write here
                    self.submit(job)
                code = self._wait(job, watch)
            except BaseException:
                self.cancel(job)
                raise
            if self.state(job) == "finished":
                return json.loads((job.folder / "result.json").read_text())
            if (code is not None and code >= 0) or attempt == MAX_LOSSES:
                break  # it said no by itself: asking again would say the same
        raise JobLost(
            f"{job.module} in {job.folder.name} ended without a result.\n"
            f"The end of {job.folder / 'log.txt'}:\n{_tail(job.folder / 'log.txt')}\n"
            "Mend the cause and run again; it resumes from its newest whole checkpoint."
        )

    def state(self, job: Job) -> State:
        """Say where a job stands, from its folder and the process table alone."""
        same_spec = (job.folder / "spec.json").exists() and (job.folder / "spec.json").read_text() == job.spec_json
        if same_spec and (job.folder / "result.json").exists():
            return "finished"
        known = _read_json(job.folder / "job.json")
        if known is None:
            return "absent"
        return "running" if same_spec and _alive(known) else "lost"

    def submit(self, job: Job) -> None:
        """Start a job and record its id before anything else can happen."""
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "result.json").unlink(missing_ok=True)
        write_atomic(job.folder / "spec.json", job.spec_json.encode())
        with (job.folder / "log.txt").open("ab") as log:
            process = subprocess.Popen(
                [*_HELD, *_command(job)], stdin=subprocess.PIPE, stdout=log, stderr=log, env=_environment(job), start_new_session=True,
            )  # fmt: skip
        known = {"pid": process.pid, "started": started_at(process.pid), "attempt_of": job.module}
        _CHILDREN[process.pid, known["started"]] = process
        write_atomic(job.folder / "job.json", json.dumps(known).encode())
        assert process.stdin is not None
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(b"recorded\n")

    def cancel(self, job: Job) -> None:
        """End all processes of a job: SIGINT, so that it saves a checkpoint, then SIGTERM, then SIGKILL.

        The first two go to the launcher, which tells its workers in its own way, or to whoever is left without it.
        """
        for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            known, members = _read_json(job.folder / "job.json"), _members(job)
            led = known is not None and known["pid"] in members and signal_number != signal.SIGKILL
            for pid in [known["pid"]] if known and led else members:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_number)
            patience_s = max(self.grace_s, KILLED_S) if signal_number == signal.SIGKILL else self.grace_s
            if _wait_until(lambda: not _members(job) and not _launched(job), patience_s):
                return

    def _wait(self, job: Job, watch: Watcher | None) -> int | None:
        known = _read_json(job.folder / "job.json") or {"pid": -1}
        lines = _new_lines(job.folder / "metrics.jsonl")
        while True:
            ended, code = _ended(known)
            for line in lines:
                if line is None:
                    break
                if watch:
                    watch(line)
            if ended:
                return code
            time.sleep(POLL_S)


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


def started_at(pid: int) -> str:
    """Return the start time of a process, so that a reused pid is not taken for it; empty if there is none."""
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return fields[19] if fields else ""


def _state(pid: int) -> str:
    fields = _stat(Path(f"/proc/{pid}/stat"))
    return fields[0] if fields else ""


def _stat(path: Path) -> list[str]:
    """Return the fields of a process after its name: state, parent, group, ...; none if it is gone."""
    try:
        return path.read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []


def _alive(known: Mapping[str, Any]) -> bool:
    ended, _ = _ended(known)
    return not ended and started_at(known["pid"]) == known["started"]


def _ended(known: Mapping[str, Any]) -> tuple[bool, int | None]:
    """Return (has it ended, exit code if it was our child): code below 0 is the signal that killed it."""
    child = _CHILDREN.get((known["pid"], known.get("started", "")))
    if child is not None and child.poll() is not None:
        return True, child.returncode
    if child is not None:
        return False, None
    return _state(known["pid"]) in ("", "Z") or started_at(known["pid"]) != known["started"], None


def _launched(job: Job) -> bool:
    known = _read_json(job.folder / "job.json")
    return known is not None and _alive(known)


def _members(job: Job) -> list[int]:
    """Return the ids of all processes of a job, in whatever session its launcher has put them; zombies are none."""
    known = _read_json(job.folder / "job.json")
    if known:
        _ended(known)  # collects our own child
    mark = f"{MARK}={job.folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _wait_until(holds: Callable[[], bool], limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(POLL_S)
    return held


def _new_lines(path: Path) -> Iterator[dict[str, Any] | None]:
    """Yield each whole line of a growing JSON-lines file once; None when there is no more for now."""
    offset = 0
    while True:
        if path.exists():
            with path.open("rb") as file:
                offset = min(offset, os.fstat(file.fileno()).st_size)  # a resumed job drops what it does again
                file.seek(offset)
                for line in file:
                    if not line.endswith(b"\n"):
                        break
                    offset += len(line)
                    with contextlib.suppress(ValueError):
                        yield json.loads(line)
        yield None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None


def _tail(path: Path, lines: int = 15) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else "(no log)"
