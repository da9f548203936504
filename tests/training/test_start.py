"""A recipe in epochs becomes pictures; a recipe that begins with weights gets their file and sha256."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from entitynet_assets.lake import Lake
from entitynet_assets.resources import need_data
from entitynet_assets.studies.models import Recipe, StudyError, parse_study
from entitynet_assets.training.dispatch import NothingToTrainError, Words, data_spec, run_spec
from entitynet_assets.training.start import start_of
from tests.small_lake import SmallLake, make_study

RELEASE = [
    {"release_id": "r", "shard": "0", "tar_path": "0.tar", "tar_sha256": "s", "sample_count": 9, "texts_path": "t", "texts_digest": "t",
     "skip_path": "skip", "skip_digest": "s"}
]  # fmt: skip
FACTS = {"name": "mine", "mix": "balanced", "tower": "demo-64", "epochs": 2.5, "batch_size_global": 4, "lr_peak": 0.001}


def recipe(**changes) -> Recipe:
    return Recipe(**{**FACTS, **changes})


def test_epochs_become_pictures_of_the_release_under_the_mix():
    data = data_spec(
        RELEASE, {name: Words("x", name) for name in ("image_entities", "query_texts", "entity_texts")}, "/lake"
    )
    study = make_study()
    assert run_spec(recipe(), study, data, 7.2).samples_seen == 18
    assert run_spec(recipe(epochs=None, samples_seen=5), study, data, 7.2).samples_seen == 5


def test_a_recipe_like_another_says_its_length_in_its_own_way():
    own = {"like": "demo", "name": "longer", "epochs": 3}
    (made,) = parse_study({**make_study().model_dump(exclude_none=True), "recipes": [own]}, "test").recipes
    assert (made.samples_seen, made.epochs, made.batch_size_global, made.name) == (None, 3, 64, "longer")


@pytest.fixture
def export(tmp_path: Path, monkeypatch) -> Path:
    """A folder with the two files of an export, under ENTITYNET_DATA."""
    monkeypatch.setenv("ENTITYNET_DATA", str(tmp_path))
    folder = tmp_path / "models" / "birds"
    folder.mkdir(parents=True)
    (folder / "open_clip_config.json").write_text("{}")
    (folder / "open_clip_pytorch_model.bin").write_bytes(b"weights")
    return folder


def test_a_folder_is_found_under_the_data_and_pinned(export: Path, tmp_path: Path):
    lake, sha256 = Lake(tmp_path / "lake"), hashlib.sha256(b"weights").hexdigest()
    assert start_of(recipe(init="models/birds"), lake) == {"init_path": str(export), "init_sha256": sha256}
    assert start_of(recipe(init=str(export)), lake)["init_path"] == str(export)
    assert start_of(recipe(init="models/birds", init_sha256="a" * 64), lake) == {"init_path": str(export)}
    assert start_of(recipe(init="models/birds/open_clip_pytorch_model.bin"), lake)["init_sha256"] == sha256
    assert start_of(recipe(init="ViT-B-32/openai"), lake) == start_of(recipe(), lake) == {}


def test_a_folder_without_weights_is_refused_before_the_job(export: Path, tmp_path: Path):
    (export / "open_clip_config.json").unlink()
    with pytest.raises(
        NothingToTrainError, match=r"recipes.mine.init: found .*birds, which is no weight file and no folder"
    ):
        start_of(recipe(init="models/birds"), Lake(tmp_path / "lake"))


def test_an_absent_folder_is_refused_before_the_harvest(export: Path):
    study = make_study(recipes=[{**FACTS, "init": "models/brids"}])
    with pytest.raises(StudyError, match=r"recipes.mine.init: no models/brids under ENTITYNET_DATA"):
        need_data(study)
    need_data(
        make_study(recipes=[{**FACTS, "init": "models/birds"}, {**FACTS, "name": "other", "init": "ViT-B-32/openai"}])
    )


def test_a_recipe_of_the_study_is_its_newest_checkpoint(tmp_path: Path):
    small = SmallLake(tmp_path)
    later = recipe(init="recipe:demo")
    with pytest.raises(
        NothingToTrainError, match="recipe demo is not trained yet; train it first: entitynet run --recipes demo,mine"
    ):
        start_of(later, small.lake)
    rows = [{"recipe": "demo", "step": step, "path": f"jobs/{step}", "export_sha256": f"sha{step}"} for step in (2, 10)]
    small.put("checkpoints", rows, "demo")
    assert start_of(later, small.lake) == {"init_path": str(small.lake.root / "jobs/10"), "init_sha256": "sha10"}
