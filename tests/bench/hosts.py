"""What the web door remembers of very many hosts: memory of the process and core time, bounded and with nothing forgotten.

Every made-up host is asked for once and has a robots.txt of about half a kB; a fifth of them fail. No socket is opened: this is what the
client itself remembers. Each line is a process of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from collections.abc import Sequence

from entitynet_assets.web import Answer, Web, client
from entitynet_assets.web.manners import robots_rules

ROBOTS = "".join(f"User-agent: bot{n}\nDisallow: /private/{n}/\nDisallow: /*.php$\n\n" for n in range(8)).encode()
OK, AWAY = Answer("", "ok", status=200), Answer("", "timeout", "ReadTimeout")
RUNS = (("bounded", 100_000, None), ("all remembered", 20_000, 10**6))


def measure(run: tuple[str, int, int | None]) -> str:
    """Ask for the hosts of a run; return its line."""
    name, number, bound = run
    if bound:
        client.HOSTS = client.ORIGINS = bound
    web, before, began = Web("bench@example.org"), _memory_mb(), time.process_time()
    for host in (f"host-{one}.example" for one in range(number)):
        web._origins[f"http://{host}:80"].rules = robots_rules(ROBOTS)
        pace = web._pace(f"http://{host}/1.jpg")
        pace.learn(AWAY if host[:-8].endswith(("0", "5")) else OK, time.monotonic())
    core, held = time.process_time() - began, _memory_mb() - before
    remembered = f"{len(web._hosts):,} hosts and {len(web._origins):,} rules remembered"
    web.close()
    return f"{name}, {number:,} hosts: {remembered}, {held:,.0f} MB more at most, {core:.0f} s of a core"


def _memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(runs: Sequence[tuple[str, int, int | None]] = RUNS) -> None:
    """Print one line a run."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for line in pool.imap(measure, runs, chunksize=1):
            print(line, flush=True)


if __name__ == "__main__":
    main()
