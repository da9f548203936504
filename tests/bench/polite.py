"""How near the client comes to what hosts permit without exceeding it, and what dead hosts among them cost.

50 hosts, each with a latency and a quota of its own, get as many requests as their quotas let through in so many seconds; the hosts
count what arrives. The peer is the quotas themselves: their rate, which nobody may exceed. Then the same again with
a fifth of all addresses on hosts that never answer.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from entitynet_assets.web import Limit, Quota, QuotaFile, Reach, Request, Web
from tests.bench.harness import last_line
from tests.bench.loopback import Host, running

HOSTS, DEAD, SECONDS, TIMEOUT_S = 50, 10, 20.0, 3.0


def make_hosts(seed: int = 0) -> list[Host]:
    """Return hosts that permit 1 to 6 requests a second, over windows of 1 to 4 s, and answer after 10 to 250 ms."""
    chance = random.Random(seed)
    hosts = []
    for _ in range(HOSTS):
        seconds = chance.choice([1.0, 2.0, 4.0])
        hosts.append(Host(chance.uniform(0.01, 0.25), round(chance.uniform(1, 6) * seconds), seconds))
    return hosts


def harvest(hosts: list[Host], dead: int, seconds: float) -> dict[str, Any]:
    """Ask every host for what it permits in so many seconds, and dead hosts for a fifth of all; returns what came of it."""
    with tempfile.TemporaryDirectory() as scratch, running([*hosts, *[Host(-1.0)] * dead], Path(scratch)) as served:
        asked: list[tuple[int | None, Request]] = []
        for host, port in zip(hosts, served.ports, strict=False):
            quota = Quota(f"host-{port}", (Limit(host.count, host.seconds),))
            wanted = round(host.count / host.seconds * seconds)
            asked += [(port, Request(f"http://127.0.0.1:{port}/{number}", quota=quota)) for number in range(wanted)]
        live = len(asked)
        for number in range(live // 4 if dead else 0):  # a fifth of all
            asked.append((None, Request(f"http://127.0.0.1:{served.ports[len(hosts) + number % dead]}/{number}")))
        random.Random(1).shuffle(asked)
        web = Web(
            "bench@example.org", timeout_s=TIMEOUT_S, tries=1, reach=Reach(private_hosts=frozenset({"127.0.0.1"}))
        )
        web.quotas = QuotaFile(Path(scratch) / "quotas.sqlite")
        begun, worked = time.perf_counter(), time.process_time()
        outcomes: dict[str, int] = {}
        ended: dict[int, float] = {}
        through: dict[int, int] = {}
        for port, answer in web.ask_all(asked):
            if port is not None:
                outcomes[answer.outcome] = outcomes.get(answer.outcome, 0) + 1
                through[port] = through.get(port, 0) + answer.ok
                ended[port] = time.perf_counter() - begun
        web.close()
        seen = served.stop()[: len(hosts)]
    return {
        "permitted_per_s": round(live / seconds, 1), "reached_per_s": round(sum(through[port] / took for port, took in ended.items()), 1),
        "seconds": round(max(ended.values()), 2), "cpu_ms_per_request": round((time.process_time() - worked) / len(asked) * 1e3, 2),
        "outcomes": outcomes, "requests": sum(one["requests"] for one in seen), "exceeded": sum(one["exceeded"] for one in seen),
    }  # fmt: skip


def main(seconds: float = SECONDS) -> None:
    """Print what both harvests came to, then the line of JSON."""
    hosts = make_hosts()
    alone, with_dead = harvest(hosts, 0, seconds), harvest(hosts, DEAD, seconds)
    print(json.dumps({"alone": alone, "with a fifth of dead addresses": with_dead}, indent=1))
    print(last_line(
        "polite", alone["reached_per_s"], alone["permitted_per_s"], "requests/s", hosts=HOSTS,
        exceeded=alone["exceeded"] + with_dead["exceeded"], cpu_ms_per_request=alone["cpu_ms_per_request"],
        beside_dead_hosts=round(with_dead["reached_per_s"] / alone["reached_per_s"], 3),
    ))  # fmt: skip


if __name__ == "__main__":
    main(*(float(one) for one in sys.argv[1:]))
