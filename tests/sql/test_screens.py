"""Golden rows of verdicts on licences, texts, screens, people, blocklist and leaks, and of the tables behind them."""

from __future__ import annotations

import pytest

from tests.small_lake import SmallLake
from tests.sql.test_curation import ENCODER, decided, verdicts

SCREEN = {"name": "gore", "rule": "unwanted", "prompts": ["blood"], "contrast": ["paint"], "margin": 0.1}
PEOPLE = {"name": "people", "rule": "people", "prompts": ["a person"], "contrast": ["a statue"], "margin": 0.0}


def put_addresses(small: SmallLake, *licences: str | None) -> None:
    """Let one address serve the picture under each licence."""
    names = [f"u{number}" for number, _ in enumerate(licences)]
    small.put("downloads", [{"url_id": name, "image_id": "i"} for name in names])
    small.put("urls", [{"url_id": name, "licence": said} for name, said in zip(names, licences, strict=True)])


REFUSED, ALLOWED = (
    {"licences_refused": ["NC"], "licences_allowed": []},
    {"licences_refused": [], "licences_allowed": ["CC0", "BY"]},
)
LICENCES = [
    (REFUSED, ("BY",), ("keep", None)),
    (REFUSED, ("BY", "NC"), ("reject", "refused_NC")),  # a refusal anywhere counts where nothing is said to be allowed
    (REFUSED, (None,), ("keep", None)),
    ({"licences_refused": ["unknown"]}, (None,), ("reject", "refused_unknown")),
    (ALLOWED, ("NC", None, "BY"), ("keep", None)),  # one allowed address is enough
    (ALLOWED, ("NC",), ("reject", "not_allowed_NC")),
    (ALLOWED, (None,), ("reject", "not_allowed_unknown")),
    (ALLOWED, (), ("reject", "not_allowed_unknown")),
    ({"licences_refused": ["NC"], "licences_allowed": ["BY"]}, ("NC",), ("reject", "refused_NC")),
    ({"licences_refused": ["NC"], "licences_allowed": ["BY"]}, ("NC", "BY"), ("keep", None)),
    ({"licences_refused": [], "licences_allowed": ["unknown"]}, (None,), ("keep", None)),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "licences", "verdict"), LICENCES)
def test_licences_of_all_addresses_count(rules: dict, licences: tuple, verdict: tuple, small: SmallLake) -> None:
    put_addresses(small, *licences)
    assert decided(small, {}, rules)["licence"] == (*verdict, None, None)


TEXTS = [  # rules, cleaned texts, whether a page says anything, verdict
    ({}, (), False, ("not_judged", "no_text", None, 0.0)),
    ({}, (), True, ("keep", "only_boilerplate", 0.0, 0.0)),
    ({}, ("an apple",), True, ("keep", None, 1.0, 0.0)),
    ({"min_texts": 1}, (), False, ("not_judged", "no_text", None, 1.0)),
    ({"min_texts": 1}, (), True, ("reject", "only_boilerplate", 0.0, 1.0)),
    ({"min_texts": 1}, ("an apple",), True, ("keep", None, 1.0, 1.0)),
    ({"min_texts": 2}, ("an apple",), False, ("reject", "few_texts", 1.0, 2.0)),
    ({"refused_words": ["stock photo"]}, ("a red apple", "Stock Photo, apple"), True, ("reject", "refused_word_stock photo", None, 0.0)),
    ({"refused_words": ["nude"]}, ("denuded hills", "nudes"), True, ("keep", None, 2.0, 0.0)),
    ({"refused_words": ["ass"]}, ("Straßass und assé", "cl\u00e1ss"), True, ("keep", None, 2.0, 0.0)),
    ({"refused_words": ["обои", "c++"]}, ("ОБОИ!",), True, ("reject", "refused_word_обои", None, 0.0)),
    ({"refused_words": ["c++"]}, ("written in C++.",), True, ("reject", "refused_word_c++", None, 0.0)),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "texts", "worded", "verdict"), TEXTS)
def test_texts_are_judged_where_a_page_says_anything(
    rules: dict, texts: tuple, worded: bool, verdict: tuple, small: SmallLake
) -> None:
    small.put("downloads", [{"url_id": "u", "image_id": "i"}])
    small.put("hits", [{"query_id": "q", "url_id": "u", "title": "IMG_1.jpg" if worded else " "}])
    small.put("image_texts", [{"image_id": "i", "text": text, "source": "title"} for text in texts])
    assert decided(small, {}, rules)["text"] == verdict


def put_scores(small: SmallLake, **scores: float) -> None:
    small.put("screens", [
        {"image_id": "i", "encoder": "some/model", "screen": name, "score": score} for name, score in scores.items()
    ] + [{"image_id": "i", "encoder": "another/model", "screen": name, "score": 2.0} for name in scores])  # fmt: skip


@pytest.mark.parametrize(
    ("scores", "verdict"),
    [
        ({"gore": 0.1}, ("reject", "unwanted_gore", 0.1, 0.1)),
        ({"gore": 0.0999}, ("keep", None, 0.0999, 0.1)),
        ({"gore": 0.05, "nudity": -0.2}, ("reject", "unwanted_nudity", -0.2, -0.3)),  # the one furthest over its margin
        ({}, ("not_judged", "no_embedding", None, None)),
    ],
)
def test_a_screen_rejects_from_its_margin_on(scores: dict, verdict: tuple, small: SmallLake) -> None:
    put_scores(small, **scores)
    screens = [SCREEN, {**SCREEN, "name": "nudity", "margin": -0.3}]
    assert decided(small, {"encoder": ENCODER, "screens": screens})["unwanted"] == verdict


PERSON = [
    ("flag", 0.1, ("keep", "shows_people", 0.1, 0.0)),
    ("flag", -0.1, ("keep", None, -0.1, 0.0)),
    ("reject", 0.1, ("reject", "shows_people", 0.1, 0.0)),
    ("reject", -0.1, ("keep", None, -0.1, 0.0)),
    ("off", 0.1, ("not_judged", "rule_off", 0.1, 0.0)),
    ("flag", None, ("not_judged", "no_embedding", None, None)),
]


@pytest.mark.parametrize(("people", "score", "verdict"), PERSON)
def test_people_are_flagged_rejected_or_let_be(
    people: str, score: float | None, verdict: tuple, small: SmallLake
) -> None:
    put_scores(small, **({} if score is None else {"people": score}))
    assert decided(small, {"encoder": ENCODER, "screens": [SCREEN, PEOPLE]}, {"people": people})["people"] == verdict


def test_a_rule_without_a_screen_is_not_judged(small: SmallLake) -> None:
    found = decided(small, {"encoder": ENCODER, "screens": []})
    assert found["unwanted"] == ("not_judged", "no_screen", None, None)
    assert found["people"] == ("not_judged", "no_screen", None, None)


def test_what_the_blocklist_names_is_rejected(small: SmallLake) -> None:
    small.put("blocked_images", [
        {"image_id": "i", "entry": "phash:00000000000000ff", "distance": 3}, {"image_id": "i", "entry": "sha256:ab", "distance": 0},
    ])  # fmt: skip
    assert decided(small, {}, {"blocklist": "list.txt"})["blocklist"] == ("reject", "listed_as_sha256:ab", 0.0, 4.0)
    assert decided(small, {}, {"blocklist": "list.txt"}, image_id="j")["blocklist"] == ("keep", None, None, 4.0)


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
    assert (row["image_id"], row["encoder"], row["screen"], row["prompt"]) == ("i", "some/model", "gore", "wound")
    assert row["score"] == pytest.approx(0.8 - 0.96, abs=1e-6)


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
    ]
