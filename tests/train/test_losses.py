"""Losses in one process: golden figures, open_clip's, and each formula written out the slow way."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.gathering import share_of
from entitynet_train.losses import Features, Objective
from entitynet_train.pair_losses import Contrastive, Sigmoid, distillation, same_entity
from entitynet_train.spec import LossSpec, SpecError
from tests.train.loss_on_ranks import golden_features, labels_of, run_spec

WORLD = World(0, 1, torch.device("cpu"))
SCALE = torch.tensor(1 / 0.07, dtype=torch.float64)
CLASSES, WIDTH = 11, 32


def leaves(rows: int = 64) -> list[torch.Tensor]:
    return [one.clone().requires_grad_() for one in golden_features(rows)]


def saved_by(function) -> tuple[torch.Tensor, int]:
    """Return what a function returns, and how many numbers the largest tensor has that it keeps for the backward pass."""
    sizes = [0]

    def note(tensor):
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        value = function()
    return value, max(sizes)


def test_contrastive_is_golden_and_open_clips():
    image, text = leaves()
    loss = Contrastive(WORLD)(image, text, SCALE)
    loss.backward()
    assert loss.item() == pytest.approx(7.033032331521234, abs=1e-12)
    assert image.grad.norm().item() == pytest.approx(2.003613107782646, abs=1e-12)
    assert text.grad.norm().item() == pytest.approx(1.9755037596096816, abs=1e-12)


@pytest.mark.parametrize("chunk", [1, 16, 25, 1024])
def test_sigmoid_is_golden_and_open_clips_whatever_the_chunk(chunk):
    image, text = leaves()
    scale, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (10.0, -10.0))
    mine = Sigmoid(WORLD, chunk)(image, text, scale, bias)
    got = torch.autograd.grad(mine, [image, text, scale, bias])
    theirs = import_open_clip().loss.SigLipLoss()(image, text, scale, bias)
    assert mine.item() == pytest.approx(10.148502951077411, abs=1e-12)
    assert got[0].norm().item() == pytest.approx(1.2499733314832273, abs=1e-12)
    assert got[1].norm().item() == pytest.approx(1.2495965821438655, abs=1e-12)
    assert theirs.item() == pytest.approx(mine.item(), abs=1e-12)
    for own, other in zip(got, torch.autograd.grad(theirs, [image, text, scale, bias]), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-10, atol=1e-13)


def test_sigmoid_keeps_no_more_than_its_texts_and_a_chunk():
    image, text = leaves(256)
    _, kept = saved_by(lambda: Sigmoid(WORLD, 16)(image, text, SCALE, -SCALE))
    assert kept <= 256 * 32  # the features themselves; all pairs would be 256 * 256


def written_out(image, text, entities, scale, bias=None):
    """The losses with entity targets, pair by pair: contrastive, or sigmoid with a bias."""
    rows = [{one for one in row if one >= 0} for row in entities.tolist()]
    logits = scale * image @ text.T + (0 if bias is None else bias)
    total = torch.zeros((), dtype=image.dtype)
    for i in range(len(rows)):
        counted = [j for j in range(len(rows)) if j == i or not rows[i] & rows[j]]
        if bias is None:
            total = total + (logits[i, counted].logsumexp(0) + logits[counted, i].logsumexp(0)) / 2 - logits[i, i]
        else:
            total = total - sum(functional.logsigmoid(logits[i, j] if i == j else -logits[i, j]) for j in counted)
    return total / len(rows)


def test_pictures_of_one_entity_are_no_negatives():
    image, text = leaves()
    entities, bias = labels_of(64), -SCALE
    for mine, other in (
        (Contrastive(WORLD)(image, text, SCALE, entities), written_out(image, text, entities, SCALE)),
        (Sigmoid(WORLD, 10)(image, text, SCALE, bias, entities), written_out(image, text, entities, SCALE, bias)),
    ):
        assert mine.item() == pytest.approx(other.item(), abs=1e-12)
        pair = torch.autograd.grad(mine, [image, text]), torch.autograd.grad(other, [image, text])
        for own, slow in zip(*pair, strict=True):
            torch.testing.assert_close(own, slow, rtol=1e-9, atol=1e-13)


def test_entities_that_nobody_shares_change_nothing():
    image, text = leaves()
    alone = torch.arange(64)[:, None]
    none = torch.full((64, 0), -1)
    for entities in (alone, none):
        assert Contrastive(WORLD)(image, text, SCALE, entities) == Contrastive(WORLD)(image, text, SCALE)
        plain = Sigmoid(WORLD)(image, text, SCALE, -SCALE)
        assert Sigmoid(WORLD)(image, text, SCALE, -SCALE, entities) == plain


def test_an_unknown_entity_is_shared_with_nobody():
    ids = torch.tensor([[-1, -1], [3, -1], [-1, 3]])
    assert same_entity(ids, ids).tolist() == [[False] * 3, [False, True, True], [False, True, True]]


def test_a_state_is_cut_again_for_another_number_of_ranks():
    spec = run_spec(LossSpec({"classification": 1.0, "sigmoid": 1.0}), CLASSES)
    whole = Objective(spec, WORLD, WIDTH)
    with torch.no_grad():
        whole.logit_bias.fill_(-3.0)
        whole.class_head.weight_SD.mul_(2)
    state = whole.whole_state()
    for rank in range(3):
        part = Objective(spec, World(rank, 3, WORLD.device), WIDTH)
        part.load_whole_state(state)
        assert part.logit_bias.item() == -3.0
        share = share_of(CLASSES, World(rank, 3, WORLD.device))
        assert torch.equal(part.class_head.weight_SD, whole.class_head.weight_SD[share.start : share.stop])


def test_distillation_has_open_clips_gradient_and_is_nothing_for_a_copy():
    image, text = leaves()
    teacher = [functional.normalize(one.detach()[:, :9], dim=1) for one in (image, text)]
    mine = distillation(WORLD, (image, text, SCALE), (*teacher, 20.0))
    _, theirs = import_open_clip().loss.DistillClipLoss()(image, text, SCALE, *teacher, 20.0)
    for own, other in zip(*(torch.autograd.grad(one, [image, text]) for one in (mine, theirs)), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-9, atol=1e-13)
    copy = distillation(WORLD, (image, text, SCALE), (image.detach(), text.detach(), SCALE.item()))
    assert copy.item() == pytest.approx(0.0, abs=1e-12)
    assert mine.item() > 0.1


def features_of(**more) -> Features:
    image, text = golden_features()
    return Features(image.requires_grad_(), text.requires_grad_(), SCALE, **more)


def test_the_total_is_the_weighted_sum_of_the_parts():
    weights = {"contrastive": 1.0, "sigmoid": 0.5, "classification": 0.25, "distillation": 0.0}
    objective = Objective(run_spec(LossSpec(weights)), WORLD, WIDTH).double()
    value = objective(features_of(labels=labels_of(64)))
    assert set(value.parts) == {"contrastive", "sigmoid", "classification"}
    wanted = sum(weights[name] * part.item() for name, part in value.parts.items())
    assert value.total.item() == pytest.approx(wanted, rel=1e-12)
    assert not any(part.requires_grad for part in value.parts.values())


def test_classification_alone_gives_the_text_tower_a_gradient_of_nothing():
    objective = Objective(run_spec(LossSpec({"classification": 1.0})), WORLD, WIDTH).double()
    features = features_of(labels=labels_of(64))
    objective(features).total.backward()
    assert features.text_BD.grad.abs().sum() == 0
    assert features.image_BD.grad.abs().sum() > 0


def test_a_bias_of_the_towers_is_used_where_there_is_one():
    tower = torch.nn.Module()
    tower.logit_bias = torch.nn.Parameter(torch.tensor(-5.0).double())
    spec = run_spec(LossSpec({"sigmoid": 1.0}))
    own, theirs = Objective(spec, WORLD, WIDTH).double(), Objective(spec, WORLD, WIDTH, tower)
    assert theirs.logit_bias is None
    with_tower = theirs(features_of(logit_bias=tower.logit_bias)).total
    assert with_tower.item() != own(features_of()).total.item()
    with torch.no_grad():
        own.logit_bias.fill_(-5.0)
    assert with_tower.item() == own(features_of()).total.item()


@pytest.mark.parametrize(
    ("loss", "field"),
    [
        (LossSpec({"classification": 1.0}), "labels"),
        (LossSpec(entity_targets=True), "entities"),
        (LossSpec({"distillation": 1.0}), "teacher_image_BE"),
    ],
)
def test_what_a_loss_is_told_from_must_be_there(loss, field):
    with pytest.raises(SpecError, match=f"features.{field}: found none"):
        Objective(run_spec(loss), WORLD, WIDTH).double()(features_of())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weights": {"hinge": 1.0}}, "loss.weights: found 'hinge'; allowed: one of contrastive"),
        ({"weights": {"sigmoid": -1.0}}, "loss.weights.sigmoid"),
        ({"weights": {"sigmoid": 0.0}}, "at least one weight above 0"),
        ({"negatives": -1}, "loss.negatives"),
        ({"margin": 1.5}, "loss.margin"),
        ({"margin_of": "sine"}, "cosine, angle"),
        ({"scale": 0.0}, "loss.scale"),
        ({"multi_label": "both"}, "softmax, separated"),
        ({"teacher_scale": math.inf}, "loss.teacher_scale"),
        ({"weights": {"classification": 1.0}, "entity_targets": True}, "a weight for contrastive or sigmoid"),
    ],
)
def test_a_loss_that_cannot_be_told_is_named(settings, words):
    with pytest.raises(SpecError) as caught:
        LossSpec(**settings)
    assert words in str(caught.value)
