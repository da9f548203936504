"""From the bytes of a picture to a crop of it: decoded no larger than the crop needs.

Belongs here: decoding and cropping for training. Does not belong here: where the bytes lie (tars.py), which crop whom (data.py).

simplejpeg and Pillow both stand on libjpeg-turbo and come to the same pixels, tested at every scale; simplejpeg makes no copy
in another layout and so is faster, Pillow reads what it refuses and stands in where it is not installed.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import math
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

CROP_RATIO = (0.9, 1.0 / 0.9)
SHRINKS = (8, 4, 2, 1)  # what a JPEG decoder divides sides by at no cost

Box = tuple[int, int, int, int]

_simplejpeg: Any = importlib.import_module("simplejpeg") if importlib.util.find_spec("simplejpeg") else None


@dataclass(frozen=True)
class RandomCrop:
    """A random resized crop: share of the area from `scale_min` to 1, ratio of the sides from 0.9 to 1/0.9.

    Draws come from the generator that is passed in, so that a crop depends on the sample and not on who loads it.
    The procedure (area, ratio, up to ten tries, then the centre) follows Szegedy et al. 2015, section 6.
    """

    size_px: int
    scale_min: float

    def __call__(self, raw: bytes, rng: random.Random) -> np.ndarray:
        """Return the crop as uint8, height x width x 3. Raises what a decoder raises at bytes that are no whole picture."""
        return self.cut(raw, self._box(*_sides(raw), rng))

    def cut(self, raw: bytes, box: Box) -> np.ndarray:
        """Return the pixels of a box (left, top, right, bottom in pixels of the picture) as a crop is returned."""
        width, height = _sides(raw)
        shrink = next(one for one in SHRINKS if one == 1 or min(box[2] - box[0], box[3] - box[1]) >= one * self.size_px)
        return _resized(decoded(raw, shrink), box, (width, height), self.size_px)

    def _box(self, width: int, height: int, rng: random.Random) -> Box:
        for _ in range(10):
            area = width * height * rng.uniform(self.scale_min, 1.0)
            ratio = math.exp(rng.uniform(math.log(CROP_RATIO[0]), math.log(CROP_RATIO[1])))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                x, y = rng.randint(0, width - w), rng.randint(0, height - h)
                return x, y, x + w, y + h
        return _centre_box(width, height)


def _centre_box(width: int, height: int) -> Box:
    w = min(width, max(1, round(height * CROP_RATIO[1])))
    h = min(height, max(1, round(width * CROP_RATIO[1])))
    x, y = (width - w) // 2, (height - h) // 2
    return x, y, x + w, y + h


def _sides(raw: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(raw)) as image:
        return image.size


def decoded(raw: bytes, shrink: int) -> np.ndarray:
    """Return RGB pixels (uint8, height x width x 3), the sides of a JPEG divided by `shrink` (1, 2, 4 or 8) and rounded up."""
    found = _by_simplejpeg(raw, shrink) if _simplejpeg else None
    return _by_pillow(raw, shrink) if found is None else found


def _by_simplejpeg(raw: bytes, shrink: int) -> np.ndarray | None:
    """Return the pixels, or None for what Pillow alone reads as it should: CMYK, a strange JPEG, a format that is no JPEG."""
    with contextlib.suppress(ValueError):
        height, width, colours, _ = _simplejpeg.decode_jpeg_header(raw)
        if colours in ("YCbCr", "Gray", "RGB"):
            least = {"min_height": -(-height // shrink), "min_width": -(-width // shrink)} if shrink > 1 else {}
            return _simplejpeg.decode_jpeg(raw, "RGB", **least)
    return None


def _by_pillow(raw: bytes, shrink: int) -> np.ndarray:
    with Image.open(io.BytesIO(raw)) as image:
        if shrink > 1:
            image.draft("RGB", (image.width // shrink, image.height // shrink))
        return np.array(image.convert("RGB"))


def _resized(pixels: np.ndarray, box: Box, sides: tuple[int, int], size_px: int) -> np.ndarray:
    """Return the box of a picture of these sides, cut from pixels that may be shrunken, as a square.

    torch's bicubic with antialiasing is Pillow's to within a level of rounding, and about three times as fast.
    """
    across, down = pixels.shape[1] / sides[0], pixels.shape[0] / sides[1]
    x, y, right, bottom = round(box[0] * across), round(box[1] * down), round(box[2] * across), round(box[3] * down)
    cut_BCHW = torch.from_numpy(pixels)[y:bottom, x:right].permute(2, 0, 1)[None]
    square_BCHW = functional.interpolate(cut_BCHW, size=(size_px, size_px), mode="bicubic", antialias=True)
    return square_BCHW[0].permute(1, 2, 0).numpy()
