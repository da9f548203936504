"""Slurm's own commands, run here or on a login node, and what they answer.

Belongs here: starting sbatch, scontrol, squeue, sacct and scancel, and reading them. Does not belong here: what follows from an
answer (slurm.py).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from entitynet_assets.cluster.settings import SlurmSettings

# What sbatch and the job it makes get of our environment; nothing of a job that we may be in, and no keys.
_KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "TMPDIR",
    "SLURM_CONF",
    "SLURM_JWT",
    "KRB5CCNAME",
    "SSH_AUTH_SOCK",
)
_AWAY = re.compile(
    r"unable to contact slurm controller|socket timed out|connection refused|connect failure|unable to establish|zero bytes were "
    r"transmitted|slurm backup controller|communication connection failure|transport endpoint",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(r"invalid job id", re.IGNORECASE)
_SSH_FAILED = 255


class Unreachable(Exception):  # noqa: N818 - the name says what happened
    """The controller, or the login node, does not answer for now."""


class Refused(Exception):  # noqa: N818 - the name says what happened
    """Slurm says no, in its own words."""


class SlurmCommands:
    """Runs Slurm's commands, over SSH where the settings name a login node."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._limit_s = settings.commands_s
        ssh = settings.ssh
        # One connection serves all commands of some minutes; nobody is there to type a password. ssh takes an option's first value.
        shared = ["-o", "ControlMaster=auto", "-o", "ControlPath=~/.ssh/entitynet-%C", "-o", "ControlPersist=300"]
        self._over = ["ssh", "-o", "BatchMode=yes", *ssh.options, *shared, ssh.host, "--"] if ssh else []
        self._user = "" if ssh else os.environ.get("USER", "")

    def submit(self, script: Path) -> str:
        """Hand a batch script in and return the job's id. Raises Refused, or Unreachable: then it may have been taken all the same."""
        said = self._say("sbatch", "--parsable", str(script)).split()
        job_id = said[-1].split(";")[0] if said else ""  # ID or ID;CLUSTER, after whatever a site prints
        if not job_id.isdecimal():
            raise Refused(f"sbatch answered {' '.join(said)!r}, which ends with no job id")
        return job_id

    def find(self, name: str) -> list[str]:
        """Return the ids of jobs of this name that wait, run or are being requeued."""
        return self._say("squeue", "--noheader", f"--name={name}", "--format=%A").split()

    def show(self, job_id: str) -> Mapping[str, str] | None:
        """Return what the controller knows of a job, by Slurm's names, or None if it knows it no more."""
        try:
            return read_fields(self._say("scontrol", "show", "job", "--oneliner", job_id))
        except Refused as error:
            if _UNKNOWN.search(str(error)):
                return None
            raise

    def accounted(self, job_id: str) -> Mapping[str, str] | None:
        """Return JobState and ExitCode of a job as the accounts have them, or None where none are kept."""
        try:
            said = self._say(
                "sacct", "--allocations", "--noheader", "--parsable2", "--format=State,ExitCode", f"--jobs={job_id}"
            )
        except Refused:
            return None
        rows = [line.split("|") for line in said.splitlines() if line.count("|") == 1]
        return {"JobState": rows[-1][0].split()[0], "ExitCode": rows[-1][1]} if rows else None

    def partitions(self) -> list[str]:
        """Return the names of all partitions."""
        return sorted(set(self._say("sinfo", "--noheader", "--format=%R").split()))

    def signal(self, job_id: str, name: str) -> None:
        """Send a signal to the processes of a running job, not to its script."""
        self._end("scancel", f"--signal={name}", job_id)

    def cancel(self, job_id: str) -> None:
        """End a job, waiting or running."""
        self._end("scancel", job_id)

    def _end(self, *command: str) -> None:
        try:
            self._say(*command)
        except Refused as error:
            if not _UNKNOWN.search(str(error)) and "already complet" not in str(error):
                raise

    def _say(self, *command: str) -> str:
        words = [*self._over, shlex.join(command)] if self._over else list(command)
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        try:
            done = subprocess.run(
                words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", env=kept,
                timeout=self._limit_s, check=False,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise Refused(
                f"{words[0]} is not installed here; install it, or name a login node as [slurm.ssh] host"
            ) from error
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{command[0]} did not answer within {self._limit_s:g} s") from error
        if done.returncode == 0:
            return done.stdout
        said = " ".join((done.stderr or done.stdout).split()) or f"{command[0]} ended with {done.returncode}"
        raise (
            Unreachable(said)
            if _AWAY.search(said) or (self._over and done.returncode == _SSH_FAILED)
            else Refused(said)
        )


def read_fields(line: str) -> dict[str, str]:
    """Return the Name=value pairs of `scontrol --oneliner`, the first of each name."""
    found: dict[str, str] = {}
    for name, value in re.findall(r"(?:^|\s)([A-Za-z][A-Za-z/:]*)=(\S*)", line):
        found.setdefault(name, value)
    return found
