"""A query service that fails as real ones do, over HTTP: halves, counts, notes, and words where nothing helps."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from entitynet_assets.graph.service import COUNTED
from entitynet_assets.graph.source import SourceError
from tests.fakes.rooms import changed, data_folder
from tests.fakes.web_server import Call, FaultyServer, faulty_server

WD = "http://www.wikidata.org/entity/"
TRACE = (
    "SPARQL-QUERY: queryStr=SELECT DISTINCT ?child\njava.util.concurrent.TimeoutException\n\tat java.base/java.util.concurrent."
    "FutureTask.get(FutureTask.java:204)\n\tat com.bigdata.rdf.sail.webapp.BigdataServlet.submitApiTask(BigdataServlet.java:292)\n"
)
QLEVER = {"exception": "Operation timed out.", "query": "SELECT", "status": "ERROR", "time": {"total": 30001}}
CHILDREN = {"Q1": ["Q2", "Q3", "Q4", "Q5"], "Q2": ["Q6"], "Q3": ["Q6", "Q7"], "Q7": ["Q1"]}
Fault = Callable[[Call, list[str], bytes], None]


def answer(rows: list[dict[str, str]], **more: Any) -> bytes:
    bindings = [{name: {"type": "uri", "value": value} for name, value in row.items()} for row in rows]
    return json.dumps({"head": {"vars": ["child", "parent"]}, "results": {"bindings": bindings}, **more}).encode()


class Wikidata:
    """A query service and an item API on one small graph; `fault` answers for queries of statements instead, if it will."""

    def __init__(self, server: FaultyServer, children: dict[str, list[str]]) -> None:
        self.children, self.fault, self.miscount = children, None, 0
        self.asked: list[list[str]] = []
        self.until: tuple[int, bytes] = (200, answer([{"until": "2026-11-20T23:59:31Z"}]))
        self.sparql = server.on("/sparql", self._sparql)
        self.api = server.on("/api", self._api)

    def _sparql(self, call: Call) -> None:
        query = parse_qs(call.body.decode())["query"][0]
        if "updatesCompleteUntil" in query:
            return call.answer(*self.until)
        ids = re.findall(r"wd:(Q\d+)", query)
        below = "VALUES ?parent" in query
        pairs = [(c, p) for p, many in self.children.items() for c in many if (p if below else c) in ids]
        if "COUNT" in query:
            number = {"type": "literal", "value": str(len(pairs) + self.miscount)}
            return call.answer(200, json.dumps({"head": {}, "results": {"bindings": [{"rows": number}]}}).encode())
        self.asked.append(ids)
        body = answer([{"child": WD + c, "parent": WD + p} for c, p in pairs])
        return self.fault(call, ids, body) if self.fault else call.answer(200, body)

    def _api(self, call: Call) -> None:
        ids = parse_qs(call.path.partition("?")[2])["ids"][0].split("|")
        call.answer(200, json.dumps({"entities": {qid: self._item(qid) for qid in ids}}).encode())

    def _item(self, qid: str) -> dict[str, Any]:
        above = [parent for parent, many in self.children.items() if qid in many]
        snaks = [
            {"snaktype": "value", "datavalue": {"value": {"entity-type": "item", "id": parent}}} for parent in above
        ]
        return {
            "type": "item",
            "id": qid,
            "claims": {"P279": [{"mainsnak": snak, "rank": "normal"} for snak in snaks]},
        }


@pytest.fixture
def wikidata() -> Iterator[Wikidata]:
    with faulty_server() as server:
        yield Wikidata(server, CHILDREN)


@pytest.fixture
def harvested(wikidata, rooms_of, sample_study) -> Callable[..., set[str]]:
    def run(**scope: Any) -> set[str]:
        graph = {"sparql": wikidata.sparql, "api": wikidata.api}
        scope = {"roots": ["Q1"], "relations": ["P279"], "exclude": [], **scope}
        place = rooms_of(changed(sample_study, graph=graph, scope=scope), "service")
        place.bring("graph_source", "wikidata_items")
        return {row["qid"] for row in place.rows("wikidata_items") if row["role"] == "member"}

    return run


ALL = {"Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q7"}


def many(limit: int, fail: Callable[[Call, bytes], None]) -> Fault:
    return lambda call, ids, body: (
        fail(call, body) if len(ids) > limit and b"entity/Q" in body else call.answer(200, body)
    )


TOO_MUCH = {
    "wdqs trace after good rows": lambda call, body: call.answer(200, body[:-4] + TRACE.encode()),
    "wdqs trace inside a string": lambda call, body: call.answer(
        200, body[: body.rfind(b"Q")] + json.dumps(TRACE)[1:-1].encode() + b'"}}]}}'
    ),
    "wdqs 500": lambda call, body: call.answer(500, TRACE.encode()),
    "qlever 429": lambda call, body: call.answer(429, json.dumps(QLEVER).encode()),
    "qlever trailing line": lambda call, body: call.answer(
        200, body[:-9] + b"\n!!!!>># An error has occurred while exporting the query result. Operation timed out."
    ),
    "qlever count of its own": lambda call, body: call.answer(200, body[:-1] + b',"meta":{"result-size-total":99}}'),
    "cut body": lambda call, body: call.answer(200, body[: len(body) // 2]),
    "gateway": lambda call, body: call.answer(504, b"upstream request timeout"),
}


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_question_that_is_too_much_is_asked_in_halves(name, wikidata, harvested):
    wikidata.fault = many(1, TOO_MUCH[name])
    assert harvested() == ALL
    assert max(map(len, wikidata.asked)) > 1


@pytest.mark.parametrize("name", ["wdqs trace after good rows", "qlever 429"])
def test_one_id_that_is_too_much_says_what_to_do(name, wikidata, harvested):
    wikidata.fault = many(0, TOO_MUCH[name])
    with pytest.raises(SourceError, match=r"Q1 alone \(P279\) is more than the service answers whole.*use a dump"):
        harvested()
    assert {len(ids) for ids in wikidata.asked} == {1}


REFUSED = {
    "prose": b"Please set a user-agent and respect our robot policy https://w.wiki/4wJS.",
    "html": b"<!DOCTYPE html>\n<html><head><title>Wikimedia Error</title></head><body>Our servers are under maintenance</body></html>",
    "flat rows": json.dumps([{"child": WD + "Q2", "parent": WD + "Q1"}]).encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_answer_at_all_is_not_asked_in_halves(name, wikidata, harvested):
    wikidata.fault = lambda call, ids, body: call.answer(200, REFUSED[name])
    with pytest.raises(SourceError, match=r"SPARQL: expected SPARQL JSON results.*check graph\.sparql"):
        harvested()
    assert len(wikidata.asked) == 1


def test_being_asked_too_often_is_a_rest_and_not_a_smaller_question(wikidata, harvested):
    said = iter([429])
    wikidata.fault = lambda call, ids, body: call.answer(next(said, 200), body, Retry_After="0")
    assert harvested() == ALL
    assert wikidata.asked[0] == wikidata.asked[1]


def test_a_count_that_differs_refuses_the_harvest_and_forgets_its_notes(wikidata, harvested):
    wikidata.miscount = 1
    with pytest.raises(SourceError, match=r"as COUNT says, .* came: the answer was cut"):
        harvested()
    before, wikidata.miscount = len(wikidata.asked), 0
    assert harvested() == ALL
    assert len(wikidata.asked) == 2 * before


def test_an_answer_that_counts_itself_is_not_counted_again(wikidata, harvested):
    wikidata.miscount = 7
    wikidata.fault = lambda call, ids, body: call.answer(
        200, json.dumps({**json.loads(body), "meta": {"result-size-total": body.count(b'"child": {')}}).encode()
    )
    assert harvested() == ALL
    assert len(ALL) < COUNTED


def test_a_walk_that_was_broken_off_asks_only_for_what_is_missing(wikidata, harvested):
    wikidata.fault = lambda call, ids, body: call.answer(*((403, b"banned") if "Q6" in ids else (200, body)))
    with pytest.raises(SourceError, match=r"SPARQL at .*forbidden"):
        harvested()
    first = {qid for ids in wikidata.asked for qid in ids if "Q6" not in ids}
    wikidata.asked, wikidata.fault = [], None
    assert harvested() == ALL
    assert first == {"Q1", "Q2", "Q3", "Q4", "Q5"}
    assert {qid for ids in wikidata.asked for qid in ids} == ALL - first


@pytest.mark.parametrize(
    "odd", ["http://www.wikidata.org/.well-known/genid/8b1e", "_:b12", "t42", WD + "L7", WD + "P31", "https://x.y/Q8"]
)
def test_values_that_are_no_items_are_counted_and_left_out(odd, wikidata, harvested):
    def with_odd(call: Call, ids: list[str], body: bytes) -> None:
        raw = json.loads(body)
        if "Q1" in ids:
            raw["results"]["bindings"].append(
                {name: {"type": "uri", "value": v} for name, v in (("child", odd), ("parent", WD + "Q1"))}
            )
            wikidata.miscount = 1
        call.answer(200, json.dumps(raw).encode())

    wikidata.fault = with_odd
    assert harvested() == ALL


def test_statements_of_an_item_that_was_not_asked_for_are_refused(wikidata, harvested):
    wikidata.fault = lambda call, ids, body: call.answer(200, answer([{"child": WD + "Q2", "parent": WD + "Q99"}]))
    with pytest.raises(SourceError, match=r"asked for statements below 1 ids, told of Q99"):
        harvested()


def test_what_is_below_an_excluded_class_by_an_unwalked_way_is_out(wikidata, harvested):
    wikidata.children = {
        "Q1": ["Q2", "Q3"],
        "Q2": ["Q4"],
        "Q30": ["Q31"],
        "Q31": ["Q32"],
        "Q32": ["Q4"],
        "Q4": ["Q5"],
        "Q29": ["Q30"],
    }
    assert harvested(exclude=["Q30"]) == {"Q1", "Q2", "Q3"}
    assert [ids for ids in wikidata.asked if "Q30" in ids or "Q29" in ids] == []


@pytest.mark.parametrize(
    "path", [("09-nomer-taxa", "wikidata-ranks.json.gz"), ("21-sparql-results", "hindi-father-son.json")]
)
def test_published_answers_of_other_questions_are_refused_with_words(path, wikidata, harvested):
    file = data_folder("wikidata", *path)
    said = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
    wikidata.fault = lambda call, ids, body: call.answer(200, said)
    with pytest.raises(SourceError, match="SPARQL: expected"):
        harvested()


def test_what_the_endpoint_says_of_itself_is_kept_and_asked_once_a_round(wikidata, rooms_of, sample_study):
    graph = {"sparql": wikidata.sparql, "api": wikidata.api}
    place = rooms_of(
        changed(sample_study, graph=graph, scope={"roots": ["Q1"], "relations": ["P279"], "exclude": []}), "told"
    )
    place.bring("graph_source", "wikidata_items", "graph_snapshot")
    (row,) = place.rows("graph_snapshot")
    assert (row["source"], row["address"], row["items"]) == ("sparql", wikidata.sparql, len(ALL))
    assert (row["complete_until"], row["snapshot_id"], row["reason"]) == ("2026-11-20T23:59:31Z", None, None)
    wikidata.until = (200, answer([]))
    assert {done.outcome for done in place.bring("graph_source", "graph_snapshot").values()} == {"unchanged"}
    place.lake.seal_round()
    place.bring("graph_source", "wikidata_items", "graph_snapshot")
    (row,) = place.rows("graph_snapshot")
    assert (row["complete_until"], row["reason"]) == (None, "the endpoint does not say")
