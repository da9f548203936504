"""The bytes of the sample's pictures, as planned.

What it is: encodes a planned picture to the body and type a host serves, faults included; results are kept in memory.
What belongs here: encoding and the faults of bytes. What does not: drawing (draw.py), status codes (server.py).
"""

import hashlib
import io
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from PIL import Image

from entitynet_assets.sample.draw import draw
from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.look import read_look
from entitynet_assets.sample.world import BenchmarkPicture, Picture

TINY_SIDE_PX = 20
RESIZED_SHARE = 0.75
TRUNCATED_SHARE = 0.55
HTML = b"<!doctype html><title>Gone</title><p>This picture was moved. Please sign in to see it.</p>"


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
    """Renders pictures on demand and keeps them, in memory or in a folder; safe for threads."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.kept: dict[tuple[object, ...], bytes] = {}
        self.lock = threading.Lock()

    def picture(self, row: Picture) -> Body:
        """Return the body of a picture of the web."""
        if row.fault == "html":
            return Body(HTML, "text/html; charset=utf-8")
        kind = "png" if row.path.endswith(".png") else "jpeg"
        content = self.encoded(row.qid, row.draw_seed, final_size(row), kind, quality(row))
        if row.fault == "truncated":
            content = content[: round(len(content) * TRUNCATED_SHARE)]
        return Body(content, f"image/{kind}")

    def benchmark(self, row: BenchmarkPicture) -> Body:
        """Return the body of a held-out picture."""
        size = ((row.side_px, row.side_px), (row.side_px, row.side_px))
        return Body(self.encoded(row.qid, row.draw_seed, size, "jpeg", 92), "image/jpeg")

    def encoded(self, qid: str, seed: int, sizes: tuple[tuple[int, int], ...], kind: str, level: int) -> bytes:
        """Return encoded bytes, rendering them the first time; `sizes` are (drawn, sent) in px."""
        key = (qid, seed, sizes, kind, level)
        name = hashlib.sha256(repr(key).encode()).hexdigest()
        with self.lock:
            found = self.kept.get(key) or self.read(name)
        content = found or encode(qid, seed, sizes, kind, level)
        with self.lock:
            self.kept[key] = content
        if found is None and self.folder:
            self.write(name, content)
        return content

    def read(self, name: str) -> bytes | None:
        """Return bytes kept in the folder, if any."""
        path = self.folder / name if self.folder else None
        return path.read_bytes() if path and path.exists() else None

    def write(self, name: str, content: bytes) -> None:
        """Keep bytes in the folder; a reader never sees half a file."""
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
            part = self.folder / f"{name}.{threading.get_ident()}.part"
            part.write_bytes(content)
            part.replace(self.folder / name)


def encode(qid: str, seed: int, sizes: tuple[tuple[int, int], ...], kind: str, level: int) -> bytes:
    """Draw at the first size, resize to the second, encode as JPEG or PNG."""
    picture = draw(read_look(load_facts().items, qid), seed, sizes[0])
    if sizes[1] != sizes[0]:
        picture = picture.resize(sizes[1], Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    if kind == "png":
        picture.save(buffer, "PNG", compress_level=3)
    else:
        picture.save(buffer, "JPEG", quality=level)
    return buffer.getvalue()


def final_size(row: Picture) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the size a picture is drawn at and the size it is sent at, in px."""
    drawn = (row.width_px, row.height_px)
    if row.fault == "tiny":
        return drawn, (TINY_SIDE_PX, TINY_SIDE_PX)
    if row.fault == "resized":
        return drawn, (round(drawn[0] * RESIZED_SHARE), round(drawn[1] * RESIZED_SHARE))
    return drawn, drawn


def quality(row: Picture) -> int:
    """Return the JPEG quality of a picture."""
    return {"reencoded": 60, "resized": 85, "leak": 92}.get(row.fault, 90)
