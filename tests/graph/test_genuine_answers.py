"""Answers that the real item API and query services gave, served again: each is taken for what it is, or refused with words."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pyoxigraph as ox
import pytest

from entitynet_assets.graph.dump import rows_of_items
from entitynet_assets.graph.hydration import ItemApi
from entitynet_assets.graph.source import SourceError
from entitynet_assets.graph.sparql import count_query, parents_query, parse_count, parse_pairs
from entitynet_assets.sample.wikidata import run_query
from tests.fakes.rooms import changed, data_folder
from tests.fakes.web_server import Call, FaultyServer, faulty_server

TOOLKIT = ("wikidata", "12-wikidata-toolkit-api")
RDF = ("wikidata", "13-wdqs-rdf")
Rows = list[dict[str, Any]]


class Replay:
    """An item API that gives answers one after the other, the last one for ever; `calls` has the ids of each request."""

    def __init__(self, server: FaultyServer) -> None:
        self.address, self.answers, self.calls = server.on("/w/api.php", self._answer), [b""], list[list[str]]()

    def _answer(self, call: Call) -> None:
        self.calls.append(parse_qs(call.path.partition("?")[2])["ids"][0].split("|"))
        call.answer(200, self.answers[min(len(self.calls), len(self.answers)) - 1], Retry_After="0")


@pytest.fixture
def replay() -> Iterator[Replay]:
    with faulty_server() as server:
        yield Replay(server)


@pytest.fixture
def asked(replay, rooms_of, sample_study) -> Callable[..., Rows]:
    def ask(*qids: str, answers: list[bytes]) -> Rows:
        replay.answers = answers
        place = rooms_of(changed(sample_study, graph={"api": replay.address}, web={"tries": 3}), "replay").place
        return ItemApi(place).rows(list(qids), "member", lambda done, total, what: None)

    return ask


def body(name: str) -> bytes:
    return (data_folder(*TOOLKIT) / "api-responses" / name).read_bytes()


def test_a_missing_item_beside_one_that_is_there(asked, replay):
    gone, adams = asked("Q6", "Q42", answers=[body("wbgetentities-Q6-Q42-P31.json")])
    assert (gone["status"], gone["reason"], gone["claims"]) == ("missing", "no such item", [])
    assert (adams["status"], adams["revision"], adams["modified_at"]) == ("ok", 196015688, "2015-02-13T00:11:48Z")
    assert replay.calls == [["Q6", "Q42"]]


def test_a_redirect_is_a_row_that_says_where_to(asked):
    (row,) = asked("Q32063953", answers=[body("wbgetentities-Q32063953.json")])
    assert (row["qid"], row["status"], row["redirect_qid"]) == ("Q32063953", "redirect", "Q1040")


@pytest.mark.parametrize(
    "name", ["wbgetentities-Q1.json", "wbgetentities-Douglas-Adams.json", "wbgetentites-Oliver-Kahn.json"]
)
def test_items_are_read_as_they_came(name, asked):
    raw = json.loads(body(name))["entities"]
    (row,) = asked(*raw, answers=[body(name)])
    labels = {label["language"]: label["text"] for label in row["labels"]}
    (item,) = raw.values()
    assert (row["status"], labels["en"]) == ("ok", item["labels"]["en"]["value"])
    assert row["sitelink_count"] == len(item.get("sitelinks") or {})


LIMITED = b'{"error":{"code":"ratelimited","info":"You\\u0027ve exceeded your rate limit. Please wait some time and try again."}}'


@pytest.mark.parametrize("name", ["error-maxlag.json", "error-maxlag-full.json", "ratelimited"])
def test_a_busy_api_is_rested_and_asked_again(name, asked, replay):
    busy = LIMITED if name == "ratelimited" else body(name)
    (row,) = asked("Q42", answers=[busy, busy, body("wbgetentities-Douglas-Adams.json")])
    assert row["status"] == "ok"
    assert replay.calls == [["Q42"]] * 3
    replay.calls.clear()
    with pytest.raises(
        SourceError, match=r"(?s)item API at .*throttled .*come again later.* after 3 tries: .*(maxlag|ratelimited)"
    ):
        asked("Q42", answers=[busy])
    assert len(replay.calls) == 3


@pytest.mark.parametrize("name", ["error.json", "wbgetentities-bogus.json", "error-spam-filter.json"])
def test_a_refusal_is_told_in_the_apis_words_and_not_asked_again(name, asked, replay):
    with pytest.raises(SourceError, match=r"item API refused: (no-such-entity|failed-save): .*mend graph\.api or wait"):
        asked("Q1", answers=[body(name)])
    assert len(replay.calls) == 1


OTHERS = ("warnings.json", "wbsearchentities-abc.json", "wbsearchentities-empty.json")
STRANGERS = ("wbgetentities-RandomImage.jpg.json", "wbgetentities-1234567890-missing.json", "wbgetentities-missing-mid.json",
             "wbgetentities-titles.json", "wbgetentities-virtual-Test.jpg.json", "wbgetentities-Q1.json")  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_answers_to_other_questions_are_refused(name, asked, replay):
    with pytest.raises(SourceError, match=r"item API: expected entities, found .*check graph\.api"):
        asked("Q5", answers=[body(name)])
    assert len(replay.calls) == 1


@pytest.mark.parametrize("name", STRANGERS)
def test_an_answer_about_something_else_does_not_make_an_item_missing(name, asked, replay):
    with pytest.raises(SourceError, match=r"item API: asked for Q5, told of .*check graph\.api"):
        asked("Q5", answers=[body(name)])
    assert len(replay.calls) == 1


def test_an_item_that_an_answer_leaves_out_is_asked_for_by_itself(asked, replay):
    both, adams = body("wbgetentities-Q1.json"), body("wbgetentities-Douglas-Adams.json")
    assert [row["status"] for row in asked("Q1", "Q42", answers=[both, adams])] == ["ok", "ok"]
    assert replay.calls == [["Q1", "Q42"], ["Q42"]]


# -- dumps and triples -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ok"), [("mock-dump-for-testing.json", 1), ("mock-dump-with-bugs.json", 1), ("mock-dump-for-long-testing.json", 1),
                     ("sample-dump-20150815.json.gz", 1)],
)  # fmt: skip
def test_published_dumps_are_read_item_by_item(name, ok):
    path = data_folder(*TOOLKIT, "mock-dumps", name)
    rows = list(rows_of_items(path, ("en",)))
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    lines = [one.strip().removesuffix(b",") for one in text.splitlines()]
    readable = [json.loads(one) for one in lines if one not in (b"[", b"]", b"") and is_json(one)]
    items = [raw["id"] for raw in readable if str(raw.get("id", "")).startswith("Q")]
    assert [row["qid"] for row in rows if row["status"] == "ok"] == items
    assert len(items) >= ok


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def unknown_values(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (item, property) of best statements whose value is unknown, which the triples have as a node without a name."""
    for quad in triples(path):
        subject, predicate = str(quad.subject).strip("<>"), str(quad.predicate).strip("<>")
        if isinstance(quad.object, ox.BlankNode) and "/prop/direct/" in predicate and "/entity/Q" in subject:
            yield subject.rpartition("/")[2], predicate.rpartition("/")[2]


def triples(path: Path) -> ox.Store:
    store = ox.Store()
    store.extend(ox.parse(path=path, format=ox.RdfFormat.TURTLE, lenient=True))  # some languages have no proper name
    return store


def test_unknown_values_of_real_triples_are_counted_and_left_out():
    found = {path.name: list(unknown_values(path)) for path in sorted(data_folder(*RDF).glob("*.ttl"))}
    assert sum(map(len, found.values())) > 0
    for name, statements in found.items():
        for qid, pid in statements:
            store, query = triples(data_folder(*RDF, name)), parents_query([qid], [pid])
            pairs = parse_pairs(run_query(store, query))
            assert parse_count(run_query(store, count_query(query))) == pairs.bindings > len(pairs.pairs)


@pytest.mark.parametrize("name", ["Q42.ttl", "RdfRepositoryUpdaterIntegrationTest.Q42-munged.ttl"])
def test_what_real_triples_say_of_an_item_is_read(name):
    pairs = parse_pairs(run_query(triples(data_folder(*RDF, name)), parents_query(["Q42"], ["P31"])))
    assert ("Q42", "Q5") in pairs.pairs
    assert not pairs.sealed
