"""Who else reads the tars, that two lakes pack the same bytes, and what is said of files that are not what was packed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from entitynet_assets.lineage import DriftError
from entitynet_assets.releases.verify import faults, repair, sidecar_faults
from entitynet_assets.training.release import need_whole_tars
from tests.fakes.packer import hashes, packed
from tests.fakes.rooms import REPOSITORY
from tests.small_lake import SmallLake


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """Two rounds packed and released; tests leave it as it was."""
    return packed(tmp_path_factory.mktemp("made"), 0)


def test_two_lakes_pack_the_same_bytes_whoever_packs_them(tmp_path: Path) -> None:
    here = hashes(packed(tmp_path / "here", 1))
    odd = {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7", "LC_ALL": "C", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "tests.fakes.packer", str(tmp_path / "there"), "2"]
    done = subprocess.run(
        command, env={**os.environ, **odd}, cwd=tmp_path, umask=0o077, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == here
    assert len([path for path in here if path.endswith(".tar")]) > 6


def test_datasets_reads_the_tars(made: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets")
    tars = [str(made.lake.root / row["tar_path"]) for row in made.lake.rows("release")]
    read = datasets.load_dataset("webdataset", data_files=tars, split="train", streaming=True)
    sizes = {row["__key__"]: row["jpg"].size for row in read}
    stored = {row["image_id"]: made.lake.blob(row["path"]) for row in made.lake.rows("kept_images")}
    assert sizes == {image_id: Image.open(io.BytesIO(content)).size for image_id, content in stored.items()}


def test_wids_finds_any_picture_by_its_number(made: SmallLake, tmp_path: Path) -> None:
    wids = pytest.importorskip("wids")
    release = made.lake.rows("release")
    index = made.lake.root / "release" / f"{release[0]['release_id']}-wids.json"
    read = wids.ShardListDataset(
        str(index), cache_dir=str(tmp_path), keep=True, base=str(index.parent), transformations=[]
    )
    samples = sorted(made.lake.rows("samples"), key=lambda row: (row["shard"], row["shard_index"]))
    assert len(read) == len(samples) == sum(row["sample_count"] for row in release)
    for number in (len(samples) - 1, 0, len(samples) // 2):
        content = read[number][".jpg"].read()
        assert hashlib.sha256(content).hexdigest() == samples[number]["stored_sha256"]
        assert Image.open(io.BytesIO(content)).format == "JPEG"
    described = json.loads(index.read_text())
    assert [row["filesize"] for row in described["shardlist"]] == [row["size_bytes"] for row in release]


@pytest.mark.parametrize("harm", ["cut", "changed", "lost"])
def test_a_tar_that_is_not_what_was_packed_is_found_and_packed_again(made: SmallLake, harm: str) -> None:
    row = made.lake.rows("release")[1]
    path = made.lake.root / row["tar_path"]
    content = path.read_bytes()
    if harm == "lost":
        path.unlink()
    else:
        path.write_bytes(content[:-10240] if harm == "cut" else content[:600] + b"?" + content[601:])
    words = {"cut": "bytes, expected", "changed": "sha256", "lost": "cannot be read"}[harm]
    with pytest.raises(DriftError, match=rf"{row['shard']}.*{words}.*verify --repair"):
        need_whole_tars(made.lake, made.lake.rows("release"))
    broken = [one for one, _ in faults(made.lake)]
    assert [one["shard"] for one in broken] == [row["shard"]]
    assert repair(made.place, broken) == []
    assert path.read_bytes() == content
    need_whole_tars(made.lake, made.lake.rows("release"))


def test_a_list_of_texts_that_is_gone_is_found_and_written_again(made: SmallLake) -> None:
    path = made.lake.root / made.lake.rows("release")[0]["texts_path"]
    content = path.read_bytes()
    path.unlink()
    assert sidecar_faults(made.lake) == [path]
    assert repair(made.place, []) == []
    assert path.read_bytes() == content


def test_a_stored_picture_that_was_changed_is_not_packed(small: SmallLake) -> None:
    path = small.lake.put_blob("stored", "ab.jpg", b"picture")
    small.put(
        "kept_images", [{"image_id": "ab", "path": path, "stored_sha256": hashlib.sha256(b"picture").hexdigest()}]
    )
    small.make("samples")
    (small.lake.root / path).write_bytes(b"pictura")
    with pytest.raises(
        DriftError, match=r"picture ab: .*ab.jpg was changed on disk; put the file back, or .*takedown --picture ab"
    ):
        small.make("shards")
    assert list((small.lake.root / "shards").iterdir()) == []
    (small.lake.root / path).unlink()
    with pytest.raises(DriftError, match="is gone"):
        small.make("shards")
    (small.lake.root / path).write_bytes(b"picture")
    assert [row["sample_count"] for row in small.make("shards")] == [1]


def test_a_pack_that_was_broken_off_goes_on_where_it_was(small: SmallLake) -> None:
    small.choose(shards={"samples_per_shard": 1})
    names = ["aa", "bb", "cc"]
    paths = {name: small.lake.put_blob("stored", f"{name}.jpg", name.encode()) for name in names}
    rows = [{"image_id": n, "path": paths[n], "stored_sha256": hashlib.sha256(n.encode()).hexdigest()} for n in names]
    small.put("kept_images", rows)
    small.make("samples")
    lost = small.lake.root / paths["cc"]
    lost.rename(lost.with_suffix(".away"))
    with pytest.raises(DriftError, match="picture cc"):
        small.make("shards")
    lost.with_suffix(".away").rename(lost)
    before = {path: path.stat().st_mtime_ns for path in (small.lake.root / "shards").iterdir()}
    assert len(before) == 2
    done = small.run("shards")
    assert (done.record.rows, done.work) == (3, {"shards_packed": 1})
    assert before.items() <= {path: path.stat().st_mtime_ns for path in (small.lake.root / "shards").iterdir()}.items()
