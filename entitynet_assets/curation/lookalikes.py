"""Pairs of pictures that may be one: proposed by their hashes, then compared by their thumbnails.

Belongs here: rows of likeness_pairs. Does not belong here: searching hashes (duplicates.py), comparing two thumbnails
(alignment.py), what makes a copy (the study), who stands for whom (assets.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from entitynet_assets.curation.alignment import compare, read_thumbnails
from entitynet_assets.curation.duplicates import candidates, mirrored_dhashes, mirrored_phashes
from entitynet_assets.pictures import DECODER

COMPARISON = f"1, decoder {DECODER}"  # raised when the same two pictures get other measures
CHUNK = 200_000  # pairs whose thumbnails are held at a time, some 250 MB at most

Row = dict[str, Any]
Thumbnails = Callable[[list[str]], Sequence[Mapping[str, Any]]]


def proposed(pictures: Mapping[str, Any], radius: int) -> tuple[list[Row], int]:
    """Return rows of likeness_pairs without measures, and how many pairs of frequent hashes were left out.

    `pictures` are columns image_id, phash, dhash in order of age. Distances of a mirrored pair are those in the mirror.
    """
    ids, phash, dhash = pictures["image_id"], pictures["phash"], pictures["dhash"]
    pairs, mirrored, left_out = candidates(phash, dhash, radius)
    i, j = pairs.T
    phash_distance = np.bitwise_count(phash[i] ^ np.where(mirrored, mirrored_phashes(phash)[j], phash[j]))
    dhash_distance = np.bitwise_count(dhash[i] ^ np.where(mirrored, mirrored_dhashes(dhash)[j], dhash[j]))
    names = ("image_id", "earlier_id", "mirrored", "phash_distance", "dhash_distance", "correlation", "hue_distance")
    columns = [ids[j], ids[i], mirrored, phash_distance, dhash_distance]
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, (*row, None, None), strict=True)) for row in rows], left_out


def measure(rows: Sequence[Row], known: Iterable[Mapping[str, Any]], thumbnails: Thumbnails) -> int:
    """Write the measures into rows, from those known where the same pair was compared before; returns how many were compared."""
    measured = {_pair(row): row for row in known if row["correlation"] is not None}
    for row in rows:
        if before := measured.get(_pair(row)):
            row |= {name: before[name] for name in ("correlation", "hue_distance")}
    new = [row for row in rows if row["correlation"] is None]
    return sum(_compare(new[start : start + CHUNK], thumbnails) for start in range(0, len(new), CHUNK))


def _pair(row: Mapping[str, Any]) -> tuple[str, str, bool]:
    return row["image_id"], row["earlier_id"], row["mirrored"]


def _compare(rows: Sequence[Row], thumbnails: Thumbnails) -> int:
    found = thumbnails(sorted({name for row in rows for name in (row["image_id"], row["earlier_id"])}))
    at = {row["image_id"]: number for number, row in enumerate(found)}
    rows = [row for row in rows if row["image_id"] in at and row["earlier_id"] in at]
    bytes_NT = read_thumbnails([row["thumbnail"] for row in found])
    left, right = (bytes_NT[[at[row[name]] for row in rows]] for name in ("earlier_id", "image_id"))
    correlation, hue = compare(left, right, np.array([row["mirrored"] for row in rows], dtype=bool))
    for row, one, other in zip(rows, correlation.tolist(), hue.tolist(), strict=True):
        row |= {"correlation": round(one, 4), "hue_distance": None if np.isnan(other) else round(other, 4)}
    return len(rows)
