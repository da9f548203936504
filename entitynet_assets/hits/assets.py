"""The door of the hits room: ask, keep the answer verbatim, read it into hits; distinct addresses are a SELECT."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from entitynet_assets.hits.provider import BadPageError, provider
from entitynet_assets.resources import endpoint
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Provider
from entitynet_assets.tables import HITS, SEARCH_PAGES, URLS, YIELD_FORECAST
from entitynet_assets.text import hash_id, normal_url
from entitynet_assets.web import PASSING, Answer, Request

Row = dict[str, Any]
Tag = tuple[Row, str, int]  # query, provider, page
FLUSH = 20  # answer pages between two notes of the ledger, so that a killed run loses no more than these


@station(
    SEARCH_PAGES, reads=("queries",), kinds=("python", "http"),
    params=lambda place: {"providers": [p.model_dump() for p in place.study.providers], "round": place.lake.round()},
)  # fmt: skip
def search_pages(work: Work) -> Made:
    """Answer pages of every query, exactly as received. A ledger: pages of retired queries stay, they are evidence.

    In a new harvest round every page is asked again; within a round only what is missing or may come on another try.
    """
    held = work.own_rows() + work.lake.notes(work.table.name, work.slice)
    ledger = {(row["query_id"], row["provider"], row["page"]): row for row in held}
    every = list(_requests(work))
    asked = [(tag, request) for tag, request in every if _wanted(ledger, tag, work.lake.round())]
    with work.lake.noting(work.table.name, work.slice, FLUSH) as note:
        for number, (tag, answer) in enumerate(work.place.web.ask_all(asked), 1):
            row = _page_row(tag, answer, work.lake.round())
            ledger[row["query_id"], row["provider"], row["page"]] = row
            note(row)
            work.advance(number, len(asked), "searches")
    counts = Counter(row["outcome"] for row in ledger.values())
    again = any(_wanted(ledger, tag, work.lake.round()) for tag, _ in every)
    return Made(list(ledger.values()), counts, {"searches": len(asked)}, unfinished=again)


def _requests(work: Work) -> Iterator[tuple[Tag, Request]]:
    for query in work.rows("queries"):
        for chosen in work.study.providers:
            for page in range(1, chosen.pages + 1):
                yield (query, chosen.name, page), _request(chosen, query["text"], page, chosen.per_page)


def _request(chosen: Provider, text: str, page: int, per_page: int) -> Request:
    """Return the provider's request, sent where the study or this machine's environment says that its search is."""
    asked = provider(chosen.name).request(text, page, per_page)
    return replace(asked, url=endpoint(chosen.name, chosen.address or asked.url))


def _wanted(ledger: dict[tuple[str, str, int], Row], tag: Tag, round_: int) -> bool:
    known = ledger.get((tag[0]["query_id"], tag[1], tag[2]))
    return known is None or known["asked_round"] < round_ or known["outcome"] in PASSING


def _page_row(tag: Tag, answer: Answer, round_: int) -> Row:
    query, name, page = tag
    row = {
        "query_id": query["query_id"], "provider": name, "page": page, "qid": query["qid"], "query_text": query["text"],
        "query_kind": query["kind"], "request_url": answer.url, "outcome": answer.outcome, "reason": answer.reason, "body": None,
        "asked_round": round_, "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    if not answer.ok:
        return row
    body = answer.body.decode("utf-8", "replace")
    try:
        provider(name).parse(body)
    except BadPageError as error:
        return {**row, "outcome": "bad_answer", "reason": str(error), "body": body}
    return {**row, "body": body}


@station(HITS, reads=("search_pages",))
def hits(work: Work) -> Made:
    """Ranked links of all answer pages; a link that is no address is counted and left out."""
    rows: list[Row] = []
    counts: Counter[str] = Counter()
    for page in work.rows("search_pages"):
        if page["outcome"] != "ok":
            counts[f"page_{page['outcome']}"] += 1
            continue
        for hit in provider(page["provider"]).parse(page["body"]):
            try:
                url_id = hash_id(normal_url(hit.image_url))
            except ValueError:
                counts["bad_url"] += 1
                continue
            counts["ok"] += 1
            joined = {name: page[name] for name in ("query_id", "provider", "page", "qid", "query_text", "query_kind")}
            rows.append({**joined, "url_id": url_id, **vars(hit)})
    return Made(rows, counts)


@station(
    YIELD_FORECAST,
    reads=("queries",),
    kinds=("python", "http"),
    params=lambda place: [p.model_dump() for p in place.study.providers],
)
def yield_forecast(work: Work) -> Made:
    """How many pictures each provider says it has for each entity, by count-only calls, before any download."""
    queries = work.rows("queries")
    nouns = {row["qid"]: row for row in queries if row["kind"] == "noun"}
    per_entity = Counter(row["qid"] for row in queries)
    asked = [
        ((row, chosen), _request(chosen, row["text"], 1, 0))
        for row in nouns.values()
        for chosen in work.study.providers
    ]
    rows, passing = [], 0
    for (row, chosen), answer in work.place.web.ask_all(asked):
        passing += answer.outcome in PASSING
        available = _total(chosen.name, answer)
        reach = chosen.pages * chosen.per_page
        rows.append({
            "qid": row["qid"], "provider": chosen.name, "query_count": per_entity[row["qid"]], "pictures_available": available,
            "pictures_in_budget": min(available or 0, reach * per_entity[row["qid"]]),
        })  # fmt: skip
    unknown = sum(row["pictures_available"] is None for row in rows)
    return Made(rows, {"ok": len(rows) - unknown, "unknown": unknown}, {"searches": len(asked)}, unfinished=passing > 0)


def _total(name: str, answer: Answer) -> int | None:
    if not answer.ok:
        return None
    try:
        return provider(name).total(answer.body.decode("utf-8", "replace"))
    except BadPageError:
        return None


STATIONS: tuple[Station, ...] = (search_pages, hits, sql_asset(URLS, every=("hits",)), yield_forecast)
