"""The export: its name, its layout, its card, and the vectors of entities."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from huggingface_hub import ModelCard

from entitynet_train import export, train
from entitynet_train.card import model_card
from entitynet_train.compat import import_open_clip
from entitynet_train.distributed import World
from entitynet_train.spec import CaptionMix, SpecError

CPU = torch.device("cpu")
ALONE = World(0, 1, CPU)
TEMPLATED = CaptionMix("templated", {"label": 1.0}, templates=("a photo of a {}", "{}"), template_share=0.5)
CARD = {
    "name": "tiny-24", "study": "tiny", "licences": "cc0 20, unknown 4", "screened": "no: 24 pictures | not judged",
    "title": 'Shapes: "four"',
}  # fmt: skip


def write_entities(root) -> str:
    ancestors = pa.list_(pa.struct([("qid", pa.string()), ("label", pa.string()), ("distance", pa.int64())]))
    shape = [{"qid": "Q90", "label": "shape", "distance": 1}]
    rows = [
        {"qid": "Q2", "class_index": 1, "label": "green square", "text": "green square", "ancestors": shape},
        {"qid": "Q1", "class_index": 0, "label": "red circle", "text": "red circle, figure", "ancestors": shape},
        {"qid": "Q9", "class_index": None, "label": "cube", "text": "cube", "ancestors": []},
    ]
    words = [(name, pa.string()) for name in ("qid", "label", "text")]
    schema = pa.schema([*words, ("class_index", pa.int64()), ("ancestors", ancestors)])
    pq.write_table(pa.Table.from_pylist(rows, schema), root / "entities.parquet")
    return "entities.parquet"


@pytest.fixture
def run(tiny_world, saved_spec, tmp_path):
    """A control of the tiny world with entities and a card, exported; (spec, job folder, result)."""
    spec = tiny_world.run_spec(samples_seen=0, mix=TEMPLATED, entities=write_entities(tiny_world.root), card=CARD)
    assert train.main(["--spec", str(saved_spec(spec)), "--out", str(tmp_path / "out")]) == 0
    return spec, tmp_path / "out", json.loads((tmp_path / "out" / "result.json").read_text())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "CLIP-demo-64-tiny-1"),
        ({"tower": "ViT-B-16", "card": {"name": "EntityNet-33M"}}, "CLIP-ViT-B-16-EntityNet-33M"),
        ({"card": {"name": "my birds/2026"}}, "CLIP-demo-64-my-birds-2026"),
    ],
)
def test_the_folder_is_named_as_published_models_are(tiny_world, changes, name):
    assert export.export_name(tiny_world.run_spec(**changes)) == name


def test_an_export_has_what_hubs_and_loaders_look_for(run, tmp_path):
    spec, out, result = run
    folder = out / result["export"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md", "entities.json", "entities.parquet", "open_clip_config.json", "open_clip_model.safetensors",
    ]  # fmt: skip
    assert (out / "export").resolve() == folder.resolve()
    assert export.weights_sha256(folder) == result["export_sha256"]
    moved = shutil.copytree(folder, tmp_path / "elsewhere")  # a folder that is handed on needs nothing beside it
    open_clip = import_open_clip()
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{moved}")
    assert open_clip.get_tokenizer(f"local-dir:{moved}")(["x"]).shape == (1, spec.context_length_tokens)
    rows = pq.read_table(moved / "entities.parquet").to_pylist()
    assert [(row["qid"], row["class_index"]) for row in rows] == [("Q1", 0), ("Q2", 1), ("Q9", None)]
    assert rows[1]["ancestors"] == [{"qid": "Q90", "label": "shape", "distance": 1}]
    texts = [row["text"] for row in rows]
    prompts = [lambda text: text, lambda text: f"a photo of a {text}"]
    tokenizer = open_clip.get_tokenizer(f"local-dir:{moved}")
    classifier = open_clip.build_zero_shot_classifier(model.eval(), tokenizer, texts, prompts)
    np.testing.assert_allclose([row["vector"] for row in rows], classifier.T.numpy(), atol=1e-6)
    facts = json.loads((moved / "entities.json").read_text())
    assert (facts["entities"], facts["templates"]) == (3, ["{}", "a photo of a {}"])
    assert facts["logit_scale"] == pytest.approx(float(model.logit_scale.detach().exp()))
    assert facts["weights_sha256"] == result["export_sha256"]


def test_the_card_has_front_matter_that_hubs_read_and_the_lineage(run):
    _, out, result = run
    text = (out / result["export"] / "README.md").read_text()
    facts = yaml.safe_load(text.split("---")[1])
    assert facts["library_name"] == "open_clip"
    assert facts["pipeline_tag"] == "zero-shot-image-classification"
    assert facts["license"] == "unknown"
    assert ModelCard(text).data.license == "unknown"
    for said in ("tiny-1", "cc0 20, unknown 4", "no: 24 pictures &#124; not judged", 'Shapes: "four"', result["export_sha256"],
                 "not all screened", "No step was taken", "from random weights", "label 1"):  # fmt: skip
        assert said in text
    assert str(out) not in text


def test_the_card_shows_the_curve_from_first_to_last_step(tiny_world):
    spec = tiny_world.run_spec(samples_seen=8 * 40)
    curve = [{"step": step, "loss": 5 - step / 10, "lr": 1e-3} for step in range(1, 41)]
    rows = [line for line in model_card(spec, 40, curve, "0").splitlines() if line.endswith("1.00e-03 |")]
    assert (rows[0], rows[-1], len(rows)) == ("| 1 | 8 | 4.9000 | 1.00e-03 |", "| 40 | 320 | 1.0000 | 1.00e-03 |", 10)


def test_a_finished_run_with_other_entities_writes_its_export_again_and_trains_nothing(tiny_world, saved_spec, tmp_path):  # fmt: skip
    spec = tiny_world.run_spec(samples_seen=16)
    arguments = lambda spec: ["--spec", str(saved_spec(spec)), "--out", str(tmp_path / "out")]
    assert train.main(arguments(spec)) == 0
    first = json.loads((tmp_path / "out" / "result.json").read_text())
    (tmp_path / "out" / "result.json").unlink()  # as the cluster door does for a spec of other paths
    later = dataclasses.replace(spec, entities=write_entities(tiny_world.root), card={"study": "shapes"})
    assert train.main(arguments(later)) == 0
    second = json.loads((tmp_path / "out" / "result.json").read_text())
    assert second["export_sha256"] == first["export_sha256"]
    assert (tmp_path / "out" / second["export"] / "entities.parquet").exists()
    assert "shapes" in (tmp_path / "out" / "export" / "README.md").read_text()
    lines = (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2]


@pytest.mark.parametrize("content", [None, b"no table"])
def test_entities_that_cannot_be_read_are_named(tiny_world, tmp_path, content):
    if content:
        (tiny_world.root / "e.parquet").write_bytes(content)
    spec = tiny_world.run_spec(entities="e.parquet")
    with pytest.raises(SpecError, match=r"entities: .*e\.parquet.*allowed: Parquet with the columns qid, class_index"):
        export.export_run(train.model.build_model(spec), tmp_path / "out", spec, 0, ALONE)


def test_a_card_is_texts(tiny_world):
    with pytest.raises(SpecError, match=r"recipe\[tiny\]\.card: found \{'pictures': 3\}; allowed: texts by name"):
        tiny_world.run_spec(card={"pictures": 3})


@pytest.mark.long
def test_two_ranks_write_the_vectors_that_one_writes(tiny_world, torchrun, saved_spec, tmp_path):
    write_entities(tiny_world.root)
    table = pq.read_table(tiny_world.root / "entities.parquet")
    many = pa.concat_tables([table.set_column(0, "qid", pa.array([f"Q{n}{i}" for i in range(3)])) for n in range(200)])
    pq.write_table(many, tiny_world.root / "entities.parquet")
    found = []
    for ranks in (1, 2):
        spec = tiny_world.run_spec(samples_seen=0, entities="entities.parquet", world_size=ranks)
        code, said = torchrun.run("entitynet_train.train", saved_spec(spec), tmp_path / f"{ranks}", ranks)
        assert code == 0, said
        found.append((tmp_path / f"{ranks}" / "export" / "entities.parquet").read_bytes())
    assert found[0] == found[1]
