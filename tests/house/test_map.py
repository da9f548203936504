"""docs/architecture.md has one line for each file, and every path on it exists."""

from __future__ import annotations

import pytest

from tests.house.map import ROOT, fenced_paths, map_faults, map_lines, mapped_files, what_it_is

PAGE = "Words\n\n```text\na/b.py    makes b\nsql/c.sql  makes c\nnot a path\n```\n\nd/e.py  outside of a fence\n"


def test_the_page_has_one_line_for_each_file() -> None:
    assert map_faults((ROOT / "docs" / "architecture.md").read_text(), mapped_files()) == []


def test_the_lines_made_from_docstrings_are_a_whole_map() -> None:
    page = "```\n" + "\n".join(map_lines()) + "\n```\n"
    assert map_faults(page, mapped_files()) == []


def test_lines_are_read_from_fences_only() -> None:
    assert fenced_paths(PAGE) == [("a/b.py", "makes b"), ("sql/c.sql", "makes c")]


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        (["a/b.py", "sql/c.sql", "x.py"], "x.py: not on the map"),
        (["a/b.py"], "sql/c.sql: no such file"),
    ],
)
def test_a_map_that_is_not_so_is_seen(files: list[str], fault: str) -> None:
    assert map_faults(PAGE, files) == [fault]


def test_a_file_named_twice_or_without_a_word_is_seen() -> None:
    page = "```\na.py  once\na.py\n```\n"
    assert map_faults(page, ["a.py"]) == ["a.py: 2 lines", "a.py: nothing said of it"]


def test_the_first_sentence_is_what_a_file_is() -> None:
    assert what_it_is(ROOT / "sql/curation/kept_images.sql") == "Pictures that no rule rejects"
    assert what_it_is(ROOT / "tests/house/map.py").startswith("The map of the house: one line a file")
