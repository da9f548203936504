"""The sample world on a loopback port, all its hosts told apart by the Host header.

What it is: `serve(world)` for one process, `python -m entitynet_assets.sample.server --port P` for its own.
What belongs here: sockets, the request log, start and stop. What does not: answers (sites.py).
"""

import argparse
import signal
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from entitynet_assets.sample.sites import Answer, Request, Sites
from entitynet_assets.sample.world import CONTROL_HOST, World, make_world

LOOPBACK = "127.0.0.1"
BODY_MAX_BYTES = 4_000_000


class RequestLog:
    """Counts requests by host and path; safe for threads."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.lock = threading.Lock()

    def add(self, host: str, path: str) -> None:
        """Count one request."""
        with self.lock:
            self.counts[host, path] += 1

    def snapshot(self) -> dict[tuple[str, str], int]:
        """Return the counts so far."""
        with self.lock:
            return dict(self.counts)

    def clear(self) -> None:
        """Forget all."""
        with self.lock:
            self.counts.clear()


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
        length = self.headers.get("Content-Length") or "0"
        if not length.isdecimal() or int(length) > BODY_MAX_BYTES:
            self.close_connection = True
            return self.write(Answer(413, b"no length, or too large\n"))
        request = self.read_request(self.rfile.read(int(length)))
        if request.host == CONTROL_HOST:
            return self.write(control(self.owner.log, request))
        self.owner.log.add(request.host, request.path)
        return self.write(self.owner.sites.answer(request))

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
        """Send an answer; a client that has gone is no error."""
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if self.command != "HEAD" and answer.body:
                self.wfile.write(answer.body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

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


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    arguments = read_arguments()
    world = make_world(entities=arguments.entities, pictures=arguments.pictures, seed=arguments.seed)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with serve(world, arguments.port, arguments.cache_dir) as server:
        print(f"sample world on http://{LOOPBACK}:{server.port}", flush=True)
        stop.wait()


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="serve the sample world on a loopback port")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--entities", type=int, default=None)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cache-dir", type=Path, default=None)
    return parser.parse_args()


if __name__ == "__main__":
    main()
