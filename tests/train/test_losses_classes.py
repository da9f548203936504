"""Entities as classes, in one process: the formulas written out the slow way, negatives that are drawn, two million classes."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from entitynet_train.class_head import ClassHead, first_weights
from entitynet_train.distributed import World
from entitynet_train.gathering import share_of
from entitynet_train.losses import Features, build_objective
from entitynet_train.spec import LossSpec
from tests.train.loss_on_ranks import golden_features, labels_of, run_spec
from tests.train.test_losses import WORLD, leaves, saved_by

CLASSES, WIDTH = 11, 32


def head_of(classes: int = CLASSES, **settings) -> ClassHead:
    return ClassHead(LossSpec({"classification": 1.0}, **settings), WORLD, classes, WIDTH, 5).double()


def one_class_each(rows: int = 64) -> torch.Tensor:
    return torch.randint(0, CLASSES, (rows, 1), generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize(("margin", "margin_of"), [(0.0, "cosine"), (0.35, "cosine"), (0.5, "angle")])
def test_one_class_a_picture_is_margin_softmax(margin, margin_of):
    (image, _), labels, head = leaves(), one_class_each(), head_of(scale=16.0, margin=margin, margin_of=margin_of)
    cosine = image @ functional.normalize(head.weight_SD, dim=1).T
    lowered = cosine.acos().add(margin).cos() if margin_of == "angle" else cosine - margin
    own = functional.one_hot(labels[:, 0], CLASSES).bool()
    slow = functional.cross_entropy(16.0 * torch.where(own, lowered, cosine), labels[:, 0])
    mine = head(image, labels, 0)
    assert mine.item() == pytest.approx(slow.item(), abs=1e-12)
    pair = torch.autograd.grad(mine, [image, head.weight_SD]), torch.autograd.grad(slow, [image, head.weight_SD])
    for got, wanted in zip(*pair, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-13)


def test_an_angle_beyond_half_a_turn_still_falls():
    head = head_of(margin=0.9, margin_of="angle", scale=1.0)
    with torch.no_grad():
        head.weight_SD[0] = torch.eye(WIDTH)[0]
    angles = torch.linspace(0.1, math.pi - 0.05, 40, dtype=torch.float64)
    image = torch.zeros(40, WIDTH, dtype=torch.float64)
    image[:, 0], image[:, 1] = angles.cos(), angles.sin()
    with torch.no_grad():
        head.weight_SD[1:] = -torch.eye(WIDTH)[2]  # all other classes at a right angle
    losses = [head(row[None], torch.tensor([[0]]), 0).item() for row in image]
    assert losses == sorted(losses)


def test_several_classes_of_a_picture_do_not_compete():
    (image, _), labels, head = leaves(), labels_of(64), head_of(scale=8.0)
    logits = 8.0 * image @ functional.normalize(head.weight_SD, dim=1).T
    slow = {"softmax": [], "separated": []}
    for row, found in zip(logits, labels.tolist(), strict=True):
        own = [one for one in found if one >= 0]
        others = row[[place for place in range(CLASSES) if place not in own]].exp().sum()
        if own:
            slow["softmax"].append(torch.stack([-(row[p].exp() / (row[p].exp() + others)).log() for p in own]).mean())
            slow["separated"].append((1 + others).log() + (1 + (-row[own]).exp().sum()).log())
    assert len(slow["softmax"]) < 64
    for name, losses in slow.items():
        same = head_of(scale=8.0, multi_label=name)
        wanted, mine = torch.stack(losses).mean(), same(image, labels, 0)
        assert mine.item() == pytest.approx(wanted.item(), abs=1e-12)
        torch.testing.assert_close(
            *(torch.autograd.grad(one, image, retain_graph=True)[0] for one in (mine, wanted)), rtol=1e-9, atol=1e-13
        )


def test_pictures_without_a_class_contribute_nothing():
    (image, _), head = leaves(), head_of()
    for labels in (torch.full((64, 3), -1), torch.full((64, 0), -1)):
        loss = head(image, labels, 0)
        loss.backward()
        assert loss.item() == 0
        assert not image.grad.any()
        assert not head.weight_SD.grad.any()


def others_of(head: ClassHead, image: torch.Tensor, label: int, step: int) -> float:
    """Return E, from the loss of a picture with one class: log(1 + E) + log(1 + exp(-s))."""
    own = head._spec.scale * image @ functional.normalize(head.weight_SD[label], dim=0)
    loss = head(image[None], torch.tensor([[label]]), step)
    return math.expm1((loss - functional.softplus(-own)).item())


def test_negatives_that_are_drawn_sum_up_right_in_the_mean():
    image = golden_features()[0][0]
    settings = {"multi_label": "separated", "scale": 4.0}
    whole = others_of(head_of(200, **settings), image, 7, 0)
    head = head_of(200, negatives=20, **settings)
    drawn = torch.tensor([others_of(head, image, 7, step) for step in range(300)])
    assert drawn.std() > 0
    assert drawn.mean().item() == pytest.approx(whole, abs=4 * drawn.std().item() / math.sqrt(300))
    assert drawn.std() / whole < 0.25


def test_the_drawn_negatives_follow_from_seed_and_step():
    (image, _), labels = leaves(8), one_class_each(8)
    told = [head_of(500, negatives=9)(image, labels, step).item() for step in (4, 4, 5)]
    assert told[0] == told[1] != told[2]
    assert head_of(500, negatives=500)(image, labels, 4).item() == head_of(500)(image, labels, 4).item()


def test_classes_of_the_batch_are_compared_with_every_picture():
    (image, _), labels, head = leaves(8), torch.arange(8)[:, None], head_of(3000, negatives=1)
    head(image, labels, 0).backward()
    touched = head.weight_SD.grad.abs().sum(1).nonzero()[:, 0].tolist()
    assert touched[:8] == list(range(8))
    assert len(touched) == 9


def test_a_head_of_two_million_classes_takes_a_step():
    spec = run_spec(LossSpec({"classification": 1.0}, negatives=4096, margin=0.15), 2_000_000)
    objective = build_objective(spec, WORLD, 4)
    optimizer = torch.optim.SGD(objective.parameters(), lr=0.1)
    image = functional.normalize(torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = torch.arange(16)[:, None] * 131_071
    value, kept = saved_by(lambda: objective(Features(image, image, torch.tensor(1.0), labels=labels, step=1)).total)
    value.backward()
    (weight,) = objective.rank_parameters()
    assert weight.shape == (2_000_000, 4)
    assert int(weight.grad.any(1).sum()) <= 4096 + 16
    assert kept <= 16 * (4096 + 16 + 1)  # no tensor of 2 million for the backward pass
    before = weight.detach()[labels[:, 0]].clone()
    optimizer.step()
    assert not torch.equal(weight.detach()[labels[:, 0]], before)


def test_first_weights_do_not_depend_on_the_cut():
    whole = first_weights(range(140_000), 3, 9)
    parts = [first_weights(share_of(140_000, World(rank, 3, WORLD.device)), 3, 9) for rank in range(3)]
    assert torch.equal(torch.cat(parts), whole)
    assert whole.norm(dim=1).square().mean().item() == pytest.approx(1.0, abs=0.02)
    assert not torch.equal(whole, first_weights(range(140_000), 3, 10))
