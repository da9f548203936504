"""Body plans of animals: quadruped, bird, fish.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours. What does not: plants (plans_plants.py).
"""

import math
import random

from entitynet_assets.sample.brush import Brush, Ink, Point, arc, scattered
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, shade

HEAVY_ANIMAL_M = 2.5
UPRIGHT = 2.5  # height over width of a bird that stands straight
LONG_FISH = 3.0


def quadruped(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a four-legged animal from the side, its head to the left."""
    heavy = (look.height_m or 1) > HEAVY_ANIMAL_M
    hoofed = look.has("hoof")
    leg = 0.72 if hoofed else 0.5 if heavy else 0.42
    body = (0.62 if hoofed else 0.68, 0.44 if heavy else 0.27 if hoofed else 0.25)
    top = 0.85 - leg - body[1] * 0.55
    draw_legs(brush, ink, rng, (top, 0.15 if heavy else 0.085 if hoofed else 0.12), body[0])
    brush.ellipse((0.08, top), body, ink.main)
    tail = [(0.68, top - 0.1), (0.82, top + 0.1), (0.8 + rng.uniform(-0.1, 0.1), top + 0.42)]
    brush.line(tail if hoofed else [(x + 0.02, y - 0.02) for x, y in tail], 0.05, shade(ink.main, 0.8))
    if heavy:
        heavy_head(brush, look, ink, rng, top)
    elif hoofed:
        hoofed_head(brush, look, ink, rng, top)
    else:
        round_head(brush, look, ink, rng, top)
    if "black" in look.colours:
        stripes(brush, ink, rng, top, body)


def draw_legs(brush: Brush, ink: Ink, rng: random.Random, stand: Point, half_length: float) -> None:
    """Draw two far and two near legs; `stand` is (height of the body, width of a leg)."""
    top, width = stand
    for x, factor in ((-0.52, 0.75), (0.52, 0.75), (-0.72, 0.95), (0.72, 0.95)):
        foot = x * half_length + 0.08 + rng.uniform(-0.12, 0.12)
        brush.line([(x * half_length + 0.08, top), (foot, 0.88)], width * 1.6, shade(ink.main, factor))
        brush.box((foot - width * 0.8, 0.84), (foot + width * 0.8, 0.94), shade(ink.dark, 1.1), 0.02)


def hoofed_head(brush: Brush, look: Look, ink: Ink, rng: random.Random, top: float) -> None:
    """Draw a long neck with a mane and a long face."""
    nod = rng.uniform(-0.06, 0.16)
    neck = [(-0.2, top - 0.2), (-0.56, -0.62 + nod), (-0.72, -0.48 + nod), (-0.52, top + 0.12)]
    brush.polygon(neck, ink.main)
    brush.line([(-0.2, top - 0.22), (-0.55, -0.68 + nod)], 0.12, ink.dark)
    brush.ellipse((-0.78, -0.42 + nod), (0.27, 0.115), ink.main, 2.4)
    brush.polygon([(-0.6, -0.6 + nod), (-0.64, -0.82 + nod), (-0.52, -0.66 + nod)], ink.main)
    brush.ellipse((-0.94, -0.26 + nod), (0.09, 0.075), ink.dark if "black" in look.colours else shade(ink.main, 0.7))
    brush.ellipse((-0.72, -0.52 + nod), (0.03, 0.03), (20, 18, 18))
    if "black" in look.colours:
        for t in (0.2, 0.45, 0.7):
            x, y = -0.28 - 0.34 * t, top - 0.2 + (-0.4 + nod - top) * t
            brush.line([(x, y), (x - 0.2, y + 0.16)], 0.05, ink.dark)


def round_head(brush: Brush, look: Look, ink: Ink, rng: random.Random, top: float) -> None:
    """Draw a round head with small ears; a second colour makes a mane, black makes marks on the brow."""
    x, y = -0.66, top - 0.2 + rng.uniform(-0.06, 0.1)
    if len(look.colours) > 1 and "black" not in look.colours:
        for i in range(14):
            turn = 2 * math.pi * i / 14
            brush.ellipse((x + 0.05 + 0.27 * math.cos(turn), y + 0.04 + 0.3 * math.sin(turn)), (0.15, 0.15), ink.second)
    for ear in (-0.14, 0.14):
        brush.ellipse((x + ear, y - 0.22), (0.09, 0.09), shade(ink.main, 0.6))
    brush.ellipse((x, y), (0.26, 0.25), ink.main)
    brush.ellipse((x - 0.06, y + 0.11), (0.15, 0.11), shade(ink.main, 1.35))
    brush.ellipse((x - 0.08, y + 0.06), (0.045, 0.035), (60, 30, 30))
    for eye in (-0.13, 0.07):
        brush.ellipse((x + eye, y - 0.05), (0.035, 0.035), (20, 18, 18))
    for mark in (-0.08, 0.0, 0.08) if "black" in look.colours else ():
        brush.line([(x + mark, y - 0.23), (x + mark * 0.7, y - 0.13)], 0.03, ink.dark)


def heavy_head(brush: Brush, look: Look, ink: Ink, rng: random.Random, top: float) -> None:
    """Draw a big head with a large ear, a hanging nose and, with teeth stated, a tusk."""
    swing = rng.uniform(-0.15, 0.12)
    y = top - 0.14
    trunk = [(-0.72, y), (-0.86, y + 0.3), (-0.84 + swing * 0.5, y + 0.62), (-0.9 + swing, y + 0.86)]
    brush.line(trunk, 0.15, shade(ink.main, 0.92))
    brush.ellipse((-0.6, y - 0.02), (0.29, 0.3), ink.main)
    brush.ellipse((-0.4, y), (0.24, 0.34), shade(ink.main, 0.82), 0.2)
    if look.has("tooth"):
        brush.line([(-0.72, y + 0.22), (-0.92, y + 0.4)], 0.06, NAMED["white"])
    brush.ellipse((-0.7, y - 0.08), (0.03, 0.03), (20, 18, 18))


def stripes(brush: Brush, ink: Ink, rng: random.Random, top: float, body: Point) -> None:
    """Draw dark bands over the body."""
    count = rng.choice((6, 7, 8))
    for i in range(count):
        x = -0.8 + 1.6 * (i + 0.5) / count
        half = body[1] * math.sqrt(max(0.0, 1 - x * x))
        cx = 0.08 + x * body[0]
        bend = rng.uniform(-0.06, 0.06)
        brush.line([(cx, top - half * 0.95), (cx + bend, top), (cx, top + half * 0.6)], 0.055, ink.dark)


def bird(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a bird: a stated neck makes a wader, a high narrow one stands up, red makes a comb, else it is one of prey."""
    if look.has("neck"):
        wader(brush, ink, rng)
    elif look.elongation > UPRIGHT:
        upright_bird(brush, look, ink, rng)
    elif "red" in look.colours:
        fowl(brush, ink, rng)
    else:
        bird_of_prey(brush, ink, rng)


def upright_bird(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a bird that stands straight, with a pale belly, flippers and a patch at the neck."""
    lean = rng.uniform(-0.06, 0.06)
    patch = ink.light if len(look.colours) < 3 else NAMED[look.colours[2]]
    for x in (-0.16, 0.12):
        brush.ellipse((x, 0.9), (0.17, 0.06), (70, 60, 50))
    for side in (-1, 1):
        brush.ellipse((side * 0.4, 0.16), (0.1, 0.42), shade(ink.main, 0.8), side * rng.uniform(-0.45, -0.1))
    brush.ellipse((0, 0.25), (0.4, 0.66), ink.main)
    brush.ellipse((-0.06, 0.32), (0.29, 0.55), ink.second)
    brush.ellipse((lean, -0.58), (0.22, 0.24), ink.main)
    brush.ellipse((-0.02 + lean, -0.34), (0.19, 0.1), patch)
    brush.polygon([(-0.16 + lean, -0.66), (-0.5 + lean, -0.56), (-0.16 + lean, -0.52)], shade(patch, 0.8))
    brush.ellipse((-0.08 + lean, -0.64), (0.03, 0.03), ink.light)


def bird_of_prey(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a perching bird with a raised wing, a head and tail in its second colour and a hooked beak."""
    lift = rng.uniform(-0.15, 0.15)
    brush.polygon([(0.3, 0.2), (0.85, 0.6), (0.6, 0.72), (0.12, 0.42)], ink.second)
    for x in (-0.1, 0.08):
        brush.line([(x, 0.5), (x - 0.03, 0.86)], 0.08, NAMED["yellow"])
        brush.line([(x - 0.14, 0.9), (x + 0.08, 0.88)], 0.05, NAMED["yellow"])
    brush.ellipse((0.02, 0.16), (0.34, 0.46), ink.main, -0.35)
    wing = [
        (-0.1, 0.0),
        (0.3, -0.75 + lift),
        (0.62, -0.92 + lift),
        (0.66, -0.6 + lift),
        (0.74, -0.4 + lift),
        (0.4, 0.3),
    ]
    brush.polygon(wing, shade(ink.main, 0.75))
    for i in range(3):
        brush.line([(0.1 + 0.1 * i, 0.02), (0.45 + 0.09 * i, -0.66 + 0.2 * i + lift)], 0.03, shade(ink.main, 0.5))
    brush.ellipse((-0.26, -0.36), (0.21, 0.2), ink.second)
    brush.line([(-0.42, -0.38), (-0.6, -0.36), (-0.62, -0.24)], 0.11, NAMED["yellow"])
    brush.ellipse((-0.3, -0.42), (0.03, 0.03), (20, 18, 18))


def wader(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a bird on stilts with an S-shaped neck and a bent beak."""
    lean = rng.uniform(-0.08, 0.08)
    for x, foot in ((0.08, 0.02), (0.22, 0.3 + lean)):
        brush.line([(x, 0.15), (x + 0.05, 0.55), (foot, 0.95)], 0.045, shade(ink.main, 0.85))
    brush.ellipse((0.2, 0.02), (0.42, 0.24), ink.main, 0.2)
    brush.ellipse((0.32, 0.02), (0.32, 0.14), shade(ink.main, 0.8), 0.3)
    neck = [(-0.12, 0.0), (-0.36, -0.12), (-0.3, -0.4), (-0.14, -0.6), (-0.24 + lean, -0.84), (-0.38 + lean, -0.84)]
    brush.line(neck, 0.1, ink.main)
    brush.ellipse((-0.38 + lean, -0.84), (0.11, 0.085), ink.main)
    brush.line([(-0.46 + lean, -0.82), (-0.6 + lean, -0.74), (-0.6 + lean, -0.62)], 0.07, ink.dark)
    brush.ellipse((-0.4 + lean, -0.87), (0.02, 0.02), (20, 18, 18))


def fowl(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a plump bird with a raised tail, a comb and short legs."""
    for x in (-0.05, 0.12):
        brush.line([(x, 0.4), (x + rng.uniform(-0.05, 0.05), 0.85), (x - 0.12, 0.88)], 0.05, NAMED["yellow"])
    for i, angle in enumerate((-0.3, -0.7, -1.1)):
        brush.ellipse((0.58 - i * 0.06, -0.18 - i * 0.14), (0.36, 0.12), shade(ink.dark, 1.0 + 0.12 * i), angle)
    brush.ellipse((0.05, 0.12), (0.48, 0.38), ink.main)
    brush.polygon([(-0.3, 0.25), (-0.52, -0.5), (-0.3, -0.62), (0.15, -0.1)], shade(ink.main, 1.15))
    brush.ellipse((-0.42, -0.55), (0.16, 0.15), shade(ink.main, 1.15))
    for x in (-0.52, -0.42, -0.32):
        brush.ellipse((x, -0.74), (0.07, 0.1), NAMED["red"])
    brush.ellipse((-0.5, -0.34), (0.06, 0.11), NAMED["red"])
    brush.polygon([(-0.56, -0.6), (-0.76, -0.52), (-0.56, -0.48)], NAMED["yellow"])
    brush.ellipse((-0.45, -0.58), (0.025, 0.025), (20, 18, 18))
    brush.ellipse((0.12, 0.12), (0.28, 0.18), shade(ink.main, 0.72), 0.2)


def fish(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a fish from the side with fins and a forked tail; a long one hunts, a high one has scales."""
    sway = rng.uniform(-0.12, 0.12)
    (long_fish if look.elongation > LONG_FISH else high_fish)(brush, look, ink, rng, sway)
    brush.ellipse((-0.58, -0.08), (0.07, 0.07), NAMED["white"])
    brush.ellipse((-0.58, -0.08), (0.04, 0.04), (20, 18, 18))


def long_fish(brush: Brush, look: Look, ink: Ink, rng: random.Random, sway: float) -> None:
    """Draw a slim body with a pale belly, a high back fin, gills and, where stated, teeth."""
    dark = shade(ink.main, 0.8)
    brush.polygon([(0.6, 0), (0.98, -0.52 + sway), (0.84, sway), (0.95, 0.3 + sway)], dark)
    brush.polygon([(-0.14, -0.18), (0.12, -0.64 + sway / 2), (0.22, -0.14)], dark)
    brush.polygon([(-0.2, 0.14), (0.14, 0.56 - sway / 2), (0.1, 0.12)], dark)
    brush.ellipse((-0.1, 0), (0.84, 0.25), ink.main)
    brush.ellipse((-0.16, 0.11), (0.66, 0.13), shade(ink.main, 1.6))
    for x in (-0.38, -0.31, -0.24):
        brush.line([(x, -0.1), (x + 0.03, 0.08)], 0.025, shade(ink.main, 0.5))
    brush.line([(-0.86, 0.1), (-0.6, 0.13)], 0.03, (60, 20, 25))
    for x in (-0.84, -0.77, -0.7) if look.has("tooth") else ():
        brush.polygon([(x, 0.1), (x + 0.06, 0.1), (x + 0.03, 0.18)], NAMED["white"])


def high_fish(brush: Brush, look: Look, ink: Ink, rng: random.Random, sway: float) -> None:
    """Draw a round body with wide pale fins and scales."""
    high = 0.62 * 2 / max(1.6, look.elongation)
    pale = shade(ink.main, 1.25)
    brush.polygon([(0.4, 0), (0.95, -0.45 + sway), (0.78, sway), (0.95, 0.42 + sway)], pale)
    brush.polygon([(-0.3, -high * 0.7), (0.1, -high - 0.25), (0.4, -high * 0.5)], pale)
    brush.polygon([(-0.05, high * 0.7), (0.15, high + 0.22), (0.3, high * 0.6)], pale)
    brush.ellipse((-0.12, 0), (0.66, high), ink.main)
    for x, y in scattered(rng, 22, (0.4, high * 0.7)):
        brush.line(arc((x, y), 0.07, -1.2, 1.2, 5), 0.02, shade(ink.main, 0.8))
    brush.line(arc((-0.5, 0), high * 0.75, -0.9, 0.9, 8), 0.03, shade(ink.main, 0.65))
    brush.polygon([(-0.2, 0.05), (0.12, 0.2), (-0.08, 0.28)], shade(ink.main, 0.85))
