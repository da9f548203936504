"""From a dump and folders of photographs to a leaderboard with floors: made pictures, and a part of the genuine ones."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from entitynet_assets.folder_site import normal_name
from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import HERE
from entitynet_assets.tables import TABLES
from tests.fakes.rooms import data_folder
from tests.folder.conftest import draw
from tests.river import commands

TINY = """
[[recipes]]
name = "tiny"
mix = "graph_only"
tower = "demo-64"
samples_seen = 64
batch_size_global = 32
lr_peak = 5e-4
context_length_tokens = 16
"""
ANIMALS = {"Q1001": "red panda", "Q1002": "okapi", "Q1003": "sea horse"}
pytestmark = pytest.mark.slow


@dataclass
class Photos:
    """The study photos with one tiny recipe, on data in a folder of the test."""

    data: Path
    home: Path
    study: Path

    def run(self, *flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
        asked = {"ENTITYNET_DATA": str(self.data), **environment}
        return commands.run(["run", "--study", str(self.study), *flags], commands.environment(self.home, **asked))

    def done(self, *flags: str) -> str:
        ran = self.run(*flags)
        assert ran.returncode == 0, ran.stdout[-3000:] + ran.stderr[-3000:]
        return ran.stdout

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "photos" / "lake")


def small_study(folder: Path, **lines: str) -> Path:
    """Write the study photos with one tiny recipe; `lines` replace whole lines by key."""
    text = (HERE / "photos.toml").read_text()
    text = text[: text.index("[[recipes]]")] + TINY
    for key, value in lines.items():
        text, count = re.subn(rf"^{key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
        assert count == 1, key
    (folder / "photos.toml").write_text(text)
    return folder / "photos.toml"


def item(qid: str, label: str, *above: str) -> dict:
    claims = [
        {"mainsnak": {"snaktype": "value", "datavalue": {"value": {"id": one}}}, "rank": "normal"} for one in above
    ]
    return {"type": "item", "id": qid, "labels": {"en": {"language": "en", "value": label}}, "claims": {"P279": claims}}


@pytest.fixture
def made(tmp_path: Path) -> Photos:
    """Three animals, eight pictures each, two of them in two folders."""
    data = tmp_path / "data"
    for number, label in enumerate(ANIMALS.values()):
        for picture in range(8):
            folder = "Okapi-Head" if label == "okapi" and picture > 5 else label.title().replace(" ", "_")
            draw(data / "zoo" / "images" / folder / f"{picture}.png", seed=100 * number + picture, side=96)
    (data / "real").mkdir()
    items = [item("Q729", "animal"), *(item(qid, label, "Q729") for qid, label in ANIMALS.items())]
    (data / "real" / "graph.json").write_text("[\n" + ",\n".join(map(json.dumps, items)) + "\n]\n")
    rows = [("Red_Panda", "Q1001"), ("Okapi", "Q1002"), ("Okapi-Head", "Q1002"), ("Sea_Horse", "Q1003")]
    table = ["dataset\tfolder\tqid\tlabel", *(f"zoo\t{folder}\t{qid}\t{ANIMALS[qid]}" for folder, qid in rows)]
    (data / "real" / "classes.tsv").write_text("\n".join(table) + "\n")
    study = small_study(tmp_path, trees='["zoo/images"]', dump='"real/graph.json"')
    return Photos(data, tmp_path / "home", study)


def test_made_photographs_go_from_a_dump_to_a_leaderboard_with_floors(made: Photos, tmp_path: Path) -> None:
    said = made.done()
    assert "photos: 4 of 4 mapped classes joined (3 of 3 items)" in said
    assert re.search(r"tiny is .*(above|no different from|below) chance", said)
    floors = {(row["floor"], row["metric"]): row for row in made.lake.rows("floors")}
    assert floors["chance", "acc1"]["value"] == pytest.approx(1 / 3)
    held_out, kept = made.lake.rows("benchmark_images"), made.lake.rows("kept_images")
    assert len(held_out) == 6
    assert floors["colour_hog", "acc1"]["count"] == 6
    assert floors["colour_hog", "acc1"]["train_count"] == len(kept) == 18
    assert not {row["image_id"] for row in held_out} & {row["image_id"] for row in kept}
    for name in TABLES:
        if made.lake.slices(name):
            assert str(tmp_path) not in repr(made.lake.rows(name)), f"{name} names a folder of this machine"

    assert "Up to date" in made.done()
    tars = {row["shard"]: row["sha256"] for row in made.lake.rows("shards")}
    second = made.done("--new-round")
    assert "trainings" not in second.split("None of")[0].rsplit("unchanged.", 1)[1]
    assert {row["outcome"] for row in made.lake.rows("downloads")} == {"ok"}
    assert {row["asked_round"] for row in made.lake.rows("downloads")} == {2}
    assert {row["shard"]: row["sha256"] for row in made.lake.rows("shards")} == tars


def test_classes_that_are_no_entities_stop_the_run_and_are_named(made: Photos) -> None:
    table = made.data / "real" / "classes.tsv"
    table.write_text(table.read_text().replace("Q1003", "Q9").replace("Q1001", "Q8"))
    done = made.run()
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    for words in (
        "Check error",
        "benchmark_classes: coverage_too_low",
        "red panda (no_entity), sea horse (no_entity)",
        "'joined': 2",
    ):
        assert words in done.stdout, done.stdout + done.stderr
    assert not made.lake.slices("checkpoints")


def test_data_that_are_not_there_are_named_before_any_work(made: Photos, tmp_path: Path) -> None:
    for data in (tmp_path / "nowhere", ""):
        done = made.run(ENTITYNET_DATA=str(data))
        assert done.returncode == 2
        assert "Traceback" not in done.stdout + done.stderr
        for words in ("no zoo/images under", "set ENTITYNET_DATA to the folder that holds it"):
            assert words in done.stdout, done.stdout
    shutil.rmtree(made.data / "real")
    assert "folders.photos.classes: no real/classes.tsv under" in made.run().stdout
    assert not made.home.exists()


@pytest.mark.long
def test_a_part_of_the_genuine_photographs(tmp_path: Path) -> None:
    genuine = data_folder("real").parent
    data = tmp_path / "data"
    wanted = ["caltech101/images/accordion", "caltech101/images/flamingo", "caltech101/images/flamingo_head", "flower_photos/images/roses",
              "grocerystore/dataset/train/Fruit/Apple/Golden-Delicious", "grocerystore/dataset/val/Fruit/Banana"]  # fmt: skip
    for place in wanted:
        if not (genuine / place).is_dir():
            pytest.skip(f"no {place} under ENTITYNET_DATA")
        shutil.copytree(genuine / place, data / place)
    shutil.copytree(genuine / "real", data / "real")
    (data / "grocerystore" / "dataset" / "train").mkdir(parents=True, exist_ok=True)
    photos = Photos(data, tmp_path / "home", small_study(tmp_path))
    said = photos.done()
    assert "photos: 6 of 6 mapped classes joined (5 of 5 items)" in said
    found: dict[str, set[str]] = {}
    for row in photos.lake.rows("hits"):
        found.setdefault(row["qid"], set()).add(normal_name(row["image_url"].split("/")[-2]))
    assert found["Q208004"] == {"flamingo", "flamingo head"}
    assert found["Q89"] == {"golden delicious"}
    held_out = {row["image_url"] for row in photos.lake.rows("benchmark_images")}
    assert not held_out & {row["image_url"] for row in photos.lake.rows("hits")}
