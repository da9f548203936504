"""The polite benchmark at a small size: hosts count what arrives and say so, and the client exceeds nothing."""

from __future__ import annotations

import http.client

from tests.bench.loopback import Host, running
from tests.bench.polite import harvest


def test_hosts_count_and_refuse_what_exceeds_their_quota(tmp_path) -> None:
    with running([Host(count=2, seconds=30.0), Host()], tmp_path) as served:
        for port, expected in zip(served.ports, ([200, 200, 429], [200, 200, 200]), strict=True):
            found = []
            for _ in range(3):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", "/")
                found.append(connection.getresponse().status)
                connection.close()
            assert found == expected
        assert served.stop() == [{"requests": 3, "exceeded": 1}, {"requests": 3, "exceeded": 0}]


def test_a_harvest_exceeds_nothing_and_dead_hosts_fail_no_other() -> None:
    hosts = [Host(0.01, 3, 0.5), Host(0.05, 2, 0.5), Host(0.2, 10, 1.0)]
    found = harvest(hosts, 1, 2.0)
    assert (found["exceeded"], found["outcomes"]) == (0, {"ok": 12 + 8 + 20})
    assert found["requests"] == 40
