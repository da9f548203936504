"""Scores and embeddings of an export, from the command line's side."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from entitynet_train import embed, evaluate, train
from entitynet_train.compat import import_open_clip
from entitynet_train.spec import EmbedSpec, EvalSpec, fingerprint


@pytest.fixture
def exported(tiny_world, saved_spec, tmp_path):
    """A function that trains (0 samples: the control) and returns an EvalSpec for the export."""

    def run(name="control", **changes):
        spec = tiny_world.run_spec(**{"samples_seen": 0, **changes})
        assert train.main(["--spec", str(saved_spec(spec, f"{name}.json")), "--out", str(tmp_path / name)]) == 0
        result = json.loads((tmp_path / name / "result.json").read_text())
        export = str(tmp_path / name / "export")
        return EvalSpec("tiny", result["step"], result["export_sha256"], (tiny_world.benchmark(),), checkpoint=export)

    return run


@pytest.fixture
def answer(saved_spec, tmp_path):
    """A function that runs an entry on a spec; returns (exit code, directory)."""

    def run(entry, spec, name="answer"):
        return entry.main(
            ["--spec", str(saved_spec(spec, f"{name}.json")), "--out", str(tmp_path / name)]
        ), tmp_path / name

    return run


def scores_of(out):
    return {score["metric"]: score["value"] for score in json.loads((out / "scores.json").read_text())}


def test_scores_agree_with_predictions_and_with_open_clip(exported, answer, tiny_world):
    spec = exported()
    code, out = answer(evaluate, spec)
    assert code == 0
    rows = pq.read_table(out / "predictions.parquet").to_pylist()
    assert set(rows[0]) == {"benchmark", "image_id", "class_id", "predicted_class_id", "rank_of_true"}
    assert len(rows) == 32
    assert {row["benchmark"] for row in rows} == {"shapes"}
    for row in rows:
        assert (row["rank_of_true"] == 1) == (row["predicted_class_id"] == row["class_id"])
        assert 1 <= row["rank_of_true"] <= 4
    assert scores_of(out)["acc1"] == np.mean([row["rank_of_true"] == 1 for row in rows])
    assert set(scores_of(out)) == {"acc1", "mean_per_class_recall"}  # acc5 is not defined for four classes
    assert json.loads((out / "scores.json").read_text())[0]["count"] == 32
    result = json.loads((out / "result.json").read_text())
    assert (result["status"], result["spec_fingerprint"]) == ("finished", fingerprint(spec))
    assert result["counts"]["shapes"] == {"pictures": 32, "unknown_class": 0, "unreadable": 0, "scored": 32}
    acc1 = next(score for score in json.loads((out / "scores.json").read_text()) if score["metric"] == "acc1")
    assert 0 <= acc1["low"] <= acc1["value"] <= acc1["high"] <= 1
    assert (acc1["chance"], acc1["settings"]) == (0.25, "templates: a {} on grey | {}; names: first")
    assert predictions_by_open_clip(spec, tiny_world) == {row["image_id"]: row["predicted_class_id"] for row in rows}


def predictions_by_open_clip(spec, world):
    open_clip, name = import_open_clip(), f"local-dir:{spec.checkpoint}"
    model, _, transform = open_clip.create_model_and_transforms(name)
    prompts = [lambda name, text=text: text.replace("{}", name) for text in spec.benchmarks[0].templates]
    names = list(world.classes.values())
    classifier = open_clip.build_zero_shot_classifier(model.eval(), open_clip.get_tokenizer(name), names, prompts)
    found = {}
    for path in (world.root / "benchmark").glob("*.jpg"):
        with Image.open(path) as image:
            vector = model.encode_image(transform(image)[None], normalize=True)
        found[path.stem] = list(world.classes)[int((vector @ classifier).argmax())]
    return found


def test_unreadable_pictures_and_unknown_classes_are_counted(exported, answer, tiny_world):
    spec = exported()
    (tiny_world.root / "benchmark" / "Q1_0.jpg").write_bytes(b"no picture")
    (tiny_world.root / "benchmark" / "Q2_3.jpg").unlink()
    known = {qid: names for qid, names in spec.benchmarks[0].classes.items() if qid != "Q4"}
    benchmark = dataclasses.replace(spec.benchmarks[0], classes=known)
    _, out = answer(evaluate, dataclasses.replace(spec, benchmarks=(benchmark,)))
    counts = json.loads((out / "result.json").read_text())["counts"]["shapes"]
    assert counts == {"pictures": 32, "unknown_class": 8, "unreadable": 2, "scored": 22}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"checkpoint": "/nowhere"}, "/nowhere"),
        ({"checkpoint_sha256": "0" * 64}, "allowed: 0000"),
    ],
)
def test_what_cannot_be_scored_is_named(exported, answer, capfd, change, words):
    code, out = answer(evaluate, dataclasses.replace(exported(), **change))
    said = capfd.readouterr().err
    assert code == 2
    assert said.startswith("spec error: ")
    assert words in said
    assert not (out / "result.json").exists()


def test_every_protocol_of_a_benchmark_is_asked_of_one_embedding(exported, answer, tiny_world):
    spec = exported()
    folder = tiny_world.root / "benchmark"
    rows = pq.read_table(folder / "images.parquet").to_pylist()
    for name, kept in (("test", lambda number: number >= 3), ("train", lambda number: number < 3)):
        chosen = [row for row in rows if kept(int(row["image_id"][-1]))]
        pq.write_table(pa.Table.from_pylist(chosen), folder / f"{name}.parquet")
    benchmark = dataclasses.replace(
        spec.benchmarks[0], images="test.parquet", train="train.parquet",
        protocols=("few_shot", "linear_probe", "linear_probe_adamw", "instance_retrieval"), templates=(),
    )  # fmt: skip
    code, out = answer(evaluate, dataclasses.replace(spec, benchmarks=(benchmark,)))
    assert code == 0
    scores = {(one["protocol"], one["metric"]): one for one in json.loads((out / "scores.json").read_text())}
    assert set(scores) == {
        ("few_shot", "acc1@1-shot"), ("linear_probe", "acc1"), ("linear_probe_adamw", "acc1"),
        ("instance_retrieval", "map_self_included"), ("instance_retrieval", "map_self_excluded"),
    }  # fmt: skip
    for one in scores.values():
        assert one["low"] <= one["value"] <= one["high"]
        assert (one["count"], one["settings"] != "") == (20, True)
    counts = json.loads((out / "result.json").read_text())["counts"]["shapes"]
    assert (counts["scored"], counts["train_pictures"], counts["train_unreadable"]) == (20, 12, 0)
    assert counts["few_shot_classes_left_out@5-shot"] == 4  # three pictures a class to learn from
    assert pq.read_table(out / "predictions.parquet").num_rows == 0  # zero-shot was not asked


def test_a_probe_without_a_training_part_names_the_benchmark_and_the_remedy(exported, answer, capfd):
    spec = exported()
    benchmark = dataclasses.replace(spec.benchmarks[0], protocols=("zero_shot", "linear_probe"))
    assert answer(evaluate, dataclasses.replace(spec, benchmarks=(benchmark,)))[0] == 2
    said = capfd.readouterr().err
    assert "benchmark[shapes].train: found no training part, from which linear_probe learns" in said
    assert 'allowed: pictures of part "train"' in said


@pytest.mark.parametrize("templates", [(), ("a photo",)])
def test_a_template_needs_a_place_for_the_name(exported, answer, capfd, templates):
    spec = exported()
    benchmark = dataclasses.replace(spec.benchmarks[0], templates=templates)
    assert answer(evaluate, dataclasses.replace(spec, benchmarks=(benchmark,)))[0] == 2
    assert "benchmark[shapes].templates" in capfd.readouterr().err


def test_embeddings_are_the_exports(exported, answer, tiny_world):
    checkpoint = exported()
    folder = tiny_world.root / "benchmark"
    (folder / "Q1_0.jpg").write_bytes(b"no picture")
    sha256 = checkpoint.checkpoint_sha256
    said = ["a photo of a red circle", "blue"]
    pq.write_table(pa.table({"text": said}), folder / "texts.parquet")
    spec = EmbedSpec(
        checkpoint.checkpoint, sha256, "i1", "t1", str(folder), "images.parquet", "texts.parquet", batch_size=5
    )
    code, out = answer(embed, spec)
    assert code == 0
    rows = {row["image_id"]: row["vector"] for row in pq.read_table(out / "embeddings.parquet").to_pylist()}
    assert len(rows) == 31
    assert np.linalg.norm(list(rows.values()), axis=1) == pytest.approx(1, abs=1e-6)
    model, _, transform = import_open_clip().create_model_and_transforms(f"local-dir:{checkpoint.checkpoint}")
    with Image.open(folder / "Q3_2.jpg") as image:
        vector = model.eval().encode_image(transform(image)[None], normalize=True)
    assert rows["Q3_2"] == pytest.approx(vector[0].tolist(), abs=1e-6)
    tokens = import_open_clip().get_tokenizer(f"local-dir:{checkpoint.checkpoint}")(said)
    text_vectors = model.encode_text(tokens, normalize=True).tolist()
    found = pq.read_table(out / "texts.parquet").to_pylist()
    assert [row["text"] for row in found] == said
    assert [row["vector"] for row in found] == [pytest.approx(vector, abs=1e-6) for vector in text_vectors]
    result = json.loads((out / "result.json").read_text())
    assert result["counts"] == {"pictures": 32, "embedded": 31, "unreadable": 1, "texts": 2}
    assert result["unreadable"] == ["Q1_0"]


def test_texts_alone_are_embedded_and_nothing_is_refused(exported, answer, tiny_world, capfd):
    checkpoint = exported()
    folder = tiny_world.root
    pq.write_table(pa.table({"text": ["blue", "red", "blue"]}), folder / "texts.parquet")
    spec = EmbedSpec(
        checkpoint.checkpoint, checkpoint.checkpoint_sha256, "", "t1", str(folder), texts="texts.parquet", batch_size=2
    )
    code, out = answer(embed, spec)
    assert code == 0
    rows = pq.read_table(out / "texts.parquet").to_pylist()
    assert [row["text"] for row in rows] == ["blue", "red", "blue"]
    assert rows[0]["vector"] == pytest.approx(rows[2]["vector"], abs=1e-6)
    assert pq.read_table(out / "embeddings.parquet").num_rows == 0
    result = json.loads((out / "result.json").read_text())
    assert result["counts"] == {"pictures": 0, "embedded": 0, "unreadable": 0, "texts": 3}
    assert result["dimensions"] == len(rows[0]["vector"])
    assert answer(embed, dataclasses.replace(spec, texts=""), "nothing")[0] == 2
    assert "found '' and ''; allowed: a Parquet file of pictures" in capfd.readouterr().err


def test_an_encoder_that_nobody_knows_is_named(answer, capfd, tiny_world):
    tiny_world.benchmark()
    folder = str(tiny_world.root / "benchmark")
    assert answer(embed, EmbedSpec("ViT-Z/nobody", "0", "i1", root=folder, images="images.parquet"))[0] == 2
    assert "MODEL/PRETRAINED" in capfd.readouterr().err


@pytest.mark.slow
def test_two_ranks_score_what_one_scores(exported, answer, torchrun, saved_spec, tmp_path):
    spec = exported()
    _, alone = answer(evaluate, spec)
    code, said = torchrun.run("entitynet_train.evaluate", saved_spec(spec), tmp_path / "shared")
    assert code == 0, said
    assert scores_of(tmp_path / "shared") == scores_of(alone)
    tables = [pq.read_table(out / "predictions.parquet") for out in (alone, tmp_path / "shared")]
    assert tables[0].equals(tables[1])


@pytest.mark.slow
def test_training_lifts_a_model_from_chance(exported, answer, tiny_world):
    _, control = answer(evaluate, exported(), "before")
    tiny_world.add_shard(per_class=40, seed=7)
    trained = exported("trained", samples_seen=32 * 60, batch_size_global=32, checkpoint_every_steps=1000)
    _, after = answer(evaluate, trained, "after")
    assert scores_of(control)["acc1"] < 0.6  # chance is 0.25 of 32 pictures
    assert scores_of(after)["acc1"] > 0.85
