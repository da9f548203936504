"""Which Wikidata is read: what a source says of itself before it is read.

Belongs here: the facts of a dump's file, the date up to which an endpoint is complete. Does not belong here: reading items.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from entitynet_assets.graph.source import SourceError, need_answer
from entitynet_assets.graph.sparql import BadAnswerError, parse_bindings, snapshot_query
from entitynet_assets.resources import Workplace, data_path, endpoint
from entitynet_assets.web import Answer, Request

ENDS = 1 << 20  # bytes of a file's beginning and end that tell it from another
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{8,15}(Z|[+-][0-9]{2}:[0-9]{2})?)?")


def source_row(place: Workplace) -> dict[str, Any]:
    """Return the row of graph_source. Raises SourceError where there is no such file or the endpoint does not answer."""
    source = place.study.graph.source
    facts = dump_facts(place) if source == "dump" else _endpoint_facts(place)
    if facts is None:
        path = data_path(endpoint("dump", place.study.graph.dump))
        raise SourceError(f"graph.dump: no file {path}; set graph.dump in the study or ENTITYNET_ENDPOINT_DUMP")
    empty = dict.fromkeys(("snapshot_id", "bytes", "modified_at", "complete_until", "reason"))
    return {"source": source, **empty, **facts, "asked_round": place.lake.round()}


def dump_facts(place: Workplace) -> dict[str, Any] | None:
    """Return what tells the study's dump from another: its name without its folders, size, time, beginning and end; None if absent."""
    path = data_path(endpoint("dump", place.study.graph.dump))
    if not path.is_file():
        return None
    stat = path.stat()
    written = datetime.fromtimestamp(stat.st_mtime_ns / 1e9, UTC).isoformat(timespec="microseconds")
    return {
        "address": path.name,
        "snapshot_id": _digest(path, stat.st_size),
        "bytes": stat.st_size,
        "modified_at": written,
    }


def _digest(path: Path, size: int) -> str:
    with path.open("rb") as file:
        start = file.read(ENDS)
        file.seek(max(0, size - ENDS))
        return hashlib.sha256(b"%d:%s%s" % (size, start, file.read(ENDS))).hexdigest()[:16]


def _endpoint_facts(place: Workplace) -> dict[str, Any]:
    address = endpoint("sparql", place.study.graph.sparql)
    accept = {"Accept": "application/sparql-results+json"}
    until, reason = complete_until(place.web.ask(Request(address, headers=accept, form={"query": snapshot_query()})))
    return {"address": _without_user(address), "complete_until": until, "reason": reason}


def complete_until(answer: Answer) -> tuple[str | None, str | None]:
    """Return up to when an endpoint has every edit, or why it does not say. Raises SourceError where the host does not answer at all."""
    if not answer.ok and answer.status is None:
        need_answer(answer, "SPARQL")
    if not answer.ok:
        return None, f"the endpoint refused the question: {answer.outcome} ({answer.reason})"
    try:
        said = [row.get("until", "") for row in parse_bindings(answer.body)]
    except BadAnswerError as error:
        return None, f"the endpoint's answer cannot be read: {error}"
    dates = [one for one in said if isinstance(one, str) and DATE.fullmatch(one)]
    if not dates:
        return None, f"the endpoint says {said[0]!r}, no date" if said else "the endpoint does not say"
    return min(dates), None  # where it says several, only up to the first of them is all of it there


def _without_user(address: str) -> str:
    """Return an address without a user's name and password, which belong in no table."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
