"""Pace: how fast one host is asked, learnt from how it answers; and when it is asked no more in this run.

Belongs here: connections at once, the pause between requests, rests that the host asked for, quarantine. Does not belong
here: what is asked (client.py), what a key grants (quota.py).

`width` is the share of the host that we take: 2.0 is two requests at once, 0.25 is one request at a time that is followed by a
pause three times as long. It is halved when the host is throttled, overloaded (429, 503) or silent, and grows by one with
every 50 answers up to the study's `per_host`: additive increase, multiplicative decrease (Chiu and Jain 1989).
"""

from __future__ import annotations

import asyncio
import random
import time

from entitynet_assets.web.messages import PASSING, Answer, retry_after_s

MAX_PAUSE_S = 120.0  # a host that asks for longer is left for the next run
BACKOFF_S = 0.25
GROWTH, MIN_WIDTH = 1 / 50, 1 / 64
MIN_LATENCY_S = 0.05  # what a pause is measured by where the host answers faster
QUARANTINE, QUARANTINE_REST_S = (
    20,
    3600.0,
)  # failures in a row that end a host's run; how long its addresses should rest
OPT_OUTS = 10  # answers in a row that opted out, after which the host is not asked for more


class Pace:
    """The turns of one host. Used by one event loop; `cap` is the number of requests at once that is never exceeded."""

    def __init__(self, cap: int) -> None:
        self.cap, self.width = cap, float(cap)
        self.resume_at = self.next_at = 0.0
        self.failures = self.opt_outs = 0
        self.answered = False
        self.least_gap_s = 0.0  # what robots.txt asks for (Crawl-delay)
        self._latency_s, self._cut_at, self._active, self._waiting = MIN_LATENCY_S, 0.0, 0, 0
        self._door, self._freed = asyncio.Lock(), asyncio.Event()
        self._closed: Answer | None = None

    async def enter(self) -> Answer | None:
        """Wait for a turn, first come first served; returns None, or why there will be none in this run."""
        self._waiting += 1
        try:
            return await self._enter()
        finally:
            self._waiting -= 1

    async def _enter(self) -> Answer | None:
        async with self._door:
            while True:
                pause = max(self.resume_at, self.next_at) - time.monotonic()
                if refusal := self._refusal():
                    return refusal
                if self._active >= max(1, int(self.width)):
                    self._freed.clear()
                    await self._freed.wait()
                elif pause > 0:
                    await asyncio.sleep(pause)
                else:
                    break
            self._active += 1
            self.next_at = time.monotonic() + self.gap_s
            return None

    def leave(self) -> None:
        """Give the turn back."""
        self._active -= 1
        self._freed.set()

    @property
    def idle(self) -> bool:
        """True if nobody has or waits for a turn and nothing is known of the host that a new pace would not know."""
        unused = not self._active and not self._waiting and self._closed is None
        untroubled = not self.failures and not self.opt_outs and self.width >= self.cap and not self.least_gap_s
        return unused and untroubled and max(self.resume_at, self.next_at) <= time.monotonic()

    @property
    def gap_s(self) -> float:
        """Return the seconds between two requests: none while the host bears one after the other."""
        return max(self.least_gap_s, self._latency_s / self.width if self.width < 1 else 0.0)

    def _refusal(self) -> Answer | None:
        if self._closed is not None:
            return self._closed
        rest = self.resume_at - time.monotonic()
        if rest <= MAX_PAUSE_S:
            return None
        reason = f"the host asked for a rest of more than {MAX_PAUSE_S:g} s"
        return Answer("", "throttled", reason, left=True, retry_after_s=rest)

    def learn(self, answer: Answer, began_at: float) -> None:
        """Take in what came of a request that began at a time of the monotonic clock."""
        overloaded = answer.outcome in ("throttled", "timeout") or answer.status == 503
        if overloaded and began_at >= self._cut_at:  # what was under way when we slowed down is no second reason
            self.width, self._cut_at = max(MIN_WIDTH, self.width / 2), time.monotonic()
        self._rest(answer)
        if answer.outcome in (*PASSING, "truncated") or (answer.status or 0) >= 500:
            self._fail(answer)
            return
        self.failures, self.answered = 0, True
        self._latency_s = max(MIN_LATENCY_S, 0.9 * self._latency_s + 0.1 * (time.monotonic() - began_at))
        self.width = min(self.cap, self.width + GROWTH)
        if answer.outcome in ("ok", "opted_out"):
            self.opt_outs = self.opt_outs + 1 if answer.outcome == "opted_out" else 0
        if self.opt_outs >= OPT_OUTS and self._closed is None:
            reason = f"{self.opt_outs} answers in a row opted out, the host is asked no more: {answer.reason}"
            self._closed = Answer("", "opted_out", reason, left=True)

    def _fail(self, answer: Answer) -> None:
        self.failures += 1
        if self.failures < QUARANTINE or self._closed is not None:
            return
        what = f"{answer.outcome} ({answer.reason})"
        reason = f"quarantine: {self.failures} failures of the host in a row, the last {what}"
        self._closed = Answer("", "throttled", reason, left=True, retry_after_s=QUARANTINE_REST_S)

    def _rest(self, answer: Answer) -> None:
        pause = retry_after_s(answer.headers.get("retry-after", ""))
        if answer.outcome == "throttled" or (answer.outcome == "http_error" and pause is not None):
            pause = BACKOFF_S * 2 ** (answer.tries - 1) if pause is None else pause
            self.resume_at = max(self.resume_at, time.monotonic() + pause)


def backoff_s(url: str, tries: int) -> float:
    """Return the pause before another try of an address: 0.25 s, doubled with every try, give or take a half.

    So addresses that failed together do not come again together; the chance is the address's own and the same in every run.
    """
    return BACKOFF_S * 2 ** (tries - 1) * random.Random(f"{url} {tries}").uniform(0.5, 1.5)
