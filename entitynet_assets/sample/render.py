"""The bytes of the sample's pictures, as planned.

What it is: encodes a planned picture to the body and type a host serves, faults included; the latest are kept in memory.
What belongs here: encoding and the faults of bytes. What does not: drawing (draw.py), status codes (sites.py).
"""

import hashlib
import io
import random
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from PIL import Image, ImageDraw

from entitynet_assets.sample.draw import draw
from entitynet_assets.sample.palette import NAMED, varied
from entitynet_assets.sample.plan import BenchmarkPicture, Picture, subject

TINY_SIDE_PX = 20
RESIZED_SHARE = 0.75
CROPPED_SHARE = 0.01  # of each side, at each edge
TRUNCATED_SHARE = 0.55
LARGE_BYTES = 8_000_000
KEPT_BYTES = 256_000_000
HTML = b"<!doctype html><title>Gone</title><p>This picture was moved. Please sign in to see it.</p>"
QUALITY = {"reencoded": 60, "resized": 85, "cropped": 85, "leak": 92}
Size = tuple[int, int]


@dataclass(frozen=True)
class Body:
    """What is sent for one address."""

    content: bytes
    content_type: str

    @cached_property
    def etag(self) -> str:
        """A strong entity tag: the sha256 of the bytes, quoted."""
        return f'"{hashlib.sha256(self.content).hexdigest()}"'


class Gallery:
    """Renders pictures of a world's seed on demand and keeps them, the latest in memory, all in a folder; safe for threads."""

    def __init__(self, folder: Path | None = None, seed: int = 0) -> None:
        self.folder, self.seed = folder, seed
        self.kept: OrderedDict[str, bytes] = OrderedDict()
        self.kept_bytes = 0
        self.lock = threading.Lock()

    def picture(self, row: Picture) -> Body:
        """Return the body of a picture of the web."""
        if row.fault == "html":
            return Body(HTML, "text/html; charset=utf-8")
        if row.fault == "placeholder":
            return Body(placeholder(), "image/jpeg")
        kind = "png" if row.path.endswith(".png") else "jpeg"
        name = repr((self.seed, row.qid, row.draw_seed, row.fault in QUALITY and row.fault, final_size(row), kind))
        content = self.once(name, lambda: self.encoded(row, kind))
        if row.fault == "truncated":
            content = content[: round(len(content) * TRUNCATED_SHARE)]
        return Body(content + bytes(max(0, LARGE_BYTES - len(content)) if row.fault == "large" else 0), f"image/{kind}")

    def encoded(self, row: Picture, kind: str) -> bytes:
        """Draw and encode a picture of the web."""
        drawn = (row.width_px, row.height_px)
        if row.fault == "blank":
            picture = Image.new("RGB", drawn, flat_colour(row.draw_seed))
        else:
            picture = draw(subject(self.seed, row.qid)[1], row.draw_seed, drawn)
        if row.fault == "cropped":
            x, y = (max(1, round(side * CROPPED_SHARE)) for side in drawn)
            picture = picture.crop((x, y, drawn[0] - x, drawn[1] - y))
        if final_size(row) != picture.size:
            picture = picture.resize(final_size(row), Image.Resampling.LANCZOS)
        return encode(picture, kind, QUALITY.get(row.fault, 90))

    def benchmark(self, row: BenchmarkPicture) -> Body:
        """Return the body of a held-out picture."""
        look, size = subject(self.seed, row.qid)[1], (row.side_px, row.side_px)
        name = repr((self.seed, row.qid, row.draw_seed, "benchmark"))
        return Body(
            self.once(name, lambda: encode(draw(look, row.draw_seed, size), "jpeg", QUALITY["leak"])), "image/jpeg"
        )

    def once(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the bytes of a name, made the first time."""
        with self.lock:
            if (found := self.kept.get(name)) is not None:
                self.kept.move_to_end(name)
                return found
        file = self.folder / hashlib.sha256(name.encode()).hexdigest() if self.folder else None
        if file and file.exists():
            return file.read_bytes()
        content = make()
        self.keep(name, content)
        if file:
            write(file, content)
        return content

    def keep(self, name: str, content: bytes) -> None:
        """Keep bytes in memory; the ones not asked for longest give way."""
        with self.lock:
            self.kept_bytes += len(content) - len(self.kept.get(name, b""))
            self.kept[name] = content
            while self.kept_bytes > KEPT_BYTES:
                self.kept_bytes -= len(self.kept.popitem(last=False)[1])


def write(file: Path, content: bytes) -> None:
    """Write bytes to a file so that a reader never sees half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{threading.get_ident()}.part")
    part.write_bytes(content)
    part.replace(file)


def encode(picture: Image.Image, kind: str, level: int) -> bytes:
    """Encode a picture as JPEG of a quality, or as PNG."""
    buffer = io.BytesIO()
    if kind == "png":
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=level)
    return buffer.getvalue()


@cache
def placeholder() -> bytes:
    """Return the notice that hosts serve where they have no picture."""
    picture = (
        Image.linear_gradient("L").resize((320, 240)).point([200 + grey // 8 for grey in range(256)]).convert("RGB")
    )
    pen = ImageDraw.Draw(picture)
    pen.rectangle((110, 50, 210, 130), outline=(120, 120, 120), width=5)
    pen.polygon([(116, 124), (150, 80), (180, 110), (204, 124)], fill=(150, 150, 150))
    pen.text((160, 170), "image not available", fill=(90, 90, 90), font_size=24, anchor="mm")
    return encode(picture, "jpeg", 90)


def flat_colour(seed: int) -> tuple[int, int, int]:
    """Return the colour of a blank picture."""
    rng = random.Random(seed)
    return varied(rng.choice(list(NAMED.values())), rng, 40)


def final_size(row: Picture) -> Size:
    """Return the size a picture is sent at, in px."""
    width, height = row.width_px, row.height_px
    if row.fault == "tiny":
        return TINY_SIDE_PX, TINY_SIDE_PX
    if row.fault == "resized":
        return round(width * RESIZED_SHARE), round(height * RESIZED_SHARE)
    if row.fault == "cropped":
        x, y = (max(1, round(side * CROPPED_SHARE)) for side in (width, height))
        return width - 2 * x, height - 2 * y
    return width, height
