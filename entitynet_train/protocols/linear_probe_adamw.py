"""Linear probe as CLIP_benchmark fits it: AdamW for ten epochs, its weight decay searched on a validation part.

Features have unit norm. The rate falls from its peak by a cosine, without warm-up; the search looks at seven of 97 weight
decays between 1e-6 and 1e2 (evenly spaced in their logarithm), then beside the best one at spans of 8, 4, 2 and 1. The last
fit is on training and validation pictures. Without a validation part the weight decay is 0. The order of batches is drawn
from the seed here, so figures agree with CLIP_benchmark's in distribution and not in every digit.

Shapes: N pictures, D features, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from entitynet_train.protocols.inputs import need_labels, need_some, unit_rows

WEIGHT_DECAYS = tuple(np.logspace(-6, 2, 97).tolist())
FIRST_LOOK = tuple(range(0, 97, 16))
SPANS = (8, 4, 2, 1)


@dataclass(frozen=True)
class Fit:
    """How a probe is fitted: `lr` at its peak, pictures a batch, and the seed of its first weights and of its batches."""

    classes: int
    lr: float = 0.1
    epochs: int = 10
    batch_size: int = 64
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """Pictures with their classes: vector_ND of any norm, label_N 0 to K - 1."""

    vector_ND: np.ndarray
    label_N: np.ndarray

    def tensors(self, name: str, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return features of unit norm (float32) and labels. Raises ProtocolError for what is none."""
        need_labels(f"{name}.label_N", self.label_N, len(self.vector_ND), classes)
        unit_ND = unit_rows(f"{name}.vector_ND", self.vector_ND).astype(np.float32)
        return torch.from_numpy(unit_ND), torch.from_numpy(self.label_N.astype(np.int64))


def adamw_probe_accuracy(fit: Fit, train: Part, test: Part, validation: Part | None = None) -> dict[str, float]:
    """Return acc1 of the test pictures and the weight_decay that was used. Raises ProtocolError for arrays that are none."""
    seen = train.tensors("train", fit.classes)
    asked = test.tensors("test", fit.classes)
    need_some("test", len(asked[1]), "picture")
    weight_decay = 0.0
    if validation is not None:
        held = validation.tensors("validation", fit.classes)
        weight_decay = _searched(fit, seen, held)
        seen = (torch.cat([seen[0], held[0]]), torch.cat([seen[1], held[1]]))
    return {"acc1": _accuracy(_fitted(fit, *seen, weight_decay), *asked), "weight_decay": weight_decay}


def _searched(fit: Fit, train: tuple[torch.Tensor, torch.Tensor], held: tuple[torch.Tensor, torch.Tensor]) -> float:
    known: dict[int, float] = {}

    def best_of(places: Iterable[int]) -> int:
        for place in places:
            if place not in known:
                known[place] = _accuracy(_fitted(fit, *train, WEIGHT_DECAYS[place]), *held)
        return max(places, key=lambda place: known[place])

    peak = best_of(FIRST_LOOK)
    for span in SPANS:
        peak = best_of((max(peak - span, 0), peak, min(peak + span, len(WEIGHT_DECAYS) - 1)))
    return WEIGHT_DECAYS[peak]


def _fitted(fit: Fit, vector_ND: torch.Tensor, label_N: torch.Tensor, weight_decay: float) -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(fit.seed)
        probe = nn.Linear(vector_ND.shape[1], fit.classes)
        solver = torch.optim.AdamW(probe.parameters(), lr=fit.lr, weight_decay=weight_decay)
        steps = fit.epochs * math.ceil(len(label_N) / fit.batch_size)
        step = 0
        for _ in range(fit.epochs):
            for chosen in torch.randperm(len(label_N)).split(fit.batch_size):
                for group in solver.param_groups:
                    group["lr"] = fit.lr * 0.5 * (1 + math.cos(math.pi * step / steps))
                solver.zero_grad()
                cross_entropy(probe(vector_ND[chosen]), label_N[chosen]).backward()
                solver.step()
                step += 1
    return probe


@torch.no_grad()
def _accuracy(probe: nn.Linear, vector_ND: torch.Tensor, label_N: torch.Tensor) -> float:
    return float((probe(vector_ND).argmax(dim=1) == label_N).double().mean())
