"""Body plans of plants: fruit, flower.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours. What does not: animals (plans_animals.py).
"""

import math
import random

from entitynet_assets.sample.brush import Brush, Ink, Point, arc, moved, oval, scattered
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, mixed, shade

SMALL_FRUIT_M = 0.05
CROWNED = 1.5  # a long fruit with leaves wears them on top


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
    elif look.has("leaf") and look.elongation > CROWNED:
        crowned_fruit(brush, look, ink, at, scale)
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


def crowned_fruit(brush: Brush, look: Look, ink: Ink, at: Point, scale: float) -> None:
    """Draw a barrel with a net of scales and a tuft of leaves."""
    half = 0.6 / look.elongation + 0.12
    for i in range(-4, 5):
        tip = (i * 0.13, -0.98 + 0.045 * i * i)
        leaf = [(i * 0.045 - 0.08, -0.3), tip, (i * 0.045 + 0.08, -0.3)]
        brush.polygon(moved(leaf, at, scale), shade(NAMED["green"], 0.7 + 0.12 * (i % 3)))
    brush.polygon(moved(oval((0, 0.3), (half, 0.62)), at, scale), ink.main)
    for k in (-0.5, -0.25, 0.0, 0.25, 0.5):
        reach = half * (1 - k * k) ** 0.5
        for way in (-1, 1):
            line = [(-reach * way, 0.3 + k - 0.14), (reach * way, 0.3 + k + 0.14)]
            brush.line(moved(line, at, scale), 0.03 * scale, ink.second if len(look.colours) > 1 else ink.dark)


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
    if look.has("prickle"):
        spiral_head(brush, ink, rng, head, wide)
        for y in (0.02, 0.3, 0.5):
            brush.polygon([(0.0, y), (0.14, y - 0.05), (0.02, y + 0.08)], shade(green, 0.6))
    elif len(look.colours) > 1:
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


def spiral_head(brush: Brush, ink: Ink, rng: random.Random, head: Point, wide: float) -> None:
    """Draw many petals wound about each other."""
    start = rng.uniform(0, 2 * math.pi)
    for ring, count in ((1.0, 7), (0.66, 5), (0.36, 4)):
        for i in range(count):
            turn = start + ring * 3 + 2 * math.pi * i / count
            at = (head[0] + wide * 0.6 * ring * math.cos(turn), head[1] + wide * 0.55 * ring * math.sin(turn))
            tone = shade(ink.main, (0.6 if i % 2 else 0.78) + 0.35 * (1 - ring))
            brush.ellipse(at, (wide * 0.42 * ring + 0.05, wide * 0.36 * ring + 0.05), tone, turn)
    brush.ellipse(head, (0.06, 0.05), shade(ink.main, 0.55))
