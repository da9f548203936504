"""Answers as a table for a terminal, as tab-separated lines and as JSON.

Belongs here: how answers look. Does not belong here: what they are (answers.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from entitynet_assets.classify.answers import Answer, to_values

Found = Mapping[str, Answer | None]  # by file; None for one that cannot be read
TSV_COLUMNS = ("file", "status", "qid", "label", "score", "entities", "top_qid", "top_label", "top_score")


def table(found: Found) -> Table:
    """Return a row a file: the answer with its score, and the likeliest entities."""
    shown = Table()
    for name in ("picture", "shows", "score", "likeliest"):
        shown.add_column(name, justify="right" if name == "score" else "left")
    for file, one in found.items():
        shown.add_row(Text(_plain(file)), *_cells(one))
    return shown


def _cells(one: Answer | None) -> tuple[Text, str, Text]:
    if one is None:
        return Text("cannot be read", "red"), "", Text("")
    likeliest = Text(_plain(", ".join(f"{named.label} {named.score:.2f}" for named in one.top)))
    if one.answer is None:
        return Text("not sure", "yellow"), "", likeliest
    some = "" if one.status == "named" else f" (one of {one.answer.entities:,})"
    return (
        Text(_plain(one.answer.label) + some, "green" if one.status == "named" else ""),
        f"{one.answer.score:.2f}",
        likeliest,
    )


def summary(found: Found) -> str:
    """Say in one line what came of the files."""
    counts = Counter(one.status if one else "unreadable" for one in found.values())
    words = {
        "named": "named", "rolled_up": "named by a class above", "abstained": "not sure", "unreadable": "cannot be read",
    }  # fmt: skip
    return f"{len(found):,} files: " + ", ".join(
        f"{counts[name]:,} {said}" for name, said in words.items() if counts[name]
    )


def tsv(found: Found) -> str:
    """Return a line a file, tab-separated, under a line of names; an empty field where there is nothing to say."""
    lines = ["\t".join(TSV_COLUMNS)]
    for file, one in found.items():
        said = one.answer if one else None
        cells = [said.qid, said.label, f"{said.score:.6f}", str(said.entities)] if said else [""] * 4
        first = [one.top[0].qid, one.top[0].label, f"{one.top[0].score:.6f}"] if one else [""] * 3
        lines.append("\t".join(_plain(cell) for cell in (file, one.status if one else "unreadable", *cells, *first)))
    return "\n".join(lines)


def as_json(found: Found, facts: Mapping[str, Any]) -> str:
    """Return everything as JSON: facts of the model, and a list of the files."""
    pictures = [{"file": file, **(to_values(one) if one else {"status": "unreadable"})} for file, one in found.items()]
    return json.dumps({**facts, "pictures": pictures}, indent=1, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return a text without what could set colours, move the cursor or break a line."""
    return "".join(character if character.isprintable() else " " for character in text)
