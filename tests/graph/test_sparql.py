"""SPARQL answers: a status of 200 proves nothing."""

from __future__ import annotations

import json

import pytest

from entitynet_assets.graph.sparql import BadAnswerError, children_query, parse_bindings, parse_children

WD = "http://www.wikidata.org/entity/"


def results(*rows, **more) -> bytes:
    bindings = [{name: {"type": "uri", "value": value} for name, value in row.items()} for row in rows]
    return json.dumps({"head": {"vars": ["child", "parent"]}, "results": {"bindings": bindings}, **more}).encode()


GOOD = results({"child": WD + "Q2", "parent": WD + "Q1"}, {"child": WD + "Q3", "parent": WD + "Q1"})


def test_pairs_are_read():
    assert parse_children(GOOD) == [("Q2", "Q1"), ("Q3", "Q1")]
    assert parse_children(results()) == []


def test_repeated_pairs_are_one():
    row = {"child": WD + "Q2", "parent": WD + "Q1"}
    assert parse_children(results(row, row)) == [("Q2", "Q1")]


@pytest.mark.parametrize(
    "body",
    [
        b"", b" ", b"Please set a user-agent with a contact", b"<!doctype html><html><body>502 Bad Gateway</body></html>",
        GOOD[:-20], GOOD[: len(GOOD) // 2],
        GOOD + b"!!!!>># An error has occurred while exporting the query result",
        GOOD + b"\njava.util.concurrent.TimeoutException\n\tat java.base",
        b"[]", b"null", b"5", b"{}", b'{"results": []}', b'{"results": {}}',
        b'{"results": {"bindings": {}, "x": 1}, "head": 5, "results": null}',
        b'{"results": {"bindings": [5]}}', b'{"results": {"bindings": [{"child": "Q1"}]}}',
        b'{"results": {"bindings": [{"child": {"type": "uri"}}]}}',
        b'{"results": {"bindings": null}}', b'{"exception": "Operation timed out", "status": "ERROR"}', b"\xff\xfe\x00",
    ],
    ids=range(21),
)  # fmt: skip
def test_what_is_not_a_whole_answer_is_refused(body):
    with pytest.raises(BadAnswerError, match="expected SPARQL JSON results"):
        parse_bindings(body)


TRACE = "SPARQL-QUERY: queryStr=SELECT\njava.util.concurrent.TimeoutException\n\tat java.base/java.util.concurrent.FutureTask.get"


@pytest.mark.parametrize(
    "row",
    [{"child": WD + "Q2" + TRACE, "parent": WD + "Q1"}, {"child": WD + "Q2", "parent": TRACE}, {"child": "", "parent": WD + "Q1"},
     {"child": WD + "Q2"}, {"parent": WD + "Q1"}, {}],
    ids=range(6),
)  # fmt: skip
def test_a_stack_trace_in_a_string_or_a_missing_value_is_refused(row):
    with pytest.raises(BadAnswerError, match="expected the address"):
        parse_children(results({"child": WD + "Q3", "parent": WD + "Q1"}, row))


@pytest.mark.parametrize(
    "value",
    ["http://www.wikidata.org/.well-known/genid/1b4a3f", "t1234", "_:b0", WD + "P31", WD + "L42", WD + "Q0", WD + "q5", WD + "Q5#x",
     "http://www.wikidata.org/entity/statement/Q5-abc", "https://www.wikidata.org/entity/Q5", "http://example.org/Q5"],
)  # fmt: skip
def test_values_that_name_no_item_are_left_out(value):
    assert parse_children(results({"child": value, "parent": WD + "Q1"}, {"child": WD + "Q2", "parent": value})) == []


@pytest.mark.parametrize(("said", "fits"), [(2, True), (3, False), (0, False)])
def test_an_answer_that_counts_itself_must_be_whole(said, fits):
    body = results(
        {"child": WD + "Q2", "parent": WD + "Q1"},
        {"child": WD + "Q3", "parent": WD + "Q1"},
        meta={"result-size-total": said},
    )
    if fits:
        assert len(parse_children(body)) == 2
    else:
        with pytest.raises(BadAnswerError, match=f"expected {said} bindings"):
            parse_children(body)


@pytest.mark.parametrize("meta", [None, [], "x", {}, {"query-time-ms": 5}])
def test_an_answer_that_does_not_count_itself_is_taken(meta):
    assert parse_children(results({"child": WD + "Q2", "parent": WD + "Q1"}, meta=meta)) == [("Q2", "Q1")]


def test_queries_are_plain_sparql():
    query = children_query(["Q1", "Q2"], ["P279", "P171"])
    assert "VALUES ?parent { wd:Q1 wd:Q2 }" in query
    assert "wdt:P279|wdt:P171" in query
    for word in ("SERVICE", "gas:", "bd:", "hint:"):
        assert word not in query
