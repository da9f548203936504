"""Copies to be found and pictures to be told apart: edits made of photographs, groups and pairs that others labelled.

Belongs here: what is input to the curve (likeness.py) and to its floors (test_likeness.py).
"""

from __future__ import annotations

import csv
import hashlib
import io
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from entitynet_assets.curation.alignment import compare, read_thumbnails
from entitynet_assets.curation.duplicates import differing_bits, mirrored_phashes
from entitynet_assets.pictures import Kept, Picture, encode_jpeg, read_picture

GROUPS = {
    "forest": [f"imagehash_php/tests/images/forest/forest-{name}.jpg" for name in ("high", "low", "thumb", "copyright", "cropped")],
    "ukbench00120": [f"imagededup_tests/tests/data/{name}" for name in (
        "base_images/ukbench00120.jpg", "mixed_images/ukbench00120_resize.jpg", "mixed_images/ukbench00120_hflip.jpg",
        "mixed_images/ukbench00120_rotation.jpg", "ukbench00120_gray.jpg", "alpha_channel_image.png")],
    "ukbench09380": [f"imagededup_tests/tests/data/formats_images/ukbench09380.{ending}" for ending in (
        "jpeg", "png", "webp", "bmp", "svg")],
}  # fmt: skip
TURNED = "_rotation"  # by 30 degrees, its corners black: another picture by our definition


@dataclass(frozen=True)
class Pair:
    """Two pictures, where they come from, and whether they are copies, near (other shots) or different."""

    source: str
    label: str
    first: Picture
    second: Picture

    @property
    def tuned_on(self) -> bool:
        """Whether thresholds were chosen by this pair: half of the folders by the hash of their name."""
        return hashlib.sha256(self.source.encode()).digest()[0] % 2 == 0


@dataclass(frozen=True)
class Measured:
    """What the platform measures of pairs; the nearer of both ways to see the second, straight or in a mirror."""

    pairs: Sequence[Pair]
    phash: np.ndarray
    dhash: np.ndarray
    nearest_hash: np.ndarray
    correlation: np.ndarray
    hue: np.ndarray

    def joined(self, radius: int, correlation: float, hue: float) -> np.ndarray:
        """Return which pairs these thresholds take for copies."""
        return (self.nearest_hash <= radius) & (self.correlation >= correlation) & ~(self.hue > hue)


def read(path: Path) -> Picture:
    return read_picture(path.read_bytes(), Kept(512))


def group_pairs(neardup: Path) -> Iterator[Pair]:
    """Yield each two pictures of a group of edited copies, equal bytes once, and of two groups one pair of each picture."""
    groups = {}
    for name, files in GROUPS.items():
        by_bytes = {hashlib.sha256((neardup / file).read_bytes()).digest(): neardup / file for file in files}
        groups[name] = [(path, read(path)) for path in by_bytes.values()]
    for name, members in groups.items():
        for (path, first), (other, second) in itertools.combinations(members, 2):
            turned = TURNED in path.name or TURNED in other.name
            yield Pair(name, "turned" if turned else "copy", first, second)
    for one, other in itertools.combinations(groups, 2):
        for (_, first), (_, second) in itertools.product(groups[one], groups[other]):
            yield Pair(one, "different", first, second)
    office = [read(path) for path in sorted((neardup / "imagehash_php/tests/images/office").glob("*.jpg"))]
    for first, second in itertools.combinations(office, 2):
        yield Pair("office", "near_same_scene", first, second)


def natural_pairs(data: Path) -> Iterator[Pair]:
    """Yield the pairs that were labelled by eye, without graphics of one design."""
    with (data / "neardup" / "natural_pairs.tsv").open() as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["label"] != "same_design_graphic":
                label = "copy" if row["label"] == "duplicate" else row["label"]
                yield Pair(str(Path(row["a"]).parent), label, read(data / row["a"]), read(data / row["b"]))


def measured(pairs: Sequence[Pair]) -> Measured:
    """Measure pairs as the stations do."""
    first, second = ([getattr(pair, name) for pair in pairs] for name in ("first", "second"))
    left, right = (read_thumbnails([picture.thumbnail for picture in some]) for some in (first, second))
    straight, turned = (compare(left, right, np.full(len(pairs), way)) for way in (False, True))
    phash, dhash = ([differing_bits(getattr(a, name), getattr(b, name)) for a, b in zip(first, second, strict=True)]
                    for name in ("phash", "dhash"))  # fmt: skip
    seen = [differing_bits(a.phash, _mirrored(b.phash)) for a, b in zip(first, second, strict=True)]
    direct, mirror = np.minimum(phash, dhash), np.array(seen)
    by_mirror = (mirror < direct) & (turned[0] > straight[0])
    correlation, hue = (np.where(by_mirror, b, a) for a, b in zip(straight, turned, strict=True))
    return Measured(pairs, np.array(phash), np.array(dhash), np.where(by_mirror, mirror, direct), correlation, hue)


def _mirrored(phash: int) -> int:
    return int(mirrored_phashes(np.array([phash], dtype=np.uint64))[0])


# -- edits -------------------------------------------------------------------------------------------------------------


def edited_pairs(photographs: Sequence[Path], edits: Sequence[str] | None = None) -> Iterator[Pair]:
    """Yield each photograph with each of its edited copies; the source is the name of the edit."""
    for path in photographs:
        image = Image.open(path).convert("RGB")
        image.thumbnail((1000, 1000))
        whole = read_picture(encode_jpeg(image.copy()), Kept(512))
        for name in edits or EDITS:
            yield Pair(name, "copy", whole, read_picture(encode_jpeg(EDITS[name](image.copy())), Kept(512)))


def _again(image: Image.Image) -> Image.Image:
    return Image.open(io.BytesIO(encode_jpeg(image, 30))).convert("RGB")


def _cut(image: Image.Image, share: float, to_left: float = 0.5, to_top: float = 0.5) -> Image.Image:
    width, height = image.size
    left, top = width * share * to_left, height * share * to_top
    return image.crop((int(left), int(top), int(left + width * (1 - share)), int(top + height * (1 - share))))


def _watermark(image: Image.Image) -> Image.Image:
    layer = Image.new("RGBA", image.size)
    font = ImageFont.load_default(size=max(10, image.height // 7))
    ImageDraw.Draw(layer).text((image.width * 0.15, image.height * 0.42), "copyright", (255, 255, 255, 120), font)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _logo(image: Image.Image) -> Image.Image:
    width, height = image.size
    ImageDraw.Draw(image).rectangle((width * 0.75, height * 0.9, width, height), (200, 30, 30))
    return image


def _gamma(image: Image.Image) -> Image.Image:
    return image.point([round(255 * (value / 255) ** 0.7) for value in range(256)] * 3)


EDITS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "quality 30": _again,
    "a quarter of the size": lambda image: image.resize((max(1, image.width // 4), max(1, image.height // 4))),
    "squeezed to a square": lambda image: image.resize((300, 300)),
    "grey": lambda image: image.convert("L").convert("RGB"),
    "1.3 times as bright": lambda image: ImageEnhance.Brightness(image).enhance(1.3),
    "1.4 times the contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "gamma 0.7": _gamma,
    "1.6 times the colour": lambda image: ImageEnhance.Color(image).enhance(1.6),
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "watermark": _watermark,
    "logo": _logo,
    "mirrored": ImageOps.mirror,
    "border of 3 %": lambda image: ImageOps.expand(image, round(0.03 * min(image.size)), "black"),
    "4 % cut off": lambda image: _cut(image, 0.04),
    "8 % cut off, at a corner": lambda image: _cut(image, 0.08, 0.2, 0.8),
    "15 % cut off": lambda image: _cut(image, 0.15),
    "turned by 1.5 degrees": lambda image: _cut(image.rotate(1.5, Image.Resampling.BICUBIC), 0.06),
}
SMALL_EDITS = tuple(EDITS)[: list(EDITS).index("border of 3 %")]  # what a copy on the web has commonly gone through
