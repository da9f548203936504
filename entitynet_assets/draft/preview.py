"""What a study would hold: the graph's tables, made in a folder that is thrown away.

Belongs here: making them, and the lines and samples read off them. Does not belong here: how the tables are made (graph/).
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from entitynet_assets.lake import Lake
from entitynet_assets.resources import Progress, Workplace
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import TABLES

MADE = (
    "graph_source", "wikidata_items", "parent_statements", "entity_parents", "entity_roots", "visual_judgements", "visuality", "entities",
    "root_branches", "graph_integrity",
)  # fmt: skip
LEFT_OUT = (
    "not_ok", "outside_roots", "no_label", "few_sitelinks", "no_image", "excluded", "excluded_by_statement", "not_leaf", "not_visual",
    "over_limit",
)  # fmt: skip
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Preview:
    """What the graph's tables say of a study."""

    members: int
    entities: Rows
    branches: Rows
    left_out: Mapping[str, int]


def preview(study: Study, progress: Progress) -> Preview:
    """Make the graph's tables of a study in a folder that is gone afterwards; return what they say."""
    with tempfile.TemporaryDirectory(prefix="entitynet-") as folder:
        place = Workplace(study, Lake(Path(folder) / "lake"), progress=progress)
        with contextlib.closing(place):
            return _made(place)


def _made(place: Workplace) -> Preview:
    # With these comes Dagster, which other commands do without.
    from entitynet_assets.definitions import stations
    from entitynet_assets.partitions import slice_keys
    from entitynet_assets.stations import run_slice

    for name in MADE:
        run_slice(stations()[name], place, slice_keys(place.study, TABLES[name].slicing)[0])
    members = {row["qid"] for row in place.lake.rows("wikidata_items") if row["role"] == "member"}
    why = Counter(row["finding"] for row in place.lake.rows("graph_integrity") if row["qid"] in members)
    entities = sorted(place.lake.rows("entities"), key=lambda row: (-row["sitelink_count"], row["qid"]))
    branches = sorted(
        place.lake.rows("root_branches"), key=lambda row: (-row["entities"], -row["members"], row["branch_qid"])
    )
    if not place.study.scope.roots:
        branches = []  # an item named is its own root, and nothing hangs below it
    return Preview(len(members), entities, branches, {finding: why[finding] for finding in LEFT_OUT if why[finding]})


def _branch(row: Mapping[str, Any]) -> str:
    if row["branch_qid"] == row["root_qid"]:
        return f"{row['root_label']} ({row['root_qid']}), all of it"
    return f"{row['branch_label'] or 'no label'} ({row['branch_qid']}) < {row['root_label']}"


def told(found: Preview, samples: int = 12, branches: int = 20) -> list[str]:
    """Return the preview as lines for people."""
    left = ", ".join(f"{number:,} {finding.replace('_', ' ')}" for finding, number in found.left_out.items())
    lines = [f"{found.members:,} members, {len(found.entities):,} entities; left out: {left or 'none'}"]
    if found.branches:
        lines += ["", "members  entities  root or branch"]
        lines += [f"{row['members']:>7,}  {row['entities']:>8,}  {_branch(row)}" for row in found.branches[:branches]]
        lines += [f"... and {len(found.branches) - branches:,} more"] if len(found.branches) > branches else []
    lines += ["", "The best known entities:"]
    for row in found.entities[:samples]:
        kind = f", {row['natural_type']}" if row["natural_type"] else ""
        lines.append(
            f"  {row['qid']:<10} {row['label']}{kind}{': ' + row['description'] if row['description'] else ''}"
        )
    return lines
