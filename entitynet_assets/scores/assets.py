"""The door of the scores room: one evaluation a checkpoint through the cluster door, the rest in SQL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.resources import Workplace
from entitynet_assets.scores.report import eval_spec, score_rows
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import CONFUSIONS, ENTITY_SCORES, HARVEST_PLAN, LEADERBOARD, PREDICTIONS, SCORES
from entitynet_train.spec import EvalSpec, fingerprint, to_json

_HELD_OUT = "SELECT image_id, class_id, path FROM benchmark_images WHERE benchmark = $benchmark"
_ANSWERS = "SELECT benchmark, image_id, class_id, predicted_class_id, rank_of_true FROM predictions ORDER BY ALL"


def _choices(place: Workplace) -> Any:
    return [benchmark.model_dump() for benchmark in place.study.benchmarks]


@station(PREDICTIONS, reads=("checkpoints", "benchmark_images"), kinds=("python", "pytorch"), params=_choices)
def predictions(work: Work) -> Made:
    """What each checkpoint says of each held-out picture."""
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    evaluations = 0
    for checkpoint in work.rows("checkpoints"):
        spec, folder, ran = _evaluate(work, checkpoint)
        answers = work.lake.select(_ANSWERS, {"predictions": [folder / "predictions.parquet"]})
        rows += [{"recipe": spec.recipe, "step": spec.step, **answer} for answer in answers]
        for per_benchmark in json.loads((folder / "result.json").read_text())["counts"].values():
            counts.update(per_benchmark)
        evaluations += ran
    return Made(rows, counts, {"evaluations": evaluations})


@station(SCORES, reads=("checkpoints", "benchmark_images", "predictions"), kinds=("python",), params=_choices)
def scores(work: Work) -> Made:
    """The figures of each checkpoint, from the evaluation that made its predictions."""
    rows: list[dict[str, Any]] = []
    for checkpoint in work.rows("checkpoints"):
        spec, folder, _ = _evaluate(work, checkpoint)
        rows += score_rows(spec, json.loads((folder / "scores.json").read_text()))
    return Made(rows)


def _evaluate(work: Work, checkpoint: dict[str, Any]) -> tuple[EvalSpec, Path, int]:
    """Run the evaluation unless it is done already; returns (spec, its folder, evaluations run)."""
    held_out, root = work.rows("benchmark_images"), str(work.lake.root)
    exports = {
        b.name: work.lake.export(_HELD_OUT, work.views, f"held_out/{b.name}", {"benchmark": b.name})[0]
        for b in work.study.benchmarks
    }
    spec = eval_spec(work.study, checkpoint, held_out, exports, root)
    folder = work.lake.job_folder("evaluate", f"{spec.recipe}-{fingerprint(spec)[:12]}")
    ran = int(not (folder / "result.json").exists())
    work.place.cluster.run(Job("entitynet_train.evaluate", to_json(spec), folder))
    return spec, folder, ran


STATIONS: tuple[Station, ...] = (
    predictions,
    scores,
    sql_asset(LEADERBOARD, preview=previews.leaderboard),
    sql_asset(ENTITY_SCORES, preview=previews.ENTITY_SCORES),
    sql_asset(CONFUSIONS),
    sql_asset(HARVEST_PLAN, preview=previews.HARVEST_PLAN),
)
