"""Draws one picture of an item: its body plan in its colours, on a background that says nothing of the class.

What it is: `draw(look, seed, size)`, with pose, light, background, clutter, texture, things in front, lens and noise from the seed.
What belongs here: everything the classes share. What does not: shapes (plans_*.py), bytes (render.py).
Legend: W, H are px of the finished picture.
"""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from entitynet_assets.sample import plans_animals, plans_music, plans_plants, plans_things, plans_vehicles
from entitynet_assets.sample.brush import Brush, Ink
from entitynet_assets.sample.look import Look
from entitynet_assets.sample.palette import NAMED, RGB, main_colour, mixed, shade, varied

PLANS = {
    "fruit": plans_plants.fruit,
    "quadruped": plans_animals.quadruped,
    "bird": plans_animals.bird,
    "fish": plans_animals.fish,
    "flower": plans_plants.flower,
    "string_instrument": plans_music.string_instrument,
    "wind_instrument": plans_music.wind_instrument,
    "two_wheeler": plans_vehicles.two_wheeler,
    "motor_vehicle": plans_vehicles.motor_vehicle,
    "aircraft": plans_vehicles.aircraft,
    "furniture": plans_things.furniture,
    "clothing": plans_things.clothing,
    "hand_tool": plans_things.hand_tool,
    "building": plans_things.building,
}
SUPERSAMPLING = 2
OCCLUDED_SHARE = 0.3
SOFT_SHARE = 0.4
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
    occluded(picture, rng)
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


def occluded(picture: Image.Image, rng: random.Random) -> None:
    """Put something partly in front, in a third of the pictures: a post, a twig or a rounded thing at the edge."""
    if rng.random() > OCCLUDED_SHARE:
        return
    pen, (width, height) = ImageDraw.Draw(picture), picture.size
    colour = varied(shade(rng.choice(BACKDROPS), rng.uniform(0.4, 0.8)), rng, 24)
    x, y = rng.uniform(0.08, 0.92) * width, rng.uniform(0.75, 1.0) * height
    kind, part = rng.randrange(3), rng.uniform(0.03, 0.06) * min(width, height)
    if kind == 0:
        pen.line((x, 0, x + rng.uniform(-0.1, 0.1) * width, height), fill=colour, width=max(1, round(part)))
    elif kind == 1:
        pen.line((0, y, width, y + rng.uniform(-0.3, 0.1) * height), fill=colour, width=max(1, round(part)))
    else:
        pen.ellipse((x - 4 * part, y - 2 * part, x + 4 * part, y + 6 * part), fill=colour)


def lit(picture: Image.Image, rng: random.Random) -> Image.Image:
    """Change light, contrast and colour a little: light from a side, a lens that is darker at the edge and a bit soft."""
    if rng.random() < SOFT_SHARE:
        picture = picture.filter(ImageFilter.BoxBlur(rng.uniform(0.3, 1.0)))
    pixels_HWC = np.asarray(picture).astype(np.float32)
    grey_HW1 = pixels_HWC.mean(2, keepdims=True)
    gain, contrast = rng.uniform(0.8, 1.15), rng.uniform(0.85, 1.15)
    level = float(grey_HW1.mean())
    pixels_HWC = grey_HW1 + (pixels_HWC - grey_HW1) * rng.uniform(0.7, 1.15)
    pixels_HWC = (level + (pixels_HWC - level) * contrast) * (gain * light(grey_HW1.shape[:2], rng))
    pixels_HWC += np.random.default_rng(rng.getrandbits(32)).integers(-9, 10, grey_HW1.shape, np.int16)
    return Image.fromarray(pixels_HWC.clip(0, 255).astype(np.uint8), "RGB")


def light(shape: tuple[int, int], rng: random.Random) -> np.ndarray:
    """Return the light on a picture of a shape (H, W) px as factors of about 1, shaped (H, W, 1)."""
    y, x = (np.linspace(-1, 1, side, dtype=np.float32) for side in shape)
    slope_x, slope_y, rim = rng.uniform(-0.12, 0.12), rng.uniform(-0.12, 0.06), rng.uniform(0.0, 0.14)
    across, down = slope_x * x - rim * x * x, slope_y * y - rim * y * y
    return (1.0 + down[:, None] + across[None, :])[..., None]
