"""Requests a second of the ways to the wire: pools of httpx, our lanes, the whole client, and aiohttp as the peer.

Hosts on this machine answer at once with 50 kB, two connections each as manners want it. aiohttp is no dependency and runs in
.bench/aiohttp/ by the script beside this one.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

import httpx

from entitynet_assets.web import Reach, Request, Web
from entitynet_assets.web.wire import Caps, Lane
from tests.bench.harness import in_own_process, last_line, peer_python
from tests.bench.loopback import Host, running
from tests.bench.under_way import Figures, figures, in_tasks, in_threads

COUNT, AT_ONCE, PER_HOST = 4000, (16, 64, 128), 2
REACH = Reach(private_hosts=frozenset({"127.0.0.1"}))
LIMITS = httpx.Limits(max_connections=PER_HOST)


def pools_in_threads(urls: list[str], at_once: int, count: int) -> Figures:
    """A pool of httpx a host, each for two threads. Now and then a thread finds its connection closed by the other."""
    context = httpx.create_ssl_context()
    pools = [httpx.HTTPTransport(verify=context, limits=LIMITS) for _ in urls]

    def send(number: int) -> None:
        try:
            answer = pools[number % len(pools)].handle_request(httpx.Request("GET", urls[number % len(urls)]))
            answer.read()
            answer.close()
        except httpx.NetworkError as error:
            print(f"httpx pool in threads: {error}", file=sys.stderr)

    return in_threads(at_once, count, send)


def pools_in_tasks(urls: list[str], at_once: int, count: int) -> Figures:
    """The same with tasks."""
    context = httpx.create_ssl_context()
    pools = [httpx.AsyncHTTPTransport(verify=context, limits=LIMITS) for _ in urls]

    async def send(number: int) -> None:
        answer = await pools[number % len(pools)].handle_async_request(httpx.Request("GET", urls[number % len(urls)]))
        await answer.aread()
        await answer.aclose()

    return asyncio.run(in_tasks(at_once, count, send))


def lanes_in_threads(urls: list[str], at_once: int, count: int) -> Figures:
    """What the web door does: a connection a thread, held to a deadline and to judged addresses."""
    context, caps = httpx.create_ssl_context(), Caps(30.0, 1_000_000)
    lanes = [Lane(REACH, True, context) for _ in range(at_once)]
    return in_threads(
        at_once, count, lambda number: lanes[number].send(httpx.Request("GET", urls[number % len(urls)]), caps)
    )


def whole_client(urls: list[str], at_once: int, count: int) -> Figures:
    """The web door with all its manners."""
    web = Web("bench@example.org", per_host=PER_HOST, reach=REACH)
    asked = ((number, Request(urls[number % len(urls)])) for number in range(count))
    begun, worked = time.perf_counter(), time.process_time()
    failed = [answer for _, answer in web.ask_all(asked, workers=at_once) if not answer.ok]
    web.close()
    if failed:
        raise RuntimeError(f"{len(failed)} of {count} failed, the first with {failed[0].reason}")
    return figures(count, begun, worked)


def main(count: int = COUNT) -> None:
    """Print the figures of each way for each number under way, then the line of JSON for the largest."""
    peer = peer_python("aiohttp", ["aiohttp>=3.14", "httpx-aiohttp>=0.2", "httpx>=0.28,<1"])
    ways = (lanes_in_threads, pools_in_threads, pools_in_tasks, whole_client)
    found: dict[str, Figures] = {}
    for at_once in AT_ONCE:
        hosts = [Host(size_bytes=50_000)] * (at_once // PER_HOST)
        with tempfile.TemporaryDirectory() as scratch, running(hosts, Path(scratch)) as served:
            wanted = {
                "urls": [f"http://127.0.0.1:{port}/x" for port in served.ports],
                "at_once": at_once,
                "count": count,
            }
            found = {way.__name__: way(**wanted) for way in ways}
            found |= in_own_process(peer, "tests.bench.transport_aiohttp", json.dumps(wanted))
        for name, (rate, cpu_ms) in found.items():
            print(f"{at_once:4} under way  {name:20} {rate:6} requests/s  {cpu_ms:.3f} ms of a core each", flush=True)
    print(last_line(
        "transport", found["lanes_in_threads"][0], found["aiohttp"][0], "requests/s", peer_name="aiohttp", at_once=AT_ONCE[-1],
        figures=found, cores=os.cpu_count(),
    ))  # fmt: skip


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
