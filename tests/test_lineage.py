"""Records: what identity covers, and that a record reads back as it was written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.lineage import Record, from_json, identity, to_json

RECORD = Record(
    "entities", "whole", "i", "d", 3, "f.parquet", {"wikidata_items/whole": "x"}, "1", {"ok": 2}, ("contract",), 4
)
FACTS: dict[str, Any] = {
    "code_version": "1",
    "contract": "c",
    "parameters": {"a": [1, "ä"]},
    "inputs": {"x": "1", "y": "2"},
}


def test_a_record_reads_back_as_it_was_written() -> None:
    assert from_json(to_json(RECORD)) == RECORD
    assert to_json(from_json(to_json(RECORD))) == to_json(RECORD)


@given(st.dictionaries(st.text(), st.text(), max_size=3), st.dictionaries(st.text(), st.integers(), max_size=3))
def test_any_record_reads_back(inputs: dict[str, str], counts: dict[str, int]) -> None:
    record = dataclasses.replace(RECORD, inputs=inputs, counts=counts)
    assert from_json(to_json(record)) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "7",
        '{"table": "x", "failed_checks": []}',
        to_json(RECORD)[:-9],
        to_json(RECORD).replace("digest", "digset"),
    ],
)
def test_what_is_no_record_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not a record"):
        from_json(text)


@pytest.mark.parametrize(
    "change",
    [{"code_version": "2"}, {"contract": "d"}, {"parameters": {"a": [1, "a"]}}, {"parameters": {"a": ["ä", 1]}}, {"parameters": None},
     {"inputs": {"x": "1"}}, {"inputs": {"x": "2", "y": "1"}}],
)  # fmt: skip
def test_identity_covers_everything_that_the_content_depends_on(change: dict[str, Any]) -> None:
    assert identity(**{**FACTS, **change}) != identity(**FACTS)


def test_identity_does_not_depend_on_the_order_of_keys() -> None:
    assert identity(**{**FACTS, "inputs": {"y": "2", "x": "1"}}) == identity(**FACTS)
