"""The statements between the items of a dump as pairs of numbers, and what a scope makes of them: each item's role.

Belongs here: holding them in little memory, walking over them. Does not belong here: reading them off a dump (dump.py), the walks
themselves (closure.py).

The statements that lead upwards are held, sixteen bytes each. What items are instances of, and the values that need a name, are as
many as there are items: they lie in a file that is gone afterwards, sixteen bytes each, and are gone through in pieces.
"""

from __future__ import annotations

import re
import tempfile
from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cached_property
from typing import IO, Any, Self

import numpy as np

from entitynet_assets.graph.closure import INSTANCE_OF, need_roots, walk_down, walk_up
from entitynet_assets.studies.models import Scope

ITEM = re.compile(r"Q[1-9][0-9]{0,17}")
PIECE = 1 << 20  # pairs that are held at once


class Statements:
    """Statements (child, parent) by relation: `taker` is how they come in, `roles` what they are for."""

    def __init__(self, relations: Sequence[str]) -> None:
        self.steps = tuple(relation for relation in relations if relation != INSTANCE_OF)
        self._up, self._kinds, self._values = array("q"), _Pairs(), _Pairs()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._kinds.close()
        self._values.close()

    def taker(self, relation: str) -> Callable[[int, int], None]:
        """Return what takes a statement of this relation: the numbers of the item and of its value."""
        if relation == INSTANCE_OF:
            return self._kinds.add
        return self._add_step if relation in self.steps else self._values.add

    def _add_step(self, child: int, parent: int) -> None:
        self._up.append(child)
        self._up.append(parent)

    def roles(self, scope: Scope, former: Collection[str]) -> dict[str, str]:
        """Return what each item is wanted as; of several roles the first holds of member, ancestor, value, former.

        Raises SourceError where a root is excluded itself.
        """
        edges = Edges(np.frombuffer(self._up, np.int64).reshape(-1, 2))
        roles = dict.fromkeys(former, "former")
        members = self._members(scope, edges)
        roles |= dict.fromkeys(_ids(self._named_by(members)), "value")
        roles |= dict.fromkeys(walk_up(scope.items, self._above(scope, edges), scope.relations), "ancestor")
        return roles | dict.fromkeys(_ids(members), "member")

    def _members(self, scope: Scope, edges: Edges) -> Any:
        """Return the sorted numbers of the members: those named, classes at or below the roots, and instances of these."""
        excluded = walk_down(scope.exclude, edges.below)
        need_roots(scope.roots, excluded)
        classes = _numbers(walk_down(scope.roots, edges.below, sorted(excluded)))
        named, out = _numbers(scope.items), _numbers(excluded)
        if INSTANCE_OF not in scope.relations:
            return np.union1d(classes, named)
        instances, refused = [classes], [out]
        for pairs in self._kinds.pieces():
            instances.append(np.unique(pairs[_among(pairs[:, 1], classes), 0]))
            refused.append(np.unique(pairs[_among(pairs[:, 1], out), 0]))
        taken, gone = np.unique(np.concatenate(instances)), np.unique(np.concatenate(refused))
        return np.union1d(taken[~_among(taken, gone)], named)

    def _named_by(self, members: Any) -> Any:
        """Return the numbers of the items that are values of members."""
        found = [
            pairs[_among(pairs[:, 0], members), 1] for many in (self._kinds, self._values) for pairs in many.pieces()
        ]
        return np.unique(np.concatenate([*found, np.empty(0, np.int64)]))

    def _above(self, scope: Scope, edges: Edges) -> Callable[[Sequence[str], Sequence[str]], Iterator[str]]:
        """Return what says what is right above items; what an item is an instance of is known of one that is named."""
        named, kinds = _numbers(scope.items), dict[str, set[str]]()
        for pairs in self._kinds.pieces() if len(named) else ():
            for child, kind in pairs[_among(pairs[:, 0], named)].tolist():
                kinds.setdefault(f"Q{child}", set()).add(f"Q{kind}")

        def above(children: Sequence[str], relations: Sequence[str]) -> Iterator[str]:
            for child in children if INSTANCE_OF in relations else ():
                yield from kinds.get(child, ())
            yield from edges.above(children)

        return above


class Edges:
    """Statements that lead upwards, an array of (child, parent), to be walked either way."""

    def __init__(self, pairs: Any) -> None:
        self._downward = pairs[np.argsort(pairs[:, 1], kind="stable")]

    def below(self, parents: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield (child, parent) of every statement that leads to one of these."""
        for parent in parents:
            yield from ((f"Q{child}", parent) for child in _beside(self._downward, 1, parent))

    def above(self, children: Iterable[str]) -> Iterator[str]:
        """Yield what is right above each of these."""
        for child in children:
            yield from (f"Q{parent}" for parent in _beside(self._upward, 0, child))

    @cached_property
    def _upward(self) -> Any:
        return self._downward[np.argsort(self._downward[:, 0], kind="stable")]


def _beside(pairs: Any, column: int, qid: str) -> list[int]:
    """Return what stands beside an item in pairs that are sorted by its column."""
    if not ITEM.fullmatch(qid):
        return []
    start, end = np.searchsorted(pairs[:, column], [int(qid[1:]), int(qid[1:]) + 1])
    return pairs[start:end, 1 - column].tolist()


class _Pairs:
    """Pairs of numbers in a file without a name."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the statements
        self._waiting = array("q")

    def add(self, left: int, right: int) -> None:
        self._waiting.append(left)
        self._waiting.append(right)
        if len(self._waiting) >= 2 * PIECE:
            self._write()

    def _write(self) -> None:
        self._waiting.tofile(self._file)
        self._waiting = array("q")

    def pieces(self) -> Iterator[Any]:
        """Yield arrays of (left, right), not more than PIECE pairs each."""
        self._write()
        self._file.seek(0)
        while piece := self._file.read(16 * PIECE):
            yield np.frombuffer(piece, np.int64).reshape(-1, 2)

    def close(self) -> None:
        self._file.close()


def _numbers(qids: Iterable[str]) -> Any:
    return np.unique(np.array([int(qid[1:]) for qid in qids if ITEM.fullmatch(qid)], np.int64))


def _ids(numbers: Any) -> Iterator[str]:
    return (f"Q{number}" for number in numbers.tolist())


def _among(numbers: Any, known: Any) -> Any:
    """Say of each number whether it is among those known, which are sorted."""
    if not len(known):
        return np.zeros(len(numbers), bool)
    return known[np.minimum(np.searchsorted(known, numbers), len(known) - 1)] == numbers
