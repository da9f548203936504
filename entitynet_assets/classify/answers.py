"""From cosines to answers: the chance of each entity, of each class above, and the most specific of them that is sure enough.

Belongs here: the vocabulary as a tree, the rule of the answer. Does not belong here: where vectors come from (vectors.py), how sure a
chance may be taken to be (calibration.py), how an answer is printed (show.py).

Shapes: N pictures, K entities, D features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Named:
    """An entity or a class above entities with its chance; `entities` is how many entities of the vocabulary are at or below it."""

    qid: str
    label: str
    score: float
    entities: int = 1


@dataclass(frozen=True)
class Answer:
    """What a picture shows: the most specific that is sure enough, the likeliest entities, and what is above the first of them."""

    status: Literal["named", "rolled_up", "abstained"]
    answer: Named | None
    top: tuple[Named, ...]
    above: tuple[Named, ...]


@dataclass(frozen=True)
class Vocabulary:
    """Entities by place, each with the named classes above it as (id, name), and their vectors (vector_KD, unit norm)."""

    qids: Sequence[str]
    labels: Sequence[str]
    ancestors: Sequence[Sequence[tuple[str, str]]]
    vector_KD: NDArray[np.float32]

    @cached_property
    def nodes(self) -> list[tuple[str, str]]:
        """All that can be an answer as (id, name): the entities in their order, then the classes above that are none themselves."""
        above = {qid: label for found in self.ancestors for qid, label in found}
        own = set(self.qids)
        return [
            *zip(self.qids, self.labels, strict=True),
            *sorted((qid, label) for qid, label in above.items() if qid not in own),
        ]

    @cached_property
    def _steps(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return (entity, node) of every way up, an entity being at itself: what a node's chance is the sum over."""
        pairs = [
            (entity, node)
            for entity, found in enumerate(self.ancestors)
            for node in sorted({entity, *(self._places[qid] for qid, _ in found)})
        ]
        entity_node = np.array(pairs, np.int64).reshape(-1, 2)
        return entity_node[:, 0], entity_node[:, 1]

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """How many entities are at or below each node."""
        return np.bincount(self._steps[1], minlength=len(self.nodes))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {qid: number for number, (qid, _) in enumerate(self.nodes)}

    def entity(self, qid: str) -> int | None:
        """Return the place of an entity; None for what is none."""
        place = self._places.get(qid)
        return place if place is not None and place < len(self.qids) else None

    def above(self, entity: int) -> list[int]:
        """Return the nodes above an entity, the most specific first."""
        return sorted(
            (self._places[qid] for qid, _ in self.ancestors[entity]), key=lambda node: (self.sizes[node], node)
        )

    def holds(self, node: int, entity: int) -> bool:
        """Tell whether an entity is at or below a node."""
        return node == entity or node in self.above(entity)

    def rolled_up(self, chance_K: Floats) -> Floats:
        """Return the chance of each node: the sum over the entities at or below it."""
        entity, node = self._steps
        return np.bincount(node, weights=chance_K[entity], minlength=len(self.nodes)).astype(np.float64, copy=False)


def chances(cosine_NK: NDArray[Any], scale: float) -> Floats:
    """Return the softmax over entities of `scale` times the cosines (float64; rows add up to 1)."""
    logit_NK = scale * np.asarray(cosine_NK, np.float64)
    power_NK = np.exp(logit_NK - logit_NK.max(axis=1, keepdims=True))
    return power_NK / power_NK.sum(axis=1, keepdims=True)


def best_node(vocabulary: Vocabulary, chance_M: Floats, min_score: float) -> int | None:
    """Return the node with the fewest entities below it among those with a chance of `min_score` or more; None if there is none.

    Of equals the likelier one. What all entities are below says nothing and is no answer.
    """
    sure = np.flatnonzero(
        (chance_M >= min_score) & ((vocabulary.sizes < len(vocabulary.qids)) | (vocabulary.sizes == 1))
    )
    if not len(sure):
        return None
    return int(min(sure, key=lambda node: (vocabulary.sizes[node], -chance_M[node], node)))


def answer(vocabulary: Vocabulary, chance_K: Floats, min_score: float, top: int) -> Answer:
    """Return the answer for one picture, given the chance of each entity."""
    chance_M = vocabulary.rolled_up(chance_K)
    node = best_node(vocabulary, chance_M, min_score)
    first = [int(place) for place in np.argsort(-chance_K, kind="stable")[:top]]
    status = "abstained" if node is None else "named" if vocabulary.sizes[node] == 1 else "rolled_up"
    return Answer(
        status,
        None if node is None else _named(vocabulary, node, chance_M[node]),
        tuple(Named(vocabulary.qids[place], vocabulary.labels[place], float(chance_K[place])) for place in first),
        tuple(_named(vocabulary, place, chance_M[place]) for place in vocabulary.above(first[0])),
    )


def _named(vocabulary: Vocabulary, node: int, score: float) -> Named:
    qid, label = vocabulary.nodes[node]
    return Named(qid, label, float(score), int(vocabulary.sizes[node]))


def to_values(found: Answer) -> Mapping[str, Any]:
    """Return an answer as plain values for JSON."""
    return {
        "status": found.status,
        "answer": vars(found.answer) if found.answer else None,
        "top": [{"qid": one.qid, "label": one.label, "score": one.score} for one in found.top],
        "above": [vars(one) for one in found.above],
    }
