"""The contact sheet of a study: kept pictures, rejected ones with the reason, and links that gave no picture.

Belongs here: which pictures, and the lines below them. Does not belong here: layout (contact_sheet.py), queries (figures.py).
"""

from __future__ import annotations

from entitynet_assets.contact_sheet import BAD, GOOD, Section, Tile, contact_sheet
from entitynet_assets.report import figures
from entitynet_assets.shelf import Row, Shelf

COLUMNS, SIDE_PX = 7, 118
KEPT, REJECTED, FEWEST = 14, 14, 2  # pictures shown; of each rule at least
SHORT = {  # a reason's words on a tile, with the measure in it
    "size": "side {measure:.0f} px, under {threshold:.0f}", "aspect": "ratio {measure:.1f}, over {threshold:.1f}",
    "blank": "{measure:.2f} bits, under {threshold:.1f}", "placeholder": "at {measure:.0f} addresses",
    "duplicate": "{measure:.0f} bits from another", "leak": "{measure:.0f} bits from held out",
    "relevance": "cosine {measure:.2f}, under {threshold:.2f}", "blocklist": "{measure:.0f} bits from blocked",
}  # fmt: skip


def verdict_sheet(shelf: Shelf) -> bytes:
    """Return the sheet as a JPEG. Its title is the study's, so that what is drawn is said to be."""
    reasons = figures.reasons(shelf)
    per_rule = max(FEWEST, REJECTED // max(len({row["rule"] for row in reasons}), 1))
    kept, rejected = figures.kept(shelf, KEPT), figures.rejected(shelf, REJECTED, per_rule)
    failed = [f"{row['outcome']} {row['count']:,}" for row in figures.outcomes(shelf) if row["outcome"] != "ok"]
    refused = [f"{row['rule']} {row['count']:,}" for row in reasons]
    counts = dict(figures.stages(shelf))
    sections = [
        Section(f"Kept: {counts.get('kept', 0):,} pictures that no rule rejects", _tiles(shelf, kept)),
        Section(f"Rejected, some of each rule: {', '.join(refused) or 'none'}", _tiles(shelf, rejected)),
        Section("Addresses that gave no picture", (), (", ".join(failed) or "none",)),
    ]
    return contact_sheet(shelf.study.title, sections, COLUMNS, SIDE_PX)


def _tiles(shelf: Shelf, rows: list[Row]) -> tuple[Tile, ...]:
    there = [row for row in rows if (shelf.lake.root / row["path"]).is_file()]
    return tuple(
        Tile(shelf.lake.blob(row["path"]), tile_lines(row), BAD if row.get("verdicts") else GOOD) for row in there
    )


def tile_lines(row: Row) -> tuple[str, ...]:
    """Return what stands below a picture: what rejects it and by how much, or what it was kept as."""
    label = row["label"] or "no entity"
    if not row.get("verdicts"):
        return (label, row["words"] or "")
    first = row["verdicts"][0]
    why = SHORT.get(first["rule"], "") if first["measure"] is not None and not _alike(first["reason"]) else ""
    return (first["rule"], why.format(**first) if why else (first["reason"] or "").replace("_", " "), label)


def _alike(reason: str | None) -> bool:
    """Say whether it is a leak by embedding, whose measure is no number of bits."""
    return (reason or "").startswith("looks_held_out")
