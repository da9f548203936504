"""The plan of a world as a file: one row a picture, with what a faultless harvest makes of it.

What it is: `write_plan(world, path)`, streamed, so that a plan of a million rows needs no memory.
What belongs here: the columns and the two formats. What does not: the plan (plan.py).
"""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from entitynet_assets.sample.faults import FAULTS
from entitynet_assets.sample.plan import Picture
from entitynet_assets.sample.world import World, WorldError

COLUMNS = (
    *("url", "page_url", "shown_qid", "claimed_qid", "fault", "outcome", "rule", "copy_of"),
    *("alt", "title", "keywords", "licence", "author", "width_px", "height_px", "draw_seed"),
)


def write_plan(world: World, path: Path) -> int:
    """Write the plan to a .jsonl or .csv file; returns the number of rows.

    Raises:
        WorldError: the file's ending says another format.
    """
    writers: dict[str, Callable[[TextIO], Callable[[dict[str, Any]], Any]]] = {".jsonl": json_lines, ".csv": csv_lines}
    if path.suffix not in writers:
        raise WorldError(f"--plan: found {path.name!r}; allowed: a file ending in {' or '.join(writers)}")
    count = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        write = writers[path.suffix](file)
        for row in plan_rows(world):
            write(row)
            count += 1
    return count


def plan_rows(world: World) -> Iterator[dict[str, Any]]:
    """Yield the plan's rows as values by column."""
    for picture in world.rows():
        yield dict(zip(COLUMNS, values(picture), strict=True))


def values(picture: Picture) -> tuple[Any, ...]:
    """Return the values of one row in the order of the columns."""
    fault, words = FAULTS[picture.fault], picture.words
    return (
        *(picture.url, picture.page_url, picture.qid, picture.claimed, picture.fault),
        *(fault.outcome, fault.rule, picture.copy_of),
        *(words.alt, words.title, "|".join(words.keywords), words.licence, words.author),
        *(picture.width_px, picture.height_px, picture.draw_seed),
    )


def json_lines(file: TextIO) -> Callable[[dict[str, Any]], Any]:
    """Return a writer of one JSON object a line."""
    return lambda row: file.write(json.dumps(row, ensure_ascii=False) + "\n")


def csv_lines(file: TextIO) -> Callable[[dict[str, Any]], Any]:
    """Return a writer of comma-separated values under a header."""
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    return writer.writerow
