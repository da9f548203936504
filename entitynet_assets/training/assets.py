"""The door of the training room: one run a recipe, through the cluster door."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Recipe
from entitynet_assets.tables import CHECKPOINTS
from entitynet_assets.training.card import lineage
from entitynet_assets.training.dispatch import (
    NothingToTrainError,
    Words,
    caption_mix,
    checkpoint_row,
    data_spec,
    run_spec,
    with_vocabulary,
)
from entitynet_assets.training.release import need_whole_tars, obeyed
from entitynet_assets.training.start import start_of, taught_by
from entitynet_train.spec import RunSpec, fingerprint, to_json

_WORDS = {
    "image_entities": "SELECT image_id, qid, query_id, query_kind FROM caption_links",
    "query_texts": "SELECT query_id, source, text FROM query_texts",
    "entity_texts": """
        SELECT DISTINCT qid, kind, text, 0 AS distance FROM entity_texts
        UNION ALL SELECT qid, 'ancestor', text, distance FROM ancestor_texts
    """,
}
_CLASSES = "SELECT class_index, qid FROM label_vocabulary WHERE class_index IS NOT NULL AND reason IS NULL"
# What an export names pictures with: every entity of the vocabulary, those that share a name told apart by what kind of thing they are.
_ENTITIES = """
    WITH types AS (SELECT qid, min(text) AS type FROM entity_texts WHERE kind = 'natural_type' AND language = 'en' GROUP BY qid),
    above AS (
        SELECT qid, list({'qid': ancestor_qid, 'label': ancestor_label, 'distance': distance} ORDER BY distance, ancestor_qid) AS ancestors
        FROM named_ancestors GROUP BY qid
    )
    SELECT qid, class_index, label,
        label || CASE WHEN count(*) OVER (PARTITION BY lower(label)) > 1 THEN coalesce(', ' || type, '') ELSE '' END AS text,
        coalesce(ancestors, []) AS ancestors
    FROM label_vocabulary LEFT JOIN types USING (qid) LEFT JOIN above USING (qid) WHERE reason IS DISTINCT FROM 'no_entity'
"""


_EXECUTION = {field.name for field in dataclasses.fields(RunSpec) if field.metadata.get("execution")}


def _choices(place: Workplace) -> dict[str, Any]:
    return {
        "recipes": [recipe.model_dump(exclude=_EXECUTION) for recipe in place.study.recipes],
        "mixes": [mix.model_dump() for mix in place.study.mixes],
        "starts": [one.init_recipe and _digest(place.lake, one.init_recipe) for one in place.study.recipes],
        "takedowns": place.lake.ledger_digest(),
    }


def _digest(lake: Lake, recipe: str) -> str:
    record = lake.record("checkpoints", recipe)
    return record.digest if record else "not trained"


@station(
    CHECKPOINTS,
    reads=(
        "release",
        "caption_mixes",
        "mix_balance",
        "caption_links",
        "query_texts",
        "entity_texts",
        "ancestor_texts",
        "label_vocabulary",
        "named_ancestors",
        "reinforcements",
        "teacher_texts",
    ),
    kinds=("python", "pytorch"),
    params=_choices,
    code_version="4",
    preview=previews.losses,
)  # fmt: skip
def checkpoints(work: Work) -> Made:
    """The exported checkpoint of a recipe.

    The job's folder is named by the run's identity: finished jobs are reported, running ones awaited, lost ones resumed;
    only a new identity trains anew.
    """
    spec = _spec(work)
    identity = fingerprint(spec)
    folder = work.lake.job_folder("train", f"{spec.recipe}-{identity[:12]}")
    trained = not (folder / "result.json").exists()
    if trained:
        need_whole_tars(work.lake, work.rows("release"))
    job = Job("entitynet_train.train", to_json(spec), folder, spec.world_size)
    result = work.place.cluster.run(job, _watcher(work, spec))
    path = str((folder / result["export"]).relative_to(work.lake.root))
    row = checkpoint_row(spec, identity, result, path)
    return Made([row], result["counts"], {"trainings": int(trained)})


def _spec(work: Work) -> RunSpec:
    recipe = _recipe(work)
    words = {name: Words(*work.lake.export(query, work.views, f"release/{name}")[:2]) for name, query in _WORDS.items()}
    data = obeyed(work.lake, data_spec(work.rows("release"), words, str(work.lake.root)))
    if recipe.loss.needs_classes:
        data = with_vocabulary(
            data, work.lake.export(_CLASSES, work.views, "release/vocabulary")[0], work.select(_CLASSES)
        )
    if not any(row["image_count"] for row in work.rows("caption_mixes") if row["mix"] == recipe.mix):
        mix = caption_mix(recipe, work.study)
        raise NothingToTrainError(
            f"recipes.{recipe.name}.mix: no picture of the release has a text of mix {recipe.mix!r} "
            f"({', '.join(mix.sources)}); choose other sources"
        )
    epoch = next(row["images_per_epoch"] for row in work.rows("mix_balance") if row["mix"] == recipe.mix)
    spec = run_spec(recipe, work.study, data, epoch, **start_of(recipe, work.lake), **taught_by(recipe, work))
    entities, _, count = work.lake.export(_ENTITIES, work.views, "release/entities")
    card = lineage(work.study, work.lake.manifests().get(data.release_id, {}), count)
    return dataclasses.replace(spec, entities=entities, card=card)


def _recipe(work: Work) -> Recipe:
    return next(recipe for recipe in work.study.recipes if recipe.name == work.slice)


def _watcher(work: Work, spec: RunSpec) -> Any:
    done = 0

    def watch(line: Mapping[str, Any]) -> None:
        nonlocal done
        if "step" in line and "loss" in line:
            done = int(line["step"])
            work.advance(done, spec.steps, f"steps, loss {line['loss']:.3f}")
        elif line.get("cluster"):  # it waits in a queue, or the cluster does not answer
            work.advance(done, spec.steps, f"steps; {line['cluster']}")

    return watch


STATIONS: tuple[Station, ...] = (checkpoints,)
