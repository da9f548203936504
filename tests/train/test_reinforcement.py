"""A teacher's vectors: stored by a real job, read at random, and learned from in the cuts that the teacher saw."""

from __future__ import annotations

import dataclasses
import io
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from entitynet_train import embed, train
from entitynet_train.data import Batches
from entitynet_train.export import export_open_clip
from entitynet_train.model import RandomCrop, build_model, build_tokenizer
from entitynet_train.reinforcement import BOX, open_reinforcement
from entitynet_train.spec import CaptionMix, EmbedSpec, LossSpec, RunSpec, SpecError, fingerprint
from tests.train.conftest import TinyWorld, draw_shape

MIX = CaptionMix("half", {"label": 1.0, "alt_text": 1.0})


def vectors(rows: list[list[float]]) -> pa.Array:
    return pa.array(rows, pa.list_(pa.float32()))


def put_store(
    world: TinyWorld, cuts: list[tuple[str, str, tuple, list[float]]], texts: list[tuple[str, str, list[float]]]
) -> None:
    """Write the two tables: (teacher, image_id, box, vector) and (teacher, text, vector)."""
    boxes = {name: pa.array([box[place] for _, _, box, _ in cuts], pa.int64()) for place, name in enumerate(BOX)}
    facts = {"teacher": [one[0] for one in cuts], "image_id": [one[1] for one in cuts]}
    pq.write_table(
        pa.table({**facts, **boxes, "vector": vectors([one[3] for one in cuts])}), world.root / "cuts.parquet"
    )
    columns = {"teacher": [one[0] for one in texts], "text": [one[1] for one in texts]}
    pq.write_table(pa.table({**columns, "vector": vectors([one[2] for one in texts])}), world.root / "said.parquet")


def taught_spec(world: TinyWorld, **changes) -> RunSpec:
    facts = {
        "teacher": "big",
        "reinforcement_fingerprint": "f",
        "reinforcements": ("cuts.parquet",),
        "teacher_texts": ("said.parquet",),
    }
    return world.run_spec(
        **{"loss": LossSpec({"contrastive": 0.25, "distillation": 0.75}), "mix": MIX, **facts, **changes}
    )


def unit(number: int) -> list[float]:
    angle = 0.1 * number
    return [float(np.cos(angle)), float(np.sin(angle))]


def all_texts(world: TinyWorld) -> list[str]:
    names = list(world.classes.values())
    return [*names, *(f"a {name} on grey" for name in names)]


@pytest.fixture
def stored(tiny_world: TinyWorld) -> TinyWorld:
    """A world with a store by hand: two cuts a picture but for one without any, and all texts; and another teacher's."""
    ids = sorted(tiny_world.pictures)
    cuts = [
        ("big", key, (n % 3, n % 5, 60 + n % 7, 70), unit(2 * n + k))
        for n, key in enumerate(ids[:-1])
        for k in range(2)
    ]
    other = [("small", key, (0, 0, 9, 9), [1.0, 0.0, 0.0]) for key in ids]
    said = [("big", text, unit(n)) for n, text in enumerate(all_texts(tiny_world))]
    put_store(tiny_world, [*other, *cuts[::-1]], [*said[::-1], ("small", "a", [1.0, 0.0, 0.0])])
    return tiny_world


def test_a_store_is_read_by_picture_and_by_text(stored: TinyWorld):
    ids = sorted(stored.pictures)
    found = open_reinforcement(taught_spec(stored), pa.array(ids, pa.large_string()))
    assert found
    assert found.taught.tolist() == [True] * (len(ids) - 1) + [False]
    rng = random.Random(0)
    for picture in range(len(ids) - 1):
        rows = {found.pick(picture, rng) for _ in range(20)}
        assert len(rows) == 2
        assert {box for _, box in rows} == {(picture % 3, picture % 5, 60 + picture % 7, 70)}
        image_BE = found.images([row for row, _ in sorted(rows)])
        expected = sorted([unit(2 * picture), unit(2 * picture + 1)])
        assert sorted(image_BE.tolist()) == [pytest.approx(one, abs=1e-3) for one in expected]
    texts = all_texts(stored)
    text_BE = found.texts([texts[5], texts[0]])
    assert text_BE.dtype == torch.float32
    assert text_BE.tolist() == [pytest.approx(unit(5), abs=1e-3), pytest.approx(unit(0), abs=1e-3)]
    with pytest.raises(
        SpecError, match=r"teacher_texts: found no vector of big for 'new words'; allowed: .*bring teacher_texts"
    ):
        found.texts([texts[0], "new words"])


def test_no_teacher_reads_nothing_and_a_broken_table_is_named(stored: TinyWorld):
    assert open_reinforcement(stored.run_spec(), pa.array(["a"])) is None
    (stored.root / "said.parquet").write_bytes(b"torn")
    with pytest.raises(SpecError, match=r"said.parquet: .*; allowed: Parquet with the columns teacher, text"):
        open_reinforcement(taught_spec(stored), pa.array(sorted(stored.pictures), pa.large_string()))


def test_vectors_of_several_lengths_are_refused(stored: TinyWorld):
    key = sorted(stored.pictures)[0]
    put_store(stored, [("big", key, (0, 0, 9, 9), [1.0, 0.0]), ("big", key, (0, 0, 9, 9), [1.0])], [])
    with pytest.raises(SpecError, match="found vectors of big of several lengths"):
        open_reinforcement(taught_spec(stored), pa.array([key], pa.large_string()))


def test_a_batch_has_the_teachers_cut_and_what_it_said_of_it(stored: TinyWorld):
    spec = taught_spec(stored)
    crop = RandomCrop(64, 0.4)
    batches = Batches(spec, 0, crop, build_tokenizer(spec))
    assert (batches.counts["usable"], batches.counts["not_taught"]) == (23, 1)
    ids, texts = sorted(stored.pictures), all_texts(stored)
    seen: set[str] = set()
    for step in range(3):
        batch = batches[step]
        again = batches[step]
        assert torch.equal(batch.image_BHWC, again.image_BHWC)
        assert batch.teacher_image_BE is not None
        assert batch.teacher_text_BE is not None
        for row, (key, text) in enumerate(zip(batch.image_ids, batch.texts, strict=True)):
            n = ids.index(key)
            said = batch.teacher_image_BE[row].tolist()
            assert any(said == pytest.approx(unit(2 * n + k), abs=1e-3) for k in range(2))
            assert batch.teacher_text_BE[row].tolist() == pytest.approx(unit(texts.index(text)), abs=1e-3)
            cut = crop.cut(raw_of(stored, key), (n % 3, n % 5, 60 + n % 7, 70))
            assert np.array_equal(batch.image_BHWC[row].numpy(), cut)
        seen |= set(batch.image_ids)
    batches.close()
    assert seen == set(ids[:-1])


def raw_of(world: TinyWorld, key: str) -> bytes:
    import tarfile

    for shard in world.shards:
        with tarfile.open(world.root / shard.tar) as tar:
            if f"{key}.jpg" in tar.getnames():
                file = tar.extractfile(f"{key}.jpg")
                assert file
                return file.read()
    raise KeyError(key)


def test_without_a_teacher_batches_are_as_they_were(tiny_world: TinyWorld):
    spec = tiny_world.run_spec(mix=MIX)
    batches = Batches(spec, 0, RandomCrop(64, 0.4), build_tokenizer(spec))
    assert batches[0].teacher_image_BE is batches[0].teacher_text_BE is None
    assert "not_taught" not in batches.counts
    batches.close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"teacher": ""}, "teacher: found ''; allowed: a teacher exactly with a weight for distillation"),
        ({"loss": LossSpec()}, "teacher: found 'big'; allowed: a teacher exactly"),
        ({"reinforcements": ()}, "reinforcements: found"),
        ({"mix": CaptionMix("m", {"label": 1.0}, templates=("a {}",), template_share=0.5)}, "template_share: found 0.5; allowed: 0 with a"),
    ],
)  # fmt: skip
def test_a_spec_that_cannot_be_taught_is_refused(change, words, tiny_world):
    with pytest.raises(SpecError, match=words):
        taught_spec(tiny_world, **change)


def test_what_a_teacher_said_is_identity_and_where_it_lies_is_not(tiny_world):
    spec = taught_spec(tiny_world)
    assert fingerprint(dataclasses.replace(spec, reinforcements=("x",), teacher_texts=())) == fingerprint(spec)
    assert fingerprint(dataclasses.replace(spec, reinforcement_fingerprint="g")) != fingerprint(spec)


def test_a_job_embeds_cuts_and_a_training_learns_from_them(empty_world: TinyWorld, saved_spec, tmp_path):
    world = empty_world
    world.add_shard(per_class=3, seed=0)
    teacher_spec = world.run_spec(seed=5)
    sha256 = export_open_clip(build_model(teacher_spec), tmp_path / "teacher", teacher_spec)
    boxes = {f"{key}/{k}": (k, 0, 70 + k, 72) for key in world.pictures for k in range(2)}
    for key in world.pictures:
        (world.root / f"{key}.jpg").write_bytes(raw_of(world, key))
    columns = {"image_id": list(boxes), "path": [f"{key.split('/')[0]}.jpg" for key in boxes]}
    sides = {name: pa.array([box[place] for box in boxes.values()], pa.int64()) for place, name in enumerate(BOX)}
    pq.write_table(pa.table({**columns, **sides}), world.root / "images.parquet")
    pq.write_table(pa.table({"text": all_texts(world)}), world.root / "texts.parquet")
    job = EmbedSpec(
        str(tmp_path / "teacher"),
        sha256,
        root=str(world.root),
        images="images.parquet",
        texts="texts.parquet",
        part_size=5,
    )
    assert embed.main(["--spec", str(saved_spec(job, "embed.json")), "--out", str(tmp_path / "embed")]) == 0
    image, text = (
        pq.read_table(tmp_path / "embed" / name).to_pylist() for name in ("embeddings.parquet", "texts.parquet")
    )
    assert len(image) == 24
    put_store(
        world,
        [("big", one["image_id"].split("/")[0], boxes[one["image_id"]], one["vector"]) for one in image],
        [("big", one["text"], one["vector"]) for one in text],
    )
    spec = taught_spec(world, samples_seen=64, loss=LossSpec({"distillation": 1.0}, teacher_scale=20.0), lr_peak=3e-4)
    assert train.main(["--spec", str(saved_spec(spec, "train.json")), "--out", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["loss_last"] < result["loss_first"]
    assert result["counts"]["not_taught"] == 0


def test_a_cut_is_embedded_as_the_same_picture_cut_by_hand(tiny_world, saved_spec, tmp_path):
    spec = tiny_world.run_spec(seed=5)
    sha256 = export_open_clip(build_model(spec), tmp_path / "teacher", spec)
    raw = draw_shape("red circle", random.Random(3))
    (tmp_path / "whole.jpg").write_bytes(raw)
    with Image.open(io.BytesIO(raw)) as image:
        image.convert("RGB").resize((60, 60), Image.Resampling.BICUBIC, box=(10, 5, 70, 60)).save(tmp_path / "cut.png")
    found = []
    for name, box in (("whole.jpg", (10, 5, 70, 60)), ("cut.png", None)):
        sides = {side: [value] for side, value in zip(BOX, box, strict=True)} if box else {}
        pq.write_table(pa.table({"image_id": ["a"], "path": [name], **sides}), tmp_path / f"{name}.parquet")
        job = EmbedSpec(str(tmp_path / "teacher"), sha256, root=str(tmp_path), images=f"{name}.parquet")
        assert embed.main(["--spec", str(saved_spec(job, f"{name}.json")), "--out", str(tmp_path / f"{name}-out")]) == 0
        found.append(pq.read_table(tmp_path / f"{name}-out" / "embeddings.parquet")["vector"].to_pylist()[0])
    assert found[0] == pytest.approx(found[1], abs=1e-6)
