"""A tree of values: each branch has a kind and facts for programs, and words for people.

Belongs here: the branch, its JSON form, small ways to say things. Does not belong here: rows (reading.py), what hangs
where (origin.py, fate.py, entity.py), colours (terminal.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Row = Mapping[str, Any]
Grade = Literal["", "good", "bad", "note"]


class TraceError(Exception):
    """A thing that cannot be traced: what was found, what is allowed, what to do."""


@dataclass(frozen=True)
class Branch:
    """One branch: `kind` says what it is, `facts` are its values, `words` the same for people."""

    kind: str
    words: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    grade: Grade = ""
    below: tuple[Branch, ...] = ()

    def walk(self) -> Iterator[Branch]:
        """Yield this branch and all below it, from the top."""
        yield self
        for branch in self.below:
            yield from branch.walk()

    def find(self, kind: str) -> list[Branch]:
        """Return every branch of a kind."""
        return [branch for branch in self.walk() if branch.kind == kind]


def branch(kind: str, words: str, facts: Row | None = None, below: Iterable[Branch] = (), grade: Grade = "") -> Branch:
    """Return a branch; what is None among its facts is left out."""
    kept = {name: value for name, value in (facts or {}).items() if value is not None}
    return Branch(kind, words, kept, grade, tuple(below))


def not_made(table: str, study: str) -> Branch:
    """Return the branch that stands where a table is not made yet."""
    command = f"entitynet run --study {study} --until {table}"
    return Branch("not_made", f"{table}: not made yet; run `{command}`", {"table": table, "command": command}, "note")


def to_values(tree: Branch) -> dict[str, Any]:
    """Return a tree as JSON values."""
    values: dict[str, Any] = {"kind": tree.kind, "words": tree.words, "facts": dict(tree.facts)}
    if tree.grade:
        values["grade"] = tree.grade
    if tree.below:
        values["below"] = [to_values(one) for one in tree.below]
    return values


def short(identifier: str) -> str:
    """Return the first 12 digits of a hash."""
    return identifier[:12]


def said(*parts: str | None, by: str = ", ") -> str:
    """Join what there is to say."""
    return by.join(part for part in parts if part)


def percent(share: float | None) -> str:
    """Return a share as words."""
    return "not measured" if share is None else f"{100 * share:.1f} %"


def counted(number: int, what: str, many: str = "") -> str:
    """Return a number with its noun: 1 try, 2 tries."""
    return f"{number:,} {what if number == 1 else many or what + 's'}"
