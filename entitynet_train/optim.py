"""How weights move: AdamW with its parameter groups, and the learning rate as a pure function of the step.

Belongs here: optimiser, schedule, clamps that follow a step. Does not belong here: the loop (train.py).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from entitynet_train.distributed import World, sum_all
from entitynet_train.losses import Objective
from entitynet_train.spec import RunSpec

LOGIT_SCALE_MAX = math.log(100)  # Radford et al. 2021, section 2.5: logits are never scaled by more than 100


def build_optimizer(model: nn.Module, spec: RunSpec) -> torch.optim.AdamW:
    """Return AdamW over two groups: matrices with weight decay; gains, biases and other 0-d or 1-d values without."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": spec.weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=spec.lr_peak, betas=(spec.beta1, spec.beta2), eps=spec.eps, fused=True)


def learning_rate(step: int, steps: int, lr_peak: float, warmup_ratio: float) -> float:
    """Return the rate used at `step` (0-based): linear warm-up to the peak, then a cosine towards 0 at `steps`."""
    warmup_steps = round(warmup_ratio * steps)
    if step < warmup_steps:
        return lr_peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / max(1, steps - warmup_steps)
    return lr_peak * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def set_learning_rate(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the rate of every parameter group."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def clip_gradients(model: nn.Module, objective: Objective, world: World, norm_max: float) -> float:
    """Scale the gradients down to `norm_max` (L2 over all, also over other ranks' rows; 0 leaves them); return the norm before that."""
    here, limit = [*model.parameters(), *objective.parameters()], norm_max if norm_max > 0 else math.inf
    cut = objective.rank_parameters()
    if not cut:
        return float(nn.utils.clip_grad_norm_(here, limit))
    whole = [one.grad for one in here if one.grad is not None and not any(one is other for other in cut)]
    rows = [one.grad for one in cut if one.grad is not None]
    squares = sum_all(world, [float(nn.utils.get_total_norm(rows)) ** 2])[0]
    norm = (nn.utils.get_total_norm(whole).double().square() + squares).sqrt()
    nn.utils.clip_grads_with_norm_(here, limit, norm.float())
    return float(norm)


def whole_state(optimizer: torch.optim.Optimizer, objective: Objective) -> dict[str, Any]:
    """Return the optimiser's state; on rank 0 with the moments of all rows that are cut over ranks. Every rank must call it."""
    state = optimizer.state_dict()
    moments = dict(state["state"])
    for place in _cut_places(optimizer, objective):
        if place in moments:
            moments[place] = {
                name: objective.whole(value) if value.ndim else value for name, value in moments[place].items()
            }
    return {**state, "state": moments}


def load_whole_state(optimizer: torch.optim.Optimizer, objective: Objective, state: dict[str, Any]) -> None:
    """Take a state made by `whole_state`, of cut rows this rank's."""
    moments = dict(state["state"])
    for place in _cut_places(optimizer, objective):
        if place in moments:
            moments[place] = {
                name: objective.own(value) if value.ndim else value for name, value in moments[place].items()
            }
    optimizer.load_state_dict({**state, "state": moments})


def _cut_places(optimizer: torch.optim.Optimizer, objective: Objective) -> list[int]:
    """Return where in the optimiser's state the parameters are that are cut over ranks."""
    listed = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return [place for place, one in enumerate(listed) if any(one is cut for cut in objective.rank_parameters())]


@torch.no_grad()
def clamp_logit_scale(model: nn.Module) -> None:
    """Keep the learned logarithm of the logit scale in [0, ln 100]."""
    scale = model.get_parameter("logit_scale")
    scale.clamp_(0.0, LOGIT_SCALE_MAX)
