"""Colours of the drawings.

What it is: red, green and blue values of the stated colour names, shades of them, and which stated colour leads.
What belongs here: colour arithmetic. What does not: shapes (body plans), light over the whole picture (draw.py).
"""

import random

from entitynet_assets.sample.look import Look

RGB = tuple[int, int, int]
NAMED: dict[str, RGB] = {
    "red": (200, 38, 40),
    "green": (98, 160, 58),
    "blue": (48, 92, 176),
    "yellow": (240, 205, 50),
    "white": (236, 234, 228),
    "black": (36, 35, 38),
    "brown": (126, 80, 44),
    "orange": (236, 130, 34),
    "grey": (128, 128, 132),
    "pink": (238, 130, 150),
}
GLASS: RGB = (150, 190, 215)
RUBBER: RGB = (40, 40, 42)
STEEL: RGB = (176, 180, 186)
# What people paint, dye and varnish may have any of several colours; nature's colours are as stated.
DYED_PLANS = frozenset({"two_wheeler", "clothing", "building", "aircraft"})
DYES = ("red", "blue", "green", "yellow", "white", "grey", "black", "brown")
DYED_SHARE = 0.35


def main_colour(look: Look, seed: int) -> str:
    """Choose the leading colour of one picture from the stated ones, or a dye for things that are often dyed."""
    rng = random.Random(seed ^ 0x5EED)
    if not look.colours or (look.body_plan in DYED_PLANS and rng.random() < DYED_SHARE):
        return rng.choice(DYES)
    if look.body_plan == "fruit":
        return rng.choice(look.colours)
    return look.colours[0]


def shade(colour: RGB, factor: float) -> RGB:
    """Multiply a colour's light; over 1 it moves towards white."""
    if factor <= 1:
        return mixed(colour, (0, 0, 0), 1 - factor)
    return mixed(colour, (255, 255, 255), min(1.0, factor - 1))


def mixed(first: RGB, second: RGB, share: float) -> RGB:
    """Blend two colours; `share` is the part of the second."""
    r, g, b = (round(a + (c - a) * share) for a, c in zip(first, second, strict=True))
    return r, g, b


def varied(colour: RGB, rng: random.Random, spread: int = 18) -> RGB:
    """Shift each channel a little."""
    r, g, b = (min(255, max(0, c + rng.randint(-spread, spread))) for c in colour)
    return r, g, b
