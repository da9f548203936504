"""Quotas: how often something may be asked in a second, a minute, a day, kept in one file by all processes and runs.

Belongs here: counting and saying when the next request is free. Does not belong here: waiting for it (client.py).

A sliding window, since a host counts from a moment that we do not know: with no more than `count` requests in any stretch of
`seconds`, no window of the host's can hold more. A host counts a request when it arrives, which is after it left and before
its answer came. So a request counts from when it was answered, and while it is on the way it counts as if it arrived now: the
price is one answer's time a window, much of a second and nothing of a day.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ON_THE_WAY_S = 60.0  # a request that nothing more was heard of arrived by then; its process may have been killed
BUSY_S = 60.0  # another process holds the file for less than a millisecond
TABLES = (
    "CREATE TABLE IF NOT EXISTS taken (number INTEGER PRIMARY KEY, quota TEXT, at REAL)",
    "CREATE INDEX IF NOT EXISTS taken_at ON taken (quota, at)",
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


class QuotaFile:
    """The counts of all quotas in one SQLite file; threads and processes may share it, and a kill leaves it whole.

    Made when first used. `None` keeps the counts in memory, for this object alone. `clock` gives seconds since 1970.
    """

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._lock = threading.Lock()
        self._open: sqlite3.Connection | None = None

    def take(self, quota: Quota) -> tuple[float, int]:
        """Count one request and return 0 and its number, or count nothing and return the seconds after which to ask again, and 0."""
        with self._lock, self._writing() as file:
            now, name = self._clock(), quota.name
            latest = now + ON_THE_WAY_S
            # A clock that was set back: what was counted in the time to come counts from now.
            file.execute("UPDATE taken SET at = ? WHERE quota = ? AND at > ?", (latest, name, latest))
            file.execute("DELETE FROM taken WHERE quota = ? AND at <= ?", (name, now - self._kept_s(file, quota)))
            wait = max(self._wait(file, name, limit, now) for limit in quota.limits)
            if wait > 0:
                return wait, 0
            return 0.0, file.execute("INSERT INTO taken (quota, at) VALUES (?, ?)", (name, latest)).lastrowid or 0

    def arrived(self, number: int) -> None:
        """Take in that a request is not on the way any more: its answer is here, or its connection is closed."""
        with self._lock, self._writing() as file:
            file.execute("UPDATE taken SET at = min(at, ?) WHERE number = ?", (self._clock(), number))

    @staticmethod
    def _kept_s(file: sqlite3.Connection, quota: Quota) -> float:
        """Return for how long requests are remembered: by the longest window of all who share the quota."""
        longest = max(limit.seconds for limit in quota.limits)
        file.execute("INSERT OR IGNORE INTO kept VALUES (?, 0)", (quota.name,))
        file.execute("UPDATE kept SET seconds = max(seconds, ?) WHERE quota = ?", (longest, quota.name))
        return file.execute("SELECT seconds FROM kept WHERE quota = ?", (quota.name,)).fetchone()[0]

    @staticmethod
    def _wait(file: sqlite3.Connection, name: str, limit: Limit, now: float) -> float:
        """Return the seconds until the request that fills the limit leaves its window, at the earliest."""
        last = "SELECT at FROM taken WHERE quota = ? ORDER BY at DESC LIMIT 1 OFFSET ?"
        found = file.execute(last, (name, limit.count - 1)).fetchone()
        return min(found[0], now) + limit.seconds - now if found else 0.0

    def used(self, quota: Quota) -> tuple[int, ...]:
        """Return how many requests each limit of a quota counts now, in their order."""
        if self.path is not None and not self.path.exists():
            return tuple(0 for _ in quota.limits)
        with self._lock:
            now, count = self._clock(), "SELECT count(*) FROM taken WHERE quota = ? AND at > ?"
            windows = [(quota.name, now - limit.seconds) for limit in quota.limits]
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
