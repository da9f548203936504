"""A generated class graph of the shape that Wikidata's has: two in five with several parents, shortcuts, a few cycles.

Items are numbered from 1, roots first, a class before what is below it. Each has one parent in the level above; of five, two
have several more, next to that one, so that lines meet again and an item has some thirty ancestors whatever the size.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ROOTS = 21
BRANCHING = 7  # children of a class, in the mean
MANY_SHARE, MORE_PARENTS = 0.4, 7  # measured: 38 to 47 of 100 classes have several parents
REACH = 5  # further parents lie within as many places of the first
STRAY_SHARE = 0.002  # of further parents, those that may lie below another root
CYCLE_SHARE = 2e-5  # measured: 14 cycles among 14,109 classes; fewer here, as one of them spoils all that is below


def make_edges(nodes: int, seed: int = 1) -> np.ndarray:
    """Return distinct (child, parent) numbers of a graph of so many nodes, about three edges each."""
    rng = np.random.default_rng(seed)
    child = np.arange(ROOTS + 1, nodes + 1)
    many = child[rng.random(len(child)) < MANY_SHARE].repeat(MORE_PARENTS)
    aside = np.clip(_above(many) + rng.integers(-REACH, REACH + 1, len(many)), 1, many - 1)
    kept = (_root(aside) == _root(many)) | (rng.random(len(many)) < STRAY_SHARE)
    back = rng.choice(child, max(1, int(nodes * CYCLE_SHARE)), replace=False)
    edges = np.concatenate([
        np.stack([child, _above(child)], 1),
        np.stack([many[kept], aside[kept]], 1),
        np.stack([np.maximum(_above(back), ROOTS + 1), back], 1),
    ])  # fmt: skip
    return np.unique(edges[edges[:, 0] != edges[:, 1]], axis=0)


def _above(numbers: np.ndarray) -> np.ndarray:
    return (numbers - ROOTS - 1) // BRANCHING + 1


def _root(numbers: np.ndarray) -> np.ndarray:
    while (numbers > ROOTS).any():
        numbers = np.where(numbers > ROOTS, _above(numbers), numbers)
    return numbers


def chosen(nodes: int, count: int, seed: int = 2) -> np.ndarray:
    """Return the numbers of so many nodes drawn evenly, as the entities among them."""
    return np.sort(np.random.default_rng(seed).choice(np.arange(1, nodes + 1), count, replace=False))


def qid(node: int) -> str:
    """Return the id of a node; spread out, so that ids are as long as Wikidata's."""
    return f"Q{node * 97 + 1000}"


def number(qids: np.ndarray) -> np.ndarray:
    """Return the numbers of ids."""
    return (np.char.lstrip(qids.astype(str), "Q").astype(np.int64) - 1000) // 97


def roots() -> Sequence[str]:
    """Return the ids of the roots."""
    return [qid(one) for one in range(1, ROOTS + 1)]
