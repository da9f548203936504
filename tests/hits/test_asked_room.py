"""Every provider through the room's stations, against a loopback server that answers as it does."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from entitynet_assets.hits import keys
from entitynet_assets.hits.keys import need_keys
from entitynet_assets.hits.provider import provider
from entitynet_assets.studies.models import StudyError
from tests.fakes.image_searches import KEYS, SEARCHES, TOTAL, serve_searches
from tests.fakes.web_server import Call, FaultyServer, faulty_server
from tests.small_lake import SmallLake

ITEM = {
    "identifiers": [{"property_id": "P373", "value": "Cats"}, {"property_id": "P846", "value": "7"}],
    "style": "any",
}
QUERIES: list[dict[str, Any]] = [
    {"query_id": "n1", "qid": "Q1", "text": "cat", "kind": "noun"}, {"query_id": "n2", "qid": "Q2", "text": "dog", "kind": "noun"},
    {"query_id": "i1", "qid": "Q1", "text": "cat", "kind": "item", **ITEM},
    {"query_id": "i2", "qid": "Q2", "text": "dog", "kind": "item", **ITEM},
]  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallLake]:
    """A lake whose connections are closed after the test."""
    made = SmallLake(tmp_path)
    yield made
    made.place.close()


@pytest.fixture
def searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    """The server; every provider is sent there, the keys are set, quotas begin empty."""
    with faulty_server() as server:
        serve_searches(server)
        monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path / "home"))
        for name in SEARCHES:
            monkeypatch.setenv(f"ENTITYNET_ENDPOINT_{name.upper()}", server.url(f"/{name}"))
        for name, key in KEYS.items():
            monkeypatch.setenv(f"ENTITYNET_KEY_{name.upper()}", key)
        yield server


def filled(small: SmallLake, *providers: dict[str, Any], queries: list[dict[str, Any]] = QUERIES) -> SmallLake:
    for section in providers:
        section.setdefault("accept_risk", True)
    small.choose(sample=None, providers=[{"pages": 2, "per_page": 3, **section} for section in providers])
    small.put("queries", queries)
    return small


@pytest.mark.parametrize("name", SEARCHES)
def test_pages_are_asked_to_the_end_and_read_into_hits(name: str, small: SmallLake, searches: FaultyServer) -> None:
    filled(small, {"name": name, "pages": 9})
    small.make("search_pages")
    small.make("table_hits")
    hits = small.make("hits")
    assert {page["outcome"] for page in small.lake.rows("search_pages")} == {"ok"}
    by_entity = Counter(hit["qid"] for hit in hits)
    most = 3 if name in ("commons_category", "brave") else TOTAL  # a page of the fake's category, an answer of Brave
    assert by_entity == {"Q1": most, "Q2": most}
    for qid in by_entity:
        assert [hit["rank"] for hit in sorted(hits, key=lambda hit: hit["rank"]) if hit["qid"] == qid] == list(
            range(1, most + 1)
        )
    assert all(hit["licence"] and hit["image_url"].startswith(searches.url()) for hit in hits)
    before = len(searches.log)
    assert small.run("search_pages").outcome == "unchanged"
    assert len(searches.log) == before


@pytest.mark.parametrize("name", KEYS)
def test_a_key_goes_out_and_nowhere_else(name: str, small: SmallLake, searches: FaultyServer, tmp_path: Path) -> None:
    filled(small, {"name": name})
    pages = small.make("search_pages")
    small.make("table_hits")
    small.make("hits")
    small.make("yield_forecast")
    sent = [call for call in searches.log if KEYS[name] in json.dumps([call.path, call.headers])]
    assert len(sent) == len(searches.log) > 0 or name == "europeana"
    assert {page["outcome"] for page in pages} == {"ok"}
    for table in ("search_pages", "hits", "yield_forecast"):
        assert KEYS[name] not in json.dumps(small.lake.rows(table)), table
    kept = [path for path in (tmp_path / "lake").rglob("*") if path.is_file()]
    assert not [path for path in kept if KEYS[name].encode() in path.read_bytes()]


def test_a_refused_key_is_a_row_without_it(
    small: SmallLake, searches: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENTITYNET_KEY_FLICKR", "mistyped-key")
    pages = filled(small, {"name": "flickr"}).make("search_pages")
    assert {page["outcome"] for page in pages} == {"forbidden"}
    assert "mistyped-key" not in json.dumps(pages)


def tokens(server: FaultyServer, life_s: float) -> list[str]:
    """Serve Openverse's exchange in its documented shape; returns the tokens given, as they come to be."""
    given: list[str] = []

    def exchange(call: Call) -> None:
        said = dict(parse_qsl(call.body.decode()))
        if (said.get("grant_type"), said.get("client_id"), said.get("client_secret")) != (
            "client_credentials",
            "me",
            "hush/hush",
        ):
            call.answer(401, b'{"error": "invalid_client"}')
            return
        given.append(f"token-{len(given)}")
        found = {"access_token": given[-1], "expires_in": life_s, "token_type": "Bearer", "scope": "read write"}
        call.answer(200, json.dumps(found).encode())

    server.on("/token", exchange)
    return given


@pytest.mark.parametrize(("life_s", "exchanges"), [(43_200, 1), (1, 4)])
def test_an_id_and_secret_are_exchanged_for_a_token_that_is_kept_while_it_lasts(
    life_s: float,
    exchanges: int,
    small: SmallLake,
    searches: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(keys, "_tokens", {})
    given = tokens(searches, life_s)
    monkeypatch.setenv("ENTITYNET_KEY_OPENVERSE", "me:hush/hush")
    monkeypatch.setenv("ENTITYNET_ENDPOINT_OPENVERSE_TOKEN", searches.url("/token"))
    pages = filled(small, {"name": "openverse"}).make("search_pages")
    assert {page["outcome"] for page in pages} == {"ok"}
    asked = [call.headers["Authorization"] for call in searches.log if call.path.startswith("/openverse")]
    assert len(asked) == 4
    assert len(given) == exchanges
    assert set(asked) == {f"Bearer {token}" for token in given}
    kept = b"".join(path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file())
    assert not [secret for secret in ("hush", *given) if secret.encode() in kept]
    body = f'{{"me": "hush/hush", "next": "?s=hush%2Fhush", "token": "{given[-1]}"}}'
    assert keys.without_key(body, provider("openverse").KEY) == '{"me": "KEY", "next": "?s=KEY", "token": "KEY"}'


def test_a_wrong_secret_is_told_and_not_repeated(
    small: SmallLake, searches: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keys, "_tokens", {})
    tokens(searches, 60)
    monkeypatch.setenv("ENTITYNET_KEY_OPENVERSE", "me:wrong")
    monkeypatch.setenv("ENTITYNET_ENDPOINT_OPENVERSE_TOKEN", searches.url("/token"))
    with pytest.raises(StudyError, match="ENTITYNET_KEY_OPENVERSE: no token for this id and secret") as caught:
        filled(small, {"name": "openverse"}).make("search_pages")
    assert "wrong" not in str(caught.value)
    assert not [call for call in searches.log if call.path.startswith("/openverse")]


def test_a_key_that_is_missing_is_told_before_anything_is_asked(
    small: SmallLake, searches: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(small, {"name": "flickr"}, {"name": "brave"}, {"name": "openverse", "per_page": 50})
    monkeypatch.delenv("ENTITYNET_KEY_FLICKR")
    monkeypatch.setenv("ENTITYNET_KEY_BRAVE", " ")
    with pytest.raises(StudyError) as caught:
        small.make("search_pages")
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("providers.flickr: ENTITYNET_KEY_FLICKR is not set; get a key at https://www.flickr.com/")
    assert second.startswith("providers.brave: ENTITYNET_KEY_BRAVE is not set")
    assert third.startswith("providers.openverse.per_page: found 50; without ENTITYNET_KEY_OPENVERSE")
    assert third.endswith("at most 20 are allowed")
    assert searches.log == []
    with pytest.raises(StudyError):
        need_keys(small.study)


@pytest.mark.parametrize(
    ("before", "after", "asked"),
    [({"pages": 1}, {"pages": 2}, 2), ({"pages": 2}, {"pages": 2}, 0), ({"per_page": 3}, {"per_page": 2}, 4)],
    ids=["pages", "nothing", "per_page"],
)
def test_a_changed_section_asks_only_what_is_new(
    before: dict[str, int], after: dict[str, int], asked: int, small: SmallLake, searches: FaultyServer
) -> None:
    nouns = QUERIES[:2]
    filled(small, {"name": "openverse", **before}, queries=nouns).make("search_pages")
    log = len(searches.log)
    filled(small, {"name": "openverse", **after}, queries=nouns).run("search_pages")
    assert len(searches.log) - log == asked


def test_another_address_is_asked_anew(
    small: SmallLake, searches: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ENTITYNET_ENDPOINT_GBIF")
    address = searches.url("/gbif")
    searches.on("/mirror", searches.paths["/gbif"])
    filled(small, {"name": "gbif", "address": address}).make("search_pages")
    filled(small, {"name": "gbif", "address": searches.url("/mirror")}).make("search_pages")
    assert len(searches.asked("/mirror")) == len(searches.asked("/gbif")) == 4


def test_many_entities_are_asked_at_once_and_each_keeps_its_part(small: SmallLake, searches: FaultyServer) -> None:
    filled(small, {"name": "commons_depicts"}).make("search_pages")
    assert len(searches.log) == 1
    pages = {page["qid"]: page for page in small.lake.rows("search_pages")}
    assert pages["Q1"]["request_url"] == pages["Q2"]["request_url"]
    assert "Q2" not in pages["Q1"]["body"]
    third = {"query_id": "i3", "qid": "Q3", "text": "cow", "kind": "item", **ITEM}
    filled(small, {"name": "commons_depicts"}, queries=[*QUERIES, third]).make("search_pages")
    assert b"Q3" in searches.log[-1].body
    assert b"Q1" not in searches.log[-1].body  # who was asked for is not asked again because of who came


def test_the_cap_of_paid_calls_holds_over_all_runs(small: SmallLake, searches: FaultyServer) -> None:
    many = [{"query_id": f"n{n}", "qid": f"Q{n}", "text": f"thing {n}", "kind": "noun"} for n in range(1, 8)]
    section = {"name": "serper", "pages": 1, "price_per_1000": 1.0, "max_paid_calls": 3}
    for _ in range(2):
        pages = filled(small, dict(section), queries=many).make("search_pages")
        assert Counter(page["outcome"] for page in pages) == {"ok": 3, "throttled": 4}
        assert len(searches.log) == 3
    assert any("serper" in (page["reason"] or "") for page in pages)
    filled(small, {**section, "max_paid_calls": 5}, queries=many).make("search_pages")
    assert len(searches.log) == 5


def test_answers_that_are_none_are_rows_and_the_next_page_is_not_asked(
    small: SmallLake, searches: FaultyServer
) -> None:
    searches.on("/gbif", lambda call: call.answer(200, b"<html>sorry</html>"))
    searches.on("/commons_depicts", lambda call: call.answer(200, b'{"results": {"bindings": [{"item": 5}]}}'))
    pages = filled(small, {"name": "gbif"}, {"name": "commons_depicts"}).make("search_pages")
    assert {page["outcome"] for page in pages} == {"bad_answer"}
    assert {page["page"] for page in pages} == {1}
    assert all("expected" in page["reason"] for page in pages)
    small.make("table_hits")
    assert small.make("hits") == []


def test_a_drawing_is_asked_only_of_who_can_be_asked_for_one(small: SmallLake, searches: FaultyServer) -> None:
    drawing = {"query_id": "d1", "qid": "Q1", "text": "cat", "kind": "drawing", "style": "drawing"}
    pages = filled(small, {"name": "europeana"}, {"name": "openverse", "pages": 1}, queries=[drawing]).make(
        "search_pages"
    )
    assert [page["provider"] for page in pages] == ["openverse"]
    assert "category=illustration" in pages[0]["request_url"]


def test_the_forecast_is_by_entity_provider_and_licence(small: SmallLake, searches: FaultyServer) -> None:
    sections = [
        {"name": "commons", "forecast_licences": ["CC0-1.0"]},
        {"name": "commons_depicts"},
        {"name": "gbif"},
        {"name": "brave"},
    ]
    filled(small, *sections)
    rows = {(row["qid"], row["provider"], row["licence"]): row for row in small.make("yield_forecast")}
    assert (
        rows["Q1", "commons", "any"]["pictures_available"]
        == rows["Q1", "commons", "CC0-1.0"]["pictures_available"]
        == TOTAL
    )
    assert rows["Q2", "commons_depicts", "CC0-1.0"]["pictures_available"] == TOTAL
    assert rows["Q2", "commons_depicts", "any"]["pictures_in_budget"] == TOTAL
    assert rows["Q1", "gbif", "any"]["pictures_available"] == TOTAL
    assert rows["Q1", "brave", "any"]["pictures_available"] is None
    assert searches.asked("/brave") == []
    small.choose(providers=[{"name": "gbif", "forecast_licences": ["CC0-1.0"]}])
    with pytest.raises(StudyError, match=r"providers\.gbif\.forecast_licences: found 'CC0-1\.0'; allowed: none"):
        small.make("yield_forecast")


def test_queries_of_all_kinds_find_their_providers(small: SmallLake, searches: FaultyServer) -> None:
    filled(small, {"name": "commons"}, {"name": "commons_statements"}, {"name": "openverse"})
    pages = small.make("search_pages")
    kinds = {(page["provider"], page["query_kind"]) for page in pages}
    assert kinds == {("commons", "noun"), ("commons_statements", "item"), ("openverse", "noun")}
