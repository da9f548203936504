"""Golden rows of verdicts on licences, texts, screens, people, blocklist and leaks, and of the tables behind them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.small_lake import SmallLake
from tests.sql.test_curation import CURATION, ENCODER, SOUND, verdicts

SCREEN = {"name": "gore", "rule": "unwanted", "prompts": ["blood"], "contrast": ["paint"], "margin": 0.1}
PEOPLE = {"name": "people", "rule": "people", "prompts": ["a person"], "contrast": ["a statue"], "margin": 0.0}


def decided(small: SmallLake, rule: str, pictures: int, rules: dict[str, Any], **study: Any) -> list[tuple[Any, ...]]:
    """Return (verdict, reason, measure, threshold) of a rule for the pictures 0, 1, ...; `rules` are changes to the thresholds."""
    small.choose(curation={**CURATION, **rules}, **study)
    small.put("images", [{**SOUND, "image_id": str(number)} for number in range(pictures)])
    rows = {row["image_id"]: row for row in small.make("verdicts") if row["rule"] == rule}
    return [
        tuple(rows[str(number)][name] for name in ("verdict", "reason", "measure", "threshold"))
        for number in range(pictures)
    ]


LICENCES: list[tuple[dict[str, Any], list[tuple[tuple[str | None, ...], str, str | None]]]] = [
    ({"licences_refused": ["NC"]}, [
        (("BY",), "keep", None),
        (("BY", "NC"), "reject", "refused_NC"),  # a refusal anywhere counts where nothing is said to be allowed
        ((None,), "keep", None),
    ]),
    ({"licences_refused": ["unknown"]}, [((None,), "reject", "refused_unknown"), (("BY",), "keep", None)]),
    ({"licences_refused": [], "licences_allowed": ["CC0", "BY"]}, [
        (("NC", None, "BY"), "keep", None),  # one allowed address is enough
        (("NC",), "reject", "not_allowed_NC"),
        ((None,), "reject", "not_allowed_unknown"),
        ((), "reject", "not_allowed_unknown"),
    ]),
    ({"licences_refused": ["NC"], "licences_allowed": ["BY"]}, [(("NC",), "reject", "refused_NC"), (("NC", "BY"), "keep", None)]),
    ({"licences_refused": [], "licences_allowed": ["unknown"]}, [((None,), "keep", None)]),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "cases"), LICENCES)
def test_licences_of_all_addresses_count(rules: dict, cases: list, small: SmallLake) -> None:
    addresses = [(f"u{image}-{number}", str(image), said)
                 for image, (licences, _, _) in enumerate(cases) for number, said in enumerate(licences)]  # fmt: skip
    small.put("downloads", [{"url_id": url, "image_id": image} for url, image, _ in addresses])
    small.put("urls", [{"url_id": url, "licence": said} for url, _, said in addresses])
    expected = [(verdict, reason, None, None) for _, verdict, reason in cases]
    assert decided(small, "licence", len(cases), rules) == expected


# Per rules: cleaned texts, whether a page says anything, what comes of it.
TEXTS: list[tuple[dict[str, Any], list[tuple[tuple[str, ...], bool, tuple[Any, ...]]]]] = [
    ({}, [
        ((), False, ("not_judged", "no_text", None, 0.0)),
        ((), True, ("keep", "only_boilerplate", 0.0, 0.0)),
        (("an apple",), True, ("keep", None, 1.0, 0.0)),
    ]),
    ({"min_texts": 2}, [
        ((), False, ("not_judged", "no_text", None, 2.0)),
        ((), True, ("reject", "only_boilerplate", 0.0, 2.0)),
        (("an apple",), False, ("reject", "few_texts", 1.0, 2.0)),
        (("an apple", "a pear"), True, ("keep", None, 2.0, 2.0)),
    ]),
    ({"refused_words": ["stock  photo", "nude", "ass", "обои", "c++"]}, [
        (("a red apple", "Stock Photo, apple"), True, ("reject", "refused_word_stock photo", None, 0.0)),
        (("denuded hills", "nudes"), True, ("keep", None, 2.0, 0.0)),
        (("Straßass und assé", "cláss"), True, ("keep", None, 2.0, 0.0)),
        (("ОБОИ!",), True, ("reject", "refused_word_обои", None, 0.0)),
        (("written in C++.",), True, ("reject", "refused_word_c++", None, 0.0)),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "cases"), TEXTS)
def test_texts_are_judged_where_a_page_says_anything(rules: dict, cases: list, small: SmallLake) -> None:
    small.put("downloads", [{"url_id": f"u{image}", "image_id": str(image)} for image in range(len(cases))])
    small.put("hits", [
        {"query_id": f"q{image}", "url_id": f"u{image}", "title": "IMG_1.jpg" if worded else " "}
        for image, (_, worded, _) in enumerate(cases)
    ])  # fmt: skip
    small.put("image_texts", [
        {"image_id": str(image), "text": text, "source": "title"} for image, (texts, _, _) in enumerate(cases) for text in texts
    ])  # fmt: skip
    assert decided(small, "text", len(cases), rules) == [verdict for _, _, verdict in cases]


def put_scores(small: SmallLake, *scores: dict[str, float]) -> None:
    """Write what the screens say of the pictures 0, 1, ...; another encoder says that each has everything."""
    rows = [
        {"image_id": str(image), "screen": name, "score": score}
        for image, said in enumerate(scores)
        for name, score in said.items()
    ]
    own = [{**row, "scored_by": "some/model"} for row in rows]
    small.put("screens", own + [{**row, "scored_by": "another/model", "score": 2.0} for row in rows])


def test_a_screen_rejects_from_its_margin_on(small: SmallLake) -> None:
    put_scores(small, {"gore": 0.1}, {"gore": 0.0999}, {"gore": 0.15, "nudity": -0.2}, {})
    screens = [SCREEN, {**SCREEN, "name": "nudity", "margin": -0.3}]
    assert decided(small, "unwanted", 4, {}, encoder=ENCODER, screens=screens) == [
        ("reject", "unwanted_gore", 0.1, 0.1),
        ("keep", None, 0.0999, 0.1),
        ("reject", "unwanted_nudity", -0.2, -0.3),  # the one furthest over its margin
        ("not_judged", "no_embedding", None, None),
    ]


OWN = {"name": "own", "rule": "unwanted", "classifier": "my.nudity:score", "version": "2", "margin": 0.7}
BY_OWN = "my.nudity:score@2"
# Scores (screen, by whom) of one picture, with the screens of the study; the encoder is named where a screen has prompts.
SCORED: list[tuple[list[dict[str, Any]], dict[tuple[str, str], float], tuple[Any, ...]]] = [
    ([OWN], {("own", BY_OWN): 0.7}, ("reject", "unwanted_own", 0.7, 0.7)),
    ([OWN], {("own", BY_OWN): 0.6999}, ("keep", None, 0.6999, 0.7)),
    ([OWN], {("own", "my.nudity:score@1"): 0.9}, ("not_judged", "no_score", None, None)),  # by other weights
    ([OWN], {}, ("not_judged", "no_score", None, None)),
    ([OWN, SCREEN], {("own", BY_OWN): 0.1, ("gore", "some/model"): 0.2}, ("reject", "unwanted_gore", 0.2, 0.1)),
    ([OWN, SCREEN], {("own", BY_OWN): 0.1, ("gore", "some/model"): 0.0}, ("keep", None, 0.0, 0.1)),
    # One that was not asked acquits nobody; one that was asked may condemn.
    ([OWN, SCREEN], {("own", BY_OWN): 0.1}, ("not_judged", "no_embedding", 0.1, 0.7)),
    ([OWN, SCREEN], {("gore", "some/model"): 0.0}, ("not_judged", "no_score", 0.0, 0.1)),
    ([OWN, SCREEN], {("gore", "some/model"): 0.2}, ("reject", "unwanted_gore", 0.2, 0.1)),
    ([{**OWN, "rule": "people"}], {("own", BY_OWN): 0.9}, ("not_judged", "no_screen", None, None)),
]


@pytest.mark.parametrize(("screens", "scores", "verdict"), SCORED)
def test_a_picture_passes_only_if_all_that_screen_it_have_scored_it(
    screens: list, scores: dict, verdict: tuple, small: SmallLake
) -> None:
    small.put("screens", [
        {"image_id": "0", "screen": screen, "scored_by": scored_by, "score": score} for (screen, scored_by), score in scores.items()
    ])  # fmt: skip
    encoder = {"encoder": ENCODER} if SCREEN in screens else {}
    assert decided(small, "unwanted", 1, {}, screens=screens, **encoder) == [verdict]


@pytest.mark.parametrize(
    ("people", "verdict"),
    [("flag", ("keep", "shows_people", 0.8, 0.7)), ("reject", ("reject", "shows_people", 0.8, 0.7)),
     ("off", ("not_judged", "rule_off", 0.8, 0.7))],
)  # fmt: skip
def test_a_classifier_may_find_people(people: str, verdict: tuple, small: SmallLake) -> None:
    small.put("screens", [{"image_id": "0", "screen": "own", "scored_by": BY_OWN, "score": 0.8}])
    assert decided(small, "people", 1, {"people": people}, screens=[{**OWN, "rule": "people"}]) == [verdict]
    if people != "off":
        small.put("screens", [])
        assert decided(small, "people", 1, {"people": people}, screens=[{**OWN, "rule": "people"}]) == [
            ("not_judged", "no_score", None, None)
        ]


PEOPLE_RULES = {
    "flag": [("keep", "shows_people", 0.1, 0.0), ("keep", None, -0.1, 0.0), ("not_judged", "no_embedding", None, None)],
    "reject": [("reject", "shows_people", 0.1, 0.0), ("keep", None, -0.1, 0.0), ("not_judged", "no_embedding", None, None)],
    "off": [("not_judged", "rule_off", 0.1, 0.0), ("not_judged", "rule_off", -0.1, 0.0), ("not_judged", "rule_off", None, None)],
}  # fmt: skip


@pytest.mark.parametrize("people", PEOPLE_RULES)
def test_people_are_flagged_rejected_or_let_be(people: str, small: SmallLake) -> None:
    put_scores(small, {"people": 0.1}, {"people": -0.1})
    found = decided(small, "people", 3, {"people": people}, encoder=ENCODER, screens=[SCREEN, PEOPLE])
    assert found == PEOPLE_RULES[people]


@pytest.mark.parametrize("rule", ["unwanted", "people"])
def test_a_rule_without_a_screen_is_not_judged(rule: str, small: SmallLake) -> None:
    assert decided(small, rule, 1, {}, encoder=ENCODER, screens=[]) == [("not_judged", "no_screen", None, None)]


def test_what_the_blocklist_names_is_rejected(small: SmallLake) -> None:
    small.put("blocked_images", [
        {"image_id": "0", "entry": "phash:00000000000000ff", "distance": 3}, {"image_id": "0", "entry": "sha256:ab", "distance": 0},
    ])  # fmt: skip
    assert decided(small, "blocklist", 2, {"blocklist": "list.txt"}) == [
        ("reject", "listed_as_sha256:ab", 0.0, 4.0),
        ("keep", None, None, 4.0),
    ]


def test_a_leak_by_embedding_is_told_with_its_cosine(small: SmallLake) -> None:
    leak = {"image_id": "i", "benchmark_image_id": "x", "phash_distance": 30}
    small.put("leaks", [{**leak, "benchmark": "b1", "found_by": "embedding", "cosine": 0.97}])
    assert verdicts(small, ENCODER)["leak"] == ("reject", "looks_held_out_in_b1", 0.97, 0.9)
    small.put("leaks", [
        {**leak, "benchmark": "b1", "found_by": "embedding", "cosine": 0.97},
        {**leak, "benchmark": "b2", "benchmark_image_id": "y", "found_by": "both", "phash_distance": 4, "cosine": 0.95},
    ])  # fmt: skip
    assert verdicts(small, ENCODER)["leak"] == ("reject", "held_out_in_b2", 4.0, 6.0)


def test_a_score_is_the_best_prompt_less_the_best_contrast(small: SmallLake) -> None:
    small.choose(encoder=ENCODER)
    small.put("embeddings", [{"image_id": "i", "encoder": "some/model", "vector": [0.6, 0.8]}])
    small.put("prompts", [
        {"kind": kind, "name": name, "text": text, "encoder": "some/model", "vector": vector}
        for kind, name, text, vector in (
            ("screen", "gore", "blood", [1.0, 0.0]), ("screen", "gore", "wound", [0.0, 1.0]), ("contrast", "gore", "paint", [0.8, 0.6]),
            ("contrast", "gore", "stone", [-1.0, 0.0]), ("entity", "Q1", "a photo of an apple", [0.6, 0.8]),
        )
    ])  # fmt: skip
    (row,) = small.make("screens")
    assert (row["image_id"], row["scored_by"], row["screen"], row["prompt"]) == ("i", "some/model", "gore", "wound")
    assert row["score"] == pytest.approx(0.8 - 0.96, abs=1e-6)


def test_what_classifiers_say_stands_beside_what_the_prompts_say(small: SmallLake) -> None:
    small.put("classifier_scores", [
        {"image_id": "i", "screen": "own", "classifier": "my.nudity:score", "version": "2", "score": 3.5}
    ])  # fmt: skip
    small.put("embeddings", [{"image_id": "i", "encoder": "some/model", "vector": [1.0, 0.0]}])
    small.put("prompts", [
        {"kind": kind, "name": "gore", "text": kind, "encoder": "some/model", "vector": vector}
        for kind, vector in (("screen", [1.0, 0.0]), ("contrast", [0.0, 1.0]))
    ])  # fmt: skip
    assert small.pick("screens", "image_id", "scored_by", "screen", "score", "prompt") == [
        ("i", BY_OWN, "own", 3.5, "my.nudity:score"), ("i", "some/model", "gore", 1.0, "screen"),
    ]  # fmt: skip


def test_the_leak_report_names_the_searches_and_the_benchmarks_without_one(small: SmallLake) -> None:
    small.choose(benchmarks=[{"name": name, "manifest": "m"} for name in ("clean", "empty", "leaky")])
    small.put("benchmark_images", [
        {"benchmark": name, "image_id": image} for name, image in (("leaky", "h1"), ("leaky", "h2"), ("clean", "h3"))
    ])  # fmt: skip
    small.put("entities", [{"qid": "Q1", "label": "apple"}])
    asked = [
        ("a", "Q1", "p", "u1"),
        ("a", "Q1", "p", "u2"),
        ("a", "Q1", "p", "u3"),
        ("a", "Q1", "r", "u1"),
        ("b", "Q2", "p", "u2"),
        ("import", None, "t", "u1"),
    ]
    small.put("hits", [
        {"query_id": query, "qid": qid, "provider": provider, "rank": rank, "url_id": url}
        for rank, (query, qid, provider, url) in enumerate(asked)
    ])  # fmt: skip
    small.put("downloads", [{"url_id": f"u{n}", "image_id": f"i{n}"} for n in (1, 2, 3)])
    leak = {"benchmark": "leaky", "found_by": "hash"}
    small.put("leaks", [
        {**leak, "image_id": "i1", "benchmark_image_id": "h1"}, {**leak, "image_id": "i1", "benchmark_image_id": "h2"},
        {**leak, "image_id": "i2", "benchmark_image_id": "h2", "found_by": "embedding"},
    ])  # fmt: skip
    names = ("benchmark", "query_id", "provider", "status", "qid", "label", "images", "leaked", "by_hash", "by_embedding", "held_out",
             "example_image_id", "example_held_out_id")  # fmt: skip
    assert small.pick("leak_report", *names) == [
        ("clean", "", "", "clean", None, None, 0, 0, 0, 0, 1, None, None),
        ("empty", "", "", "no_held_out_pictures", None, None, 0, 0, 0, 0, 0, None, None),
        ("leaky", "a", "p", "leaked", "Q1", "apple", 3, 2, 1, 1, 2, "i1", "h1"),
        ("leaky", "a", "r", "leaked", "Q1", "apple", 1, 1, 1, 0, 2, "i1", "h1"),
        ("leaky", "b", "p", "leaked", "Q2", None, 1, 1, 0, 1, 1, "i2", "h2"),
        ("leaky", "import", "t", "leaked", None, None, 1, 1, 1, 0, 2, "i1", "h1"),
    ]
