"""How well copies are told from other shots: `ENTITYNET_DATA=... python -m tests.curation.likeness`, a minute of a core.

Prints the whole curve over radius and verification, in the halves that thresholds were chosen by and not, what of each edit is
found, and which of all photographs the default would drop. docs/likeness.md has the figures and what follows from them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from entitynet_assets.curation.alignment import compare, read_thumbnails
from entitynet_assets.curation.duplicates import candidates
from entitynet_assets.studies.models import Curation
from tests.curation.copies import SMALL_EDITS, Measured, edited_pairs, group_pairs, measured, natural_pairs, read

RADII = (0, 3, 4, 6, 8)
CORRELATIONS = (0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
HEADER = "| radius | verification | copies found | other shots lost | different lost | precision |"
CHOSEN = Curation()


def photographs(data: Path) -> list[Path]:
    """Return the photographs of the shared sets, in order."""
    found = [path for name in ("caltech101", "grocerystore", "flower_photos") for path in (data / name).rglob("*.jpg")]
    return sorted(found)


def line(radius: int, words: str, joined: np.ndarray, labels: np.ndarray) -> str:
    """Return a row of the curve."""
    count = {label: (joined & (labels == label)).sum() for label in ("copy", "near_same_scene", "different")}
    of = {label: (labels == label).sum() for label in count}
    precision = count["copy"] / joined.sum() if joined.sum() else 1.0
    cells = [f"{count[label]} of {of[label]}" for label in count]
    return f"| {radius} | {words} | {' | '.join(cells)} | {precision:.3f} |"


def curve(found: Measured, part: np.ndarray) -> list[str]:
    """Return the curve over those pairs of the sample that are in `part`, turned pictures left out."""
    labels = np.array([pair.label for pair in found.pairs])
    part = part & (labels != "turned")
    rows = [HEADER, "| --- | --- | --- | --- | --- | --- |"]
    for radius in RADII:
        rows.append(line(radius, "none: phash alone", (found.phash <= radius)[part], labels[part]))
        both = (found.phash <= radius) & (found.dhash <= 2 * radius)
        rows.append(line(radius, "dhash within twice the radius", both[part], labels[part]))
        for correlation in CORRELATIONS:
            joined = found.joined(radius, correlation, CHOSEN.duplicate_hue_distance)
            rows.append(line(radius, f"correlation of {correlation}", joined[part], labels[part]))
    return rows


def edits(paths: list[Path]) -> list[str]:
    """Return what share of each edit is proposed by hashes, would be confirmed, and is found."""
    found = measured(list(edited_pairs(paths)))
    names = np.array([pair.source for pair in found.pairs])
    rows = [f"| edit, of {len(paths)} photographs | proposed | confirmed | found |", "| --- | --- | --- | --- |"]
    proposed = found.nearest_hash <= CHOSEN.duplicate_radius
    confirmed = found.joined(64, CHOSEN.duplicate_correlation, CHOSEN.duplicate_hue_distance)
    for name in dict.fromkeys(names):
        part = names == name
        shares = [which[part].mean() for which in (proposed, confirmed, proposed & confirmed)]
        rows.append(f"| {name} | {shares[0]:.2f} | {shares[1]:.2f} | {shares[2]:.2f} |")
    small = np.isin(names, SMALL_EDITS)
    return [*rows, f"| all of the first {len(SMALL_EDITS)} | | | {(proposed & confirmed)[small].mean():.3f} |"]


def dropped(data: Path) -> list[str]:
    """Return the pairs that the default joins among all photographs."""
    paths = photographs(data)
    pictures = [read(path) for path in paths]
    hashes = (np.array([getattr(one, name) for one in pictures], dtype=np.uint64) for name in ("phash", "dhash"))
    pairs, mirrored, _ = candidates(*hashes, CHOSEN.duplicate_radius)
    thumbnails = read_thumbnails([one.thumbnail for one in pictures])
    correlation, hue = compare(thumbnails[pairs[:, 0]], thumbnails[pairs[:, 1]], mirrored)
    joined = (correlation >= CHOSEN.duplicate_correlation) & ~(hue > CHOSEN.duplicate_hue_distance)
    rows = [f"{len(paths)} photographs, {len(pairs)} pairs proposed, {joined.sum()} joined"]
    for (i, j), turned, value in zip(pairs[joined], mirrored[joined], correlation[joined], strict=True):
        rows.append(f"{value:.3f}  {paths[i].relative_to(data)}  {paths[j].name}{'  in a mirror' if turned else ''}")
    return rows


def main() -> None:
    """Print all of it."""
    root = os.environ.get("ENTITYNET_DATA")
    if not root:
        sys.exit(
            "ENTITYNET_DATA is not set; it names the folder that has neardup, caltech101, grocerystore and flower_photos"
        )
    data = Path(root)
    natural, groups = measured(list(natural_pairs(data))), measured(list(group_pairs(data / "neardup")))
    halves = np.array([pair.tuned_on for pair in natural.pairs])
    for words, found, part in (
        ("natural pairs, the half that thresholds were chosen by", natural, halves),
        ("natural pairs, the other half", natural, ~halves),
        ("natural pairs, all", natural, np.ones_like(halves)),
        ("groups of edited copies", groups, np.ones(len(groups.pairs), dtype=bool)),
    ):
        print(f"\n{words}\n", *curve(found, part), sep="\n")
    turned = [pair.label == "turned" for pair in groups.pairs]
    joined = groups.joined(8, CHOSEN.duplicate_correlation, CHOSEN.duplicate_hue_distance)[turned]
    print(f"\nturned by 30 degrees: {joined.sum()} of {len(joined)}\n")
    print(*edits(photographs(data)[7::25]), "", *dropped(data), sep="\n")


if __name__ == "__main__":
    main()
