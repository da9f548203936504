"""The door to the internet: one polite client; every outcome is a value, never an exception.

Belongs here: identification, pace per host, Retry-After, deadlines, byte caps, redirects, robots.txt, opt-out headers, and
folders of this machine that are asked like hosts.
Does not belong here: what an answer means (graph/, hits/, images/), where it is kept (lake.py).
"""

from __future__ import annotations

import re
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx
from protego import Protego

from entitynet_assets.folder_site import SCHEME, FolderSite
from entitynet_assets.web.messages import PASSING, Answer, Request, rest_s, retry_after_s
from entitynet_assets.web.quota import Quota, QuotaFile

MAX_REDIRECTS = 5
PRODUCT = "entitynet"  # our token in robots.txt
BACKOFF_S = 0.25
MAX_PAUSE_S = 120.0  # a host that asks for longer is left for the next run
RETRIED = ("throttled", "timeout", "connection", "http_error", "truncated")
OPT_OUT = ("noai", "noimageai", "noindex", "noimageindex", "none")  # "none" says noindex and nofollow
VALIDATORS = ("if-none-match", "if-modified-since")
SHARED = ("accept", *VALIDATORS)  # headers that may follow a redirect to another host; a key may not
REDIRECTS = (301, 302, 303, 307, 308)
_BY_STATUS = {404: "not_found", 410: "gone", 401: "forbidden", 403: "forbidden", 451: "forbidden", 429: "throttled"}


@dataclass
class _Host:
    slots: threading.Semaphore
    resume_at: float = 0.0


@dataclass
class _Rules:
    """robots.txt of one origin: `rules` None allows all; `refusal` is why nothing is asked of it."""

    asked: bool = False
    rules: Protego | None = None
    refusal: tuple[str, str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


class Web:
    """A client that names its operator, keeps to `per_host` connections a host and obeys what hosts ask.

    `resolve` maps a reserved top-level domain (".test") to "address:port" on this machine, for the sample world alone.
    """

    def __init__(
        self, contact: str, *, per_host: int = 2, timeout_s: float = 30.0, max_bytes: int = 50_000_000, tries: int = 3,
        resolve: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.user_agent = f"{PRODUCT}/{version('entitynet')} ({contact}) httpx/{httpx.__version__}"
        self.per_host, self.timeout_s, self.max_bytes, self.tries = per_host, timeout_s, max_bytes, tries
        self.quotas = QuotaFile()
        self._resolve = dict(resolve or {})
        self._folders: dict[str, FolderSite] = {}
        self._client = httpx.Client(
            headers={"User-Agent": self.user_agent, "Accept-Encoding": "gzip"}, timeout=timeout_s, trust_env=not self._resolve,
            limits=httpx.Limits(max_connections=16 * per_host, max_keepalive_connections=16 * per_host),
        )  # fmt: skip
        self._hosts: dict[str, _Host] = {}
        self._rules: dict[str, _Rules] = {}
        self._lock = threading.Lock()

    def mount(self, sites: Iterable[FolderSite]) -> None:
        """Answer `folder://<name>/...` from these folders."""
        self._folders |= {site.name: site for site in sites}

    def ask(self, request: Request) -> Answer:
        """Ask once, again where a failure may pass; returns the last outcome with the number of tries."""
        if request.url.startswith(f"{SCHEME}://"):
            return self._ask_folder(request)
        answer = Answer(request.url, "bad_url", "only absolute http(s) addresses are asked")
        for number in range(1, self.tries + 1):
            try:
                answer = self._ask_once(request, number)
            except (ValueError, httpx.InvalidURL) as error:  # an address that urllib or httpx cannot take apart
                return Answer(request.url, "bad_url", f"{type(error).__name__}: {error}", tries=number)
            refused = (
                answer.outcome == "http_error" and (answer.status or 500) < 500
            )  # asked again it would say the same
            if answer.outcome in PASSING and answer.retry_after_s is None:
                wish = retry_after_s(answer.headers.get("retry-after", ""))
                answer = replace(answer, retry_after_s=rest_s(number) if wish is None else wish)
            if answer.outcome not in RETRIED or answer.left or refused:
                break
            if number < self.tries and "retry-after" not in answer.headers:
                time.sleep(BACKOFF_S * 2 ** (number - 1))
        return answer

    def ask_all(self, requests: Iterable[tuple[Any, Request]], workers: int = 16) -> Iterator[tuple[Any, Answer]]:
        """Ask many at once; yields (tag, answer) as they come. Never holds more than `4 x workers` answers.

        A reader that stops early leaves the requests that were not begun.
        """
        pool = ThreadPoolExecutor(workers, thread_name_prefix="web")
        waiting: dict[Any, Any] = {}
        try:
            for tag, request in requests:
                waiting[pool.submit(self.ask, request)] = tag
                if len(waiting) >= 4 * workers:
                    yield from self._finished(waiting)
            while waiting:
                yield from self._finished(waiting)
        finally:
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _finished(waiting: dict[Any, Any]) -> Iterator[tuple[Any, Answer]]:
        done, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in done:
            yield waiting.pop(future), future.result()

    def _ask_folder(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        site = self._folders.get(parts.netloc)
        if site is None:
            known = ", ".join(self._folders) or "none"
            return Answer(request.url, "bad_url", f"no folder {parts.netloc!r}; the study's folders: {known}")
        reply = site.answer(unquote(parts.path), request.params, request.headers)
        if len(reply.body) > self.max_bytes:
            return Answer(request.url, "too_large", f"more than {self.max_bytes} bytes", reply.status)
        outcome, reason = _outcome(httpx.Response(reply.status, headers=dict(reply.headers)), request)
        return Answer(request.url, outcome, reason, reply.status, reply.headers, reply.body)

    # -- one request -----------------------------------------------------------------------------------------------

    def _ask_once(self, request: Request, number: int) -> Answer:
        hop = request
        for _ in range(MAX_REDIRECTS + 1):
            host = self._host(hop.url)
            if refusal := self._refusal(hop):
                outcome, reason = refusal
                return Answer(request.url, outcome, reason, tries=number, left=True)
            with host.slots:
                if not self._rested(host):
                    reason = f"the host asked for a rest of more than {MAX_PAUSE_S:g} s"
                    rest = host.resume_at - time.monotonic()
                    return Answer(request.url, "throttled", reason, tries=number, left=True, retry_after_s=rest)
                if hop.quota and (pause := self._taken(hop.quota)) > 0:
                    limits = ", ".join(str(limit) for limit in hop.quota.limits)
                    reason = f"quota {hop.quota.name} is used up ({limits}), free again in {pause:.0f} s"
                    return Answer(request.url, "throttled", reason, tries=number, left=True, retry_after_s=pause)
                answer = self._send(hop, request.url, number)
                self._let_rest(host, answer)
            if answer.status not in REDIRECTS:
                return answer
            if not answer.headers.get("location"):
                return Answer(
                    request.url, "bad_url", f"HTTP {answer.status} without Location", answer.status, tries=number
                )
            hop = _redirected(hop, answer)
        return Answer(request.url, "too_many_redirects", f"more than {MAX_REDIRECTS}", tries=number)

    def _send(self, hop: Request, url: str, number: int) -> Answer:
        deadline = time.monotonic() + self.timeout_s  # from here: waiting for a turn is no fault of the host
        target, headers = self._target(hop.url, hop.headers)
        response = None
        try:
            with self._client.stream(
                "GET" if hop.form is None and hop.json is None else "POST", target, params=dict(hop.params) or None,
                headers=headers, data=dict(hop.form) if hop.form is not None else None, json=hop.json,
            ) as response:  # fmt: skip
                body, fault = self._body(response, deadline)
        except httpx.TimeoutException as error:
            return Answer(url, "timeout", type(error).__name__, tries=number)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
            return Answer(url, "bad_url", f"{type(error).__name__}: {error}", tries=number)
        except httpx.HTTPError as error:
            broken = isinstance(error, httpx.RemoteProtocolError) and response is not None
            outcome = "truncated" if broken else "bad_url" if "in location header" in str(error) else "connection"
            return Answer(url, outcome, f"{type(error).__name__}: {error}", tries=number)
        outcome, reason = fault or _outcome(response, hop)
        return Answer(url, outcome, reason, response.status_code, dict(response.headers), body, number)

    def _body(self, response: httpx.Response, deadline: float) -> tuple[bytes, tuple[str, str] | None]:
        stated = response.headers.get("content-length", "")
        if stated.isdecimal() and int(stated) > self.max_bytes:
            return b"", ("too_large", f"{stated} bytes stated, more than {self.max_bytes}")
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            return b"", ("http_error", f"Content-Encoding {encoding}, which was not asked for")
        gunzip = zlib.decompressobj(31) if encoding.endswith("gzip") else None
        chunks, size = [], 0
        for raw in response.iter_raw():
            try:  # httpx takes a gzip stream that breaks off for whole
                chunk = gunzip.decompress(raw, self.max_bytes + 1) if gunzip else raw
            except zlib.error as error:
                return b"", ("truncated", f"not gzip: {error}")
            size += len(chunk)
            if size > self.max_bytes:
                return b"", ("too_large", f"more than {self.max_bytes} bytes")
            if time.monotonic() > deadline:
                return b"", ("timeout", f"not whole after {self.timeout_s:g} s")
            chunks.append(chunk)
        if gunzip and response.num_bytes_downloaded and not gunzip.eof:
            return b"", ("truncated", "the gzip stream breaks off")
        return b"".join(chunks), None

    def _target(self, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        parts = urlsplit(url)
        local = self._resolve.get("." + (parts.hostname or "").rsplit(".", 1)[-1])
        if local is None:
            return url, dict(headers)
        named = parts.netloc.rpartition("@")[2].encode("idna").decode()
        return parts._replace(scheme="http", netloc=local).geturl(), {**headers, "Host": named}

    # -- manners ---------------------------------------------------------------------------------------------------

    def _host(self, url: str) -> _Host:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("only absolute http(s) addresses are asked")
        with self._lock:
            return self._hosts.setdefault(_place(url), _Host(threading.Semaphore(self.per_host)))

    def _rested(self, host: _Host) -> bool:
        """Wait as long as the host asked for; False if that is too long for this run."""
        while (pause := host.resume_at - time.monotonic()) > 0:
            if pause > MAX_PAUSE_S:
                return False
            time.sleep(pause)
        return True

    def _taken(self, quota: Quota) -> float:
        """Take from a quota, waiting for it if need be; returns 0, or the seconds until it is free if they are too many."""
        while (pause := self.quotas.take(quota)) > 0:
            if pause > MAX_PAUSE_S:
                return pause
            time.sleep(pause)
        return 0.0

    @staticmethod
    def _let_rest(host: _Host, answer: Answer) -> None:
        pause = retry_after_s(answer.headers.get("retry-after", ""))
        if answer.outcome == "throttled" or (answer.outcome == "http_error" and pause is not None):
            pause = BACKOFF_S * 2 ** (answer.tries - 1) if pause is None else pause
            host.resume_at = max(host.resume_at, time.monotonic() + pause)

    def _refusal(self, request: Request) -> tuple[str, str] | None:
        """Return why the host's robots.txt keeps us from asking, or None. Asked once an origin."""
        if not request.robots:
            return None
        origin = f"{urlsplit(request.url).scheme}://{_place(request.url)}"
        with self._lock:
            rules = self._rules.setdefault(origin, _Rules())
        with rules.lock:
            if not rules.asked:
                rules.rules, rules.refusal = self._robots(request.url)
                rules.asked = True
        if rules.refusal is None and rules.rules and not rules.rules.can_fetch(request.url, PRODUCT):
            return "robots", "robots.txt of the host forbids it"
        return rules.refusal

    def _robots(self, url: str) -> tuple[Protego | None, tuple[str, str] | None]:
        """RFC 9309: absent or refused rules allow all, a failing server forbids all; one that is away is asked another run."""
        parts = urlsplit(url)
        answer = self.ask(Request(parts._replace(path="/robots.txt", query="", fragment="").geturl()))
        if answer.ok:
            return Protego.parse(answer.body[:500_000].decode("utf-8-sig", "replace")), None
        why = f"robots.txt: {answer.outcome} ({answer.reason})"
        if answer.outcome in PASSING:
            return None, (answer.outcome, why)
        absent = answer.outcome == "too_many_redirects" or (answer.status or 0) // 100 == 4
        return None, None if absent else ("robots", why)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()
        self.quotas.close()


def _place(url: str) -> str:
    """Return the host and port of an address, however it is spelled; a user name makes no other host."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)}"


def _redirected(hop: Request, answer: Answer) -> Request:
    """Return the next hop: Location says all of the address, a form is sent on only where the status says so."""
    url = urljoin(hop.url, answer.headers["location"])
    same = _place(url) == _place(hop.url)
    headers = {name: value for name, value in hop.headers.items() if same or name.lower() in SHARED}
    body = {"form": hop.form, "json": hop.json} if answer.status in (307, 308) else {}
    return Request(url, headers=headers, robots=hop.robots, quota=hop.quota, **body)


def _outcome(response: httpx.Response, hop: Request) -> tuple[str, str | None]:
    status = response.status_code
    if status == 304 and any(name.lower() in VALIDATORS for name in hop.headers):
        return "unchanged", None
    if status in _BY_STATUS:
        return _BY_STATUS[status], f"HTTP {status}"
    if not 200 <= status < 300:
        return "http_error", f"HTTP {status}"
    said = response.headers.get("x-robots-tag", "") if hop.robots else ""
    refused = sorted(set(re.split(r"[\s,;:]+", said.lower())) & set(OPT_OUT))
    return ("opted_out", f"X-Robots-Tag: {', '.join(refused)}") if refused else ("ok", None)
