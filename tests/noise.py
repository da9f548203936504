"""Pictures of noise, each seed its own, for tests that need pixels and not what they show."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def noise_jpeg(seed: int, width: int = 48, height: int = 40) -> bytes:
    """Return a JPEG of dark noise."""
    pixels = np.random.default_rng(seed).integers(0, 160, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def blots(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Return a picture of large soft blots of colour, which is to a hash what a photograph is."""
    pixels = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)
