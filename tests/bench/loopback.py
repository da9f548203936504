"""Hosts on this machine for the benchmarks of the web door: one process, a port a host, each with its latency and its quota.

`python -m tests.bench.loopback HOSTS.json` listens, prints the ports as JSON, and on a line of input prints what each host saw.
A host answers 429 where a request exceeds its quota, counted as it arrives in a sliding window; a host of latency -1 never answers.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Host:
    """`count` requests in any `seconds` (0: as many as one likes); answers of `size_bytes` after `latency_s`."""

    latency_s: float = 0.0
    count: int = 0
    seconds: float = 1.0
    size_bytes: int = 2000


class Seen(asyncio.Protocol):
    """One connection; what the host saw is counted in `tally`."""

    def __init__(self, host: Host, tally: dict[str, Any]) -> None:
        self.host, self.tally, self.buffer = host, tally, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer:
            _, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
            self.arrived(time.monotonic())

    def arrived(self, now: float) -> None:
        recent: deque[float] = self.tally["recent"]
        while recent and recent[0] <= now - self.host.seconds:
            recent.popleft()
        recent.append(now)
        self.tally["requests"] += 1
        over = bool(self.host.count) and len(recent) > self.host.count
        self.tally["exceeded"] += over
        if self.host.latency_s >= 0:
            asyncio.get_running_loop().call_later(self.host.latency_s, self.answer, over)

    def answer(self, over: bool) -> None:
        size = 0 if over else self.host.size_bytes
        status = b"429 Too Many Requests" if over else b"200 OK"
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)


async def listen(hosts: Sequence[Host]) -> None:
    """Serve until a line of input comes, then print the tallies."""
    loop, tallies, ports = asyncio.get_running_loop(), [], []
    for host in hosts:
        tally = {"requests": 0, "exceeded": 0, "recent": deque[float]()}
        server = await loop.create_server(lambda host=host, tally=tally: Seen(host, tally), "127.0.0.1", 0, backlog=500)
        tallies.append(tally)
        ports.append(server.sockets[0].getsockname()[1])
    print(json.dumps(ports), flush=True)
    done = asyncio.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), loop.call_soon_threadsafe(done.set)), daemon=True).start()
    await done.wait()
    print(json.dumps([{"requests": one["requests"], "exceeded": one["exceeded"]} for one in tallies]), flush=True)


class Running:
    """Hosts in their own process; `stop` returns what each saw."""

    def __init__(self, process: subprocess.Popen[str], ports: list[int]) -> None:
        self.process, self.ports = process, ports

    def stop(self) -> list[dict[str, int]]:
        assert self.process.stdout is not None
        assert self.process.stdin is not None
        self.process.stdin.write("stop\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def running(hosts: Sequence[Host], folder: Path) -> Iterator[Running]:
    """Start hosts in a process of their own."""
    plan = folder / "hosts.json"
    plan.write_text(json.dumps([asdict(host) for host in hosts]))
    command = [sys.executable, "-m", "tests.bench.loopback", str(plan)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Running(process, json.loads(process.stdout.readline()))
        process.kill()


if __name__ == "__main__":
    asyncio.run(listen([Host(**one) for one in json.loads(Path(sys.argv[1]).read_text())]))
