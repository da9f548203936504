"""The report as one HTML page: figures put into the template, charts drawn, pictures inlined as small JPEGs.

Belongs here: what stands where on the page. Does not belong here: queries (figures.py), drawing (charts.py), markup
(page.html.j2). Everything that came from the web is escaped by the template; the page asks for nothing outside itself.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from PIL import Image

from entitynet_assets.charts import COLOURS, GREY, Bar, Series, bar_chart, funnel, line_chart
from entitynet_assets.report import figures
from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.trace.fate import measured, plain_reason

SHOWN_KEPT, SHOWN_REJECTED, PER_RULE = 24, 36, 12
SHOWN_ENTITIES, SHOWN_CONFUSIONS, SHOWN_BRANCHES = 15, 12, 20
THUMB_PX = 96
FOUND = ("items read", "entities", "searches", "hits")  # stages that grow; a funnel begins after them


def render(shelf: Shelf) -> str:
    """Return the whole page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )  # fmt: skip
    environment.filters["percent"] = lambda share: "-" if share is None else f"{100 * share:.1f} %"
    environment.filters["count"] = lambda number: "-" if number is None else f"{number:,}"
    return environment.get_template("page.html.j2").render(**contents(shelf))


def contents(shelf: Shelf) -> dict[str, Any]:
    """Return every value that the template names."""
    board, stages = figures.board(shelf), figures.stages(shelf)
    return {
        "study": shelf.study, "round": shelf.lake.round(), "release": figures.release(shelf), "failed": shelf.failed(),
        "snapshot": figures.snapshot(shelf),
        "board": board, "floors": figures.floors(shelf), "board_chart": _board_chart(board),
        "found": [stage for stage in stages if stage[0] in FOUND],
        "funnel": Markup(funnel([stage for stage in stages if stage[0] not in FOUND], "Pictures from stage to stage")),
        "losses": _loss_chart(shelf), "kept": _pictures(shelf, figures.kept(shelf, SHOWN_KEPT)),
        "rejected": _pictures(shelf, figures.rejected(shelf, SHOWN_REJECTED, PER_RULE)),
        "outcomes": _counts(figures.outcomes(shelf), "outcome", "Addresses by what came of asking", good="ok"),
        "reasons": _counts(_worded(figures.reasons(shelf)), "words", "Rejected pictures by reason"),
        "findings": _counts(figures.findings(shelf), "finding", "Faults of the graph"),
        "entities": figures.entities(shelf, SHOWN_ENTITIES), "entity_count": dict(stages).get("entities", 0),
        "branches": _branch_chart(figures.branches(shelf, SHOWN_BRANCHES)), "thin": shelf.study.curation.thin_pictures,
        "confusions": figures.confusions(shelf, SHOWN_CONFUSIONS),
    }  # fmt: skip


def _board_chart(board: list[Row]) -> Markup:
    bars = [
        Bar(row["recipe"], row["acc1"], f"{100 * row['acc1']:.1f} %", COLOURS[0], row["acc1_low"], row["acc1_high"])
        for row in board
    ]
    chance = next((row["chance"] for row in board if row["chance"]), None)
    full = max([0.1, *(row["acc1_high"] for row in board)])
    words = f"chance {100 * chance:.1f} %" if chance else ""
    return Markup(bar_chart(bars, "Accuracy of each recipe with its 95 % interval", full, chance, words))


def _loss_chart(shelf: Shelf) -> Markup:
    series = [Series(recipe, points) for recipe, points in figures.losses(shelf).items()]
    return Markup(line_chart(series, "Training loss over pictures seen", "pictures seen", "loss, nats"))


def _counts(rows: list[Row], name: str, title: str, good: str = "") -> Markup:
    bars = [
        Bar(row[name], row["count"], f"{row['count']:,}", COLOURS[2] if row[name] == good else GREY) for row in rows
    ]
    return Markup(bar_chart(bars, title)) if bars else Markup("")


def _branch_chart(rows: list[Row]) -> Markup:
    bars = [
        Bar(
            row["branch_label"] + (" (root)" if row["depth"] == 0 else ""), row["kept_median"],
            f"{row['kept_median']:g}; {row['thin']:,} of {row['entities']:,} thin", COLOURS[1] if row["thin"] else COLOURS[0],
        )
        for row in rows
    ]  # fmt: skip
    return Markup(bar_chart(bars, "Kept pictures of the middle entity of each branch")) if bars else Markup("")


def _worded(rows: list[Row]) -> list[Row]:
    return [{**row, "words": f"{row['rule']}: {(row['reason'] or '').replace('_', ' ')}"} for row in rows]


def _pictures(shelf: Shelf, rows: list[Row]) -> list[Row]:
    return [
        {
            **row,
            "src": thumbnail(shelf, row["path"]),
            "twin_src": thumbnail(shelf, row.get("twin") or ""),
            "why": why(row),
        }
        for row in rows
    ]


def why(row: Row) -> list[str]:
    """Return the verdicts that reject a picture, in words; none for a kept one."""
    verdicts = row.get("verdicts") or []
    return [
        f"{one['rule']}: {plain_reason(one['reason'] or '').replace('_', ' ')}"
        + (f" ({found})" if (found := measured(one)) else "")
        for one in verdicts
    ]


def thumbnail(shelf: Shelf, path: str) -> str:
    """Return a stored picture as a data: address of a small JPEG; empty if the file is gone."""
    if not (shelf.lake.root / path).is_file():
        return ""
    with Image.open(io.BytesIO(shelf.lake.blob(path))) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((THUMB_PX, THUMB_PX))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=75, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
