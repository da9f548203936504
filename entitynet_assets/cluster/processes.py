"""Processes of this machine, as /proc tells of them.

Belongs here: is it alive, is it the one that was meant, which belong to a job. Does not belong here: starting and ending them.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

MARK = "ENTITYNET_JOB"  # in the environment of every process of a job: its folder


def started_at(pid: int) -> str:
    """Return the start time of a process, so that a reused pid is not taken for it; empty if there is none."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def is_gone(pid: int, started: str) -> bool:
    """Say whether the process of this id and start has ended; a zombie has."""
    fields = _stat(pid)
    return not fields or fields[0] == "Z" or fields[19] != started


def marked(folder: Path) -> list[int]:
    """Return the ids of all processes that carry a job's mark, in whatever session its launcher has put them; zombies have none."""
    mark = f"{MARK}={folder}".encode()
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if mark in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
    return found


def _stat(pid: int) -> list[str]:
    """Return the fields of a process after its name: state, parent, group, ...; none if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []
