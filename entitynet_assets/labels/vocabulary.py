"""Class indices that are for good: an entity keeps the index that it once had, a new one gets the next.

Belongs here: what becomes of earlier classes. Does not belong here: counting pictures (assets.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def with_indices(
    counted: Iterable[Mapping[str, Any]], earlier: Iterable[Mapping[str, Any]], least: int
) -> list[dict[str, Any]]:
    """Return rows of label_vocabulary for entities with `qid`, `label` and `image_count`, and the rows that were there before.

    An entity with `least` pictures or more gets a class index, in the order of the ids of those that are new; one with fewer has
    none, or, if it had one, keeps it. `reason` says why a row is no class to train on: no_pictures, too_few_pictures,
    no_entity (it was one once).
    """
    before = {row["qid"]: row for row in earlier}
    indices = {qid: row["class_index"] for qid, row in before.items() if row["class_index"] is not None}
    rows, following = [], max(indices.values(), default=-1) + 1
    for row in sorted(counted, key=lambda row: row["qid"]):
        reason = why_not(row["image_count"], least)
        index = indices.pop(row["qid"], None)
        if index is None and reason is None:
            index, following = following, following + 1
        rows.append({**row, "class_index": index, "reason": reason})
    gone = [
        {"qid": qid, "label": before[qid]["label"], "image_count": 0, "class_index": index, "reason": "no_entity"}
        for qid, index in indices.items()
    ]
    return [*rows, *gone]


def why_not(image_count: int, least: int) -> str | None:
    """Return why an entity is no class to train on; None if it is one."""
    if image_count == 0:
        return "no_pictures"
    return "too_few_pictures" if image_count < least else None
