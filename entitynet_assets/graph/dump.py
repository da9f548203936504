"""A Wikidata JSON dump: an array or one item a line, plain, .gz or .bz2.

Belongs here: reading items off a file, and the members of a scope out of it. Does not belong here: what is kept of an item
(items.py), the walk (closure.py).

A dump is read three times and never held: once for the statements that lead upwards, once for the members of the scope, and
once for the items that name their values, if there are any that are no members.
"""

from __future__ import annotations

import bz2
import gzip
import json
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from entitynet_assets.graph.closure import Below, Parents, members, walk_up
from entitynet_assets.graph.items import empty_row, parents_above, parse_item, value_qids
from entitynet_assets.graph.source import SourceError
from entitynet_assets.studies.models import Scope

Rows = list[dict[str, Any]]
_OPENERS = {".gz": gzip.open, ".bz2": bz2.open}
_BEGINNING = re.compile(
    rb'\{"type":"item","id":"(Q[1-9][0-9]*)"'
)  # how the dumps begin a line: its item without parsing it


def read_dump(path: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield (id or line number, item) for every line; a line that is no item gives None, so that it can be counted.

    `wanted` says which items are enough; others may be left out. Raises SourceError if the file is absent or broken off.
    """
    if not path.is_file():
        raise SourceError(f"graph.dump: no file {path}; set graph.dump in the study or ENTITYNET_ENDPOINT_DUMP")
    opener = _OPENERS.get(path.suffix, open)
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, 1):
                text = line.strip().rstrip(b",")
                if text not in (b"", b"[", b"]") and not _passed_over(text, wanted):
                    yield _item(number, text)
    except (EOFError, OSError, zlib.error) as error:
        raise SourceError(f"graph.dump: {path} breaks off or is damaged ({error}); fetch the file again") from error


def rows_of_scope(path: Path, scope: Scope, former: Collection[str] = ()) -> Rows:
    """Return the members of a scope, the items that name their values, former entities, and the lines that could not be read."""
    edges, broken = _edges(path, scope.relations)
    found = {*members(scope.roots, scope.relations, _below(edges), scope.exclude), *scope.items}
    above = walk_up(scope.items, _above(edges), scope.relations) - found if scope.items else set[str]()
    del edges
    kept = _parsed(path, sorted(found), "member", scope)
    values = set[str]().union(*(value_qids(row) for row in kept)) - found - above
    gone = set(former) - found - above - values
    roles = {**dict.fromkeys(values, "value"), **dict.fromkeys(above, "ancestor"), **dict.fromkeys(gone, "former")}
    return kept + [{**row, "role": roles[row["qid"]]} for row in _parsed(path, sorted(roles), "value", scope)] + broken


def _edges(path: Path, relations: Sequence[str]) -> tuple[dict[str, dict[str, list[str]]], Rows]:
    """Return the items below each item by relation, and a row for each line that is none."""
    edges: dict[str, dict[str, list[str]]] = {relation: {} for relation in relations}
    broken: Rows = []
    for qid, raw in read_dump(path):
        if raw is None:
            broken.append(empty_row(qid, "value", "broken", "not an item"))
        for relation, below in edges.items():
            for parent in parents_above(raw or {}, [relation]):
                below.setdefault(parent, []).append(qid)
    return edges, broken


def _parsed(path: Path, qids: Sequence[str], role: str, scope: Scope) -> Rows:
    """Return a row for each of these items, whether or not the dump has it."""
    wanted, found = set(qids), dict[str, dict[str, Any]]()
    for qid, raw in read_dump(path, wanted) if wanted else ():
        if raw is not None and qid in wanted:
            found[qid] = parse_item(qid, raw, role, scope.languages, scope.exclude_having)
    return [found.get(qid) or empty_row(qid, role, "missing", "not in the dump") for qid in qids]


def _below(edges: dict[str, dict[str, list[str]]]) -> Below:
    return lambda parents, relations: [
        (child, parent) for relation in relations for parent in parents for child in edges[relation].get(parent, [])
    ]


def _above(edges: dict[str, dict[str, list[str]]]) -> Parents:
    up: dict[str, dict[str, list[str]]] = {relation: {} for relation in edges}
    for relation, below in edges.items():
        for parent, children in below.items():
            for child in children:
                up[relation].setdefault(child, []).append(parent)
    return lambda qids, relations: [
        parent for relation in relations for qid in qids for parent in up[relation].get(qid, [])
    ]


def _passed_over(text: bytes, wanted: Collection[str] | None) -> bool:
    begun = _BEGINNING.match(text) if wanted is not None else None
    return begun is not None and wanted is not None and begun[1].decode() not in wanted


def _item(number: int, text: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        item = json.loads(text)
        if isinstance(item["id"], str):
            return item["id"], item
        return f"line {number}", None
    except (ValueError, KeyError, TypeError):
        return f"line {number}", None
