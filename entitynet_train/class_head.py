"""Entities as classes: margin softmax over millions of classes whose weights are cut over ranks.

Belongs here: the head's weights, which classes a step compares with, the loss of pictures with several entities.
Does not belong here: which classes a picture has (labels.py), how weights move (optim.py).

Shapes: B pictures of this rank, N of all ranks, D features, K classes, S of them on this rank, C of these compared in a step, L places
for classes of a picture (-1: none), P pairs of a picture and a class of its own.
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from entitynet_train.distributed import World
from entitynet_train.gathering import gather_ids, gather_rows, share_of
from entitynet_train.loss_spec import LossSpec
from entitynet_train.pair_losses import made_again

NEVER = -1e30  # a logit that no sum of exponentials sees; finite, so that a row of them has a gradient (of 0)
LOGITS_A_BLOCK = 2**26  # 256 MiB in float32
ROWS_A_BLOCK = 65536


class ClassHead(nn.Module):
    """Classification of unit features among K classes; each rank holds K / ranks rows of unit weights .

    With cosine c_k of a picture and class k, and s_k = scale * c_k; for the picture's own classes P the margin is taken off first
    (CosFace, Wang et al. 2018, arXiv 1801.09414: c - m; ArcFace, Deng et al. 2019, arXiv 1801.07698: cos(acos c + m)), and
    E = sum of exp(s_j) over all j not in P:

        softmax      mean over p in P of -log(exp(s_p) / (exp(s_p) + E))        one class: margin softmax; own classes do not compete
        separated    log(1 + E) + log(1 + sum over p in P of exp(-s_p))         MLCD (An et al. 2024, arXiv 2407.17331)

    Pictures without a class contribute nothing: the loss is the mean over those with one, of all ranks.
    With `negatives`, E is over the classes of the batch and so many others, drawn anew each step from (seed, step, rank) without putting
    back (partial FC, An et al. 2021, arXiv 2010.05222); those drawn count (others) / (drawn) times, so that E is right in the mean.

    Memory a rank, in float32: weights K x D / ranks * 4 bytes, as much again for the gradient and twice for Adam's moments (2 million x
    512: 4 GB, 16 GB in all, over the ranks); N x D features; C x D unit weights; logits a block of N at a time, at most
    LOGITS_A_BLOCK or one picture's C, made again in the backward pass if there are several blocks.
    """

    def __init__(self, spec: LossSpec, world: World, classes: int, width: int, seed: int) -> None:
        super().__init__()
        self._spec, self._world, self._seed = spec, world, seed
        self.classes, self.share = classes, share_of(classes, world)
        self.weight_SD = nn.Parameter(first_weights(self.share, width, seed))

    def forward(self, image_BD: Tensor, labels: Tensor, step: int) -> Tensor:
        """Return this rank's loss (the mean over ranks is that of the whole batch); `labels` are int64, B x L."""
        labels_NL = gather_ids(self._world, labels)
        image_ND = gather_rows(self._world, image_BD)
        own_NL = (labels_NL >= self.share.start) & (labels_NL < self.share.stop)
        picture_P, place_P = own_NL.nonzero(as_tuple=True)
        class_P = labels_NL[picture_P, place_P] - self.share.start
        compared_C, more_C = self._compared(class_P, step)
        whole = len(compared_C) == len(self.weight_SD)
        weight_CD = functional.normalize(self.weight_SD if whole else self.weight_SD[compared_C], dim=1)
        own_P = torch.searchsorted(compared_C, class_P)
        positive_NL = image_ND.new_zeros(labels_NL.shape)
        positive_NL[picture_P, place_P] = self._positives((image_ND[picture_P] * weight_CD[own_P]).sum(1))
        others_N = self._others(image_ND, weight_CD, more_C, (picture_P, own_P))
        told = gather_rows(self._world, torch.cat([others_N[:, None], positive_NL], 1)[None])
        mine = slice(self._world.rank * len(image_BD), (self._world.rank + 1) * len(image_BD))
        known_BL = labels_NL[mine] >= 0
        loss_B = self._losses(told[:, mine, 0].logsumexp(0), told[:, mine, 1:].sum(0), known_BL)
        count = (labels_NL >= 0).any(1).sum().clamp(min=1)
        return loss_B.sum() * self._world.size / count

    def _positives(self, cosine_P: Tensor) -> Tensor:
        """Return the scaled logits of pictures and classes of their own, less the margin."""
        margin = self._spec.margin
        if margin and self._spec.margin_of == "angle":
            # Past pi - m the angle would turn back; there the cosine goes on falling by a constant, as in ArcFace's own code.
            sine_P = (1 - cosine_P.square()).clamp(min=1e-12).sqrt()
            turned_P = cosine_P * math.cos(margin) - sine_P * math.sin(margin)
            beyond_P = cosine_P - margin * math.sin(margin)
            cosine_P = torch.where(cosine_P > -math.cos(margin), turned_P, beyond_P)
        elif margin:
            cosine_P = cosine_P - margin
        return self._spec.scale * cosine_P

    def _others(self, image_ND: Tensor, weight_CD: Tensor, more_C: Tensor, own: tuple[Tensor, Tensor]) -> Tensor:
        """Return for each picture the logarithm of this rank's share of E; `own` are pictures and the places of their classes in C."""

        def block(image_MD: Tensor, weight_CD: Tensor, row_P: Tensor, place_P: Tensor) -> Tensor:
            logits_MC = self._spec.scale * image_MD @ weight_CD.T + more_C
            logits_MC[row_P, place_P] = NEVER
            return functional.pad(logits_MC, (0, 1), value=NEVER).logsumexp(1)

        size = max(1, LOGITS_A_BLOCK // max(1, len(weight_CD)))
        if size >= len(image_ND):
            return block(image_ND, weight_CD, *own)
        found: list[Tensor] = []
        for begin in range(0, len(image_ND), size):
            inside_P = (own[0] >= begin) & (own[0] < begin + size)
            rows = image_ND[begin : begin + size], weight_CD, own[0][inside_P] - begin, own[1][inside_P]
            found.append(made_again(block, *rows))
        return torch.cat(found)

    def _compared(self, class_P: Tensor, step: int) -> tuple[Tensor, Tensor]:
        """Return this rank's classes of a step, ascending, and the logarithm of how many each stands for."""
        held, device = len(self.weight_SD), self.weight_SD.device
        seen_S = torch.zeros(held, dtype=torch.bool, device=device)
        seen_S[class_P] = True
        seen = int(seen_S.sum())
        wanted = min(max(1, len(share_of(self._spec.negatives, self._world))), held - seen)
        if not self._spec.negatives or wanted == held - seen:
            return torch.arange(held, device=device), self.weight_SD.new_zeros(held)
        generator = torch.Generator(device).manual_seed(_seed_of(self._seed, step, self._world.rank))
        key_S = torch.rand(held, generator=generator, device=device, dtype=torch.float64).masked_fill(seen_S, 2.0)
        drawn = torch.topk(key_S, wanted, largest=False, sorted=False).indices
        compared_C = torch.cat([seen_S.nonzero()[:, 0], drawn]).sort().values
        more = math.log((held - seen) / wanted)
        return compared_C, torch.where(seen_S[compared_C], 0.0, more).to(self.weight_SD.dtype)

    def _losses(self, others_B: Tensor, positive_BL: Tensor, known_BL: Tensor) -> Tensor:
        """Return the loss of each picture, 0 for one without a class."""
        if self._spec.multi_label == "separated":
            missed_B = (-positive_BL).masked_fill(~known_BL, NEVER).logsumexp(1) if known_BL.shape[1] else others_B
            return (functional.softplus(others_B) + functional.softplus(missed_B)).masked_fill(~known_BL.any(1), 0.0)
        each_BL = functional.softplus(others_B[:, None] - positive_BL).masked_fill(~known_BL, 0.0)
        return each_BL.sum(1) / known_BL.sum(1).clamp(min=1)


def first_weights(rows: range, width: int, seed: int) -> Tensor:
    """Return the first weights of these rows of a head, of norm about 1: the same rows however they are cut over ranks."""
    weight_SD = torch.empty(len(rows), width)
    for block in range(rows.start // ROWS_A_BLOCK, -(-rows.stop // ROWS_A_BLOCK)):
        generator = torch.Generator().manual_seed(_seed_of(seed, block, -1))
        drawn = torch.randn(ROWS_A_BLOCK, width, generator=generator) / math.sqrt(width)
        begin, end = max(rows.start, block * ROWS_A_BLOCK), min(rows.stop, (block + 1) * ROWS_A_BLOCK)
        weight_SD[begin - rows.start : end - rows.start] = drawn[
            begin - block * ROWS_A_BLOCK : end - block * ROWS_A_BLOCK
        ]
    return weight_SD


def _seed_of(*parts: int) -> int:
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:7], "big")
