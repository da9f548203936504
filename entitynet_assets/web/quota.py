"""Quotas: how often something may be asked in a second, a minute, a day, kept in one file by all processes and runs.

Belongs here: counting and saying when the next request is free. Does not belong here: waiting for it (client.py).

A sliding window, since a host counts from a moment that we do not know: with no more than `count` requests in any stretch of
`seconds`, no window of the host's can hold more. What is numbered in turn makes the question one look: a request is free if
the one `count` places before it is older than the window. A host sees requests when they arrive, so that each window is
taken a little longer (SLACK) than it is.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SLACK, MAX_SLACK_S = 0.05, 1.0  # share of a window, seconds: requests may reach the host closer together than they left
BUSY_S = 60.0  # another process holds the file for less than a millisecond
TABLES = (
    "CREATE TABLE IF NOT EXISTS taken (quota TEXT, number INTEGER, at REAL, PRIMARY KEY (quota, number)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS kept (quota TEXT PRIMARY KEY, seconds REAL) WITHOUT ROWID",  # the longest window ever asked for
)


@dataclass(frozen=True)
class Limit:
    """No more than `count` requests in any `seconds`. Raises ValueError if either is not above 0."""

    count: int
    seconds: float

    def __post_init__(self) -> None:
        if self.count < 1 or self.seconds <= 0:
            raise ValueError(f"limit: found {self.count} requests in {self.seconds:g} s; both must be above 0")

    def __str__(self) -> str:
        return f"{self.count} in {self.seconds:g} s"

    @property
    def window_s(self) -> float:
        """Return the seconds after which a request is counted no more."""
        return self.seconds + min(SLACK * self.seconds, MAX_SLACK_S)


@dataclass(frozen=True)
class Quota:
    """What one key or one host grants, by all its limits at once; `name` is what all who share it call it.

    Raises ValueError without a limit.
    """

    name: str
    limits: tuple[Limit, ...]

    def __post_init__(self) -> None:
        if not self.limits:
            raise ValueError(f"quota {self.name!r}: found no limit; name at least one")

    @property
    def longest_s(self) -> float:
        """Return the seconds for which a request must be remembered."""
        return max(limit.window_s for limit in self.limits)


class QuotaFile:
    """The counts of all quotas in one SQLite file; threads and processes may share it, and a kill leaves it whole.

    Made when first used. `None` keeps the counts in memory, for this object alone. `clock` gives seconds since 1970.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def take(self, quota: Quota) -> float:
        """Count one request and return 0, or count nothing and return the seconds until the next is free."""
        with self._lock, self._writing() as file:
            now = self._clock()
            # A clock that was set back: what was counted in the time to come counts from now.
            file.execute("UPDATE taken SET at = ? WHERE quota = ? AND at > ?", (now, quota.name, now))
            file.execute("DELETE FROM taken WHERE quota = ? AND at <= ?", (quota.name, now - self._kept_s(file, quota)))
            last = file.execute("SELECT max(number) FROM taken WHERE quota = ?", (quota.name,)).fetchone()[0] or 0
            wait = max(self._wait(file, quota.name, limit, last, now) for limit in quota.limits)
            if wait <= 0:
                file.execute("INSERT INTO taken VALUES (?, ?, ?)", (quota.name, last + 1, now))
            return max(0.0, wait)

    @staticmethod
    def _kept_s(file: sqlite3.Connection, quota: Quota) -> float:
        """Return for how long requests are remembered: by the longest window of all who share the quota."""
        file.execute("INSERT OR IGNORE INTO kept VALUES (?, 0)", (quota.name,))
        file.execute("UPDATE kept SET seconds = max(seconds, ?) WHERE quota = ?", (quota.longest_s, quota.name))
        return file.execute("SELECT seconds FROM kept WHERE quota = ?", (quota.name,)).fetchone()[0]

    @staticmethod
    def _wait(file: sqlite3.Connection, name: str, limit: Limit, last: int, now: float) -> float:
        found = file.execute(
            "SELECT at FROM taken WHERE quota = ? AND number = ?", (name, last - limit.count + 1)
        ).fetchone()
        return found[0] + limit.window_s - now if found else 0.0

    def used(self, quota: Quota) -> tuple[int, ...]:
        """Return how many requests each limit of a quota counts now, in their order."""
        if self.path is not None and not self.path.exists():
            return tuple(0 for _ in quota.limits)
        with self._lock:
            now, count = self._clock(), "SELECT count(*) FROM taken WHERE quota = ? AND at > ?"
            windows = [(quota.name, now - limit.window_s) for limit in quota.limits]
            return tuple(self._file().execute(count, window).fetchone()[0] for window in windows)

    def close(self) -> None:
        """Close the file; the next use opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file's write lock: between count and entry no other process may enter."""
        file = self._file()
        file.execute("BEGIN IMMEDIATE")
        try:
            yield file
        except BaseException:
            file.execute("ROLLBACK")
            raise
        file.execute("COMMIT")

    def _file(self) -> sqlite3.Connection:
        if self._open is None:
            if self.path is not None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
            path, deadline = self.path or ":memory:", time.monotonic() + BUSY_S
            self._open = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            while not _made_ready(self._open) and time.monotonic() < deadline:
                time.sleep(0.01)
        return self._open


def _made_ready(file: sqlite3.Connection) -> bool:
    """Set a file up; False if another process is at it: SQLite does not wait for the change to a write-ahead log."""
    try:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", *TABLES):
            file.execute(statement)
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        return False
    return True
