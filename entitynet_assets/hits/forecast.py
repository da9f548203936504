"""How many pictures there are, before any is fetched: count-only calls, and counts over tables of pictures.

Belongs here: from queries to rows of yield_forecast. Does not belong here: how a provider counts (providers/<name>.py), what a
harvest costs (plan/).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from entitynet_assets.hits.asking import Ask, Row, placed, search_of, sent, suits
from entitynet_assets.hits.keys import without_key
from entitynet_assets.hits.licences import UNKNOWN, licence_id
from entitynet_assets.hits.provider import BadPageError, Batched, provider
from entitynet_assets.hits.tables_of_pictures import chosen_tables, counts, found_in
from entitynet_assets.stations import Work
from entitynet_assets.studies.models import TABLES_OF_PICTURES, Provider, StudyError
from entitynet_assets.web import PASSING, Answer

ANY = "any"
COUNTED = ("noun", "item")  # kinds of query whose results are counted
Found = Mapping[str, int | None]  # pictures by licence


@dataclass(frozen=True)
class Forecast:
    """Rows of yield_forecast, the calls made for them, and how many of these failed in a way that may pass."""

    rows: list[Row]
    searches: int
    passing: int


def asked_rows(work: Work) -> Forecast:
    """Count by asking: of every provider that is asked, for the noun or item query of each entity.

    Raises StudyError on a licence that a provider cannot count apart.
    """
    queries, rows, asks = work.rows("queries"), list[Row](), list[tuple[str, Ask]]()
    per_entity: dict[str, Counter[str]] = {}
    for chosen in (one for one in work.study.providers if one.name not in TABLES_OF_PICTURES):
        mine = [query for query in queries if suits(query, chosen)]
        per_entity[chosen.name] = Counter(query["qid"] for query in mine)
        for query, licence, ask in _asks([query for query in mine if query["kind"] in COUNTED], chosen):
            if ask:
                asks.append((licence, ask))
            else:  # it has no count, or nothing to be asked by
                rows += _rows(query["qid"], chosen, {licence: None}, per_entity[chosen.name])
    passing = 0
    waiting = (((ask.query, licence, ask), sent(ask.request, ask.chosen, work.place.web)) for licence, ask in asks)
    for (_, licence, ask), answer in work.place.web.ask_all(waiting) if asks else ():
        passing += answer.outcome in PASSING
        for query, found in zip(ask.queries, _found(ask, licence, answer), strict=True):
            rows += _rows(query["qid"], ask.chosen, found, per_entity[ask.chosen.name])
    return Forecast(rows, len(asks), passing)


def table_rows(work: Work) -> list[Row]:
    """Count in the study's tables of pictures."""
    rows: list[Row] = []
    queries = work.rows("queries")
    for chosen in chosen_tables(work.study):
        per_entity = Counter(query["qid"] for query in queries if (query["kind"] == "item") == chosen.asks_items)
        by_entity: dict[str, Counter[str]] = {qid: Counter() for qid in per_entity}
        for row in work.select(counts(found_in(chosen, work.lake))):
            by_entity[row["qid"]][licence_id(row["licence"])] += row["pictures"]
        for qid, found in by_entity.items():
            rows += _rows(qid, chosen, {ANY: found.total(), **found}, per_entity)
    return rows


def _asks(queries: list[Row], chosen: Provider) -> Iterator[tuple[Row, str, Ask | None]]:
    asked = provider(chosen.name)
    if unknown := [one for one in chosen.forecast_licences if one not in asked.LICENCES]:
        allowed = ", ".join(asked.LICENCES) or "none, as it cannot be asked for one licence"
        raise StudyError(f"providers.{chosen.name}.forecast_licences: found {unknown[0]!r}; allowed: {allowed}")
    if isinstance(asked, Batched):
        for start in range(0, len(queries), asked.BATCH):
            first, *others = part = queries[start : start + asked.BATCH]
            request = placed(asked.batch_request([search_of(query) for query in part], 0), chosen)
            yield first, ANY, Ask(first, chosen, 1, request, tuple(others))
        return
    for query in queries:
        for licence in (ANY, *chosen.forecast_licences):
            request = asked.count_request(search_of(query, "" if licence == ANY else licence))
            yield query, licence, Ask(query, chosen, 1, placed(request, chosen)) if request else None


def _found(ask: Ask, licence: str, answer: Answer) -> list[Found]:
    """Return the pictures by licence of each query of an answer; None where the answer is no count."""
    asked = provider(ask.chosen.name)
    nothing: list[Found] = [{licence: None} for _ in ask.queries]
    if not answer.ok:
        return nothing
    body = without_key(answer.body.decode("utf-8", "replace"), asked.KEY)
    try:
        if isinstance(asked, Batched):
            return [
                _summed(asked.totals(part)) for part in asked.split(body, [search_of(query) for query in ask.queries])
            ]
        return [{**_by_licence(asked.totals(body)), licence: asked.total(body)}]
    except BadPageError:
        return nothing


def _by_licence(found: Mapping[str, int]) -> Counter[str]:
    total: Counter[str] = Counter()
    for stated, pictures in found.items():
        total[licence_id(None if stated == UNKNOWN else stated, stated)] += pictures
    return total


def _summed(found: Mapping[str, int]) -> Found:
    return {**_by_licence(found), ANY: sum(found.values())}


def _rows(qid: str, chosen: Provider, found: Found, per_entity: Mapping[str, int]) -> Iterator[Row]:
    reach = chosen.pages * chosen.per_page * per_entity[qid]
    for licence, pictures in found.items():
        yield {
            "qid": qid, "provider": chosen.name, "licence": licence, "query_count": per_entity[qid], "pictures_available": pictures,
            "pictures_in_budget": min(pictures or 0, reach) if licence == ANY else None,
        }  # fmt: skip
