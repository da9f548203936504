"""The door of the scores room: one evaluation a checkpoint through the cluster door, the rest in SQL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.resources import Workplace
from entitynet_assets.scores.report import benchmark_specs, chance_rows, eval_spec, floor_rows, score_rows
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import (
    BENCHMARK_PARTS,
    CONFUSIONS,
    ENTITY_SCORES,
    FLOORS,
    HARVEST_PLAN,
    LEADERBOARD,
    PREDICTIONS,
    SCORES,
)
from entitynet_train.spec import BenchmarkSpec, EvalSpec, FloorSpec, fingerprint, to_json

_HELD_OUT = """
    SELECT image_id, class_id, path FROM benchmark_images
    WHERE benchmark = $benchmark AND part = $part AND image_id NOT IN (SELECT image_id FROM tombstones)
"""
_LEARNT_FROM = """
    SELECT DISTINCT image_entities.image_id, image_entities.qid AS class_id, kept_images.path
    FROM image_entities JOIN kept_images USING (image_id)
    WHERE image_entities.evidence = 'query' AND image_entities.image_id NOT IN (SELECT image_id FROM tombstones)
        AND image_entities.qid IN (SELECT class_id FROM benchmark_images)
"""
_ANSWERS = "SELECT benchmark, image_id, class_id, predicted_class_id, rank_of_true FROM predictions ORDER BY ALL"


def _choices(place: Workplace) -> Any:
    return [benchmark.model_dump(exclude={"min_coverage"}) for benchmark in place.study.benchmarks]


@station(
    PREDICTIONS, reads=("checkpoints", "benchmark_images", "tombstones"), kinds=("python", "pytorch"), params=_choices
)
def predictions(work: Work) -> Made:
    """What each checkpoint says of each held-out picture of the benchmarks that are scored by zero-shot."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    evaluations = 0
    for checkpoint in work.rows("checkpoints") if work.study.benchmarks else []:
        spec, folder, ran = _evaluate(work, checkpoint)
        answers = work.lake.select(_ANSWERS, {"predictions": [folder / "predictions.parquet"]})
        rows += [{"recipe": spec.recipe, "step": spec.step, **answer} for answer in answers]
        for per_benchmark in json.loads((folder / "result.json").read_text())["counts"].values():
            counts.update(per_benchmark)
        evaluations += ran
    return Made(rows, counts, {"evaluations": evaluations})


@station(
    SCORES,
    reads=("checkpoints", "benchmark_images", "predictions", "tombstones"),
    code_version="2",
    kinds=("python",),
    params=_choices,
)
def scores(work: Work) -> Made:
    """The figures of each checkpoint, from the evaluation that made its predictions."""
    rows: list[dict[str, Any]] = []
    for checkpoint in work.rows("checkpoints") if work.study.benchmarks else []:
        spec, folder, _ = _evaluate(work, checkpoint)
        rows += score_rows(spec, json.loads((folder / "scores.json").read_text()))
    return Made(rows)


def _evaluate(work: Work, checkpoint: dict[str, Any]) -> tuple[EvalSpec, Path, int]:
    """Run the evaluation unless it is done already; returns (spec, its folder, evaluations run)."""
    spec = eval_spec(checkpoint, _benchmarks(work), str(work.lake.root))
    folder = work.lake.job_folder("evaluate", f"{spec.recipe}-{fingerprint(spec)[:12]}")
    ran = int(not (folder / "result.json").exists())
    work.place.cluster.run(Job("entitynet_train.evaluate", to_json(spec), folder))
    return spec, folder, ran


def _benchmarks(work: Work) -> tuple[BenchmarkSpec, ...]:
    """Return the benchmarks of the study that have pictures to score, each with its pictures as a file a part."""
    held_out, root = work.rows("benchmark_images"), str(work.lake.root)
    exports = {
        b.name: {
            part: work.lake.export(_HELD_OUT, work.views, f"held_out/{b.name}/{part}", {"benchmark": b.name, "part": part})[0]
            for part in BENCHMARK_PARTS
        }
        for b in work.study.benchmarks
    }  # fmt: skip
    return benchmark_specs(work.study, held_out, exports, root)


@station(
    FLOORS,
    reads=("benchmark_images", "image_entities", "kept_images", "tombstones"),
    kinds=("python",),
    params=_choices,
    preview=previews.FLOORS,
)
def floors(work: Work) -> Made:
    """What a trained model has to beat on each benchmark: guessing, and colours and edges learnt from the same pictures.

    A benchmark whose classes have no picture to learn from has no such floor, and is counted.
    """
    specs = _benchmarks(work)
    if not specs:
        return Made([])
    path, digest, _ = work.lake.export(_LEARNT_FROM, work.views, "floors/learnt_from")
    spec = FloorSpec("colour_hog", digest, specs, root=str(work.lake.root), train=path)
    folder = work.lake.job_folder("floor", f"{spec.floor}-{fingerprint(spec)[:12]}")
    ran = int(not (folder / "result.json").exists())
    result = work.place.cluster.run(Job("entitynet_train.floor", to_json(spec), folder))
    measured = floor_rows(spec, json.loads((folder / "scores.json").read_text()), result["counts"])
    held_out = Counter(row["benchmark"] for row in work.rows("benchmark_images") if row["part"] == "test")
    rows = [row for one in specs for row in chance_rows(one, held_out[one.name])] + measured
    without = len({one.name for one in specs} - {row["benchmark"] for row in measured})
    return Made(rows, {"measured": len(specs) - without, "nothing_to_learn_from": without}, {"floors": ran})


STATIONS: tuple[Station, ...] = (
    predictions,
    scores,
    floors,
    sql_asset(LEADERBOARD, preview=previews.leaderboard),
    sql_asset(ENTITY_SCORES, preview=previews.ENTITY_SCORES),
    sql_asset(CONFUSIONS),
    sql_asset(HARVEST_PLAN, preview=previews.HARVEST_PLAN),
)
