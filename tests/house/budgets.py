"""The house's budgets: how long files and functions may be, what they may be called, how a SQL file begins.

`python -m tests.house.budgets` prints what is over and exits 1. What is over for good reason stands in ALLOWED with that
reason; an entry that is no longer needed is a fault too, so that the list only says what is so.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import sqlglot
from sqlglot import exp

ROOT = Path(__file__).parents[2]
FOLDERS = ("entitynet_assets", "entitynet_train", "tests", "sql")
FILE_LINES, FUNCTION_LINES, PARAMETERS = 300, 50, 6
EMPTY_NAMES = {"util", "utils", "helper", "helpers", "manager", "managers", "common", "misc"}
EMPTY_VERBS = re.compile(r"_*(?:process|handle)_")

ALLOWED: dict[str, str] = {
    "entitynet_assets/tables.py: lines": "one list of every table's contract; cut in two, a column would be sought in both",
    "entitynet_assets/lake.py: lines": "the only file that may touch DuckDB and Parquet: reads, writes, records and blobs together",
    "entitynet_assets/web/client.py: lines": "one polite client: pace, rests, redirects and robots.txt decide together over each request",
    "entitynet_assets/draft/command.py: new parameters": "one parameter a flag; typer reads the flags off the signature",
    "entitynet_assets/cli.py: world parameters": "one parameter a flag; typer reads the flags off the signature",
    "entitynet_assets/classify/command.py: classify parameters": "one parameter a flag; typer reads the flags off the signature",
    "tests/web/test_client.py: lines": "the table of what a web server can do wrong, against one server",
    "tests/cluster/test_local.py: lines": "what can befall a job and its caller, each with real processes",
    "tests/fakes/web_server.py: handle_error name": "the name that the standard library calls",
    "tests/sight/test_report.py: handle_starttag name": "the name that the standard library calls",
    "tests/sight/test_report.py: handle_data name": "the name that the standard library calls",
    "entitynet_assets/releases/command.py: takedown parameters": "the options of a command, each a way to name pictures",
    "entitynet_assets/studies/models.py: lines": "every key that a study may say, and the message for each that is wrong",
    "entitynet_train/spec.py: lines": "the whole contract between platform and workshop; cut in two, a field would be sought in both",
    "entitynet_train/distributed.py: process_group name": "a noun: torch calls it a process group",
}


def python_faults(path: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield (entry, words) for each fault of a Python file; the entry is what ALLOWED would name."""
    tree = ast.parse(source)
    count = len(source.splitlines())
    if count > FILE_LINES:
        yield f"{path}: lines", f"{count} lines, more than {FILE_LINES}"
    if not ast.get_docstring(tree):
        yield f"{path}: docstring", "no module docstring"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _function_faults(path, node)


def _function_faults(path: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str]]:
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    if lines > FUNCTION_LINES:
        yield f"{path}: {node.name} lines", f"line {node.lineno}: {lines} lines, more than {FUNCTION_LINES}"
    names = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
    count = len(names) - (names[:1] in (["self"], ["cls"]))
    if count > PARAMETERS:
        yield f"{path}: {node.name} parameters", f"line {node.lineno}: {count} parameters, more than {PARAMETERS}"
    if EMPTY_VERBS.match(node.name):
        yield f"{path}: {node.name} name", f"line {node.lineno}: says that something is done, not what"


def sql_faults(path: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield (entry, words) for each fault of a SQL file."""
    first = source.split("\n", 1)[0]
    if not re.match(r"-- \S.{15,}", first):
        yield f"{path}: comment", "the first line is no comment that says why"
    statements = [one for one in sqlglot.parse(source, dialect="duckdb") if one is not None]
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        yield f"{path}: statement", f"{len(statements)} statements; one SELECT makes one table"
    elif any(select.is_star for select in outermost(statements[0])):
        yield f"{path}: star", "SELECT * at the outermost level; name the columns"


def outermost(query: exp.Expression) -> list[exp.Select]:
    """Return the SELECTs whose columns are the result: one, or those of a UNION."""
    if isinstance(query, exp.SetOperation):
        return outermost(query.left) + outermost(query.right)
    return [query] if isinstance(query, exp.Select) else []


def house_files() -> Iterator[tuple[str, str]]:
    """Yield (path from the root, text) of every Python and SQL file."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".sql"):
                yield path.relative_to(ROOT).as_posix(), path.read_text()


def faults(files: Mapping[str, str], allowed: Mapping[str, str]) -> list[str]:
    """Return what is over its budget and not allowed, and what is allowed and not over."""
    found: dict[str, str] = {}
    for path, source in files.items():
        if Path(path).stem.lower() in EMPTY_NAMES:
            found[f"{path}: name"] = "a name that could hold anything"
        found |= dict((python_faults if path.endswith(".py") else sql_faults)(path, source))
    over = [f"{entry}: {words}" for entry, words in found.items() if entry not in allowed]
    stale = [f"{entry}: allowed, but no longer over; take it off the list" for entry in allowed if entry not in found]
    reasonless = [f"{entry}: allowed without a reason" for entry, reason in allowed.items() if len(reason) < 10]
    return over + stale + reasonless


def main() -> int:
    """Print every fault; return 1 if there is one."""
    found = faults(dict(house_files()), ALLOWED)
    print("\n".join(found) or "budgets kept")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
