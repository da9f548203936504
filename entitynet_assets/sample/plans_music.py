"""Body plans of musical instruments: strings, winds.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours. What does not: other things people make (plans_things.py).
"""

import math
import random
from itertools import pairwise

from entitynet_assets.sample.brush import Brush, Ink, arc
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, RUBBER, STEEL, shade


def string_instrument(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a body with neck and strings, upright: pickups make horns, a bow a waist, else there is a round hole."""
    wide = 0.9 / look.elongation + 0.1
    brush.box((-0.05, -0.85), (0.05, 0.3), ink.dark)
    if look.has("stand"):
        brush.line([(0, 0.9), (0, 0.99)], 0.05, STEEL)
    if look.has("pickup"):
        horned_body(brush, ink, wide)
    elif look.has("bow"):
        waisted_body(brush, ink, wide)
    else:
        round_holed_body(brush, ink, wide)
    neck_end(brush, look, ink)
    if look.has("bow"):
        x = rng.uniform(0.5, 0.68)
        brush.line([(x, -0.8), (x + 0.12, 0.85)], 0.035, shade(ink.main, 0.7))
        brush.line([(x - 0.06, -0.78), (x + 0.06, 0.86)], 0.015, NAMED["white"])


def waisted_body(brush: Brush, ink: Ink, wide: float) -> None:
    """Draw a hollow body with a waist, two curved holes and a tailpiece."""
    brush.ellipse((0, 0.62), (wide, 0.34), ink.main)
    brush.ellipse((0, 0.12), (wide * 0.78, 0.27), ink.main)
    brush.box((-wide * 0.6, 0.15), (wide * 0.6, 0.6), ink.main)
    for side in (-1, 1):
        brush.line([(side * 0.2, 0.3), (side * 0.14, 0.44), (side * 0.2, 0.58)], 0.035, ink.dark)
    brush.box((-0.05, -0.1), (0.05, 0.35), ink.dark)
    brush.polygon([(-0.07, 0.62), (0.07, 0.62), (0.04, 0.9), (-0.04, 0.9)], ink.dark)


def round_holed_body(brush: Brush, ink: Ink, wide: float) -> None:
    """Draw a hollow body like an eight with a rim, a round hole and a bridge."""
    for grow, colour in ((1.0, shade(ink.main, 0.6)), (0.88, ink.main)):
        brush.ellipse((0, 0.58), (wide * 1.12 * grow, 0.4 * grow), colour)
        brush.ellipse((0, 0.1), (wide * 0.82 * grow, 0.28 * grow), colour)
    brush.box((-0.06, -0.85), (0.06, 0.2), shade(NAMED["brown"], 0.7))
    brush.ellipse((0, 0.34), (0.17, 0.17), shade(NAMED["brown"], 0.8))
    brush.ellipse((0, 0.34), (0.13, 0.13), RUBBER)
    brush.box((-0.17, 0.68), (0.17, 0.76), shade(NAMED["brown"], 0.6))


def horned_body(brush: Brush, ink: Ink, wide: float) -> None:
    """Draw a solid body with two horns, a guard and pickups."""
    brush.ellipse((0.02, 0.66), (wide * 1.05, 0.3), ink.main)
    brush.box((-wide * 0.85, 0.2), (wide * 0.85, 0.7), ink.main, 0.1)
    for side, reach in ((-1, -0.12), (1, 0.0)):
        brush.ellipse((side * wide * 0.68, 0.18 + reach), (0.12, 0.24), ink.main, side * 0.3)
    brush.ellipse((0.08, 0.5), (wide * 0.6, 0.3), ink.second, 0.3)
    brush.box((-0.05, -0.85), (0.05, 0.4), shade(NAMED["brown"], 1.2))
    for y in (0.42, 0.58):
        brush.box((-0.13, y), (0.13, y + 0.07), RUBBER, 0.02)
    brush.box((-0.12, 0.76), (0.12, 0.82), STEEL)


def neck_end(brush: Brush, look: Look, ink: Ink) -> None:
    """Draw head, pegs and strings."""
    brush.box((-0.08, -0.97), (0.08, -0.8), shade(ink.main, 0.8), 0.03)
    for y in (-0.94, -0.85) if look.has("peg") else ():
        for side in (-1, 1):
            brush.ellipse((side * 0.13, y), (0.05, 0.03), ink.dark)
    for x in (-0.025, 0.025) if look.has("string") else ():
        brush.line([(x, -0.82), (x, 0.74)], 0.012, NAMED["white"])


def wind_instrument(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a bent conical tube with a flared bell and keys; without a bell it is straight."""
    if not look.has("bell"):
        return straight_tube(brush, look, ink, rng)
    tilt = rng.uniform(-0.05, 0.05)
    bow = arc((0.08, 0.5), 0.34, math.pi, 0, 12)
    tube = [(-0.78, -0.62), (-0.6, -0.86), (-0.36, -0.78), (-0.28, -0.4), (-0.26 + tilt, 0.5), *bow]
    for i, (start, stop) in enumerate(pairwise(tube)):
        brush.line([start, stop], 0.06 + 0.24 * i / len(tube), ink.main)
    brush.polygon([(0.3, 0.55), (0.54, 0.55), (0.8, -0.2), (0.2, -0.28)], ink.main)
    brush.ellipse((0.5, -0.24), (0.31, 0.1), shade(ink.main, 0.6), 0.12)
    for y in (-0.35, -0.15, 0.05, 0.25, 0.45) if look.has("key") else ():
        brush.ellipse((-0.25, y), (0.07, 0.06), shade(ink.main, 1.5))
    brush.line([(-0.14, -0.4), (-0.12, 0.5)], 0.03, shade(ink.main, 0.65))
    brush.line([(-0.86, -0.56), (-0.76, -0.66)], 0.09, RUBBER)


def straight_tube(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a straight tube aslant with joints, a mouth hole and keys."""
    rise = rng.uniform(0.35, 0.6)
    at = lambda t, off=0.0: (-0.95 + 1.9 * t - off * rise * 0.5, rise - 2 * rise * t - off)
    wide = 0.09 + 0.8 / max(5.0, look.elongation)
    brush.line([at(0.0), at(1.0)], wide, ink.main)
    brush.line([at(0.0, 0.04), at(1.0, 0.04)], wide * 0.25, shade(ink.main, 1.5))
    for t in (0.22, 0.78):
        brush.line([at(t), at(t + 0.02)], wide * 1.5, shade(ink.main, 0.6))
    brush.ellipse(at(0.88), (0.08, 0.06), shade(ink.main, 0.4))
    for i in range(7 if look.has("key") else 0):
        brush.ellipse(at(0.12 + 0.09 * i, 0.06), (0.055, 0.05), shade(ink.main, 1.55))
        brush.ellipse(at(0.12 + 0.09 * i, 0.06), (0.025, 0.025), shade(ink.main, 0.6))
