"""What ranks tell each other inside a loss: rows gathered with their gradient, and rows that are cut over ranks.

Belongs here: collectives over tensors whose first dimension is split over ranks.
Does not belong here: losses (losses.py), the process group and small values (distributed.py), gradients of the towers (DDP).

Shapes: B rows of this rank, N rows of all ranks, L places for ids of a row (-1: none).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed

from entitynet_train.distributed import World


class _Gather(torch.autograd.Function):
    """All ranks' rows; backward, a rank's rows get the sum of all ranks' gradients."""

    @staticmethod
    def forward(ctx: Any, own: Tensor, rank: int, size: int) -> Tensor:
        ctx.rank, ctx.size = rank, size
        parts = [torch.empty_like(own) for _ in range(size)]
        distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> tuple[Tensor, None, None]:
        total = grads[0].contiguous().clone()
        distributed.all_reduce(total)
        return total.chunk(ctx.size)[ctx.rank], None, None


def gather_rows(world: World, own: Tensor) -> Tensor:
    """Return the rows of all ranks in rank order, with gradient; each rank must have as many rows."""
    return _apply(own, world.rank, world.size) if world.size > 1 else own


def _apply(own: Tensor, rank: int, size: int) -> Tensor:
    gathered: Any = _Gather.apply(own, rank, size)
    return gathered


def gather_ids(world: World, own_BL: Tensor) -> Tensor:
    """Return ids_NL of all ranks, padded with -1 to the widest rank's L."""
    if world.size == 1:
        return own_BL
    widest = torch.tensor(own_BL.shape[1], device=own_BL.device)
    distributed.all_reduce(widest, distributed.ReduceOp.MAX)
    padded = torch.nn.functional.pad(own_BL, (0, int(widest) - own_BL.shape[1]), value=-1)
    return gather_rows(world, padded)


def share_of(count: int, world: World) -> range:
    """Return the rows of `count` that this rank holds; shares differ by one row at most."""
    return range(world.rank * count // world.size, (world.rank + 1) * count // world.size)


def whole_rows(world: World, own: Tensor, count: int) -> Tensor | None:
    """Return on rank 0 all `count` rows that are cut by `share_of`, on the CPU; None on other ranks."""
    if world.size == 1:
        return own.detach().cpu()
    most = -(-count // world.size)
    padded = torch.zeros((most, *own.shape[1:]), dtype=own.dtype, device=own.device)
    padded[: len(own)] = own.detach()
    parts = [torch.empty_like(padded) for _ in range(world.size)] if world.is_first else None
    distributed.gather(padded, parts)
    if parts is None:
        return None
    shares = [share_of(count, World(rank, world.size, world.device)) for rank in range(world.size)]
    return torch.cat([part[: len(share)].cpu() for part, share in zip(parts, shares, strict=True)])
