"""Losses over a global batch that is spread over ranks.

Belongs here: what turns two sets of features into one number.
Does not belong here: towers (model.py), steps (train.py).

Shapes: B pictures of this rank, D features.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from torch import Tensor

from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.spec import SpecError

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


def build_loss(name: str, world: World) -> Loss:
    """Return the loss of a recipe as a function (image_BD, text_BD, logit_scale) -> scalar of this rank.

    Features have unit norm; `logit_scale` is the factor itself, not its logarithm. The mean of the ranks' values, and
    of their gradients (what DDP averages), equals the loss and gradient of the whole batch in one process.
    """
    if name == "contrastive":
        return _contrastive(world)
    raise SpecError(f"loss: found {name!r}; allowed: contrastive")


def _contrastive(world: World) -> Loss:
    # local_loss: each rank scores its own rows against all columns, so memory is B x (B * ranks), not its square.
    many = world.size > 1
    warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather", FutureWarning)  # open_clip's call
    clip_loss = import_open_clip().ClipLoss(
        local_loss=many, gather_with_grad=many, cache_labels=True, rank=world.rank, world_size=world.size
    )
    return lambda image_BD, text_BD, logit_scale: clip_loss(image_BD, text_BD, logit_scale)
