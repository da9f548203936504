"""Wikimedia Commons: what is asked, and answers read; recorded ones where there are any, else built from the published shape."""

from __future__ import annotations

import json
import re

import pytest

from entitynet_assets.hits.provider import BadPageError, Search, provider
from entitynet_assets.hits.providers.commons import WIDTH_PX
from tests.fakes.rooms import data_folder

commons = provider("commons")
UPLOAD = "https://upload.wikimedia.org/wikipedia/commons"


def said(**values: object) -> dict[str, dict[str, object]]:
    return {name: {"value": value, "source": "commons-desc-page"} for name, value in values.items()}


def page(index: int, **info: object) -> dict:
    facts = {
        "url": f"{UPLOAD}/{index}.jpg", "thumburl": f"{UPLOAD}/thumb/{index}.jpg/500px-{index}.jpg", "thumbwidth": 500, "thumbheight": 333,
        "width": 4000, "height": 2664, "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{index}.jpg", "mime": "image/jpeg",
    }  # fmt: skip
    return {
        "pageid": index,
        "ns": 6,
        "title": f"File:Some_cat {index}.jpg",
        "index": index,
        "imageinfo": [{**facts, **info}],
    }


def answer(*pages: object, **more: object) -> str:
    """An answer of the shape that the API's documentation gives (unrecorded)."""
    return json.dumps({"batchcomplete": True, "continue": {"gsroffset": 50}, "query": {"pages": list(pages)}, **more})


def test_a_page_is_asked_for_by_full_text_with_thumbnails_and_licences():
    asked = commons.request(
        Search("red panda"), 40, [answer(), answer(**{"continue": {"gsroffset": 80, "continue": "gsroffset||"}})]
    )
    assert asked.url == "https://commons.wikimedia.org/w/api.php"
    wanted = {"generator": "search", "gsrsearch": "red panda filetype:bitmap", "gsrnamespace": "6", "gsrlimit": "40", "gsroffset": "80",
              "prop": "imageinfo", "iiurlwidth": "500", "formatversion": "2"}  # fmt: skip
    assert wanted.items() <= asked.params.items()
    assert "extmetadata" in asked.params["iiprop"]
    assert not asked.robots
    assert WIDTH_PX in (20, 40, 60, 120, 250, 330, 500, 960, 1280, 1920, 3840)


def test_the_total_is_a_search_of_its_own():
    asked = commons.count_request(Search("red panda")).params
    assert (asked["list"], asked["srinfo"], asked["srsearch"]) == ("search", "totalhits", "red panda filetype:bitmap")
    assert commons.total('{"batchcomplete": true, "query": {"searchinfo": {"totalhits": 812}, "search": []}}') == 812


def test_a_file_is_read_with_licence_author_and_its_page():
    stated = said(
        LicenseShortName="CC BY-SA 4.0", LicenseUrl="https://creativecommons.org/licenses/by-sa/4.0",
        Artist='<a href="//commons.wikimedia.org/wiki/User:X" title="User:X">A. &amp; B.</a>', ObjectName="A cat",
        ImageDescription='<div class="description">A <b>cat</b>\n on snow</div>',
    )  # fmt: skip
    (hit,) = commons.parse(answer(page(1, extmetadata=stated)))
    assert (hit.rank, hit.width_px, hit.height_px) == (1, 500, 333)
    assert hit.image_url == f"{UPLOAD}/thumb/1.jpg/500px-1.jpg"
    assert hit.page_url == "https://commons.wikimedia.org/wiki/File:1.jpg"
    assert (hit.licence, hit.licence_url) == ("CC BY-SA 4.0", "https://creativecommons.org/licenses/by-sa/4.0")
    assert (hit.author, hit.title, hit.page_text, hit.alt_text) == ("A. & B.", "A cat", "A cat on snow", None)


def test_what_is_not_stated_is_none_and_the_name_of_the_file_is_its_title():
    (hit,) = commons.parse(answer(page(7, extmetadata=[], thumburl="")))
    assert (hit.title, hit.page_text, hit.licence, hit.author) == ("Some cat 7", None, None, None)
    assert (hit.image_url, hit.width_px) == (f"{UPLOAD}/7.jpg", 4000)


def test_files_stand_in_the_order_of_the_search():
    assert [hit.rank for hit in commons.parse(answer(page(52), page(51)))] == [51, 52]
    unnumbered = [{name: value for name, value in page(n).items() if name != "index"} for n in (5, 3)]
    assert [(hit.rank, hit.title) for hit in commons.parse(answer(*unnumbered))] == [
        (1, "Some cat 5"),
        (2, "Some cat 3"),
    ]


def test_a_file_without_imageinfo_is_a_hit_without_an_address():
    (hit,) = commons.parse(answer({"pageid": 1, "title": "File:x.jpg", "index": 1}))
    assert hit.image_url == ""


def test_nothing_found_is_no_hit():
    assert commons.parse('{"batchcomplete": true}') == []


BAD = ["", "<html>", "[]", "{}", "null", '{"query": 5, "batchcomplete": true}', '{"batchcomplete": true, "query": {"pages": [5]}}',
       '{"error": {"code": "ratelimited", "info": "You have exceeded your rate limit"}}', '{"batchcomplete": true, "query": {"pages": 5}}',
       answer(page(0)), answer(page(1, url=5, thumburl="")), answer(page(1, extmetadata={"Artist": 5}))]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_a_bad_page_is_told(body):
    with pytest.raises(BadPageError, match="expected"):
        commons.parse(body)


def test_a_recorded_search_is_read():
    fixture = data_folder(
        "api_responses", "commons_searchvue", "tests", "jest", "fixtures", "commonsApiResponse.js"
    ).read_text()
    (body,) = re.findall(
        r"media: (\{.*?\n\t\})", fixture, flags=re.DOTALL
    )  # a literal of another language, turned into JSON
    quoted = re.sub(r"([{,]\s*)([\w.]+):", r'\1"\2":', re.sub(r"'((?:[^'\\]|\\.)*)'", lambda m: json.dumps(m[1]), body))
    hits = commons.parse(quoted)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert len(hits) == 6
    assert all(re.match(r"https://upload\.wikimedia\.org/.*/thumb/.*\d+px-", hit.image_url) for hit in hits)
    assert all((hit.page_url or "").startswith("https://commons.wikimedia.org/wiki/File:") for hit in hits)


def test_recorded_files_with_their_metadata_are_read():
    root = data_folder(
        "api_responses",
        "openverse_catalog_providers",
        "dags",
        "providers",
        "provider_api_scripts",
        "resources",
        "wikimedia",
    )
    hits = commons.parse((root / "continuation" / "wmc_raw.json").read_text())
    assert len(hits) == 28
    assert sum(bool(hit.licence) for hit in hits) > 0.95 * len(hits)
    authors = [hit.author for hit in hits if hit.author]
    assert authors
    assert not any("<" in author and ">" in author for author in authors)
