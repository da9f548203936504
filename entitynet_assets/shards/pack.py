"""Which tar a picture goes into, and the bytes of a tar.

Belongs here: pure assignment and packing. Does not belong here: reading and storing (assets.py, lake.py).

Every tar is a random sample of what was new in its slice and round: its members are in the order of their ids, and an id is the
sha256 of the picture's bytes, which knows nothing of what the picture shows; slices are cut by another hash (text.slice_of).
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, BinaryIO

Row = dict[str, Any]
BLOCK, RECORD = (
    tarfile.BLOCKSIZE,
    tarfile.RECORDSIZE,
)  # a tar is made of the one, and its length is a multiple of the other


def assign_shards(kept: Sequence[Row], packed: Sequence[Row], slice_name: str, samples_per_shard: int) -> list[Row]:
    """Return rows of samples: what was packed stays where it is, new pictures fill new tars in the order (round, image_id).

    Pictures that are no longer kept stay packed, loaders skip them. If the stored JPEG of a packed picture has changed
    (another size was chosen), the whole slice is packed anew.
    """
    now = {row["image_id"]: row["stored_sha256"] for row in kept}
    if any(now.get(row["image_id"], row["stored_sha256"]) != row["stored_sha256"] for row in packed):
        packed = []
    held = {row["image_id"] for row in packed}
    fresh = sorted(
        (row for row in kept if row["image_id"] not in held), key=lambda row: (row["round"], row["image_id"])
    )
    first = 1 + max((int(row["shard"].rsplit("-", 1)[1]) for row in packed), default=-1)
    return list(packed) + [
        _sample(row, slice_name, first, number, samples_per_shard) for number, row in enumerate(fresh)
    ]


def _sample(row: Row, slice_name: str, first: int, number: int, samples_per_shard: int) -> Row:
    shard = f"{slice_name}-{first + number // samples_per_shard:05d}"
    facts = {name: row[name] for name in ("image_id", "path", "stored_sha256", "round")}
    return {**facts, "shard": shard, "shard_index": number % samples_per_shard}


def without(packed: Iterable[Row], purged: Collection[str]) -> list[Row]:
    """Return rows of samples without pictures that were purged; in a tar that had one, those after it move up."""
    rows = sorted(packed, key=lambda row: (row["shard"], row["shard_index"]))
    left: list[Row] = []
    for _, group in groupby(rows, key=lambda row: row["shard"]):
        held = list(group)
        kept = [row for row in held if row["image_id"] not in purged]
        left += held if len(kept) == len(held) else [{**row, "shard_index": place} for place, row in enumerate(kept)]
    return left


def members_digest(samples: Sequence[Mapping[str, Any]]) -> str:
    """Return a sha256 over the members of a tar in order; equal digests mean equal tars."""
    text = "\n".join(f"{row['image_id']} {row['stored_sha256']}" for row in samples)
    return hashlib.sha256(text.encode()).hexdigest()


def pack_tar(file: BinaryIO, members: Iterable[tuple[str, bytes]]) -> tuple[str, int]:
    """Write a USTAR archive of (name, content) in the order given; returns (sha256, bytes). One member is in memory at a time.

    The same members give the same bytes every time: no clock, no user, no mode of theirs.
    """
    digest, size = hashlib.sha256(), 0

    def put(content: bytes) -> None:
        nonlocal size
        digest.update(content)
        size += file.write(content)

    for name, content in members:
        info = tarfile.TarInfo(name)
        info.size, info.mtime, info.mode = len(content), 0, 0o444
        put(info.tobuf(tarfile.USTAR_FORMAT))
        put(content)
        put(bytes(-len(content) % BLOCK))
    put(bytes(2 * BLOCK))
    put(bytes(-size % RECORD))
    return digest.hexdigest(), size
