"""The door to the processes that decode pictures: bytes of strangers are never decoded in the process that keeps the books.

Belongs here: starting decoders, asking them, noticing that one died or hangs, ending them. Does not belong here: what a picture
is (pictures.py), what a decoder does and which limits the kernel keeps for us (decoder.py).
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from entitynet_assets.decoder import ASKED, READY, TOLD
from entitynet_assets.pictures import Kept, Picture, PictureError

PIPE_BYTES = 1 << 20  # the most that Linux grants without asking
In = TypeVar("In")
Out = TypeVar("Out")


@dataclass(frozen=True)
class Limits:
    """What one picture may take: memory beyond the decoder's own, seconds of a core, seconds of the clock.

    A decoder is replaced after so many pictures, so that what leaks in it does not add up.
    """

    memory_mib: int = 1024
    cpu_s: float = 20.0
    clock_s: float = 120.0
    pictures: int = 5000


class _DiedError(Exception):
    """A decoder that is gone, with why."""


class _Decoder:
    """One process and the pipes to it."""

    def __init__(self, command: list[str], limits: Limits) -> None:
        self.limits, self.left = limits, limits.pictures
        with tempfile.TemporaryFile() as words:
            self.process = subprocess.Popen(
                [*command, str(limits.memory_mib), str(limits.cpu_s)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=words, process_group=0, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )  # fmt: skip
            assert self.process.stdin
            assert self.process.stdout
            self.asked: BinaryIO = self.process.stdin  # type: ignore[assignment]
            self.told: BinaryIO = self.process.stdout  # type: ignore[assignment]
            _widen(self.asked)
            if self.told.read(len(READY)) != READY:
                self.end()
                words.seek(0)
                raise RuntimeError(f"the decoder does not start: {words.read()[-2000:].decode(errors='replace')}")

    def read(self, content: bytes, kept: Kept) -> tuple[dict[str, object], bytes]:
        """Return what the decoder tells. Raises _DiedError if it tells nothing."""
        self.left -= 1
        try:
            self.asked.write(ASKED.pack(len(content), kept.side_px, kept.quality))
            self.asked.write(content)
            self.asked.flush()
            if not select.select([self.told], [], [], self.limits.clock_s)[0]:
                raise _DiedError(f"no answer within {self.limits.clock_s:g} s")
            head = self.told.read(TOLD.size)
            sizes = TOLD.unpack(head)
            facts, jpeg = (self.told.read(size) for size in sizes)
            if len(jpeg) < sizes[1]:
                raise ValueError("the answer breaks off")
            return json.loads(facts), jpeg
        except (OSError, ValueError, struct.error) as error:
            raise _DiedError(self._why()) from error

    def _why(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self.process.wait(5)
            if code == -signal.SIGPROF:
                return f"not decoded within {self.limits.cpu_s:g} s of a core"
            return (
                f"the decoder ended by {signal.Signals(-code).name}" if code < 0 else f"the decoder ended with {code}"
            )
        return "the decoder does not answer in its own words"

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        with contextlib.suppress(OSError):
            self.asked.close()
        self.told.close()
        self.process.wait()


class Decoders:
    """`count` processes that decode; each is started when first needed and replaced when it dies.

    A picture at which two decoders die one after the other, or one runs out of time, is undecodable; no other picture is lost.
    """

    def __init__(
        self,
        count: int,
        limits: Limits | None = None,
        command: tuple[str, ...] = (sys.executable, "-m", "entitynet_assets.decoder"),
    ) -> None:
        self.count, self.limits, self.command = count, limits or Limits(), list(command)
        self._idle: list[_Decoder] = []
        self._lock, self._turns = threading.Lock(), threading.Semaphore(count)
        weakref.finalize(self, _end_all, self._idle)

    def read(self, content: bytes, kept: Kept) -> Picture:
        """Return `read_picture` of these bytes, from a process of its own. Raises PictureError, also as `undecodable`."""
        for last in (False, True):
            try:
                facts, jpeg = self._ask(content, kept)
            except _DiedError as error:
                if last or "within" in str(error):
                    raise PictureError("undecodable", str(error)) from error
                continue
            if "outcome" in facts:
                raise PictureError(str(facts["outcome"]), str(facts["reason"]))
            return Picture(jpeg=jpeg, **facts)  # type: ignore[arg-type]
        raise AssertionError("unreachable")

    def each(self, function: Callable[[In], Out], items: Iterable[In]) -> Iterator[Out]:
        """Yield what a function that decodes makes of each item, as it comes; few items are in the works at a time."""
        pool = ThreadPoolExecutor(2 * self.count, thread_name_prefix="decode")
        waiting: set[Future[Out]] = set()
        try:
            for item in items:
                waiting.add(pool.submit(function, item))
                done, waiting = wait(waiting, 0 if len(waiting) < 4 * self.count else None, FIRST_COMPLETED)
                yield from (future.result() for future in done)
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            pool.shutdown(cancel_futures=True)

    def _ask(self, content: bytes, kept: Kept) -> tuple[dict[str, object], bytes]:
        with self._turns:
            with self._lock:
                decoder = self._idle.pop() if self._idle else None
            decoder = decoder or _Decoder(self.command, self.limits)
            try:
                told = decoder.read(content, kept)
            except BaseException:
                decoder.end()
                raise
            if decoder.left > 0:
                with self._lock:
                    self._idle.append(decoder)
            else:
                decoder.end()
            return told

    def close(self) -> None:
        """End all decoders."""
        with self._lock:
            _end_all(self._idle)


def _widen(pipe: BinaryIO) -> None:
    """Let a whole picture lie in a pipe, so that asker and decoder need not take turns; only Linux knows how."""
    with contextlib.suppress(OSError, AttributeError):
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _end_all(decoders: list[_Decoder]) -> None:
    while decoders:
        decoders.pop().end()
