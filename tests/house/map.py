"""The map of the house: one line a file, `path  what it is`, made from docstrings and the first comment of SQL files.

`python -m tests.house.map` prints the lines, to be put between ``` fences of docs/architecture.md.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^(\S+\.(?:py|sql))(?:\s{2,}(\S.*))?$")


def mapped_files() -> list[str]:
    """Return every file that the map names, from the root."""
    packages = [path for name in ("entitynet_assets", "entitynet_train") for path in (ROOT / name).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in (*packages, *(ROOT / "sql").rglob("*.sql")))


def what_it_is(path: Path) -> str:
    """Return the first sentence of a module's docstring or of a SQL file's opening comment."""
    source = path.read_text()
    if path.suffix == ".py":
        words = (ast.get_docstring(ast.parse(source)) or "").split("\n\n")[0]
    else:
        opening = re.match(r"(?:--.*\n)+", source)
        words = re.sub(r"^-- ?", "", opening.group() if opening else "", flags=re.MULTILINE)
    sentence = " ".join(words.split())
    return re.split(r"(?<=[.;]) (?=[A-Za-z])", sentence)[0].rstrip(".;")


def map_lines() -> Iterator[str]:
    """Yield the lines of the map; not aligned, so that a new file changes one line."""
    return (f"{name}  {what_it_is(ROOT / name)}" for name in mapped_files())


def fenced_paths(page: str) -> list[tuple[str, str]]:
    """Return (path, words) of each line in the fenced blocks of a page that begins with a Python or SQL path."""
    blocks = re.findall(r"^```[^\n]*\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    found = [LINE.match(line) for block in blocks for line in block.splitlines()]
    return [(match[1], match[2] or "") for match in found if match]


def map_faults(page: str, files: list[str]) -> list[str]:
    """Return files that the page leaves out, names twice or without a word, and paths on it that are no file."""
    lines = fenced_paths(page)
    named = Counter(path for path, _ in lines)
    return [
        *(f"{name}: not on the map" for name in files if not named[name]),
        *(f"{name}: {count} lines" for name, count in named.items() if count > 1),
        *(f"{name}: no such file" for name in named if name not in files),
        *(f"{name}: nothing said of it" for name, words in lines if not words),
    ]


if __name__ == "__main__":
    print("\n".join(map_lines()))
