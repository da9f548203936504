"""The door of the shards room: assignment, tars, takedowns, the release and its named parts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO

from entitynet_assets.lineage import DriftError
from entitynet_assets.shards.manifest import as_json, manifest, parent_of, release_id, wids_index
from entitynet_assets.shards.pack import assign_shards, members_digest, pack_tar, without
from entitynet_assets.shards.subreleases import keep_query, predicate
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import RELEASE, SAMPLES, SHARDS, SUBRELEASES, TOMBSTONES

Row = dict[str, Any]
_SKIPPED = """
    SELECT image_id FROM samples
    WHERE image_id IN (SELECT image_id FROM tombstones) OR image_id NOT IN (SELECT image_id FROM kept_images)
"""
_SKIPPED_PER_SHARD = f"SELECT shard, count(*) AS skipped FROM samples WHERE image_id IN ({_SKIPPED}) GROUP BY shard"
_WORDS = """
    SELECT DISTINCT image_texts.image_id, image_texts.source, image_texts.text
    FROM image_texts JOIN samples USING (image_id) WHERE samples.shard = $shard
"""
_PICTURES = f"SELECT image_id, round FROM samples WHERE image_id NOT IN ({_SKIPPED})"
_LICENCES = f"""
    SELECT coalesce(licence, 'unknown') AS licence, count(DISTINCT image_id) AS pictures
    FROM ({_PICTURES}) LEFT JOIN downloads USING (image_id) LEFT JOIN urls USING (url_id) GROUP BY ALL ORDER BY ALL
"""
_NOT_SCREENED = f"""
    SELECT count(*) AS pictures FROM ({_PICTURES})
    WHERE image_id NOT IN (SELECT image_id FROM verdicts WHERE rule = 'unwanted' AND verdict <> 'not_judged')
"""


@station(
    SAMPLES, reads=("kept_images",), code_version="2",
    params=lambda place: [place.study.shards.samples_per_shard, sorted(place.lake.purged())],
)  # fmt: skip
def samples(work: Work) -> Made:
    """The tar and place of every packed picture. Append-only: a picture once packed stays in its tar, unless it was purged."""
    purged = work.lake.purged()
    kept = [row for row in work.rows("kept_images") if row["image_id"] not in purged]
    packed = without(work.own_rows(), purged)
    rows = assign_shards(kept, packed, work.slice, work.study.shards.samples_per_shard)
    return Made(rows, {"packed": len(rows)})


@station(SHARDS, reads=("samples",), kinds=("python", "webdataset"))
def shards(work: Work) -> Made:
    """Tars of pictures and keys only, the same to the byte for the same members; an unchanged tar is not written again.

    Each tar is noted as soon as it is whole, so a killed run packs none twice.
    """
    known = {row["shard"]: row for row in work.own_rows() + work.lake.notes(work.table.name, work.slice)}
    ordered = work.select("SELECT * FROM samples ORDER BY shard, shard_index")
    groups = [(name, list(rows)) for name, rows in groupby(ordered, key=lambda row: row["shard"])]
    made, packed = [], 0
    for number, (name, rows) in enumerate(groups, 1):
        digest, old = members_digest(rows), known.get(name)
        if old and old["members_digest"] == digest and (work.lake.root / old["path"]).exists():
            made.append(old)
        else:
            made.append(_pack(work, name, rows, digest))
            work.lake.add_notes(work.table.name, work.slice, made[-1:])
            packed += 1
        work.advance(number, len(groups), "shards")
    return Made(made, {"shards": len(made)}, {"shards_packed": packed})


def _pack(work: Work, name: str, rows: list[Row], digest: str) -> Row:
    found: tuple[str, int] = ("", 0)

    def fill(file: BinaryIO) -> str:
        nonlocal found
        found = pack_tar(file, _members(work, rows))
        return f"{name}-{found[0][:12]}.tar"

    path = work.lake.put_stream("shards", fill)
    facts = {"shard": name, "path": path, "sha256": found[0], "sample_count": len(rows), "size_bytes": found[1]}
    return {**facts, "members_digest": digest}


def _members(work: Work, rows: list[Row]) -> Iterator[tuple[str, bytes]]:
    """Yield names and bytes of a tar, one at a time. Raises DriftError for a stored picture that is not what was decoded."""
    for row in rows:
        path = Path(work.lake.root, row["path"])
        content = path.read_bytes() if path.exists() else b""
        if hashlib.sha256(content).hexdigest() != row["stored_sha256"]:
            raise DriftError(
                f"samples.path of picture {row['image_id']}: {path} {'was changed on disk' if content else 'is gone'}; put the file back, "
                f"or do without it: entitynet takedown --picture {row['image_id']} --only-these-bytes --purge --reason 'file lost'"
            )
        yield f"{row['image_id']}.jpg", content


@station(TOMBSTONES, params=lambda place: place.lake.ledger_digest(), code_version="2")
def tombstones(work: Work) -> Made:
    """Pictures taken down, from the ledger of requests; loaders obey the ledger itself, from the moment of the request."""
    first, purged = dict[str, Row](), work.lake.purged()
    for request in work.lake.tombstone_ledger():
        if request["image_id"] is None:  # addresses alone
            continue
        row = {name: request.get(name) for name in TOMBSTONES.column_names}
        first.setdefault(request["image_id"], {**row, "purged": request["image_id"] in purged})
    return Made(list(first.values()), {"taken_down": len(first)})


@station(
    RELEASE, code_version="2", params=lambda place: place.lake.ledger_digest(),
    reads=("shards", "samples", "kept_images", "tombstones", "image_texts", "downloads", "urls", "verdicts", "graph_snapshot",
           "leaks", "benchmark_images"),
)  # fmt: skip
def release(work: Work) -> Made:
    """The dataset version: every tar with its hash, the sidecar of words beside it, and the keys that loaders skip.

    Its manifest, release/<id>.json, stays when another release follows; beside it lies an index for random access by `wids`.
    """
    skip_path, skip_digest, skipped = work.lake.export(_SKIPPED, work.views, "release/skip")
    chosen = work.rows("shards")
    identity = release_id(chosen, skip_digest)
    per_shard = {row["shard"]: row["skipped"] for row in work.select(_SKIPPED_PER_SHARD)}
    rows = []
    for number, shard in enumerate(chosen, 1):
        texts_path, texts_digest, _ = work.lake.export(
            _WORDS, work.views, f"release/{shard['shard']}-texts", {"shard": shard["shard"]}
        )
        rows.append({
            "release_id": identity, "shard": shard["shard"], "tar_path": shard["path"], "tar_sha256": shard["sha256"],
            "size_bytes": shard["size_bytes"],
            "sample_count": shard["sample_count"], "skipped_count": per_shard.get(shard["shard"], 0),
            "texts_path": texts_path, "texts_digest": texts_digest, "skip_path": skip_path, "skip_digest": skip_digest,
        })  # fmt: skip
        work.advance(number, len(chosen), "sidecars")
    facts = _facts(work, identity) | {"skipped": skipped}
    work.lake.put_file(f"release/{identity}.json", manifest(rows, facts).encode())
    work.lake.put_file(f"release/{identity}-wids.json", wids_index(identity, rows, "../").encode())
    return Made(rows, {"pictures": facts["pictures"], "skipped": skipped, "not_screened": facts["not_screened"]})


def _facts(work: Work, identity: str) -> Row:
    """Return what a manifest says beside its shards; a picture of several licences counts for each."""
    rounds = work.select(f"SELECT round, count(*) AS pictures FROM ({_PICTURES}) GROUP BY round ORDER BY round")
    not_screened = work.select(_NOT_SCREENED)[0]["pictures"]
    return {
        "release_id": identity, "study": work.study.name, "round": work.lake.round(),
        "parent": parent_of(identity, work.own_rows(), work.lake.manifests()),
        "pictures": sum(row["pictures"] for row in rounds),
        "rounds": {str(row["round"]): row["pictures"] for row in rounds},
        "licences": {row["licence"]: row["pictures"] for row in work.select(_LICENCES)},
        "graph": work.rows("graph_snapshot"),
        "screened": not_screened == 0, "not_screened": not_screened,
        "taken_down": len(work.rows("tombstones", "image_id")), "takedowns": work.lake.ledger_digest(),
    }  # fmt: skip


@station(
    SUBRELEASES, params=lambda place: [one.model_dump() for one in place.study.subreleases],
    reads=("release", "samples", "kept_images", "tombstones", "image_entities", "entity_parents", "downloads", "hits", "urls", "images"),
)  # fmt: skip
def subreleases(work: Work) -> Made:
    """Named parts of the release, over the same tars: the keys that a part has, and those that its loaders skip."""
    held = work.rows("release")
    return Made([_part(work, chosen.name, predicate(chosen), held) for chosen in work.study.subreleases if held])


def _part(work: Work, name: str, asked: Row, held: list[Row]) -> Row:
    query = keep_query(asked)
    keep_path, _, pictures = work.lake.export(query, work.views, f"release/{name}-keep", asked)
    rest = f"SELECT image_id FROM samples WHERE image_id NOT IN ({query})"
    skip_path, skip_digest, _ = work.lake.export(rest, work.views, f"release/{name}-skip", asked)
    facts = {"subrelease": name, "release_id": held[0]["release_id"], "predicate": json.dumps(asked, sort_keys=True)}
    row = {
        **facts, "picture_count": pictures, "keep_path": keep_path, "skip_path": skip_path, "skip_digest": skip_digest,
    }  # fmt: skip
    work.lake.put_file(f"release/{held[0]['release_id']}-{name}.json", as_json({**row, "predicate": asked}).encode())
    return row


STATIONS: tuple[Station, ...] = (samples, shards, tombstones, release, subreleases)
