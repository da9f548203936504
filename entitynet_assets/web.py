"""The door to the internet: one polite client; every outcome is a value, never an exception.

Belongs here: identification, pace per host, Retry-After, deadlines, byte caps, redirects, robots.txt, opt-out headers.
Does not belong here: what an answer means (graph/, hits/, images/), where it is kept (lake.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from protego import Protego

MAX_REDIRECTS = 5
MAX_PAUSE_S = 120.0  # a host that asks for longer is left for the next run
RETRIED = ("throttled", "timeout", "connection", "http_error", "truncated")
PASSING = ("throttled", "timeout", "connection")  # worth another run, when the network or the host may be back
OPT_OUT = ("noai", "noimageai", "noindex", "noimageindex")
_BY_STATUS = {404: "not_found", 410: "gone", 401: "forbidden", 403: "forbidden", 451: "forbidden", 429: "throttled"}


@dataclass(frozen=True)
class Request:
    """What to ask. `robots` is for pictures and pages; interfaces that invite programs are asked without it."""

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    robots: bool = False


@dataclass(frozen=True)
class Answer:
    """What came of asking: `outcome` is `ok`, `unchanged` (304) or a reason from tables.DOWNLOAD_OUTCOMES."""

    url: str
    outcome: str
    reason: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    tries: int = 1

    @property
    def ok(self) -> bool:
        """True if there is a whole body."""
        return self.outcome == "ok"


@dataclass
class _Host:
    slots: threading.Semaphore
    resume_at: float = 0.0
    robots: Protego | None = None
    robots_asked: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Web:
    """A client that names its operator, keeps to `per_host` connections a host and obeys what hosts ask.

    `resolve` maps a reserved top-level domain (".test") to "address:port" on this machine, for the sample world alone.
    """

    def __init__(
        self, contact: str, *, per_host: int = 2, timeout_s: float = 30.0, max_bytes: int = 50_000_000, tries: int = 3,
        resolve: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.user_agent = f"entitynet/{version('entitynet')} ({contact}) httpx/{httpx.__version__}"
        self.per_host, self.timeout_s, self.max_bytes, self.tries = per_host, timeout_s, max_bytes, tries
        self._resolve = dict(resolve or {})
        self._client = httpx.Client(
            headers={"User-Agent": self.user_agent}, timeout=timeout_s, trust_env=not self._resolve,
            limits=httpx.Limits(max_connections=16 * per_host, max_keepalive_connections=16 * per_host),
        )  # fmt: skip
        self._hosts: dict[str, _Host] = {}
        self._lock = threading.Lock()

    def ask(self, request: Request) -> Answer:
        """Ask once, again where a failure may pass; returns the last outcome with the number of tries."""
        answer = Answer(request.url, "bad_url", "only absolute http(s) addresses are asked")
        for number in range(1, self.tries + 1):
            answer = self._ask_once(request, number)
            if answer.outcome not in RETRIED:
                break
            if number < self.tries:
                self._pause_host(request.url, answer, number)
        return answer

    def ask_all(self, requests: Iterable[tuple[Any, Request]], workers: int = 16) -> Iterator[tuple[Any, Answer]]:
        """Ask many at once; yields (tag, answer) as they come. Never holds more than `4 x workers` answers."""
        with ThreadPoolExecutor(workers, thread_name_prefix="web") as pool:
            waiting: dict[Any, Any] = {}
            for tag, request in requests:
                waiting[pool.submit(self.ask, request)] = tag
                if len(waiting) >= 4 * workers:
                    yield from self._finished(waiting)
            while waiting:
                yield from self._finished(waiting)

    @staticmethod
    def _finished(waiting: dict[Any, Any]) -> Iterator[tuple[Any, Answer]]:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield waiting.pop(future), future.result()

    # -- one request -----------------------------------------------------------------------------------------------

    def _ask_once(self, request: Request, number: int) -> Answer:
        deadline = time.monotonic() + self.timeout_s
        url = request.url
        for _ in range(MAX_REDIRECTS + 1):
            try:
                host = self._host(url)
            except ValueError as error:
                return Answer(request.url, "bad_url", str(error), tries=number)
            if request.robots and not self._allowed(url, host):
                return Answer(request.url, "robots", "robots.txt of the host forbids it", tries=number)
            with host.slots:
                self._wait_for(host)
                answer = self._send(request, url, deadline, number)
            if answer.status not in (301, 302, 303, 307, 308):
                return answer
            url = urljoin(url, answer.headers.get("location", ""))
        return Answer(request.url, "too_many_redirects", f"more than {MAX_REDIRECTS}", tries=number)

    def _send(self, request: Request, url: str, deadline: float, number: int) -> Answer:
        target, headers = self._target(url, request.headers)
        try:
            with self._client.stream(
                "POST" if request.form is not None else "GET", target, params=dict(request.params) or None,
                headers=headers, data=dict(request.form) if request.form is not None else None,
            ) as response:  # fmt: skip
                body, fault = self._body(response, deadline)
        except httpx.TimeoutException as error:
            return Answer(request.url, "timeout", type(error).__name__, tries=number)
        except httpx.RemoteProtocolError as error:
            return Answer(request.url, "truncated", str(error), tries=number)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            return Answer(request.url, "connection", f"{type(error).__name__}: {error}", tries=number)
        outcome, reason = fault or _outcome(response)
        return Answer(request.url, outcome, reason, response.status_code, dict(response.headers), body, number)

    def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, tuple[str, str] | None]:
        chunks, size = [], 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self.max_bytes:
                return b"", ("too_large", f"more than {self.max_bytes} bytes")
            if time.monotonic() > deadline:
                return b"", ("timeout", f"not whole after {self.timeout_s:g} s")
            chunks.append(chunk)
        return b"".join(chunks), None

    def _target(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        parts = urlsplit(url)
        local = self._resolve.get("." + (parts.hostname or "").rsplit(".", 1)[-1])
        if local is None:
            return url, dict(headers)
        return parts._replace(scheme="http", netloc=local).geturl(), {**headers, "Host": parts.netloc}

    # -- manners ---------------------------------------------------------------------------------------------------

    def _host(self, url: str) -> _Host:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("only absolute http(s) addresses are asked")
        with self._lock:
            return self._hosts.setdefault(parts.netloc, _Host(threading.Semaphore(self.per_host)))

    def _wait_for(self, host: _Host) -> None:
        pause = host.resume_at - time.monotonic()
        if pause > 0:
            time.sleep(min(pause, MAX_PAUSE_S))

    def _pause_host(self, url: str, answer: Answer, number: int) -> None:
        asked = answer.headers.get("retry-after", "")
        pause = float(asked) if asked.isdigit() else 0.25 * 2 ** (number - 1)
        host = self._host(url)
        resume_at = time.monotonic() + min(pause, MAX_PAUSE_S)
        if answer.outcome == "throttled":
            host.resume_at = max(host.resume_at, resume_at)
        else:
            time.sleep(min(pause, MAX_PAUSE_S))

    def _allowed(self, url: str, host: _Host) -> bool:
        """RFC 9309: absent or refused rules allow all, a failing server forbids all until it answers."""
        with host.lock:
            if not host.robots_asked:
                host.robots, host.robots_asked = self._robots(url), True
        return host.robots is None or host.robots.can_fetch(url, "entitynet")

    def _robots(self, url: str) -> Protego | None:
        parts = urlsplit(url)
        answer = self.ask(Request(parts._replace(path="/robots.txt", query="", fragment="").geturl()))
        if answer.ok:
            return Protego.parse(answer.body[:500_000].decode("utf-8", "replace"))
        absent = answer.status is not None and 400 <= answer.status < 500 and answer.status != 429
        return None if absent else Protego.parse("User-agent: *\nDisallow: /")

    def close(self) -> None:
        """Close all connections."""
        self._client.close()


def _outcome(response: httpx.Response) -> tuple[str, str | None]:
    status = response.status_code
    if status == 304:
        return "unchanged", None
    if status in _BY_STATUS:
        return _BY_STATUS[status], f"HTTP {status}"
    if not 200 <= status < 400:
        return "http_error", f"HTTP {status}"
    directives = {
        part.strip().lower() for part in response.headers.get("x-robots-tag", "").replace(":", ",").split(",")
    }
    refused = sorted(directives & set(OPT_OUT))
    return ("opted_out", f"X-Robots-Tag: {', '.join(refused)}") if refused else ("ok", None)
