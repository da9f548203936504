"""The hits room over a running search: a ledger that keeps what was said and asks nothing twice."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace

import pytest

from entitynet_assets.hits import assets as hits_room
from entitynet_assets.hits.asking import request_id, world_of
from entitynet_assets.hits.provider import provider
from entitynet_assets.studies.models import load_study
from entitynet_assets.web import Answer, Request
from tests.fakes.rooms import changed, work_of

SEARCH = ("search.test", "/images")
UP_TO_QUERIES = (
    "graph_source",
    "wikidata_items",
    "parent_statements",
    "entity_parents",
    "entity_roots",
    "visual_judgements",
    "visuality",
    "entities",
    "mined_attributes",
    "generated_attributes",
    "attributes",
    "entity_texts",
    "queries",
)
ROOM = ("search_pages", "hits", "urls", "table_hits", "imported_rows", "yield_forecast")


class Doubted:
    """The web door with some answers of the search replaced before anybody reads them."""

    def __init__(self, web, replace) -> None:
        self.web, self.replace, self.asked = web, replace, Counter()

    def close(self):
        self.web.close()

    def ask(self, request):
        return self.web.ask(request)

    def ask_all(self, requests, workers=16):
        for tag, answer in self.web.ask_all(requests, workers):
            query = tag[0]
            self.asked[query["text"]] += 1
            yield tag, self.replace(query["text"], answer)


@pytest.fixture
def asked(rooms):
    rooms.bring(*UP_TO_QUERIES)
    rooms.server.reset()
    return rooms


def test_pages_are_kept_verbatim_and_asked_once(asked):
    done = asked.bring(*ROOM)
    queries, pages = asked.rows("queries"), asked.rows("search_pages")
    assert len(pages) == len(queries) == work_of(done, "search_pages")["searches"] > 20
    forecasts = work_of(done, "yield_forecast")["searches"]
    assert asked.server.requests()[SEARCH] == len(pages) + forecasts
    for page in pages:
        body = json.loads(page["body"])
        assert (page["outcome"], body["query"]) == ("ok", page["query_text"])
    assert sum(len(json.loads(page["body"])["results"]) for page in pages) == len(asked.rows("hits"))


def test_within_a_round_nothing_is_asked_twice(asked):
    asked.bring(*ROOM)
    before = asked.server.requests()
    done = asked.again().bring(*ROOM)
    assert {one.outcome for one in done.values()} == {"unchanged"}
    assert asked.server.requests() == before


def test_a_new_round_asks_every_page_again_and_changes_nothing_else(asked):
    asked.bring(*ROOM)
    before, digests = asked.server.requests()[SEARCH], asked.digests("hits")
    asked.lake.seal_round()
    done = asked.bring(*ROOM)
    pages = asked.rows("search_pages")
    assert work_of(done, "search_pages") == {"searches": len(pages)}
    assert asked.server.requests()[SEARCH] == before + len(pages)
    assert {page["asked_round"] for page in pages} == {2}
    assert asked.digests("hits") == digests
    assert {one.outcome for (name, _), one in done.items() if name == "hits"} == {"unchanged"}


def test_another_world_of_the_study_is_asked_again_within_a_round(asked):
    asked.bring("queries", "search_pages")
    pages = len(asked.rows("search_pages"))
    other = asked.again(sample={"alt_noise": 0.5})
    assert work_of(other.bring("search_pages"), "search_pages") == {"searches": pages}
    assert {one.outcome for one in other.again(sample={"alt_noise": 0.5}).bring("search_pages").values()} == {
        "unchanged"
    }


def test_what_the_study_says_of_a_searched_world_is_known_by_the_request():
    study = load_study("photos")
    (before,) = study.folders
    (more,) = changed(study, folders=[{**before.model_dump(), "held_out_share": 0.5}]).folders
    assert world_of(study, "folder") != world_of(study.model_copy(update={"folders": [more]}), "folder")
    request = Request("folder://photos")
    assert request_id(request) != request_id(request, world_of(study, "folder"))
    assert [world_of(study, name) for name in ("commons", "sample", "table")] == ["", "", ""]


def test_pages_of_retired_queries_stay(asked):
    asked.bring(*ROOM)
    before = {page["query_id"] for page in asked.rows("search_pages")}
    log = asked.server.requests()[SEARCH]
    fewer = asked.again(queries={"per_entity": 1})
    fewer.bring("queries", "search_pages")
    assert len(fewer.rows("queries")) < len(before)
    assert {page["query_id"] for page in fewer.rows("search_pages")} == before
    assert fewer.server.requests()[SEARCH] == log


def test_a_wider_budget_asks_only_what_is_new(asked):
    narrow = asked.again(queries={"per_entity": 1})
    narrow.bring("queries", "search_pages")
    log = narrow.server.requests()[SEARCH]
    wide = narrow.again(queries={"per_entity": 4})
    done = wide.bring("queries", "search_pages")
    fresh = len(wide.rows("queries")) - log
    assert fresh > 0
    assert work_of(done, "search_pages")["searches"] == fresh
    assert wide.server.requests()[SEARCH] == log + fresh


def test_a_bad_answer_is_a_row_with_its_reason_and_its_words(asked):
    bad = next(iter(sorted(row["text"] for row in asked.rows("queries"))))
    real = asked.place.web

    def spoil(text, answer):
        return Answer(answer.url, "ok", None, 200, {}, b"<html>quota</html>") if text == bad else answer

    asked.place.web = Doubted(real, spoil)
    asked.bring(*ROOM[:-1])
    (page,) = [page for page in asked.rows("search_pages") if page["outcome"] != "ok"]
    assert (page["outcome"], page["body"]) == ("bad_answer", "<html>quota</html>")
    assert "expected JSON" in page["reason"]
    assert asked.counts("hits")["page_bad_answer"] == 1
    asked.place.web = real
    log = asked.server.requests()
    asked.bring(*ROOM[:-1])
    assert asked.server.requests() == log
    asked.lake.seal_round()
    asked.bring(*ROOM[:-1])
    assert {page["outcome"] for page in asked.rows("search_pages")} == {"ok"}


def test_a_failure_that_passes_is_asked_again_in_the_next_run(asked):
    slow = next(iter(sorted(row["text"] for row in asked.rows("queries"))))
    real = asked.place.web
    asked.place.web = Doubted(
        real, lambda text, answer: Answer(answer.url, "timeout", "slow") if text == slow else answer
    )
    asked.bring(*ROOM[:-1])
    assert Counter(page["outcome"] for page in asked.rows("search_pages"))["timeout"] == 1
    asked.place.web = again = Doubted(real, lambda text, answer: answer)
    asked.bring(*ROOM[:-1])
    assert again.asked == {slow: 1}
    assert {page["outcome"] for page in asked.rows("search_pages")} == {"ok"}


def test_pages_asked_before_an_interruption_are_not_asked_again(asked):
    real, taken = asked.place.web, []

    def interrupt(text, answer):
        taken.append(text)
        if len(taken) == 7:
            raise KeyboardInterrupt
        return answer

    asked.place.web = Doubted(real, interrupt)
    with pytest.raises(KeyboardInterrupt):
        asked.bring("search_pages")
    asked.place.web = again = Doubted(real, lambda text, answer: answer)
    asked.bring("search_pages")
    assert not set(again.asked) & set(taken[:6])
    assert len(again.asked) + 6 == len(asked.rows("queries"))


def test_every_hit_leads_to_an_address_and_every_address_is_in_its_slice(asked):
    asked.bring(*ROOM)
    hits, urls = asked.rows("hits"), asked.rows("urls")
    assert {hit["url_id"] for hit in hits} == {url["url_id"] for url in urls}
    assert sum(url["hit_count"] for url in urls) == len(hits)
    planned = {row.url for row in asked.server.world.plan()}
    assert {url["image_url"] for url in urls} <= planned
    assert all(url["host"] == url["image_url"].split("/")[2] for url in urls)


def test_hits_that_are_no_address_are_counted():
    said = [
        "http://a.test/1.jpg", "ftp://a.test/2.jpg", "/3.jpg", "", "http://[::1", "http://a.test:x/6.jpg", "HTTP://A.TEST:80/1.jpg#top",
    ]  # fmt: skip
    found = provider("sample").parse(
        json.dumps({"results": [{"rank": n, "image_url": url} for n, url in enumerate(said, 1)]})
    )
    page = {
        "query_id": "q",
        "provider": "sample",
        "page": 1,
        "qid": "Q1",
        "query_text": "x",
        "query_kind": "noun",
        "outcome": "ok",
    }
    body = json.dumps({"results": [{"rank": hit.rank, "image_url": hit.image_url} for hit in found]})
    made = hits_room.hits.make(
        SimpleNamespace(
            rows=lambda name: [{**page, "body": body}] if name == "search_pages" else [],
            select=lambda query, **params: [],
        )
    )
    rows = list(made.content)
    assert made.counts == {"ok": 2, "bad_url": 5}
    assert len({row["url_id"] for row in rows}) == 1


def test_the_forecast_counts_without_a_result(asked):
    asked.bring("yield_forecast")
    rows = asked.rows("yield_forecast")
    assert asked.server.requests() == {SEARCH: len(rows)}
    assert all(row["pictures_available"] >= row["pictures_in_budget"] >= 0 for row in rows)
    assert {row["qid"] for row in rows} == {row["qid"] for row in asked.rows("entities")}
