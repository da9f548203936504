"""Providers: what they promise is read, anything else is a BadPageError with words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entitynet_assets.hits import providers
from entitynet_assets.hits.provider import BadPageError, Hit, Provider, Search, provider
from entitynet_assets.hits.tables_of_pictures import PictureTable
from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import PROVIDERS, TABLES_OF_PICTURES
from entitynet_assets.tables import HITS

sample = provider("sample")
RESULT = {
    "rank": 1, "image_url": "http://a.test/x.jpg", "page_url": "http://a.test/p", "alt": "an apple", "title": "Apple", "licence": "CC0",
    "licence_url": "http://l.test", "author": "A. Painter", "width": 200, "height": 100,
}  # fmt: skip


def page(*results, **more) -> str:
    return json.dumps({"query": "apple", "total": 40, "results": list(results), **more})


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_of_the_studies_is_there(name):
    found = provider(name)
    assert isinstance(found, PictureTable) == (name in TABLES_OF_PICTURES)
    assert isinstance(found, Provider)
    assert found.TERMS
    assert found.QUOTA
    assert found.KEY is None or found.KEY.variable == f"ENTITYNET_KEY_{name.upper()}"


def test_every_file_of_the_folder_is_a_provider_of_the_studies():
    files = {path.stem for path in Path(providers.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == set(PROVIDERS)


def test_a_page_is_read_whole():
    assert sample.parse(page(RESULT)) == [
        Hit(
            1,
            "http://a.test/x.jpg",
            "http://a.test/p",
            "an apple",
            "Apple",
            "CC0",
            "http://l.test",
            "A. Painter",
            200,
            100,
        )
    ]
    assert sample.parse(page()) == []
    assert sample.total(page()) == 40


def test_what_is_not_stated_is_none():
    assert sample.parse(page({"rank": 3, "image_url": "http://a.test/x.jpg"})) == [Hit(3, "http://a.test/x.jpg")]


def test_a_request_carries_text_page_and_size():
    asked = sample.request(Search("red & black"), 50, [page(RESULT, total=120)])
    assert asked.params == {"q": "red & black", "page": "2", "per_page": "50"}
    assert asked.robots is False
    assert sample.count_request(Search("x")).params["per_page"] == "0"


def test_pages_end_where_the_total_says():
    assert sample.request(Search("x"), 50, [page(RESULT, total=50)]) is None
    assert sample.request(Search("x"), 50, [page(RESULT, total=51)]) is not None
    assert sample.request(Search("x"), 50, [page(), page(total=100)]) is None


BAD = [
    "", "  ", "<html>502</html>", "null", "5", "[]", "{}",
    '{"results": null}', '{"results": 5}', '{"results": {"a": 1}}', '{"results": [5]}',
    '{"results": [null]}', '{"results": [{}]}', page({"rank": 1}),
    page({"image_url": "http://a.test/x.jpg"}), page({**RESULT, "rank": "first"}),
    page({**RESULT, "rank": None}), page({**RESULT, "rank": 0}),
    page({**RESULT, "rank": 10**30}), page(RESULT, RESULT), page({**RESULT, "alt": 5}),
    page({**RESULT, "title": ["x"]}), page({**RESULT, "image_url": 7}), page(RESULT)[:-30], page(RESULT) + "trailing",
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_a_bad_page_is_told(body):
    with pytest.raises(BadPageError, match="expected"):
        sample.parse(body)


@pytest.mark.parametrize("body", ["", "null", "{}", '{"total": null}', '{"total": "many"}', "[1]", '{"total": {}}'])
def test_a_bad_total_is_told(body):
    with pytest.raises(BadPageError, match="expected"):
        sample.total(body)


@pytest.mark.parametrize(
    "odd",
    [{"width": "wide"}, {"width": -5}, {"width": 10**30}, {"width": 3.7}, {"width": "640"},
     {"height": None}, {"height": True}, {"width": [1]},
     {"alt": "half \ud83d of a smile"}, {"title": "nul \x00 inside"}, {"alt": ""}, {"author": "Ü" * 5000}],
    ids=range(12),
)  # fmt: skip
def test_odd_values_become_rows_that_the_table_takes(odd, tmp_path):
    (hit,) = sample.parse(page({**RESULT, **odd}))
    joined = {
        "query_id": "q",
        "provider": "sample",
        "page": 1,
        "qid": "Q1",
        "query_text": "x",
        "query_kind": "noun",
        "url_id": "u",
    }
    record = Lake(tmp_path / "lake").write_rows(HITS, [{**joined, **vars(hit)}], "000")
    assert (record.rows, record.failed_checks) == (1, ())
