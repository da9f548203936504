"""What a release is: its shards, and a name that follows from them.

Belongs here: the manifest's content and identity. Does not belong here: making shards (pack.py), words (joined at load).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def release_id(shards: Sequence[Mapping[str, Any]], skip_digest: str) -> str:
    """Return 16 hex digits over the tars and the pictures that loaders skip; words do not change it."""
    text = json.dumps([[row["shard"], row["sha256"]] for row in shards] + [skip_digest])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def manifest(rows: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> str:
    """Return the JSON text of a release: its shards with hashes and counts, and where they come from."""
    return (
        json.dumps({**facts, "shards": [dict(row) for row in rows]}, indent=1, sort_keys=True, ensure_ascii=False)
        + "\n"
    )
