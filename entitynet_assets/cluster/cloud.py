"""What both clouds share: jobs that are named before they are made, and files that may travel through a bucket.

Belongs here: names, the folder as the nodes see it, the end of a log. Does not belong here: how a cloud is asked (kubernetes.py,
aws_batch.py), copying (bucket.py), which jobs stay on this machine (`Divided` says only that some do).

The name of a job follows from its folder, which is named by the run's identity. It is recorded before the job is made, so whoever comes
later finds the job or knows that there is none.
"""

from __future__ import annotations

import hashlib
import re
import time
from abc import abstractmethod
from typing import Any

from entitynet_assets.cluster.bucket import Bucket, Unanswered
from entitynet_assets.cluster.cloud_settings import CloudSettings
from entitynet_assets.cluster.folder import FolderCluster, read_json
from entitynet_assets.cluster.interface import Cluster, Job, Standing, State, Watcher
from entitynet_assets.files import write_atomic

KEPT_LINES = 1000
SETTLE_S = 2.0


class CloudCluster(FolderCluster):
    """A cluster that is asked over the network; a question without an answer is asked again later."""

    def __init__(self, settings: CloudSettings, grace_s: float, profile: str = "") -> None:
        super().__init__(grace_s)
        self.ask_s = settings.ask_s
        self.lag_s = 0.0 if settings.s3 else settings.lag_s
        self.bucket = Bucket(settings.s3, profile) if settings.s3 else None

    @abstractmethod
    def ask(self, job: Job, known: dict[str, Any]) -> Standing:
        """Ask the cloud where a job stands. Raises Unanswered."""

    @abstractmethod
    def read_log(self, job: Job, lines: int) -> str:
        """Ask the cloud for the last lines of a job. Raises Unanswered."""

    def standing(self, job: Job, known: dict[str, Any]) -> Standing:
        """Ask the cloud, then fetch what the job wrote: what has ended has written all before."""
        try:
            found = self.ask(job, known)
            if self.bucket:
                self.bucket.fetch_results(job, self.address(job))
        except Unanswered as error:
            return Standing("running", f"no answer: {error}")
        if found.state == "lost":
            self.logs(job, KEPT_LINES)
        return found

    def settle(self, job: Job) -> None:
        """Wait until a job with a result has ended by itself; end it where it does not."""
        end = time.monotonic() + self.grace_s
        while not self.has_left(job):
            if time.monotonic() >= end:
                return self.cancel(job)
            time.sleep(min(self.ask_s, SETTLE_S))

    def has_left(self, job: Job) -> bool:
        """Say whether the cloud has ended a job, or has none."""
        try:
            return self.ask(job, read_json(job.folder / "job.json") or {}).state == "lost"
        except Unanswered:
            return False

    def logs(self, job: Job, lines: int = 15) -> str:
        """Return the last lines, and keep them in log.txt while the cloud has them."""
        try:
            if read_json(job.folder / "job.json") and (text := self.read_log(job, KEPT_LINES)):
                write_atomic(job.folder / "log.txt", text.encode())
        except Unanswered:
            pass  # what was kept before is better than nothing
        return super().logs(job, lines)

    def address(self, job: Job) -> str:
        """Return the job's folder as its nodes see it."""
        return self.bucket.address(job_name(job)) if self.bucket else str(job.folder)


class Divided:
    """Two clusters as one: jobs of some kinds run away, the others here."""

    def __init__(self, away: Cluster, kinds: frozenset[str], here: Cluster) -> None:
        self.away, self.kinds, self.here = away, kinds, here

    def submit(self, job: Job) -> None:
        """See Cluster."""
        self._of(job).submit(job)

    def state(self, job: Job) -> State:
        """See Cluster."""
        return self._of(job).state(job)

    def logs(self, job: Job, lines: int = 15) -> str:
        """See Cluster."""
        return self._of(job).logs(job, lines)

    def cancel(self, job: Job) -> None:
        """See Cluster."""
        self._of(job).cancel(job)

    def run(self, job: Job, watch: Watcher | None = None) -> dict[str, Any]:
        """See Cluster."""
        return self._of(job).run(job, watch)

    def _of(self, job: Job) -> Cluster:
        return self.away if job.kind in self.kinds else self.here


def job_name(job: Job) -> str:
    """Return a name of at most 52 letters, digits and hyphens that any cloud takes, one for each folder."""
    readable = re.sub(r"[^a-z0-9]+", "-", f"{job.kind}-{job.folder.name}".lower())[:28].strip("-")
    return f"entitynet-{readable}-{hashlib.sha256(str(job.folder).encode()).hexdigest()[:12]}"
