"""The wire: one connection to one origin, held to a deadline, to addresses that were judged, and to a number of bytes.

Belongs here: sockets, TLS, HTTP framing, the body with its caps. Does not belong here: redirects and retries (client.py).

A lane is one connection that one thread uses at a time. Pools that threads share were slower and now and then closed a
connection in use: httpcore looks whether an idle connection is readable, while another thread has just asked on it.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpcore
import httpx

from entitynet_assets.web.addresses import ForbiddenAddressError, Reach

CONNECT_S = 10.0
MAX_HEADERS = 200
MAX_ORIGINS = 128  # to which idle connections are kept
MAX_REDIRECT_BYTES = 65_536  # the body of a redirect is read so far, to keep the connection
SLOWEST_BYTES, SLOWEST_S = 10_240, 10.0  # a picture that comes slower is given up
for _client in ("httpx", "httpcore"):  # their logs hold headers and addresses, in which a host may say a key back
    logging.getLogger(_client).setLevel(logging.WARNING)
REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Caps:
    """What one request may take: seconds in all, bytes unpacked, and for pictures the least bytes in so many seconds.

    `keep` cuts a body off there and takes it for whole; `encodings` are those that were asked for.
    """

    timeout_s: float
    max_bytes: int
    slowest: tuple[int, float] | None = None
    keep: int | None = None
    encodings: tuple[str, ...] = ("gzip", "x-gzip")


@dataclass(frozen=True)
class Exchange:
    """What came over the wire: `fault` is an outcome with its reason, and then there is no body."""

    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    fault: tuple[str, str] | None = None


class _Clock:
    """How long a request may still wait for the next bytes."""

    def __init__(self) -> None:
        self.start(Caps(CONNECT_S, 0))

    def start(self, caps: Caps) -> None:
        self.caps = caps
        self.deadline = time.monotonic() + caps.timeout_s
        self.marked_at, self.received, self.reads = 0.0, 0, 0

    def left(self, late: type[Exception]) -> float:
        """Return the seconds that an operation may take. Raises `late` if there are none."""
        if over := self.over():
            raise late(over)
        found = self.deadline - time.monotonic()
        if self.caps.slowest and self.marked_at:
            found = min(found, self.marked_at + self.caps.slowest[1] - time.monotonic())
        return max(0.001, min(found, CONNECT_S) if late is httpcore.ConnectTimeout else found)

    def over(self) -> str | None:
        """Return which time is over, or None."""
        now = time.monotonic()
        if now >= self.deadline:
            return f"not whole after {self.caps.timeout_s:g} s"
        if self.caps.slowest and self.marked_at and now >= self.marked_at + self.caps.slowest[1]:
            return "less than {} bytes in {:g} s".format(*self.caps.slowest)
        return None

    def mark(self, count: int) -> None:
        self.received += count
        self.reads += 1
        if not self.marked_at or (self.caps.slowest and self.received >= self.caps.slowest[0]):
            self.marked_at, self.received = time.monotonic(), 0


class _Stream(httpcore.NetworkStream):
    """A stream whose every operation is held to the clock of its lane."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        found = self._stream.read(max_bytes, self._clock.left(httpcore.ReadTimeout))
        self._clock.mark(len(found))
        return found

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._clock.left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = self._clock.left(httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Judged(httpcore.NetworkBackend):
    """Connections to the very addresses that Reach let pass: a name is looked up once a connection, by us alone."""

    def __init__(self, reach: Reach, named: bool, clock: _Clock) -> None:
        self._reach, self._named, self._clock, self._inner = reach, named, clock, httpcore.SyncBackend()

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        try:
            found = self._reach.addresses(host, port, self._named)
        except OSError as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address, number in found:
            left = self._clock.left(httpcore.ConnectTimeout)
            try:
                stream = self._inner.connect_tcp(address, number, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return _Stream(stream, self._clock)
        raise failed


class Lane:
    """One connection to one origin, opened when needed and kept for the next request. Not for two threads at once."""

    def __init__(self, reach: Reach, named: bool, context: ssl.SSLContext) -> None:
        self._clock = _Clock()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context, max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0,
            network_backend=_Judged(reach, named, self._clock),
        )  # fmt: skip

    def send(self, request: httpx.Request, caps: Caps) -> Exchange:
        """Send a request and read the answer; what goes wrong is a fault of the exchange, never an exception."""
        self._clock.start(caps)
        answered, url = False, request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        raw = request.headers.raw
        try:
            with self._pool.stream(request.method, target, headers=raw, content=request.read()) as response:
                if not self._clock.reads:  # left over from the answer before, and believed by the parser
                    raise httpcore.RemoteProtocolError("an answer came before its question")
                answered = True
                headers = httpx.Headers(response.headers)
                body, fault = _body(response, headers, caps)
                return Exchange(response.status, headers, body, fault)
        except ForbiddenAddressError as error:
            return Exchange(fault=("forbidden_address", str(error)))
        except httpcore.TimeoutException as error:
            return Exchange(fault=("timeout", f"{type(error).__name__}: {self._clock.over() or error}"))
        except (httpcore.UnsupportedProtocol, httpcore.LocalProtocolError) as error:
            return Exchange(fault=("bad_url", f"{type(error).__name__}: {error}"))
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError) as error:
            broken = answered and isinstance(error, httpcore.RemoteProtocolError)
            return Exchange(fault=("truncated" if broken else "connection", f"{type(error).__name__}: {error}"))

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


class Lanes:
    """The connections that are idle, by origin; those to private places are no way to the same origin for anybody else."""

    def __init__(self, reach: Reach) -> None:
        self.certificates = httpx.create_ssl_context()
        self._reach, self._lock = reach, threading.Lock()
        self._idle: dict[tuple[str, bool], list[Lane]] = {}

    def send(self, origin: str, named: bool, request: httpx.Request, caps: Caps) -> Exchange:
        """Send over an idle connection of the origin, or a new one. `named` lets it lead to what is not public."""
        with self._lock:
            idle = self._idle.get((origin, named))
            lane = idle.pop() if idle else Lane(self._reach, named, self.certificates)
        try:
            return lane.send(request, caps)
        finally:
            self._keep((origin, named), lane)

    def _keep(self, key: tuple[str, bool], lane: Lane) -> None:
        with self._lock:
            self._idle[key] = [*self._idle.pop(key, []), lane]  # origins that were used last are closed last
            stale = self._idle.pop(next(iter(self._idle))) if len(self._idle) > MAX_ORIGINS else []
        for one in stale:
            one.close()

    def close(self) -> None:
        """Close all connections that are idle."""
        with self._lock:
            lanes = [lane for idle in self._idle.values() for lane in idle]
            self._idle.clear()
        for lane in lanes:
            lane.close()


def _body(response: httpcore.Response, headers: httpx.Headers, caps: Caps) -> tuple[bytes, tuple[str, str] | None]:
    if len(response.headers) > MAX_HEADERS:
        return b"", ("http_error", f"{len(response.headers)} headers, more than {MAX_HEADERS}")
    stated = headers.get("content-length", "")
    length = int(stated) if stated.isdecimal() else None
    if response.status in REDIRECTS:
        if length is not None and length <= MAX_REDIRECT_BYTES:
            response.read()
        return b"", None
    if caps.keep is None and length is not None and length > caps.max_bytes:
        return b"", ("too_large", f"{length} bytes stated, more than {caps.max_bytes}")
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity", *caps.encodings):
        return b"", ("http_error", f"Content-Encoding {encoding}, which was not asked for")
    return _unpacked(response, bool(encoding.endswith("gzip")), caps)


def _unpacked(response: httpcore.Response, packed: bool, caps: Caps) -> tuple[bytes, tuple[str, str] | None]:
    gunzip = zlib.decompressobj(31) if packed else None
    most = caps.keep or caps.max_bytes
    chunks: list[bytes] = []
    size = received = 0
    for raw in response.iter_stream():
        received += len(raw)
        try:  # a gzip stream that breaks off is not whole
            chunk = gunzip.decompress(raw, most + 1) if gunzip else raw
        except zlib.error as error:
            return b"", ("truncated", f"not gzip: {error}")
        chunks.append(chunk)
        size += len(chunk)
        if size > most and caps.keep is not None:
            return b"".join(chunks)[: caps.keep], None
        if size > most:
            return b"", ("too_large", f"more than {most} bytes")
    if gunzip and received and not gunzip.eof:
        return b"", ("truncated", "the gzip stream breaks off")
    return b"".join(chunks), None
