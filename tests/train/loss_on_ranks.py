"""Run by test_train.py under torchrun: writes losses and gradients of one global batch that is cut over the ranks."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from entitynet_train import optim
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World, gather_all, process_group, sum_all
from entitynet_train.gathering import share_of
from entitynet_train.losses import Features, Objective
from entitynet_train.spec import CaptionMix, DataSpec, LossSpec, RunSpec

CASES = {
    "contrastive": LossSpec(),
    "entities": LossSpec({"contrastive": 1.0, "sigmoid": 1.0}, entity_targets=True),
    "sigmoid": LossSpec({"sigmoid": 1.0}),
    "classes": LossSpec({"classification": 1.0}, margin=0.2),
    "separated": LossSpec({"classification": 1.0}, margin=0.3, margin_of="angle", multi_label="separated"),
    "distillation": LossSpec({"distillation": 1.0}, teacher_scale=20.0),
    "all": LossSpec({"contrastive": 0.3, "sigmoid": 0.1, "classification": 0.2, "distillation": 2.0}),
}
CLASSES = 7  # two ranks hold 3 and 4 of them


class Towers(torch.nn.Module):
    """Two parameters and a scale: an image map, a text map and the temperature."""

    def __init__(self):
        super().__init__()
        self.image, self.text = (torch.nn.Parameter(torch.eye(32).double()) for _ in range(2))
        self.scale = torch.nn.Parameter(torch.tensor(1 / 0.07).double())

    def forward(self, image_BD, text_BD):
        return image_BD @ self.image, text_BD @ self.text, self.scale


def golden_features(rows: int = 64) -> list[torch.Tensor]:
    """Pictures and texts of unit norm, as the golden figures were made with."""
    rng = np.random.RandomState(6)
    return [
        torch.from_numpy(drawn / np.linalg.norm(drawn, axis=1, keepdims=True))
        for drawn in (rng.standard_normal((rows, 32)) for _ in range(2))
    ]


def run_spec(loss: LossSpec, classes: int = CLASSES) -> RunSpec:
    """A spec with nothing in it but the loss and the number of classes."""
    data = DataSpec("r", "w", "s", (), "", (), (), (), vocabulary_fingerprint="v", class_count=classes)
    taught = {"teacher": "t", "reinforcements": ("t.parquet",)} if "distillation" in loss.names else {}
    return RunSpec("r", "demo-64", CaptionMix("m", {"label": 1.0}), data, 0, 64, 1.0, loss=loss, **taught)


def labels_of(rows: int) -> torch.Tensor:
    """Classes of pictures: some have none, one or two."""
    labels_BL = torch.randint(0, CLASSES, (rows, 2), generator=torch.Generator().manual_seed(1))
    labels_BL[labels_BL[:, 0] == labels_BL[:, 1], 1] = -1
    labels_BL[::5] = -1
    labels_BL[1::3, 0] = -1
    return labels_BL


def measure(world: World, name: str) -> dict[str, list[float]]:
    """Return the mean loss over ranks, its parts and the gradients of a case."""
    features, labels_BL = golden_features(), labels_of(64)
    towers = Towers()
    parallel = DistributedDataParallel(towers) if world.size > 1 else towers
    objective = Objective(run_spec(CASES[name]), world, 32).double()
    own = slice(world.rank * 64 // world.size, (world.rank + 1) * 64 // world.size)
    teacher = [torch.nn.functional.normalize(one[:, :9], dim=1)[own] for one in features]
    told = [ids[own] if name != "contrastive" else None for ids in (labels_BL, labels_BL)]
    value = objective(Features(*parallel(features[0][own], features[1][own]), None, *told, *teacher, step=3))
    value.total.backward()
    objective.average_gradients()
    figures = [value.total.item(), *(part.item() for part in value.parts.values())]
    found = {"loss": [figure / world.size for figure in sum_all(world, figures)]}
    found |= {one: parameter.grad.flatten().tolist() for one, parameter in towers.named_parameters()}
    if objective.logit_bias is not None:
        found["bias"] = [objective.logit_bias.grad.item()]
    if objective.class_head is not None:
        whole = objective.whole(objective.class_head.weight_SD.grad)
        found["head"] = [] if whole is None else whole.flatten().tolist()
    return found


def need_open_clips_sigmoid(world: World) -> None:
    """Compare value and gradients with open_clip's own loss on as many ranks."""
    own = slice(world.rank * 64 // world.size, (world.rank + 1) * 64 // world.size)
    towers = Towers()
    bias = torch.nn.Parameter(torch.tensor(-10.0).double())
    theirs = import_open_clip().loss.SigLipLoss(rank=world.rank, world_size=world.size, dist_impl="gather")
    loss = theirs(*towers(*(one[own] for one in golden_features())), bias)
    loss.backward()
    mine = measure(world, "sigmoid")
    named = {"loss": [loss.item()], "bias": [bias.grad.item()]}
    named |= {one: parameter.grad.flatten().tolist() for one, parameter in towers.named_parameters()}
    for name, values in named.items():
        mean = [value / world.size for value in sum_all(world, values)]
        np.testing.assert_allclose(mine[name][: len(mean)], mean, rtol=1e-9, atol=1e-13, err_msg=name)


class Trained:
    """An objective on fixed features, with an optimiser: what a checkpoint of a head has to bring back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.objective = Objective(run_spec(CASES["all"]), world, 32).double()
        self.optimizer = torch.optim.AdamW(self.objective.parameters(), lr=0.1)

    def step(self, number: int) -> None:
        self.optimizer.zero_grad()
        own = share_of(64, self.world)
        image, text = (one[own.start : own.stop] for one in golden_features())
        features = Features(
            image, text, torch.tensor(10.0), None, labels_of(64)[own.start : own.stop], None, image, text, number
        )
        self.objective(features).total.backward()
        self.objective.average_gradients()
        optim.clip_gradients(torch.nn.Module(), self.objective, self.world, 0.01)
        self.optimizer.step()

    def state(self) -> dict:
        """Return on every rank what rank 0 would save."""
        whole = self.objective.whole_state(), optim.whole_state(self.optimizer, self.objective)
        return gather_all(self.world, {"objective": whole[0], "optimizer": whole[1]})[0]

    def load(self, state: dict) -> None:
        self.objective.load_whole_state(state["objective"])
        optim.load_whole_state(self.optimizer, self.objective, state["optimizer"])


def resumed_head(world: World) -> list[float]:
    """Return the head after 2 + 2 steps, which are held against 4."""
    whole, first, then = (Trained(world) for _ in range(3))
    for number in range(4):
        whole.step(number)
    for number in range(2):
        first.step(number)
    then.load(first.state())
    for number in range(2, 4):
        then.step(number)
    for name, value in whole.state()["objective"].items():
        assert value.equal(then.state()["objective"][name]), f"{name} differs after a resume"
    return whole.state()["objective"]["class_head.weight_SD"].flatten().tolist()


def main(out: Path) -> None:
    with process_group() as world:
        found = {name: measure(world, name) for name in CASES}
        need_open_clips_sigmoid(world)
        found["resumed"] = {"head": resumed_head(world)}
        if world.is_first:
            flat = {f"{case}/{name}": values for case, named in found.items() for name, values in named.items()}
            out.write_text(json.dumps({"loss": flat["contrastive/loss"][0], **flat}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
