"""What a verdict says in words, rule by rule."""

from __future__ import annotations

import pytest

from entitynet_assets.report.sheet import tile_lines
from entitynet_assets.tables import RULES
from entitynet_assets.trace.fate import MEASURES, measured, verdict_branch


def verdict(
    rule: str, reason: str | None, measure: float | None, threshold: float | None, said: str = "reject"
) -> dict:
    return {"rule": rule, "verdict": said, "reason": reason, "measure": measure, "threshold": threshold}


SAID = [
    (verdict("unwanted", "unwanted_gore", 0.12, 0.1), "cosine over the contrast 0.12, kept with less than 0.1"),
    (verdict("blocklist", "listed_as_phash:00", 3.0, 4.0), "differing bits 3, kept with more than 4"),
    (verdict("leak", "held_out_in_b", 2.0, 6.0), "differing bits 2, kept with more than 6"),
    (verdict("leak", "looks_held_out_in_b", 0.98, 0.96), "cosine to a held-out picture 0.98, kept with less than 0.96"),
    (verdict("text", "only_boilerplate", 0.0, 1.0), "texts that say something 0, kept with at least 1"),
    (verdict("text", "refused_word_x", None, 1.0), None),
    (verdict("licence", "not_allowed_NC", None, None), None),
]


@pytest.mark.parametrize(("row", "words"), SAID)
def test_a_measure_stands_against_its_threshold(row: dict, words: str | None) -> None:
    assert measured(row) == words


def test_every_rule_that_measures_has_words() -> None:
    assert set(RULES) - MEASURES.keys() == {"licence"}


def test_what_is_flagged_or_not_judged_is_told_and_rejects_nothing() -> None:
    rows = [
        verdict("people", "shows_people", 0.1, 0.0, "keep"),
        verdict("unwanted", "no_encoder", None, None, "not_judged"),
    ]
    told = verdict_branch(rows)
    assert told.facts == {"kept": True, "rejected_by": []}
    assert [one.words for one in told.below] == [
        "people: keep, shows_people, cosine over the contrast 0.1, kept with less than 0",
        "unwanted: not_judged, no_encoder",
    ]


@pytest.mark.parametrize(
    ("row", "line"),
    [
        (verdict("leak", "looks_held_out_in_b", 0.98, 0.96), "looks held out in b"),
        (verdict("leak", "held_out_in_b", 2.0, 6.0), "2 bits from held out"),
        (verdict("unwanted", "unwanted_gore", 0.12, 0.1), "unwanted gore"),
        (verdict("blocklist", "listed_as_phash:00", 3.0, 4.0), "3 bits from blocked"),
    ],
)
def test_a_tile_says_why(row: dict, line: str) -> None:
    assert tile_lines({"label": "apple", "words": "", "verdicts": [row]}) == (row["rule"], line, "apple")
