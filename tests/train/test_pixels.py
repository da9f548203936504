"""Crops: what is decoded, at which scale, and how near it comes to the whole picture resized by Pillow."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image

from entitynet_train import pixels
from entitynet_train.pixels import RandomCrop, decoded


def picture(width, height, mode="RGB", kind="JPEG", **options):
    rng = np.random.default_rng(width * height)
    coarse = Image.fromarray(rng.integers(0, 255, (height // 16 + 2, width // 16 + 2, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def soft(width, height):
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    buffer = io.BytesIO()
    Image.fromarray(np.stack([across, down, 255 - across], 2).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


RAWS = {
    "plain": picture(331, 257, quality=90), "grey": picture(100, 80, "L"), "progressive": picture(203, 99, progressive=True),
    "4:4:4": picture(97, 131, subsampling=0), "soft": soft(331, 257),
    "4:2:2": picture(64, 65, subsampling=1), "tiny": picture(3, 2), "cmyk": picture(90, 70, "CMYK"),
    "png": picture(50, 40, kind="PNG"), "palette": picture(50, 40, "P", "PNG"),
}  # fmt: skip


@pytest.mark.parametrize("shrink", pixels.SHRINKS)
@pytest.mark.parametrize("raw", RAWS.values(), ids=list(RAWS))
def test_both_decoders_come_to_the_same_pixels(raw, shrink):
    assert pixels._simplejpeg
    assert np.array_equal(decoded(raw, shrink), pixels._by_pillow(raw, shrink))


def differences(raw, size):
    crop = RandomCrop(size, 0.4)
    with Image.open(io.BytesIO(raw)) as image:
        box = crop._box(*image.size, random.Random(3))
        whole = np.asarray(image.convert("RGB").crop(box).resize((size, size), Image.Resampling.BICUBIC))
    got = crop(raw, random.Random(3))
    assert got.shape == (size, size, 3)
    assert got.dtype == np.uint8
    return np.abs(got.astype(int) - whole)


@pytest.mark.parametrize("size", [16, 64, 120])
@pytest.mark.parametrize("raw", RAWS.values(), ids=list(RAWS))
def test_a_crop_of_the_whole_picture_is_pillows(raw, size, monkeypatch):
    monkeypatch.setattr(pixels, "SHRINKS", (1,))
    assert differences(raw, size).max() <= 2


@pytest.mark.parametrize("size", [16, 30, 60])
def test_a_crop_of_a_shrunken_picture_shows_the_same(size):
    assert differences(RAWS["soft"], size).mean() < 255 / size / 2


@pytest.mark.parametrize("size", [16, 24, 40, 64, 128])
def test_no_crop_is_decoded_smaller_than_it_becomes(size, monkeypatch):
    sides: list[tuple[int, int]] = []
    whole = pixels._resized
    monkeypatch.setattr(pixels, "_resized", lambda got, *rest: sides.append(got.shape[:2]) or whole(got, *rest))
    for seed in range(40):
        crop, rng = RandomCrop(size, 0.4), random.Random(seed)
        box = crop._box(331, 257, random.Random(seed))
        crop(RAWS["plain"], rng)
        share = sides[-1][1] / 331
        assert min(box[2] - box[0], box[3] - box[1]) * share >= size - 1 or share == 1
    assert size == 128 or min(side for side, _ in sides) < 257


@pytest.mark.parametrize("raw", [b"", b"\xff\xd8 not a picture", RAWS["plain"][:2000], RAWS["png"][:60]])
def test_what_is_no_whole_picture_raises(raw):
    with pytest.raises((OSError, ValueError)):
        RandomCrop(16, 0.4)(raw, random.Random(0))
