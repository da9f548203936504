"""What a release is: its shards, a name that follows from them, where its pictures come from, and its index for wids.

Belongs here: the content of manifests and their identity. Does not belong here: making shards (pack.py), words (joined at load).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]


def release_id(shards: Sequence[Row], skip_digest: str) -> str:
    """Return 16 hex digits over the tars and the pictures that loaders skip; words do not change it."""
    text = json.dumps([[row["shard"], row["sha256"]] for row in shards] + [skip_digest])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def manifest(rows: Sequence[Row], facts: Row) -> str:
    """Return the JSON text of a release: its shards with hashes and counts, and where they come from."""
    return as_json({**facts, "shards": [dict(row) for row in rows]})


def wids_index(name: str, rows: Sequence[Row], above: str) -> str:
    """Return the JSON text by which the package `wids` finds any picture by number; `above` leads from the index to the lake."""
    shards = [
        {"url": above + row["tar_path"], "nsamples": row["sample_count"], "filesize": row["size_bytes"]} for row in rows
    ]
    return as_json({"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": name, "shardlist": shards})


def parent_of(identity: str, before: Sequence[Row], known: Mapping[str, Row]) -> str | None:
    """Return the release that stood before this one, which a release made again keeps; None for the first."""
    if identity in known:
        return known[identity].get("parent")
    return before[0]["release_id"] if before else None


def as_json(values: Any) -> str:
    """Return values as a JSON text that is the same whenever it is written."""
    return json.dumps(values, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
