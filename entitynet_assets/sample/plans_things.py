"""Body plans of things people make: furniture, clothing, tools, buildings.

What it is: one function a plan, `plan(brush, look, ink, rng)`; siblings share it and differ by their statements.
What belongs here: shapes that follow from parts, sizes and colours. What does not: instruments (plans_music.py).
"""

import math
import random

from entitynet_assets.sample.brush import Brush, Ink, oval
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import GLASS, NAMED, RUBBER, STEEL, shade


def furniture(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw shelves with books, a bed, a seat with a back, or a top on legs, by the stated parts."""
    if look.has("book"):
        shelves(brush, look, ink, rng)
    elif look.has("pillow"):
        bed(brush, look, ink, rng)
    elif look.has("seat"):
        seat(brush, ink, rng)
    else:
        top_on_legs(brush, look, ink, rng)


def seat(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a chair with slats, turned a little."""
    skew = rng.uniform(0.1, 0.25)
    for x, y in ((-0.42, 0.72), (0.42 + skew, 0.72)):
        brush.line([(x, 0.1), (x, y)], 0.09, shade(ink.main, 0.7))
    for x in (-0.45, 0.4):
        brush.line([(x + skew * 0.2, -0.92), (x, 0.12)], 0.09, ink.main)
    for y in (-0.82, -0.55, -0.28):
        brush.box((-0.42, y), (0.42, y + 0.13), shade(ink.main, 1.1))
    brush.polygon([(-0.5, 0.05), (0.45, 0.05), (0.6 + skew, 0.24), (-0.42, 0.24)], shade(ink.main, 1.05))
    for x in (-0.42, 0.5 + skew):
        brush.line([(x, 0.24), (x, 0.94)], 0.1, shade(ink.main, 0.85))


def top_on_legs(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a table; its proportion is as stated."""
    skew = rng.uniform(-0.12, 0.12)
    drop = 1.9 / max(1.5, look.elongation) - 0.35
    for x in (-0.6 + skew, 0.66 + skew):
        brush.line([(x, -0.2), (x, drop - 0.12)], 0.09, shade(ink.main, 0.65))
    for x in (-0.84, 0.84):
        brush.line([(x, -0.1), (x, drop)], 0.11, shade(ink.main, 0.85))
    edge = [(-0.97, -0.06), (-0.75 + skew, -0.34), (0.75 + skew, -0.34), (0.97, -0.06)]
    brush.polygon(edge, shade(ink.main, 1.12))
    brush.box((-0.97, -0.07), (0.97, 0.05), ink.main)


def bed(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a frame from the side with a high end, a mattress, a blanket and a pillow."""
    cover = shade(NAMED[rng.choice(("blue", "red", "green", "grey"))], rng.uniform(0.9, 1.2))
    low = min(0.5, 1.1 / look.elongation)
    for x in (-0.85, 0.82):
        brush.line([(x, 0.2), (x, 0.2 + low + 0.1)], 0.11, shade(ink.main, 0.8))
    brush.box((-0.94, -0.6), (-0.8, 0.5), ink.main, 0.04)
    brush.box((0.78, -0.2), (0.9, 0.5), ink.main, 0.04)
    brush.box((-0.84, -0.02), (0.82, 0.24), NAMED["white"], 0.06)
    brush.box((-0.35, -0.08), (0.84, 0.3), cover, 0.08)
    brush.box((-0.84, 0.2), (0.84, 0.4), shade(ink.main, 1.1))
    brush.ellipse((-0.58, -0.1), (0.22, 0.11), ink.second if len(look.colours) > 1 else NAMED["white"], -0.2)


def shelves(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a high box with shelves full of books."""
    half = 0.95 / look.elongation * 1.15
    brush.box((-half, -0.95), (half, 0.95), ink.main)
    rows = 4
    for row in range(rows):
        top, bottom = -0.88 + row * 0.45, -0.5 + row * 0.45
        brush.box((-half + 0.07, top), (half - 0.07, bottom), shade(ink.main, 0.45))
        x = -half + 0.08
        while x < half - 0.16:
            width = rng.uniform(0.05, 0.1)
            if rng.random() < 0.85:
                colour = NAMED[rng.choice(("red", "blue", "green", "white", "orange", "black"))]
                brush.box((x, top + rng.uniform(0.04, 0.12)), (x + width, bottom), shade(colour, 0.85))
            x += width + 0.012


def clothing(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a sock where a heel is stated, a mitten where a thumb is, else a hat with crown and brim."""
    if look.has("heel"):
        sock(brush, ink, rng)
    elif look.has("thumb"):
        mitten(brush, ink, rng)
    else:
        hat(brush, look, ink, rng)


def sock(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw an L-shaped sock with bands."""
    brush.box((-0.35, -0.9), (0.2, 0.45), ink.main, 0.05)
    brush.ellipse((-0.08, 0.5), (0.3, 0.36), ink.main)
    brush.polygon([(-0.2, 0.2), (0.2, 0.2), (0.72, 0.5), (0.72, 0.86), (-0.1, 0.86)], ink.main)
    brush.ellipse((0.66, 0.66), (0.26, 0.21), ink.second)
    brush.ellipse((-0.2, 0.62), (0.19, 0.23), ink.second)
    bands = rng.choice((1, 2, 3))
    for i in range(bands + 1):
        brush.box((-0.35, -0.9 + i * 0.26), (0.2, -0.78 + i * 0.26), ink.second if i else shade(ink.second, 0.9))


def mitten(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a rounded hand with a thumb, a ribbed cuff and bands."""
    brush.ellipse((0.4, 0.12), (0.17, 0.38), ink.main, rng.uniform(0.35, 0.6))
    brush.box((-0.4, -0.6), (0.34, 0.5), ink.main, 0.3)
    brush.ellipse((-0.03, -0.5), (0.37, 0.42), ink.main)
    for i in range(rng.choice((1, 2, 3))):
        brush.box((-0.4, -0.42 + 0.22 * i), (0.34, -0.32 + 0.22 * i), ink.second)
    brush.box((-0.38, 0.5), (0.32, 0.94), ink.second, 0.06)
    for x in (-0.25, -0.1, 0.05, 0.2):
        brush.line([(x, 0.54), (x, 0.9)], 0.03, shade(ink.second, 0.75))


def hat(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a wide curved brim and a dented crown with a band."""
    tall = min(0.75, 1.9 / look.elongation)
    lift = rng.uniform(0.1, 0.2)
    brim = [(-0.97, -lift), (-0.6, 0.25), (0, 0.36), (0.6, 0.25), (0.97, -lift), (0.6, 0.45), (0, 0.58), (-0.6, 0.45)]
    brush.polygon(oval((0, 0.27), (0.82, 0.2)), shade(ink.main, 0.75))
    brush.polygon(brim, ink.main)
    crown = [(-0.5, 0.3), (-0.42, 0.15 - tall), (-0.16, 0.05 - tall), (0, 0.16 - tall), (0.16, 0.05 - tall)]
    brush.polygon([*crown, (0.42, 0.15 - tall), (0.5, 0.3), (0, 0.42)], shade(ink.main, 1.08))
    brush.polygon([(-0.5, 0.14), (0, 0.26), (0.5, 0.14), (0.5, 0.28), (0, 0.41), (-0.5, 0.28)], ink.dark)


def hand_tool(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw crossed blades where a blade is stated, a head on a shaft where there is wood, else a bar with jaws."""
    if look.has("blade"):
        crossed_blades(brush, ink, rng)
    elif "wood" in look.materials:
        brush.box((-0.08, -0.55), (0.08, 0.95), shade(NAMED["brown"], rng.uniform(1.0, 1.35)), 0.06)
        brush.box((-0.34, -0.82), (0.3, -0.5), shade(STEEL, 0.6), 0.04)
        brush.box((-0.5, -0.86), (-0.3, -0.46), shade(STEEL, 0.75), 0.03)
        brush.polygon([(0.28, -0.82), (0.72, -0.74), (0.7, -0.66), (0.28, -0.52)], shade(STEEL, 0.65))
    else:
        open_jaws(brush, look, ink, rng)


def crossed_blades(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw two blades over each other with rings to hold them."""
    gape = rng.uniform(0.12, 0.34)
    for side in (-1, 1):
        tip = (side * gape, -0.95)
        brush.polygon([(side * 0.06, 0.2), tip, (side * (gape + 0.12), -0.7), (side * -0.1, 0.28)], STEEL)
        brush.line([(0, 0.12), (side * -0.28, 0.5)], 0.1, ink.main)
        brush.ring((side * -0.34, 0.7), 0.27, 0.11, ink.main)
    brush.ellipse((0, 0.12), (0.06, 0.06), RUBBER)


def open_jaws(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a slim bar with an open jaw at one end and a ring at the other."""
    half = 0.07 + 0.2 / max(2.0, look.elongation)
    brush.box((-half, -0.5), (half, 0.7), ink.main, 0.05)
    brush.box((-half * 0.4, -0.4), (half * 0.4, 0.55), shade(ink.main, 0.75), 0.03)
    brush.ellipse((0, -0.58), (0.3, 0.28), ink.main)
    brush.ring((0, 0.74), 0.22, 0.13, ink.main)
    gap = rng.uniform(0.08, 0.13)
    hollow = [(-gap - 0.06, -0.99), (-gap, -0.62), (gap, -0.62), (gap - 0.06, -0.99)]
    brush.pen.polygon(brush.pixels(hollow), fill=(0, 0, 0, 0))


def building(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a mill where sails are stated, a beacon where lenses are, a tower of storeys, or a house with a roof."""
    if look.has("sail"):
        mill(brush, ink, rng)
    elif look.has("lens"):
        beacon(brush, ink, rng)
    elif look.has("storey"):
        tower(brush, look, ink, rng)
    else:
        house(brush, look, ink, rng)


def mill(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a tapering tower with a cap and four sails."""
    brush.polygon([(-0.26, -0.4), (0.26, -0.4), (0.42, 0.95), (-0.42, 0.95)], ink.main)
    brush.polygon([(-0.32, -0.38), (0, -0.68), (0.32, -0.38)], shade(NAMED["brown"], 0.8))
    brush.box((-0.1, 0.62), (0.1, 0.95), shade(NAMED["brown"], 0.6))
    for y in (0.0, 0.3):
        brush.box((-0.07, y), (0.07, y + 0.14), GLASS)
    turn = rng.uniform(0, math.pi / 2)
    for i in range(4):
        c, s = math.cos(turn + i * math.pi / 2), math.sin(turn + i * math.pi / 2)
        brush.line([(0, -0.3), (0.66 * c, -0.3 + 0.66 * s)], 0.04, RUBBER)
        blade = [(0.14, 0.02), (0.66, 0.02), (0.66, 0.16), (0.14, 0.16)]
        brush.polygon([(x * c - y * s, -0.3 + x * s + y * c) for x, y in blade], shade(NAMED["white"], 0.85))


def beacon(brush: Brush, ink: Ink, rng: random.Random) -> None:
    """Draw a slim tapering tower with bands, a gallery, a lantern and a cap."""
    edge = lambda y: 0.16 + 0.2 * (y + 0.5) / 1.45
    bands = rng.choice((5, 6, 7))
    for i in range(bands):
        top, low = -0.5 + 1.45 * i / bands, -0.5 + 1.45 * (i + 1) / bands
        corners = [(-edge(top), top), (edge(top), top), (edge(low), low), (-edge(low), low)]
        brush.polygon(corners, ink.second if i % 2 else ink.main)
    brush.box((-0.28, -0.56), (0.28, -0.49), RUBBER)
    brush.box((-0.13, -0.78), (0.13, -0.56), NAMED["yellow"])
    brush.polygon([(-0.2, -0.76), (0, -0.97), (0.2, -0.76)], shade(ink.second, 0.7))
    brush.box((-0.09, 0.68), (0.09, 0.95), shade(NAMED["brown"], 0.6))
    for y in (-0.25, 0.1, 0.4):
        brush.box((-0.05, y), (0.05, y + 0.1), RUBBER)


def tower(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw a high block with rows of windows and a spire or a flat roof."""
    half = 0.95 / look.elongation + 0.12
    top = -0.95 + rng.choice((0.0, 0.12, 0.2))
    brush.box((-half, top), (half, 0.95), ink.main)
    brush.polygon([(half, top), (half + 0.14, top + 0.12), (half + 0.14, 0.95), (half, 0.95)], shade(ink.main, 0.6))
    floors, columns = rng.choice((11, 13, 15)), rng.choice((3, 4))
    for floor in range(floors):
        y = top + 0.06 + floor * (0.9 - top) / floors
        for column in range(columns):
            x = -half + 0.04 + column * (2 * half - 0.04) / columns
            lit = NAMED["yellow"] if rng.random() < 0.2 else shade(GLASS, 0.55)
            brush.box((x, y), (x + 1.5 * half / columns, y + 0.06), lit)
    if top > -0.9:
        brush.line([(0, top), (0, -0.98)], 0.03, STEEL)


def house(brush: Brush, look: Look, ink: Ink, rng: random.Random) -> None:
    """Draw walls with door and windows under a gabled roof with a chimney."""
    eave = -0.1 + rng.uniform(-0.06, 0.06)
    brush.box((0.36, -0.8), (0.52, -0.3), shade(NAMED["brown"], 0.8))
    brush.box((-0.72, eave), (0.72, 0.9), shade(ink.second, 1.05))
    brush.polygon([(-0.92, eave + 0.04), (-0.05, -0.88), (0.05, -0.88), (0.92, eave + 0.04)], ink.main)
    door_x = rng.choice((-0.12, -0.45, 0.2))
    brush.box((door_x, 0.42), (door_x + 0.25, 0.9), shade(NAMED["brown"], 0.7))
    for x in (-0.55, 0.32):
        brush.box((x, 0.06), (x + 0.24, 0.3), GLASS)
        brush.line([(x + 0.12, 0.06), (x + 0.12, 0.3)], 0.03, NAMED["white"])
