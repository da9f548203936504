"""A scope out of a Wikidata JSON dump: which items it wants, and their rows as they are read.

Belongs here: passes over a dump. Does not belong here: files and lines (dump_file.py), what is kept of an item (items.py), the walk
(closure.py).

A dump is read three times and never held: once for the statements that lead upwards, kept as pairs of numbers; once for the
members of the scope; and once for the items that name their values, if there are any that are no members. What an item is an
instance of is not kept: the second pass knows all classes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from entitynet_assets.graph.closure import INSTANCE_OF, need_roots, walk_down
from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.graph.items import (
    UNREADABLE,
    empty_row,
    parents_of,
    parse_item,
    statements_decoder,
    value_qids,
)
from entitynet_assets.graph.source import SourceError
from entitynet_assets.studies.models import Scope

Row = dict[str, Any]
ITEM = re.compile(r"Q[1-9][0-9]{0,17}")
MOST_BROKEN = 10_000  # a file with more lines that are no items is no dump
_BEGINNING = re.compile(
    rb'\{"type":"item",(?:"pageid":[0-9]+,"ns":0,"title":"[^"]*",)?(?:"lastrevid":[0-9]+,)?"id":"(Q[1-9][0-9]*)"'
)  # how the dumps begin a line: its item without parsing it


def rows_of_scope(path: Path, scope: Scope, former: Collection[str] = ()) -> Iterator[Row]:
    """Yield the members of a scope, the items that name their values, former entities, and the lines that could not be read."""
    edges, broken = _edges(path, [relation for relation in scope.relations if relation != INSTANCE_OF])
    wanted = _Wanted.of(scope, edges)
    del edges
    found, values = set[str](), set[str]()
    for row in _members(path, wanted, scope):
        found.add(row["qid"])
        values |= value_qids(row)
        yield row
    yield from (
        empty_row(qid, "member", "missing", "not in the dump")
        for qid in sorted(wanted.classes - found - wanted.refused)
    )
    found |= wanted.classes - wanted.refused
    gone = set(former) - found - values
    yield from _named(path, values - found, gone, scope.languages)
    yield from (row for qid, row in broken.items() if qid not in found | values | gone)


@dataclass
class _Wanted:
    """Which items are members: classes by id, instances by what they are an instance of."""

    classes: set[str]
    excluded: set[str]
    instances: bool
    refused: set[str] = field(default_factory=set)  # classes that are instances of what is excluded

    @classmethod
    def of(cls, scope: Scope, edges: Edges) -> _Wanted:
        excluded = set(walk_down(scope.exclude, edges.below))
        need_roots(scope.roots, excluded)
        classes = set(walk_down(scope.roots, edges.below, sorted(excluded)))
        return cls(classes, excluded, INSTANCE_OF in scope.relations)

    def takes(self, qid: str, kinds: Collection[str]) -> bool:
        """Say whether an item is a member, from what it is an instance of."""
        if self.instances and not self.excluded.isdisjoint(kinds):
            self.refused |= {qid} & self.classes
            return False
        return qid in self.classes or (
            self.instances and qid not in self.excluded and not self.classes.isdisjoint(kinds)
        )


class Edges:
    """Statements that lead upwards as pairs of numbers: sixteen bytes a statement, however large the dump."""

    def __init__(self, children: array[int], parents: array[int]) -> None:
        child, parent = np.frombuffer(children, np.int64), np.frombuffer(parents, np.int64)
        order = np.argsort(parent, kind="stable")
        self._children, self._parents = child[order], parent[order]

    def below(self, parents: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (child, parent) of every statement that leads to one of these."""
        for parent in parents:
            if ITEM.fullmatch(parent):
                start, end = np.searchsorted(self._parents, [int(parent[1:]), int(parent[1:]) + 1])
                yield from ((f"Q{child}", parent) for child in self._children[start:end])


def _edges(path: Path, relations: Sequence[str]) -> tuple[Edges, dict[str, Row]]:
    """Return the statements that lead upwards, and a row for each line that cannot be read."""
    children, parents, broken = array("q"), array("q"), dict[str, Row]()
    decode, numbers = statements_decoder(tuple(relations)).decode, range(len(relations))
    for number, text in lines_of(path):
        try:
            above = decode(text)
        except UNREADABLE as error:
            qid = _beginning(text) or f"line {number}"
            broken[qid] = empty_row(qid, "value", "broken", f"not an item: {error}")
            _need_few(broken, path)
            continue
        for one in numbers:
            for parent in parents_of(above, one):
                if ITEM.fullmatch(parent) and ITEM.fullmatch(above.id):
                    children.append(int(above.id[1:]))
                    parents.append(int(parent[1:]))
    return Edges(children, parents), broken


def _need_few(broken: Collection[str], path: Path) -> None:
    if len(broken) > MOST_BROKEN:
        raise SourceError(
            f"graph.dump: {path}: more than {MOST_BROKEN} lines are no items, such as {next(iter(broken))}; is it a JSON dump of Wikidata?"
        )


def _members(path: Path, wanted: _Wanted, scope: Scope) -> Iterator[Row]:
    """Yield a row for each member that the dump has."""
    decode, seen = statements_decoder((INSTANCE_OF,) if wanted.instances else ()).decode, set[str]()
    for _, text in lines_of(path):
        qid = _beginning(text)
        if qid is not None and not wanted.instances and qid not in wanted.classes:
            continue
        try:
            item = decode(text)
            qid, kinds = item.id, set(parents_of(item, 0)) if wanted.instances else set[str]()
        except UNREADABLE:
            kinds = set[str]()
        if qid is not None and ITEM.fullmatch(qid) and qid not in seen and wanted.takes(qid, kinds):
            seen.add(qid)
            yield parse_item(qid, text, "member", scope.languages)


def _named(path: Path, values: set[str], gone: set[str], languages: Sequence[str]) -> Iterator[Row]:
    """Yield a row for each of these items, whether or not the dump has it."""
    left, decode = values | gone, statements_decoder(()).decode
    for _, text in lines_of(path) if left else ():
        if (qid := _beginning(text)) is None:
            try:
                qid = decode(text).id
            except UNREADABLE:
                continue
        if qid in left:
            left.discard(qid)
            yield parse_item(qid, text, "former" if qid in gone else "value", languages)
    for qid in sorted(left):
        yield empty_row(qid, "former" if qid in gone else "value", "missing", "not in the dump")


def _beginning(text: bytes) -> str | None:
    begun = _BEGINNING.match(text)
    return begun[1].decode() if begun else None
