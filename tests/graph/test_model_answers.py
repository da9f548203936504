"""Answers of a language model are read strictly, and what is not taken keeps its reason; prompts hold no more than they should."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.graph.items import LOOKS
from entitynet_assets.graph.model_answers import AnswerError, one_line, read_attributes, read_judgement, read_object
from entitynet_assets.graph.model_prompts import ATTRIBUTES, HINTS, JUDGE, attributes_prompt, judge_prompt
from entitynet_assets.tables import ATTRIBUTE_CATEGORIES

OFFERED = {"Q1": "fruit", "Q2": "caf\u00e9"}
YES = '{"visual": true, "explanation": "it is a thing", "type": {"id": "Q1", "name": "fruit"}}'
READ = {"visual": True, "explanation": "it is a thing", "type_qid": "Q1", "type_name": "fruit"}


@pytest.mark.parametrize(
    "text",
    [
        YES, f"  {YES}\n", f"```json\n{YES}\n```", f"```\n{YES}\n```", f"Here it is:\n```json\n{YES}\n```\nI hope that helps.",
        f"<think>it {{may}} be\n```no```</think>\n{YES}", YES.replace("it is a thing", "it \\u0000is\\n a  thing"),
    ],
)  # fmt: skip
def test_an_object_is_read_bare_or_in_its_fence(text: str) -> None:
    assert read_judgement(text, OFFERED) == READ


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("", "malformed", "found none"),
        ("It is visual.", "malformed", "found none"),
        (YES[:-5], "malformed", "found none"),
        (f"Sure! {YES}", "malformed", "found none"),
        (f"{YES}\n{YES}", "malformed", "found none"),
        (f"```\n{YES}\n```\n```\n{YES}\n```", "malformed", "2 fenced blocks"),
        ("[true]", "malformed", "found list"),
        ('{"visual": NaN, "explanation": "x"}', "malformed", "NaN is no JSON"),
        ('{"visual": true, "visual": false, "explanation": "x"}', "malformed", "'visual' is said more than once"),
        ('{"visual": "true", "explanation": "x"}', "malformed", r"Expected `bool`, got `str` - at `\$.visual`"),
        ('{"visual": 1, "explanation": "x"}', "malformed", r"at `\$.visual`"),
        ('{"explanation": "x"}', "malformed", "missing required field `visual`"),
        ('{"visual": true}', "malformed", "missing required field `explanation`"),
        ("[" * 100_000, "malformed", "found none"),
        ('{"visual": ' + "9" * 5000 + "}", "malformed", "found none"),
        ("I'm sorry, but I cannot judge this.", "refused", "declines"),
        ("I can\u2019t help with that.", "refused", "declines"),
        ("As an AI, I have no eyes.", "refused", "declines"),
    ],
)
def test_what_is_no_judgement_says_why(text: str, status: str, words: str) -> None:
    with pytest.raises(AnswerError, match=words) as caught:
        read_judgement(text, OFFERED)
    assert caught.value.status == status


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ({"id": "Q1", "name": "fruit"}, ("Q1", "fruit")),
        ({"id": "Q2", "name": "cafe\u0301"}, ("Q2", "caf\u00e9")),
        ({"id": "Q1", "name": "caf\u00e9"}, None),
        ({"id": "Q3", "name": "fruit"}, None),
        ({"id": "Q1"}, None),
        ("Q1", None),
        (["Q1", "fruit"], None),
        ({"id": 1, "name": "fruit"}, None),
        ({"id": "\ud800", "name": "\x00"}, None),
    ],
)
def test_a_type_is_a_pair_that_was_offered_or_is_left_out_with_the_reason(said, taken) -> None:
    row = read_judgement(json.dumps({"visual": False, "explanation": "x", "type": said}), OFFERED)
    assert row["visual"] is False
    if taken:
        assert (row["type_qid"], row["type_name"]) == taken
        assert "reason" not in row
    else:
        assert "type_qid" not in row
        assert row["reason"].startswith("type left out: ")


def reasons(said: object, name: str = "apple", most: int = 3) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    found = read_attributes(json.dumps(said), name, most)
    return (
        [(one["category"], one["value"]) for one in found["attributes"]],
        [(one["value"], one["reason"]) for one in found["dropped"]],
    )


def test_attributes_are_taken_in_the_order_of_the_categories_and_the_rest_has_its_reason() -> None:
    taken, dropped = reasons({
        "other": ["in season", "RED"],
        "smell": ["sweet"],
        "color": ["red", " dark   green ", "Red", "none", "N/A", "Not applicable.", "Note: varies", "", "yellow", "brown"],
        "part": ["x" * 61, 5, None, "red apple", "Apple", "pineapple crown", ["stem"]],
        "material": None,
    })  # fmt: skip
    assert taken == [
        ("colour", "red"), ("colour", "dark green"), ("colour", "yellow"), ("part", "pineapple crown"), ("other", "in season"),
    ]  # fmt: skip
    assert dropped == [
        ("Red", "repeated"), ("none", "nothing_said"), ("N/A", "nothing_said"), ("Not applicable.", "nothing_said"),
        ("Note: varies", "nothing_said"), ("", "nothing_said"), ("brown", "too_many"), ("x" * 61, "too_long"), ("5", "not_text"),
        ("null", "not_text"), ("red apple", "names_itself"), ("Apple", "names_itself"), ('["stem"]', "not_text"), ("RED", "repeated"),
        ("sweet", "unknown_category"),
    ]  # fmt: skip


def test_empty_categories_are_an_answer() -> None:
    assert reasons({name: [] for name in ATTRIBUTE_CATEGORIES}) == ([], [])


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "expected some of colour, pattern"),
        ({"looks": ["red"]}, r"found \['looks'\]"),
        ({"colour": "red"}, "expected a list at colour, found str"),
        ({"colour": {"red": 1}}, "expected a list at colour, found dict"),
        ({"colour": ["red"], "color": ["blue"]}, "more than once"),
    ],
)
def test_what_are_no_attributes_says_why(said: object, words: str) -> None:
    with pytest.raises(AnswerError, match=words):
        reasons(said)


VALUE = st.one_of(st.text(max_size=80), st.none(), st.integers(), st.lists(st.text(max_size=3), max_size=2))


@given(st.dictionaries(st.sampled_from([*ATTRIBUTE_CATEGORIES, "taste"]), st.lists(VALUE, max_size=6), min_size=1))
def test_nothing_of_an_answer_goes_in_silence(said) -> None:
    try:
        found = read_attributes(json.dumps(said), "kiwi", 2)
    except AnswerError:
        assert not said.keys() & set(ATTRIBUTE_CATEGORIES)
        return
    assert len(found["attributes"]) + len(found["dropped"]) == sum(len(values) for values in said.values())
    kept = [one["value"] for one in found["attributes"]]
    assert len({value.casefold() for value in kept}) == len(kept)
    for value in kept:
        assert value == one_line(value)
        assert 0 < len(value) <= 60
        value.encode()


@given(st.text())
def test_any_text_is_an_object_or_an_answer_error(text: str) -> None:
    try:
        found: object = read_object(text)
    except AnswerError as error:
        found = error
    assert isinstance(found, dict) or found.status in ("refused", "malformed")  # type: ignore[attr-defined]
    str(found).encode()


# -- prompts -----------------------------------------------------------------------------------------------------------


def facts_row(**changes: object) -> dict:
    return {
        "qid": "Q89", "name": "apple", "description": "fruit of a tree", "aliases": ["pomme", "apple"], "above": ["fruit", "food"],
        "types": [{"id": "Q1", "name": "fruit"}], "known": [{"property": "P462", "value": "red"}], **changes,
    }  # fmt: skip


def test_a_prompt_says_name_aliases_description_ancestors_types_and_hints() -> None:
    common = {
        "id": "Q89",
        "name": "apple",
        "aliases": ["pomme"],
        "description": "fruit of a tree",
        "above": ["fruit", "food"],
    }
    judge = judge_prompt(facts_row())
    assert json.loads(judge.facts) == {**common, "above": ["food"], "types": [{"id": "Q1", "name": "fruit"}]}
    assert judge.offered == {"Q1": "fruit"}
    asked = attributes_prompt(facts_row(), 4)
    assert json.loads(asked.facts) == {**common, "known": ["colour: red"]}
    assert "At most 4 in a category" in asked.instructions
    assert [message["role"] for message in asked.messages] == ["system", "user"]


def test_every_property_on_looks_has_a_word_as_a_hint() -> None:
    assert sorted(HINTS) == sorted(LOOKS)


def test_two_items_with_the_same_words_are_two_prompts() -> None:
    one, other = judge_prompt(facts_row()), judge_prompt(facts_row(qid="Q90"))
    assert one.sha256 != other.sha256
    assert one.sha256 == judge_prompt(facts_row()).sha256


def test_long_lists_and_texts_are_clipped() -> None:
    row = facts_row(
        name="n" * 5000, description="d" * 100_000, aliases=[f"alias {number} " + "x" * 10_000 for number in range(1000)],
        above=["class " * 1000] * 500, types=[{"id": f"Q{number}", "name": f"t{number}"} for number in range(1, 500)],
        known=[{"property": "P462", "value": f"colour {number}"} for number in range(500)],
    )  # fmt: skip
    for prompt in (judge_prompt(row), attributes_prompt(row, 5)):
        assert len(prompt.facts) < 3000
    assert len(judge_prompt(row).offered) == 10


@given(st.text(), st.text(), st.lists(st.text(), max_size=3))
def test_no_text_of_an_item_breaks_out_of_its_facts(name: str, description: str, aliases: list[str]) -> None:
    prompt = judge_prompt(facts_row(name=name, description=description, aliases=aliases))
    facts = json.loads(prompt.facts)
    assert facts["id"] == "Q89"
    assert prompt.facts.isprintable() or not any(ord(char) < 32 for char in prompt.facts)
    prompt.facts.encode()
    assert prompt.instructions == JUDGE


def test_half_surrogates_are_replaced() -> None:
    assert judge_prompt(facts_row(name="a\ud800b")).name == "a?b"


def test_the_worked_examples_are_answers_that_would_be_taken() -> None:
    def answers(text: str) -> list[tuple[str, str]]:
        pairs = [block.split("\n", 1) for block in text.split("\n\nExample\n")[1:]]
        return [(json.loads(facts), answer) for facts, answer in pairs]  # type: ignore[misc]

    assert (len(answers(JUDGE)), len(answers(ATTRIBUTES.format(per_category=5)))) == (2, 2)
    for facts, answer in answers(JUDGE):
        row = read_judgement(answer, {kind["id"]: kind["name"] for kind in facts["types"]})  # type: ignore[index]
        assert row["type_qid"]
    for facts, answer in answers(ATTRIBUTES.format(per_category=5)):
        found = read_attributes(answer, facts["name"], 5)  # type: ignore[index]
        assert found["attributes"]
        assert found["dropped"] == []
        assert json.loads(answer).keys() == set(ATTRIBUTE_CATEGORIES)
    for category in ATTRIBUTE_CATEGORIES:
        assert f"{category}: " in ATTRIBUTES
