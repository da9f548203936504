"""Benchmarks and results as rows and words."""

from __future__ import annotations

import dataclasses

import pytest

from entitynet_assets.scores.report import (
    benchmark_spec,
    benchmark_specs,
    chance_rows,
    eval_spec,
    floor_rows,
    floor_values,
    leaderboard_lines,
    score_rows,
    standing,
)
from entitynet_assets.studies.models import Benchmark, load_study
from entitynet_assets.tables import SCORES
from entitynet_train.spec import EvalSpec, FloorSpec, Score, fingerprint, load, to_json

STUDY = load_study("sample")
HELD = [
    {
        "benchmark": "sample-drawings", "image_id": f"i{n}", "class_id": f"Q{n % 4}", "class_name": f"name {n % 4}",
        "path": f"p{n}", "part": "test",
    }
    for n in range(12)
]  # fmt: skip
CHECKPOINT = {"recipe": "demo", "step": 64, "export_sha256": "e", "path": "jobs/train/demo/export"}


def made(held=HELD, root="/lake") -> EvalSpec:
    parts = {"test": "held_out/x.parquet", "train": "held_out/y.parquet"}
    return eval_spec(CHECKPOINT, benchmark_specs(STUDY, held, {"sample-drawings": parts}, root), root)


def spec_of(held, root="/lake", **changes):
    parts = {"test": f"{root}-x.parquet", "train": f"{root}-y.parquet"}
    return benchmark_spec(Benchmark(name="b", manifest="m", **changes), held, parts, root)


def test_a_specification_is_read_back_as_written(tmp_path):
    (tmp_path / "spec.json").write_text(to_json(made()))
    assert load(EvalSpec, tmp_path / "spec.json") == made()
    assert made().checkpoint == "/lake/jobs/train/demo/export"


def test_a_benchmark_is_its_members_and_their_classes():
    spec = spec_of(HELD)
    assert spec.classes == {f"Q{n}": (f"name {n}",) for n in range(4)}
    assert spec_of(HELD[::-1], "/other").fingerprint == spec.fingerprint
    assert spec_of(HELD[1:]).fingerprint != spec.fingerprint
    moved = [{**HELD[0], "class_id": "Q3"}, *HELD[1:]]
    assert spec_of(moved).fingerprint != spec.fingerprint
    assert fingerprint(made(root="/elsewhere")) == fingerprint(made())


def test_what_is_learnt_from_is_a_part_of_its_own_and_adds_no_class():
    learnt = [
        {**HELD[0], "image_id": "t", "part": "train"},
        {**HELD[1], "image_id": "u", "class_id": "Q9", "part": "train"},
    ]
    spec = spec_of([*HELD, *learnt], protocols=["few_shot", "linear_probe"])
    assert (spec.images, spec.train, spec.protocols) == (
        "/lake-x.parquet",
        "/lake-y.parquet",
        ("few_shot", "linear_probe"),
    )
    assert spec_of(HELD).train == ""
    assert "Q9" not in spec.classes
    assert spec.fingerprint != spec_of([*HELD, *({**row, "part": "test"} for row in learnt)]).fingerprint
    assert made([{**row, "part": "train"} for row in HELD]).benchmarks == ()  # nothing to score


def test_a_benchmark_without_pictures_is_left_out():
    assert made([]).benchmarks == ()
    assert made([{**HELD[0], "benchmark": "another"}]).benchmarks == ()


def test_a_row_is_what_the_evaluation_says_and_fits_the_table():
    score = dataclasses.asdict(
        Score("sample-drawings", "zero_shot", "acc1", 0.5, 12, 0.25, 0.75, 0.25, "templates: {}")
    )
    assert score_rows(made(), [score]) == [{"recipe": "demo", "step": 64, **score}]
    assert set(score_rows(made(), [score])[0]) == set(SCORES.column_names)


def test_chance_is_one_class_in_all_of_them():
    (benchmark,) = made().benchmarks
    rows = chance_rows(benchmark, 12)
    assert [(row["metric"], row["value"], row["count"], row["train_count"], row["classes"]) for row in rows] == [
        ("acc1", 0.25, 12, 0, 4),
        ("mean_per_class_recall", 0.25, 12, 0, 4),
    ]


def test_a_measured_floor_is_a_row_a_metric_of_the_table():
    spec = FloorSpec("colour_hog", "t", made().benchmarks)
    scores = [
        {"benchmark": "sample-drawings", "protocol": "colour_hog", "metric": metric, "value": 0.5, "count": 12}
        for metric in ("acc1", "acc5", "mean_per_class_recall")
    ]
    rows = floor_rows(spec, scores, {"sample-drawings": {"train": 40, "scored": 12}})
    assert [(row["metric"], row["train_count"], row["classes"]) for row in rows] == [
        ("acc1", 40, 4),
        ("mean_per_class_recall", 40, 4),
    ]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.31, 0.4, "above"), (0.3, 0.4, "no different from"), (0.2, 0.3, "no different from"), (0.2, 0.29, "below")],
)
def test_a_recipe_beats_a_floor_only_beyond_its_interval(low, high, words):
    assert standing({"acc1_low": low, "acc1_high": high}, 0.3) == words


def test_the_floor_of_several_benchmarks_is_their_mean_and_the_lowest_floor_comes_first():
    def row(benchmark, floor, value, metric="acc1"):
        return {"benchmark": benchmark, "floor": floor, "metric": metric, "value": value}

    floors = [row("a", "colour_hog", 0.4), row("b", "colour_hog", 0.2), row("a", "chance", 0.1), row("b", "chance", 0.3),
              row("a", "chance", 0.9, "mean_per_class_recall")]  # fmt: skip
    assert list(floor_values(floors)) == ["chance", "colour_hog"]
    assert floor_values(floors) == pytest.approx({"chance": 0.2, "colour_hog": 0.3})


def test_the_leaderboard_in_words():
    row = {
        "place": 1,
        "recipe": "demo",
        "acc1": 0.5,
        "acc1_low": 0.413,
        "acc1_high": 0.587,
        "times_chance": 16.0,
        "samples_seen": 8192,
        "mix": "balanced",
    }
    assert leaderboard_lines([row]) == ["1. demo: 50.0 % [41.3, 58.7], 16.0 x chance, 8192 pictures seen, mix balanced"]
    assert leaderboard_lines([]) == []
