"""Which requests are due: a page after the answers so far, many entities at once, and nothing that is known already.

Belongs here: from queries and the ledger of answer pages to requests, and from an answer to its rows. Does not belong here:
sending and keeping (assets.py), how a provider is asked (providers/<name>.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from entitynet_assets.hits.keys import key_of, keyed, without_key
from entitynet_assets.hits.provider import BadPageError, Batched, Search, provider
from entitynet_assets.resources import endpoint
from entitynet_assets.studies.models import TABLES_OF_PICTURES, Provider, Study
from entitynet_assets.text import hash_id
from entitynet_assets.web import PASSING, Answer, Limit, Quota, Request, Web

Row = dict[str, Any]
Ledger = Mapping[tuple[str, str, int], Row]  # answer pages by query_id, provider, page
FOREVER_S = 100 * 365 * 86_400.0


class Ask(NamedTuple):
    """A request with what it is asked for; `others` are the further queries that a batch asks for, `world` is as in `world_of`."""

    query: Row
    chosen: Provider
    page: int
    request: Request
    others: tuple[Row, ...] = ()
    world: str = ""

    @property
    def queries(self) -> tuple[Row, ...]:
        """All queries that it is asked for."""
        return (self.query, *self.others)


def search_of(query: Row, licence: str = "") -> Search:
    """Return a row of `queries` as a search."""
    return Search(
        query["text"], query["qid"], query["style"], tuple(query["or_terms"]), tuple(query["exclude"]),
        {one["property_id"]: one["value"] for one in query["identifiers"]}, licence,
    )  # fmt: skip


def suits(query: Row, chosen: Provider) -> bool:
    """Say whether a query is for a provider: by id or by words, and in a style that it can be asked for if that matters."""
    if chosen.name in TABLES_OF_PICTURES or (query["kind"] == "item") != chosen.asks_items:
        return False
    return query["style"] != "drawing" or "drawing" in provider(chosen.name).STYLES


def world_of(study: Study, name: str) -> str:
    """Return what the study itself says of what a provider searches, as JSON: the sample's world, the folders; else nothing."""
    if name == "sample" and study.sample:
        return json.dumps(study.sample.model_dump(), sort_keys=True)
    if name == "folder":
        return json.dumps([folder.model_dump() for folder in study.folders], sort_keys=True)
    return ""


def request_id(request: Request, world: str = "") -> str:
    """Return a hash of all that a request asks, and of the world that it is asked of; by it a changed one is known."""
    sent = {
        "url": request.url,
        "params": dict(request.params),
        "form": request.form and dict(request.form),
        "json": request.json,
        **({"world": world} if world else {}),
    }
    return hash_id(json.dumps(sent, sort_keys=True))


def due(study: Study, queries: Sequence[Row], ledger: Ledger, round_: int, page: int) -> Iterator[Ask]:
    """Yield the requests of one page over all queries that are not answered yet; a page needs the answers before it."""
    for chosen in study.providers:
        mine = [query for query in queries if suits(query, chosen)]
        if isinstance(asked := provider(chosen.name), Batched):
            yield from _batches(asked, mine, chosen, ledger, round_) if page == 1 else ()
        elif page <= chosen.pages:
            world = world_of(study, chosen.name)
            for query in mine:
                known, request = ledger.get((query["query_id"], chosen.name, page)), _next(query, chosen, ledger, page)
                if request and wanted(known, request_id(request, world), round_):
                    yield Ask(query, chosen, page, request, world=world)


def wanted(known: Row | None, asked: str, round_: int) -> bool:
    """Say whether a page is to be asked: it is new, of an earlier round, worth another try, or asked otherwise than before."""
    return (
        known is None
        or known["asked_round"] < round_
        or known["outcome"] in PASSING
        or known.get("request_id") != asked
    )


def _next(query: Row, chosen: Provider, ledger: Ledger, page: int) -> Request | None:
    before = [ledger.get((query["query_id"], chosen.name, number)) for number in range(1, page)]
    if any(one is None or one["outcome"] != "ok" for one in before):
        return None
    asked = provider(chosen.name).request(search_of(query), chosen.per_page, [one["body"] for one in before if one])
    return asked and placed(asked, chosen)


def _batches(asked: Batched, queries: Sequence[Row], chosen: Provider, ledger: Ledger, round_: int) -> Iterator[Ask]:
    most = chosen.pages * chosen.per_page
    todo = [
        query
        for query in queries
        if wanted(ledger.get((query["query_id"], chosen.name, 1)), batch_id(asked, query, chosen), round_)
    ]
    for start in range(0, len(todo), asked.BATCH):
        part = todo[start : start + asked.BATCH]
        request = asked.batch_request([search_of(query) for query in part], most)
        yield Ask(part[0], chosen, 1, placed(request, chosen), tuple(part[1:]))


def batch_id(asked: Batched, query: Row, chosen: Provider) -> str:
    """Return the hash of what a batch asks for one entity, whichever others are asked with it."""
    alone = asked.batch_request([search_of(query)], chosen.pages * chosen.per_page)
    return request_id(placed(alone, chosen))


def placed(request: Request, chosen: Provider) -> Request:
    """Return a request as the study or this machine's environment has its address."""
    return replace(request, url=endpoint(chosen.name, chosen.address or request.url))


def sent(request: Request, chosen: Provider, web: Web) -> Request:
    """Return a request as it goes out: with the provider's key, counted against its limits and the study's cap."""
    asked = provider(chosen.name)
    return replace(keyed(request, asked.KEY, web), quota=quota_of(chosen))


def quota_of(chosen: Provider) -> Quota | None:
    """Return what a provider grants, and what the study is ready to pay for; counted over all runs."""
    limits = list(limits_of(chosen.name))
    if chosen.max_paid_calls:
        limits.append(Limit(chosen.max_paid_calls, FOREVER_S))
    return Quota(provider(chosen.name).QUOTA, tuple(limits)) if limits else None


def limits_of(name: str) -> tuple[Limit, ...]:
    """Return a provider's limits; with a key that may be left out they are others."""
    asked = provider(name)
    return asked.LIMITS_WITH_KEY if asked.LIMITS_WITH_KEY and key_of(asked.KEY) else asked.LIMITS


def page_rows(ask: Ask, answer: Answer, round_: int) -> list[Row]:
    """Return the rows of an answer, one a query; what is no answer of the provider is a row with its reason."""
    asked, name = provider(ask.chosen.name), ask.chosen.name
    body = without_key(answer.body.decode("utf-8", "replace"), asked.KEY) if answer.ok else None
    reason = answer.reason and without_key(answer.reason, asked.KEY)
    rows = [
        {**_asked_row(query, ask, round_), "outcome": answer.outcome, "reason": reason, "body": None}
        for query in ask.queries
    ]
    if body is None:
        return rows
    try:
        parts = [body]
        if isinstance(asked, Batched):
            parts = asked.split(body, [search_of(query) for query in ask.queries])
        for part in parts:
            asked.parse(part)
    except BadPageError as error:
        return [{**row, "outcome": "bad_answer", "reason": f"{name}: {error}"[:500], "body": body} for row in rows]
    return [{**row, "body": part} for row, part in zip(rows, parts, strict=True)]


def _asked_row(query: Row, ask: Ask, round_: int) -> Row:
    asked = provider(ask.chosen.name)
    one = batch_id(asked, query, ask.chosen) if isinstance(asked, Batched) else request_id(ask.request, ask.world)
    return {
        "query_id": query["query_id"], "provider": ask.chosen.name, "page": ask.page, "qid": query["qid"], "query_text": query["text"],
        "query_kind": query["kind"], "request_url": full_url(ask.request), "request_id": one, "asked_round": round_,
        "fetched_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }  # fmt: skip


def full_url(request: Request) -> str:
    """Return the address of a request with all that it asks, before any key is put to it."""
    said = urlencode(
        {**request.params, **(request.form or {}), **(request.json or {})}
    )  # a body is told like parameters
    return f"{request.url}?{said}" if said else request.url


def numbered(pages: Iterable[Row]) -> Iterator[tuple[Row, Any]]:
    """Yield (page, hit) over sound pages in order; where a provider ranks within a page, the rank goes on over all pages."""
    last: tuple[str, str] | None = None
    seen = 0
    for page in pages:
        if last != (page["query_id"], page["provider"]):
            last, seen = (page["query_id"], page["provider"]), 0
        found = provider(page["provider"]).parse(page["body"])
        first = min((hit.rank for hit in found), default=seen + 1)
        shift = seen if first <= seen else 0
        for hit in found:
            yield page, replace(hit, rank=hit.rank + shift)
        seen = max([seen, *(hit.rank + shift for hit in found)])
