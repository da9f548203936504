"""The dump benchmark at a small size: both sides come to the same rows, and the last line says what was measured."""

from __future__ import annotations

import json

import pytest

from tests.bench.dump import ours, summary, table, write
from tests.bench.dump_qwikidata import main


def test_both_sides_agree_and_the_last_line_says_what_was_measured(tmp_path) -> None:
    size = write(tmp_path, 1)
    mine, theirs, whole = ours(tmp_path), main(tmp_path), table(tmp_path)
    line = json.loads(summary(size, mine, theirs, whole))
    assert {"bench", "ours", "peer", "ratio", "unit"} <= line.keys()
    assert line["items"] == mine["answers"]["rows"] == mine["answers"]["unpacked"]
    assert 1_000_000 <= line["bytes"] == (tmp_path / "dump.json").stat().st_size - 2 * line["items"] - 3
    assert line["table"]["rows"] > 4  # the four roots and what is an instance of them
    other = {**theirs, "answers": {**theirs["answers"], "digest": "another"}}
    with pytest.raises(RuntimeError, match="they must agree"):
        summary(size, mine, other, whole)
