"""The door of the shards room: assignment, tars, takedowns and the release."""

from __future__ import annotations

import hashlib
from itertools import groupby
from typing import Any

from entitynet_assets.shards.manifest import manifest, release_id
from entitynet_assets.shards.pack import assign_shards, members_digest, pack_tar
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import RELEASE, SAMPLES, SHARDS, TOMBSTONES

Row = dict[str, Any]
_SKIPPED = """
    SELECT image_id FROM samples
    WHERE image_id IN (SELECT image_id FROM tombstones) OR image_id NOT IN (SELECT image_id FROM kept_images)
"""
_WORDS = """
    SELECT DISTINCT image_texts.image_id, image_texts.source, image_texts.text
    FROM image_texts JOIN samples USING (image_id) WHERE samples.shard = $shard
"""


@station(SAMPLES, reads=("kept_images",), params=lambda place: place.study.shards.samples_per_shard)
def samples(work: Work) -> Made:
    """The tar and place of every packed picture. Append-only: a picture once packed stays in its tar."""
    rows = assign_shards(work.rows("kept_images"), work.own_rows(), work.slice, work.study.shards.samples_per_shard)
    return Made(rows, {"packed": len(rows)})


@station(SHARDS, reads=("samples",), kinds=("python", "webdataset"))
def shards(work: Work) -> Made:
    """Tars of pictures and keys only, the same to the byte for the same members; an unchanged tar is not written again."""
    known = {row["shard"]: row for row in work.own_rows()}
    ordered = work.select("SELECT * FROM samples ORDER BY shard, shard_index")
    groups = [(name, list(rows)) for name, rows in groupby(ordered, key=lambda row: row["shard"])]
    made, packed = [], 0
    for number, (name, rows) in enumerate(groups, 1):
        digest, old = members_digest(rows), known.get(name)
        if old and old["members_digest"] == digest and (work.lake.root / old["path"]).exists():
            made.append(old)
        else:
            made.append(_pack(work, name, rows, digest))
            packed += 1
        work.advance(number, len(groups), "shards")
    return Made(made, {"shards": len(made)}, {"shards_packed": packed})


def _pack(work: Work, name: str, rows: list[Row], digest: str) -> Row:
    content = pack_tar([(f"{row['image_id']}.jpg", work.lake.blob(row["path"])) for row in rows])
    sha256 = hashlib.sha256(content).hexdigest()
    path = work.lake.put_file(f"shards/{name}-{sha256[:12]}.tar", content)
    return {
        "shard": name,
        "path": path,
        "sha256": sha256,
        "sample_count": len(rows),
        "size_bytes": len(content),
        "members_digest": digest,
    }


@station(TOMBSTONES, params=lambda place: place.lake.ledger_digest())
def tombstones(work: Work) -> Made:
    """Pictures taken down, from the ledger of requests; loaders never yield them from the moment they stand here."""
    first: dict[str, Row] = {}
    for request in work.lake.tombstone_ledger():
        first.setdefault(request["image_id"], request)
    return Made(list(first.values()), {"taken_down": len(first)})


@station(RELEASE, reads=("shards", "samples", "kept_images", "tombstones", "image_texts", "leaks", "benchmark_images"))
def release(work: Work) -> Made:
    """The dataset version: every tar with its hash, the sidecar of words beside it, and the keys that loaders skip."""
    skip_path, skip_digest, skipped = work.lake.export(_SKIPPED, work.views, "release/skip")
    chosen = work.rows("shards")
    identity = release_id(chosen, skip_digest)
    per_shard = {row["shard"]: row["skipped"] for row in work.select(
        f"SELECT shard, count(*) AS skipped FROM samples WHERE image_id IN ({_SKIPPED}) GROUP BY shard"
    )}  # fmt: skip
    rows = []
    for number, shard in enumerate(chosen, 1):
        texts_path, texts_digest, _ = work.lake.export(
            _WORDS, work.views, f"release/{shard['shard']}-texts", {"shard": shard["shard"]}
        )
        rows.append({
            "release_id": identity, "shard": shard["shard"], "tar_path": shard["path"], "tar_sha256": shard["sha256"],
            "sample_count": shard["sample_count"], "skipped_count": per_shard.get(shard["shard"], 0),
            "texts_path": texts_path, "texts_digest": texts_digest, "skip_path": skip_path, "skip_digest": skip_digest,
        })  # fmt: skip
        work.advance(number, len(chosen), "sidecars")
    facts = {"release_id": identity, "study": work.study.name, "round": work.lake.round(), "skipped": skipped}
    work.lake.put_file(f"release/{identity}.json", manifest(rows, facts).encode())
    pictures = sum(row["sample_count"] for row in rows)
    return Made(rows, {"pictures": pictures - skipped, "skipped": skipped})


STATIONS: tuple[Station, ...] = (samples, shards, tombstones, release)
