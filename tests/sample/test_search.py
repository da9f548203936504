"""The image search: ranking by words, counts alone, pages, and hits that are wrong on purpose."""

from collections.abc import Callable

import pytest

from entitynet_assets.sample.search import tokens
from entitynet_assets.sample.world import World, make_world

URL = "http://search.test/images"
KEYS = {
    *("rank", "image_url", "page_url", "alt", "title", "width", "height", "licence", "licence_url", "author"),
}


@pytest.fixture(scope="module")
def shown(world: World) -> dict[str, tuple[str, str, str]]:
    return {row.url: (row.qid, row.claimed, row.fault) for row in world.plan()}


def search(ask: Callable, query: str, **more: int) -> dict:
    answer = ask(URL, params={"q": query, "per_page": 100, **more})
    assert answer.status_code == 200
    return answer.json()


def test_a_name_ranks_its_own_pictures_first(ask: Callable, world: World, shown: dict) -> None:
    for qid in world.entities:
        own = sum(row.claimed == qid for row in world.plan())
        hits = search(ask, world.items[qid].label.text)["results"][: min(own, 10)]
        claimed = [shown[hit["image_url"]][1] == qid for hit in hits]
        assert all(claimed), world.items[qid].label.text


def test_an_attribute_ranks_pictures_with_it_first(ask: Callable, world: World) -> None:
    words = {row.url: row.words for row in world.plan() if row.claimed == "Q89"}
    red = {url for url, w in words.items() if "red" in w.keywords}
    green = {url for url, w in words.items() if "green" in w.keywords}
    assert red
    assert green
    for colour, wanted in (("red", red), ("green", green)):
        top = [hit["image_url"] for hit in search(ask, f"{colour} apple")["results"][: len(wanted)]]
        assert set(top) == wanted


def test_results_are_whole_and_ranked(ask: Callable) -> None:
    answer = search(ask, "violin")
    assert set(answer) == {"query", "total", "page", "per_page", "results"}
    assert [hit["rank"] for hit in answer["results"]] == list(range(1, len(answer["results"]) + 1))
    assert all(set(hit) == KEYS for hit in answer["results"])
    assert {hit["licence"] is None for hit in answer["results"]} == {
        hit["licence_url"] is None for hit in answer["results"]
    }


def test_a_count_alone(ask: Callable) -> None:
    counted, whole = search(ask, "horse", per_page=0), search(ask, "horse")
    assert counted["results"] == []
    assert counted["total"] == whole["total"] > 0


def test_pages_follow_each_other_without_overlap(ask: Callable) -> None:
    pages = [search(ask, "fruit", page=n, per_page=7)["results"] for n in (1, 2, 3)]
    together = [hit["image_url"] for page in pages for hit in page]
    assert together == [hit["image_url"] for hit in search(ask, "fruit", per_page=21)["results"]]
    assert search(ask, "fruit", page=1000, per_page=7)["results"] == []


@pytest.mark.parametrize("query", ["", "qwertzuiop", "..."])
def test_nothing_is_found_for_no_known_word(ask: Callable, query: str) -> None:
    assert search(ask, query)["total"] == 0


@pytest.mark.parametrize("more", [{"page": 0}, {"per_page": 101}, {"per_page": -1}, {"page": "x"}])
def test_bad_pages_are_400(ask: Callable, more: dict) -> None:
    assert ask(URL, params={"q": "apple", **more}).status_code == 400


@pytest.mark.parametrize("precision", [1.0, 0.75, 0.5])
def test_the_share_of_true_hits_is_as_asked(precision: float) -> None:
    world = make_world(entities=8, pictures=20, search_precision=precision)
    plan = [row for row in world.plan() if row.fault in ("ok", "wrong")]
    assert sum(row.qid == row.claimed for row in plan) / len(plan) == pytest.approx(precision)


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_the_share_of_noisy_alt_texts_is_about_as_asked(noise: float) -> None:
    world = make_world(pictures=20, alt_noise=noise)
    rows = [row for row in world.plan() if row.fault == "ok"]
    items = world.items
    named = [{t for n in (items[r.claimed].label, *items[r.claimed].aliases) for t in tokens(n.text)} for r in rows]
    silent = sum(not (names & set(tokens(row.words.alt))) for names, row in zip(named, rows, strict=True))
    assert silent / len(rows) == pytest.approx(noise, abs=0.08)
