"""Run by test_train.py under torchrun: writes loss and gradients of one global batch that is cut over the ranks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from entitynet_train.distributed import process_group, sum_all
from entitynet_train.pair_losses import Contrastive


class Towers(torch.nn.Module):
    """Two parameters and a scale: an image map, a text map and the temperature."""

    def __init__(self):
        super().__init__()
        self.image, self.text = (torch.nn.Parameter(torch.eye(32).double()) for _ in range(2))
        self.scale = torch.nn.Parameter(torch.tensor(1 / 0.07).double())

    def forward(self, image_BD, text_BD):
        return image_BD @ self.image, text_BD @ self.text, self.scale


def main(out: Path) -> None:
    rng = np.random.RandomState(6)
    features = [torch.from_numpy(rows / np.linalg.norm(rows, axis=1, keepdims=True))
                for rows in (rng.standard_normal((64, 32)) for _ in range(2))]  # fmt: skip
    with process_group() as world:
        towers = Towers()
        parallel = DistributedDataParallel(towers) if world.size > 1 else towers
        own = slice(world.rank * 64 // world.size, (world.rank + 1) * 64 // world.size)
        loss = Contrastive(world)(*parallel(features[0][own], features[1][own]))
        loss.backward()
        mean = sum_all(world, [loss.item()])[0] / world.size
        if world.is_first:
            values = {name: parameter.grad.flatten().tolist() for name, parameter in towers.named_parameters()}
            out.write_text(json.dumps({"loss": mean, **values}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
