"""The query service: queries are evaluated for real, errors look like the real ones."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.world import World

URL = "http://query.wikidata.test/sparql"
WD = "http://www.wikidata.org/entity/"
FACTS = load_facts()


@pytest.fixture(scope="module")
def select(ask: Callable[..., Any]) -> Callable[[str], list[dict[str, str]]]:
    def run(query: str) -> list[dict[str, str]]:
        answer = ask(URL, "POST", data={"query": query})
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"].startswith("application/sparql-results+json")
        assert set(answer.json()) == {"head", "results"}
        return [{k: v["value"] for k, v in row.items()} for row in answer.json()["results"]["bindings"]]

    return run


def test_closure_below_a_root_is_the_closure_of_the_facts(select: Callable) -> None:
    rows = select("SELECT DISTINCT ?e WHERE { ?e (wdt:P279|wdt:P171)* wd:Q729 }")
    below = {q for q in FACTS.items if "Q729" in FACTS.ancestors(q)}
    assert {row["e"].removeprefix(WD) for row in rows} == below
    assert {"Q726", "Q19939", "Q208004", "Q123141"} <= below


def test_one_hop_down_from_values(select: Callable) -> None:
    rows = select("SELECT ?p ?c WHERE { VALUES ?p { wd:Q3314483 wd:Q233040 } ?c wdt:P279 ?p } ORDER BY ?c")
    children = {(row["p"].removeprefix(WD), row["c"].removeprefix(WD)) for row in rows}
    fruit = {"Q89", "Q13191", "Q1093742", "Q503", "Q14458220", "Q10817602"}
    assert children == {("Q3314483", q) for q in fruit} | {("Q233040", "Q11442"), ("Q233040", "Q34493")}


def test_names_counts_and_versions(select: Callable, world: World) -> None:
    rows = select(
        "SELECT ?label ?links ?version ?when (GROUP_CONCAT(?alias; separator='|') AS ?aliases) WHERE {"
        " VALUES ?e { wd:Q11442 } ?e rdfs:label ?label ; wikibase:sitelinks ?links ; schema:version ?version ;"
        ' schema:dateModified ?when ; skos:altLabel ?alias . FILTER(LANG(?label) = "en") }'
        " GROUP BY ?label ?links ?version ?when"
    )
    bicycle = world.items["Q11442"]
    assert len(rows) == 1
    assert (rows[0]["label"], int(rows[0]["links"])) == ("bicycle", bicycle.sitelinks)
    assert set(rows[0]["aliases"].split("|")) == {a.text for a in bicycle.aliases}
    assert rows[0]["when"].endswith("Z")


def test_attributes_with_their_labels(select: Callable) -> None:
    rows = select("SELECT ?p ?l WHERE { wd:Q19939 ?p ?v . VALUES ?p { wdt:P462 wdt:P527 } ?v rdfs:label ?l }")
    assert {row["l"] for row in rows} >= {"orange", "black", "white", "fur"}


def test_a_query_nobody_wrote_the_server_for(select: Callable) -> None:
    rows = select(
        "SELECT ?colour (COUNT(DISTINCT ?e) AS ?n) (AVG(?size) AS ?mean) WHERE {"
        " ?e wdt:P462/rdfs:label ?colour ; (wdt:P2043|wdt:P2048) ?size }"
        " GROUP BY ?colour HAVING (COUNT(DISTINCT ?e) > 3) ORDER BY DESC(?n) ?colour"
    )
    stated: dict[str, set[str]] = {}
    for qid, item in FACTS.items.items():
        for value in item.values("P462"):
            stated.setdefault(FACTS.items[value].label.text, set()).add(qid)
    wanted = sorted(((len(q), c) for c, q in stated.items() if len(q) > 3), key=lambda x: (-x[0], x[1]))
    assert [(int(r["n"]), r["colour"]) for r in rows] == wanted
    assert wanted


def test_ask_optional_and_unbound(ask: Callable, select: Callable) -> None:
    assert ask(URL, params={"query": "ASK { wd:Q89 wdt:P279 wd:Q3314483 }"}).json()["boolean"] is True
    rows = select("SELECT ?e ?t WHERE { VALUES ?e { wd:Q89 wd:Q19939 } OPTIONAL { ?e wdt:P225 ?t } }")
    assert {row["e"][len(WD) :]: row.get("t") for row in rows} == {"Q89": None, "Q19939": "Panthera tigris"}


def test_articles_lead_to_items(select: Callable) -> None:
    rows = select(
        "PREFIX schema: <http://schema.org/> SELECT ?e ?name WHERE {"
        " <https://en.wikipedia.org/wiki/School_bus> schema:about ?e ; schema:name ?name }"
    )
    assert rows == [{"e": f"{WD}Q58678", "name": "School bus"}]


def test_freshness_is_said(select: Callable) -> None:
    rows = select("SELECT ?t WHERE { wikibase:Dump wikibase:updatesCompleteUntil ?t }")
    assert [row["t"] for row in rows] == ["2026-03-02T09:00:00Z"]


@pytest.mark.parametrize("send", ["get", "form", "body"])
def test_three_ways_to_send(ask: Callable, send: str) -> None:
    query = "SELECT ?l WHERE { wd:Q89 rdfs:label ?l }"
    answer = {
        "get": lambda: ask(f"{URL}?{urlencode({'query': query})}"),
        "form": lambda: ask(URL, "POST", data={"query": query}),
        "body": lambda: ask(URL, "POST", headers={"Content-Type": "application/sparql-query"}, content=query),
    }[send]()
    assert answer.json()["results"]["bindings"] == [{"l": {"type": "literal", "value": "apple", "xml:lang": "en"}}]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT WHERE",
        "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o }",
        "SELECT * WHERE { SERVICE <http://example.org/sparql> { ?s ?p ?o } }",
        "SELECT * FROM <http://example.org> WHERE { ?s a ?o } LIMIT",
        "INSERT DATA { <http://a> <http://b> <http://c> }",
        "",
    ],
)
def test_refused_queries_are_400_with_text(ask: Callable, query: str) -> None:
    answer = ask(URL, "POST", data={"query": query})
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.text.strip()


@pytest.mark.parametrize("agent", ["python-requests/2.31", ""])
def test_a_client_without_contact_is_refused(ask: Callable, agent: str) -> None:
    answer = ask(URL, params={"query": "ASK {}"}, headers={"User-Agent": agent})
    assert answer.status_code == 403
    assert "user-agent" in answer.text
