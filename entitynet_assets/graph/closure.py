"""The walk down from the roots: breadth first, level by level, every item once, because the graph has cycles.

Belongs here: the walk over any source of children. Does not belong here: sources (sparql.py, dump.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

BATCH = 200  # ids in one VALUES block: few requests, none of them heavy
Children = Callable[[Sequence[str]], Iterable[tuple[str, str]]]


def walk_down(roots: Sequence[str], children: Children, exclude: Sequence[str] = ()) -> dict[str, int]:
    """Return every item at or below the roots with its depth (statements from the nearest root), excluded branches cut.

    `children` takes parent ids and yields (child, parent) pairs.
    """
    cut = set(exclude)
    depth = {root: 0 for root in roots if root not in cut}
    level = list(depth)
    while level:
        found = set()
        for start in range(0, len(level), BATCH):
            found |= {child for child, _ in children(level[start : start + BATCH])}
        level = sorted(found - depth.keys() - cut)
        next_depth = max(depth.values(), default=0) + 1
        depth |= dict.fromkeys(level, next_depth)
    return depth
