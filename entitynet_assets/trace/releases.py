"""The releases that a picture was in, their named parts, and the requests that took it down.

Belongs here: reading manifests and requests, and what they say. Does not belong here: making either (shards, releases).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.lake import LIVE_SKIPS, Lake
from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.trace.tree import Branch, branch, counted, said

SEEN = {"releases": "release_id", "subreleases": "subrelease", "mixes": "mix", "checkpoints": "path", "exports": "out"}


def listed(shelf: Shelf, paths: Sequence[str], image_id: str) -> bool:
    """Say whether a list of keys names a picture; the list of what is taken down now says nothing of what was, and is left out."""
    files = [str(shelf.lake.root / one) for one in paths if one != LIVE_SKIPS and (shelf.lake.root / one).is_file()]
    query = "SELECT 1 FROM read_parquet($files) WHERE image_id = $image_id LIMIT 1"
    return bool(files) and bool(shelf.ask(query, files=files, image_id=image_id))


def release_branches(shelf: Shelf, image_id: str, packed: Sequence[Row]) -> list[Branch]:
    """Return the releases of which the picture is or was a part, oldest first; none if it is in no tar."""
    manifests = sorted(shelf.lake.manifests().values(), key=lambda one: one["round"])
    below = [_release(shelf, one, image_id) for one in manifests if _holds(one, packed)]
    for row in shelf.ask("SELECT subrelease, keep_path, predicate FROM subreleases ORDER BY subrelease"):
        if listed(shelf, [row["keep_path"]], image_id):
            facts = {"subrelease": row["subrelease"], "predicate": row["predicate"]}
            below.append(branch("subrelease", f"part {row['subrelease']}", facts, grade="good"))
    return (
        [branch("releases", f"in {counted(len(below), 'release or part', 'releases and parts')}", {}, below)]
        if below
        else []
    )


def takedown_branches(lake: Lake, image_id: str) -> list[Branch]:
    """Return the requests that took the picture down, with all that had seen pictures of theirs before."""
    found = [json.loads(path.read_text()) for path in sorted((lake.root / "takedowns").glob("*.json"))]
    purged = image_id in lake.purged()
    return [_takedown(one, purged) for one in found if image_id in one["pictures"]]


def _holds(manifest: Mapping[str, Any], packed: Sequence[Row]) -> bool:
    counts = {row["shard"]: row["sample_count"] for row in manifest["shards"]}
    return any(row["shard_index"] < counts.get(row["shard"], 0) for row in packed)


def _release(shelf: Shelf, one: Mapping[str, Any], image_id: str) -> Branch:
    skipped = listed(shelf, [row["skip_path"] for row in one["shards"][:1]], image_id)
    words = said(
        f"release {one['release_id']} of round {one['round']}", "skipped" if skipped else "", one.get("retired")
    )
    facts = {"release_id": one["release_id"], "skipped": skipped, "retired": one.get("retired")}
    return branch("release", words, facts, grade="note" if skipped or "retired" in one else "good")


def _takedown(one: Mapping[str, Any], purged: bool) -> Branch:
    asked = f", asked by {one['requested_by']}" if one["requested_by"] else ""
    words = (
        f"taken down by request {one['takedown_id']} ({one['kind']}) at {one['taken_down_at']}: {one['reason']}{asked}"
    )
    had = [
        branch(
            "had_by",
            f"{kind.removesuffix('s')} {row[SEEN[kind]]} had {row['pictures']} pictures of the request",
            {"by": kind, **row},
        )
        for kind, rows in one["seen"].items()
        for row in rows
    ]
    facts = {name: one[name] for name in ("takedown_id", "kind", "reason", "requested_by", "taken_down_at")}
    return branch(
        "takedown", words + ("; its bytes were destroyed" if purged else ""), {**facts, "purged": purged}, had, "bad"
    )
