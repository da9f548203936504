"""What rooms see of a cluster: a job, where it stands, and five verbs.

Belongs here: the words that every kind of cluster shares. Does not belong here: how one of them does it (local.py, slurm.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

State = Literal["absent", "queued", "running", "finished", "lost"]
Watcher = Callable[[Mapping[str, Any]], None]


class JobLost(Exception):  # noqa: N818 - the name says what happened
    """A job that ended without a result, or was refused: what was asked, the end of its log, what to do."""


@dataclass(frozen=True)
class Job:
    """What to run: a module of entitynet_train, its spec as JSON text, the folder, and how many processes over all machines."""

    module: str
    spec_json: str
    folder: Path
    processes: int = 1

    @property
    def kind(self) -> str:
        """What sort of work it is, by which settings tell jobs apart: train, evaluate, embed, floor, classify."""
        return self.module.rsplit(".", 1)[-1]


@dataclass(frozen=True)
class Standing:
    """Where a job stands, with the cluster's own words for it.

    Of a lost job: `passing` says that it was ended from outside, so that asking again may help; `counted` that the loss is
    one of the few after which a job is given up (the end of its time is none).
    """

    state: State
    words: str = ""
    passing: bool = False
    counted: bool = True


class Cluster(Protocol):
    """Machines that run jobs. Where a job runs is no part of what it is: any cluster gives the same result."""

    def submit(self, job: Job) -> None:
        """Start a job and record its id in its folder; a job that runs already is found, not started twice. Raises JobLost if refused."""
        ...

    def state(self, job: Job) -> State:
        """Say where a job stands, from its folder and the cluster alone: any process may ask."""
        ...

    def logs(self, job: Job, lines: int = 15) -> str:
        """Return the last lines that the job wrote."""
        ...

    def cancel(self, job: Job) -> None:
        """End all processes of a job, after it had time to save a checkpoint; harmless where there are none."""
        ...

    def run(self, job: Job, watch: Watcher | None = None) -> dict[str, Any]:
        """Return the job's result, running it as far as needed; `watch` gets each new line of metrics.jsonl.

        While a job waits, or its cluster does not answer, `watch` gets {"cluster": words}. Raises JobLost if it ends without a
        result. An interruption (Ctrl-C, a cancelled run) cancels the job; a killed caller leaves it running, and the next call finds it.
        """
        ...
