"""One picture: broken bytes give a reason and never an exception, sound ones give a plain upright RGB JPEG."""

from __future__ import annotations

import base64
import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from entitynet_assets.pictures import (
    MAX_PROFILE_BYTES,
    Kept,
    PictureError,
    entropy_bits,
    hash_picture,
    read_picture,
)

REASONS = {"not_image", "truncated", "too_large"}


def drawn(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    across = np.linspace(0, 255, width)[None, :, None].repeat(height, 0)
    down = np.linspace(0, 255, height)[:, None, None].repeat(width, 1)
    return Image.fromarray(np.concatenate([across, down, 255 - across], 2).astype(np.uint8)).convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def saved_and_read(image: Image.Image) -> Image.Image:
    """Return a picture as it is after being stored."""
    return Image.open(io.BytesIO(saved(image, "JPEG", quality=90)))


def picture_fault(content: bytes) -> str | None:
    """Return why bytes are no picture, None if they are one."""
    try:
        read_picture(content, Kept(32))
    except PictureError as error:
        return error.outcome if error.reason else "no reason"
    return None


def pixels(content: bytes, side_px: int = 500) -> np.ndarray:
    """Return the stored JPEG of a picture as an array [height, width, 3]."""
    assert picture_fault(content) is None
    return np.asarray(Image.open(io.BytesIO(read_picture(content, Kept(side_px)).jpeg)), dtype=int)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is and has only its first few bytes of pixels."""
    chunks = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), b"IDAT" + zlib.compress(bytes(99))
    packed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


KINDS = {
    "JPEG": saved(drawn(), "JPEG"), "progressive": saved(drawn(), "JPEG", progressive=True), "PNG": saved(drawn(), "PNG"),
    "GIF": saved(drawn(), "GIF"), "WEBP": saved(drawn(), "WEBP"), "AVIF": saved(drawn(), "AVIF"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_cut_off_anywhere_gives_a_reason_or_reads(kind: str) -> None:
    whole = KINDS[kind]
    assert picture_fault(whole) is None
    for length in sorted({*range(0, min(len(whole), 64)), *range(64, len(whole), max(1, len(whole) // 60))}):
        cut = whole[:length]
        fault = picture_fault(cut)
        assert fault in REASONS | {None}
        if fault is None:
            assert read_picture(cut, Kept(32)).jpeg
    # libavif looks at the whole file before it says how large the picture is
    assert picture_fault(whole[: len(whole) // 2]) == ("not_image" if kind == "AVIF" else "truncated")


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_picture_with_bytes_spoilt_never_raises(kind: str, spoilt: list[tuple[float, int]]) -> None:
    content = bytearray(KINDS[kind])
    for place, value in spoilt:
        content[int(place * len(content))] = value
    fault = picture_fault(bytes(content))
    assert fault in REASONS | {None}
    if fault is None:
        assert read_picture(bytes(content), Kept(32)).width_px > 0


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not_image"),
        (b"<!doctype html><html><body>404</body></html>", "not_image"),
        (b'{"error": "rate limited"}', "not_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not_image"),
        (b"%PDF-1.7", "not_image"),
        (png_header(60_000, 60_000), "too_large"),
        (png_header(12_000, 12_000), "too_large"),
        (png_header(30_001, 400), "too_large"),
        (png_header(10_000, 99), "too_large"),
        (png_header(60, 40), "truncated"),
        (saved(drawn(), "BMP"), "not_image"),
        (saved(drawn(), "TIFF"), "not_image"),
        (saved(drawn(), "PPM"), "not_image"),
    ],
)
def test_what_is_no_picture_says_why(content: bytes, fault: str) -> None:
    assert picture_fault(content) == fault


def test_the_stored_jpeg_is_shrunken_by_its_shorter_side_and_never_enlarged() -> None:
    picture = read_picture(saved(drawn(300, 200), "PNG"), Kept(100))
    assert (picture.format, picture.original_width_px, picture.original_height_px) == ("PNG", 300, 200)
    assert (picture.width_px, picture.height_px) == (150, 100)
    assert hashlib.sha256(picture.jpeg).hexdigest() == picture.stored_sha256
    stored = Image.open(io.BytesIO(picture.jpeg))
    assert (stored.format, stored.mode, stored.size) == ("JPEG", "RGB", (150, 100))
    assert read_picture(saved(drawn(30, 20), "PNG"), Kept(100)).width_px == 30
    assert read_picture(saved(drawn(300, 200), "PNG"), Kept(100)) == picture


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_and_dropped(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    picture = read_picture(saved(drawn(60, 40), "JPEG", exif=exif, quality=95), Kept(500))
    assert (picture.original_width_px, picture.original_height_px) == ((60, 40) if orientation < 5 else (40, 60))
    assert dict(Image.open(io.BytesIO(picture.jpeg)).getexif()) == {}
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[
        orientation
    ]
    stored = np.asarray(Image.open(io.BytesIO(picture.jpeg)), dtype=int)
    assert stored[corner][0] < 40  # the stored corner that was first in the file: no red
    assert stored[corner][1] < 40


def test_transparency_is_laid_on_white() -> None:
    clear = drawn(mode="RGBA")
    clear.putalpha(0)
    assert (pixels(saved(clear, "PNG")) == 255).all()
    palette = Image.new("P", (20, 20), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    assert (pixels(saved(palette, "PNG", transparency=1)) == 255).all()
    grey = Image.new("LA", (20, 20), (0, 0))
    assert (pixels(saved(grey, "PNG")) == 255).all()
    assert pixels(saved(Image.new("L", (20, 20), 0), "PNG", transparency=0)).min() == 255


def test_four_inks_become_three_colours() -> None:
    red = Image.new("RGB", (20, 20), (250, 10, 10)).convert("CMYK")
    stored = pixels(saved(red, "JPEG"))
    assert np.abs(stored - [250, 10, 10]).max() < 12


@pytest.mark.parametrize("side_px", [500, 10])
def test_sixteen_bits_are_scaled_and_not_cut_off(side_px: int) -> None:
    ramp = np.linspace(0, 65535, 256)[None, :].repeat(20, 0)
    content = saved(Image.fromarray(ramp.astype("uint16")), "PNG")
    stored = pixels(content, side_px)
    assert np.abs(stored[:, :, 0] - np.linspace(0, 255, stored.shape[1])[None, :]).max() < 6
    assert read_picture(content, Kept(500)).entropy_bits > 7


def test_a_clear_shade_of_sixteen_bits_is_white() -> None:
    content = saved(Image.fromarray(np.full((20, 20), 300, np.uint16)), "PNG")
    at = content.index(b"IDAT") - 4
    chunk = b"tRNS" + struct.pack(">H", 300)
    packed = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert (pixels(content) < 5).all()
    assert (pixels(content[:at] + packed + content[at:]) == 255).all()


def test_of_an_animation_the_first_picture_is_taken() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG", "AVIF"):
        content = saved(frames[0], kind, save_all=True, append_images=frames[1:])
        stored = pixels(content)
        assert stored[10, 10, 0] > 240
        assert stored[10, 10, 2] < 15
        assert read_picture(content, Kept(32)).n_frames == 2
    assert read_picture(saved(drawn(), "GIF"), Kept(32)).n_frames == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA"])
def test_other_colour_spaces_become_rgb(mode: str) -> None:
    assert pixels(saved(drawn(mode=mode), "PNG")).shape == (40, 60, 3)
    assert pixels(saved(drawn(mode=mode), "PNG"), 20).shape == (20, 30, 3)


def swapped_profile() -> bytes:
    """Return an sRGB profile in which red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    tags = {bytes(profile[at : at + 4]): at + 4 for at in range(132, 132 + 12 * profile[131], 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB", b"swap")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_colours_become_srgb_through_the_profile(kind: str) -> None:
    red = Image.new("RGB", (20, 20), (255, 0, 0))
    stored = pixels(saved(red, kind, icc_profile=swapped_profile(), quality=95))
    assert np.abs(stored - [0, 255, 0]).max() < 12
    plain = pixels(saved(red, kind, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    assert np.abs(plain - [255, 0, 0]).max() < 12


@pytest.mark.parametrize(
    "profile", [b"no profile", swapped_profile()[:300], swapped_profile() + bytes(MAX_PROFILE_BYTES)]
)
def test_a_profile_that_is_broken_or_huge_is_passed_over(profile: bytes) -> None:
    stored = pixels(saved(Image.new("RGB", (20, 20), (255, 0, 0)), "JPEG", icc_profile=profile, quality=95))
    assert np.abs(stored - [255, 0, 0]).max() < 12


def test_nothing_but_pixels_is_stored() -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    content = saved(drawn(), "JPEG", exif=exif, comment=b"said", icc_profile=swapped_profile(), dpi=(300, 300))
    stored = Image.open(io.BytesIO(read_picture(content, Kept(32)).jpeg))
    assert set(stored.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_quality_is_what_is_asked() -> None:
    sizes = [len(read_picture(saved(drawn(300, 200), "PNG"), Kept(100, quality)).jpeg) for quality in (30, 60, 90)]
    assert sizes == sorted(sizes)
    assert len(set(sizes)) == 3


def test_a_text_that_unpacks_to_a_bomb_is_refused() -> None:
    content = saved(drawn(), "PNG")
    at = content.index(b"IDAT") - 4
    chunk = b"zTXtComment\0\0" + zlib.compress(bytes(50_000_000))
    packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert picture_fault(content[:at] + packed + content[at:]) in ("too_large", None)


def test_the_first_of_several_jpegs_in_one_file_is_taken() -> None:
    content = saved(drawn(), "MPO", save_all=True, append_images=[drawn().rotate(180)])
    assert (pixels(content)[:, :, 1] == pixels(saved(drawn(), "JPEG"))[:, :, 1]).mean() > 0.9


def test_hashes_survive_another_size_and_quality_and_tell_other_pictures_apart() -> None:
    def bits(one: tuple[int, int], two: tuple[int, int]) -> list[int]:
        return [(a ^ b).bit_count() for a, b in zip(one, two, strict=True)]

    blots = Image.fromarray(np.random.default_rng(0).integers(0, 255, (6, 9, 3), dtype=np.uint8)).resize((600, 400))
    whole = hash_picture(blots)
    again = Image.open(io.BytesIO(saved(blots.resize((300, 200)), "JPEG", quality=60)))
    assert max(bits(whole, hash_picture(again))) <= 4
    assert max(bits(whole, hash_picture(blots.rotate(180)))) > 10
    assert all(0 <= value < 2**64 for value in whole)


@pytest.mark.parametrize("size", [(1161, 869), (1600, 1067), (3001, 2003)])
def test_a_jpeg_that_is_decoded_smaller_is_the_same_picture(size: tuple[int, int]) -> None:
    """Its last column may be a pixel in part only; taken for a whole one, everything would lie aslant by up to a pixel."""
    rng = np.random.default_rng(3)
    blots = rng.integers(0, 255, (size[1] // 40, size[0] // 40, 3), dtype=np.uint8)
    content = saved(Image.fromarray(blots).resize(size, Image.Resampling.BICUBIC), "JPEG", quality=95)
    small = pixels(content, 256)
    whole = Image.open(io.BytesIO(content)).resize(small.shape[1::-1], Image.Resampling.LANCZOS)
    error = np.abs(small - np.asarray(saved_and_read(whole), dtype=int))
    assert error.mean() < 1.45
    assert np.percentile(error, 99) < 7


def test_a_thumbnail_is_luma_and_coarse_chroma_of_the_whole_picture() -> None:
    halves = Image.new("RGB", (300, 200), (255, 0, 0))
    halves.paste((0, 0, 0), (150, 0, 300, 200))
    content = read_picture(saved(halves, "PNG"), Kept(512)).thumbnail
    values = np.frombuffer(base64.b64decode(content), dtype=np.uint8)
    luma, blue, red = values[:576].reshape(24, 24), values[576:592].reshape(4, 4), values[592:].reshape(4, 4)
    assert luma[:, :10].min() == luma[:, :10].max() == 76
    assert luma[:, 14:].max() == 0
    assert (blue[:, 0].tolist(), red[:, 0].tolist()) == ([84] * 4, [255] * 4)
    assert blue[:, 3].tolist() == red[:, 3].tolist() == [128] * 4


def test_entropy_is_0_for_one_colour_and_1_for_two_in_halves() -> None:
    assert entropy_bits(Image.new("RGB", (8, 8), "red")) == 0.0
    halves = Image.new("L", (8, 8), 0)
    halves.paste(255, (0, 0, 4, 8))
    assert entropy_bits(halves) == 1.0
    assert entropy_bits(Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))) == 8.0
