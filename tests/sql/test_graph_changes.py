"""The diff against the last sealed round: every kind of change, each with its sentence, and nothing gone in silence."""

from __future__ import annotations

import dataclasses

import pytest

from entitynet_assets.tables import PREVIOUS
from tests.small_lake import Row, SmallLake, full_row, item

APPLE = {"qid": "Q4", "label": "apple", "natural_type_qid": "Q2", "natural_type": "fruit", "parent_qids": ["Q2"]}


def changes(
    small: SmallLake, before: list[Row], now: list[Row], *items: Row, left_out: dict[str, str] | None = None
) -> list[Row]:
    small.put("entities", before)
    small.lake.seal_round()
    small.put("entities", now)
    small.put("wikidata_items", [*items, item("Q2", en="fruit"), item("Q3", en="berry"), item("Q12")])
    small.put("graph_integrity", [{"qid": qid, "finding": finding} for qid, finding in (left_out or {}).items()])
    return [tuple(row.values()) for row in small.make("entity_changes")]


def test_before_the_first_seal_nothing_has_changed(small: SmallLake) -> None:
    small.put("entities", [APPLE])
    assert small.make("entity_changes") == []


def test_an_entity_that_stayed_as_it_was_is_no_change(small: SmallLake) -> None:
    assert changes(small, [APPLE], [{**APPLE, "description": "a fruit", "sitelink_count": 99}]) == []


CHANGES: list[tuple[list[Row], list[Row], tuple]] = [
    ([], [{"qid": "Q7", "label": "fresh"}], ("Q7", "added", None, "fresh", "Q7 fresh: new")),
    ([{"qid": "Q89", "label": "apple"}], [{"qid": "Q89", "label": "quillberry"}],
     ("Q89", "relabelled", "apple", "quillberry", "Q89 apple: renamed from 'apple' to 'quillberry'")),
    ([{**APPLE, "qid": "Q5"}], [{**APPLE, "qid": "Q5", "natural_type_qid": "Q3", "natural_type": "berry"}],
     ("Q5", "retyped", "Q2", "Q3", "Q5 apple: natural type changed from Q2 fruit to Q3 berry")),
    ([{**APPLE, "qid": "Q5"}], [{**APPLE, "qid": "Q5", "natural_type_qid": None, "natural_type": None}],
     ("Q5", "retyped", "Q2", None, "Q5 apple: natural type changed from Q2 fruit to none")),
    ([{**APPLE, "qid": "Q5", "parent_qids": ["Q99"]}], [{**APPLE, "qid": "Q5", "parent_qids": ["Q2", "Q3"]}],
     ("Q5", "moved", "Q99", "Q2,Q3", "Q5 apple: moved from below Q99 to below Q2 fruit, Q3 berry")),
    ([{**APPLE, "qid": "Q5"}], [{**APPLE, "qid": "Q5", "parent_qids": []}],
     ("Q5", "moved", "Q2", None, "Q5 apple: moved from below Q2 fruit to below nothing")),
]  # fmt: skip


@pytest.mark.parametrize(("before", "now", "change"), CHANGES, ids=[change[1] for _, _, change in CHANGES])
def test_each_change_has_its_sentence(before: list[Row], now: list[Row], change: tuple, small: SmallLake) -> None:
    assert changes(small, [APPLE, *before], [APPLE, *now]) == [change]


GONE: list[tuple[Row | None, dict[str, str], tuple]] = [
    (None, {}, ("removed", "old", None, "Q9 old: removed (no longer found at or below the roots)")),
    ({"status": "missing"}, {}, ("removed", "old", None, "Q9 old: removed (Wikidata has it no more)")),
    ({"status": "broken"}, {}, ("removed", "old", None, "Q9 old: removed (it could not be read)")),
    ({"role": "former"}, {}, ("removed", "old", None, "Q9 old: removed (outside roots)")),
    ({}, {"Q9": "few_sitelinks"}, ("removed", "old", None, "Q9 old: removed (few sitelinks)")),
    ({"status": "redirect", "redirect_qid": "Q3", "role": "former"}, {}, ("merged", "old", "Q3", "Q9 old: merged into Q3 berry")),
    ({"status": "redirect", "redirect_qid": "Q98"}, {}, ("merged", "old", "Q98", "Q9 old: merged into Q98")),
]  # fmt: skip


@pytest.mark.parametrize(("found", "left_out", "change"), GONE)
def test_an_entity_that_went_is_there_with_its_old_name_and_why(
    found: Row | None, left_out: dict[str, str], change: tuple, small: SmallLake
) -> None:
    items = [] if found is None else [{"qid": "Q9", **found}]
    assert changes(small, [APPLE, {"qid": "Q9", "label": "old"}], [APPLE], *items, left_out=left_out) == [
        ("Q9", *change)
    ]


def test_all_that_befell_an_entity_is_said(small: SmallLake) -> None:
    was = {"qid": "Q5", "label": "old", "natural_type_qid": "Q2", "parent_qids": ["Q2"]}
    now = {"qid": "Q5", "label": "new", "natural_type_qid": "Q12", "parent_qids": ["Q12"]}
    assert [row[1] for row in changes(small, [was], [now])] == ["moved", "relabelled", "retyped"]


def test_a_round_sealed_before_parents_were_kept_tells_no_moves(small: SmallLake) -> None:
    now, old = PREVIOUS["previous_entities"], ("parent_qids", "depth")
    before = dataclasses.replace(now, columns=tuple(column for column in now.columns if column.name not in old))
    small.lake.write_rows(before, [{k: v for k, v in full_row(now, {**APPLE, "label": "old"}).items() if k not in old}])
    small.put("entities", [APPLE])
    assert small.pick("entity_changes", "qid", "change") == [("Q4", "relabelled")]
    assert small.lake.rows("previous_entities")[0]["parent_qids"] is None
