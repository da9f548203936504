"""The sample's facts as typed values.

What it is: reads facts.toml (true Wikidata items with a source for each statement) into frozen records.
What belongs here: records and look-ups over the class graph.
What does not: drawing (draw.py), the web that shows the items (world.py), answers in Wikidata's shapes (wikidata.py).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

PARENT_PROPERTIES = ("P279", "P171")


@dataclass(frozen=True, slots=True)
class Sourced:
    """A text with the key of the place it was checked in."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement: an item id, a string or a quantity (then `unit` is an item id)."""

    property: str
    value: str | float
    source: str
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One Wikidata item of the sample."""

    qid: str
    kind: str
    label: Sourced
    description: Sourced | None = None
    aliases: tuple[Sourced, ...] = ()
    sitelinks: int = 0
    sitelinks_source: str = "sample"
    statements: tuple[Statement, ...] = ()

    def values(self, pid: str) -> tuple[str, ...]:
        """Return the item ids or strings of a property, in file order."""
        return tuple(s.value for s in self.statements if s.property == pid and isinstance(s.value, str))

    def amount(self, pid: str) -> float | None:
        """Return the first quantity of a property, in its unit."""
        return next((s.value for s in self.statements if s.property == pid and isinstance(s.value, float)), None)

    def parents(self) -> tuple[str, ...]:
        """Return the direct superclasses and parent taxa."""
        return tuple(parent for pid in PARENT_PROPERTIES for parent in self.values(pid))


@dataclass(frozen=True)
class Facts:
    """All items by id, the leaf entities in order, the roots and the meaning of the source keys."""

    items: dict[str, Item]
    order: tuple[str, ...]
    roots: tuple[str, ...]
    sources: dict[str, str] = field(default_factory=dict)

    def ancestors(self, qid: str) -> dict[str, int]:
        """Return each ancestor of an item with its shortest distance in edges, nearest first; the item itself is 0."""
        return ancestors(self.items, qid)


def ancestors(items: Mapping[str, Item], qid: str) -> dict[str, int]:
    """Walk superclasses and parent taxa breadth first; cycles are harmless."""
    distance = {qid: 0}
    queue = [qid]
    for current in queue:
        for parent in items[current].parents() if current in items else ():
            if parent not in distance:
                distance[parent] = distance[current] + 1
                queue.append(parent)
    return distance


@cache
def load_facts() -> Facts:
    """Read facts.toml.

    Raises:
        KeyError: a record lacks a required key.
    """
    raw = tomllib.loads(resources.files("entitynet_assets.sample").joinpath("facts.toml").read_text(encoding="utf-8"))
    items = {qid: read_item(qid, row) for qid, row in raw["items"].items()}
    return Facts(items, tuple(raw["entities"]["order"]), tuple(raw["entities"]["roots"]), raw["sources"])


def read_item(qid: str, row: dict[str, Any]) -> Item:
    """Turn one table of facts.toml into an Item."""
    description = row.get("description")
    return Item(
        qid=qid,
        kind=row["kind"],
        label=Sourced(**row["label"]),
        description=Sourced(**description) if description else None,
        aliases=tuple(Sourced(**alias) for alias in row.get("aliases", ())),
        sitelinks=row["sitelinks"]["count"],
        sitelinks_source=row["sitelinks"]["source"],
        statements=tuple(Statement(**statement) for statement in row.get("statements", ())),
    )
