"""docs/architecture.md made anew: `python -m tests.house.architecture` writes the tables and the map between its markers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from entitynet_assets.definitions import ROOMS
from entitynet_assets.tables import TABLES
from tests.house.map import ROOT, map_lines

PAGE = ROOT / "docs" / "architecture.md"


def table_lines() -> Iterator[str]:
    """Yield a row of the page's table for each table, in the order of the river."""
    for room in ROOMS:
        for stop in room.STATIONS:
            table = TABLES[stop.table.name]
            yield f"| {table.room} | {table.name} | {table.grain} |"


def page(old: str) -> str:
    """Return the page with its table and its map made anew."""
    rows = "| --- | --- | --- |\n" + "\n".join(table_lines()) + "\n"
    new = re.sub(r"\| --- \| --- \| --- \|\n(?:(?:\||<!--).*\n)*", lambda _: rows, old, count=1)
    return re.sub(
        r"## One line a file\n.*",
        lambda _: "## One line a file\n\n```text\n" + "\n".join(map_lines()) + "\n```\n",
        new,
        flags=re.S,
    )


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
