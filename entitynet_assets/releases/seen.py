"""Who had pictures: releases, their named parts, mixes, checkpoints, exports. What was once given out is listed, not only what is.

Belongs here: reading manifests, specifications and lists of this lake. Does not belong here: pictures' own trails (trace/).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from entitynet_assets.lake import LIVE_SKIPS, Lake
from entitynet_assets.shelf import Shelf

Row = dict[str, Any]
_PLACES = "SELECT image_id, shard, shard_index FROM samples WHERE image_id = ANY($ids)"
_MIXES = """
    WITH available AS (
        SELECT DISTINCT image_id, source FROM image_texts WHERE image_id = ANY($ids)
        UNION SELECT DISTINCT image_id, kind FROM image_entities JOIN entity_texts USING (qid) WHERE image_id = ANY($ids)
        UNION SELECT DISTINCT image_id, 'query' FROM image_entities WHERE image_id = ANY($ids) AND query_text <> ''
    )
    SELECT mix, count(DISTINCT image_id) AS pictures FROM available JOIN caption_mixes USING (source)
    WHERE weight > 0 AND image_id IN (SELECT image_id FROM samples) GROUP BY mix ORDER BY mix
"""


def who_saw(shelf: Shelf, image_ids: Sequence[str]) -> dict[str, list[Row]]:
    """Return releases, subreleases, mixes, checkpoints and exports that had any of these pictures, each with how many."""
    lake, ids = shelf.lake, sorted(image_ids)
    places = {row["image_id"]: (row["shard"], row["shard_index"]) for row in shelf.ask(_PLACES, ids=ids)}
    return {
        "releases": _releases(lake, places),
        "subreleases": _subreleases(lake, ids),
        "mixes": shelf.ask(_MIXES, ids=ids),
        "checkpoints": _checkpoints(shelf, places),
        "exports": _exports(lake, ids),
    }


def had(lake: Lake, places: Mapping[str, tuple[str, int]], shards: Mapping[str, int], skips: Iterable[str]) -> set[str]:
    """Return which packed pictures some tars held, given how many pictures of each tar, without those on lists of skipped keys."""
    held = {one for one, (shard, place) in places.items() if place < shards.get(shard, 0)}
    for path in skips:
        if path != LIVE_SKIPS:  # says what is taken down now, not what was when they were read
            held -= set(in_list(lake, path, sorted(held)))
    return held


def in_list(lake: Lake, path: str, image_ids: Sequence[str]) -> list[str]:
    """Return which of these pictures a list of the lake names; a list that is gone names none."""
    if not image_ids or not (lake.root / path).is_file():
        return []
    query = "SELECT image_id FROM listed WHERE image_id = ANY($ids)"
    return [row["image_id"] for row in lake.select(query, {"listed": [lake.root / path]}, {"ids": list(image_ids)})]


def _releases(lake: Lake, places: Mapping[str, tuple[str, int]]) -> list[Row]:
    found = []
    for name, one in lake.manifests().items():
        count = len(
            had(
                lake,
                places,
                {row["shard"]: row["sample_count"] for row in one["shards"]},
                [row["skip_path"] for row in one["shards"][:1]],
            )
        )
        found += [{"release_id": name, "round": one["round"], "pictures": count}] if count else []
    return found


def _subreleases(lake: Lake, ids: Sequence[str]) -> list[Row]:
    found = []
    for path in sorted((lake.root / "release").glob("*.json")):
        one = json.loads(path.read_text())
        if "keep_path" in one and (count := len(in_list(lake, one["keep_path"], ids))):
            found.append({"subrelease": one["subrelease"], "release_id": one["release_id"], "pictures": count})
    return found


def _checkpoints(shelf: Shelf, places: Mapping[str, tuple[str, int]]) -> list[Row]:
    """Return every run that began with pictures, also those that another run of the recipe has replaced since."""
    current = {Path(row["path"]).parent.name: row for row in shelf.ask("SELECT path, step FROM checkpoints")}
    found = []
    for path in sorted((shelf.lake.root / "jobs" / "train").glob("*/spec.json")):
        spec = json.loads(path.read_text())
        shards = {row["name"]: row["samples"] for row in spec["data"]["shards"]}
        count = len(had(shelf.lake, places, shards, spec["data"]["skip"])) if spec["samples_seen"] else 0
        if count:
            found.append({
                "recipe": spec["recipe"], "mix": spec["mix"]["name"], "release_id": spec["data"]["release_id"],
                "path": str(path.parent.relative_to(shelf.lake.root)), "current": path.parent.name in current,
                "pictures": count,
            })  # fmt: skip
    return found


def _exports(lake: Lake, ids: Sequence[str]) -> list[Row]:
    found = []
    for one in (one for one in lake.exports() if "out" in one):
        files = sorted(Path(one["out"]).glob("*.parquet"))
        query = "SELECT count(*) AS pictures FROM exported WHERE sha256 = ANY($ids)"
        count = lake.select(query, {"exported": files}, {"ids": list(ids)})[0]["pictures"] if files else None
        if count or count is None:
            found.append({"out": one["out"], "pictures": count})
    return found
