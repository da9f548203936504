"""A recipe and a release become a specification that the workshop reads back as it was written."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest

from entitynet_assets.definitions import stations
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import load_study
from entitynet_assets.training.dispatch import (
    NothingToTrainError,
    Words,
    checkpoint_row,
    data_spec,
    run_spec,
    with_vocabulary,
)
from entitynet_train.labels import read_vocabulary
from entitynet_train.spec import TEXT_SOURCES, RunSpec, fingerprint, load, to_json
from entitynet_train.words import read_words

STUDY = load_study("sample")
RELEASE = [
    {"release_id": "r1", "shard": f"000-0000{n}", "tar_path": f"shards/{n}.tar", "tar_sha256": f"sha{n}", "sample_count": 10 + n,
     "skipped_count": 0,
     "texts_path": f"release/{n}.parquet", "texts_digest": f"t{n}", "skip_path": "release/skip.parquet", "skip_digest": "s"}
    for n in range(3)
]  # fmt: skip
WORDS = {name: Words(f"release/{name}.parquet", name) for name in ("image_entities", "query_texts", "entity_texts")}


def spec(release=RELEASE, words=WORDS, root="/lake", recipe=STUDY.recipes[0]) -> RunSpec:
    return run_spec(recipe, STUDY, data_spec(release, words, root))


@pytest.mark.parametrize("recipe", STUDY.recipes, ids=lambda recipe: recipe.name)
def test_a_specification_is_read_back_as_written(recipe, tmp_path):
    made = spec(recipe=recipe)
    (tmp_path / "spec.json").write_text(to_json(made))
    assert load(RunSpec, tmp_path / "spec.json") == made
    for name in set(type(recipe).model_fields) - {"name", "mix"}:
        assert getattr(made, name) == getattr(recipe, name)
    assert (made.recipe, made.mix.name, made.data.samples) == (recipe.name, recipe.mix, 33)


def test_identity_is_what_changes_the_result():
    base = fingerprint(spec())
    assert fingerprint(spec(root="/elsewhere")) == base
    moved = [{**row, "tar_path": "x.tar", "texts_path": "x.parquet", "skip_path": "x"} for row in RELEASE]
    assert fingerprint(spec(moved, {name: Words("x", name) for name in WORDS})) == base
    others = [
        *(spec(words={**WORDS, name: Words("x", "other")}) for name in WORDS), spec(RELEASE[:2]),
        spec([{**row, "skip_digest": "s2"} for row in RELEASE]), spec([{**row, "texts_digest": "x"} for row in RELEASE]),
        spec([{**row, "tar_sha256": "x"} for row in RELEASE]), spec(recipe=STUDY.recipes[0].model_copy(update={"seed": 1})),
    ]  # fmt: skip
    assert len({base, *map(fingerprint, others)}) == len(others) + 1


def test_an_empty_release_says_where_to_look():
    with pytest.raises(ValueError, match="no picture was kept; look at entity_report and verdicts"):
        data_spec([], WORDS, "/lake")


RESULT = {
    "export": "export", "export_sha256": "e" * 64, "step": 8, "samples_seen": 64, "loss_first": 4.0, "loss_last": 2.5, "parameters": 1000,
    "world_size": 2, "images_per_s": 80.0, "counts": {"drawn_alt_text": 60, "drawn_label": 4},
}  # fmt: skip


class Trainer:
    """A cluster that answers at once and remembers what it was asked."""

    def __init__(self) -> None:
        self.jobs: list = []

    def run(self, job, watch=None):
        self.jobs.append(job)
        if watch:
            watch({"step": 1, "loss": 3.5})
            watch({"step": 2})
        (job.folder / "spec.json").write_text(job.spec_json)
        (job.folder / "result.json").write_text("{}")
        return RESULT


def test_a_row_says_what_was_trained():
    row = checkpoint_row(spec(), "f" * 64, RESULT, "jobs/train/x/export")
    assert (row["recipe"], row["release_id"], row["spec_fingerprint"], row["loss_last"]) == (
        "demo",
        "r1",
        "f" * 64,
        2.5,
    )


def test_a_recipe_is_handed_to_the_cluster_whole(harvested, tmp_path):
    harvested.place.cluster = trainer = Trainer()
    done = run_slice(stations()["checkpoints"], harvested.place, "demo")
    (job,) = trainer.jobs
    made = load(RunSpec, job.folder / "spec.json")
    assert (job.module, job.processes) == ("entitynet_train.train", made.world_size)
    assert job.folder.name == f"demo-{fingerprint(made)[:12]}"
    root = harvested.lake.root
    for path in (
        *made.data.image_entities,
        *made.data.query_texts,
        *made.data.entity_texts,
        *made.data.skip,
        *(s.tar for s in made.data.shards),
        *(s.texts for s in made.data.shards),
    ):
        assert (root / path).is_file()
    assert made.data.samples == len(harvested.rows("samples"))
    assert (done.work, done.record.counts) == ({"trainings": 1}, RESULT["counts"])
    assert run_slice(stations()["checkpoints"], harvested.place, "demo").outcome == "unchanged"
    assert len(trainer.jobs) == 1


def test_a_recipe_with_classes_is_handed_the_vocabulary(harvested):
    classes = {"weights": {"contrastive": 1.0, "classification": 1.0}}
    raw = [{**recipe, **({"loss": classes} if recipe["name"] == "demo" else {})}
           for recipe in harvested.study.model_dump(exclude_none=True)["recipes"]]  # fmt: skip
    later = harvested.again(recipes=raw)
    later.place.cluster = trainer = Trainer()
    run_slice(stations()["checkpoints"], later.place, "demo")
    data = load(RunSpec, trainer.jobs[0].folder / "spec.json").data
    rows = [row for row in harvested.rows("label_vocabulary") if row["reason"] is None]
    qids = pa.array([*(row["qid"] for row in rows), "Q0"], pa.large_string())
    assert read_vocabulary(data, qids).tolist() == [*(row["class_index"] for row in rows), -1]
    assert data.class_count == 1 + max(row["class_index"] for row in rows) == len(rows)


def test_a_release_without_a_class_says_what_to_do():
    with pytest.raises(NothingToTrainError, match=r"lower linking.min_class_pictures"):
        with_vocabulary(data_spec(RELEASE, WORDS, "/lake"), "v.parquet", [])


def test_the_loader_draws_by_the_shares_of_the_table(harvested):
    harvested.place.cluster = trainer = Trainer()
    run_slice(stations()["checkpoints"], harvested.place, "demo")
    made = load(RunSpec, trainer.jobs[0].folder / "spec.json")
    kept = {row["image_id"] for row in harvested.rows("kept_images")}
    ids = pa.array(sorted(kept & {row["image_id"] for row in harvested.rows("samples")}), pa.large_string())
    words = read_words(made.data, made.mix, ids)
    usable = np.flatnonzero(words.present)
    shares = defaultdict[str, float](float)
    for picture in usable:
        for (source, _, _), chance in words.chances(picture):
            shares[TEXT_SOURCES[source]] += chance / len(usable)
    rows = [row for row in harvested.rows("caption_mixes") if row["mix"] == made.mix.name]
    assert shares == pytest.approx(
        {row["source"]: row["effective_share"] for row in rows if row["image_count"]}, abs=1e-6
    )
    (epoch,) = [row for row in harvested.rows("mix_balance") if row["mix"] == made.mix.name]
    assert (epoch["image_count"], epoch["images_per_epoch"]) == (len(usable), len(usable))


def test_a_lost_record_reports_the_finished_job_without_a_training(harvested):
    harvested.place.cluster = trainer = Trainer()
    run_slice(stations()["checkpoints"], harvested.place, "demo")
    (harvested.lake.root / "tables" / "checkpoints" / "demo.json").unlink()
    done = run_slice(stations()["checkpoints"], harvested.place, "demo")
    assert done.work == {"trainings": 0}
    assert dataclasses.astuple(trainer.jobs[0]) == dataclasses.astuple(trainer.jobs[1])


def test_a_takedown_is_another_training(harvested):
    harvested.place.cluster = trainer = Trainer()
    run_slice(stations()["checkpoints"], harvested.place, "demo")
    request = {
        "image_id": harvested.rows("samples")[0]["image_id"],
        "reason": "asked",
        "requested_by": None,
        "taken_down_at": "2026-01-01",
    }
    harvested.lake.add_tombstones([request])
    harvested.bring("tombstones", "release", "caption_mixes")
    run_slice(stations()["checkpoints"], harvested.place, "demo")
    assert trainer.jobs[0].folder != trainer.jobs[1].folder
