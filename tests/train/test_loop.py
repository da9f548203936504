"""The parts of the loop: gradients in pieces, dropped patches, averages, spikes, what is measured and said."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from entitynet_train import entry, model, optim, report, throughput
from entitynet_train.average import moving_average
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.guard import NEEDED, SpikeGuard
from entitynet_train.losses import Features, build_objective
from entitynet_train.spec import LossSpec, RunSpec, SpecError
from entitynet_train.towers import Towers, prepared

WORLD = World(0, 1, torch.device("cpu"))
CLASSES = 5
MULTI_TASK = LossSpec({"contrastive": 1.0, "sigmoid": 0.5, "classification": 0.3}, negatives=2, margin=0.1)


@pytest.fixture
def spec(tiny_world) -> RunSpec:
    """A run of every loss."""
    data = dataclasses.replace(tiny_world.data(), vocabulary_fingerprint="v", class_count=CLASSES)
    return tiny_world.run_spec(data=data, loss=MULTI_TASK)


def batch_of(spec: RunSpec):
    chance = torch.Generator().manual_seed(3)
    size = spec.batch_size_global
    image_BHWC = torch.randint(0, 256, (size, 64, 64, 3), dtype=torch.uint8, generator=chance)
    text_BT = torch.randint(1, 400, (size, spec.context_length_tokens), generator=chance)
    return image_BHWC, text_BT, torch.randint(-1, CLASSES, (size, 2), generator=chance)


def gradients_of(spec: RunSpec, step: int = 0, backward=Towers.backward) -> dict[str, torch.Tensor]:
    """Return loss and gradients of one batch on the first weights."""
    tower = prepared(model.build_model(spec), spec)
    objective = build_objective(spec, WORLD, 128, tower)
    image_BHWC, text_BT, labels_BL = batch_of(spec)
    values = []

    def loss(outputs):
        values.append(objective(Features(*outputs, labels=labels_BL, step=step)).total)
        return values[-1]

    backward(Towers(tower, tower, spec, WORLD), image_BHWC, text_BT, step, loss)
    named = [*tower.named_parameters(), *objective.named_parameters("objective")]
    return {"loss": values[-1].detach(), **{name: parameter.grad for name, parameter in named}}


def assert_alike(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert value is not None, name
        assert torch.allclose(found[name], value, rtol=1e-4, atol=1e-6), name


def test_the_gradient_in_pieces_is_that_of_the_whole_batch(spec):
    whole = gradients_of(spec)
    assert whole["objective.class_head.weight_SD"].abs().sum() > 0
    assert whole["objective.logit_bias"] != 0
    for pieces in (2, 8):
        assert_alike(gradients_of(dataclasses.replace(spec, accumulate_steps=pieces)), whole)


def test_activations_that_are_computed_again_change_nothing(spec):
    again = dataclasses.replace(spec, activation_checkpointing=True, patch_dropout=0.5)
    assert_alike(gradients_of(again), gradients_of(dataclasses.replace(spec, patch_dropout=0.5)))


def test_a_piece_drops_the_same_patches_when_it_is_computed_again(spec):
    spec = dataclasses.replace(spec, accumulate_steps=4, patch_dropout=0.5)

    def in_one_graph(towers, image_BHWC, text_BT, step, loss):
        pieces = zip(image_BHWC.chunk(4), text_BT.chunk(4), strict=True)
        outputs = [towers._forward(towers.bare, *pair, (step, number)) for number, pair in enumerate(pieces)]
        loss((torch.cat([o[0] for o in outputs]), torch.cat([o[1] for o in outputs]), outputs[0][2])).backward()

    assert_alike(gradients_of(spec, 1), gradients_of(spec, 1, in_one_graph))


def test_patches_are_dropped_anew_each_step_and_only_while_training(spec):
    dropped = dataclasses.replace(spec, patch_dropout=0.5)
    first, again, other = (gradients_of(dropped, step)["loss"] for step in (0, 0, 1))
    assert first == again
    assert first != other
    image_BCHW = model.normalise(batch_of(spec)[0])
    with torch.no_grad():
        evaluated, plain = (prepared(model.build_model(s), s).eval().visual(image_BCHW) for s in (dropped, spec))
    assert torch.equal(evaluated, plain)


def test_a_tower_without_patches_cannot_drop_any(spec):
    tower = torch.nn.Module()
    tower.visual = torch.nn.Linear(2, 2)
    with pytest.raises(SpecError, match=r"patch_dropout: found 0\.3; allowed: 0 for tower demo-64"):
        prepared(tower, dataclasses.replace(spec, patch_dropout=0.3))


def test_bad_values_are_named_with_what_is_allowed(tiny_world):
    for field, value, words in (
        ("accumulate_steps", 3, "equal pieces of the batch of one process \\(8\\)"),
        ("patch_dropout", 1.0, "a share of patches"),
        ("ema_decay", 1.0, "a number below 1"),
        ("spike_factor", 0.5, "a number above 1"),
        ("hang_timeout_s", 0.0, "seconds above 0"),
    ):
        with pytest.raises(SpecError, match=rf"{field}: found {value}.*{words}"):
            tiny_world.run_spec(**{field: value})


def test_the_average_forgets_the_first_weights_and_then_moves_by_its_decay():
    layer = torch.nn.Linear(1, 1, bias=False)
    average = moving_average(layer, 0.5)
    expected, decays = None, [0, 2 / 11, 3 / 12, 4 / 13, *[0.5] * 20]
    for number, decay in enumerate(decays):
        with torch.no_grad():
            layer.weight.fill_(float(number))
        average.update_parameters(layer)
        decay = min(0.5, (1 + number) / (10 + number)) if number else 0
        expected = number if expected is None else decay * expected + (1 - decay) * number
        assert average.module.weight.item() == pytest.approx(expected, rel=1e-5)


def test_a_spike_is_judged_by_the_median_of_what_was_accepted():
    guard = SpikeGuard(2.0)
    assert all(guard.accepts(100.0 if n == 3 else 1.0) for n in range(NEEDED))  # too early to know what is usual
    assert not guard.accepts(2.1)
    assert not guard.accepts(50.0)
    assert (guard.in_a_row, guard.skipped, guard.median) == (2, 2, 1.0)
    resumed = SpikeGuard(2.0)
    resumed.load_state_dict(json.loads(json.dumps(guard.state_dict())))
    assert not resumed.accepts(2.1)
    assert resumed.accepts(1.9)
    assert (resumed.in_a_row, resumed.skipped) == (0, 3)
    assert all(SpikeGuard(0.0).accepts(loss) for loss in (1.0, 1e9))


def test_gradients_are_clipped_by_their_norm_over_all(spec):
    objective = build_objective(spec, WORLD, 2)
    layer = torch.nn.Linear(2, 1, bias=False)
    for norm_max, scaled in ((1.0, 1 / 13), (0.0, 1.0), (20.0, 1.0)):
        layer.weight.grad = torch.tensor([[3.0, 4.0]])
        objective.class_head.weight_SD.grad = torch.tensor([[0.0, 12.0], *[[0.0, 0.0]] * (CLASSES - 1)])
        assert optim.clip_gradients(layer, objective, WORLD, norm_max).item() == pytest.approx(13)
        assert layer.weight.grad.tolist()[0] == pytest.approx([3 * scaled, 4 * scaled], rel=1e-5)
        assert objective.class_head.weight_SD.grad[0, 1].item() == pytest.approx(12 * scaled, rel=1e-5)


def test_flops_are_those_that_are_published():
    # open_clip's model_profile.csv: forward 14.78 GFLOPs a pair at 77 tokens; backward costs twice that
    open_clip = import_open_clip()
    config = open_clip.get_model_config("ViT-B-32")
    flops = throughput.training_flops(lambda: open_clip.CLIP(**config), 224, 77)
    assert flops / 1e9 == pytest.approx(3 * 14.78, rel=0.01)


def test_the_peak_of_a_known_device_is_that_of_its_data_sheet():
    sheet = throughput.on_data_sheet
    assert sheet("NVIDIA H200", "bf16") == (989.5e12, "data sheet of NVIDIA H200, bf16")
    assert sheet("NVIDIA A100-SXM4-80GB", "fp32") == (19.5e12, "data sheet of NVIDIA A100, fp32")
    assert sheet("NVIDIA H100 PCIe", "bf16")[0] < sheet("NVIDIA H100 80GB HBM3", "bf16")[0]
    assert sheet("NVIDIA L40", "bf16") is sheet("NVIDIA A10G", "bf16") is None
    measured, source = throughput.peak_flops(WORLD.device, "fp32")
    assert 1e8 < measured < 1e15
    assert source == "measured, 1024 x 1024 products in fp32"


def points(out) -> list[tuple[int, float]]:
    events = EventAccumulator(str(out / report.TENSORBOARD))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("train/loss")]


def test_tensorboard_of_a_resumed_run_has_each_step_once(tmp_path):
    metrics = report.Metrics(tmp_path, 0)
    for step in (1, 2, 3, 4):
        metrics.append(step=step, loss=1.0)
    metrics.close()
    metrics = report.Metrics(tmp_path, 2)
    for step in (3, 4, 5):
        metrics.append(step=step, loss=0.5)
    metrics.close()
    assert points(tmp_path) == [(1, 1.0), (2, 1.0), (3, 0.5), (4, 0.5), (5, 0.5)]


def test_the_first_error_is_kept(tmp_path):
    report.write_error(tmp_path, "memory", "too big", 1)
    report.write_error(tmp_path, "lost_rank", "rank 1 is gone", 0)
    assert report.read_error(tmp_path) == {"status": "failed", "kind": "memory", "reason": "too big", "rank": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["error.json"]


def test_errors_are_told_apart():
    assert entry.out_of_memory(MemoryError())
    assert entry.out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"))
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.uint8)
    assert entry.out_of_memory(caught.value)
    assert not entry.out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert entry.lost_rank(RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"))
    assert not entry.lost_rank(ValueError("Connection closed by peer"))
    assert math.isnan(SpikeGuard(2.0).median)
