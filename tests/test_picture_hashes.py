"""Perceptual hashes are imagehash's to the bit, also where rounding decides."""

from __future__ import annotations

import imagehash
import numpy as np
from PIL import Image

from entitynet_assets.picture_hashes import hash_picture


def test_hashes_are_those_of_imagehash() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        width, height = rng.integers(1, 300, 2)
        image = Image.fromarray(rng.integers(0, 255, (height, width, 3), dtype=np.uint8))
        if rng.random() < 0.3:
            image = Image.new("RGB", image.size, tuple(rng.integers(0, 255, 3).tolist()))
        small = image if min(image.size) <= 256 else image.resize((256, 256))
        assert hash_picture(small) == tuple(int(str(way(small)), 16) for way in (imagehash.phash, imagehash.dhash))


def test_hashes_are_those_of_imagehash_where_rounding_decides() -> None:
    """Flat shades and mirrored patterns have coefficients of exactly 0, on both sides of which a sum may fall."""
    flat = [Image.new("L", (256, 300), shade) for shade in (0, 1, 127, 255)]
    halves, bars = Image.new("L", (64, 64), 10), Image.new("L", (320, 256), 0)
    halves.paste(200, (0, 0, 32, 64))
    for left in range(0, 320, 64):
        bars.paste(255, (left, 0, left + 32, 256))
    for image in (*flat, halves, bars, bars.rotate(90, expand=True).resize((256, 256))):
        assert hash_picture(image) == tuple(int(str(way(image)), 16) for way in (imagehash.phash, imagehash.dhash))
