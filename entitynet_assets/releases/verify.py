"""Whether the files of the release are what was written, and how a tar is packed again.

Belongs here: holding files against tables. Does not belong here: how a tar is made (shards/).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from entitynet_assets.lake import Lake
from entitynet_assets.releases.takedown import remake
from entitynet_assets.resources import Workplace

Row = dict[str, Any]


def faults(lake: Lake) -> Iterator[tuple[Row, str]]:
    """Yield every tar of the lake that is absent, cut short or changed, with what is wrong; all bytes are read."""
    for row in lake.rows("shards"):
        if fault := lake.fault_of(row["path"], row["size_bytes"], row["sha256"]):
            yield row, fault


def repair(place: Workplace, broken: list[Row]) -> list[str]:
    """Pack tars again from the stored pictures, and the release's lists; returns the paths of tars that came to other bytes."""
    for row in broken:
        (place.lake.root / row["path"]).unlink(missing_ok=True)
    for name in {row["shard"].rsplit("-", 1)[0] for row in broken}:
        (place.lake.root / "tables" / "shards" / f"{name}.json").unlink(missing_ok=True)
    (place.lake.root / "tables" / "release" / "whole.json").unlink(missing_ok=True)
    remake(place, "shards", "release", "subreleases")
    return [row["path"] for row in broken if place.lake.fault_of(row["path"], row["size_bytes"], row["sha256"])]


def sidecar_faults(lake: Lake) -> list[Path]:
    """Return the sidecars of words that the release names and that are gone."""
    named = (lake.root / row["texts_path"] for row in lake.rows("release"))
    return [path for path in named if not path.exists()]
