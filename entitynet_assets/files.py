"""Writing a file so that it is either absent, old or whole.

Belongs here: that one rule, for both doors that write (lake.py, cluster.py), and telling a full disk from other errors.
Does not belong here: what is written.
"""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomic(path: Path, content: bytes, synced: bool = True) -> None:
    """Write through a temporary file, fsync and rename; an interruption or a full disk leaves what was there.

    Without `synced` that holds for a killed process, and for a machine that stops only after `sync_file_system`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if synced:
                os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_named(folder: Path, fill: Callable[[BinaryIO], str]) -> Path:
    """Let `fill` write a file piece by piece and then say its name in the folder; it stands there whole and synced, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    handle, new = tempfile.mkstemp(dir=folder, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            path = folder / fill(file)
            file.flush()
            os.fsync(file.fileno())
        Path(new).replace(path)
    except BaseException:
        Path(new).unlink(missing_ok=True)
        raise
    return path


def sync(path: Path) -> None:
    """Have a written file on the disk before anything refers to it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_file_system(folder: Path) -> None:
    """Have all that was written to the file system of a folder on the disk, where that can be said of one; else of all.

    Raises OSError where something written before could not be.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
    if syncfs is None:
        os.sync()
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if syncfs(descriptor):
            raise OSError(ctypes.get_errno(), f"{folder}: {os.strerror(ctypes.get_errno())}")
    finally:
        os.close(descriptor)


def is_disk_full(error: BaseException | None) -> bool:
    """Say whether an error, or what caused it, is a disk without room: the system's, DuckDB's or SQLite's way to say so."""
    seen: set[int] = set()  # the causes of an error that was raised again while it was told may form a ring
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        words = str(error).lower()
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        if any(said in words for said in ("no space left on device", "disk is full", "disk quota exceeded")):
            return True
        error = error.__cause__ or error.__context__
    return False
