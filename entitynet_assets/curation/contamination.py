"""Which harvested pictures are a benchmark's: the same hashes, held against held-out pictures.

Belongs here: rows of leaks. Does not belong here: comparing hashes (duplicates.py), deciding (sql/curation/verdicts.sql).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from entitynet_assets.curation.duplicates import differing_bits, near_pairs

Row = Mapping[str, Any]


def leaked(images: Sequence[Row], held_out: Sequence[Row], radius: int) -> list[dict[str, Any]]:
    """Return a row per picture and held-out picture within the radius by the perceptual hash.

    The difference hash is stored beside it but does not acquit: a leak missed costs more than a picture lost.
    """
    ours = np.array([row["phash"] for row in images], dtype=np.uint64)
    theirs = np.array([row["phash"] for row in held_out], dtype=np.uint64)
    return [_leak(images[i], held_out[j]) for i, j in near_pairs(ours, theirs, radius).tolist()]


def _leak(image: Row, held_out: Row) -> dict[str, Any]:
    return {
        "image_id": image["image_id"], "benchmark": held_out["benchmark"], "benchmark_image_id": held_out["image_id"],
        "phash_distance": differing_bits(image["phash"], held_out["phash"]),
        "dhash_distance": differing_bits(image["dhash"], held_out["dhash"]),
    }  # fmt: skip
