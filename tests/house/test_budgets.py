"""The house keeps its budgets, and a fault of each kind is seen."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.budgets import ALLOWED, ROOT, faults, house_files

DOC = '"""A module."""\n'
LONG = DOC + "def f():\n" + "    pass\n" * 50
SQL = "-- Pictures that no rule rejects.\n"


def test_the_house_keeps_its_budgets() -> None:
    assert faults(dict(house_files()), ALLOWED) == []


def test_the_script_says_so_too() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tests.house.budgets"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout) == (0, "budgets kept\n"), run.stderr


@pytest.mark.parametrize(
    ("path", "source", "fault"),
    [
        ("a.py", DOC + "x = 1\n" * 300, "a.py: lines: 301 lines, more than 300"),
        ("a.py", "x = 1\n", "a.py: docstring: no module docstring"),
        ("a.py", LONG, "a.py: f lines: line 2: 51 lines, more than 50"),
        ("a.py", DOC + "def f(a, b, c, /, d, *, e, f, g): ...\n", "a.py: f parameters: line 2: 7 parameters, more than 6"),
        ("a.py", DOC + "def _handle_page(): ...\n", "a.py: _handle_page name: line 2: says that something is done, not what"),
        ("b/utils.py", DOC, "b/utils.py: name: a name that could hold anything"),
        ("a.sql", "SELECT 1 AS x", "a.sql: comment: the first line is no comment that says why"),
        ("a.sql", SQL + "SELECT 1; SELECT 2", "a.sql: statement: 2 statements; one SELECT makes one table"),
        ("a.sql", SQL + "DELETE FROM x", "a.sql: statement: 1 statements; one SELECT makes one table"),
        ("a.sql", SQL + "SELECT * FROM x", "a.sql: star: SELECT * at the outermost level; name the columns"),
        ("a.sql", SQL + "SELECT a FROM x UNION ALL SELECT x.* FROM x", "a.sql: star: SELECT * at the outermost level; name the columns"),
    ],
)  # fmt: skip
def test_a_fault_of_each_kind_is_seen(path: str, source: str, fault: str) -> None:
    assert faults({path: source}, {}) == [fault]


@pytest.mark.parametrize(
    "source",
    [
        DOC + "class A:\n    def f(self, a, b, c, d, e, f): ...\n",
        DOC + "def f():\n" + "    pass\n" * 49,
        DOC + "processed = 1\n",
    ],
)
def test_what_is_within_budget_is_no_fault(source: str) -> None:
    assert faults({"a.py": source}, {}) == []


def test_an_inner_star_is_no_fault() -> None:
    assert faults({"a.sql": SQL + "WITH b AS (SELECT * FROM x) SELECT count(*) AS n FROM b"}, {}) == []


def test_an_allowance_needs_a_reason_and_a_need() -> None:
    long = DOC + "x = 1\n" * 300
    assert faults({"a.py": long}, {"a.py: lines": "a good reason for it"}) == []
    assert faults({"a.py": long}, {"a.py: lines": ""}) == ["a.py: lines: allowed without a reason"]
    assert faults({"a.py": DOC}, {"a.py: lines": "a good reason for it"}) == [
        "a.py: lines: allowed, but no longer over; take it off the list"
    ]
