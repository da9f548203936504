"""The command on a real export, with real embedding jobs; and what it says where something is missing."""

from __future__ import annotations

import json
import random
import re
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.lake import Lake
from entitynet_assets.tables import TABLES
from entitynet_train import export, model
from entitynet_train.distributed import World
from entitynet_train.spec import CaptionMix, DataSpec, RunSpec
from tests.small_lake import full_row
from tests.train.conftest import CLASSES, draw_shape

ROUND = {"qid": "Q80", "label": "round shape", "distance": 1}
SHAPE = {"qid": "Q90", "label": "shape", "distance": 2}


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """An untrained export that knows four shapes."""
    root = tmp_path_factory.mktemp("export")
    ancestors = pa.list_(pa.struct([("qid", pa.string()), ("label", pa.string()), ("distance", pa.int64())]))
    words = [(name, pa.string()) for name in ("qid", "label", "text")]
    schema = pa.schema([*words, ("class_index", pa.int64()), ("ancestors", ancestors)])
    rows = [
        {"qid": qid, "label": name, "text": name, "class_index": place, "ancestors": [ROUND, SHAPE][place > 0 :]}
        for place, (qid, name) in enumerate(CLASSES.items())
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema), root / "entities.parquet")
    data = DataSpec("r1", "w", "s", (), str(root), (), (), ())
    spec = RunSpec(
        "r", "demo-64", CaptionMix("m", {"label": 1}), data, 0, 8, 1e-3, context_length_tokens=12, entities="entities.parquet"
    )  # fmt: skip
    folder, _ = export.export_run(model.build_model(spec), root / "out", spec, 0, World(0, 1, torch.device("cpu")))
    return folder


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """A function that runs the command in a home of its own; returns (exit code, output without the progress)."""
    monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["classify", *map(str, words)])
        return done.exit_code, done.stdout

    return run


@pytest.fixture
def pictures(tmp_path) -> Path:
    """Three pictures at different depths, one of them broken, a note, and a hidden file."""
    folder = tmp_path / "pictures"
    (folder / "deep" / "er").mkdir(parents=True)
    rng = random.Random(0)
    (folder / "a.jpg").write_bytes(draw_shape("red circle", rng))
    (folder / "deep" / "er" / "b.jpg").write_bytes(draw_shape("yellow cross", rng))
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden").write_text("x")
    return folder


def put(lake: Lake, table: str, rows: list[dict], slice_name: str = "whole") -> None:
    lake.write_rows(TABLES[table], [full_row(TABLES[table], row) for row in rows], slice_name)


def lake_with(exported: Path, home: Path) -> Lake:
    """Return the sample study's lake with the export as a checkpoint and eight held-out pictures."""
    lake, rng = Lake(home / "sample" / "lake"), random.Random(1)
    shutil.copytree(exported, lake.root / "jobs" / "train" / "x" / exported.name)
    path = f"jobs/train/x/{exported.name}"
    put(lake, "checkpoints", [{"recipe": "demo", "step": 7, "path": path}], "demo")
    held_out = []
    for number in range(8):
        qid = list(CLASSES)[number % 4]
        (lake.root / f"held{number}.jpg").write_bytes(draw_shape(CLASSES[qid], rng))
        held_out.append({"benchmark": "b", "image_id": f"h{number}", "class_id": qid, "path": f"held{number}.jpg"})
    held_out.append({"benchmark": "b", "image_id": "other", "class_id": "Q999", "path": "held0.jpg"})
    put(lake, "benchmark_images", held_out)
    put(lake, "tombstones", [{"image_id": "h7", "reason": "asked"}])
    return lake


@pytest.mark.slow
def test_a_folder_is_named_by_the_studys_model_and_asked_again_without_a_job(exported, asked, pictures, tmp_path):
    lake = lake_with(exported, tmp_path / "home")
    code, said = asked(pictures, "--json", "--top", 2, "--min-score", 0.2)
    assert code == 0, said
    found = json.loads(said)
    assert found["model"] == "recipe demo of study sample, step 7"
    assert found["calibration"]["pictures"] == 3  # of seven that are known and not taken down, every other one
    assert found["calibration"]["own_scale"] == pytest.approx(1 / 0.07, rel=1e-4)
    status = {one["file"]: one["status"] for one in found["pictures"]}
    assert list(status) == ["a.jpg", "broken.jpg", "deep/er/b.jpg", "notes.txt"]
    assert status["broken.jpg"] == status["notes.txt"] == "unreadable"
    first = found["pictures"][0]
    assert len(first["top"]) == 2
    assert {one["label"] for one in first["top"]} <= set(CLASSES.values())
    jobs = tmp_path / "home" / "sample" / "classify" / "jobs" / "embed"
    made = {path: path.stat().st_mtime_ns for path in jobs.rglob("*")}
    code, said = asked(pictures, "--tsv", "--min-score", 1)
    assert code == 0
    assert [line.split("\t")[1] for line in said.splitlines()[1:]] == [
        "abstained",
        "unreadable",
        "abstained",
        "unreadable",
    ]
    code, said = asked(pictures, "--recipe", "demo")
    assert code == 0
    assert "4 files: " in said
    assert "2 cannot be read. By recipe demo of study sample, step 7" in said
    assert "Scores are calibrated on held-out pictures (logit scale 14.3 -> " in said
    code, said = asked(pictures, "--checkpoint", lake.root / "jobs" / "train" / "x" / exported.name)  # beside no lake
    assert code == 0
    assert "Scores are not calibrated" in said
    assert {path: path.stat().st_mtime_ns for path in jobs.rglob("*")} == made


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("/nowhere",), "FOLDER: found /nowhere; allowed: a folder of pictures"),
        (("EMPTY",), "FOLDER: found no file in"),
        (("PICTURES", "--min-score", "0"), "--min-score: found 0; allowed: a score above 0 and up to 1"),
        (("PICTURES", "--recipe", "demo", "--checkpoint", "x"), "--recipe, --checkpoint: found both; allowed: one of them"),
        (("PICTURES", "--checkpoint", "EMPTY"), "found no open_clip_config.json; allowed: an export with its entities; name a folder"),
        (("PICTURES",), "study sample has no lake at"),
        (("PICTURES", "--study", "nobody"), "nobody"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named_with_the_remedy(words, said, asked, pictures, tmp_path):
    (tmp_path / "empty").mkdir()
    places = {"PICTURES": pictures, "EMPTY": tmp_path / "empty"}
    code, words_said = asked(*(places.get(word, word) for word in words))
    assert code == 2
    assert said in words_said


def test_a_study_without_a_checkpoint_says_what_to_run(asked, pictures, tmp_path):
    lake = Lake(tmp_path / "home" / "sample" / "lake")
    code, said = asked(pictures)
    assert code == 2
    assert "no checkpoint of study sample yet; run `entitynet run --study sample` first" in said
    assert "--recipes demo-untrained` first" in asked(pictures, "--recipe", "demo-untrained")[1]
    assert re.search(r"--recipe: found 'demp'; allowed: demo, demo-untrained", asked(pictures, "--recipe", "demp")[1])
    put(lake, "checkpoints", [{"recipe": "demo", "step": 7, "path": "gone"}], "demo")
    assert "gone: found no open_clip_config.json" in asked(pictures)[1]


@pytest.mark.long
def test_an_export_whose_weights_were_changed_is_refused_by_the_job(exported, asked, pictures, tmp_path):
    copy = shutil.copytree(exported, tmp_path / "copy")
    facts = json.loads((copy / "entities.json").read_text())
    (copy / "entities.json").write_text(json.dumps({**facts, "weights_sha256": "0" * 64}))
    code, said = asked(pictures, "--checkpoint", copy)
    assert code == 1
    assert "allowed: 0000" in said
    (copy / "entities.json").write_text("{}")
    assert asked(pictures, "--checkpoint", copy)[0] == 2
