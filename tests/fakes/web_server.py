"""A loopback web server that misbehaves as told: handlers by path, a log of what was asked, how many at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Call(BaseHTTPRequestHandler):
    """One request with ways to answer it, whole or broken."""

    protocol_version = "HTTP/1.1"
    server: FaultyServer
    body: bytes = b""

    @property
    def host(self) -> str:
        return self.headers.get("Host", "").lower().removesuffix(":80")

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Answer with a true Content-Length; header names are written with _ for -."""
        self.start(status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def hang_up(self) -> None:
        self.close_connection = True

    def do_GET(self) -> None:
        self.body = b""
        self._take()

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._take()

    def _take(self) -> None:
        owner, (path, _, _) = self.server, self.path.partition("?")
        with owner.lock:
            owner.log.append(Asked(self.command, self.host, self.path, dict(self.headers), self.body, time.monotonic()))
        try:
            handler = owner.paths.get((self.host, path)) or owner.paths.get(path)
            self.answer(404, b"no such path") if handler is None else handler(self)
        except (BrokenPipeError, ConnectionResetError):
            self.hang_up()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent."""


@dataclass(frozen=True)
class Asked:
    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class FaultyServer(ThreadingHTTPServer):
    """`paths` maps a path, or (host, path), to what answers it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.paths: dict[Any, Callable[[Call], None]] = {}
        self.log: list[Asked] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.address}{path}"

    def on(self, path: str, handler: Callable[[Call], None], host: str = "") -> str:
        """Answer a path so from now on; returns its address."""
        self.paths[(host, path) if host else path] = handler
        return f"http://{host}{path}" if host else self.url(path)

    def asked(self, path: str) -> list[Asked]:
        with self.lock:
            return [call for call in self.log if call.path.partition("?")[0] == path]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is no error."""


@contextmanager
def faulty_server() -> Iterator[FaultyServer]:
    with FaultyServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dataclass
class RawServer:
    """A socket that says the same bytes to whoever connects, and closes."""

    said: bytes
    address: str = field(default="", init=False)

    @contextmanager
    def serve(self) -> Iterator[str]:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.settimeout(0.05)
            stop = threading.Event()

            def talk() -> None:
                while not stop.is_set():
                    try:
                        connection, _ = listening.accept()
                    except TimeoutError:
                        continue
                    with connection:
                        connection.settimeout(1)
                        connection.recv(65536)
                        connection.sendall(self.said)

            thread = threading.Thread(target=talk, daemon=True)
            thread.start()
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
            stop.set()
            thread.join()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
