"""Notes of an unfinished slice: rows are there after what they name, and what cannot be written stops the work."""

from __future__ import annotations

from pathlib import Path

import pytest

from entitynet_assets.files import sync_file_system
from entitynet_assets.lake import Lake


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


@pytest.mark.parametrize("behind", [False, True])
def test_rows_are_noted_in_their_order_however_the_work_ends(lake: Lake, behind: bool) -> None:
    def work(ended: bool) -> None:
        with lake.noting("downloads", "000", 3, behind) as note:
            for number in range(7):
                note({"path": lake.put_blob("stored", f"{number}{number}", b"one", synced=False)})
            if ended:
                raise KeyError

    work(ended=False)
    with pytest.raises(KeyError):
        work(ended=True)
    noted = [row["path"] for row in lake.notes("downloads", "000")]
    assert noted == 2 * [f"blobs/stored/{number}{number}/{number}{number}" for number in range(7)]


@pytest.mark.parametrize("behind", [False, True])
def test_what_cannot_be_noted_stops_the_work(lake: Lake, behind: bool) -> None:
    (lake.root / "notes" / "downloads.000.jsonl").mkdir(parents=True)
    done = 0
    with pytest.raises(IsADirectoryError), lake.noting("downloads", "000", 1, behind) as note:  # noqa: PT012
        while done < 99:
            note({"a": 1})
            done += 1
    assert done == behind  # behind the work it shows one later


def test_a_file_system_that_cannot_be_had_on_the_disk_is_said(tmp_path: Path) -> None:
    sync_file_system(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync_file_system(tmp_path / "none")
