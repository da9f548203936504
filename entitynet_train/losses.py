"""The objective of a run: a weighted sum of losses over a global batch that is spread over ranks.

Belongs here: what the towers gave (Features), the sum and its parts, the parameters that losses have of their own.
Does not belong here: each loss (pair_losses.py, class_head.py), towers (model.py), steps (train.py).

Shapes: B pictures of this rank, D features, E features of the teacher, L places for ids of a picture (-1: none), K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn

from entitynet_train.class_head import ClassHead
from entitynet_train.distributed import World
from entitynet_train.gathering import whole_rows
from entitynet_train.pair_losses import Contrastive, Sigmoid, distillation
from entitynet_train.spec import RunSpec, SpecError

FIRST_BIAS = -10.0  # SigLIP's: at first nearly every pair is a no


@dataclass(frozen=True)
class Features:
    """What the towers and the data gave for this rank's part of a step; image_BD and text_BD have unit norm.

    `logit_scale` is the factor itself, not its logarithm. `labels` are class indices and `entities` numbers of entities, both int64,
    B x L with -1 where there is none. `step` is what the sample of negatives is drawn from.
    """

    image_BD: Tensor
    text_BD: Tensor
    logit_scale: Tensor
    logit_bias: Tensor | None = None
    labels: Tensor | None = None
    entities: Tensor | None = None
    teacher_image_BE: Tensor | None = None
    teacher_text_BE: Tensor | None = None
    step: int = 0


@dataclass(frozen=True)
class LossValue:
    """The weighted sum, with gradient, and each loss before its weight, without; of this rank: the mean over ranks is the batch's."""

    total: Tensor
    parts: dict[str, Tensor]


class Objective(nn.Module):
    """A recipe's losses, summed by weight. `tower` says whether the towers have a logit_bias; `width` is D.

    Call `average_gradients` after backward: DDP does not see the parameters here.
    """

    def __init__(self, spec: RunSpec, world: World, width: int, tower: nn.Module | None = None) -> None:
        super().__init__()
        self.spec, self._world = spec.loss, world
        self._contrastive, self._sigmoid = Contrastive(world), Sigmoid(world)
        self.logit_bias = self.class_head = None
        if "sigmoid" in self.spec.names and getattr(tower, "logit_bias", None) is None:
            self.logit_bias = nn.Parameter(torch.tensor(FIRST_BIAS))
        if self.spec.needs_classes:
            self.class_head = ClassHead(self.spec, world, spec.data.class_count, width, spec.seed)
        self.to(world.device)

    def forward(self, features: Features) -> LossValue:
        """Return the loss of this rank's rows. Raises SpecError if a loss lacks what it is told from."""
        parts = {name: self._part(name, features) for name in self.spec.names}
        weighted = [
            part if self.spec.weights[name] == 1 else self.spec.weights[name] * part for name, part in parts.items()
        ]
        total = sum(weighted[1:], start=weighted[0])
        if self.spec.names == ("classification",):  # DDP waits for a gradient of every parameter, also of 0
            total = total + 0.0 * (features.text_BD.sum() + features.logit_scale)
        return LossValue(total, {name: part.detach() for name, part in parts.items()})

    def _part(self, name: str, features: Features) -> Tensor:
        pair = features.image_BD, features.text_BD, features.logit_scale
        entities = _present(features.entities, "entities") if self.spec.entity_targets else None
        if name == "contrastive":
            return self._contrastive(*pair, entities)
        if name == "sigmoid":
            bias = features.logit_bias if self.logit_bias is None else self.logit_bias
            return self._sigmoid(*pair, _present(bias, "logit_bias"), entities)
        if name == "classification" and self.class_head is not None:
            return self.class_head(features.image_BD, _present(features.labels, "labels"), features.step)
        image_BE, text_BE = (
            _present(features.teacher_image_BE, "teacher_image_BE"), _present(features.teacher_text_BE, "teacher_text_BE")
        )  # fmt: skip
        kind = features.image_BD.dtype
        return distillation(self._world, pair, (image_BE.to(kind), text_BE.to(kind), self.spec.teacher_scale))

    def rank_parameters(self) -> list[nn.Parameter]:
        """Return the parameters that live on one rank alone: rows of the class head."""
        return [] if self.class_head is None else [self.class_head.weight_SD]

    def average_gradients(self) -> None:
        """Make the gradients here those of the mean over ranks, as DDP does for the towers; call it once after backward."""
        if self._world.size == 1:
            return
        for parameter in self.parameters():
            if parameter.grad is not None and not any(parameter is one for one in self.rank_parameters()):
                distributed.all_reduce(parameter.grad)
            if parameter.grad is not None:
                parameter.grad /= self._world.size

    def whole_state(self) -> dict[str, Tensor] | None:
        """Return on rank 0 the state with all rows of all ranks, on the CPU; None on others. Every rank must call it."""
        cut = {} if self.class_head is None else {"class_head.weight_SD": self.whole(self.class_head.weight_SD)}
        state = {name: value.detach().cpu() for name, value in self.state_dict().items() if name not in cut}
        state |= {name: value for name, value in cut.items() if value is not None}
        return state if self._world.is_first else None

    def load_whole_state(self, state: dict[str, Tensor]) -> None:
        """Take this rank's rows of a state made by `whole_state`, on any number of ranks."""
        self.load_state_dict(
            {name: self.own(value) if name.startswith("class_head.") else value for name, value in state.items()}
        )

    def whole(self, rows: Tensor) -> Tensor | None:
        """Return on rank 0 the rows of all ranks for what is cut like the class head (its moments); None on others."""
        return whole_rows(self._world, rows, 0 if self.class_head is None else self.class_head.classes)

    def own(self, whole: Tensor) -> Tensor:
        """Return this rank's rows of what is cut like the class head."""
        share = range(0) if self.class_head is None else self.class_head.share
        return whole[share.start : share.stop].clone()


def _present(value: Tensor | None, name: str) -> Tensor:
    if value is None:
        raise SpecError(f"features.{name}: found none; allowed: a tensor, as the recipe's loss is told from it")
    return value


def build_objective(spec: RunSpec, world: World, width: int, tower: nn.Module | None = None) -> Objective:
    """Return the objective of a run on its device; `width` is the number of features, `tower` the towers that it is for."""
    return Objective(spec, world, width, tower)
