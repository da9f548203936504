"""A contact sheet: pictures with what is said of them, laid out as one JPEG.

Belongs here: layout, pure from bytes to bytes. Does not belong here: which pictures (report/, previews.py).
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

GOOD, BAD, PLAIN = "#159a74", "#c0392b", "#666666"
MARGIN, LINE, GAP = 12, 14, 8
PAPER, INK = "#ffffff", "#1d1d1f"


@dataclass(frozen=True)
class Tile:
    """One picture (bytes that Pillow reads), the lines below it, the colour of its frame and first line."""

    picture: bytes
    lines: tuple[str, ...] = ()
    colour: str = PLAIN


@dataclass(frozen=True)
class Section:
    """A heading, tiles, and plain lines where there is nothing to be seen."""

    heading: str
    tiles: tuple[Tile, ...] = ()
    lines: tuple[str, ...] = ()


def contact_sheet(
    title: str, sections: Sequence[Section], columns: int = 6, side_px: int = 120, quality: int = 85
) -> bytes:
    """Return the sheet as a JPEG; every picture is shown whole within a square."""
    width = 2 * MARGIN + columns * (side_px + GAP) - GAP
    sheet = Image.new("RGB", (width, _height(sections, columns, side_px, bool(title))), PAPER)
    pen = ImageDraw.Draw(sheet)
    top = MARGIN
    if title:
        pen.text((MARGIN, top), _cut(pen, title, 17, width - 2 * MARGIN), fill=INK, font=_font(17))
        top += 28
    for section in sections:
        top = _section(sheet, section, top, columns, side_px)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=quality, optimize=True)
    return buffer.getvalue()


def within(limit: int, title: str, sections: Sequence[Section], columns: int = 6, side_px: int = 64) -> bytes:
    """Return a sheet of at most `limit` bytes, coarser the more there is on it."""
    made = b""
    for quality in (80, 60, 40, 25, 12, 5):
        made = contact_sheet(title, sections, columns, side_px, quality)
        if len(made) <= limit:
            break
    return made


def _height(sections: Sequence[Section], columns: int, side_px: int, titled: bool) -> int:
    return 2 * MARGIN + (28 if titled else 0) + sum(_section_height(one, columns, side_px) for one in sections)


def _section_height(section: Section, columns: int, side_px: int) -> int:
    rows = -(-len(section.tiles) // columns)
    return (
        (24 if section.heading else 0) + rows * _tile_height(section, side_px) + len(section.lines) * (LINE + 2) + GAP
    )


def _tile_height(section: Section, side_px: int) -> int:
    return side_px + GAP + LINE * max((len(tile.lines) for tile in section.tiles), default=0) + 4


def _section(sheet: Image.Image, section: Section, top: int, columns: int, side_px: int) -> int:
    pen = ImageDraw.Draw(sheet)
    below = top + _section_height(section, columns, side_px)
    if section.heading:
        pen.text((MARGIN, top), _cut(pen, section.heading, 14, sheet.width - 2 * MARGIN), fill=INK, font=_font(14))
        top += 24
    for number, tile in enumerate(section.tiles):
        left = MARGIN + number % columns * (side_px + GAP)
        _tile(sheet, tile, (left, top + number // columns * _tile_height(section, side_px)), side_px)
    top += -(-len(section.tiles) // columns) * _tile_height(section, side_px)
    for number, line in enumerate(section.lines):
        words = _cut(pen, line, 12, sheet.width - 2 * MARGIN)
        pen.text((MARGIN, top + number * (LINE + 2)), words, fill=INK, font=_font(12))
    return below


def _tile(sheet: Image.Image, tile: Tile, at: tuple[int, int], side_px: int) -> None:
    pen = ImageDraw.Draw(sheet)
    with Image.open(io.BytesIO(tile.picture)) as opened:
        picture = opened.convert("RGB")
    picture.thumbnail((side_px - 4, side_px - 4))
    sheet.paste(picture, (at[0] + (side_px - picture.width) // 2, at[1] + (side_px - picture.height) // 2))
    pen.rectangle((at[0], at[1], at[0] + side_px - 1, at[1] + side_px - 1), outline=tile.colour, width=2)
    for number, line in enumerate(tile.lines):
        place = (at[0], at[1] + side_px + 2 + number * LINE)
        pen.text(place, _cut(pen, line, 11, side_px), fill=INK if number else tile.colour, font=_font(11))


def _cut(pen: ImageDraw.ImageDraw, words: str, size: int, width: int) -> str:
    """Return words on one line that fit a width, with dots where they were cut."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    if len(plain) <= width and pen.textlength(plain, font=_font(size)) <= width:
        return plain
    plain = plain[:width]  # no letter is narrower than a pixel
    fits = bisect_right(
        range(len(plain)), width, key=lambda length: pen.textlength(plain[:length] + "...", font=_font(size))
    )
    return plain[: max(fits - 1, 0)] + "..."


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
