"""The pictures of the harvest benchmark: how they are drawn, served, and how near to them comes what each side stored.

Belongs here: what both sides share. Does not belong here: running them (harvest.py).
"""

from __future__ import annotations

import io
import json
import statistics
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

POOL = 120  # pictures that are drawn; addresses beyond that serve them again
Stored = dict[str, bytes]  # the name under which a picture is asked for, and its JPEG


def draw(number: int) -> bytes:
    """Return a picture like a photograph: soft shapes with noise, half a megapixel in the median, one in ten above four."""
    rng = np.random.default_rng(number)
    megapixels = rng.uniform(4, 8) if number % 10 == 0 else float(np.clip(rng.lognormal(np.log(0.45), 0.7), 0.05, 3.5))
    width = int(np.sqrt(megapixels * 1e6 * 4 / 3))
    height = width * 3 // 4
    shapes = Image.fromarray(rng.integers(0, 255, (height // 40 + 2, width // 40 + 2, 3), dtype=np.uint8))
    soft = np.asarray(shapes.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    image = Image.fromarray(np.clip(soft + rng.normal(0, 5, (height, width, 1)), 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    kind = "PNG" if number % 20 == 7 else "WEBP" if number % 20 == 13 else "JPEG"
    image.save(buffer, kind, **({} if kind == "PNG" else {"quality": 85}))
    return buffer.getvalue()


def drawn_pool(folder: Path, links: int) -> tuple[Path, list[bytes]]:
    """Draw the pictures for so many links into a new folder; returns it and their bytes."""
    folder.mkdir()
    bodies = [draw(number) for number in range(min(POOL, links))]
    for number, body in enumerate(bodies):
        (folder / f"{number:04}").write_bytes(body)
    return folder, bodies


@contextmanager
def served(folder: Path) -> Iterator[dict[str, int]]:
    """Serve the pictures of a folder from a process of its own; gives its port for each kind of host."""
    command = [sys.executable, "-m", "tests.bench.picture_server", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield json.loads(process.stdout.readline())
        process.stdin.close()


def stored_by_peer(folder: Path) -> Stored:
    """Return what lies in img2dataset's tars."""
    found: Stored = {}
    for path in folder.glob("*.tar"):
        with tarfile.open(path) as tar:
            members = {member.name: tar.extractfile(member) for member in tar.getmembers()}
            for name, file in members.items():
                picture = members.get(name.replace(".json", ".jpg"))
                if name.endswith(".json") and file and picture:
                    found[_name(json.load(file)["url"])] = picture.read()
    return found


def stored_by_ours(lake: Path, downloads: Iterable[dict[str, Any]]) -> Stored:
    """Return what the ledger says is stored."""
    return {_name(row["image_url"]): (lake / row["path"]).read_bytes() for row in downloads if row["path"]}


def _name(url: str) -> str:
    return url.rpartition("/")[2]


def nearness(stored: Stored, originals: dict[str, bytes]) -> dict[str, float]:
    """Return how near the stored JPEGs are to the whole pictures shrunken by Lanczos and by area: means of PSNR (dB) and SSIM.

    A picture that was not shrunken is left out. Raises KeyError where one was not stored.
    """
    found: dict[str, list[float]] = {}
    for name, original in originals.items():
        whole, small = (Image.open(io.BytesIO(one)).convert("RGB") for one in (original, stored[name]))
        if whole.size == small.size:
            continue
        lanczos = np.asarray(whole.resize(small.size, Image.Resampling.LANCZOS))
        for way, reference in (("lanczos", lanczos), ("area", by_area(np.asarray(whole), *small.size))):
            got = np.asarray(small)
            found.setdefault(f"psnr_{way}", []).append(float(peak_signal_noise_ratio(reference, got)))
            ssim: Any = structural_similarity(reference, got, channel_axis=2)
            found.setdefault(f"ssim_{way}", []).append(float(ssim))
    return {measure: round(statistics.mean(values), 4) for measure, values in found.items()}


def by_area(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return pixels [height, width, 3] shrunken so that each is the mean of the area that it covers, parts of pixels in part."""
    values = pixels.astype(np.float64)
    for axis, most in ((0, height), (1, width)):
        count = values.shape[axis]
        sums = np.insert(np.cumsum(values, axis=axis), 0, 0, axis=axis)
        edges = np.linspace(0, count, most + 1)
        low = np.minimum(edges.astype(int), count - 1)
        part = np.expand_dims(edges - low, tuple(one for one in range(3) if one != axis))
        at = np.take(sums, low, axis) * (1 - part) + np.take(sums, low + 1, axis) * part
        values = np.diff(at, axis=axis) * (most / count)
    return np.clip(values.round(), 0, 255).astype(np.uint8)
