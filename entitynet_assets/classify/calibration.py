"""How sure a chance may be taken to be: one scale fitted on held-out pictures, and what answers are worth on others of them.

Belongs here: the fit and its measure, on cosines. Does not belong here: which pictures (command.py), answers (answers.py).

Shapes: N pictures, K entities.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entitynet_assets.classify.answers import Vocabulary, best_node, chances

SCALE_MIN, SCALE_MAX = 0.1, 1000.0
STEPS = 40  # golden section narrows the range by 0.618 a step
PICTURES_MIN, PICTURES_MAX = 200, 2000  # one number is fitted: more pictures cost time and change little
CELLS_MAX = 50_000_000  # cosines in memory
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class Calibration:
    """The scale of the logits and, on pictures that it was not fitted on, what answers at `min_score` are worth."""

    scale: float
    own_scale: float
    min_score: float
    pictures: int
    answered: float
    right: float | None
    named: float

    def words(self) -> str:
        """Say it in one sentence."""
        right = "" if self.right is None else f", and {100 * self.right:.0f} % of the answers are right"
        return (
            f"Scores are calibrated on held-out pictures (logit scale {self.own_scale:.1f} -> {self.scale:.1f}); on {self.pictures} others "
            f"a least score of {self.min_score:g} answers {100 * self.answered:.0f} % ({100 * self.named:.0f} % with an entity){right}."
        )


def pictures_for(entities: int) -> int:
    """Return how many pictures to calibrate on, so that their cosines to all entities fit in memory."""
    return max(PICTURES_MIN, min(PICTURES_MAX, CELLS_MAX // entities))


def fitted_scale(cosine_NK: NDArray[Any], label_N: NDArray[np.int64]) -> float:
    """Return the scale of the logits under which the true entities are likeliest (temperature scaling, Guo et al. 2017, section 4).

    The mean negative log-likelihood is convex in the scale, so golden section finds it; it stays within 0.1 to 1000.
    """

    def loss(scale: float) -> float:
        logit_NK = scale * cosine_NK.astype(np.float64)
        top_N1 = logit_NK.max(axis=1, keepdims=True)
        whole_N = np.log(np.exp(logit_NK - top_N1).sum(axis=1)) + top_N1[:, 0]
        return float((whole_N - logit_NK[np.arange(len(label_N)), label_N]).mean())

    return _least(loss, SCALE_MIN, SCALE_MAX)


def _least(loss: Callable[[float], float], low: float, high: float) -> float:
    """Return where a convex function is least, by golden section."""
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return (low + high) / 2


def calibrate(
    vocabulary: Vocabulary, cosine_NK: NDArray[Any], label_N: NDArray[np.int64], own_scale: float, min_score: float
) -> Calibration | None:
    """Return the calibration on pictures of known entities: every other one is fitted on, the rest measured. None for fewer than two."""
    if len(label_N) < 2:
        return None
    scale = fitted_scale(cosine_NK[::2], label_N[::2])
    chance_NK = chances(cosine_NK[1::2], scale)
    nodes = [best_node(vocabulary, vocabulary.rolled_up(chance_K), min_score) for chance_K in chance_NK]
    answers = [(node, int(label)) for node, label in zip(nodes, label_N[1::2], strict=True) if node is not None]
    right = sum(vocabulary.holds(node, label) for node, label in answers)
    named = sum(vocabulary.sizes[node] == 1 for node, _ in answers)
    return Calibration(
        scale, own_scale, min_score, len(nodes), len(answers) / len(nodes), right / len(answers) if answers else None,
        named / len(nodes),
    )  # fmt: skip
