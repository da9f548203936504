"""Names in texts: longest first, whole words, whatever the case, owners too."""

from __future__ import annotations

import pytest

from entitynet_assets.labels.linking import named_entities, names_of, words_of

NAMES = names_of({"qid": qid, "text": text} for qid, text in [
    ("Q1", "apple"), ("Q2", "apple tree"), ("Q3", "golden apple tree"), ("Q4", "eagle"), ("Q5", "St John's wort"),
    ("Q6", "Anna’s hummingbird"),
    ("Q7", "T-shirt"), ("Q8", "Übung"), ("Q9", "bat"), ("Q10", "Bat"), ("Q11", "!!!"), ("Q12", ""), ("Q13", "rock'n roll"),
])  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a red apple", {"Q1"}), ("an APPLE.", {"Q1"}), ("apple tree", {"Q2"}), ("the golden apple tree in May", {"Q3"}),
        ("golden apple", {"Q1"}),
        ("apple apple tree", {"Q1", "Q2"}), ("apple tree apple", {"Q1", "Q2"}), ("pineapple", set()), ("apples", set()),
        ("apple-tree", {"Q2"}),
        ("an eagle's nest", {"Q4"}), ("an eagle’s nest", {"Q4"}), ("the eagles' nest", set()), ("St John’s wort in bloom", {"Q5"}),
        ("st john's wort", {"Q5"}), ("Anna's hummingbird", {"Q6"}), ("the apple tree's bark", {"Q2"}), ("t-shirt", {"Q7"}),
        ("t shirt", {"Q7"}),
        ("ÜBUNG", {"Q8"}), ("a bat", {"Q9", "Q10"}), ("!!!", set()), ("", set()), ("golden apple's tree", {"Q1"}), ("rock'n roll", {"Q13"}),
    ],
)  # fmt: skip
def test_which_entities_a_text_names(text, found):
    assert named_entities(text, NAMES, 3) == found


def test_names_without_a_word_are_none():
    assert () not in NAMES
    assert named_entities("anything", {}, 0) == set()


def test_words_are_whole_and_lower_case():
    assert words_of("Anna’s T-shirt, 5€ – naïve!") == ("anna's", "t", "shirt", "5", "naïve")
