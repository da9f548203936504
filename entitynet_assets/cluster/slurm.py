"""A Slurm cluster, by its own commands, here or on a login node.

Belongs here: which job is ours, what its state means, how it is ended. Does not belong here: the script (slurm_script.py), running
commands (slurm_commands.py), the files of a job (folder.py): the folder is on a file system that the compute nodes see, too.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from entitynet_assets.cluster.folder import FolderCluster, prepare, read_json, record, wait_until
from entitynet_assets.cluster.interface import Job, JobLost, Standing
from entitynet_assets.cluster.settings import SlurmSettings
from entitynet_assets.cluster.slurm_commands import Refused, SlurmCommands, Unreachable
from entitynet_assets.cluster.slurm_script import batch_script, job_name
from entitynet_assets.files import write_atomic

SUBMIT_TRIES = 5  # of an sbatch that the controller does not answer
ENDED = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
)
FROM_OUTSIDE = (
    "BOOT_FAIL",
    "NODE_FAIL",
    "PREEMPTED",
    "REVOKED",
    "TIMEOUT",
)  # another try goes on from the newest checkpoint
KILLED = ("0:9", "137:0")  # exit codes of what somebody killed
_HELD = {
    "JobHeldUser": "held by its user: scontrol release {id}",
    "JobHeldAdmin": "held by an administrator: ask them why",
    "launch_failed": "could not be started on its node: look at the node, then scontrol release {id}",
    "launch failed": "could not be started on its node: look at the node, then scontrol release {id}",
    "JobHoldMaxRequeue": "held after too many restarts: look at its nodes, then scontrol release {id}",
    "PartitionTimeLimit": "asks for more time than the partition allows and will wait for ever: cancel it and lower `time`",
    "PartitionNodeLimit": "asks for more nodes than the partition allows and will wait for ever: cancel it and lower the processes",
    "PartitionDown": "the partition is down",
    "BadConstraints": "no node has what it asks for: cancel it and change the directives",
    "Assoc": "beyond a limit of its account or QOS",
    "QOS": "beyond a limit of its account or QOS",
    "ReqNodeNotAvail": "a node that it asks for is down or reserved",
    "BeginTime": "requeued; it may begin in some minutes",
    "DependencyNeverSatisfied": "waits for a job that failed: cancel it",
}


class SlurmCluster(FolderCluster):
    """Runs jobs through sbatch. A job is found again by its id, or by its name where the id could not be recorded."""

    def __init__(self, settings: SlurmSettings, grace_s: float) -> None:
        super().__init__(grace_s)
        self.settings = settings
        self.ask_s, self.lag_s = settings.ask_s, settings.lag_s
        self.commands = SlurmCommands(settings)

    def submit(self, job: Job) -> None:
        """Hand the job in, unless one of its name waits or runs already: then that one is taken."""
        prepare(job)
        passed = {name: os.environ[name] for name in self.settings.pass_environment if name in os.environ}
        script = job.folder / "job.sh"
        write_atomic(script, batch_script(job, self.settings, self.grace_s, passed).encode())
        record(job, {"slurm": self._handed_in(job), "name": job_name(job)})

    def _handed_in(self, job: Job) -> str:
        """Return the id of the job. An sbatch that got no answer may have been obeyed, so each try looks first."""
        for tried in range(SUBMIT_TRIES):
            try:
                found = self.commands.find(job_name(job))
                return found[-1] if found else self.commands.submit(job.folder / "job.sh")
            except Refused as error:
                raise JobLost(f"{job.module} in {job.folder.name} was refused by Slurm: {error}") from error
            except Unreachable as error:
                if tried == SUBMIT_TRIES - 1:
                    raise JobLost(
                        f"{job.module} in {job.folder.name}: Slurm does not answer: {error}; run again when it does"
                    ) from error
                time.sleep(self.ask_s)
        raise AssertionError("unreachable: the last try returns or raises")

    def standing(self, job: Job, known: dict[str, Any]) -> Standing:
        """Ask the controller, then the accounts, then what the job's script wrote last."""
        job_id = str(known.get("slurm", ""))
        if not job_id:
            return Standing("lost", "the folder's job was of another cluster", passing=True)
        try:
            found = self.commands.show(job_id)
            if found is None or found.get("JobName") != known.get("name"):
                found = self.commands.accounted(job_id) or {}
        except (Unreachable, Refused) as error:
            return Standing("running", f"job {job_id}: not known, as Slurm does not answer: {error}")
        return read_standing(job_id, found, read_json(job.folder / "ended.json") or {})

    def settle(self, job: Job) -> None:
        """See that a job with a result gives its nodes back."""
        if not wait_until(lambda: not self._holds(job), self.grace_s):
            self.cancel(job)

    def cancel(self, job: Job) -> None:
        """End a job: SIGINT to its ranks, so that they save a checkpoint, then scancel, until Slurm has it no more.

        What waits in the queue is taken out at once. Raises JobLost if Slurm does not answer: then the job may still run.
        """
        known = read_json(job.folder / "job.json") or {}
        job_id = str(known.get("slurm", ""))
        if not job_id or not self._holds(job):
            return
        try:
            if self.standing(job, known).state == "running":
                self.commands.signal(job_id, "INT")
                if wait_until(lambda: not self._runs(job), self.grace_s) and not self._holds(job):
                    return
            self.commands.cancel(job_id)
        except (Unreachable, Refused) as error:
            raise JobLost(
                f"Slurm's job {job_id} could not be cancelled: {error}; end it by: scancel {job_id}"
            ) from error
        wait_until(lambda: not self._holds(job), self.grace_s)

    def _runs(self, job: Job) -> bool:
        return self.standing(job, read_json(job.folder / "job.json") or {}).state == "running"

    def _holds(self, job: Job) -> bool:
        """Say whether Slurm has the job in its queue or on its nodes."""
        return self.standing(job, read_json(job.folder / "job.json") or {}).state in ("queued", "running")


def read_standing(job_id: str, found: Mapping[str, str], ended: Mapping[str, Any]) -> Standing:
    """Return what Slurm's words for a job come to: `found` of the controller or the accounts, `ended` of the job's own script."""
    state, reason = found.get("JobState", ""), found.get("Reason", "None")
    if state and state not in ENDED:
        waits = state in ("PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT")
        remedy = next((words.format(id=job_id) for key, words in _HELD.items() if key in reason), "")
        said = f"job {job_id} {state}" + (f" ({reason})" if waits and reason != "None" else "")
        return Standing("queued" if waits else "running", said + (f": {remedy}" if waits and remedy else ""))
    why = str(ended.get("why", "")) if str(ended.get("job")) == job_id else ""
    words = f"job {job_id} {state or 'is known to Slurm no more'}" + (
        f", exit code {found['ExitCode']}" if "ExitCode" in found else ""
    )
    if nodes := found.get("NodeList", "").replace("(null)", ""):
        words += f", on {nodes}"
    if why in ("time", "node"):
        return Standing("lost", f"{words}: {_WHY[why]}", passing=True, counted=why != "time")
    passing = state in FROM_OUTSIDE or found.get("ExitCode") in KILLED or not (state or why)
    return Standing("lost", words, passing=passing)


_WHY = {"time": "its time was up, after a checkpoint", "node": "one of its nodes was lost"}
