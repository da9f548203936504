"""Nobody waits for ever: a rank in which nothing moves any more ends itself and says which rank stood still.

Belongs here: signs of life, and the end of a rank that waits in vain. Does not belong here: errors that raise (entry.py).

Each rank's thread writes what its rank is at to OUT/ranks/NNNNN, as long as the process is not stopped; the thread of the first
rank that waited too long reads all of them. It counts its own ticks instead of looking at a clock, so that a process that was
stopped and goes on is not taken for one that hung.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
from pathlib import Path

from entitynet_train import report
from entitynet_train.distributed import World

RANKS = "ranks"
TICKS = 20  # within the limit
TICK_MAX_S = 15.0


class Watchdog:
    """Ends this process with code 1 when `beat` was not called for `limit_s` seconds; other ranks follow by the launcher.

    Nothing is judged before the first beat: to read what is in a large release may take longer than any step.
    """

    def __init__(self, out: Path, world: World, limit_s: float) -> None:
        self._out, self._world, self._limit_s = out, world, limit_s
        self._tick_s = min(TICK_MAX_S, limit_s / TICKS)
        self._file = out / RANKS / f"{world.rank:05d}"
        self._doing, self._silent_s = "the start", 0.0
        self._begun = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others are still in it
            self._file.parent.rmdir()

    def beat(self, doing: str) -> None:
        """Say that this rank moves, and what it is at now."""
        self._doing, self._silent_s, self._begun = doing, 0.0, True

    def _watch(self) -> None:
        while not self._ended.wait(self._tick_s):
            with contextlib.suppress(OSError):  # a full disk is told by what must be written
                self._file.write_text(self._doing)
            self._silent_s += self._tick_s
            if self._begun and self._silent_s > self._limit_s:
                self._end()

    def _end(self) -> None:
        reason = (
            f"rank {self._world.rank} waited for {self._limit_s:g} s (hang_timeout_s) at {self._doing!r}; {self._suspects()}; "
            "the log has the traceback of every thread; start again to go on from the newest checkpoint, or raise hang_timeout_s "
            "if a step may take that long"
        )
        print(f"error: {reason}", file=sys.stderr, flush=True)
        faulthandler.dump_traceback(all_threads=True)
        with contextlib.suppress(OSError):
            report.write_error(self._out, "hang", reason, self._world.rank)
        os._exit(1)

    def _suspects(self) -> str:
        """Say which ranks gave no sign of life, and else what every rank was at."""
        now, seen = time.time(), {}
        for path in sorted((self._out / RANKS).glob("*")):
            with contextlib.suppress(OSError):
                seen[int(path.name)] = (now - path.stat().st_mtime, path.read_text())
        lost = sorted(
            set(range(self._world.size)) - {rank for rank, (age, _) in seen.items() if age < self._limit_s / 2}
        )
        if lost:
            return f"no sign of life of rank {', '.join(map(str, lost[:10]))} (stopped or dead, or its machine is)"
        groups: dict[str, list[int]] = {}
        for rank, (_, doing) in seen.items():
            groups.setdefault(doing, []).append(rank)
        return "; ".join(f"at {doing!r}: rank {', '.join(map(str, ranks[:10]))}" for doing, ranks in groups.items())
