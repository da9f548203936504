"""Charts as SVG text: lines, bars, a funnel, intervals; small ones that fit into a note of the Dagster UI.

Belongs here: pure functions from figures to SVG. Does not belong here: which figures (report/, previews.py), pages.
Text takes the colour of its surroundings and marks are of middling lightness, so that a chart reads on light and dark.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

COLOURS = ("#2f7fc1", "#d97706", "#159a74", "#c2528b", "#7c6bd6", "#8a8a8a")  # told apart by most colour-blind eyes
GREY = "#888"
ROW, LABELS, WIDTH = 24, 250, 820
LONGEST = 36  # characters of a label
INLINE = 1000  # characters of Markdown that the Dagster UI shows without a click


@dataclass(frozen=True)
class Bar:
    """One bar: a label, its length, and words for its end; `low` and `high` bound it where it is an estimate."""

    label: str
    value: float
    note: str = ""
    colour: str = COLOURS[0]
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """One line of a chart: points (x, y) in the order of x."""

    label: str
    points: Sequence[tuple[float, float]]


def bar_chart(
    bars: Sequence[Bar], title: str, full: float = 0.0, mark: float | None = None, mark_note: str = ""
) -> str:
    """Return bars one below the other; `full` is the value of the whole width, `mark` a value to be seen against."""
    full = full or max((max(bar.value, bar.high or 0) for bar in bars), default=1) or 1
    room = WIDTH - LABELS - 170
    body = "".join(_row(bar, number * ROW, room / full) for number, bar in enumerate(bars))
    height = len(bars) * ROW + (18 if mark is not None else 2)
    if mark is not None:
        x = LABELS + mark * room / full
        body += f'<path d="M{x:.1f} 0V{height - 16}" stroke="{GREY}" stroke-dasharray="3 3"/>' + text(
            x, height - 3, mark_note, "middle"
        )
    return svg(body, WIDTH, height, title)


def _row(bar: Bar, top: float, scale: float) -> str:
    width = max(bar.value * scale, 1)
    drawn = f'<rect x="{LABELS}" y="{top + 4}" width="{width:.1f}" height="{ROW - 8}" rx="2" fill="{bar.colour}"/>'
    end = width
    if bar.low is not None and bar.high is not None:
        low, high, middle = LABELS + bar.low * scale, LABELS + bar.high * scale, top + ROW / 2
        line = f"M{low:.1f} {middle}H{high:.1f}M{low:.1f} {middle - 5}v10M{high:.1f} {middle - 5}v10"
        drawn += f'<path d="{line}" stroke="currentColor" fill="none"/>'
        end = max(width, high - LABELS)
    return (
        text(LABELS - 8, top + 16, bar.label if len(bar.label) <= LONGEST else bar.label[: LONGEST - 1] + "…", "end")
        + drawn
        + text(LABELS + end + 6, top + 16, bar.note)
    )


def funnel(stages: Sequence[tuple[str, int]], title: str) -> str:
    """Return stages as bars, each with the share of the stage before it."""
    bars = []
    for number, (label, count) in enumerate(stages):
        before = stages[number - 1][1] if number else 0
        share = f"  ({100 * count / before:.0f} % of {stages[number - 1][0]})" if before else ""
        bars.append(Bar(label, count, f"{count:,}{share}", COLOURS[0]))
    return bar_chart(bars, title)


def line_chart(series: Sequence[Series], title: str, x_name: str, y_name: str) -> str:
    """Return lines over one pair of axes, each with its name at its end."""
    points = [point for one in series for point in one.points]
    if not points:
        return ""
    left, top, right, bottom = 56, 26, WIDTH - 150, 264
    (x_low, x_high), (y_low, y_high) = _span([x for x, _ in points]), _span([y for _, y in points])

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (x - x_low) / (x_high - x_low) * (right - left), bottom - (y - y_low) / (y_high - y_low) * (
            bottom - top
        )

    body = f'<path d="M{left} {top}V{bottom}H{right}" stroke="{GREY}" fill="none"/>'
    for part in (0, 0.25, 0.5, 0.75, 1):
        x, y = left + part * (right - left), bottom - part * (bottom - top)
        body += f'<path d="M{left} {y:.1f}H{right}" stroke="{GREY}" stroke-opacity=".25"/>'
        body += text(left - 6, y + 4, f"{y_low + part * (y_high - y_low):.2f}", "end")
        body += text(x, bottom + 18, f"{x_low + part * (x_high - x_low):,.0f}", "middle")
    body += text((left + right) / 2, bottom + 36, x_name, "middle") + text(left - 44, top - 12, y_name)
    for number, one in enumerate(series):
        colour, placed = COLOURS[number % len(COLOURS)], [place(x, y) for x, y in one.points]
        line = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
        body += f'<path d="M{line}" stroke="{colour}" stroke-width="2" fill="none"/>'
        body += (
            f'<text x="{placed[-1][0] + 6:.1f}" y="{placed[-1][1] + 4:.1f}" fill="{colour}">{escape(one.label)}</text>'
        )
    return svg(body, WIDTH, bottom + 42, title)


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def text(x: float, y: float, words: str, anchor: str = "") -> str:
    """Return words at a place, in the colour of the surroundings."""
    placed = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{placed} fill="currentColor">{escape(words)}</text>' if words else ""


def svg(body: str, width: float, height: float, title: str) -> str:
    """Return a whole SVG that a screen reader names by its title."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" font-family="system-ui,sans-serif" '
        f'font-size="13" style="max-width:{width:g}px;width:100%"><title>{escape(title)}</title>{body}</svg>'
    )


# -- small ones, for Markdown --------------------------------------------------------------------------------------------


def sparkline(values: Sequence[float], width: int = 240, height: int = 48, points: int = 40) -> str:
    """Return a line of at most `points` points without axes."""
    step = max(1, -(-len(values) // points))
    chosen = [*values[:-1:step], values[-1]]
    low, high = _span(chosen)
    across = (width - 4) / max(len(chosen) - 1, 1)
    line = " ".join(
        f"{2 + n * across:.0f},{2 + (high - v) / (high - low) * (height - 4):.0f}" for n, v in enumerate(chosen)
    )
    return _small(f"<polyline points='{line}' fill='none' stroke='{COLOURS[0]}' stroke-width='2'/>", width, height)


def small_bars(rows: Sequence[tuple[str, int]], width: int = 320) -> str:
    """Return a few bars with their labels and counts."""
    top = max((value for _, value in rows), default=1) or 1
    path = "".join(
        f"M130 {n * 16 + 2}h{max(1, value / top * (width - 190)):.0f}v11H130" for n, (_, value) in enumerate(rows)
    )
    words = "".join(
        f"<text y='{n * 16 + 12}'>{escape(label)[:18]} {value}</text>" for n, (label, value) in enumerate(rows)
    )
    return _small(
        f"<g font-size='11' font-family='sans-serif' fill='{GREY}'>{words}</g><path d='{path}' fill='{COLOURS[0]}'/>",
        width,
        len(rows) * 16,
    )


def _small(body: str, width: int, height: int) -> str:
    return f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}'>{body}</svg>"


def as_markdown(drawing: str, words: str) -> str | None:
    """Return an SVG as an image of Markdown, or None if the Dagster UI would hide it for its length."""
    plain = "".join(character for character in words if character not in "[]()!\n")
    found = f"![{plain}](data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()})"
    return found if len(found) < INLINE else None
