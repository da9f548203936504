"""What a harvest will take before it is begun: requests, hours at the known limits, pictures, gigabytes, money.

Belongs here: reckoning from the tables that are made (queries, yield_forecast, what was asked already). Does not belong here:
asking anything, how the figures look (terminal.py). Requests are at most: a search that ends early takes fewer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from entitynet_assets.hits.asking import limits_of, quota_of, suits
from entitynet_assets.hits.provider import Batched, provider
from entitynet_assets.lineage import DriftError
from entitynet_assets.resources import quota_path
from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.studies.models import TABLES_OF_PICTURES, Provider
from entitynet_assets.text import slice_of
from entitynet_assets.web import PASSING, QuotaFile

BYTES_DEFAULT = 300_000  # of a picture as the web has it: an assumption
BYTES_THUMBNAIL = 60_000  # of 500 pixels on a side: an assumption
THUMBNAILS = ("commons", "commons_statements", "commons_category", "commons_depicts", "inaturalist")
WIKIMEDIA_MBIT_S = 25.0  # what Wikimedia grants for media
MEASURED = 20  # pictures of a provider that are enough to take their mean size instead


@dataclass(frozen=True)
class Line:
    """What one provider will take. `requests` at most, of which `asked` are done; None is not known, or does not apply."""

    provider: str
    queries: int
    requests: int
    asked: int
    hours: float
    pictures_available: int | None
    pictures: int
    bytes_a_picture: int
    gigabytes: float
    media_hours: float | None
    paid_calls: int
    price: float
    cap: int | None
    cap_used: int | None


@dataclass(frozen=True)
class Plan:
    """The lines of all providers, their sums, pictures by licence where it is known, and what was assumed."""

    study: str
    lines: tuple[Line, ...]
    licences: dict[str, dict[str, int]]
    notes: tuple[str, ...]

    def to_values(self) -> dict[str, Any]:
        """Return the plan as values for JSON."""
        summed = ("requests", "asked", "pictures", "gigabytes", "price")
        sums = {name: round(sum(getattr(line, name) for line in self.lines), 6) for name in summed}
        return {**asdict(self), "total": sums, "hours": max((line.hours for line in self.lines), default=0.0)}


def plan(shelf: Shelf) -> Plan:
    """Return the plan of a study as far as its tables are made. Raises DriftError if it has no queries yet."""
    name = shelf.study.name
    if shelf.lacks("queries"):
        raise DriftError(
            f"study {name} has no queries yet; run `entitynet run --study {name} --until yield_forecast` first"
        )
    queries = shelf.ask("SELECT qid, kind, style FROM queries")
    forecast = shelf.ask(
        "SELECT provider, licence, sum(pictures_available)::BIGINT AS available, sum(pictures_in_budget)::BIGINT AS reached "
        "FROM yield_forecast GROUP BY ALL"
    )
    lines = tuple(_line(shelf, chosen, queries, forecast) for chosen in shelf.study.providers)
    licences: dict[str, dict[str, int]] = {}
    for row in sorted(forecast, key=lambda row: -(row["available"] or 0)):
        if row["licence"] != "any" and row["available"]:
            licences.setdefault(row["provider"], {})[row["licence"]] = row["available"]
    return Plan(name, lines, licences, tuple(_notes(shelf, lines)))


def request_hours(name: str, requests: int) -> float:
    """Return the hours that so many requests take at a provider's limits, the narrowest of them."""
    return max((requests * limit.seconds / limit.count for limit in limits_of(name)), default=0.0) / 3600


def _line(shelf: Shelf, chosen: Provider, queries: Sequence[Row], forecast: Sequence[Row]) -> Line:
    mine = [query for query in queries if _is_for(query, chosen)]
    requests = _requests(shelf, chosen, mine)
    asked = min(requests, _asked(shelf, chosen))
    left = requests - asked
    counted = next((row for row in forecast if (row["provider"], row["licence"]) == (chosen.name, "any")), None)
    known = counted["available"] if counted else None
    pictures = counted["reached"] if counted and known is not None else len(mine) * chosen.pages * chosen.per_page
    size = _bytes(shelf, chosen.name)
    gigabytes = pictures * size / 1e9
    quota = quota_of(chosen) if chosen.max_paid_calls else None
    used = QuotaFile(quota_path()).used(quota)[-1] if quota else 0
    paid = min(left, max(0, chosen.max_paid_calls - used)) if chosen.price_per_1000 else 0
    return Line(
        chosen.name, len(mine), requests, asked, request_hours(chosen.name, left), known, pictures, size, gigabytes,
        gigabytes * 8000 / WIKIMEDIA_MBIT_S / 3600 if chosen.name.startswith("commons") else None,
        paid, paid * chosen.price_per_1000 / 1000,
        chosen.max_paid_calls or None, used if quota else None,
    )  # fmt: skip


def _is_for(query: Row, chosen: Provider) -> bool:
    if chosen.name in TABLES_OF_PICTURES:
        return (query["kind"] == "item") == chosen.asks_items
    return suits(query, chosen)


def _requests(shelf: Shelf, chosen: Provider, mine: Sequence[Row]) -> int:
    if chosen.name in TABLES_OF_PICTURES:
        return 0
    asked = provider(chosen.name)
    if isinstance(asked, Batched):
        slices = Counter(slice_of(query["qid"], shelf.study.slices) for query in mine)
        return sum(math.ceil(count / asked.BATCH) for count in slices.values())
    return len(mine) * min(chosen.pages, math.ceil(asked.DEPTH / chosen.per_page) if asked.DEPTH else chosen.pages)


def _asked(shelf: Shelf, chosen: Provider) -> int:
    """Return the requests that are answered in this round; those of one batch have one address."""
    (row,) = shelf.ask(
        "SELECT count(DISTINCT request_url) AS batches, count(*) AS pages FROM search_pages WHERE provider = $name "
        "AND asked_round = $round AND outcome <> ALL($passing)",
        name=chosen.name, round=shelf.lake.round(), passing=list(PASSING),
    )  # fmt: skip
    return row["batches"] if isinstance(provider(chosen.name), Batched) else row["pages"]


def _bytes(shelf: Shelf, name: str) -> int:
    """Return the mean size of a provider's pictures downloaded so far, or what is assumed."""
    (row,) = shelf.ask(
        "SELECT count(*) AS pictures, avg(size_bytes) AS mean FROM downloads WHERE outcome = 'ok' AND size_bytes IS NOT NULL "
        "AND url_id IN (SELECT url_id FROM hits WHERE provider = $name)", name=name,
    )  # fmt: skip
    return (
        round(row["mean"]) if row["pictures"] >= MEASURED else BYTES_THUMBNAIL if name in THUMBNAILS else BYTES_DEFAULT
    )


def _notes(shelf: Shelf, lines: Sequence[Line]) -> list[str]:
    notes = []
    if shelf.lacks("yield_forecast"):
        notes.append(
            "no forecast yet: pictures are all that the searches could give; run it with --until yield_forecast"
        )
    for line in lines:
        if line.cap is not None and line.requests - line.asked > line.cap - (line.cap_used or 0):
            left = max(0, line.cap - (line.cap_used or 0))
            notes.append(
                f"{line.provider}: {line.requests - line.asked:,} calls are wanted and {left:,} are left of max_paid_calls {line.cap:,}; "
                "the rest will not be asked"
            )
    return notes
