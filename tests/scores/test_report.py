"""Benchmarks and results as rows and words."""

from __future__ import annotations

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
from entitynet_assets.studies.models import load_study
from entitynet_train.spec import EvalSpec, FloorSpec, fingerprint, load, to_json

STUDY = load_study("sample")
HELD = [
    {"benchmark": "sample-drawings", "image_id": f"i{n}", "class_id": f"Q{n % 4}", "class_name": f"name {n % 4}", "path": f"p{n}"}
    for n in range(12)
]  # fmt: skip
CHECKPOINT = {"recipe": "demo", "step": 64, "export_sha256": "e", "path": "jobs/train/demo/export"}


def made(held=HELD, root="/lake") -> EvalSpec:
    return eval_spec(CHECKPOINT, benchmark_specs(STUDY, held, {"sample-drawings": "held_out/x.parquet"}, root), root)


def test_a_specification_is_read_back_as_written(tmp_path):
    (tmp_path / "spec.json").write_text(to_json(made()))
    assert load(EvalSpec, tmp_path / "spec.json") == made()
    assert made().checkpoint == "/lake/jobs/train/demo/export"


def test_a_benchmark_is_its_members_and_their_classes():
    spec = benchmark_spec("b", HELD, ["{}"], "/lake", "x.parquet")
    assert spec.classes == {f"Q{n}": (f"name {n}",) for n in range(4)}
    assert benchmark_spec("b", HELD[::-1], ["{}"], "/other", "y.parquet").fingerprint == spec.fingerprint
    assert benchmark_spec("b", HELD[1:], ["{}"], "/lake", "x.parquet").fingerprint != spec.fingerprint
    moved = [{**HELD[0], "class_id": "Q3"}, *HELD[1:]]
    assert benchmark_spec("b", moved, ["{}"], "/lake", "x.parquet").fingerprint != spec.fingerprint
    assert fingerprint(made(root="/elsewhere")) == fingerprint(made())


def test_a_benchmark_without_pictures_is_left_out():
    assert made([]).benchmarks == ()
    assert made([{**HELD[0], "benchmark": "another"}]).benchmarks == ()


@pytest.mark.parametrize(
    ("metric", "chance"), [("acc1", 0.25), ("mean_per_class_recall", 0.25), ("acc5", 1.0), ("r1", None)]
)
def test_a_row_says_what_guessing_would_give(metric, chance):
    score = {"benchmark": "sample-drawings", "protocol": "zero_shot", "metric": metric, "value": 0.5, "count": 12}
    assert score_rows(made(), [score]) == [{"recipe": "demo", "step": 64, **score, "chance": chance}]


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
