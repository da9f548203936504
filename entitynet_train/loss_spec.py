"""What a run is trained for, as data: the weights of the losses, and the settings of each.

Belongs here: the plain values with their checks, what they need of the data. Standard library only; the platform sees them through spec.py.
Does not belong here: the losses themselves (losses.py).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from entitynet_train.captions import need

LOSSES = ("contrastive", "sigmoid", "classification", "distillation")
MARGINS = ("cosine", "angle")
MULTI_LABELS = ("softmax", "separated")


@dataclass(frozen=True)
class LossSpec:
    """A weighted sum of losses (docs/losses.md has the formulas). Weights are over LOSSES, finite and at least 0.

    `entity_targets`: pairs of two pictures that share an entity are no negatives of `contrastive` and `sigmoid`.
    Of `classification`: `negatives` classes are drawn a step beside those of the batch (0: all classes); `margin` is taken off the
    cosine (`margin_of` cosine) or put on the angle in radians (angle) of a picture's own classes; `scale` is the factor on cosines;
    `multi_label` says what becomes of several entities of one picture. Of `distillation`: `teacher_scale` is the factor on the
    teacher's cosines.
    """

    weights: dict[str, float] = field(default_factory=lambda: {"contrastive": 1.0})
    entity_targets: bool = False
    negatives: int = 0
    margin: float = 0.0
    margin_of: str = "cosine"
    scale: float = 32.0
    multi_label: str = "softmax"
    teacher_scale: float = 100.0

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            need(name in LOSSES, "loss.weights", name, f"one of {', '.join(LOSSES)}")
            able = isinstance(weight, int | float) and math.isfinite(weight) and weight >= 0
            need(able, f"loss.weights.{name}", weight, "a finite number, at least 0")
        need(bool(self.names), "loss.weights", self.weights, "at least one weight above 0")
        need(self.negatives >= 0, "loss.negatives", self.negatives, "0 (all classes) or more classes a step")
        need(self.margin_of in MARGINS, "loss.margin_of", self.margin_of, f"one of {', '.join(MARGINS)}")
        need(0 <= self.margin < 1, "loss.margin", self.margin, "a number in [0, 1)")
        need(0 < self.scale < math.inf, "loss.scale", self.scale, "a finite number above 0")
        need(
            self.multi_label in MULTI_LABELS, "loss.multi_label", self.multi_label, f"one of {', '.join(MULTI_LABELS)}"
        )
        need(0 < self.teacher_scale < math.inf, "loss.teacher_scale", self.teacher_scale, "a finite number above 0")
        paired = not self.entity_targets or "contrastive" in self.names or "sigmoid" in self.names
        need(paired, "loss.entity_targets", True, "false, or a weight for contrastive or sigmoid")

    @property
    def names(self) -> tuple[str, ...]:
        """Losses of a weight above 0, in the order of LOSSES."""
        return tuple(name for name in LOSSES if self.weights.get(name, 0) > 0)

    @property
    def needs_classes(self) -> bool:
        """Tell whether pictures need class indices, and so a vocabulary."""
        return "classification" in self.names


def vocabulary_fingerprint(classes: Iterable[tuple[int, str]]) -> str:
    """Return the sha256 (hex) of a vocabulary's pairs (class index, entity id), whatever their order."""
    digest = hashlib.sha256()
    for index, qid in sorted(classes):
        digest.update(f"{index}\t{qid}\n".encode())
    return digest.hexdigest()
