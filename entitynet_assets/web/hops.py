"""Hops: what an exchange comes to, and where a redirect leads.

Belongs here: pure rules over status, headers and addresses. Does not belong here: asking (client.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from entitynet_assets.web.addresses import place_of
from entitynet_assets.web.manners import opt_out
from entitynet_assets.web.messages import Answer, Request
from entitynet_assets.web.wire import Exchange

VALIDATORS = ("if-none-match", "if-modified-since")
SHARED = ("accept", *VALIDATORS)  # headers that may follow a redirect to another host; a key may not
_BY_STATUS = {404: "not_found", 410: "gone", 401: "forbidden", 403: "forbidden", 451: "forbidden", 429: "throttled"}


def beside(url: str, path: str) -> str:
    """Return the address of another path on the same origin."""
    return urlsplit(url)._replace(path=path, query="", fragment="").geturl()


def used_up(hop: Request, pause: float) -> Answer:
    """Return the answer of a request whose quota is used up for so many seconds."""
    assert hop.quota is not None
    limits = ", ".join(str(limit) for limit in hop.quota.limits)
    reason = f"quota {hop.quota.name} is used up ({limits}), free again in {pause:.0f} s"
    return Answer(hop.url, "throttled", reason, left=True, retry_after_s=pause)


def redirected(hop: Request, answer: Answer) -> Request:
    """Return the next hop: Location says all of the address, a body is sent on only where the status says so."""
    url = urljoin(hop.url, answer.headers["location"])
    same = place_of(url) == place_of(hop.url)
    headers = {name: value for name, value in hop.headers.items() if same or name.lower() in SHARED}
    posted: dict[str, Any] = {} if answer.status in (307, 308) else {"form": None, "json": None}
    return replace(hop, url=url, params={}, headers=headers, **posted)


def outcome_of(status: int, headers: httpx.Headers, hop: Request) -> tuple[str, str | None]:
    """Return outcome and reason of a whole answer."""
    if status == 304 and any(name.lower() in VALIDATORS for name in hop.headers):
        return "unchanged", None
    if status in _BY_STATUS:
        return _BY_STATUS[status], f"HTTP {status}"
    if not 200 <= status < 300:
        return "http_error", f"HTTP {status}"
    refused = opt_out(headers) if hop.robots else None
    return ("opted_out", refused) if refused else ("ok", None)


def answered(found: Exchange, hop: Request, number: int) -> Answer:
    """Return what the `number`-th try came to."""
    outcome, reason = found.fault or outcome_of(found.status or 0, found.headers, hop)
    if outcome == "ok" and hop.busy is not None and hop.busy(found.body):
        outcome, reason = "throttled", "the answer asks us to come again later"
    body = b"" if outcome == "opted_out" else found.body
    return Answer(hop.url, outcome, reason, found.status, dict(found.headers), body, number)
