"""Small graphs for the graph room's SELECTs: a lake filled with items, and the walk in Python that SQL is held against."""

from __future__ import annotations

from collections import deque
from typing import Any

from tests.small_lake import Row, SmallLake

SCOPE: dict[str, Any] = {
    "roots": ["Q1"],
    "exclude": [],
    "languages": ["en", "mul"],
    "min_sitelinks": 5,
    "leaves_only": False,
}
GRAPH = (
    "parent_statements", "entity_parents", "entity_roots", "visuality", "entities", "root_branches", "graph_integrity",
)  # fmt: skip


def graph(small: SmallLake, *items: Row, **scope: Any) -> SmallLake:
    """Fill wikidata_items and make what entities needs."""
    small.choose(scope={**SCOPE, **scope})
    small.put("wikidata_items", items)
    for name in GRAPH[:4]:
        small.make(name)
    return small


def whole_graph(small: SmallLake, *items: Row, **scope: Any) -> SmallLake:
    """Fill wikidata_items and make every table up to graph_integrity."""
    graph(small, *items, **scope)
    for name in GRAPH[4:]:
        small.make(name)
    return small


def shortest(edges: dict[str, set[str]], start: str, first: set[str] | None = None) -> dict[str, int]:
    """Return everything above an item with its distance, breadth first; `first` are its own parents where they differ."""
    found = dict.fromkeys(edges.get(start, set()) if first is None else first, 1)
    todo = deque(found)
    while todo:
        here = todo.popleft()
        for parent in edges.get(here, set()) - found.keys():
            found[parent] = found[here] + 1
            todo.append(parent)
    return {parent: far for parent, far in found.items() if parent != start}
