"""What each provider is asked, and answers of its published shape that nobody recorded for us; bad answers for all of them."""

from __future__ import annotations

import json
import re

import pytest

from entitynet_assets.hits.licences import licence_id
from entitynet_assets.hits.provider import BadPageError, Search, provider
from entitynet_assets.studies.models import PROVIDERS, TABLES_OF_PICTURES

ASKED = [name for name in PROVIDERS if name not in TABLES_OF_PICTURES]
PANDA = Search("red panda", "Q41960", identifiers={"P373": "Ailurus fulgens", "P846": "5218999"})
OPTIONS = Search("red panda", "Q41960", "drawing", ("Ailurus fulgens", "firefox"), ("browser",))
BAD = ["", "<html><title>502</title></html>", "null", "5", "[]", '"text"', "{", '{"results": 5}', '{"results": [5]}', '{"images": 7}',
       '{"items": [null]}', '{"photos": {"photo": 3}}', '{"query": 5}', '{"results": {"bindings": 5}}', '{"error": {"code": "x"}}',
       "[" * 100_000]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
@pytest.mark.parametrize("name", ASKED)
def test_a_bad_answer_is_told_and_never_a_crash(name: str, body: str) -> None:
    with pytest.raises(BadPageError, match="expected"):
        provider(name).parse(body)


@pytest.mark.parametrize(
    "name", [name for name in ASKED if name not in ("brave", "serpapi", "serper", "commons_depicts")]
)
def test_a_count_that_is_none_is_told(name: str) -> None:
    for body in ("", "{}", "[]", "<html>", "null"):
        with pytest.raises(BadPageError, match="expected"):
            provider(name).total(body)


@pytest.mark.parametrize("name", ASKED)
def test_an_empty_answer_has_no_hits(name: str) -> None:
    empty = {"results": [], "total": 0, "batchcomplete": True, "items": [], "images": [], "images_results": [], "count": 0,
             "photos": {"photo": [], "pages": 0, "total": "0"}}  # fmt: skip
    if name == "commons_depicts":
        empty["results"] = {"bindings": []}
    assert provider(name).parse(json.dumps(empty)) == []


def test_options_reach_the_providers_that_know_them() -> None:
    def asked(name: str) -> dict[str, str]:
        request = provider(name).request(OPTIONS, 20)
        assert request
        return {**request.params, **(request.json or {})}

    assert asked("commons")["gsrsearch"] == 'red panda OR "Ailurus fulgens" OR "firefox" -"browser" filetype:drawing'
    assert asked("openverse")["q"] == 'red panda | "Ailurus fulgens" | "firefox" -"browser"'
    assert asked("openverse")["category"] == "illustration"
    assert (asked("flickr")["text"], asked("flickr")["content_types"]) == ("red panda -browser", "2")
    assert asked("europeana")["query"] == '("red panda" OR "Ailurus fulgens" OR "firefox") AND NOT "browser"'
    words = 'red panda ("Ailurus fulgens" OR "firefox") -browser'
    assert asked("brave")["q"] == asked("serpapi")["q"] == asked("serper")["q"] == words
    assert asked("serpapi")["tbs"] == asked("serper")["tbs"] == "itp:lineart"


def test_a_search_too_long_for_brave_is_its_plain_text() -> None:
    asked = provider("brave").request(
        Search("red panda", or_terms=tuple(f"name {number}" for number in range(40))), 100
    )
    assert asked
    assert asked.params["q"] == "red panda"


def test_depth_caps_end_the_pages() -> None:
    many = json.dumps(
        {
            "page_count": 10_000,
            "result_count": 10**6,
            "photos": {"pages": 10_000},
            "endOfRecords": False,
            "continue": {"gsroffset": 1},
        }
    )
    for name, per_page, pages in (("openverse", 20, 12), ("flickr", 500, 8), ("gbif", 300, 334), ("commons", 500, 20)):
        assert provider(name).request(PANDA, per_page, [many] * (pages - 1)) is not None
        assert provider(name).request(PANDA, per_page, [many] * pages) is None, name


def test_entities_without_an_id_are_not_asked_for() -> None:
    for name in ("gbif", "commons_category"):
        assert provider(name).request(Search("x", "Q1"), 50) is None
        assert provider(name).count_request(Search("x", "Q1")) is None


def test_commons_is_asked_for_what_a_file_depicts() -> None:
    statements = provider("commons_statements")
    asked = statements.request(PANDA, 50)
    assert asked
    assert asked.params["gsrsearch"] == "haswbstatement:P180=Q41960 filetype:bitmap"
    counted = statements.count_request(Search("red panda", "Q41960", licence="CC0-1.0"))
    assert counted
    assert counted.params["srsearch"] == "haswbstatement:P180=Q41960 filetype:bitmap haswbstatement:P275=Q6938433"


def members(*names: str, further: str = "") -> str:
    pages = [
        {"ns": 14, "title": name} if name.startswith("Category:")
        else {"ns": 6, "title": f"File:{name}", "imageinfo": [
            {"url": f"https://u.test/{name}", "mime": "image/jpeg" if "jpg" in name else "audio/ogg"}
        ]}
        for name in names
    ]  # fmt: skip
    return json.dumps(
        {
            "batchcomplete": True,
            "query": {"pages": pages},
            **({"continue": {"gcmcontinue": further}} if further else {}),
        }
    )


def test_a_category_is_walked_breadth_first_once_each_and_not_far() -> None:
    tree = {
        "Category:Ailurus fulgens": ["a.jpg", "Category:B", "Category:C"],
        "Category:B": ["b.jpg", "Category:D", "Category:Ailurus fulgens"],
        "Category:C": ["c.jpg", "call.ogg", "Category:D"], "Category:D": ["d.jpg", "Category:E"], "Category:E": ["e.jpg"],
    }  # fmt: skip
    category, answers, walked, shown = provider("commons_category"), [], [], []
    while request := category.request(PANDA, 50, answers):
        walked.append(request.params["gcmtitle"])
        answers.append(members(*tree[walked[-1]]))
        shown += [hit.title for hit in category.parse(answers[-1])]
    assert walked == ["Category:Ailurus fulgens", "Category:B", "Category:C", "Category:D"]  # E is three below
    assert shown == ["a", "b", "c", "d"]


def test_a_category_that_goes_on_is_finished_before_the_next() -> None:
    category = provider("commons_category")
    first = members("a.jpg", "Category:B", further="page|2")
    asked = category.request(PANDA, 50, [first])
    assert asked
    assert (asked.params["gcmtitle"], asked.params["gcmcontinue"]) == ("Category:Ailurus fulgens", "page|2")
    asked = category.request(PANDA, 50, [first, members("b.jpg")])
    assert asked
    assert (asked.params["gcmtitle"], "gcmcontinue" in asked.params) == ("Category:B", False)
    assert category.request(PANDA, 50, [first, members("b.jpg"), members()]) is None
    assert category.total('{"query": {"pages": [{"title": "Category:X", "categoryinfo": {"files": 812}}]}}') == 812
    assert category.total('{"query": {"pages": [{"title": "Category:X", "missing": true}]}}') == 0


BRAVE = {"type": "images", "results": [{
    "title": "A red panda", "url": "https://zoo.test/p", "thumbnail": {"src": "https://t.test"},
    "properties": {"url": "https://zoo.test/p.jpg", "width": 1200, "height": 800}, "confidence": "high",
}]}  # fmt: skip
SERPER = {"images": [{
    "title": "A red panda", "imageUrl": "https://zoo.test/p.jpg", "imageWidth": 1200, "imageHeight": 800, "link": "https://zoo.test/p",
    "position": 1, "creator": "Ann",
}], "credits": 1}  # fmt: skip


@pytest.mark.parametrize(("name", "answer"), [("brave", BRAVE), ("serper", SERPER)])
def test_web_searches_state_no_licence(name: str, answer: dict) -> None:
    (hit,) = provider(name).parse(json.dumps(answer))
    assert (hit.image_url, hit.page_url, hit.title) == ("https://zoo.test/p.jpg", "https://zoo.test/p", "A red panda")
    assert (hit.width_px, hit.height_px, licence_id(hit.licence, hit.licence_url)) == (1200, 800, "unknown")
    assert provider(name).count_request(PANDA) is None


def test_openverse_reads_the_shape_of_today() -> None:
    result = {
        "id": "1", "title": "Panda", "foreign_landing_url": "https://f.test/1", "url": "https://f.test/1.jpg", "creator": "Ann",
        "license": "by-sa", "license_version": "4.0", "license_url": "https://creativecommons.org/licenses/by-sa/4.0/", "width": 800,
        "height": 600, "filesize": None, "tags": None, "mature": False,
    }  # fmt: skip
    body = json.dumps(
        {
            "result_count": 41,
            "page_count": 3,
            "page_size": 20,
            "page": 1,
            "results": [result, {**result, "license": "cc0"}],
        }
    )
    first, second = provider("openverse").parse(body)
    assert (first.licence, first.author, first.page_url) == ("CC-BY-SA-4.0", "Ann", "https://f.test/1")
    assert second.licence == "CC0-1.0"
    further = provider("openverse").request(PANDA, 20, [body])
    assert further
    assert further.params["page"] == "2"
    assert provider("openverse").request(PANDA, 20, [body] * 3) is None


def test_descriptions_are_words_of_the_page_and_no_alt_texts() -> None:
    """By the schema of Darwin Core's media extension (GBIF) and by what Openverse's answers of some collections carry."""
    medium = {
        "type": "StillImage",
        "identifier": "https://g.test/1.jpg",
        "title": "Ailurus",
        "description": "Asleep in a tree.",
    }
    (seen,) = provider("gbif").parse(json.dumps({"count": 1, "results": [{"key": 1, "media": [medium]}]}))
    assert (seen.alt_text, seen.title, seen.page_text) == (None, "Ailurus", "Asleep in a tree.")
    results = [{"url": "https://f.test/1.jpg", "description": "At the zoo"}, {"url": "https://f.test/2.jpg"}]
    described, silent = provider("openverse").parse(
        json.dumps({"result_count": 2, "page_count": 1, "results": results})
    )
    assert (described.alt_text, described.page_text, silent.page_text) == (None, "At the zoo", None)


def test_europeana_counts_by_rights_statement() -> None:
    fields = [
        {"label": "http://creativecommons.org/publicdomain/zero/1.0/", "count": 7},
        {"label": "http://rightsstatements.org/vocab/InC/1.0/", "count": 2},
    ]
    body = json.dumps(
        {"success": True, "totalResults": 9, "items": [], "facets": [{"name": "RIGHTS", "fields": fields}]}
    )
    assert provider("europeana").totals(body) == {fields[0]["label"]: 7, fields[1]["label"]: 2}
    counted = provider("europeana").count_request(PANDA)
    assert counted
    assert (counted.params["rows"], counted.params["facet"]) == ("0", "RIGHTS")


def test_flickr_tells_a_refusal() -> None:
    with pytest.raises(BadPageError, match="expected photos"):
        provider("flickr").parse('{"stat": "fail", "code": 100, "message": "Invalid API Key (Key has invalid format)"}')


LICENCES = [
    ("CC BY-SA 4.0", None, "CC-BY-SA-4.0"), ("cc-by-nc", None, "CC-BY-NC"), ("CC BY-NC-ND 2.0", None, "CC-BY-NC-ND-2.0"),
    ("CC0", None, "CC0-1.0"), ("CC0 1.0", None, "CC0-1.0"), ("Public domain", None, "public-domain"), (None, None, "unknown"),
    ("", "", "unknown"),
    ("x", "https://creativecommons.org/licenses/by/3.0/de/deed.en", "CC-BY-3.0"),
    ("http://creativecommons.org/licenses/by-nc/4.0/legalcode", None, "CC-BY-NC-4.0"),
    (None, "http://rightsstatements.org/vocab/InC-EDU/1.0/", "InC-EDU-1.0"), ("© All rights reserved", None, "all-rights-reserved"),
    ("GFDL", None, "GFDL"), ("https://creativecommons.org/publicdomain/mark/1.0/", None, "PDM-1.0"), ("CC-BY-NC 4.0", None, "CC-BY-NC-4.0"),
]  # fmt: skip


@pytest.mark.parametrize(("stated", "address", "name"), LICENCES)
def test_a_licence_has_one_name(stated: str | None, address: str | None, name: str) -> None:
    assert licence_id(stated, address) == name


def test_no_provider_states_a_rule_that_nobody_can_read() -> None:
    for name in PROVIDERS:
        found = provider(name)
        assert re.match(r".{10,}", found.TERMS), name
        assert all(limit.count > 0 and limit.seconds > 0 for limit in found.LIMITS)
