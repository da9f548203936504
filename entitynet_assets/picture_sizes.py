"""Shrinking a picture: which size it comes to, and the filter.

Belongs here: sizes in pixels. Does not belong here: what is read off a picture (pictures.py, picture_hashes.py).
"""

from __future__ import annotations

from PIL import Image

Box = tuple[float, float, float, float] | None


def fitting(size: tuple[int, int], side_px: int) -> tuple[int, int]:
    """Return the size, in pixels, whose shorter side is at most `side_px`; never a larger one."""
    shorter = min(size)
    if shorter <= side_px:
        return size
    scale = side_px / shorter
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def shrunken(image: Image.Image, side_px: int) -> Image.Image:
    """Return a picture whose shorter side is at most `side_px`."""
    return resized(image, fitting(image.size, side_px))


def resized(image: Image.Image, size: tuple[int, int], box: Box = None) -> Image.Image:
    """Return a picture shrunken. `box`: what of it is the picture, where a scaled JPEG's last pixel is one in part only."""
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BICUBIC, box, reducing_gap=1.0)
