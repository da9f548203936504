"""Benchmarks and results as rows and words."""

from __future__ import annotations

import pytest

from entitynet_assets.scores.report import benchmark_spec, eval_spec, leaderboard_lines, score_rows
from entitynet_assets.studies.models import load_study
from entitynet_train.spec import EvalSpec, fingerprint, load, to_json

STUDY = load_study("sample")
HELD = [
    {"benchmark": "sample-drawings", "image_id": f"i{n}", "class_id": f"Q{n % 4}", "class_name": f"name {n % 4}", "path": f"p{n}"}
    for n in range(12)
]  # fmt: skip
CHECKPOINT = {"recipe": "demo", "step": 64, "export_sha256": "e", "path": "jobs/train/demo/export"}


def made(held=HELD, root="/lake") -> EvalSpec:
    return eval_spec(STUDY, CHECKPOINT, held, {"sample-drawings": "held_out/x.parquet"}, root)


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
