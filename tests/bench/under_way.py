"""Requests under way at once, in threads or in tasks: how many a second, and what each takes of a core."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable

Figures = tuple[int, float]  # requests a second, milliseconds of a core each


def in_threads(at_once: int, count: int, send: Callable[[int], object]) -> Figures:
    """Measure `count` requests by so many threads; thread t sends by `send(t)`."""
    left, lock = iter(range(count)), threading.Lock()

    def work(number: int) -> None:
        while True:
            with lock:
                if next(left, None) is None:
                    return
            send(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
    begun, worked = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return figures(count, begun, worked)


async def in_tasks(at_once: int, count: int, send: Callable[[int], Awaitable[object]]) -> Figures:
    """Measure the same by tasks of one event loop."""
    left = iter(range(count))

    async def work(number: int) -> None:
        for _ in left:
            await send(number)

    begun, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work(number) for number in range(at_once)))
    return figures(count, begun, worked)


def figures(count: int, begun: float, worked: float) -> Figures:
    """Return what `count` requests took since then."""
    return round(count / (time.perf_counter() - begun)), round((time.process_time() - worked) / count * 1e3, 3)
