"""The floor of colours and edges: what it tells apart, what it must not depend on, and its job."""

from __future__ import annotations

import dataclasses
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from entitynet_train import floor
from entitynet_train.protocols.colour_hog import (
    INVERSE_PENALTIES,
    choose_penalty,
    colour_hog_accuracy,
    picture_features,
)
from entitynet_train.spec import FloorSpec, SpecError, fingerprint, load, to_json
from tests.train.conftest import draw_shape, write_table


@pytest.fixture
def learnt(tiny_world) -> FloorSpec:
    """Shapes to learn from, those of the tiny world's benchmark to score: as files, in a spec."""
    folder, rng, rows = tiny_world.root / "learnt", random.Random(1), []
    folder.mkdir()
    for qid, name in tiny_world.classes.items():
        for number in range(20):
            (folder / f"{qid}_{number}.jpg").write_bytes(draw_shape(name, rng))
            rows.append((f"{qid}_{number}", qid, f"{qid}_{number}.jpg"))
    write_table(folder / "train.parquet", ("image_id", "class_id", "path"), rows)
    return FloorSpec("colour_hog", "t1", (tiny_world.benchmark(),), root=str(folder), train="train.parquet")


def measured(spec: FloorSpec, saved_spec, out) -> dict[str, float]:
    assert floor.main(["--spec", str(saved_spec(spec)), "--out", str(out)]) == 0
    return {score["metric"]: score["value"] for score in json.loads((out / "scores.json").read_text())}


def test_coloured_shapes_are_told_apart(learnt, saved_spec, tmp_path):
    figures = measured(learnt, saved_spec, tmp_path / "out")
    assert figures["acc1"] > 0.9
    assert figures["mean_per_class_recall"] > 0.9
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["counts"] == {"shapes": {"train": 80, "scored": 32}}
    assert (result["unreadable"], result["spec_fingerprint"]) == (0, fingerprint(learnt))


def test_a_job_done_is_not_done_again(learnt, saved_spec, tmp_path):
    measured(learnt, saved_spec, tmp_path / "out")
    before = (tmp_path / "out" / "scores.json").stat().st_mtime_ns
    measured(learnt, saved_spec, tmp_path / "out")
    assert (tmp_path / "out" / "scores.json").stat().st_mtime_ns == before


def test_nothing_to_learn_from_is_no_figure(learnt, saved_spec, tmp_path, tiny_world):
    one_class = [(f"t{n}", "Q1", f"Q1_{n}.jpg") for n in range(4)]
    write_table(tiny_world.root / "learnt" / "train.parquet", ("image_id", "class_id", "path"), one_class)
    assert measured(learnt, saved_spec, tmp_path / "out") == {}
    assert json.loads((tmp_path / "out" / "result.json").read_text())["counts"]["shapes"] == {"train": 4, "scored": 32}


def test_a_picture_that_cannot_be_read_is_counted_and_left_out(learnt, saved_spec, tmp_path, tiny_world):
    (tiny_world.root / "learnt" / "Q1_0.jpg").write_bytes(b"no picture")
    measured(learnt, saved_spec, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "result.json").read_text())["unreadable"] == 1


def test_a_specification_is_read_back_and_its_place_is_not_its_identity(learnt, saved_spec):
    assert load(FloorSpec, saved_spec(learnt)) == learnt
    assert fingerprint(dataclasses.replace(learnt, root="/elsewhere", train="x")) == fingerprint(learnt)
    assert fingerprint(dataclasses.replace(learnt, train_fingerprint="t2")) != fingerprint(learnt)
    with pytest.raises(SpecError, match="floor: found 'deep'; allowed: one of colour_hog"):
        dataclasses.replace(learnt, floor="deep")
    assert "colour_hog" in to_json(learnt)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.sampled_from(["RGB", "L", "RGBA"]))
def test_features_are_of_one_length_and_finite_for_every_picture(width, height, mode):
    features = picture_features(Image.new(mode, (width, height), 7))
    assert features.shape == (1764 + 4 * 64,)
    assert np.isfinite(features).all()
    assert (features[1764:] ** 2).reshape(4, 64).sum(axis=1) == pytest.approx(1, abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000))
def test_labels_that_have_nothing_to_do_with_the_pictures_are_not_learnt(seed):
    rng = np.random.default_rng(seed)
    train, test = rng.normal(size=(80, 12)), rng.normal(size=(400, 12))
    figures = colour_hog_accuracy(train, rng.integers(0, 4, 80), test, rng.integers(0, 4, 400), classes=4)
    assert abs(figures["acc1"] - 0.25) < 0.15


def test_a_class_without_a_training_picture_is_never_answered_and_counts():
    train = np.repeat(np.eye(3), 10, axis=0)[:20]
    figures = colour_hog_accuracy(train, np.repeat([0, 2], 10), np.eye(3)[[0, 1]], np.array([0, 2]), classes=6)
    assert figures["acc1"] == 1.0
    assert colour_hog_accuracy(train, np.repeat([0, 2], 10), np.eye(3)[[0]], np.array([1]), classes=6)["acc1"] == 0.0


def test_the_penalty_is_chosen_on_the_training_pictures_alone():
    few = np.array([0, 1])
    assert choose_penalty(np.eye(2), few) == INVERSE_PENALTIES[0]
