"""The part of the harvest benchmark about bad hosts: `python -m tests.bench.harvest_hosts [links] [rounds] [links a bad host]`.

Two arms take turns. Both are given the same healthy links on 40 hosts that answer after 0.1 s; one is given a fifth more on hosts that
are slow, silent, dripping, blackholed or refuse (picture_server.py), strewn evenly among the healthy. Limits and manners are the
defaults of a study: two requests to a host at once, 30 s, three tries. What is measured is the rate of the healthy pictures: their
number over the time from the start until the last of them lies under its hash. How long the bad ones are waited for afterwards is told
apart.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from entitynet_assets.resources import open_decoders
from entitynet_assets.studies.models import Web as Manners
from entitynet_assets.web import Reach
from entitynet_assets.web.wire import Lanes
from tests.bench.harness import in_own_process, peak_mib
from tests.bench.harvest_img2dataset import cpu_seconds
from tests.bench.harvest_pictures import drawn_pool, served
from tests.small_lake import SmallLake

LINKS, ROUNDS, LINKS_A_HOST = 2000, 3, 2
HOSTS = 40
BAD = ("slow", "silent", "drip", "blackholed", "refused")
BAD_SHARE = 0.2
Arm = dict[str, Any]


def links_of(healthy: int, share: float, links_a_host: int) -> list[str]:
    """Return addresses of which so large a share is on bad hosts, all kinds alike, strewn evenly; the healthy ones are always the same."""
    bad = round(healthy * share / (1 - share))
    found = [(number / healthy, f"http://h{number % HOSTS}.far/{number}.jpg") for number in range(healthy)]
    for number in range(bad):
        host, kind = number // len(BAD) // links_a_host, BAD[number % len(BAD)]
        found.append(((number + 0.5) / bad, f"http://b{host}.{kind}/{healthy + number}.jpg"))
    return [link for _, link in sorted(found)]


def harvest(folder: Path, links: list[str], ports: dict[str, int]) -> Arm:
    """Return what the station of downloads made of the links and how long it took, of healthy ones and in all."""
    os.environ["ENTITYNET_SAMPLE_PORT"] = str(ports["near"])  # what the sample study wants to be told
    manners = Manners(contact="operator@entitynet.test")
    small = SmallLake(folder, web=manners.model_dump())
    web = small.place.web
    web.reach = Reach(reserved={f".{kind}": f"127.0.0.1:{port}" for kind, port in ports.items()})
    web.lanes = Lanes(web.reach)
    hosts = [urlsplit(link).hostname or "" for link in links]
    small.put("urls", [
        {"url_id": f"{number:08}", "image_url": link, "host": host}
        for number, (link, host) in enumerate(zip(links, hosts, strict=True))
    ])  # fmt: skip
    start, before = time.time(), cpu_seconds()
    rows = small.make("downloads")
    seconds = time.time() - start
    web.close()
    open_decoders().close()  # so that their time is counted
    kept = [small.lake.root / row["path"] for row in rows if row["outcome"] == "ok" and row["host"].endswith(".far")]
    outcomes: dict[str, dict[str, int]] = {}
    for row in rows:
        of_kind = outcomes.setdefault(row["host"].rpartition(".")[2], {})
        of_kind[row["outcome"]] = of_kind.get(row["outcome"], 0) + 1
    at = sorted(path.stat().st_mtime - start for path in kept)
    return {
        "healthy": len(kept), "healthy_s": at[-1], "whole_s": seconds,
        "tenths_s": [round(at[len(at) * tenth // 10 - 1], 1) for tenth in range(1, 11)],
        "cpu_seconds": cpu_seconds() - before, "peak_mib": peak_mib(), "outcomes": outcomes,
    }  # fmt: skip


def rate(arm: Arm) -> float:
    """Return healthy pictures a second."""
    return round(arm["healthy"] / arm["healthy_s"], 1)


def compare(scratch: Path, ports: dict[str, int], links: int, rounds: int, links_a_host: int) -> dict[str, Any]:
    """Return medians over rounds in which the arms take turns. Raises RuntimeError where a healthy picture was not kept."""
    arms: dict[str, list[Arm]] = {"without": [], "with": []}
    for number in range(rounds):
        for name, share in (("without", 0.0), ("with", BAD_SHARE)):
            asked = scratch / f"{name}-{number}.json"
            asked.write_text(json.dumps({"links": links_of(links, share, links_a_host), "ports": ports}))
            folder = str(scratch / f"{name}-{number}")
            arm = in_own_process(sys.executable, "tests.bench.harvest_hosts", "arm", folder, str(asked))
            if arm["healthy"] != links:
                raise RuntimeError(f"{name}: {arm['healthy']} of {links} healthy pictures")
            arms[name].append(arm)
    ratios = [rate(bad) / rate(good) for good, bad in zip(arms["without"], arms["with"], strict=True)]
    return {
        "healthy_rate_ratio": round(statistics.median(ratios), 3), "ratios": [round(one, 3) for one in ratios],
        **{name: told(runs) for name, runs in arms.items()}, "outcomes": arms["with"][-1]["outcomes"],
        "tenths_s": {name: runs[-1]["tenths_s"] for name, runs in arms.items()},
        "links": links, "rounds": rounds, "links_a_bad_host": links_a_host,
    }  # fmt: skip


def told(runs: list[Arm]) -> dict[str, float]:
    """Return the medians of one arm."""
    found = {name: statistics.median(run[name] for run in runs) for name in ("healthy_s", "whole_s", "peak_mib")}
    cpu = statistics.median(1000 * run["cpu_seconds"] / run["healthy"] for run in runs)
    tail = statistics.median(run["whole_s"] - run["healthy_s"] for run in runs)
    return {
        "rate": statistics.median(map(rate, runs)), "cpu_ms_a_picture": round(cpu, 2), "tail_s": round(tail, 1),
        **{name: round(value, 1) for name, value in found.items()},
    }  # fmt: skip


def main(arguments: list[str]) -> str:
    """Hold both arms; returns the last line."""
    numbers = [int(one) for one in arguments]
    links, rounds, links_a_host = (*numbers, *(LINKS, ROUNDS, LINKS_A_HOST)[len(numbers) :])
    with tempfile.TemporaryDirectory() as name:
        pool = drawn_pool(Path(name) / "pool", links)[0]
        with served(pool) as ports:
            facts = compare(Path(name), ports, links, rounds, links_a_host)
    return json.dumps({"bench": "harvest hosts", **facts, "cores": os.cpu_count()})


if __name__ == "__main__":
    if sys.argv[1:2] == ["arm"]:
        asked = json.loads(Path(sys.argv[3]).read_text())
        print(json.dumps(harvest(Path(sys.argv[2]), asked["links"], asked["ports"])))
    else:
        print(main(sys.argv[1:]))
