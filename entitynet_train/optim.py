"""How weights move: AdamW with its parameter groups, and the learning rate as a pure function of the step.

Belongs here: optimiser, schedule, clamps that follow a step. Does not belong here: the loop (train.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, distributed, nn

from entitynet_train.distributed import World
from entitynet_train.spec import RunSpec

LOGIT_SCALE_MAX = math.log(100)  # Radford et al. 2021, section 2.5: logits are never scaled by more than 100


def build_optimizer(parameters: Iterable[nn.Parameter], spec: RunSpec) -> torch.optim.AdamW:
    """Return AdamW over two groups: matrices with weight decay; gains, biases and other 0-d or 1-d values without."""
    trained = [parameter for parameter in parameters if parameter.requires_grad]
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


def clip_gradients(
    world: World, shared: Sequence[nn.Parameter], rank_own: Sequence[nn.Parameter], norm_max: float
) -> Tensor:
    """Scale the gradients down to `norm_max` (L2 over all; 0 leaves them) and return the norm before that, a 0-d tensor.

    `shared` parameters have the same gradient on every rank and count once, `rank_own` ones live on one rank alone.
    """
    norm = nn.utils.get_total_norm([p.grad for p in shared if p.grad is not None])
    if rank_own:
        square = nn.utils.get_total_norm([p.grad for p in rank_own if p.grad is not None]).to(world.device) ** 2
        if world.size > 1:
            distributed.all_reduce(square)
        norm = (norm**2 + square).sqrt()
    nn.utils.clip_grads_with_norm_([*shared, *rank_own], norm_max if norm_max > 0 else math.inf, norm)
    return norm


@torch.no_grad()
def clamp_logit_scale(model: nn.Module) -> None:
    """Keep the learned logarithm of the logit scale in [0, ln 100]."""
    scale = model.get_parameter("logit_scale")
    scale.clamp_(0.0, LOGIT_SCALE_MAX)
