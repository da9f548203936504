"""A job as a folder: what all clusters share that see the files of their jobs.

Belongs here: the files of a job, waiting for its end, asking again. Does not belong here: starting and ending processes
(local.py, slurm.py).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from entitynet_assets.cluster.interface import Job, JobLost, Standing, State, Watcher
from entitynet_assets.files import write_atomic

POLL_S = 0.25
MAX_LOSSES = 3  # a job that dies this often without a result is the job's own fault

_NO_LOG = "(no log; where it ran elsewhere, this folder has to be there, too, under the same path)"


class FolderCluster(ABC):
    """A cluster whose jobs write into folders that this process reads.

    `grace_s` is how long a cancelled job may take to save a checkpoint, `ask_s` lies between two questions to the cluster, and
    `lag_s` is what the file system may need to show here what a job wrote last elsewhere.
    """

    ask_s = 0.0
    lag_s = 0.0

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s

    @abstractmethod
    def standing(self, job: Job, known: dict[str, Any]) -> Standing:
        """Ask the cluster about the job that was recorded as `known` and has no result yet: queued, running or lost."""

    @abstractmethod
    def submit(self, job: Job) -> None:
        """See Cluster."""

    @abstractmethod
    def cancel(self, job: Job) -> None:
        """See Cluster."""

    @abstractmethod
    def settle(self, job: Job) -> None:
        """See that a job with a result leaves, so that nothing of it holds a machine."""

    def run(self, job: Job, watch: Watcher | None = None) -> dict[str, Any]:
        """See Cluster."""
        losses = 0
        while True:
            try:
                if self.state(job) in ("absent", "lost"):
                    self.cancel(job)  # of a lost job, processes may be left that still write here
                    self.submit(job)
                end = self._wait(job, watch)
                if end.state == "finished":
                    self.settle(job)
            except BaseException:
                self.cancel(job)
                raise
            if end.state == "finished":
                return json.loads((job.folder / "result.json").read_text())
            losses += end.counted
            if not end.passing or losses >= MAX_LOSSES:
                raise JobLost(self._account(job, end))  # it said no by itself: asking again would say the same

    def state(self, job: Job) -> State:
        """See Cluster."""
        return self._look(job).state

    def logs(self, job: Job, lines: int = 15) -> str:
        """See Cluster."""
        path = job.folder / "log.txt"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else _NO_LOG

    def _look(self, job: Job) -> Standing:
        if is_finished(job):
            return Standing("finished")
        known = read_json(job.folder / "job.json")
        if known is None:
            return Standing("absent")
        found = self.standing(job, known)
        if found.state == "lost" and wait_until(lambda: is_finished(job), self.lag_s):
            return Standing("finished")
        return found if has_spec(job) else Standing("lost", "another spec ran in this folder", passing=True)

    def _wait(self, job: Job, watch: Watcher | None) -> Standing:
        lines, said, asked, found = new_lines(job.folder / "metrics.jsonl"), "", -1e9, Standing("running")
        while True:
            if is_finished(job) or time.monotonic() - asked >= self.ask_s:
                found, asked = self._look(job), time.monotonic()
            for line in lines:
                if line is None:
                    break
                if watch:
                    watch(line)
            if found.state in ("finished", "lost", "absent"):
                return found
            if watch and found.words != said:
                said = found.words
                watch({"cluster": said})
            time.sleep(POLL_S)

    def _account(self, job: Job, end: Standing) -> str:
        said = f" The cluster says: {end.words}." if end.words else ""
        failed = read_json(job.folder / "error.json")
        why = f"Rank {failed['rank']} said first ({failed['kind']}): {failed['reason']}\n" if failed else ""
        return (
            f"{job.module} in {job.folder.name} ended without a result.{said}\n{why}"
            f"The end of {job.folder / 'log.txt'}:\n{self.logs(job)}\n"
            "Mend the cause and run again; it resumes from its newest whole checkpoint."
        )


def prepare(job: Job) -> None:
    """Make a job's folder ready for a start: its spec is there, no result is."""
    job.folder.mkdir(parents=True, exist_ok=True)
    for name in ("result.json", "error.json"):
        (job.folder / name).unlink(missing_ok=True)
    write_atomic(job.folder / "spec.json", job.spec_json.encode())


def record(job: Job, known: dict[str, Any]) -> None:
    """Write down how the job is found again."""
    write_atomic(job.folder / "job.json", json.dumps(known).encode())


def has_spec(job: Job) -> bool:
    """Say whether the folder is that of this spec."""
    path = job.folder / "spec.json"
    return path.exists() and path.read_text() == job.spec_json


def is_finished(job: Job) -> bool:
    """Say whether the folder has a result of this spec."""
    return (job.folder / "result.json").exists() and has_spec(job)


def wait_until(holds: Callable[[], bool], limit_s: float, every_s: float = POLL_S) -> bool:
    """Return whether something came true within a time."""
    end = time.monotonic() + limit_s
    while not (held := holds()) and time.monotonic() < end:
        time.sleep(every_s)
    return held


def new_lines(path: Path) -> Iterator[dict[str, Any] | None]:
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


def read_json(path: Path) -> dict[str, Any] | None:
    """Return a JSON file, or None if there is none or it is torn."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
