"""Charts are well-formed, say in words what they show, and place what they are given."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ElementTree

import pytest

from entitynet_assets.charts import (
    INLINE,
    LABELS,
    Bar,
    Series,
    as_markdown,
    bar_chart,
    funnel,
    line_chart,
    small_bars,
    sparkline,
)

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('a & b')</script>"


def words(drawing: str) -> list[str]:
    return [node.text or "" for node in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def test_a_bar_is_as_long_as_its_share_of_the_whole() -> None:
    drawing = bar_chart([Bar("all", 8), Bar("half", 4), Bar("none", 0)], "title")
    widths = [float(node.attrib["width"]) for node in ElementTree.fromstring(drawing).iter(f"{SVG}rect")]
    assert widths[1] == pytest.approx(widths[0] / 2)
    assert widths[2] == 1


def test_an_interval_and_a_mark_stand_where_their_values_are() -> None:
    drawing = bar_chart([Bar("a", 0.5, low=0.25, high=1.0)], "title", full=1.0, mark=0.25, mark_note="chance")
    root = ElementTree.fromstring(drawing)
    full = 2 * float(next(root.iter(f"{SVG}rect")).attrib["width"])
    interval, mark = [node.attrib["d"] for node in root.iter(f"{SVG}path")]
    assert interval.startswith(f"M{LABELS + full / 4:.1f} ")
    assert f"H{LABELS + full:.1f}M" in interval
    assert mark.startswith(f"M{LABELS + full / 4:.1f} ")
    assert "chance" in words(drawing)


def test_a_funnel_says_the_share_of_the_stage_before() -> None:
    assert words(funnel([("addresses", 200), ("kept", 50)], "t")) == [
        "addresses",
        "200",
        "kept",
        "50  (25 % of addresses)",
    ]
    assert words(funnel([("addresses", 0), ("kept", 0)], "t")) == ["addresses", "0", "kept", "0"]


def test_lines_begin_left_and_fall_downwards() -> None:
    drawing = line_chart([Series("demo", [(0, 5.0), (10, 3.0)])], "loss", "seen", "nats")
    line = next(
        node.attrib["d"] for node in ElementTree.fromstring(drawing).iter(f"{SVG}path") if node.get("stroke-width")
    )
    first, last = ([float(number) for number in place.split()] for place in line[1:].split("L"))
    assert first[0] < last[0]
    assert first[1] < last[1], "a lower loss stands lower"
    assert {"demo", "seen", "nats", "5.00", "3.00"} <= set(words(drawing))


@pytest.mark.parametrize("points", [[(1, 2.0)], [(1, 2.0), (2, 2.0)]])
def test_one_point_and_a_flat_line_are_drawn(points: list[tuple[float, float]]) -> None:
    for drawing in (line_chart([Series("flat", points)], "t", "x", "y"), sparkline([y for _, y in points])):
        shapes = [
            node
            for node in ElementTree.fromstring(drawing).iter()
            if node.tag in (f"{SVG}path", f"{SVG}polyline", f"{SVG}circle")
        ]
        assert shapes, drawing
        assert not [value for node in shapes for value in node.attrib.values() if "nan" in value or "inf" in value]


def test_nothing_to_draw_is_no_chart() -> None:
    assert line_chart([], "t", "x", "y") == ""
    ElementTree.fromstring(bar_chart([], "t"))


def test_what_the_web_says_is_escaped_everywhere() -> None:
    for drawing in (bar_chart([Bar(HOSTILE, 1, HOSTILE)], HOSTILE), line_chart([Series(HOSTILE, [(0, 1)])], HOSTILE, HOSTILE, HOSTILE),
                    small_bars([(HOSTILE, 1)])):  # fmt: skip
        assert "<script" not in drawing
        ElementTree.fromstring(drawing)


def test_small_drawings_fit_into_what_the_ui_shows_at_once() -> None:
    found = as_markdown(sparkline([5 - 0.001 * step for step in range(5000)]), "loss [of] (demo)!")
    assert found is not None
    assert len(found) < INLINE
    assert found.startswith("![loss of demo](data:image/svg+xml;base64,")
    drawing = base64.b64decode(found.rsplit(",", 1)[1][:-1]).decode()
    ElementTree.fromstring(drawing)
    bars = as_markdown(small_bars([("robots", 3), ("not_found", 20)]), "outcomes")
    assert bars is not None
    assert as_markdown("<svg>" + "x" * INLINE, "too long") is None
