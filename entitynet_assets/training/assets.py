"""The door of the training room: one run a recipe, through the cluster door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Recipe
from entitynet_assets.tables import CHECKPOINTS
from entitynet_assets.training.dispatch import NothingToTrainError, Words, checkpoint_row, data_spec, run_spec
from entitynet_train.spec import RunSpec, fingerprint, to_json

_LABELS = "SELECT DISTINCT image_id, qid, query_text FROM image_entities"
_WORDS = "SELECT DISTINCT qid, kind, text FROM entity_texts"


def _choices(place: Workplace) -> dict[str, Any]:
    return {
        "recipes": [recipe.model_dump(exclude={"checkpoint_every_steps"}) for recipe in place.study.recipes],
        "mixes": [mix.model_dump() for mix in place.study.mixes],
    }


@station(
    CHECKPOINTS,
    reads=("release", "caption_mixes", "image_entities", "entity_texts"),
    kinds=("python", "pytorch"),
    params=_choices,
    preview=previews.losses,
)
def checkpoints(work: Work) -> Made:
    """The exported checkpoint of a recipe.

    The job's folder is named by the run's identity: finished jobs are reported, running ones awaited, lost ones resumed;
    only a new identity trains anew.
    """
    spec = _spec(work)
    identity = fingerprint(spec)
    folder = work.lake.job_folder("train", f"{spec.recipe}-{identity[:12]}")
    trained = not (folder / "result.json").exists()
    job = Job("entitynet_train.train", to_json(spec), folder, spec.world_size)
    result = work.place.cluster.run(job, _watcher(work, spec))
    path = str((folder / result["export"]).relative_to(work.lake.root))
    row = checkpoint_row(spec, identity, result, path)
    return Made([row], result["counts"], {"trainings": int(trained)})


def _spec(work: Work) -> RunSpec:
    recipe = _recipe(work)
    labels, words = (
        work.lake.export(_LABELS, work.views, "release/image_entities"),
        work.lake.export(_WORDS, work.views, "release/entity_texts"),
    )
    data = data_spec(work.rows("release"), Words(*labels[:2]), Words(*words[:2]), str(work.lake.root))
    shares = {row["source"]: row["effective_share"] for row in work.rows("caption_mixes") if row["mix"] == recipe.mix}
    if not any(shares.values()):
        raise NothingToTrainError(
            f"recipes.{recipe.name}.mix: no picture of the release has a text of mix {recipe.mix!r} "
            f"({', '.join(shares)}); choose other sources"
        )
    return run_spec(recipe, work.study, data)


def _recipe(work: Work) -> Recipe:
    return next(recipe for recipe in work.study.recipes if recipe.name == work.slice)


def _watcher(work: Work, spec: RunSpec) -> Any:
    def watch(line: Mapping[str, Any]) -> None:
        if "step" in line and "loss" in line:
            work.advance(int(line["step"]), spec.steps, f"steps, loss {line['loss']:.3f}")

    return watch


STATIONS: tuple[Station, ...] = (checkpoints,)
