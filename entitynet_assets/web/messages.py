"""What is asked of the internet and what comes of it, as values.

Belongs here: Request, Answer, and how long an address should rest. Does not belong here: asking (client.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from entitynet_assets.web.quota import Quota

PASSING = ("throttled", "timeout", "connection")  # worth another run, when the network or the host may be back
REST_S, MAX_REST_S = 60.0, 86_400.0  # an address that failed rests a minute for its first try, and no longer than a day


@dataclass(frozen=True)
class Request:
    """What to ask; a `form` or a `json` body is posted. `timeout_s` and `tries` stand in for the client's own.

    `robots` is for pictures and pages: all that a host says against harvesting is obeyed. Interfaces that invite programs are
    asked without it; they often mark their answers noindex, for search engines.
    `busy` says of a whole body that it only asks us to come again later, as some hosts do with a status of 200.
    `quota` is taken from before every try.
    """

    url: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Mapping[str, Any] | None = None
    robots: bool = False
    busy: Callable[[bytes], bool] | None = None
    timeout_s: float | None = None
    tries: int | None = None
    quota: Quota | None = None


@dataclass(frozen=True)
class Answer:
    """What came of asking: `outcome` is `ok`, `unchanged` (304) or a reason from tables.DOWNLOAD_OUTCOMES.

    `left` says that asking again in this run is no use: the host wants a long rest, or its rules could not be had.
    `retry_after_s` is for outcomes in PASSING: the seconds for which the address should rest, from now.
    """

    url: str
    outcome: str
    reason: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    tries: int = 1
    left: bool = False
    retry_after_s: float | None = None

    @property
    def ok(self) -> bool:
        """True if there is a whole body."""
        return self.outcome == "ok"


def retry_after_s(value: str) -> float | None:
    """Return the seconds that a Retry-After header asks for, from now; None if it says nothing. Both forms of RFC 9110."""
    if re.fullmatch(r"[0-9]{1,15}", value.strip()):
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())


def rest_s(tries: int) -> float:
    """Return the seconds for which an address should rest that failed `tries` times: a minute, doubled with every further try."""
    return min(MAX_REST_S, REST_S * 2.0 ** min(tries - 1, 30))
