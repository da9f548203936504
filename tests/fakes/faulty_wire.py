"""A wire that fails: stands before a server and cuts, delays or refuses what passes, as asked."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
Fault = Callable[[bytes, int], str]  # head of a request and its number -> "", "refuse", "cut" or "hang"


class FaultyWire:
    """Relays connections to a port; `fault` decides for every request, `heads` has what was asked."""

    def __init__(self, port: int) -> None:
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.heads: list[str] = []
        self.fault: Fault = lambda head, number: ""
        self.closed = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(65536)
                if not piece:
                    return
                head += piece
            self.heads.append(head.split(b"\r\n", 1)[0].decode())
            fault = self.fault(head, len(self.heads))
            if fault == "refuse":
                client.sendall(REFUSAL)
            elif fault == "hang":
                self.closed.wait(20)
            else:
                self._relay(client, head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1), fault == "cut")

    def _relay(self, client: socket.socket, head: bytes, cut: bool) -> None:
        with socket.create_connection(("127.0.0.1", self._behind)) as server:
            server.sendall(head)
            answer = b"".join(iter(lambda: server.recv(65536), b""))
        top, _, body = answer.partition(b"\r\n\r\n")
        client.sendall(top + b"\r\n\r\n" + (body[: len(body) // 2] if cut else body))

    def close(self) -> None:
        """Take no more connections, and let go of those that hang."""
        self.closed.set()
        self._listener.close()


@contextlib.contextmanager
def faulty_wire(port: int) -> Iterator[FaultyWire]:
    """A wire to a port of this machine."""
    wire = FaultyWire(port)
    try:
        yield wire
    finally:
        wire.close()
