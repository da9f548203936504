"""The walks down from the roots and up from single items: breadth first, level by level, every item once, because the graph has cycles.

Belongs here: the walk over any source of children. Does not belong here: sources (sparql.py, dump.py).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from entitynet_assets.graph.source import SourceError

BATCH = 200  # ids in one VALUES block: few requests, none of them heavy
INSTANCE_OF = "P31"
Children = Callable[[Sequence[str]], Iterable[tuple[str, str]]]
Parents = Callable[[Sequence[str], Sequence[str]], Iterable[str]]
Below = Callable[[Sequence[str], Sequence[str]], Iterable[tuple[str, str]]]


def members(
    roots: Sequence[str], relations: Sequence[str], below: Below, exclude: Sequence[str] = ()
) -> dict[str, int]:
    """Return what is at or below the roots with its depth: classes by the other relations, then, with P31, their instances.

    `below` takes parent ids and relations and yields (child, parent) pairs. What an item is an instance of says what the
    item is, so instances are added last and nothing is walked below them: the paths that entity_parents follows upwards.
    """
    steps = [relation for relation in relations if relation != INSTANCE_OF]
    depth = walk_down(roots, lambda parents: below(parents, steps) if steps else (), exclude)
    if INSTANCE_OF not in relations:
        return depth
    return _with_instances(depth, lambda parents: below(parents, [INSTANCE_OF]), exclude)


def _with_instances(depth: dict[str, int], instances: Children, exclude: Sequence[str]) -> dict[str, int]:
    found, classes = dict(depth), list(depth)
    for start in range(0, len(classes), BATCH):
        for child, parent in instances(classes[start : start + BATCH]):
            if child not in exclude:
                found[child] = min(found.get(child, depth[parent] + 1), depth[parent] + 1)
    return found


def excluded_members(
    up: Mapping[str, set[str]], kinds: Mapping[str, set[str]], exclude: Sequence[str], above: Children
) -> set[str]:
    """Return what is at or below an excluded item, or an instance of one that is, by any way at all.

    `up` has what each member is right below, `kinds` what it is an instance of; `above` takes ids and yields (child, parent) for
    those that are no members, few as they are, so that a way through them is seen.
    """
    grown = _grown(up, set().union(*kinds.values()), exclude, above)
    down: dict[str, list[str]] = {}
    for child, parents in grown.items():
        for parent in parents:
            down.setdefault(parent, []).append(child)
    out = walk_down(exclude, lambda ids: [(child, parent) for parent in ids for child in down.get(parent, ())])
    return set(out) | {qid for qid, of in kinds.items() if not of.isdisjoint(out.keys())}


def _grown(up: Mapping[str, set[str]], more: set[str], exclude: Sequence[str], above: Children) -> dict[str, set[str]]:
    """Return what is right above each item, from the members up to where nothing is above or what is above is excluded."""
    grown = {**up, **{qid: set[str]() for qid in exclude}}
    level = sorted(more.union(*up.values()) - grown.keys())
    while level:
        found = {qid: set[str]() for qid in level}
        for start in range(0, len(level), BATCH):
            for child, parent in above(level[start : start + BATCH]):
                found[child].add(parent)
        grown |= found
        level = sorted(set[str]().union(*found.values()) - grown.keys())
    return grown


def need_roots(roots: Sequence[str], excluded: Container[str]) -> None:
    """Raise SourceError where a root is excluded itself: all that is below it would be gone."""
    if lost := [root for root in roots if root in excluded]:
        raise SourceError(
            f"scope.exclude: {', '.join(lost)} of scope.roots is at or below what scope.exclude names, so nothing of it is left; "
            "take it from the roots or exclude something narrower"
        )


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


def walk_up(items: Sequence[str], parents: Parents, relations: Sequence[str]) -> set[str]:
    """Return what is above the items and is none of them; P31 may only be the first step. `parents` hears every item once."""
    above: set[str] = set()
    level, steps = sorted(set(items)), list(relations)
    while level:
        found = set(parents(level, steps))
        steps = [relation for relation in relations if relation != INSTANCE_OF]
        level = sorted(found - above - set(items))
        above |= found
    return above - set(items)
