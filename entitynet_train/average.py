"""A running average of the weights, which is often better than the last ones: exported instead of them where it is kept.

Belongs here: the average. Does not belong here: when it is taken (train.py), the export (export.py).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel


def moving_average(model: nn.Module, decay: float) -> AveragedModel:
    """Return an exponential moving average of a model's parameters in float32, `average.module`; feed it by `update_parameters`.

    The decay grows with the number of updates n as min(decay, (1 + n) / (10 + n)), so that the first weights, which are noise,
    are soon forgotten (the rule of TensorFlow's ExponentialMovingAverage with num_updates).
    """

    def update(average: Any, current: Any, updates: Tensor | int) -> None:
        count = int(updates)
        share = 1 - min(decay, (1 + count) / (10 + count))
        torch._foreach_lerp_(average, current, share)  # pyright: ignore[reportPrivateImportUsage] - as torch's own averages

    return AveragedModel(model, multi_avg_fn=torch.no_grad()(update))
