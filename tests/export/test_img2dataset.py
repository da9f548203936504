"""The export is read as img2dataset's output is: by webdataset, by pyarrow, and by what its files are called."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import webdataset as wds
from PIL import Image
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.export.img2dataset import export
from entitynet_assets.lake import Lake
from entitynet_assets.lineage import DriftError
from entitynet_assets.shelf import Shelf
from tests.fakes.rooms import Rooms

PER_SHARD = 40
THEIRS = [
    "url", "key", "status", "error_message", "width", "height", "original_width", "original_height", "exif", "sha256",
]  # fmt: skip


def exported(rooms: Rooms, out: Path, *slices: int) -> Counter[str]:
    with Shelf(rooms.lake, rooms.study) as shelf:
        return export(shelf, out, slices or range(rooms.study.slices), PER_SHARD)


def table(out: Path) -> list[dict[str, Any]]:
    return [row for path in sorted(out.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def out(harvest: Rooms, tmp_path: Path) -> Path:
    exported(harvest, tmp_path / "out")
    return tmp_path / "out"


def test_files_are_named_as_theirs(harvest: Rooms, out: Path) -> None:
    shards = -(-len(harvest.rows("downloads")) // PER_SHARD)
    assert shards > 2
    expected = {f"{shard:05d}{end}" for shard in range(shards) for end in (".tar", ".parquet", "_stats.json")} | {
        "export.json"
    }
    assert {path.name for path in out.iterdir()} == expected


def test_every_address_is_a_row_and_every_kept_picture_one_success(harvest: Rooms, out: Path) -> None:
    rows = table(out)
    assert {row["url"] for row in rows} == {row["image_url"] for row in harvest.rows("downloads")}
    assert len(rows) == len(harvest.rows("downloads"))
    good = [row for row in rows if row["status"] == "success"]
    assert Counter(row["sha256"] for row in good) == Counter(
        {row["image_id"]: 1 for row in harvest.rows("kept_images")}
    )
    assert {row["status"] for row in rows} == {"success", "failed_to_download", "failed_to_resize"}
    for row in rows:
        assert (row["error_message"] is None) == (row["status"] == "success") == (row["sha256"] is not None)
    said = {re.split(r"[:(]", row["error_message"])[0].strip() for row in rows if row["error_message"]}
    assert {"not_found", "not_image", "rejected"} <= said


def test_parquet_has_their_columns_and_types_in_one_row_group(out: Path) -> None:
    for path in out.glob("*.parquet"):
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        assert file.num_row_groups == 1
        assert names[-len(THEIRS) :] == THEIRS
        assert names[names.index("url") - 1] == "caption"
        kinds = {name: str(file.schema_arrow.field(name).type) for name in THEIRS}
        assert {kinds[name] for name in THEIRS if "width" in name or "height" in name} == {"int32"}
        assert {kinds[name] for name in ("url", "key", "status", "error_message", "exif", "sha256")} == {"string"}


def test_keys_name_shard_and_index(out: Path) -> None:
    for path in out.glob("*.parquet"):
        keys = [row["key"] for row in pq.read_table(path).to_pylist()]
        assert keys == [f"{path.stem}{index:02d}" for index in range(len(keys))]


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its tars open
def test_tars_hold_the_successes_as_webdataset_reads_them(out: Path) -> None:
    good = {row["key"]: row for row in table(out) if row["status"] == "success"}
    shards = [str(path) for path in sorted(out.glob("*.tar"))]
    samples = list(wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("__key__", "jpg", "json", "txt"))
    assert [key for key, *_ in samples] == sorted(good)
    for key, image, facts, caption in samples:
        assert image.size == (good[key]["width"], good[key]["height"])
        assert (facts["key"], facts["sha256"], facts["caption"]) == (key, good[key]["sha256"], caption)
        assert list(facts)[-len(THEIRS) :] == THEIRS
    assert any(caption for *_, caption in samples)


def test_members_are_ustar_in_sorted_order_without_a_clock(out: Path) -> None:
    with tarfile.open(out / "00000.tar") as tar:
        members = tar.getmembers()
        first = tar.extractfile(members[0])
        assert first
        assert Image.open(io.BytesIO(first.read())).format == "JPEG"
    assert [one.name for one in members] == sorted(one.name for one in members)
    assert {(one.mode, one.mtime, one.uname, one.gname) for one in members} == {(0o444, 0, "bigdata", "bigdata")}


def test_statistics_count_the_rows(out: Path) -> None:
    for path in out.glob("*_stats.json"):
        stats = json.loads(path.read_text())
        rows = pq.read_table(out / f"{path.name[:5]}.parquet").to_pylist()
        status = Counter(row["status"] for row in rows)
        assert (stats["count"], stats["successes"]) == (len(rows), status["success"])
        assert stats["failed_to_download"] == status["failed_to_download"]
        assert stats["failed_to_resize"] == status["failed_to_resize"]
        assert sum(stats["status_dict"].values()) == len(rows)


def test_the_same_harvest_gives_the_same_bytes(harvest: Rooms, out: Path, tmp_path: Path) -> None:
    exported(harvest, tmp_path / "again")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "again").iterdir()
    }


def test_one_slice_has_its_addresses_only(harvest: Rooms, tmp_path: Path) -> None:
    exported(harvest, tmp_path / "out", 1)
    assert {row["url"] for row in table(tmp_path / "out")} == {
        row["image_url"] for row in harvest.lake.rows("downloads", "001")
    }


def test_what_was_taken_down_is_not_exported(harvested: Rooms, tmp_path: Path) -> None:
    taken = harvested.rows("kept_images")[0]["image_id"]
    facts = {"reason": "asked by its author", "requested_by": "test", "taken_down_at": "2026-01-01"}
    harvested.lake.add_tombstones([{"image_id": taken, **facts}])
    harvested.bring("tombstones")
    exported(harvested, tmp_path / "out")
    rows = table(tmp_path / "out")
    assert taken not in {row["sha256"] for row in rows}
    assert "taken down" in {row["error_message"] for row in rows}


def test_nothing_is_exported_beside_what_is_there_or_of_what_is_not_made(
    harvest: Rooms, out: Path, tmp_path: Path
) -> None:
    with pytest.raises(FileExistsError, match="not empty"):
        exported(harvest, out)
    with Shelf(Lake(tmp_path / "empty"), harvest.study) as shelf, pytest.raises(DriftError, match="downloads"):
        export(shelf, tmp_path / "new", [0], PER_SHARD)


def test_the_command_says_what_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path))
    said = CliRunner().invoke(app, ["export", "img2dataset", "--out", str(tmp_path / "out"), "--slice", "7"])
    assert said.exit_code == 2
