"""The door of the hits room: ask, keep the answer verbatim, read it into hits; distinct addresses are a SELECT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from entitynet_assets.hits.asking import Ask, Row, due, numbered, page_rows, sent, world_of
from entitynet_assets.hits.forecast import asked_rows, table_rows
from entitynet_assets.hits.keys import need_keys
from entitynet_assets.hits.licences import licence_id
from entitynet_assets.hits.tables_of_pictures import (
    chosen_tables,
    files_of,
    first_rows,
    found_in,
    imported_table,
    seen,
    to_import,
    told_apart,
)
from entitynet_assets.lake import typed_select
from entitynet_assets.resources import Workplace
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Query, Station, Work, station
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import HITS, IMPORTED_ROWS, SEARCH_PAGES, TABLE_HITS, URLS, YIELD_FORECAST
from entitynet_assets.text import hash_id, normal_url

PART = 10_000  # imported rows that are held at once
FLUSH = 20  # answer pages between two notes of the ledger, so that a killed run loses no more than these
HOW = {
    "accept_risk",
    "price_per_1000",
    "max_paid_calls",
    "forecast_licences",
    "link_all",
    "max_rows",
}  # say nothing of what is asked or answered


def _asked(study: Study) -> list[dict[str, Any]]:
    worlds = [{"world": world} for chosen in study.providers if (world := world_of(study, chosen.name))]
    return [*(chosen.model_dump(exclude=HOW) for chosen in study.providers), *worlds]


def _capped(study: Study) -> dict[str, int]:
    """Return the caps of paid calls: one that is raised lets a search go on."""
    return {chosen.name: chosen.max_paid_calls for chosen in study.providers if chosen.max_paid_calls}


@station(
    SEARCH_PAGES, reads=("queries",), kinds=("python", "http"), code_version="2",
    params=lambda place: {"providers": _asked(place.study), "caps": _capped(place.study), "round": place.lake.round()},
)  # fmt: skip
def search_pages(work: Work) -> Made:
    """Answer pages of every query, exactly as received. A ledger: pages of retired queries stay, they are evidence.

    In a new harvest round every page is asked again; within a round only what is missing, asked otherwise than before, or
    may come on another try. A further page is asked when those before it are in, as only they know whether there is one.
    """
    need_keys(work.study)
    held = work.own_rows() + work.lake.notes(work.table.name, work.slice)
    ledger = {(row["query_id"], row["provider"], row["page"]): row for row in held}
    queries, searches = work.rows("queries"), 0
    with work.lake.noting(work.table.name, work.slice, FLUSH) as note:
        for page in range(1, max(chosen.pages for chosen in work.study.providers) + 1):
            asked = list(due(work.study, queries, ledger, work.lake.round(), page))
            searches += len(asked)
            for row in _answered(work, asked):
                ledger[row["query_id"], row["provider"], row["page"]] = row
                note(row)
    counts = Counter(row["outcome"] for row in ledger.values())
    return Made(list(ledger.values()), counts, {"searches": searches}, unfinished=_unfinished(work, queries, ledger))


def _answered(work: Work, asked: list[Ask]) -> Iterator[Row]:
    if not asked:
        return  # the door to the web is opened for who has something to ask
    requests = ((ask, sent(ask.request, ask.chosen, work.place.web)) for ask in asked)
    for number, (ask, answer) in enumerate(work.place.web.ask_all(requests), 1):
        yield from page_rows(ask, answer, work.lake.round())
        work.advance(number, len(asked), "searches")


def _unfinished(work: Work, queries: list[Row], ledger: dict[tuple[str, str, int], Row]) -> bool:
    pages = range(1, max(chosen.pages for chosen in work.study.providers) + 1)
    return any(True for page in pages for _ in due(work.study, queries, ledger, work.lake.round(), page))


def _files_seen(place: Workplace) -> list[Any]:
    return [[chosen.model_dump(exclude=HOW), seen(files_of(chosen))] for chosen in chosen_tables(place.study)]


@station(TABLE_HITS, reads=("queries",), kinds=("python", "duckdb"), params=_files_seen)
def table_hits(work: Work) -> Made:
    """Rows of tables of pictures that are about an entity, each with its file and row; the tables are read where they lie."""
    parts = [
        first_rows(chosen.name, found_in(chosen, work.lake), chosen.pages * chosen.per_page)
        for chosen in chosen_tables(work.study)
    ]
    return Made(Query(" UNION ALL ".join(f"({part})" for part in parts) or typed_select(TABLE_HITS), {}))


def _imports(place: Workplace) -> list[Any] | None:
    chosen = imported_table(place.study)
    return chosen and [chosen.model_dump(exclude=HOW - {"link_all", "max_rows"}), seen(files_of(chosen))]


@station(
    IMPORTED_ROWS, reads=("table_hits",), every=("table_hits",), kinds=("python", "duckdb"), params=_imports
)  # fmt: skip
def imported_rows(work: Work) -> Made:
    """Rows of a table with `link_all` that no search took, cut by the hash of their address; all other rows are counted."""
    chosen = imported_table(work.study)
    if chosen is None:
        return Made([])
    apart = told_apart(chosen, work.lake)
    mine = {"slice_count": work.study.slices, "slice_index": int(work.slice)}
    told = work.select(f"SELECT became, count(*) AS count FROM ({apart}) GROUP BY became ORDER BY became", **mine)
    return Made(Query(to_import(chosen, apart), mine), {row["became"]: row["count"] for row in told})


@station(HITS, reads=("search_pages", "table_hits", "imported_rows"), code_version="4")
def hits(work: Work) -> Made:
    """Ranked links of all answer pages and tables of pictures; a link that is no address is counted and left out."""
    pages = work.rows("search_pages")
    counts = Counter(f"page_{page['outcome']}" for page in pages if page["outcome"] != "ok")
    answered = _hit_rows(page for page in pages if page["outcome"] == "ok")
    return Made(_linked(answered, chain(work.rows("table_hits"), _imported(work)), counts), counts)


def _imported(work: Work) -> Iterator[Row]:
    """Yield imported rows as rows of a search for nothing; there may be millions, so a part at a time."""
    last = 0
    while rows := work.select(
        "SELECT * FROM imported_rows WHERE rank > $last ORDER BY rank LIMIT $part", last=last, part=PART
    ):
        yield from ({**row, "qid": None, "query_text": "", "query_kind": "import"} for row in rows)
        last = rows[-1]["rank"]


def _hit_rows(pages: Iterable[Row]) -> Iterator[Row]:
    for page, hit in numbered(pages):
        joined = {name: page[name] for name in ("query_id", "provider", "page", "qid", "query_text", "query_kind")}
        yield {**joined, **vars(hit), "source": None}


def _linked(found: Iterable[Row], rows: Iterable[Row], counts: Counter[str]) -> Iterator[Row]:
    for row in chain(found, ({**row, "page": 0} for row in rows)):
        try:
            url_id = hash_id(normal_url(row["image_url"]))
        except ValueError:
            counts["bad_url"] += 1
            continue
        counts["ok"] += 1
        yield {**row, "url_id": url_id, "licence": licence_id(row["licence"], row["licence_url"])}


@station(
    YIELD_FORECAST, reads=("queries",), kinds=("python", "http"), code_version="2",
    params=lambda place: [
        [chosen.model_dump(exclude=HOW - {"forecast_licences"}) for chosen in place.study.providers], _files_seen(place),
        [world for chosen in place.study.providers if (world := world_of(place.study, chosen.name))],
    ],
)  # fmt: skip
def yield_forecast(work: Work) -> Made:
    """How many pictures each provider says it has for each entity, and of each licence where it can say, before any download."""
    need_keys(work.study)
    made = asked_rows(work)
    rows = [*made.rows, *table_rows(work)]
    unknown = sum(row["pictures_available"] is None for row in rows)
    return Made(
        rows, {"ok": len(rows) - unknown, "unknown": unknown}, {"searches": made.searches}, unfinished=made.passing > 0
    )


STATIONS: tuple[Station, ...] = (
    search_pages,
    table_hits,
    imported_rows,
    hits,
    sql_asset(URLS, every=("hits",)),
    yield_forecast,
)
