"""Embedding jobs: parts, kills, ranks, tars."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import tarfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entitynet_train import embed, parts, train
from entitynet_train.spec import EmbedSpec, load
from tests.train.conftest import write_table


@pytest.fixture
def job(tiny_world, saved_spec, tmp_path):
    """A spec of 32 loose pictures and 5 texts in parts of 7, by an untrained model; two of the pictures cannot be read."""
    spec = tiny_world.run_spec(samples_seen=0)
    assert train.main(["--spec", str(saved_spec(spec, "train.json")), "--out", str(tmp_path / "train")]) == 0
    result = json.loads((tmp_path / "train" / "result.json").read_text())
    tiny_world.benchmark()
    folder = tiny_world.root / "benchmark"
    (folder / "Q1_0.jpg").write_bytes(b"no picture")
    (folder / "Q4_7.jpg").unlink()
    pq.write_table(pa.table({"text": list("vwxyz")}), folder / "texts.parquet")
    return EmbedSpec(
        str(tmp_path / "train" / result["export"]), result["export_sha256"], "i1", "t1", root=str(folder),
        images="images.parquet", texts="texts.parquet", batch_size=4, part_size=7,
    )  # fmt: skip


@pytest.fixture
def embed_here(saved_spec, tmp_path):
    def run(spec, name="out"):
        return embed.main(["--spec", str(saved_spec(spec, f"{name}.json")), "--out", str(tmp_path / name)]), tmp_path / name  # fmt: skip

    return run


def result_of(out):
    return json.loads((out / "result.json").read_text())


def vectors_of(out):
    return {row["image_id"]: row["vector"] for row in pq.read_table(out / "embeddings.parquet").to_pylist()}


def test_a_spec_survives_json(job, saved_spec, tiny_world):
    spec = dataclasses.replace(job, images="", shards=tuple(tiny_world.shards), skip=("skip.parquet",))
    assert load(EmbedSpec, saved_spec(spec)) == spec


def test_the_answer_is_in_the_order_of_the_input_with_a_record(job, embed_here):
    code, out = embed_here(job)
    assert code == 0
    asked = pq.read_table(f"{job.root}/images.parquet")["image_id"].to_pylist()
    wanted = [key for key in asked if key not in ("Q1_0", "Q4_7")]
    found = pq.read_table(out / "embeddings.parquet")
    assert found["image_id"].to_pylist() == wanted
    assert np.linalg.norm(found["vector"].to_pylist(), axis=1) == pytest.approx(1, abs=1e-6)
    assert pq.read_table(out / "texts.parquet")["text"].to_pylist() == list("vwxyz")
    result = result_of(out)
    assert result["counts"] == {"pictures": 32, "embedded": 30, "unreadable": 2, "texts": 5}
    assert result["unreadable"] == ["Q1_0", "Q4_7"]
    for name in ("embeddings.parquet", "texts.parquet"):
        assert result["digests"][name] == hashlib.sha256((out / name).read_bytes()).hexdigest()
    assert result["encoder"]["sha256"] == job.encoder_sha256
    assert result["encoder"]["preprocess"]["size"] == [64, 64]
    assert not (out / "parts").exists()


def test_what_an_earlier_attempt_made_is_taken_over_and_what_is_torn_or_foreign_is_made_again(job, embed_here, tmp_path):  # fmt: skip
    _, whole = embed_here(job, "whole")
    out = tmp_path / "out"
    made = parts.parts_of(job)
    marked = np.full(result_of(whole)["dimensions"], 0.5, np.float32)
    kept, torn, foreign = made[0], made[1], made[2]
    for part in (kept, foreign):
        content = parts.content_of(part, job)
        of = job if part is kept else dataclasses.replace(job, images_fingerprint="other")
        parts.write_part(part, of, out, content.keys, [marked] * len(content.keys))
    torn.path(out).write_bytes(kept.path(out).read_bytes()[:-9])
    assert embed_here(job)[0] == 0
    rows, theirs = vectors_of(out), vectors_of(whole)
    again = {key for key in theirs if rows[key] != marked.tolist()}
    assert again == set(theirs) - set(parts.content_of(kept, job).keys)  # the earlier part stands, seen by its mark
    assert all(rows[key] == theirs[key] for key in again)


def test_tars_of_a_release_are_read_without_what_is_taken_down(job, embed_here, tiny_world):
    gone = min(tiny_world.pictures)
    tiny_world.skip = [gone]
    broken = tiny_world.add_shard(per_class=2, seed=5, broken=1)[0]
    spec = dataclasses.replace(
        job, root=str(tiny_world.root), images="", texts="", shards=tuple(tiny_world.shards), skip=("skip.parquet",),
        skip_fingerprint="s1",
    )  # fmt: skip
    code, out = embed_here(spec)
    assert code == 0
    keys = pq.read_table(out / "embeddings.parquet")["image_id"].to_pylist()
    assert sorted(keys) == sorted(set(tiny_world.pictures) - {gone, broken})
    assert result_of(out)["counts"] == {"pictures": 32, "embedded": 30, "unreadable": 1, "texts": 0, "skipped": 1}
    assert result_of(out)["unreadable"] == [broken]
    loose = tiny_world.root / "loose"
    loose.mkdir()
    rows = []
    for shard in tiny_world.shards:
        with tarfile.open(tiny_world.root / shard.tar) as tar:
            tar.extractall(loose, filter="data")
            rows += [
                (name.removesuffix(".jpg"), name) for name in tar.getnames() if not name.startswith((gone, broken))
            ]
    write_table(loose / "images.parquet", ("image_id", "path"), rows)
    _, apart = embed_here(dataclasses.replace(job, root=str(loose), texts=""), "loose")
    packed, single = vectors_of(out), vectors_of(apart)
    for key in keys:
        assert packed[key] == pytest.approx(single[key], abs=1e-5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": "absent.parquet"}, "absent.parquet"),
        ({"texts": "images.parquet"}, "found no text; allowed: Parquet with the columns text"),
        ({"skip": ("absent.parquet",)}, "allowed: Parquet with the column image_id"),
        ({"images": "", "tar": "absent.tar"}, "shard 00000: "),
        ({"images": "", "samples": 3}, "found 16 pictures in"),
    ],
)
def test_what_cannot_be_read_is_named(job, embed_here, tiny_world, capfd, change, said):
    change = dict(change)
    shard = {key: change.pop(key) for key in ("tar", "samples") if key in change}
    if shard:
        one = dataclasses.replace(
            tiny_world.shards[0], **{"tar": str(tiny_world.root / tiny_world.shards[0].tar), **shard}
        )
        change["shards"] = (one,)
    code, out = embed_here(dataclasses.replace(job, **change))
    assert code == 2
    assert said in capfd.readouterr().err
    assert not (out / "result.json").exists()


@pytest.mark.long
def test_a_job_killed_in_the_middle_goes_on_over_two_ranks_to_the_bytes_of_one(
    job, embed_here, torchrun, saved_spec, tmp_path
):
    many = pq.read_table(f"{job.root}/images.parquet").to_pylist() * 8
    rows = [(f"{number:05d}", row["path"]) for number, row in enumerate(many)]
    write_table(tmp_path / "many.parquet", ("image_id", "path"), rows)
    spec = dataclasses.replace(job, images=str(tmp_path / "many.parquet"))
    _, alone = embed_here(spec, "alone")
    out, saved = tmp_path / "killed", saved_spec(spec, "killed.json")
    arguments = ["--spec", str(saved), "--out", str(out)]
    process = torchrun.start_command([sys.executable, "-m", "entitynet_train.embed", *arguments])
    while process.poll() is None and len(list((out / "parts").glob("[!.]*"))) < 5:
        time.sleep(0.02)
    process.kill()
    process.communicate()
    made = list((out / "parts").glob("[!.]*"))
    assert 5 <= len(made) < len(parts.parts_of(spec))
    assert not (out / "result.json").exists()
    code, said = torchrun.run("entitynet_train.embed", saved, out)
    assert code == 0, said
    for name in ("embeddings.parquet", "texts.parquet"):
        assert (out / name).read_bytes() == (alone / name).read_bytes()
    assert result_of(out)["counts"]["embedded"] == 240
