"""Where pictures lie in tars: headers, kept indexes, and tars that are not what the spec says."""

from __future__ import annotations

import io
import tarfile

import numpy as np
import pytest
import torch

from entitynet_train import tars
from entitynet_train.data import Batches, load_batches
from entitynet_train.model import RandomCrop
from entitynet_train.spec import SpecError
from entitynet_train.tars import index_tars


def batches_of(spec):
    return Batches(spec, 0, RandomCrop(16, spec.crop_scale_min), lambda texts: torch.zeros(len(texts), 1))


def epoch_ids(batches, spec):
    return [image_id for step in range(spec.steps) for image_id in batches[step].image_ids]


def kept_index(tiny_world, tmp_path, monkeypatch):
    monkeypatch.setenv("ENTITYNET_CACHE", str(tmp_path / "cache"))
    return batches_of(tiny_world.run_spec())._tars


def test_a_kept_index_says_what_headers_say(tiny_world, tmp_path, monkeypatch):
    by_headers = index_tars(tiny_world.data())
    first, again = (kept_index(tiny_world, tmp_path, monkeypatch) for _ in range(2))
    kept = sorted(path.stem for path in (tmp_path / "cache" / "members").iterdir())
    assert kept == sorted(shard.sha256 for shard in tiny_world.shards)
    for found in (first, again):
        assert found.image_ids == by_headers.image_ids
        assert np.array_equal(found.offset_N, by_headers.offset_N)
        assert np.array_equal(found.size_N, by_headers.size_N)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tar: tar.unlink(), "No such file"),
        (lambda tar: tar.write_bytes(tar.read_bytes()[:4000]), "cut off at byte 4000"),
        (lambda tar: tar.write_bytes(bytes(tar.stat().st_size)), "found no header at byte"),
        (lambda tar: tar.write_bytes(tar.with_name("00001.tar").read_bytes() * 3), "found '.*jpg' of|found no header"),
    ],
)
def test_a_tar_that_is_not_the_one_of_its_kept_index_is_named(tiny_world, tmp_path, monkeypatch, spoil, words):
    kept_index(tiny_world, tmp_path, monkeypatch)
    spoil(tiny_world.root / "00000.tar")
    with pytest.raises(SpecError, match=rf"shard 00000: .*00000.tar: ({words}).*entitynet verify --repair"):
        epoch_ids(batches_of(spec := tiny_world.run_spec(samples_seen=24)), spec)


def test_a_tar_cut_within_a_picture_is_named(tiny_world):
    tar = tiny_world.root / "00000.tar"
    tar.write_bytes(tar.read_bytes()[:4000])
    with pytest.raises(SpecError, match=r"shard 00000: .*00000.tar: .*entitynet verify --repair"):
        batches_of(tiny_world.run_spec())


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_headers_of_other_tar_formats_are_read_too(tiny_world, tmp_path, form):
    plain = index_tars(tiny_world.data())
    for shard in tiny_world.shards:
        path = tiny_world.root / shard.tar
        with tarfile.open(path) as tar:
            members = [(member, tar.extractfile(member).read()) for member in tar]
        with tarfile.open(path, "w", format=form) as tar:
            for member, raw in members:
                member.pax_headers = {"comment": "a header of another kind"}
                tar.addfile(member, io.BytesIO(raw))
    assert index_tars(tiny_world.data()).image_ids == plain.image_ids
    assert len(epoch_ids(batches_of(spec := tiny_world.run_spec(samples_seen=24)), spec)) == 24


def test_more_tars_than_may_be_open_are_read(tiny_world, monkeypatch):
    spec = tiny_world.run_spec(samples_seen=24)
    plain = epoch_ids(batches_of(spec), spec)
    monkeypatch.setattr(tars, "OPEN_MAX", 1)
    batches = batches_of(spec)
    assert [i for batch in load_batches(batches, range(3), 3) for i in batch.image_ids] == plain


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tar: tar.unlink(), "No such file"),
        (lambda tar: tar.write_bytes(b"no tar" * 500), "an uncompressed tar"),
        (lambda tar: tar.write_bytes(tar.with_name("00001.tar").read_bytes()), "found 8 pictures"),
    ],
)
def test_a_tar_that_is_not_as_the_spec_says_is_named(tiny_world, spoil, words):
    spoil(tiny_world.root / "00000.tar")
    with pytest.raises(SpecError, match="shard 00000") as caught:
        batches_of(tiny_world.run_spec())
    assert words in str(caught.value)
