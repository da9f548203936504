"""Names in texts: longest first, whole words, whatever the case, owners and plurals too; which names are not linked, and votes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entitynet_assets.labels.context import content_words, context_scores
from entitynet_assets.labels.linking import Names
from entitynet_assets.labels.names import names_of
from entitynet_assets.labels.stop_words import stop_words
from entitynet_assets.studies.models import Linking
from entitynet_assets.tables import ENTITY_NAMES, LABEL_VOCABULARY

STOP = stop_words(["en", "de", "mul"])
CALLED = [
    ("Q1", "apple"), ("Q2", "apple tree"), ("Q3", "golden apple tree"), ("Q4", "eagle"), ("Q5", "St John's wort"),
    ("Q6", "Anna’s hummingbird"), ("Q7", "T-shirt"), ("Q8", "Übung"), ("Q9", "bat"), ("Q10", "Bat"), ("Q11", "!!!"), ("Q12", ""),
    ("Q13", "rock'n roll"), ("Q14", "wolf"), ("Q15", "box jellyfish"), ("Q16", "苹果"), ("Q17", "苹果树"), ("Q18", "Levi's"),
    ("Q19", "תפוח"),
]  # fmt: skip


def rows(called, kind="label"):
    return list(names_of(({"qid": qid, "kind": kind, "text": text} for qid, text in called), STOP))


NAMES = Names((row["name"], row["qid"]) for row in rows(CALLED) if row["reason"] is None)


def named(text: str) -> set[str]:
    return {qid for one in NAMES.mentions(text) for qid in one.qids}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a red apple", {"Q1"}), ("an APPLE.", {"Q1"}), ("apple tree", {"Q2"}), ("the golden apple tree in May", {"Q3"}),
        ("golden apple", {"Q1"}), ("apple apple tree", {"Q1", "Q2"}), ("apple tree apple", {"Q1", "Q2"}), ("pineapple", set()),
        ("apples", {"Q1"}), ("apples tree", {"Q1"}), ("apple trees", {"Q2"}), ("apple treesome", {"Q1"}), ("wolves", {"Q14"}),
        ("box jellyfishes", {"Q15"}), ("apple-tree", {"Q2"}), ("an eagle's nest", {"Q4"}), ("an eagle’s nest", {"Q4"}),
        ("the eagles' nest", {"Q4"}), ("St John’s wort in bloom", {"Q5"}), ("st john's wort", {"Q5"}), ("St John wort", set()),
        ("Anna's hummingbirds", {"Q6"}), ("the apple tree's bark", {"Q2"}), ("t-shirt", {"Q7"}), ("t shirts", {"Q7"}), ("ÜBUNG", {"Q8"}),
        ("Ubung", {"Q8"}), ("a bat", {"Q9", "Q10"}), ("!!!", set()), ("", set()), ("golden apple's tree", {"Q1"}), ("rock'n roll", {"Q13"}),
        ("这是苹果树的照片", {"Q17"}), ("青苹果", {"Q16"}), ("Levi's", {"Q18"}), ("Levi", set()), ("תַּפּוּחַ עץ", {"Q19"}),
    ],
)  # fmt: skip
def test_which_entities_a_text_names(text, found):
    assert named(text) == found


def test_a_mention_says_where_it_stands_and_what_is_written_there():
    text = "Two eagles’ nests, 青苹果 and Anna’s hummingbird's wing"
    assert [(text[one.begin : one.end], one.name) for one in NAMES.mentions(text)] == [
        ("eagles", "eagle"), ("苹果", "苹 果"), ("Anna’s hummingbird", "anna 's hummingbird"),
    ]  # fmt: skip


def test_without_names_nothing_is_named_and_a_long_text_is_read_whole():
    assert list(Names([]).mentions("anything")) == []
    assert len(list(NAMES.mentions("an apple, " * 100_000))) == 100_000


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("in", "alias", "stop_word"), ("The Who", "alias", "stop_word"), ("image", "label", "stop_word"), ("die", "label", "stop_word"),
        ("ox", "label", None), ("ox", "alias", "too_short"), ("A", "label", "stop_word"), ("X", "label", "too_short"),
        ("747", "alias", "only_digits"),
        ("747 jet", "alias", None), ("☃", "label", "no_word"), ("山", "label", "too_short"), ("富士", "alias", None),
        ("'s", "alias", "too_short"),
    ],
)  # fmt: skip
def test_a_name_that_names_nothing_by_itself_has_a_reason(text, kind, reason):
    assert [row["reason"] for row in rows([("Q1", text)], kind)] == [reason]


def test_of_several_texts_that_fold_to_one_name_the_surest_is_kept():
    said = [("alias", "Apple"), ("label", "apple"), ("alias", "pome")]
    made = list(names_of(({"qid": "Q1", "kind": kind, "text": text} for kind, text in said), STOP))
    assert sorted((row["name"], row["kind"]) for row in made) == [("apple", "label"), ("pome", "alias")]


def test_stop_words_are_those_of_the_languages_and_english():
    assert "das" in stop_words(["de-at"])
    assert "das" not in stop_words(["en"])
    assert "the" in stop_words(["xx"])


def test_words_around_a_name_vote_for_those_whom_they_tell_apart():
    known = {
        "cat": content_words(["wild animals of South America", "a mammal"], STOP),
        "car": content_words(["British cars"], STOP),
    }
    assert known["cat"] == {"wild", "animal", "south", "america", "mammal"}
    assert context_scores({"wild", "river"}, ("cat", "car"), known) == {"cat": 1.0, "car": 0.0}
    assert context_scores({"wild", "car", "animal"}, ("cat", "car"), known) == {"cat": 2 / 3, "car": 1 / 3}
    assert context_scores({"river"}, ("cat", "car"), known) is None
    assert context_scores({"same"}, ("a", "b"), {"a": {"same"}, "b": {"same"}}) == {"a": 0.5, "b": 0.5}


def test_the_page_has_every_key_with_its_default_and_every_reason():
    page = (Path(__file__).parents[2] / "docs" / "linking.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `([a-z_]+)` \| ([0-9.]+) \|", page))
    assert rows == {key: str(field.default) for key, field in Linking.model_fields.items()}
    reasons = {column.name: column.allowed for column in (*ENTITY_NAMES.columns, *LABEL_VOCABULARY.columns)}["reason"]
    assert all(f"`{reason}`" in page for reason in (*reasons, *ENTITY_NAMES.columns[-1].allowed))
