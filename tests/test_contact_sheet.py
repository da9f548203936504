"""A contact sheet has a place for every picture, frames that say the verdict, and a size that is kept."""

from __future__ import annotations

import io

from PIL import Image, ImageColor

from entitynet_assets.contact_sheet import BAD, GAP, GOOD, MARGIN, Section, Tile, contact_sheet, within
from tests.noise import noise_jpeg


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content)).convert("RGB")


def near(found: object, colour: str) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) < 60 for a, b in zip(found, ImageColor.getrgb(colour), strict=True))


def test_each_tile_has_its_place_and_its_frame() -> None:
    tiles = (Tile(noise_jpeg(1), ("kept",), GOOD), Tile(noise_jpeg(2), ("leak", "2 bits"), BAD))
    sheet = opened(contact_sheet("", [Section("", tiles)], columns=2, side_px=60, quality=95))
    assert sheet.width == 2 * MARGIN + 2 * 60 + GAP
    assert near(sheet.getpixel((MARGIN + 30, MARGIN)), GOOD)
    assert near(sheet.getpixel((MARGIN + 60 + GAP + 30, MARGIN)), BAD)
    assert not near(sheet.getpixel((MARGIN + 30, MARGIN + 30)), "#ffffff"), "the picture is not there"


def test_rows_headings_and_lines_take_room() -> None:
    tile = Tile(noise_jpeg(1), ("a", "b"))
    one = opened(contact_sheet("", [Section("", (tile,))], columns=2))
    two = opened(contact_sheet("", [Section("", (tile, tile, tile))], columns=2))
    more = opened(contact_sheet("title", [Section("heading", (tile,), ("robots 7", "not_found 3"))], columns=2))
    assert one.width == two.width == more.width
    assert one.height < more.height
    assert two.height > 1.7 * (one.height - 2 * MARGIN)


def test_any_words_can_stand_on_it() -> None:
    tile = Tile(noise_jpeg(1), ("x" * 5000, "\x1b[31m\n\u202e", "🦩 猫", ""))
    assert opened(contact_sheet("y" * 5000, [Section("z" * 5000, (tile,), ("w" * 5000,))])).width < 1000
    assert opened(contact_sheet("", [])).height == 2 * MARGIN


def test_a_limit_on_bytes_is_kept() -> None:
    tiles = tuple(Tile(noise_jpeg(seed), ("kept",)) for seed in range(12))
    assert len(within(20_000, "", [Section("", tiles)])) <= 20_000
    assert len(within(200_000, "", [Section("", tiles)])) > 20_000


def test_the_same_pictures_give_the_same_sheet() -> None:
    sections = [Section("heading", (Tile(noise_jpeg(1), ("kept",)),))]
    assert contact_sheet("t", sections) == contact_sheet("t", sections)
