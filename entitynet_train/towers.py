"""The towers as they are trained: patch dropout, activation checkpointing, compilation, and the gradient of a batch in pieces.

Belongs here: from pictures and tokens to features, and from the gradients of features to those of weights.
Does not belong here: what the towers are (model.py), losses (losses.py), the loop (train.py).

Shapes: B pictures of this rank, b pictures of a piece of it, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from entitynet_train import model
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.spec import RunSpec, SpecError

Outputs = tuple[
    Tensor, ...
]  # image_BD, text_BD (unit norm), the logit scale, and the logit bias where the tower has one
_OBJECTIVE = 2**32 - 1  # in the place of a piece's number: what the objective draws


def prepared(tower: nn.Module, spec: RunSpec) -> nn.Module:
    """Return the tower, set up for training: patches dropped while it trains, activations computed again instead of kept.

    Raises SpecError if the tower has no patches to drop.
    """
    if spec.patch_dropout:
        visual = tower.get_submodule("visual")
        if not isinstance(getattr(visual, "patch_dropout", None), nn.Module):
            raise SpecError(
                f"patch_dropout: found {spec.patch_dropout:g}; allowed: 0 for tower {spec.tower}, which has no patches"
            )
        visual.patch_dropout = import_open_clip().transformer.PatchDropout(spec.patch_dropout)
    if spec.activation_checkpointing:
        tower.set_grad_checkpointing(True)  # type: ignore[operator]
    return tower.train()


@dataclass
class Towers:
    """What one rank computes with: `bare` is the model, `parallel` the same one with gradients averaged over ranks."""

    bare: nn.Module
    parallel: nn.Module
    spec: RunSpec
    world: World

    def backward(self, image_BHWC: Tensor, text_BT: Tensor, step: int, loss: Callable[[Outputs], Tensor]) -> None:
        """Add the gradient of `loss(outputs of the whole batch)` to the parameters.

        With accumulate_steps above 1 the activations of one piece at a time are in memory: features are computed without a graph,
        the loss is taken on all of them together, and each piece is computed again with the gradient of its features (Gao et al.
        2021, arXiv 2101.06983). The gradient is that of the whole batch, other pictures of it being negatives for each.
        """
        pieces = self.spec.accumulate_steps
        images, texts = image_BHWC.chunk(pieces), text_BT.chunk(pieces)
        if pieces == 1:
            outputs = self._forward(self.parallel, images[0], texts[0], (step, 0))
            self._seed(step, _OBJECTIVE)
            loss(outputs).backward()
            return
        with torch.no_grad():
            cached = [
                self._forward(self.bare, *pair, (step, n)) for n, pair in enumerate(zip(images, texts, strict=True))
            ]
        leaves = _leaves(cached)
        self._seed(step, _OBJECTIVE)
        loss(leaves).backward()
        gradients = _gradients(leaves, [len(piece) for piece in images])
        for number, pair in enumerate(zip(images, texts, strict=True)):
            with self._apart(number + 1 < pieces):
                outputs = self._forward(self.parallel, *pair, (step, number))
                torch.autograd.backward(outputs, gradients[number])

    def _forward(self, module: nn.Module, image_BHWC: Tensor, text_BT: Tensor, place: tuple[int, int]) -> Outputs:
        """Return the outputs in float32; what is drawn follows from (seed, step, rank, piece), so that it can be drawn again."""
        device = self.world.device
        image_BCHW, text_BT = model.normalise(image_BHWC.to(device)), text_BT.to(device)
        self._seed(*place)
        with torch.autocast(device.type, torch.bfloat16, enabled=self.spec.precision == "bf16"):
            outputs = module(image_BCHW, text_BT)
        return tuple(output.float() for output in outputs)

    def _seed(self, step: int, piece: int) -> None:
        words = np.random.SeedSequence([self.spec.seed, step, self.world.rank, piece]).generate_state(2, np.uint32)
        torch.manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def _apart(self, apart: bool) -> AbstractContextManager[None]:
        """Return a context in which gradients stay on this rank: only the last piece averages them, all at once."""
        if apart and isinstance(self.parallel, DistributedDataParallel):
            return self.parallel.no_sync()
        return nullcontext()


def _leaves(cached: Sequence[Outputs]) -> Outputs:
    """Return the outputs of all pieces as one, cut off from the towers: features joined, scale and bias as they are."""
    image_BD, text_BD = (torch.cat([outputs[n] for outputs in cached]) for n in range(2))
    return tuple(tensor.detach().requires_grad_() for tensor in (image_BD, text_BD, *cached[0][2:]))


def _gradients(leaves: Outputs, sizes: Sequence[int]) -> list[list[Tensor]]:
    """Return for each piece the gradient of each of its outputs; scale and bias are in every piece, so each gets a share."""
    filled = [torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for leaf in leaves]
    features = zip(*(gradient.split(list(sizes)) for gradient in filled[:2]), strict=True)
    shares = [gradient / len(sizes) for gradient in filled[2:]]
    return [[*piece, *shares] for piece in features]
