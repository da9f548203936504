"""Benchmarks and results as rows and words.

Belongs here: building EvalSpec, reading its answers, the leaderboard as text. Does not belong here: measuring
(entitynet_train.protocols), ranking (sql/scores).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.studies.models import Benchmark, Study
from entitynet_train.spec import BenchmarkSpec, EvalSpec, FloorSpec

FLOOR_METRICS = ("acc1", "mean_per_class_recall")
Row = Mapping[str, Any]


def benchmark_spec(benchmark: Benchmark, held_out: Sequence[Row], parts: Mapping[str, str], root: str) -> BenchmarkSpec:
    """Return a benchmark of held-out pictures; a class of the pictures to score is called by the name its manifest gives it.

    `parts` has the file of each part, `test` and `train`; the latter counts where it has a picture.
    """
    classes = {row["class_id"]: (row["class_name"],) for row in held_out if row["part"] == "test"}
    members = json.dumps(sorted([row["image_id"], row["class_id"], row["part"]] for row in held_out))
    learnt = any(row["part"] == "train" for row in held_out)
    return BenchmarkSpec(
        benchmark.name,
        hashlib.sha256(members.encode()).hexdigest(),
        dict(sorted(classes.items())),
        tuple(benchmark.templates),
        root=root,
        images=parts["test"],
        train=parts["train"] if learnt else "",
        protocols=tuple(benchmark.protocols),
    )


def benchmark_specs(
    study: Study, held_out: Sequence[Row], exports: Mapping[str, Mapping[str, str]], root: str
) -> tuple[BenchmarkSpec, ...]:
    """Return all benchmarks of the study that have pictures to score; `exports` has the file of each part of each."""
    chosen = []
    for benchmark in study.benchmarks:
        rows = [row for row in held_out if row["benchmark"] == benchmark.name]
        if any(row["part"] == "test" for row in rows):
            chosen.append(benchmark_spec(benchmark, rows, exports[benchmark.name], root))
    return tuple(chosen)


def eval_spec(checkpoint: Row, benchmarks: tuple[BenchmarkSpec, ...], root: str) -> EvalSpec:
    """Return the evaluation of one checkpoint on benchmarks."""
    return EvalSpec(
        checkpoint["recipe"],
        checkpoint["step"],
        checkpoint["export_sha256"],
        benchmarks,
        checkpoint=f"{root}/{checkpoint['path']}",
    )


def chance_rows(benchmark: BenchmarkSpec, count: int) -> list[dict[str, Any]]:
    """Return rows of floors for guessing: one class as good as another, so one of them right."""
    classes = len(benchmark.classes)
    facts = {"benchmark": benchmark.name, "floor": "chance", "count": count, "train_count": 0, "classes": classes}
    return [{**facts, "metric": metric, "value": 1 / classes} for metric in FLOOR_METRICS]


def floor_rows(spec: FloorSpec, scores: Sequence[Row], counts: Mapping[str, Row]) -> list[dict[str, Any]]:
    """Return rows of floors for what a job measured."""
    classes = {benchmark.name: len(benchmark.classes) for benchmark in spec.benchmarks}
    return [
        {
            "benchmark": score["benchmark"], "floor": spec.floor, "metric": score["metric"], "value": score["value"],
            "count": score["count"], "train_count": counts[score["benchmark"]]["train"], "classes": classes[score["benchmark"]],
        }
        for score in scores if score["metric"] in FLOOR_METRICS
    ]  # fmt: skip


def floor_values(floors: Sequence[Row]) -> dict[str, float]:
    """Return the accuracy of each floor, mean over benchmarks, as the leaderboard takes it of recipes; the lowest first."""
    named: dict[str, list[float]] = {}
    for row in floors:
        if row["metric"] == "acc1":
            named.setdefault(row["floor"], []).append(row["value"])
    means = {name: sum(values) / len(values) for name, values in named.items()}
    return dict(sorted(means.items(), key=lambda one: one[1]))


def standing(row: Row, floor: float) -> str:
    """Say where a recipe of the leaderboard stands to a floor, given the 95 % interval of its accuracy."""
    if row["acc1_low"] > floor:
        return "above"
    return "below" if row["acc1_high"] < floor else "no different from"


def score_rows(spec: EvalSpec, scores: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows of scores for what an evaluation answered."""
    return [{"recipe": spec.recipe, "step": spec.step, **score} for score in scores]


def leaderboard_lines(rows: Sequence[Row]) -> list[str]:
    """Return the leaderboard as one line a recipe, best first; accuracies in percent with their 95 % interval."""
    return [
        f"{row['place']}. {row['recipe']}: {100 * row['acc1']:.1f} % [{100 * row['acc1_low']:.1f}, {100 * row['acc1_high']:.1f}], "
        f"{row['times_chance']:.1f} x chance, {row['samples_seen']} pictures seen, mix {row['mix']}"
        for row in rows
    ]
