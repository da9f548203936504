"""One download: which addresses are due, and what its answer comes to.

Belongs here: pure decisions over the ledger and an answer. Does not belong here: asking (web.py), decoding (decoders.py),
storing (lake.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from entitynet_assets.tables import PICTURE
from entitynet_assets.web import PASSING, Answer, Request

MAX_RUNS = 3  # an address that fails for passing reasons in so many runs of a round is left until the next round
FIRST_REST_S, REST_FACTOR, MAX_REST_S = (
    900.0,
    4.0,
    86_400.0,
)  # between those runs: 15 minutes, an hour, ... a day at most
NO_PICTURE: Mapping[str, Any] = {"image_id": None, **{column.name: None for column in PICTURE}}
Row = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """When an address is asked: the round, how often a run tries it, and the time (ISO 8601, UTC, whole seconds)."""

    round: int
    tries: int
    now: str


def due_request(url: Row, known: Row | None, moment: Moment) -> Request | None:
    """Return the request for an address, or None if its row in the ledger is good for now.

    In a new round a known picture is asked for conditionally, and one that is gone is not asked for again.
    """
    if known is None:
        return Request(url["image_url"], robots=True)
    if known["outcome"] == "gone":
        return None
    if known["asked_round"] < moment.round:
        return Request(url["image_url"], headers=_validators(known), robots=True)
    due_at = next_time(known, moment)
    return Request(url["image_url"], robots=True) if due_at is not None and due_at <= moment.now else None


def next_time(known: Row, moment: Moment) -> str | None:
    """Return from when on an address is asked again in this round; None if it is not."""
    if known["asked_round"] < moment.round or known["outcome"] not in PASSING:
        return None
    return (known.get("due_at") or moment.now) if known["tries"] < MAX_RUNS * moment.tries else None


def download_row(url: Row, known: Row | None, answer: Answer, found: Row, moment: Moment) -> Row:
    """Return the ledger's row after an answer; `found` is what decoding its bytes came to, empty where there are none.

    A picture that did not change keeps what is known of it; one that did not come for a passing reason keeps it too, so that
    a host's bad hour in a new round takes no picture out of the dataset.
    """
    same_round = known is not None and known["asked_round"] == moment.round
    asked = {
        "tries": answer.tries + (known["tries"] if known and same_round else 0),
        "asked_round": moment.round, "fetched_at": moment.now, "due_at": None,
    }  # fmt: skip
    if answer.outcome == "unchanged" and known:
        return {**known, "reason": None, **asked}
    if answer.outcome in PASSING and known and known["outcome"] == "ok":
        return {**known, "reason": f"not confirmed in round {moment.round}: {answer.outcome}", **asked}
    row = {
        "url_id": url["url_id"], "image_url": url["image_url"], "host": url["host"],
        "outcome": answer.outcome, "reason": answer.reason, **NO_PICTURE, **found,
        "http_status": answer.status, "content_type": answer.headers.get("content-type"), "size_bytes": len(answer.body) or None,
        "etag": answer.headers.get("etag"), "last_modified": answer.headers.get("last-modified"), **asked,
    }  # fmt: skip
    row["round"] = known["round"] if known and known["image_id"] == row["image_id"] else moment.round
    if row["outcome"] in PASSING and row["tries"] < MAX_RUNS * moment.tries:
        row["due_at"] = _later(moment.now, _rest_s(known if same_round else None, answer))
    return row


def _rest_s(known: Row | None, answer: Answer) -> float:
    """Return how long an address rests: as long as its host wishes, and four times as long as it rested before."""
    rest = FIRST_REST_S
    if known and known.get("due_at"):
        before = datetime.fromisoformat(known["due_at"]) - datetime.fromisoformat(known["fetched_at"])
        rest = REST_FACTOR * before.total_seconds()
    return min(MAX_REST_S, max(rest, answer.retry_after_s or 0.0))


def _later(now: str, seconds: float) -> str:
    return (datetime.fromisoformat(now) + timedelta(seconds=round(seconds))).isoformat(timespec="seconds")


def _validators(known: Mapping[str, Any]) -> dict[str, str]:
    if known["outcome"] != "ok":
        return {}
    pairs = (("If-None-Match", known["etag"]), ("If-Modified-Since", known["last_modified"]))
    return {name: value for name, value in pairs if value}
