"""Body plans of living things: fruit, quadruped, bird, fish, flower.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours.
What does not: things people make (plans_things.py).
"""

import math
import random

from entitynet_assets.sample.brush import Brush, Ink, Point, arc, moved, oval, scattered
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, mixed, shade

SMALL_FRUIT_M = 0.05
HEAVY_ANIMAL_M = 2.5


def fruit(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw one to three fruits: long ones bend, oval ones have tips, leafy ones a stalk."""
    count = rng.choice((1, 1, 1, 2, 3))
    scale = (0.95, 0.62, 0.55)[count - 1]
    spots = [(0.0, 0.0)] if count == 1 else [(-0.4, 0.1), (0.4, 0.2), (0.02, -0.42)][:count]
    for x, y in spots:
        at = (x + rng.uniform(-0.05, 0.05), y + rng.uniform(-0.05, 0.05))
        one_fruit(brush, look, ink, rng, (*at, scale))


def one_fruit(brush: Brush, look: Look, ink: Ink, rng: random.Random, place: tuple[float, float, float]) -> None:
    """Draw a fruit at (x, y, scale)."""
    at, scale = place[:2], place[2]
    if look.elongation > 3:
        bent_fruit(brush, ink, at, scale)
    elif look.has("leaf") and (look.length_m or 1) < SMALL_FRUIT_M:
        tapered_fruit(brush, ink, rng, at, scale)
    elif look.has("leaf"):
        stalked_fruit(brush, ink, rng, at, scale)
    else:
        plain_fruit(brush, look, ink, rng, place)


def bent_fruit(brush: Brush, ink: Ink, at: Point, scale: float) -> None:
    """Draw a crescent with dark tips."""
    outer = arc((0, -0.55), 1.15, 0.12 * math.pi, 0.88 * math.pi)
    inner = arc((0, -0.95), 1.22, 0.8 * math.pi, 0.2 * math.pi)
    brush.polygon(moved(outer + inner, at, scale), ink.main)
    brush.line(
        moved(arc((0, -0.72), 1.16, 0.2 * math.pi, 0.8 * math.pi), at, scale), 0.04 * scale, shade(ink.main, 0.8)
    )
    for tip in (outer[0], outer[-1]):
        brush.ellipse(moved([tip], at, scale)[0], (0.09 * scale, 0.09 * scale), shade(NAMED["brown"], 0.6))


def tapered_fruit(brush: Brush, ink: Ink, rng: random.Random, at: Point, scale: float) -> None:
    """Draw a heart-shaped cone with seeds outside and a green calyx."""
    left = [(-0.62, -0.35), (-0.66, -0.1), (-0.45, 0.35), (-0.15, 0.78), (0.0, 0.88)]
    outline = [(0.0, -0.6), (-0.4, -0.58), *left]
    brush.polygon(moved(outline + [(-x, y) for x, y in reversed(outline)], at, scale), ink.main)
    for x, y in scattered(rng, 26, (0.46, 0.5)):
        if abs(x) < 0.5 - max(0.0, y) * 0.6:
            brush.ellipse(moved([(x, y)], at, scale)[0], (0.03 * scale, 0.045 * scale), NAMED["yellow"])
    for angle in (-2.9, -2.3, -1.57, -0.85, -0.25):
        leaf_at = (0.28 * math.cos(angle), -0.58 + 0.16 * math.sin(angle))
        brush.polygon(moved(oval(leaf_at, (0.3, 0.11), angle, 12), at, scale), shade(NAMED["green"], 0.85))


def stalked_fruit(brush: Brush, ink: Ink, rng: random.Random, at: Point, scale: float) -> None:
    """Draw a round fruit with a hollow at the top, a stalk and a leaf."""
    for x in (-0.28, 0.28):
        brush.polygon(moved(oval((x, 0.0), (0.5, 0.66)), at, scale), ink.main)
    brush.polygon(moved(oval((0, 0.05), (0.62, 0.6)), at, scale), ink.main)
    brush.polygon(moved(oval((0, -0.55), (0.2, 0.09)), at, scale), shade(ink.main, 0.62))
    brush.polygon(moved(oval((-0.36, -0.2), (0.12, 0.22), 0.5), at, scale), shade(ink.main, 1.45))
    brush.line(moved([(0, -0.52), (0.08, -0.95)], at, scale), 0.08 * scale, shade(NAMED["brown"], 0.7))
    leaf_at = (0.36, -0.8 + rng.uniform(-0.05, 0.05))
    brush.polygon(moved(oval(leaf_at, (0.3, 0.12), -0.4), at, scale), shade(NAMED["green"], 0.8))


def plain_fruit(brush: Brush, look: Look, ink: Ink, rng: random.Random, place: tuple[float, float, float]) -> None:
    """Draw a round or oval fruit with pores; oval ones have a tip at both ends."""
    at, scale = place[:2], place[2]
    radii = (0.8, 0.8 / look.elongation)
    if look.elongation > 1.2:
        tips = [(-0.98, 0.0), (-0.6, -0.36), (0.6, -0.36), (1.0, 0.0), (0.6, 0.36), (-0.6, 0.36)]
        brush.polygon(moved(tips, at, scale), shade(ink.main, 0.94))
    brush.polygon(moved(oval((0, 0), radii), at, scale), ink.main)
    brush.polygon(moved(oval((-0.3, -radii[1] * 0.45), (0.2, 0.12), -0.4), at, scale), shade(ink.main, 1.4))
    for point in scattered(rng, 30, (radii[0] * 0.9, radii[1] * 0.9)):
        brush.ellipse(moved([point], at, scale)[0], (0.02 * scale, 0.02 * scale), shade(ink.main, 0.82))
    end = (radii[0] * 0.9, 0.0) if look.elongation > 1.2 else (0.1, -radii[1] * 0.8)
    brush.ellipse(moved([end], at, scale)[0], (0.08 * scale, 0.08 * scale), shade(NAMED["green"], 0.7))


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
        round_head(brush, ink, rng, top)
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


def round_head(brush: Brush, ink: Ink, rng: random.Random, top: float) -> None:
    """Draw a round head with small ears and a pale muzzle."""
    x, y = -0.66, top - 0.2 + rng.uniform(-0.06, 0.1)
    for ear in (-0.14, 0.14):
        brush.ellipse((x + ear, y - 0.22), (0.09, 0.09), ink.dark)
    brush.ellipse((x, y), (0.26, 0.25), ink.main)
    brush.ellipse((x - 0.06, y + 0.11), (0.15, 0.11), NAMED["white"])
    brush.ellipse((x - 0.08, y + 0.06), (0.045, 0.035), (60, 30, 30))
    for eye in (-0.13, 0.07):
        brush.ellipse((x + eye, y - 0.05), (0.035, 0.035), (20, 18, 18))
    for mark in (-0.08, 0.0, 0.08):
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
    """Draw a bird from the side, looking left; a stated neck makes a tall wader."""
    if look.has("neck"):
        wader(brush, ink, rng)
    else:
        fowl(brush, ink, rng)


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
    """Draw a fish from the side with fins, scales and a forked tail."""
    high = 0.62 * 2 / max(1.6, look.elongation)
    sway = rng.uniform(-0.12, 0.12)
    pale = shade(ink.main, 1.25)
    brush.polygon([(0.4, 0), (0.95, -0.45 + sway), (0.78, sway), (0.95, 0.42 + sway)], pale)
    brush.polygon([(-0.3, -high * 0.7), (0.1, -high - 0.25), (0.4, -high * 0.5)], pale)
    brush.polygon([(-0.05, high * 0.7), (0.15, high + 0.22), (0.3, high * 0.6)], pale)
    brush.ellipse((-0.12, 0), (0.66, high), ink.main)
    for x, y in scattered(rng, 22, (0.4, high * 0.7)):
        brush.line(arc((x, y), 0.07, -1.2, 1.2, 5), 0.02, shade(ink.main, 0.8))
    brush.line(arc((-0.5, 0), high * 0.75, -0.9, 0.9, 8), 0.03, shade(ink.main, 0.65))
    brush.polygon([(-0.2, 0.05), (0.12, 0.2), (-0.08, 0.28)], shade(ink.main, 0.85))
    brush.ellipse((-0.58, -0.08), (0.07, 0.07), NAMED["white"])
    brush.ellipse((-0.58, -0.08), (0.04, 0.04), (20, 18, 18))


def flower(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a flower on its stem: two colours make rays about a disc, one makes a cup."""
    lean = rng.uniform(-0.15, 0.15)
    wide = 0.5 if look.has("seed") else 0.42
    head = (lean, -0.42)
    green = shade(NAMED["green"], rng.uniform(0.65, 0.95))
    brush.line([head, (lean * 0.3, 0.3), (0, 0.97)], 0.09 if look.has("seed") else 0.06, green)
    if look.has("leaf"):
        for side in (-1, 1):
            long_leaf = len(look.colours) < 2
            radii = (0.42, 0.09) if long_leaf else (0.28, 0.13)
            brush.ellipse((side * 0.25, 0.6), radii, shade(green, 0.9), side * (-1.1 if long_leaf else -0.5))
    if len(look.colours) > 1:
        ray_head(brush, look, ink, head, wide)
    else:
        cup_head(brush, ink, head, wide)


def ray_head(brush: Brush, look: Look, ink: Ink, head: Point, wide: float) -> None:
    """Draw petals about a disc; seeds stated make the disc wide."""
    disc = wide * (0.55 if look.has("seed") else 0.3)
    count = 18 if look.has("seed") else 13
    for i in range(count):
        turn = 2 * math.pi * i / count
        reach = (disc + wide) / 2
        at = (head[0] + reach * math.cos(turn), head[1] + reach * math.sin(turn))
        brush.ellipse(at, ((wide - disc) / 2 + 0.06, 0.07), shade(ink.main, 1.0 if i % 2 else 0.9), turn)
    brush.ellipse(head, (disc, disc), ink.second)
    brush.ellipse(head, (disc * 0.55, disc * 0.55), shade(ink.second, 0.75))


def cup_head(brush: Brush, ink: Ink, head: Point, wide: float) -> None:
    """Draw closed petals standing up like a cup."""
    x, y = head
    for side in (-1, 1):
        petal = [(x, y + 0.36), (x + side * wide * 0.8, y + 0.1), (x + side * wide * 0.75, y - 0.42), (x, y - 0.1)]
        brush.polygon(petal, mixed(ink.main, ink.dark, 0.15))
    brush.polygon([(x, y + 0.4), (x - wide * 0.5, y), (x, y - 0.5), (x + wide * 0.5, y)], shade(ink.main, 1.12))
    brush.ellipse((x, y + 0.2), (wide * 0.62, 0.22), ink.main)
