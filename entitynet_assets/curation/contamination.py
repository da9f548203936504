"""Which harvested pictures are a benchmark's: the same hashes or the same embedding, held against held-out pictures.

Belongs here: rows of leaks. Does not belong here: comparing hashes (duplicates.py), embedding (embedding.py), deciding
(sql/curation/verdicts.sql).

Shapes: N pictures, M held-out pictures, D features; vectors are of unit norm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entitynet_assets.curation.duplicates import differing_bits, near_pairs

Row = Mapping[str, Any]
Pair = tuple[str, str]
Block = tuple[list[str], NDArray[np.float32]]  # ids and vector_ND
HELD_ROWS = 8192  # held-out vectors that one product takes: with the lake's 5000 pictures a block, 160 MB of cosines
ROUNDING = 1e-6  # of a product of unit vectors in 32 bits


def leaked(images: Sequence[Row], held_out: Sequence[Row], radius: int, cosines: Mapping[Pair, float] | None = None,
           least_cosine: float = 1.0) -> list[dict[str, Any]]:  # fmt: skip
    """Return a row per picture and held-out picture that are one: within the radius by the perceptual hash, or alike by `cosines`.

    The difference hash is stored beside it but does not acquit, nor does a low cosine: a leak missed costs more than a picture lost.
    """
    known, cosines = {image["image_id"]: image for image in images}, cosines or {}
    held: dict[str, list[Row]] = {}
    for row in held_out:
        held.setdefault(row["image_id"], []).append(row)
    by_hash = set(near_hashes(images, held_out, radius))
    alike = {pair for pair, cosine in cosines.items() if cosine >= least_cosine - ROUNDING and pair[0] in known}
    rows = []
    for ours, theirs in sorted(by_hash | alike):
        pair = (ours, theirs)
        found_by = "both" if pair in by_hash & alike else "hash" if pair in by_hash else "embedding"
        rows += [
            {**_leak(known[ours], one), "found_by": found_by, "cosine": cosines.get(pair)}
            for one in held.get(theirs, [])
        ]
    return rows


def near_hashes(images: Sequence[Row], held_out: Sequence[Row], radius: int) -> list[Pair]:
    """Return the pairs of image_id whose perceptual hashes differ by at most `radius` bits."""
    ours = np.array([row["phash"] for row in images], dtype=np.uint64)
    theirs = np.array([row["phash"] for row in held_out], dtype=np.uint64)
    pairs = near_pairs(ours, theirs, radius).tolist()
    return [(images[i]["image_id"], held_out[j]["image_id"]) for i, j in pairs]


def near_vectors(
    images: Iterable[Block], held_out: Block, least_cosine: float, wanted: Iterable[Pair] = ()
) -> dict[Pair, float]:
    """Return the cosines of all pairs of at least `least_cosine`, and of the pairs wanted whatever their cosine.

    Block by block as matrix products: memory holds the held-out vectors and one block of cosines, whatever N is.
    """
    theirs, held_MD = held_out
    place = {one: index for index, one in enumerate(theirs)}
    asked: dict[str, list[int]] = {}
    for ours, other in wanted:
        if other in place:
            asked.setdefault(ours, []).append(place[other])
    found: dict[Pair, float] = {}
    for ids, vector_ND in images:
        for i, j, cosine in _close(vector_ND, held_MD, least_cosine):
            found[ids[i], theirs[j]] = cosine
        for i, one in enumerate(ids):
            found |= {(one, theirs[j]): float(vector_ND[i] @ held_MD[j]) for j in asked.get(one, [])}
    return found


def _close(
    vector_ND: NDArray[np.float32], held_MD: NDArray[np.float32], least: float
) -> Iterator[tuple[int, int, float]]:
    for begin in range(0, len(held_MD), HELD_ROWS):
        cosine_NM = vector_ND @ held_MD[begin : begin + HELD_ROWS].T
        for i, j in np.argwhere(cosine_NM >= least - ROUNDING).tolist():
            yield i, begin + j, float(cosine_NM[i, j])


def _leak(image: Row, held_out: Row) -> dict[str, Any]:
    return {
        "image_id": image["image_id"], "benchmark": held_out["benchmark"], "benchmark_image_id": held_out["image_id"],
        "phash_distance": differing_bits(image["phash"], held_out["phash"]),
        "dhash_distance": differing_bits(image["dhash"], held_out["dhash"]),
    }  # fmt: skip
