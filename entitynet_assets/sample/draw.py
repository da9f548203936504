"""Draws one picture of an item: its body plan in its colours, on a background that says nothing of the class.

What it is: `draw(look, seed, size)`, with pose, light, background, clutter, texture and noise from the seed.
What belongs here: everything the classes share. What does not: shapes (plans_*.py), bytes (render.py).
Legend: W, H are px of the finished picture.
"""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance

from entitynet_assets.sample import plans_nature, plans_things, plans_vehicles
from entitynet_assets.sample.brush import Brush, Ink
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, RGB, main_colour, mixed, shade, varied

PLANS = {
    "fruit": plans_nature.fruit,
    "quadruped": plans_nature.quadruped,
    "bird": plans_nature.bird,
    "fish": plans_nature.fish,
    "flower": plans_nature.flower,
    "string_instrument": plans_things.string_instrument,
    "wind_instrument": plans_things.wind_instrument,
    "two_wheeler": plans_vehicles.two_wheeler,
    "motor_vehicle": plans_vehicles.motor_vehicle,
    "aircraft": plans_vehicles.aircraft,
    "furniture": plans_things.furniture,
    "clothing": plans_things.clothing,
    "hand_tool": plans_things.hand_tool,
    "building": plans_things.building,
}
SUPERSAMPLING = 2
BACKDROPS: tuple[RGB, ...] = (
    (196, 208, 220),
    (168, 188, 150),
    (214, 204, 184),
    (120, 128, 136),
    (226, 222, 214),
    (150, 132, 116),
    (108, 136, 168),
    (88, 104, 84),
    (190, 160, 150),
)
TEXTURE_STRENGTH = {"wood": 16.0, "metal": 22.0, "textile": 12.0, "leather": 10.0, "glass": 18.0, "concrete": 9.0}


def draw(look: Look, seed: int, size: tuple[int, int] = (224, 224)) -> Image.Image:
    """Draw an item; returns an RGB picture of `size` (W, H) in px, the same for the same arguments."""
    rng = random.Random(seed)
    picture = backdrop(rng, size)
    clutter(picture, rng)
    thing = posed(sketch(look, rng, seed, min(size)), rng, min(size))
    thing = textured(thing, look, rng)
    room = [max(0, side - part) for side, part in zip(size, thing.size, strict=True)]
    slack = round(min(size) * 0.06)
    at = [rng.randint(-slack, free + slack) if free else (0 - slack // 2) for free in room]
    picture.paste(thing, (at[0], at[1]), thing)
    return lit(picture, rng)


def sketch(look: Look, rng: random.Random, seed: int, side_px: int) -> Image.Image:
    """Draw the body plan on a transparent square, supersampled."""
    brush = Brush(side_px * SUPERSAMPLING)
    PLANS[look.body_plan](brush, look, mixed_ink(look, rng, seed), rng)
    return brush.sheet


def mixed_ink(look: Look, rng: random.Random, seed: int) -> Ink:
    """Mix the inks of one picture from the stated colours."""
    name = main_colour(look, seed)
    others = [c for c in look.colours if c != name]
    main = varied(NAMED[name], rng)
    second = varied(NAMED[others[0]], rng) if others else shade(main, 1.5 if name != "white" else 0.7)
    dark = varied(NAMED["black"], rng, 8) if "black" in look.colours else shade(main, 0.4)
    return Ink(main, second, dark, shade(main, 1.5))


def posed(sheet: Image.Image, rng: random.Random, side_px: int) -> Image.Image:
    """Mirror, squeeze, turn and shrink a sketch to a part of the picture."""
    if rng.random() < 0.5:
        sheet = sheet.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    scale = rng.uniform(0.8, 1.0)
    squeeze = rng.uniform(0.85, 1.0)
    wanted = (max(8, round(side_px * scale * squeeze)), max(8, round(side_px * scale)))
    turned = sheet.rotate(rng.gauss(0, 5))
    return turned.resize(wanted, Image.Resampling.BOX)


def backdrop(rng: random.Random, size: tuple[int, int]) -> Image.Image:
    """Paint a soft field of two or three colours, sometimes with a horizon."""
    first, second = rng.sample(BACKDROPS, 2)
    colours = [varied(mixed(first, second, rng.random() * 0.5), rng, 10) for _ in range(6)]
    field = Image.new("RGB", (3, 2))
    field.putdata(colours)
    picture = field.resize(size, Image.Resampling.BICUBIC)
    if rng.random() < 0.4:
        y = round(size[1] * rng.uniform(0.5, 0.85))
        floor = Image.new("RGB", (size[0], size[1] - y), varied(rng.choice(BACKDROPS), rng, 24))
        picture.paste(floor, (0, y))
    return picture


def clutter(picture: Image.Image, rng: random.Random) -> None:
    """Put a few shapes behind the thing: patches, discs and rods of any colour."""
    pen = ImageDraw.Draw(picture)
    width, height = picture.size
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        colour = varied(rng.choice((*BACKDROPS, *NAMED.values())), rng, 30)
        x, y = rng.uniform(-0.1, 1.0) * width, rng.uniform(-0.1, 1.0) * height
        w, h = rng.uniform(0.04, 0.22) * width, rng.uniform(0.04, 0.22) * height
        kind = rng.randrange(3)
        if kind == 0:
            pen.rectangle((x, y, x + w, y + h), fill=colour)
        elif kind == 1:
            pen.ellipse((x, y, x + w, y + h), fill=colour)
        else:
            pen.line((x, y, x + w * 2, y + h - w), fill=colour, width=max(1, round(min(w, h) / 4)))


def textured(thing: Image.Image, look: Look, rng: random.Random) -> Image.Image:
    """Lay the grain of the first stated material over the thing."""
    if not look.materials:
        return thing
    strength = TEXTURE_STRENGTH[look.materials[0]]
    pixels = np.asarray(thing).astype(np.int16)
    grain_HW = grain(look.materials[0], (thing.height, thing.width), np.random.default_rng(rng.getrandbits(32)))
    pixels[..., :3] += (strength * grain_HW).astype(np.int16)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGBA")


def grain(material: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Return a grain of about -1..1 for a shape (H, W) px."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    if material == "wood":
        return np.sin(x * 0.45 + 2.5 * np.sin(y * 0.03 + rng.uniform(0, 6)))
    if material == "metal":
        return np.sin((x + y) * 6.0 / max(shape) + rng.uniform(0, 6))
    if material == "textile":
        return np.where((x // 2 + y // 2) % 2, 1.0, -1.0)
    if material == "glass":
        return np.where(((x - y) // max(4, shape[1] // 6)) % 3 == 0, 1.0, -0.3)
    return rng.standard_normal(shape)


def lit(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Change light, contrast and colour a little, then add sensor noise."""
    picture = ImageEnhance.Brightness(picture).enhance(rng.uniform(0.8, 1.15))
    picture = ImageEnhance.Contrast(picture).enhance(rng.uniform(0.85, 1.15))
    picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.7, 1.15))
    noise = np.random.default_rng(rng.getrandbits(32)).integers(-9, 10, (picture.height, picture.width, 1), np.int16)
    pixels = np.asarray(picture).astype(np.int16) + noise
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8), "RGB")
