"""What pictures are compared by: perceptual hashes, a thumbnail, the entropy of the greys.

Belongs here: pure functions of a decoded picture. Does not belong here: decoding (pictures.py), comparing (curation).
"""

from __future__ import annotations

import base64

import imagehash
import numpy as np
from PIL import Image

from entitynet_assets.picture_sizes import shrunken

HASH_SIDE_PX = 256  # hashing a shrunken picture gives the same hash at a thirtieth of the time
TIE = 1e-6  # coefficients are up to 10^6, and two ways to add them up differ by 10^-9
LUMA_SIDE_PX, CHROMA_SIDE_PX = 24, 4  # of the thumbnail that pictures are held against each other by
_COSINES = 2 * np.cos(np.pi / 64 * np.outer(np.arange(8), 2 * np.arange(32) + 1))  # DCT-II, the 8 lowest of 32


def hash_picture(image: Image.Image) -> tuple[int, int]:
    """Return the 64-bit perceptual hash (DCT) and difference hash of a picture, as imagehash computes them."""
    grey = shrunken(image, HASH_SIDE_PX).convert("L")
    return _phash(grey.resize((32, 32), Image.Resampling.LANCZOS)), _as_int(imagehash.dhash(grey))


def _phash(tiny: Image.Image) -> int:
    """Return imagehash.phash of a grey picture of 32 x 32 pixels, whose own way loads all of scipy for 64 numbers.

    Only what rounding could decide is left to that way; of one flat shade no number but the first is not 0.
    """
    darkest, lightest = tiny.getextrema()
    if darkest == lightest:
        return 1 << 63 if lightest else 0
    low = _COSINES @ np.asarray(tiny, dtype=np.float64) @ _COSINES.T
    above = low - np.median(low)
    if np.abs(above).min() < TIE:
        return _as_int(imagehash.phash(tiny))
    return int.from_bytes(np.packbits(above > 0).tobytes(), "big")


def thumbnail(image: Image.Image) -> str:
    """Return a picture squeezed to 24 x 24 of luma and 4 x 4 each of blue and red chroma, a byte a value, as base64.

    608 bytes: enough to tell a copy from another shot of the same thing, where 64 bits of a hash are not.
    """
    small = image.resize((LUMA_SIDE_PX, LUMA_SIDE_PX), Image.Resampling.BICUBIC, reducing_gap=2.0).convert("YCbCr")
    luma, *chroma = small.split()
    coarse = [band.resize((CHROMA_SIDE_PX, CHROMA_SIDE_PX), Image.Resampling.BOX) for band in chroma]
    return base64.b64encode(b"".join(band.tobytes() for band in (luma, *coarse))).decode()


def entropy_bits(image: Image.Image) -> float:
    """Return the entropy of the grey-level histogram in bits: 0 for one flat colour, at most 8."""
    counts = np.asarray(image.convert("L").histogram(), dtype=np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(np.round(-(shares * np.log2(shares)).sum(), 6)) + 0.0


def _as_int(hashed: imagehash.ImageHash) -> int:
    return int.from_bytes(np.packbits(hashed.hash.flatten()).tobytes(), "big")
