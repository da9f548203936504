"""Harvest benchmark: `python -m tests.bench.harvest [links] [rounds]`, ours against img2dataset from one loopback server.

Both sides download the same generated pictures, decode them, shrink them to a shorter side of 256 pixels and encode them at quality 90.
Ours also hashes (phash, dhash), decodes in processes under limits, obeys robots.txt and writes a ledger that survives a kill, once
without and once with the bytes as served; img2dataset writes tars. First img2dataset's processes and threads are chosen by a sweep,
then the sides take turns, and all must come to every picture. What each side stored is held against the whole pictures. What bad
hosts do to ours is in harvest_hosts.py.
`python -m tests.bench.harvest growth 1000 10000 50000` runs both sides once at each number of links.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from entitynet_assets.pictures import Kept, read_picture
from entitynet_assets.resources import open_decoders
from tests.bench.harness import in_own_process, last_line, peak_mib, peer_python
from tests.bench.harvest_img2dataset import WHO, cpu_seconds
from tests.bench.harvest_pictures import POOL, drawn_pool, nearness, served, stored_by_ours, stored_by_peer
from tests.small_lake import SmallLake

LINKS, ROUNDS = 2000, 2
HOSTS, TIMEOUT_S = 40, 2
KEPT = Kept(256)
CORES = os.cpu_count() or 1
SWEEP = [(processes, threads) for processes in (CORES, 2 * CORES) for threads in (32, 64, 128)]
SWEEP_LINKS = 600
Run = dict[str, Any]


def ours(folder: Path, paths: list[str], keep_served: bool) -> Run:
    """Return what the stations of downloads and images took."""
    small = SmallLake(
        folder,
        web={"per_host": 8, "timeout_s": TIMEOUT_S, "tries": 1},
        shards={"stored_side_px": KEPT.side_px, "keep_served": keep_served},
    )
    hosts = [f"h{number % HOSTS}.test" for number in range(len(paths))]
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
        "peak_mib": peak_mib() + open_decoders().count * resource.getrusage(WHO[1]).ru_maxrss // 1024, "main_mib": peak_mib(),
    }  # fmt: skip


def paths_of(links: int) -> list[str]:
    """Return what is asked for."""
    return [f"{number}.jpg" for number in range(links)]


def decode_ms(bodies: Sequence[bytes]) -> float:
    """Return the mean time of a core that decoding, shrinking, hashing and encoding one picture takes."""
    start = time.process_time()
    for body in bodies:
        read_picture(body, KEPT)
    return round(1000 * (time.process_time() - start) / len(bodies), 2)


class Course:
    """Where runs are held: a folder, the server's port, img2dataset's interpreter, and its processes and threads."""

    def __init__(self, scratch: Path, port: int) -> None:
        os.environ["ENTITYNET_SAMPLE_PORT"] = str(port)
        self.scratch, self.port = scratch, port
        self.peer = peer_python("img2dataset", ["img2dataset==1.47.0"])
        self.settings, self.few = SWEEP[1], dict[str, Run]()

    def run(self, side: str, name: str, paths: list[str]) -> Run:
        """Return one run of a side in a process of its own. Raises RuntimeError where it did not come to every picture."""
        urls, out = self.scratch / f"{name}.txt", str(self.scratch / name)
        urls.write_text("".join(f"http://127.0.0.1:{self.port}/{path}\n" for path in paths))
        if side == "peer":
            settings = (str(one) for one in (*self.settings, TIMEOUT_S))
            found = in_own_process(self.peer, "tests.bench.harvest_img2dataset", str(urls), out, *settings)
        else:
            found = in_own_process(sys.executable, "tests.bench.harvest", side, out, str(urls))
        if found["pictures"] != len(paths):
            raise RuntimeError(f"{name}: {found['pictures']} of {len(paths)} pictures")
        return found

    def sweep(self, links: int) -> dict[str, float]:
        """Choose the peer's fastest settings by the clock; returns the pictures a second of each."""
        found: dict[tuple[int, int], Run] = {}
        for settings in SWEEP:
            self.settings = settings
            found[settings] = self.run("peer", f"sweep-{settings[0]}-{settings[1]}", paths_of(links))
        self.settings = max(found, key=lambda one: rate(found[one]))
        self.few = {"peer": found[self.settings], "ours": self.run("ours", "ours-few", paths_of(links))}
        return {f"{processes} x {threads}": rate(run) for (processes, threads), run in found.items()}

    def stored(self, name: str) -> dict[str, bytes]:
        """Return what a run stored."""
        folder = self.scratch / name
        lake = SmallLake(folder).lake if name.startswith("ours") else None
        return (
            stored_by_ours(lake.root, lake.rows("downloads", *lake.slices("downloads")))
            if lake
            else stored_by_peer(folder)
        )


def rate(run: Run) -> float:
    """Return pictures a second by the clock."""
    return round(run["pictures"] / run["seconds"], 1)


def cpu_ms(run: Run) -> float:
    """Return the milliseconds of a core that a picture took, the start of the processes counted."""
    return round(1000 * run["cpu_seconds"] / run["pictures"], 2)


def further_cpu_ms(few: Run, many: Run) -> float:
    """Return the milliseconds of a core that each further picture took, which leaves the start out."""
    return round(1000 * (many["cpu_seconds"] - few["cpu_seconds"]) / (many["pictures"] - few["pictures"]), 2)


def compare(course: Course, bodies: list[bytes], links: int, rounds: int) -> str:
    """Return the last line."""
    swept = course.sweep(min(links // 2, SWEEP_LINKS))
    runs: dict[str, list[Run]] = {"ours": [], "peer": [], "ours_with_served": []}
    for number in range(rounds):
        for side in runs:
            runs[side].append(course.run(side, f"{side}-{number}", paths_of(links)))
    decode, originals = decode_ms(bodies), {f"{number}.jpg": body for number, body in enumerate(bodies)}

    def middle(side: str, what: Any) -> float:
        return statistics.median(what(run) for run in runs[side])

    cores = {side: middle(side, cpu_ms) for side in runs}
    further = {side: middle(side, partial(further_cpu_ms, few)) for side, few in course.few.items()}
    return last_line(
        "harvest", middle("ours", rate), middle("peer", rate), "pictures/s", peer_name="img2dataset", higher_is_better=True,
        links=links, rounds=rounds, mean_bytes=sum(map(len, bodies)) // len(bodies), with_served=middle("ours_with_served", rate),
        peer_with_start=middle("peer", lambda run: round(run["pictures"] / run["whole_seconds"], 1)),
        cpu_ms_a_picture=cores, cpu_ratio=round(cores["peer"] / cores["ours"], 2),
        cpu_ms_a_further_picture=further, further_cpu_ratio=round(further["peer"] / further["ours"], 2),
        decode_ms=decode, decode_share=round(decode / cores["ours"], 2), peer_settings=course.settings, peer_sweep=swept,
        nearness={side: nearness(course.stored(f"{side}-0"), originals) for side in ("ours", "peer")},
        peak_mib={side: round(middle(side, lambda run: run["peak_mib"])) for side in runs}, cores=CORES,
    )  # fmt: skip


def grow(course: Course, sizes: Iterable[int]) -> str:
    """Return what both sides make of each number of links, as JSON."""
    found = []
    for links in sizes:
        runs = {side: course.run(side, f"{side}-{links}", paths_of(links)) for side in ("ours", "peer")}
        facts = {
            side: {"rate": rate(run), "cpu_ms": cpu_ms(run), "peak_mib": run["peak_mib"]} for side, run in runs.items()
        }
        facts["ours"]["main_mib"] = runs["ours"]["main_mib"]
        print(json.dumps({"links": links, **facts}), flush=True)
        found.append({"links": links, **facts})
    return json.dumps({"bench": "harvest growth", "sizes": found, "cores": CORES})


def main(arguments: list[str]) -> str:
    """Hold the runs that are asked for; returns the last line."""
    growth = arguments[:1] == ["growth"]
    numbers = [int(one) for one in arguments[growth:]]
    links, rounds = (*numbers, *(LINKS, ROUNDS)[len(numbers) :])[:2] if not growth else (POOL, 0)
    with tempfile.TemporaryDirectory() as name:
        pool, bodies = drawn_pool(Path(name) / "pool", links)
        with served(pool) as ports:
            course = Course(Path(name), ports["near"])
            return grow(course, numbers) if growth else compare(course, bodies, links, rounds)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1].startswith("ours"):
        asked = [line.split("/", 3)[3] for line in Path(sys.argv[3]).read_text().splitlines()]
        print(json.dumps(ours(Path(sys.argv[2]), asked, sys.argv[1] == "ours_with_served")))
    else:
        print(main(sys.argv[1:]))
