"""One download: which addresses are due, and what its answer comes to.

Belongs here: pure decisions over the ledger and an answer. Does not belong here: asking (web.py), storing (lake.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from entitynet_assets.pictures import picture_fault
from entitynet_assets.web import PASSING, Answer, Request

MAX_RUNS = 3  # an address that fails for passing reasons in so many runs of a round is left until the next round
Row = dict[str, Any]


def due_request(url: Row, known: Row | None, round_: int, tries: int) -> Request | None:
    """Return the request for an address, or None if its row in the ledger is good for this round.

    In a new round a known picture is asked for conditionally, and one that is gone is not asked for again.
    """
    if known is None:
        return Request(url["image_url"], robots=True)
    if known["outcome"] == "gone":
        return None
    if known["asked_round"] < round_:
        return Request(url["image_url"], headers=_validators(known), robots=True)
    if known["outcome"] in PASSING and known["tries"] < MAX_RUNS * tries:
        return Request(url["image_url"], robots=True)
    return None


def download_row(url: Row, known: Row | None, answer: Answer, round_: int, fetched_at: str) -> Row:
    """Return the ledger's row after an answer.

    A picture that did not change keeps what is known of it; one that did not come for a passing reason keeps it too, so that
    a host's bad hour in a new round takes no picture out of the dataset.
    """
    tries = answer.tries + (known["tries"] if known and known["asked_round"] == round_ else 0)
    if answer.outcome == "unchanged" and known:
        return {**known, "reason": None, "tries": tries, "asked_round": round_, "fetched_at": fetched_at}
    if answer.outcome in PASSING and known and known["outcome"] == "ok":
        reason = f"not confirmed in round {round_}: {answer.outcome}"
        return {**known, "reason": reason, "tries": tries, "asked_round": round_, "fetched_at": fetched_at}
    outcome, reason = answer.outcome, answer.reason
    if answer.ok:
        fault = picture_fault(answer.body)
        outcome, reason = (
            (fault, f"served as {answer.headers.get('content-type', 'unknown')}") if fault else ("ok", None)
        )
    image_id = hashlib.sha256(answer.body).hexdigest() if outcome == "ok" else None
    first_seen = known["round"] if known and known["image_id"] == image_id else round_
    return {
        "url_id": url["url_id"], "image_url": url["image_url"], "host": url["host"], "outcome": outcome, "reason": reason,
        "http_status": answer.status, "content_type": answer.headers.get("content-type"), "size_bytes": len(answer.body) or None,
        "image_id": image_id,
        "etag": answer.headers.get("etag"), "last_modified": answer.headers.get("last-modified"),
        "round": first_seen, "asked_round": round_, "tries": tries, "fetched_at": fetched_at,
    }  # fmt: skip


def _validators(known: Mapping[str, Any]) -> dict[str, str]:
    if known["outcome"] != "ok":
        return {}
    pairs = (("If-None-Match", known["etag"]), ("If-Modified-Since", known["last_modified"]))
    return {name: value for name, value in pairs if value}
