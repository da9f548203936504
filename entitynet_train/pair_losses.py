"""Losses over pairs of pictures and texts of a global batch: contrastive, sigmoid, distillation.

Belongs here: what is told from the cosines of pictures to texts. Does not belong here: classes (class_head.py), the sum (losses.py).

Every loss is that of this rank's rows: the mean of the ranks' values, and of their gradients (what DDP averages), equals the loss and
the gradient of the whole batch in one process. Features have unit norm; `scale` is the factor itself, not its logarithm.
Shapes: B pictures of this rank, N of all ranks, D features, E features of the teacher, L places for entities of a picture (-1: none).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.gathering import gather_ids, gather_rows

TEXTS_A_CHUNK = 1024


def same_entity(entities_BL: Tensor, entities_NL: Tensor) -> Tensor:
    """Return same_BN: whether two pictures share an entity. Memory is B x N bytes a few times over."""
    same_BN = torch.zeros(len(entities_BL), len(entities_NL), dtype=torch.bool, device=entities_BL.device)
    for own_B in entities_BL.unbind(1):
        for other_N in entities_NL.unbind(1):
            same_BN |= (own_B[:, None] == other_N[None]) & (own_B[:, None] >= 0)
    return same_BN


class Contrastive:
    """The softmax loss of CLIP (Radford et al. 2021), by open_clip.ClipLoss; B x N logits a rank (`local_loss`).

    With entities, texts of other pictures that share an entity with a picture leave its denominator, and so do pictures for
    a text: false negatives are eliminated, not attracted (Huynh et al. 2022, arXiv 2011.11765), as a caption of another
    picture of the same entity need not be true of this one.
    """

    def __init__(self, world: World) -> None:
        many = world.size > 1
        warnings.filterwarnings("ignore", "torch.distributed.nn.functional.all_gather", FutureWarning)  # open_clip's
        self._world = world
        self._clip_loss: Any = import_open_clip().ClipLoss(
            local_loss=many, gather_with_grad=many, cache_labels=True, rank=world.rank, world_size=world.size
        )

    def __call__(self, image_BD: Tensor, text_BD: Tensor, scale: Tensor, entities: Tensor | None = None) -> Tensor:
        """Return the loss of this rank's rows; `entities` (int64, B x L) turns entity targets on."""
        if entities is None:
            return self._clip_loss(image_BD, text_BD, scale)
        logits = self._clip_loss.get_logits(image_BD, text_BD, scale)
        target_B = self._clip_loss.get_ground_truth(image_BD.device, len(image_BD))
        out_BN = same_entity(entities, gather_ids(self._world, entities))
        out_BN[torch.arange(len(out_BN), device=out_BN.device), target_B] = False
        losses = [functional.cross_entropy(one.masked_fill(out_BN, -torch.inf), target_B) for one in logits]
        return (losses[0] + losses[1]) / 2


class Sigmoid:
    """The pairwise sigmoid loss of SigLIP (Zhai et al. 2023, arXiv 2303.15343): every pair is a yes or a no of its own.

    Texts are taken `chunk` at a time and each chunk's logits are made again in the backward pass, so that memory is B x chunk logits
    beside the N x D texts of all ranks. With entities, pairs of two pictures that share one count neither as yes nor as no.
    """

    def __init__(self, world: World, chunk: int = TEXTS_A_CHUNK) -> None:
        self._world, self._chunk = world, chunk

    def __call__(
        self, image_BD: Tensor, text_BD: Tensor, scale: Tensor, bias: Tensor, entities: Tensor | None = None
    ) -> Tensor:
        """Return the sum over this rank's pictures and all texts, per picture."""
        own_B = torch.arange(len(image_BD), device=image_BD.device) + self._world.rank * len(image_BD)
        entities_NL = None if entities is None else gather_ids(self._world, entities)
        text_ND = gather_rows(self._world, text_BD)

        def negatives(image_BD: Tensor, text_CD: Tensor, scale: Tensor, bias: Tensor, begin: int) -> Tensor:
            column_C = torch.arange(begin, begin + len(text_CD), device=text_CD.device)
            out_BC = own_B[:, None] == column_C[None]
            if entities is not None and entities_NL is not None:
                out_BC |= same_entity(entities, entities_NL[begin : begin + len(text_CD)])
            return -functional.logsigmoid(-scale * image_BD @ text_CD.T - bias).masked_fill(out_BC, 0.0).sum()

        positive_B = scale * (image_BD * text_BD).sum(1) + bias
        total = -functional.logsigmoid(positive_B).sum()
        for begin in range(0, len(text_ND), self._chunk):
            text_CD = text_ND[begin : begin + self._chunk]
            rows = image_BD, text_CD, scale, bias, begin
            total = total + (made_again(negatives, *rows) if len(text_ND) > self._chunk else negatives(*rows))
        return total / len(image_BD)


def made_again(block: Callable[..., Tensor], *values: Any) -> Tensor:
    """Return block(*values) without keeping what is inside: the backward pass makes it again."""
    made: Any = checkpoint(block, *values, use_reentrant=False, preserve_rng_state=False)
    return made


def distillation(world: World, student: tuple[Tensor, Tensor, Tensor], teacher: tuple[Tensor, Tensor, float]) -> Tensor:
    """Return how far the student's affinities are from the teacher's, as in MobileCLIP (Vasu et al. 2024, arXiv 2311.17049).

    Each side is (image_BD, text_BD, scale). The mean over pictures of KL(teacher's softmax over all texts || student's), and the
    same over texts, halved; gradients go to the student alone. B x N logits of both a rank.
    """
    losses: list[Tensor] = []
    with torch.no_grad():
        told = _affinities(world, *teacher)
    for own, wanted in zip(_affinities(world, *student), told, strict=True):
        losses.append(functional.kl_div(own, wanted, log_target=True, reduction="batchmean"))
    return (losses[0] + losses[1]) / 2


def _affinities(world: World, image_BD: Tensor, text_BD: Tensor, scale: Tensor | float) -> tuple[Tensor, Tensor]:
    """Return the logarithms of the softmax over all texts, and over all pictures."""
    by_image_BN = scale * image_BD @ gather_rows(world, text_BD).T
    by_text_BN = scale * text_BD @ gather_rows(world, image_BD).T
    return by_image_BN.log_softmax(1), by_text_BN.log_softmax(1)
