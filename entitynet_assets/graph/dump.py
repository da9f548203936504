"""A scope out of a Wikidata JSON dump: which items it wants, and their rows as they are read.

Belongs here: passes over a dump. Does not belong here: files and lines (dump_file.py), what is kept of an item (items.py), the
statements between items (statements.py), the walk (closure.py).

A dump is read twice and never held: once for the statements between items, which say who is a member, what is above the items
that the scope names, and what names their values; and once for the rows of those. A third time only where a row names a value
that no statement told of.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from entitynet_assets.graph.closure import INSTANCE_OF
from entitynet_assets.graph.dump_file import lines_of
from entitynet_assets.graph.items import (
    NAMING_VALUES,
    UNREADABLE,
    empty_row,
    parse_item,
    statements_decoder,
    value_qids,
    values_of,
)
from entitynet_assets.graph.source import SourceError
from entitynet_assets.graph.statements import ITEM, Statements
from entitynet_assets.studies.models import Scope

Row = dict[str, Any]
MOST_BROKEN = 10_000  # a file with more lines that are no items is no dump
FOUND = ""  # the role of an item whose row is given already
_BEGINNING = re.compile(
    rb'\{"type":"item",(?:"pageid":[0-9]+,"ns":0,"title":"[^"]*",)?(?:"lastrevid":[0-9]+,)?"id":"(Q[1-9][0-9]*)"'
)  # how the dumps begin a line: its item without parsing it


def rows_of_scope(path: Path, scope: Scope, former: Collection[str] = ()) -> Iterator[Row]:
    """Yield the members of a scope, the items that name their values, former entities, and the lines that could not be read."""
    with Statements(scope.relations) as stated:
        broken = _read_statements(path, stated)
        roles = stated.roles(scope, former)
    untold = set[str]()
    for row in _rows(path, roles, scope):
        if row["role"] == "member":
            untold |= {qid for qid in value_qids(row) if qid not in roles}
        yield row
    if untold:
        yield from _rows(path, dict.fromkeys(untold, "value"), scope)
    yield from (row for qid, row in broken.items() if qid not in roles and qid not in untold)


def rows_of_items(path: Path, languages: Sequence[str]) -> Iterator[Row]:
    """Yield a row for every item of a dump; a line without an item's id is passed over."""
    for _, text in lines_of(path):
        if (qid := _id(text)) is not None and ITEM.fullmatch(qid):
            yield parse_item(qid, text, "member", languages)


def _read_statements(path: Path, stated: Statements) -> dict[str, Row]:
    """Take every statement between items; return a row for each line that cannot be read."""
    broken = dict[str, Row]()
    relations = tuple(dict.fromkeys((*stated.steps, INSTANCE_OF, *NAMING_VALUES)))
    decode, into = statements_decoder(relations).decode, [stated.taker(relation) for relation in relations]
    for number, text in lines_of(path):
        try:
            item = decode(text)
        except UNREADABLE as error:
            qid = _beginning(text) or f"line {number}"
            broken[qid] = empty_row(qid, "value", "broken", f"not an item: {error}")
            _need_few(broken, path)
            continue
        if ITEM.fullmatch(item.id):
            child = int(item.id[1:])
            for one, value in values_of(item):
                if ITEM.fullmatch(value):
                    into[one](child, int(value[1:]))
    return broken


def _need_few(broken: Collection[str], path: Path) -> None:
    if len(broken) > MOST_BROKEN:
        raise SourceError(
            f"graph.dump: {path}: more than {MOST_BROKEN} lines are no items, such as {next(iter(broken))}; is it a JSON dump of Wikidata?"
        )


def _rows(path: Path, roles: dict[str, str], scope: Scope) -> Iterator[Row]:
    """Yield a row for each of these items, whether or not the dump has it; of an item that it has twice, the first."""
    for _, text in lines_of(path):
        qid = _id(text)
        if qid is not None and (role := roles.get(qid)):
            roles[qid] = FOUND
            yield parse_item(qid, text, role, scope.languages, scope.exclude_having)
    for qid in sorted(qid for qid, role in roles.items() if role):
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
