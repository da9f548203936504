"""A loopback server of pictures that costs little: `python -m tests.bench.picture_server FOLDER` prints its ports as JSON and serves.

`/<number>.<type>` is picture `number` of the folder, counted round, with the number behind its last byte, so that no two addresses
serve the same bytes and a decoder sees the same picture. Answers are whole; connections stay open. Each kind of host has its port:

near        answers at once
far         after 0.1 s, as a host on another continent
slow        after 3 s, its robots.txt too
drip        says 404 at once to all but pictures, and gives a picture byte after byte, one a second
silent      takes connections and never answers
blackholed  no connection comes about and none is refused: its queue is full, as a firewall that drops
refused     refuses connections
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from pathlib import Path

AFTER_S = {"near": 0.0, "far": 0.1, "slow": 3.0, "drip": 0.0}
TYPES = {b"\xff\xd8": b"image/jpeg", b"\x89P": b"image/png", b"RI": b"image/webp"}


class Pictures(asyncio.Protocol):
    """One connection to a host of a kind."""

    def __init__(self, bodies: list[bytes], kind: str) -> None:
        self.bodies, self.kind, self.waiting = bodies, kind, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
            after_s = AFTER_S.get(self.kind)
            if after_s:
                asyncio.get_running_loop().call_later(after_s, self.give, self.answer(head))
            elif after_s is not None:
                self.give(self.answer(head))
            if b"connection: close" in head.lower():
                self.transport.close()

    def give(self, answer: bytes) -> None:
        """Write an answer, whole or in drips."""
        if self.transport.is_closing():
            return
        if self.kind != "drip" or answer.startswith(b"HTTP/1.1 404"):
            self.transport.write(answer)
            return
        self.transport.write(answer[:200])
        asyncio.get_running_loop().call_later(1.0, self.drip, answer, 200)

    def drip(self, answer: bytes, at: int) -> None:
        """Write the byte at a place and, a second later, the next."""
        if not self.transport.is_closing():
            self.transport.write(answer[at : at + 1])
            asyncio.get_running_loop().call_later(1.0, self.drip, answer, at + 1)

    def answer(self, head: bytes) -> bytes:
        name = head.split(b" ", 2)[1].strip(b"/").partition(b".")[0]
        if not name.isdigit():
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        body = self.bodies[int(name) % len(self.bodies)]
        length = len(body) + 8
        kind = TYPES[body[:2]]
        return b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s%08d" % (
            kind,
            length,
            body,
            int(name),
        )


def bound(backlog: int | None) -> socket.socket:
    """Return a socket at a free port of this machine, which listens unless told not to."""
    found = socket.socket()
    found.bind(("127.0.0.1", 0))
    if backlog is not None:
        found.listen(backlog)
    return found


def blackhole(held: contextlib.ExitStack) -> socket.socket:
    """Return a listening socket whose queue is full, so that the kernel drops whoever knocks."""
    full = held.enter_context(bound(0))
    for _ in range(8):
        knock = held.enter_context(socket.socket())
        knock.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            knock.connect(full.getsockname())
    return full


async def serve(folder: Path) -> None:
    """Serve until stdin ends."""
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as held:
        sockets = {"blackholed": blackhole(held), "refused": held.enter_context(bound(None))}
        for kind in (*AFTER_S, "silent"):
            sockets[kind] = bound(1024)
            await loop.create_server(lambda kind=kind: Pictures(bodies, kind), sock=sockets[kind], backlog=1024)
        print(json.dumps({kind: one.getsockname()[1] for kind, one in sockets.items()}), flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
