"""A small tree of photographs, made by the test."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from entitynet_assets.folder_site import FolderSite

TABLE = "dataset\tfolder\tqid\tlabel\nzoo\tRed_Panda\tQ41960\tred panda\nzoo\tpanda-head\tQ41960\tred panda\nzoo\tunknown\t\t\n"


def draw(path: Path, seed: int, side: int = 64) -> None:
    """Write a picture of coloured noise in large grains, so that no two look alike."""
    path.parent.mkdir(parents=True, exist_ok=True)
    grains = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192))
    grains.resize((side, side), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Ten pictures of one item in two folders, four of a folder without an item, one alone, one that is no picture."""
    root = tmp_path / "zoo" / "images"
    for folder, count in (("Red_Panda", 7), ("deep/panda-head", 3), ("unknown", 4), ("single", 1)):
        for number in range(count):
            draw(root / folder / f"{number} é%.png", seed=hash_of(folder, number))
    (root / "Red_Panda" / "notes.txt").write_text("no picture")
    (tmp_path / "classes.tsv").write_text(TABLE)
    return root


def hash_of(folder: str, number: int) -> int:
    return sum(folder.encode()) * 100 + number


@pytest.fixture
def site_of(tree: Path, tmp_path: Path) -> Callable[..., FolderSite]:
    """Open the tree as a site: site_of(share=0.5, table=False)."""

    def make(share: float = 0.3, table: bool = True) -> FolderSite:
        return FolderSite("animals", {"zoo/images": tree}, tmp_path / "classes.tsv" if table else None, share)

    return make
