"""Web: asks politely, one address or many at once.

Belongs here: the way of a request, from its turn through tries and redirects to its answer. Does not belong here: how fast a
host is asked (pace.py), what it says against being asked (manners.py), where we may go (addresses.py), sockets (wire.py).

What waits (for a turn, a rest, a quota) is a task of one event loop, and thousands may wait; what is on the wire is a thread.
So that a host that is slow or rests holds up nobody but its own addresses.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import httpx

from entitynet_assets.folder_site import SCHEME, FolderSite
from entitynet_assets.web.addresses import Reach, host_of, place_of
from entitynet_assets.web.crowd import ASIDE, WORKERS, Crowd, Place, Way
from entitynet_assets.web.hops import answered, beside, outcome_of, redirected, used_up
from entitynet_assets.web.known import Known
from entitynet_assets.web.manners import PRODUCT, RULES_AGE_S, RULES_BYTES, Rules, reservations, robots_rules
from entitynet_assets.web.messages import PASSING, Answer, Request, rest_s, retry_after_s
from entitynet_assets.web.pace import MAX_PAUSE_S, Pace, backoff_s
from entitynet_assets.web.quota import QuotaFile
from entitynet_assets.web.wire import REDIRECTS, SLOWEST_BYTES, SLOWEST_S, Caps, Exchange, Lanes

T = TypeVar("T")
TDM = "/.well-known/tdmrep.json"
MAX_REDIRECTS = 5
DRAWN = 32  # requests drawn ahead for each that may be on the wire, so that a slow host's do not fill the way
HOSTS, ORIGINS = 50_000, 5_000  # whose pace, whose rules are remembered at most, but for those in use or in trouble
RETRIED = ("throttled", "timeout", "connection", "http_error", "truncated")


@dataclass
class _Origin:
    """The rules of one origin, asked for by the first that needs them."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rules: Rules | None = None
    asked_at: float = 0.0

    @property
    def idle(self) -> bool:
        """True if nobody is asking for its rules: forgotten, they would be asked for again."""
        return not self.lock.locked()


class Web:
    """A client that names its operator, asks no host for more than `per_host` at once and obeys what hosts say.

    `reach` says where it may go. `quotas` may be replaced by a file that other processes share.
    """

    def __init__(
        self, contact: str, *, per_host: int = 2, timeout_s: float = 30.0, max_bytes: int = 50_000_000, tries: int = 3,
        reach: Reach | None = None,
    ) -> None:  # fmt: skip
        self.user_agent = f"{PRODUCT}/{version('entitynet')} ({contact}) httpx/{httpx.__version__}"
        self.per_host, self.timeout_s, self.max_bytes, self.tries = per_host, timeout_s, max_bytes, tries
        self.reach, self.quotas = reach or Reach(), QuotaFile()
        self.slowest = (SLOWEST_BYTES, SLOWEST_S)
        self.rules_age_s = RULES_AGE_S
        self._folders: dict[str, FolderSite] = {}
        self._hosts = Known(lambda: Pace(self.per_host), HOSTS)
        self._origins = Known(_Origin, ORIGINS)
        self.lanes = Lanes(self.reach)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._threads = ThreadPoolExecutor(WORKERS + ASIDE, thread_name_prefix="web")

    def mount(self, sites: Iterable[FolderSite]) -> None:
        """Answer `folder://<name>/...` from these folders."""
        self._folders |= {site.name: site for site in sites}

    def ask(self, request: Request) -> Answer:
        """Ask once, again where a failure may pass; returns the last outcome with the number of tries."""
        asked = self._start(self._alone(request))
        try:
            return asked.result()
        except BaseException:
            asked.cancel()
            raise

    def ask_all(self, requests: Iterable[tuple[Any, Request]], workers: int = WORKERS) -> Iterator[tuple[Any, Answer]]:
        """Ask many at once; yields (tag, answer) as they come. Never holds more than `workers` + UNREAD answers and what is aside.

        A reader that stops early leaves the requests that were not begun.
        """
        crowd, waiting = Crowd(min(workers, WORKERS)), set[Future[None]]()
        open_ = 0
        try:
            for tag, request in requests:
                asked = self._start(self._deliver(tag, request, crowd))
                waiting.add(asked)
                asked.add_done_callback(waiting.discard)
                open_ += 1
                while open_ >= DRAWN * workers or not crowd.answers.empty():
                    open_ -= 1
                    yield self._taken(crowd)
            while open_:
                open_ -= 1
                yield self._taken(crowd)
        finally:
            for asked in list(waiting):
                asked.cancel()

    def _taken(self, crowd: Crowd) -> tuple[Any, Answer]:
        tag, answer = crowd.answers.get()
        if isinstance(answer, BaseException):
            raise answer
        assert self._loop is not None
        self._loop.call_soon_threadsafe(crowd.held.release)
        return tag, answer

    def _start(self, work: Coroutine[Any, Any, Any]) -> Future[Any]:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="web", daemon=True)
                self._thread.start()
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _alone(self, request: Request) -> Answer:
        return await self._ask(request, Way(Crowd(1), request.robots, self.tries))

    async def _deliver(self, tag: Any, request: Request, crowd: Crowd) -> None:
        try:
            way = Way(crowd, request.robots, self.tries)
            answer = await self._ask(request, way)
            await way.hold()
            crowd.answers.put((tag, answer))
        except BaseException as error:  # a fault of ours, or closed: whoever reads the answers must see it
            crowd.answers.put((tag, error))
            raise

    # -- one request -----------------------------------------------------------------------------------------------

    async def _ask(self, request: Request, way: Way) -> Answer:
        if request.url.startswith(f"{SCHEME}://"):
            await way.hold()
            return await self._in_thread(self._ask_folder, request)
        answer = Answer(request.url, "bad_url", "only absolute http(s) addresses are asked")
        tries = request.tries or way.tries
        for number in range(1, tries + 1):
            try:
                answer = await self._try(request, number, way)
            except (ValueError, httpx.InvalidURL) as error:  # an address that urllib or httpx cannot take apart
                answer = Answer(request.url, "bad_url", f"{type(error).__name__}: {error}", tries=number)
            passes = answer.outcome != "http_error" or (answer.status or 0) >= 500  # else it would say the same again
            if answer.outcome not in RETRIED or answer.left or not passes:
                break
            if number < tries:
                way.let_go()
            if number < tries and "retry-after" not in answer.headers:
                await asyncio.sleep(backoff_s(request.url, number))
        if answer.outcome in PASSING and answer.retry_after_s is None:
            wish = retry_after_s(answer.headers.get("retry-after", ""))
            answer = replace(answer, retry_after_s=rest_s(answer.tries) if wish is None else wish)
        return answer

    async def _try(self, request: Request, number: int, way: Way) -> Answer:
        """Ask once, from hop to hop."""
        hop, before = request, way.before
        for _ in range(MAX_REDIRECTS + 1):
            refusal = await self._refusal(hop, before, way)
            answer = refusal or await self._hop(hop, before, number, way)
            answer = replace(answer, url=request.url, tries=number)
            if answer.status not in REDIRECTS or answer.outcome != "http_error":
                return answer
            if not answer.headers.get("location"):
                return replace(answer, outcome="bad_url", reason=f"HTTP {answer.status} without Location")
            hop, before = redirected(hop, answer), hop.url
        return Answer(request.url, "too_many_redirects", f"more than {MAX_REDIRECTS}", tries=number)

    async def _hop(self, hop: Request, before: str | None, number: int, way: Way) -> Answer:
        """Wait for a turn of the host and for the quota, then ask one address."""
        pace, crowd = self._pace(hop.url), way.crowd
        named = self.reach.is_named(hop.url, way.picture, before)
        if refusal := await pace.enter():
            return refusal
        try:
            async with crowd.suspects if pace.failures else contextlib.nullcontext():
                while True:
                    async with Place(way, stranger=bool(pace.failures) or not pace.answered):
                        began_at = time.monotonic()
                        found = await self._in_thread(self._send, hop, named, way)
                    if isinstance(found, Exchange):
                        break
                    if found > MAX_PAUSE_S:
                        return used_up(hop, found)
                    way.let_go()
                    await asyncio.sleep(found)
            answer = answered(found, hop, number)
            if answer.outcome != "forbidden_address":
                pace.learn(answer, began_at)
            return answer
        finally:
            pace.leave()

    async def _in_thread(self, work: Callable[..., T], *args: Any) -> T:
        """Do blocking work; who is cancelled waits for its end, since the host is still being asked."""
        future = asyncio.get_running_loop().run_in_executor(self._threads, work, *args)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise

    # -- blocking, in a thread ---------------------------------------------------------------------------------------

    def _send(self, hop: Request, named: bool, way: Way) -> Exchange | float:
        """Ask over a lane of the origin; returns the seconds to wait where the quota is used up."""
        request = self._wire_request(hop, way)
        pause, number = self.quotas.take(hop.quota) if hop.quota is not None else (0.0, 0)
        if pause > 0:
            return pause
        slowest = self.slowest if way.picture and way.keep is None else None
        encodings = () if hop.robots else ("gzip", "x-gzip")
        caps = Caps(hop.timeout_s or self.timeout_s, self.max_bytes, slowest, way.keep, encodings)
        try:
            return self.lanes.send(f"{request.url.scheme}://{place_of(hop.url)}", named, request, caps)
        finally:
            if number:
                self.quotas.arrived(number)

    def _wire_request(self, hop: Request, way: Way) -> httpx.Request:
        url = hop.url
        if self.reach.is_reserved(urlsplit(url).hostname or ""):
            url = urlsplit(url)._replace(scheme="http").geturl()
        encoding = "identity" if hop.robots else "gzip"
        headers = httpx.Headers({"User-Agent": self.user_agent, "Accept": "*/*", "Accept-Encoding": encoding})
        headers.update(dict(hop.headers))
        return httpx.Request(
            "GET" if hop.form is None and hop.json is None else "POST", url, params=dict(hop.params) or None,
            headers=headers, data=None if hop.form is None else dict(hop.form), json=hop.json,
        )  # fmt: skip

    def _ask_folder(self, request: Request) -> Answer:
        parts = urlsplit(request.url)
        site = self._folders.get(parts.netloc)
        if site is None:
            known = ", ".join(self._folders) or "none"
            return Answer(request.url, "bad_url", f"no folder {parts.netloc!r}; the study's folders: {known}")
        reply = site.answer(unquote(parts.path), request.params, request.headers)
        if len(reply.body) > self.max_bytes:
            return Answer(request.url, "too_large", f"more than {self.max_bytes} bytes", reply.status)
        outcome, reason = outcome_of(reply.status, httpx.Headers(dict(reply.headers)), request)
        return Answer(request.url, outcome, reason, reply.status, reply.headers, reply.body)

    # -- manners ---------------------------------------------------------------------------------------------------

    def _pace(self, url: str) -> Pace:
        return self._hosts[host_of(url)]

    async def _refusal(self, hop: Request, before: str | None, way: Way) -> Answer | None:
        """Return why an address is not asked: it is not ours to ask, or the host's rules forbid it."""
        if fault := self.reach.fault(hop.url, way.picture, before):
            return Answer(hop.url, "forbidden_address", fault)
        if not hop.robots:
            return None
        origin = self._origins[f"{urlsplit(hop.url).scheme}://{place_of(hop.url)}"]
        async with origin.lock:
            if origin.rules is None or time.monotonic() - origin.asked_at > self.rules_age_s:
                origin.rules, origin.asked_at = await self._rules(hop.url, before, way), time.monotonic()
        refusal = origin.rules.refusal_of(hop.url)
        return Answer(hop.url, *refusal, left=True) if refusal else None

    async def _rules(self, url: str, before: str | None, way: Way) -> Rules:
        """RFC 9309: absent or refused rules allow all, a failing server forbids all; one that is away is asked another run."""
        answer = await self._ask_rules(url, "/robots.txt", before, way, self.tries)
        if answer.ok:
            rules = robots_rules(answer.body)
            pace = self._pace(url)
            pace.least_gap_s = max(pace.least_gap_s, min(rules.delay_s, MAX_PAUSE_S))
        else:
            why = f"robots.txt: {answer.outcome} ({answer.reason})"
            nowhere = answer.outcome == "bad_url" and answer.status is None
            if nowhere or answer.outcome in (*PASSING, "forbidden_address"):
                return Rules(refusal=(answer.outcome, why))
            absent = answer.outcome == "too_many_redirects" or (answer.status or 0) // 100 == 4
            rules = Rules(refusal=None if absent else ("robots", why))
        if rules.refusal_of(beside(url, TDM)) is None:
            answer = await self._ask_rules(url, TDM, before, way, 1)
            rules.reserved = reservations(answer.body) if answer.ok else []
        return rules

    async def _ask_rules(self, url: str, path: str, before: str | None, way: Way, tries: int) -> Answer:
        return await self._ask(Request(beside(url, path)), Way(way.crowd, True, tries, before, RULES_BYTES))

    def close(self) -> None:
        """Close all connections; what is on the wire comes to its end first."""
        if self._loop is not None and self._thread is not None:
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None
        self._threads.shutdown()
        self.lanes.close()
        self.quotas.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
