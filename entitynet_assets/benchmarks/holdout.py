"""Held-out sets: the manifest that names their pictures.

Belongs here: reading a manifest, the row of a held-out picture. Does not belong here: fetching, scoring.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from entitynet_assets.pictures import Picture
from entitynet_assets.tables import BENCHMARK_PARTS


class ManifestError(ValueError):
    """A manifest that cannot be used: what was expected, what was found, what to do."""


@dataclass(frozen=True)
class HeldOut:
    """One entry of a manifest."""

    image_url: str
    class_id: str
    class_name: str
    source_class: str | None = None
    part: str = "test"


def parse_manifest(body: bytes, where: str) -> list[HeldOut]:
    """Return the entries of {"images": [{"image_url", "qid", "label"}]}, each perhaps with the source's own "class" and a "part".

    Raises ManifestError naming the entry and field.
    """
    try:
        entries = json.loads(body)["images"]
    except (ValueError, KeyError, TypeError) as error:
        raise ManifestError(
            f'{where}: expected {{"images": [...]}}, found {body[:120]!r}; check benchmarks.manifest'
        ) from error
    if not isinstance(entries, list) or not entries:
        raise ManifestError(
            f"{where}: images: expected a list of at least one entry, found {str(entries)[:120]}; mend the manifest"
        )
    for number, entry in enumerate(entries):
        for field in ("image_url", "qid", "label", "class"):
            stated = isinstance(entry, dict) and entry.get(field, "" if field == "class" else None)
            if not isinstance(stated, str):
                raise ManifestError(
                    f"{where}: images[{number}].{field}: expected a string, found {entry!r}; mend the manifest"
                )
        if entry.get("part", "test") not in BENCHMARK_PARTS:
            raise ManifestError(
                f"{where}: images[{number}].part: found {entry['part']!r}; allowed: {' or '.join(BENCHMARK_PARTS)}"
            )
    return [
        HeldOut(entry["image_url"], entry["qid"], entry["label"], entry.get("class"), entry.get("part", "test"))
        for entry in entries
    ]


def held_out_row(benchmark: str, entry: HeldOut, image_id: str, path: str, picture: Picture) -> dict[str, Any]:
    """Return the row of benchmark_images for a decoded picture."""
    return {
        "benchmark": benchmark, "image_id": image_id, "class_id": entry.class_id, "class_name": entry.class_name,
        "source_class": entry.source_class, "part": entry.part,
        "image_url": entry.image_url, "path": path, "phash": picture.phash, "dhash": picture.dhash,
        "width_px": picture.width_px, "height_px": picture.height_px,
    }  # fmt: skip
