"""A scope out of a Wikidata JSON dump: which items it wants, and their rows as they are read.

Belongs here: passes over a dump. Does not belong here: files and lines (dump_file.py), what is kept of an item (items.py), the walk
(closure.py).

A dump is read three times and never held: once for the statements that lead upwards, kept as pairs of numbers; once for the
members of the scope; and once for the items above those it names and those that name values, if there are any that are no members.
What an item is an instance of is kept of the items that the scope names alone: the second pass knows all classes.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from entitynet_assets.graph.closure import INSTANCE_OF, need_roots, walk_down, walk_up
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
    edges, broken = _edges(path, scope)
    wanted = _Wanted.of(scope, edges)
    above = walk_up(scope.items, edges.above, scope.relations)
    del edges
    found, values = set[str](), set[str]()
    for row in _members(path, wanted, scope):
        found.add(row["qid"])
        values |= value_qids(row)
        yield row
    yield from (empty_row(qid, "member", "missing", "not in the dump") for qid in sorted(wanted.known - found))
    found |= wanted.known
    by_role = (("former", former), ("value", values), ("ancestor", above))  # where an item has several, the last holds
    roles = {qid: role for role, qids in by_role for qid in qids if qid not in found}
    yield from _others(path, roles, scope)
    yield from (row for qid, row in broken.items() if qid not in found and qid not in roles)


def rows_of_items(path: Path, languages: Sequence[str]) -> Iterator[Row]:
    """Yield a row for every item of a dump; a line without an item's id is passed over."""
    for _, text in lines_of(path):
        if (qid := _id(text)) is not None and ITEM.fullmatch(qid):
            yield parse_item(qid, text, "member", languages)


@dataclass
class _Wanted:
    """Which items are members: those named and classes by id, instances by what they are an instance of."""

    named: set[str]
    classes: set[str]
    excluded: set[str]
    instances: bool
    refused: set[str] = field(default_factory=set)  # classes that are instances of what is excluded

    @classmethod
    def of(cls, scope: Scope, edges: Edges) -> _Wanted:
        excluded = set(walk_down(scope.exclude, edges.below))
        need_roots(scope.roots, excluded)
        classes = set(walk_down(scope.roots, edges.below, sorted(excluded)))
        return cls(set(scope.items), classes, excluded, INSTANCE_OF in scope.relations)

    @property
    def known(self) -> set[str]:
        """The members that are known by id, in the dump or not."""
        return self.named | (self.classes - self.refused)

    def takes(self, qid: str, kinds: Collection[str]) -> bool:
        """Say whether an item is a member, from what it is an instance of; one that is named always is."""
        if qid in self.named:
            return True
        if self.instances and not self.excluded.isdisjoint(kinds):
            self.refused |= {qid} & self.classes
            return False
        return qid in self.classes or (
            self.instances and qid not in self.excluded and not self.classes.isdisjoint(kinds)
        )


class Edges:
    """Statements that lead upwards as pairs of numbers: sixteen bytes a statement, however large the dump."""

    def __init__(self, children: array[int], parents: array[int], kinds: Mapping[str, set[str]]) -> None:
        self._kinds = kinds  # what the items that are named are an instance of
        child, parent = np.frombuffer(children, np.int64), np.frombuffer(parents, np.int64)
        order = np.argsort(parent, kind="stable")
        self._children, self._parents = child[order], parent[order]

    def below(self, parents: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (child, parent) of every statement that leads to one of these."""
        for parent in parents:
            if ITEM.fullmatch(parent):
                start, end = np.searchsorted(self._parents, [int(parent[1:]), int(parent[1:]) + 1])
                yield from ((f"Q{child}", parent) for child in self._children[start:end])

    def above(self, children: Sequence[str], relations: Sequence[str]) -> Iterator[str]:
        """Yield what is right above each of these; what it is an instance of is known of an item that is named."""
        child_sorted, parents = self._upward
        for child in children:
            if INSTANCE_OF in relations:
                yield from self._kinds.get(child, ())
            if ITEM.fullmatch(child):
                start, end = np.searchsorted(child_sorted, [int(child[1:]), int(child[1:]) + 1])
                yield from (f"Q{parent}" for parent in parents[start:end])

    @cached_property
    def _upward(self) -> tuple[Any, Any]:
        order = np.argsort(self._children, kind="stable")
        return self._children[order], self._parents[order]


def _edges(path: Path, scope: Scope) -> tuple[Edges, dict[str, Row]]:
    """Return the statements that lead upwards, and a row for each line that cannot be read."""
    children, parents, broken, kinds = array("q"), array("q"), dict[str, Row](), dict[str, set[str]]()
    steps = tuple(relation for relation in scope.relations if relation != INSTANCE_OF)
    named = set(scope.items) if INSTANCE_OF in scope.relations else set[str]()
    decode, numbers = statements_decoder((*steps, INSTANCE_OF) if named else steps).decode, range(len(steps))
    for number, text in lines_of(path):
        try:
            above = decode(text)
        except UNREADABLE as error:
            qid = _beginning(text) or f"line {number}"
            broken[qid] = empty_row(qid, "value", "broken", f"not an item: {error}")
            _need_few(broken, path)
            continue
        if above.id in named:
            kinds.setdefault(above.id, set()).update(filter(ITEM.fullmatch, parents_of(above, len(steps))))
        for one in numbers:
            for parent in parents_of(above, one):
                if ITEM.fullmatch(parent) and ITEM.fullmatch(above.id):
                    children.append(int(above.id[1:]))
                    parents.append(int(parent[1:]))
    return Edges(children, parents, kinds), broken


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
        if qid is not None and not wanted.instances and qid not in wanted.classes and qid not in wanted.named:
            continue
        try:
            item = decode(text)
            qid, kinds = item.id, set(parents_of(item, 0)) if wanted.instances else set[str]()
        except UNREADABLE:
            kinds = set[str]()
        if qid is not None and ITEM.fullmatch(qid) and qid not in seen and wanted.takes(qid, kinds):
            seen.add(qid)
            yield parse_item(qid, text, "member", scope.languages, scope.exclude_having)


def _others(path: Path, roles: Mapping[str, str], scope: Scope) -> Iterator[Row]:
    """Yield a row for each of these items, whether or not the dump has it."""
    left = set(roles)
    for _, text in lines_of(path) if left else ():
        qid = _id(text)
        if qid is not None and qid in left:
            left.discard(qid)
            yield parse_item(qid, text, roles[qid], scope.languages, scope.exclude_having)
    for qid in sorted(left):
        yield empty_row(qid, roles[qid], "missing", "not in the dump")


def _id(text: bytes) -> str | None:
    if (qid := _beginning(text)) is not None:
        return qid
    try:
        return statements_decoder(()).decode(text).id
    except UNREADABLE:
        return None


def _beginning(text: bytes) -> str | None:
    begun = _BEGINNING.match(text)
    return begun[1].decode() if begun else None
