"""Published disambiguation sets in ZELDA's layout, against the entities of a lake: `python -m tests.labels.zelda LAKE FILE...`.

A file has one JSON object a line: `id`, `text`, `index` (a list of [begin, end) in characters) and, for each of these, what it means in
`wikipedia_titles` and `wikipedia_ids` (Milich and Akbik, ZELDA, EACL 2023). A title is an entity of the lake if a Wikidata item that was
read names it as its page in the English Wikipedia; what means anything else is not in the knowledge base and is not asked. The names are
given, so no finding of names is measured: of each, which entities are so called, and which of them is meant by name and context,
through the tables of the river. Printed are candidate recall, precision, recall and F1, over all names in the knowledge base, and over
those of several entities apart.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entitynet_assets.lake import Lake
from tests.small_lake import SmallLake

FIELDS = ("id", "text", "index", "wikipedia_titles")


class LayoutError(ValueError):
    """A line that is not in ZELDA's layout: which line, what is wrong, what is expected."""


@dataclass(frozen=True)
class Span:
    """A name in a document and the page that it means."""

    document: str
    begin: int
    end: int
    title: str


def read_documents(lines: Iterable[str]) -> Iterator[tuple[str, str, list[Span]]]:
    """Yield the id, the text and the spans of each document. Raises LayoutError on a line that is something else."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise LayoutError(f"line {number}: not JSON ({error}); expected one object a line") from error
        missing = [name for name in FIELDS if name not in row] if isinstance(row, dict) else "object"
        if missing:
            raise LayoutError(f"line {number}: found no {missing}; expected {', '.join(FIELDS)}")
        text, places, titles = row["text"], row["index"], row["wikipedia_titles"]
        if len(places) != len(titles):
            raise LayoutError(
                f"line {number}: found {len(places)} places and {len(titles)} titles; expected as many of both"
            )
        document = f"{number}:{row['id']}"
        yield (
            document,
            text,
            [Span(document, begin, end, title) for (begin, end), title in zip(places, titles, strict=True)],
        )


def linked(
    lake: Lake, documents: list[tuple[str, str, list[Span]]], folder: Path
) -> dict[Span, tuple[set[str], str | None]]:
    """Return for each span the entities so called and the one that is meant, by the stations of the labels room."""
    small = SmallLake(folder)
    for name in ("entities", "entity_texts", "entity_parents"):
        small.put(name, lake.rows(name))
    small.put(
        "image_texts", [{"image_id": document, "source": "alt_text", "text": text} for document, text, _ in documents]
    )
    small.make("entity_names")
    asked = {(span.document, span.begin, span.end): span for _, _, spans in documents for span in spans}
    found: dict[Span, list[dict[str, Any]]] = {span: [] for span in asked.values()}
    for row in small.make("mentions"):
        span = asked.get((row["image_id"], row["begin_char"], row["end_char"]))
        if span:
            found[span].append({**row, "image_id": f"{span.begin}:{span.end} of {span.document}"})
    small.put("mentions", [row for rows in found.values() for row in rows])
    meant = {row["image_id"]: row["qid"] for row in small.make("entity_links") if row["place"] == 1}
    return {
        span: ({row["qid"] for row in rows}, meant.get(rows[0]["image_id"]) if rows else None)
        for span, rows in found.items()
    }


def figures(lake: Lake, documents: list[tuple[str, str, list[Span]]]) -> dict[str, Any]:
    """Return what was measured, as shares of the spans whose page is an entity of the lake."""
    entities = {row["qid"] for row in lake.rows("entities")}
    titled = {
        row["enwiki_title"].replace("_", " "): row["qid"] for row in lake.rows("wikidata_items") if row["enwiki_title"]
    }
    gold = {span: titled.get(span.title.replace("_", " ")) for _, _, spans in documents for span in spans}
    with tempfile.TemporaryDirectory() as folder:
        found = linked(lake, documents, Path(folder))
    known = {span: qid for span, qid in gold.items() if qid and qid in entities}
    several = {span: qid for span, qid in known.items() if len(found[span][0]) > 1}
    return {
        "spans": len(gold), "in_knowledge_base": len(known),
        **_shares(known, found), "of_several_entities": {"spans": len(several), **_shares(several, found)},
    }  # fmt: skip


def _shares(gold: dict[Span, str], found: dict[Span, tuple[set[str], str | None]]) -> dict[str, float]:
    if not gold:
        return {}
    right = sum(found[span][1] == qid for span, qid in gold.items())
    answered = sum(found[span][1] is not None for span in gold)
    precision, recall = right / max(answered, 1), right / len(gold)
    return {
        "candidate_recall": round(sum(qid in found[span][0] for span, qid in gold.items()) / len(gold), 4),
        "precision": round(precision, 4), "recall": round(recall, 4),
        "f1": round(2 * precision * recall / (precision + recall), 4) if right else 0.0,
    }  # fmt: skip


def main(root: str, *files: str) -> None:
    """Print the figures of each file as a line of JSON."""
    for file in files:
        with Path(file).open(encoding="utf-8") as lines:
            print(json.dumps({"file": Path(file).name, **figures(Lake(root), list(read_documents(lines)))}))


if __name__ == "__main__":
    main(*sys.argv[1:])
