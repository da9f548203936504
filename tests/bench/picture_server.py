"""A loopback server of pictures that costs little: `python -m tests.bench.picture_server FOLDER` prints its port and serves.

`/<number>.<type>` is picture `number` of the folder, counted round, with the number behind its last byte, so that no two addresses
serve the same bytes and a decoder sees the same picture. Answers are whole and at once; connections stay open. `/dead/...` is never
answered, `/slow/...` after a second.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

SLOW_S = 1.0
TYPES = {b"\xff\xd8": b"image/jpeg", b"\x89P": b"image/png", b"RI": b"image/webp"}


class Pictures(asyncio.Protocol):
    """One connection."""

    def __init__(self, bodies: list[bytes]) -> None:
        self.bodies, self.waiting = bodies, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, _, self.waiting = self.waiting.partition(b"\r\n\r\n")
            if head.split(b" ", 2)[1].startswith(b"/slow/"):
                asyncio.get_running_loop().call_later(SLOW_S, self.transport.write, self.answer(head))
                continue
            self.transport.write(self.answer(head))
            if b"connection: close" in head.lower():
                self.transport.close()

    def answer(self, head: bytes) -> bytes:
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/dead/"):
            return b""
        name = path.removeprefix(b"/slow").strip(b"/").partition(b".")[0]
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


async def serve(folder: Path) -> None:
    """Serve until stdin ends."""
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Pictures(bodies), "127.0.0.1", 0, backlog=1024)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
