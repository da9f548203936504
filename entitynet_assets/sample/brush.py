"""A brush on a square sheet with coordinates from -1 to 1 (x to the right, y downwards).

What it is: thin drawing verbs over Pillow, and the ink of one picture.
What belongs here: geometry that every body plan uses. What does not: any plan (plans_*.py), background (draw.py).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from entitynet_assets.sample.palette import RGB

Point = tuple[float, float]
Points = Sequence[Point]


@dataclass(frozen=True)
class Ink:
    """The colours of one picture: leading, second (stated or derived), dark and light accents."""

    main: RGB
    second: RGB
    dark: RGB
    light: RGB


class Brush:
    """Draws on a transparent square sheet of `side_px`."""

    def __init__(self, side_px: int) -> None:
        self.side_px = side_px
        self.sheet = Image.new("RGBA", (side_px, side_px), (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.sheet)

    def pixels(self, points: Points) -> list[Point]:
        """Turn sheet coordinates into pixels; the drawing fills 94 % of the sheet."""
        half = self.side_px / 2
        return [(half + x * half * 0.94, half + y * half * 0.94) for x, y in points]

    def polygon(self, points: Points, fill: RGB) -> None:
        """Fill a polygon."""
        self.pen.polygon(self.pixels(points), fill=(*fill, 255))

    def line(self, points: Points, width: float, fill: RGB) -> None:
        """Draw a line of a width in sheet units with round joints and ends."""
        pixels, width_px = self.pixels(points), max(1, round(width * self.side_px / 2))
        self.pen.line(pixels, fill=(*fill, 255), width=width_px, joint="curve")
        for x, y in (pixels[0], pixels[-1]) if width_px > 2 else ():
            r = width_px / 2 - 0.5
            self.pen.ellipse((x - r, y - r, x + r, y + r), fill=(*fill, 255))

    def ellipse(self, centre: Point, radii: Point, fill: RGB, angle: float = 0.0) -> None:
        """Fill an ellipse turned by `angle` radians."""
        self.polygon(oval(centre, radii, angle), fill)

    def ring(self, centre: Point, radius: float, width: float, fill: RGB) -> None:
        """Draw a circle line."""
        (x, y), r = self.pixels([centre])[0], radius * self.side_px * 0.47
        width_px = max(1, round(width * self.side_px / 2))
        self.pen.ellipse((x - r, y - r, x + r, y + r), outline=(*fill, 255), width=width_px)

    def box(self, left_top: Point, right_bottom: Point, fill: RGB, radius: float = 0.0) -> None:
        """Fill a rectangle, with round corners of a radius in sheet units."""
        (x0, y0), (x1, y1) = self.pixels([left_top, right_bottom])
        self.pen.rounded_rectangle((x0, y0, max(x0, x1), max(y0, y1)), radius * self.side_px / 2, fill=(*fill, 255))


def oval(centre: Point, radii: Point, angle: float = 0.0, steps: int = 36) -> list[Point]:
    """Return the outline of an ellipse turned by `angle` radians."""
    c, s = math.cos(angle), math.sin(angle)
    turns = [2 * math.pi * i / steps for i in range(steps)]
    corners = [(radii[0] * math.cos(t), radii[1] * math.sin(t)) for t in turns]
    return [(centre[0] + x * c - y * s, centre[1] + x * s + y * c) for x, y in corners]


def arc(centre: Point, radius: float, start: float, stop: float, steps: int = 16) -> list[Point]:
    """Return points on a circle between two angles in radians."""
    turns = [start + (stop - start) * i / steps for i in range(steps + 1)]
    return [(centre[0] + radius * math.cos(t), centre[1] + radius * math.sin(t)) for t in turns]


def moved(points: Points, by: Point, scale: float = 1.0) -> list[Point]:
    """Scale points about the origin, then shift them."""
    return [(x * scale + by[0], y * scale + by[1]) for x, y in points]


def scattered(rng: random.Random, count: int, radii: Point) -> list[Point]:
    """Return points spread evenly at random inside an ellipse about the origin."""
    spread = [(rng.random() ** 0.5, rng.uniform(0, 2 * math.pi)) for _ in range(count)]
    return [(r * radii[0] * math.cos(t), r * radii[1] * math.sin(t)) for r, t in spread]
