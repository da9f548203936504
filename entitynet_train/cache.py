"""Whole files on a disk of this machine, bounded: a file is there under its name only when it is whole.

Belongs here: room, locks between processes, atomic arrival. Does not belong here: where files come from (objects.py).

Processes of one host share a folder: one of them brings a file, the others wait for it at its lock. A lock is the kernel's, and so
goes with a process that is killed; what that process left is written anew by the next. A file that is dropped stays readable for
whoever has it open.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from entitynet_train.spec import SpecError

FOLDER, BOUND = "ENTITYNET_CACHE", "ENTITYNET_CACHE_GB"
FREE_SHARE = 0.9  # of what the disk has left when no bound is named
PART = ".part"


@dataclass(frozen=True)
class Cache:
    """A folder of whole files by key, and how many bytes it may hold."""

    folder: Path
    bound_bytes: int

    @classmethod
    def of_environment(cls) -> Cache | None:
        """Return the cache that ENTITYNET_CACHE names, or None. Raises SpecError if its bound is no number."""
        if not os.environ.get(FOLDER):
            return None
        folder = Path(os.environ[FOLDER])
        try:
            for name in ("files", "locks"):
                (folder / name).mkdir(parents=True, exist_ok=True)
            bound = os.environ.get(BOUND)
            usage = shutil.disk_usage(folder).free + sum(taken for _, taken, _ in _by_age((folder / "files").iterdir()))
            return cls(folder, int(float(bound) * 1e9) if bound else int(usage * FREE_SHARE))
        except ValueError as error:
            raise SpecError(f"{BOUND}: found {os.environ[BOUND]!r}; allowed: gigabytes, as in 500") from error
        except OSError as error:
            raise SpecError(f"{FOLDER}: {error}; allowed: a folder that can be written to") from error

    @property
    def bound(self) -> str:
        """Return the bound for people."""
        return f"at most {self.bound_bytes / 1e9:g} GB in {self.folder}"

    def held(self, key: str) -> Path | None:
        """Return where a whole file lies, or None."""
        path = self.folder / "files" / key
        return path if path.exists() else None

    def bring(
        self, key: str, size: int, chunks: Callable[[], Iterator[bytes]], spare: frozenset[str] = frozenset()
    ) -> Path | None:
        """Write a file of `size` bytes and return its path; None if, with all but `spare` dropped, there is no room for it.

        Whatever `chunks` raises leaves no file. Raises SpecError if the disk is full or cannot be written to.
        """
        path = self.folder / "files" / key
        with self._locked(key):
            if path.exists():
                return path
            part = path.with_name(f"{key}{PART}")
            if not self._room(part, size, spare):
                return None
            try:
                self._write(part, chunks())
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)
        return path

    def _room(self, part: Path, size: int, spare: frozenset[str]) -> bool:
        """Drop files, those that came first first, until `size` bytes fit; then reserve them on the disk."""
        with self._locked("room"):
            files = _by_age(one for one in part.parent.iterdir() if one != part)
            held = sum(taken for _, taken, _ in files)
            for _, taken, one in files:
                if held + size <= self.bound_bytes:
                    break
                if one.name.removesuffix(PART) not in spare and not self._busy(one):
                    held -= taken
                    one.unlink(missing_ok=True)
            if held + size > self.bound_bytes:
                return False
            with self._disk_errors(size), part.open("wb") as file:
                if size:
                    os.posix_fallocate(file.fileno(), 0, size)
            return True

    def _busy(self, file: Path) -> bool:
        """Tell whether a half file is being written by a process that lives."""
        if file.suffix != PART:
            return False
        with (self.folder / "locks" / file.name.removesuffix(PART)).open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _write(self, part: Path, chunks: Iterator[bytes]) -> None:
        with part.open("r+b") as file:
            for chunk in chunks:
                with self._disk_errors(len(chunk)):
                    file.write(chunk)
            with self._disk_errors(0):
                file.truncate()
                file.flush()
                os.fsync(file.fileno())

    @contextlib.contextmanager
    def _disk_errors(self, size: int) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            free = shutil.disk_usage(self.folder).free
            raise SpecError(
                f"{FOLDER}: {self.folder}: {error.strerror} at {size} bytes more, {free / 1e9:.1f} GB are free; allowed: a disk "
                f"with room, or a lower {BOUND} (now {self.bound_bytes / 1e9:g}): pictures whose tar is not held are read one by one"
            ) from error

    @contextlib.contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        with (self.folder / "locks" / name).open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _by_age(files: Iterable[Path]) -> list[tuple[float, int, Path]]:
    """Return (time, bytes, file), the oldest first; others may drop files meanwhile."""
    found: list[tuple[float, int, Path]] = []
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            facts = file.stat()
            found.append((facts.st_mtime, facts.st_size, file))
    return sorted(found)
