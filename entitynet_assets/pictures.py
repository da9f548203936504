"""One picture: is it one, how large, what does it hash to, and the JPEG that is stored of it.

Belongs here: pure functions from bytes to values. Does not belong here: where bytes come from (web.py) or go (lake.py), and
the processes in which bytes of strangers are decoded (decoders.py).

The header alone decides first: what is no accepted format, too large or too long is refused before a pixel is decoded. Then
everything that costs by the pixel is done on the shrunken picture.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageCms, UnidentifiedImageError

from entitynet_assets.picture_hashes import entropy_bits, hash_picture, thumbnail
from entitynet_assets.picture_sizes import Box, fitting, resized

DECODER = 3  # raised when the same bytes give another stored JPEG or other facts
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF")  # MPO, several JPEGs in one file, opens as JPEG
MAX_PIXELS = 89_478_485  # Pillow's own limit; beyond it a file is a bomb, not a photograph
MAX_SIDE_PX = 30_000
MAX_ASPECT = 100  # longer side over shorter
MAX_PROFILE_BYTES = 1 << 20  # a larger colour profile is not looked at
SPARE = 1.1  # halves (JPEG, while decoding) and whole factors are averaged away so far; the bicubic filter has the rest
ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_90,
}  # fmt: skip
_REFUSED = (
    (b"BM", "BMP"), (b"II*\0", "TIFF"), (b"MM\0*", "TIFF"), (b"8BPS", "PSD"), (b"\0\0\1\0", "ICO"), (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"), (b"\0\0\0\x0cjP  ", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"), (b"\xff\x0a", "JPEG XL"),
)  # fmt: skip
_BROKEN = (
    OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError, ZeroDivisionError, RuntimeError,
)  # fmt: skip
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


class PictureError(ValueError):
    """Bytes that give no picture: `outcome` is not_image, truncated or too_large, `reason` says what was found."""

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(f"{outcome}: {reason}")
        self.outcome, self.reason = outcome, reason


@dataclass(frozen=True)
class Kept:
    """What is kept of every picture: the most that the stored JPEG's shorter side may be, and its quality."""

    side_px: int
    quality: int = 90

    @property
    def name(self) -> str:
        """What tells the stored JPEGs of one picture apart."""
        return f"{self.side_px}q{self.quality}v{DECODER}"


@dataclass(frozen=True)
class Picture:
    """A decoded picture with what the platform keeps of it. Sizes in pixels, after EXIF orientation."""

    format: str
    n_frames: int
    original_width_px: int
    original_height_px: int
    width_px: int
    height_px: int
    jpeg: bytes
    stored_sha256: str
    phash: int
    dhash: int
    entropy_bits: float
    thumbnail: str


def read_picture(content: bytes, kept: Kept) -> Picture:
    """Decode bytes once. Pictures are never enlarged, of an animation the first frame is taken, colours become sRGB.

    Transparency is laid on white; EXIF orientation is applied and all metadata dropped. Raises PictureError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd EXIF and palette warnings are no faults
        image = _opened(content)
        kind, n_frames, size = image.format or "", _frames(image), image.size
        small = _loaded(image, kept.side_px)
        orientation = _orientation(
            image
        )  # not before: for a PNG it loads the pixels, and would hide what is wrong with them
        stored = _turned(_in_srgb(small), orientation)
        width, height = size if orientation < 5 else size[::-1]
        grey = stored.convert("L")
        phash, dhash = hash_picture(stored)
        jpeg = encode_jpeg(stored, kept.quality)
    return Picture(
        "JPEG" if kind == "MPO" else kind, n_frames, width, height, *stored.size, jpeg, hashlib.sha256(jpeg).hexdigest(),
        phash, dhash, entropy_bits(grey), thumbnail(stored),
    )  # fmt: skip


def encode_jpeg(image: Image.Image, quality: int = 90) -> bytes:
    """Return a JPEG without metadata; the same picture gives the same bytes."""
    buffer = io.BytesIO()
    image.info = {}  # Pillow would write a comment and the profile that it finds here
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


# -- the header --------------------------------------------------------------------------------------------------------


def _opened(content: bytes) -> Image.Image:
    """Return the picture of a header that may be decoded. Raises PictureError."""
    try:
        image = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise PictureError("not_image", _looks_like(content)) from error
    except Image.DecompressionBombError as error:
        raise PictureError("too_large", str(error)) from error
    except (*_BROKEN, MemoryError) as error:
        raise _broken(error) from error
    width, height = image.size
    longer, shorter = max(width, height), min(width, height)
    if width * height > MAX_PIXELS or longer > MAX_SIDE_PX:
        raise PictureError("too_large", f"{width} x {height} pixels; at most {MAX_PIXELS} and {MAX_SIDE_PX} a side")
    if longer > MAX_ASPECT * shorter:
        raise PictureError("too_large", f"{width} x {height} pixels; at most {MAX_ASPECT} times as long as wide")
    return image


def _looks_like(content: bytes) -> str:
    head = content[:512]
    kind = next((name for magic, name in _REFUSED if head.startswith(magic)), "")
    if head[4:8] == b"ftyp":
        kind = f"ISO media ({head[8:12].decode('latin-1').strip()})"
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<?xml", b"<svg", b"{", b"[")):
        kind = "text" if text[:1] in (b"{", b"[") else "HTML" if b"<html" in text or b"<head" in text else "XML"
    return f"{kind or ('nothing' if not content else 'unknown')}; taken are {', '.join(FORMATS)}"


def _broken(error: BaseException) -> PictureError:
    words = f"{type(error).__name__}: {error}"[:200]
    if isinstance(error, MemoryError):
        return PictureError("too_large", "decoding needs more memory than it may have")
    return PictureError("too_large" if "too large" in words.lower() else "truncated", words)


def _frames(image: Image.Image) -> int:
    """Return how many pictures the file holds; 1 where what follows the first is broken."""
    try:
        return max(1, int(getattr(image, "n_frames", 1)))
    except _BROKEN:
        return 1
    finally:
        image.seek(0)


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(ORIENTATION, 1)
        return found if found in _UPRIGHT else 1
    except (*_BROKEN, AttributeError, UnicodeError):  # broken EXIF spoils no picture
        return 1


# -- the pixels --------------------------------------------------------------------------------------------------------


def _loaded(image: Image.Image, side_px: int) -> Image.Image:
    """Return a picture decoded and shrunken, on white, of mode L, RGB, CMYK or LAB. Raises PictureError."""
    size, box = fitting(image.size, side_px), None
    try:
        if size != image.size:
            _, box = image.draft(None, size) or (None, None)
        image.load()
        return _flattened(image, size, box)
    except (*_BROKEN, MemoryError, Image.DecompressionBombError) as error:
        raise _broken(error) from error


def _flattened(image: Image.Image, size: tuple[int, int], box: Box = None) -> Image.Image:
    if image.mode.startswith(("I", "F")):
        return _eight_bits(image, size)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layered = resized(image.convert("RGBA"), size)
        flat = Image.alpha_composite(Image.new("RGBA", layered.size, "white"), layered).convert("RGB")
        flat.info = dict(image.info)
        return flat
    return resized(image if image.mode in ("L", "CMYK", "LAB") else image.convert("RGB"), size, box)


def _eight_bits(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return a grey picture of 16 or 32 bits a sample scaled to 8; Pillow's own conversion would cut off all above 255."""
    top = 65535.0
    clear = image.info.get("transparency")
    values = np.asarray(image)
    if not image.mode.startswith("I;16"):
        top = next((limit for limit in (255.0, 65535.0) if values.max() <= limit), float(values.max()))
    shades = (np.clip(values, 0, top) * np.float32(255.0 / top)).astype(np.uint8)
    if isinstance(clear, int):
        shades[values == clear] = 255
    return resized(Image.fromarray(shades), size)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return a picture as RGB; through its colour profile where it has one that can be used."""
    profile = image.info.get("icc_profile")
    if isinstance(profile, bytes) and len(profile) <= MAX_PROFILE_BYTES:
        transform = _transform(profile, image.mode)
        if transform is not None:
            with contextlib.suppress(ImageCms.PyCMSError, *_BROKEN):
                return ImageCms.applyTransform(image, transform) or image.convert("RGB")
    return image.convert("RGB")


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return the way from a profile to sRGB; None if it is sRGB, is broken or is of another colour space than the pixels."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        about: Any = source.profile
        space, name = about.xcolor_space.strip(), (about.profile_description or "").lower()
        if "srgb" in name or space != {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK", "LAB": "Lab"}.get(mode):
            return None
        return ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, AttributeError, *_BROKEN):
        return None


def _turned(image: Image.Image, orientation: int) -> Image.Image:
    way = _UPRIGHT.get(orientation)
    return image if way is None else image.transpose(way)
