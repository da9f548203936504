"""The sample world on a loopback port, all its hosts told apart by the Host header.

What it is: `serve(world)` for one process, `python -m entitynet_assets.sample.server --port P` for its own.
What belongs here: sockets, the request log, start and stop. What does not: answers (sites.py).
"""

import argparse
import signal
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from entitynet_assets.sample.sites import Answer, Request, Sites
from entitynet_assets.sample.world import CONTROL_HOST, World, make_world

LOOPBACK = "127.0.0.1"
BODY_MAX_BYTES = 4_000_000
VISITS_KEPT = 200_000
SLOW_S = 0.4
DRIP_S = 0.2
WORLD_FLAGS = {
    "entities": int,
    "pictures": int,
    "holdout": int,
    "search_precision": float,
    "alt_noise": float,
    "seed": int,
}


@dataclass(frozen=True)
class Visit:
    """One request and what was said: times in seconds of a clock that only runs forward, the second one before the answer left."""

    host: str
    path: str
    query: tuple[tuple[str, str], ...]
    came_s: float
    status: int
    told_s: float
    retry_after_s: float | None


class RequestLog:
    """Counts requests by host and path and keeps the latest; safe for threads."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.latest: deque[Visit] = deque(maxlen=VISITS_KEPT)
        self.lock = threading.Lock()

    def add(self, host: str, path: str) -> None:
        """Count one request."""
        with self.lock:
            self.counts[host, path] += 1

    def told(self, request: Request, came_s: float, answer: Answer) -> None:
        """Keep a request with its answer, which is about to leave."""
        wait = answer.headers.get("Retry-After")
        query = tuple(sorted(request.query.items()))
        visit = Visit(
            request.host, request.path, query, came_s, answer.status, time.monotonic(), float(wait) if wait else None
        )
        with self.lock:
            self.latest.append(visit)

    def visits(self) -> list[Visit]:
        """Return the latest requests in the order in which they were answered."""
        with self.lock:
            return list(self.latest)

    def snapshot(self) -> dict[tuple[str, str], int]:
        """Return the counts so far."""
        with self.lock:
            return dict(self.counts)

    def clear(self) -> None:
        """Forget all."""
        with self.lock:
            self.counts.clear()
            self.latest.clear()


class SampleHTTPServer(ThreadingHTTPServer):
    """The listening socket with what its handlers need."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, sites: Sites, log: RequestLog) -> None:
        super().__init__((LOOPBACK, port), SampleHandler)
        self.sites = sites
        self.log = log


class SampleHandler(BaseHTTPRequestHandler):
    """Reads one request, asks the sites, writes the answer."""

    protocol_version = "HTTP/1.1"
    server_version = "SampleWorld/1"
    sys_version = ""
    disable_nagle_algorithm = True

    @property
    def owner(self) -> SampleHTTPServer:
        """The server this handler works for."""
        assert isinstance(self.server, SampleHTTPServer)
        return self.server

    def do_GET(self) -> None:
        """Answer a GET."""
        self.respond()

    def do_HEAD(self) -> None:
        """Answer a HEAD: the same without the body."""
        self.respond()

    def do_POST(self) -> None:
        """Answer a POST."""
        self.respond()

    def respond(self) -> None:
        """Answer one request and count it."""
        came_s = time.monotonic()
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_MAX_BYTES:
            self.close_connection = True
            return self.write(Answer(413, b"no length, or too large\n"))
        request = self.read_request(self.rfile.read(int(length)))
        if request.host == CONTROL_HOST:
            return self.write(control(self.owner.log, request))
        self.owner.log.add(request.host, request.path)
        answer = self.owner.sites.answer(request)
        self.owner.log.told(request, came_s, answer)
        return self.write(answer)

    def read_request(self, body: bytes) -> Request:
        """Turn the request line and headers into values."""
        url = urlsplit(self.path)
        return Request(
            method=self.command,
            host=(self.headers.get("Host") or "").partition(":")[0].lower(),
            path=url.path,
            query={k: v[-1] for k, v in parse_qs(url.query, keep_blank_values=True).items()},
            headers={k.lower(): v for k, v in self.headers.items()},
            body=body,
        )

    def write(self, answer: Answer) -> None:
        """Send an answer in its manner; a client that has gone is no error."""
        self.close_connection = self.close_connection or answer.manner in ("drip", "cut", "reset")
        if answer.manner == "reset":
            return
        if answer.manner == "slow":
            time.sleep(SLOW_S)
        try:
            self.write_head(answer)
            if self.command == "HEAD" or not answer.body:
                return
            if answer.manner == "drip":
                self.drip(answer.body)
            else:
                self.wfile.write(answer.body[: len(answer.body) // (2 if answer.manner == "cut" else 1)])
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def write_head(self, answer: Answer) -> None:
        """Send the status and the headers."""
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()

    def drip(self, body: bytes) -> None:
        """Send a byte now and then, until the client has enough."""
        for value in body:
            self.wfile.write(bytes([value]))
            self.wfile.flush()
            time.sleep(DRIP_S)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay silent; the request log is kept by `RequestLog`."""


def control(log: RequestLog, request: Request) -> Answer:
    """Answer the control host: health, the request log, its reset."""
    if (request.method, request.path) == ("POST", "/_reset"):
        log.clear()
        return Answer.json({"reset": True})
    if request.path == "/_requests":
        rows = [{"host": h, "path": p, "count": n} for (h, p), n in sorted(log.snapshot().items())]
        return Answer.json({"requests": rows})
    return Answer.json({"health": "ok"}) if request.path == "/_health" else Answer(404, b"no such control")


class SampleServer:
    """A running sample world; use it in a `with` block."""

    def __init__(self, world: World, port: int = 0, cache_dir: Path | None = None) -> None:
        self.world = world
        self.log = RequestLog()
        self.http = SampleHTTPServer(port, Sites(world, cache_dir), self.log)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True, name="sample-world")

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self.http.server_address[1]

    def requests(self) -> dict[tuple[str, str], int]:
        """Return how often each (host, path) was asked for since the last reset."""
        return self.log.snapshot()

    def reset(self) -> None:
        """Forget the request log."""
        self.log.clear()

    def change_world(self, world: World) -> None:
        """Serve another world from now on, on the same port: the web after an edit."""
        self.http.sites = self.http.sites.with_world(world)
        self.world = world

    def __enter__(self) -> "SampleServer":
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def serve(world: World, port: int = 0, cache_dir: Path | None = None) -> SampleServer:
    """Return a server of a world on 127.0.0.1; port 0 takes a free one. It listens at once and answers in a `with`."""
    return SampleServer(world, port, cache_dir)


def serve_until_stopped(world: World, port: int, cache_dir: Path | None = None) -> None:
    """Serve a world until SIGTERM or SIGINT, and say where."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(world, port, cache_dir) as server:
        print(f"sample world on http://{LOOPBACK}:{server.port}", flush=True)
        stop.wait()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description="serve the sample world on a loopback port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cache-dir", type=Path, default=None)
    for name, kind in WORLD_FLAGS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, default=argparse.SUPPRESS)
    found = vars(parser.parse_args())
    port, cache_dir = found.pop("port"), found.pop("cache_dir")
    serve_until_stopped(make_world(**found), port, cache_dir)


if __name__ == "__main__":
    main()
