"""An answer page after a purge: what it says of a picture is gone, every other hit is found as before, or the page is given up."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.hits.provider import provider
from entitynet_assets.releases.scrub import scrubbed
from entitynet_assets.text import hash_id, normal_url


@dataclass(frozen=True)
class Found:
    image_url: str


def gone(*urls: str) -> set[str]:
    return {hash_id(normal_url(url)) for url in urls}


def page(*names: str) -> str:
    results = [
        {"rank": rank, "image_url": f"http://a.test/{name}.jpg", "page_url": f"http://a.test/{name}", "alt": f"by {name} Müller"}
        | {"author": name}
        for rank, name in enumerate(names, 1)
    ]  # fmt: skip
    return json.dumps({"query": "apple", "total": len(names), "results": results})


@settings(max_examples=60, deadline=None)
@given(st.sets(st.sampled_from("abcdefgh"), min_size=1), st.sets(st.sampled_from("abcdefgh"), min_size=1))
def test_of_any_page_the_others_stay_as_they_were(names: set[str], bad: set[str]) -> None:
    parse, body = provider("sample").parse, page(*sorted(names))
    left = scrubbed(body, parse, gone(*(f"http://a.test/{name}.jpg" for name in bad)))
    assert left is not None
    kept = [hit for hit in parse(body) if hit.author not in bad]
    assert [hit for hit in parse(left) if hit.image_url] == kept
    assert json.loads(left)["query"] == "apple"
    assert not [name for name in bad if f"/{name}.jpg" in left or f"by {name} " in left]


def test_the_largest_part_that_names_no_other_is_emptied() -> None:
    body = json.dumps({"pages": {"7": {"title": "File:Ann's cat.jpg", "info": [{"url": "http://a.test/1.jpg", "width": 7}]},
                                 "8": {"title": "File:Dog.jpg", "info": [{"url": "http://a.test/2.jpg"}]}}})  # fmt: skip

    def parse(text: str) -> list[Found]:
        return [Found(one["info"][0]["url"]) for one in json.loads(text)["pages"].values()]

    left = scrubbed(body, parse, gone("http://a.test/1.jpg"))
    assert left is not None
    assert json.loads(left)["pages"]["7"] == {"title": "", "info": [{"url": "", "width": 7}]}
    assert json.loads(left)["pages"]["8"]["title"] == "File:Dog.jpg"


@pytest.mark.parametrize(
    ("body", "parse"),
    [
        ("<html>http://a.test/1.jpg", lambda text: [Found("http://a.test/1.jpg")]),
        ('{"ids": [1]}', lambda text: [Found(f"http://a.test/{one}.jpg") for one in json.loads(text)["ids"]]),
        ('{"url": "http://a.test/1.jpg", "kind": "x"}', lambda text: [Found(json.loads(text)["url"] or 1 / 0)]),
    ],
    ids=["no JSON", "an address that the provider puts together", "one that cannot be read afterwards"],
)  # fmt: skip
def test_a_page_that_cannot_be_told_apart_is_given_up(body: str, parse) -> None:
    if "kind" in body:

        def raising(text: str) -> list[Found]:
            if not json.loads(text)["url"]:
                raise ValueError("no url")
            return parse(text)

        assert scrubbed(body, raising, gone("http://a.test/1.jpg")) is None
    else:
        assert scrubbed(body, parse, gone("http://a.test/1.jpg")) is None
