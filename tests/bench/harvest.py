"""Harvest benchmark: `python -m tests.bench.harvest [links] [rounds] [percent dead]`, ours against img2dataset from one loopback server.

Both sides download the same generated pictures, decode them, shrink them to a shorter side of 256 pixels and encode them at quality 90.
Ours also hashes (phash, dhash), decodes in processes under limits, obeys robots.txt and writes a ledger that survives a kill, once
without and once with the bytes as served; img2dataset writes tars. They take turns, and both must come to every picture.
Of dead hosts nothing ever comes.
"""

from __future__ import annotations

import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.resources import open_decoders
from tests.bench.harness import in_own_process, last_line, peak_mib, peer_python
from tests.bench.harvest_img2dataset import WHO, cpu_seconds
from tests.small_lake import SmallLake

LINKS, ROUNDS, DEAD_PERCENT = 2000, 2, 0
POOL, HOSTS, TIMEOUT_S = 120, 40, 2
KEPT = Kept(256)
THREADS = 64


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


@contextmanager
def served(folder: Path) -> Iterator[int]:
    """Serve the pictures of a folder from a process of its own; gives its port."""
    command = [sys.executable, "-m", "tests.bench.picture_server", str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield int(process.stdout.readline())
        process.stdin.close()


def ours(folder: Path, paths: list[str], keep_served: bool) -> dict[str, Any]:
    """Return what the stations of downloads and images took."""
    small = SmallLake(
        folder,
        web={"per_host": 8, "timeout_s": TIMEOUT_S, "tries": 1},
        shards={"stored_side_px": KEPT.side_px, "keep_served": keep_served},
    )
    hosts = [f"{'dead' if path.startswith('dead') else 'h'}{number % HOSTS}.test" for number, path in enumerate(paths)]
    small.put("urls", [
        {"url_id": f"{number:08}", "image_url": f"http://{host}/{path}", "host": host}
        for number, (host, path) in enumerate(zip(hosts, paths, strict=True))
    ])  # fmt: skip
    start, before = time.perf_counter(), cpu_seconds()
    small.run("downloads")
    pictures = len(small.make("images"))
    seconds = time.perf_counter() - start
    small.place.web.close()
    open_decoders().close()  # so that their time is counted
    return {
        "seconds": seconds, "cpu_seconds": cpu_seconds() - before, "pictures": pictures,
        "peak_mib": peak_mib() + open_decoders().count * resource.getrusage(WHO[1]).ru_maxrss // 1024,
    }  # fmt: skip


def paths_of(links: int, dead_percent: int) -> list[str]:
    """Return what is asked for; so many of a hundred are never answered, spread evenly."""
    return [f"{'dead/' if number % 100 < dead_percent else ''}{number}.jpg" for number in range(links)]


def decode_ms(folder: Path) -> float:
    """Return the mean time of a core that decoding, shrinking, hashing and encoding one picture takes."""
    bodies = [path.read_bytes() for path in sorted(folder.iterdir())]
    start = time.process_time()
    for body in bodies:
        read_picture(body, KEPT)
    return round(1000 * (time.process_time() - start) / len(bodies), 2)


def take_turns(scratch: Path, port: int, paths: list[str], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """Return the runs of each side. Raises RuntimeError where one did not come to every picture."""
    os.environ["ENTITYNET_SAMPLE_PORT"] = str(port)
    urls = scratch / "urls.txt"
    urls.write_text("".join(f"http://127.0.0.1:{port}/{path}\n" for path in paths))
    peer = peer_python("img2dataset", ["img2dataset==1.47.0"])
    runs: dict[str, list[dict[str, Any]]] = {"ours": [], "peer": [], "ours_with_served": []}
    for number in range(rounds):
        for side in runs:
            out = str(scratch / f"{side}-{number}")
            if side == "peer":
                found = in_own_process(
                    peer, "tests.bench.harvest_img2dataset", str(urls), out, str(THREADS), str(TIMEOUT_S)
                )
            else:
                found = in_own_process(sys.executable, "tests.bench.harvest", side, out, str(urls))
            if found["pictures"] != (wanted := sum(not path.startswith("dead") for path in paths)):
                raise RuntimeError(f"{side}: {found['pictures']} of {wanted} pictures")
            runs[side].append(found)
    return runs


def compare(links: int, rounds: int, dead_percent: int) -> str:
    """Return the last line."""
    with tempfile.TemporaryDirectory() as name:
        pool = Path(name) / "pool"
        pool.mkdir()
        for number in range(min(POOL, links)):
            (pool / f"{number:04}").write_bytes(draw(number))
        mean_bytes = sum(path.stat().st_size for path in pool.iterdir()) // len(list(pool.iterdir()))
        with served(pool) as port:
            runs = take_turns(Path(name), port, paths_of(links, dead_percent), rounds)
        decode = decode_ms(pool)

    def middle(side: str, what: str) -> float:
        return statistics.median(run[what] for run in runs[side])

    speed = {side: round(runs[side][0]["pictures"] / middle(side, "seconds"), 1) for side in runs}
    cpu_ms = {side: round(1000 * middle(side, "cpu_seconds") / runs[side][0]["pictures"], 2) for side in runs}
    return last_line(
        "harvest", speed["ours"], speed["peer"], "pictures/s", peer_name="img2dataset", higher_is_better=True, links=links,
        rounds=rounds, dead_percent=dead_percent, mean_bytes=mean_bytes, with_served=speed["ours_with_served"], cpu_ms_a_picture=cpu_ms,
        cpu_ratio=round(cpu_ms["peer"] / cpu_ms["ours"], 2), decode_ms=decode, decode_share=round(decode / cpu_ms["ours"], 2),
        peak_mib={side: round(middle(side, "peak_mib")) for side in runs}, cores=os.cpu_count(),
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].startswith("ours"):
        asked = [line.split("/", 3)[3] for line in Path(sys.argv[3]).read_text().splitlines()]
        print(json.dumps(ours(Path(sys.argv[2]), asked, sys.argv[1] == "ours_with_served")))
    else:
        print(compare(*(int(one) for one in sys.argv[1:]), *(LINKS, ROUNDS, DEAD_PERCENT)[len(sys.argv) - 1 :]))
