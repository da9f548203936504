"""Every hostile file through the whole path: served over HTTP, downloaded, decoded, kept or told why not, made a picture.

`python -m tests.images.test_hostile` prints what became of each sort of file against what Pillow alone says of it.
"""

from __future__ import annotations

import csv
import hashlib
import io
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import imagehash
import pytest
from PIL import Image

from entitynet_assets.picture_hashes import hash_picture
from entitynet_assets.pictures import FORMATS
from tests.fakes.rooms import data_folder
from tests.fakes.web_server import faulty_server
from tests.small_lake import SmallLake

LISTS = {"SOURCES.md", "MANIFEST.tsv", "LICENSE"}
TAKEN = {*FORMATS, "MPO"}


def files() -> list[Path]:
    folder = data_folder("hostile")
    return sorted(one for one in folder.rglob("*") if one.is_file() and one.name not in LISTS)


def harvested(
    chosen: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[Path, dict[str, Any]]]:
    """Yield the ledger's row of each file, after the station of images has run, too."""
    with faulty_server() as server:
        for number, path in enumerate(chosen):
            server.on(f"/{number}", lambda call, path=path: call.answer(body=path.read_bytes()))
        monkeypatch.setenv("ENTITYNET_SAMPLE_PORT", server.address.rpartition(":")[2])
        small = SmallLake(folder, web={"per_host": 8, "timeout_s": 30.0}, shards={"stored_side_px": 96})
        urls = [
            {"url_id": f"{number:05}", "image_url": f"http://hostile.test/{number}", "host": "hostile.test"}
            for number in range(len(chosen))
        ]
        small.put("urls", urls)
        rows = small.make("downloads")
        pictures = small.make("images")
        assert {row["image_id"] for row in rows} - {None} == {row["image_id"] for row in pictures}
        for row in pictures:
            stored = small.lake.blob(row["path"])
            assert hashlib.sha256(stored).hexdigest() == row["stored_sha256"]
            with Image.open(io.BytesIO(stored)) as image:
                assert (image.size, image.mode) == ((row["width_px"], row["height_px"]), "RGB")
        small.place.web.close()
        yield {chosen[int(row["url_id"])]: row for row in rows}


def pillow_alone(path: Path) -> tuple[str, bool]:
    """Return the format that Pillow sees, if it is one that is taken, and whether it loads the pixels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(path, formats=FORMATS) as image:
                kind = image.format or ""
                image.load()
                return kind, True
        except Exception:  # whatever a broken file makes Pillow raise
            return "", False


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, dict[str, Any]]]:
    with pytest.MonkeyPatch.context() as patch:
        yield from harvested(files(), tmp_path_factory.mktemp("hostile"), patch)


def test_every_file_ends_as_a_picture_or_with_a_reason(rows: dict[Path, dict[str, Any]]) -> None:
    assert len(rows) > 1000
    assert {row["outcome"] for row in rows.values()} <= {"ok", "not_image", "truncated", "too_large"}
    assert not [path for path, row in rows.items() if row["outcome"] != "ok" and not row["reason"]]


def test_it_agrees_with_what_pillow_said(rows: dict[Path, dict[str, Any]]) -> None:
    """The manifests were written by another program; a file whose first picture loads is one, however odd its metadata."""
    known = {path.resolve(): row for path, row in rows.items()}
    compared = 0
    for manifest in data_folder("hostile").glob("*/MANIFEST.tsv"):
        for said in csv.DictReader(manifest.read_text().splitlines(), delimiter="\t"):
            row = known.get((manifest.parent / said["path"]).resolve())
            if row is None:
                continue
            taken = said["pillow_open"] == "1" and said["pillow_load"] == "1" and said["format"] in TAKEN
            assert (row["outcome"] == "ok") == taken, (said["path"], row["outcome"], row["reason"])
            compared += 1
            if taken and said["frames"]:
                assert row["n_frames"] == int(said["frames"]), said["path"]
    assert compared > 250


def test_what_is_taken_is_what_pillow_loads_of_the_formats_taken(rows: dict[Path, dict[str, Any]]) -> None:
    for path, row in rows.items():
        kind, loads = pillow_alone(path)
        assert (row["outcome"] == "ok") == (loads and kind in TAKEN), (path, row["outcome"], row["reason"])


def test_hashes_of_genuine_pictures_are_those_of_imagehash() -> None:
    for path in sorted(data_folder("neardup").rglob("*.jpg"))[:60] + files()[::40]:
        if pillow_alone(path)[1]:
            with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
                small = image.convert("RGB").resize((256, 256))
            assert hash_picture(small) == tuple(int(str(way(small)), 16) for way in (imagehash.phash, imagehash.dhash))


def table() -> str:
    """Return counts of (what Pillow alone says, what became of it)."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        counts: Counter[tuple[str, str]] = Counter()
        for path, row in next(harvested(files(), Path(folder), patch)).items():
            kind, loads = pillow_alone(path)
            said = f"loads {kind}" if loads else "no format taken, or does not load"
            counts[said, row["outcome"]] += 1
    return "\n".join(f"{number:5}  {said:34} {outcome}" for (said, outcome), number in sorted(counts.items()))


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
