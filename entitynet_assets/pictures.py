"""One picture: is it one, how large, what does it hash to, and the JPEG that is stored of it.

Belongs here: pure functions from bytes to values. Does not belong here: where bytes come from (web.py) or go (lake.py).
"""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass

import imagehash
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")  # MPO, several JPEGs in one file, opens as JPEG
MAX_PIXELS = 100_000_000  # beyond it a file is a bomb, not a photograph
HASH_SIDE_PX = 256  # hashing a shrunken picture gives the same hash at a thirtieth of the time


@dataclass(frozen=True)
class Picture:
    """A decoded picture with what the platform keeps of it. Sizes in pixels, after EXIF orientation."""

    format: str
    original_width_px: int
    original_height_px: int
    width_px: int
    height_px: int
    jpeg: bytes
    stored_sha256: str
    phash: int
    dhash: int
    entropy_bits: float


def picture_fault(content: bytes) -> str | None:
    """Return why these bytes are no usable picture (not_image, truncated, too_large), or None if they are one."""
    try:
        _decode(content)
    except UnidentifiedImageError:
        return "not_image"
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "too_large"
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, MemoryError):
        return "truncated"  # what Pillow raises on broken bodies differs by format and version
    return None


def read_picture(content: bytes, stored_side_px: int) -> Picture:
    """Decode bytes for which `picture_fault` is None; the stored JPEG's shorter side is at most `stored_side_px`.

    Pictures are never enlarged; transparency is laid on white; EXIF orientation is applied and all metadata dropped.
    """
    image, kind = _decode(content)
    stored = _shrunken(image, stored_side_px)
    jpeg = encode_jpeg(stored)
    phash, dhash = hash_picture(stored)
    return Picture(
        kind, *image.size, *stored.size, jpeg, hashlib.sha256(jpeg).hexdigest(), phash, dhash, entropy_bits(stored)
    )  # fmt: skip


def hash_picture(image: Image.Image) -> tuple[int, int]:
    """Return the 64-bit perceptual hash (DCT) and difference hash of a picture, as imagehash computes them."""
    small = _shrunken(image, HASH_SIDE_PX)
    return _as_int(imagehash.phash(small)), _as_int(imagehash.dhash(small))


def entropy_bits(image: Image.Image) -> float:
    """Return the entropy of the grey-level histogram in bits: 0 for one flat colour, at most 8."""
    counts = np.asarray(image.convert("L").histogram(), dtype=np.float64)
    shares = counts[counts > 0] / counts.sum()
    return float(np.round(-(shares * np.log2(shares)).sum(), 6)) + 0.0


def encode_jpeg(image: Image.Image) -> bytes:
    """Return a JPEG of quality 90 without metadata; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def _decode(content: bytes) -> tuple[Image.Image, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF and palette warnings are no faults
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        image = Image.open(io.BytesIO(content), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise Image.DecompressionBombError(f"{image.width} x {image.height} pixels")
        kind = image.format or "unknown"
        image.load()
        return _flattened(ImageOps.exif_transpose(image)), kind


def _flattened(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return a grey picture of 16 or 32 bits a sample scaled to 8; Pillow's own conversion would cut off all above 255."""
    values = np.nan_to_num(np.asarray(image, dtype=np.float64))
    limits = (
        (65535.0,)
        if image.mode.startswith("I;16")
        else (1.0, 255.0, 65535.0)
        if image.mode == "F"
        else (255.0, 65535.0)
    )
    top = next((limit for limit in limits if values.max() <= limit), values.max())
    return Image.fromarray((values.clip(0, top) * (255.0 / top)).astype(np.uint8))


def _shrunken(image: Image.Image, side_px: int) -> Image.Image:
    shorter = min(image.size)
    if shorter <= side_px:
        return image
    scale = side_px / shorter
    return image.resize(
        (max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.BICUBIC
    )


def _as_int(hashed: imagehash.ImageHash) -> int:
    return int("".join("1" if bit else "0" for bit in hashed.hash.flatten()), 2)
