"""Quotas: no stretch of time holds more than is granted, whoever shares the file, whatever befalls them."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from entitynet_assets.web import Limit, Quota, QuotaFile, Request

SECOND_MINUTE = Quota("api", (Limit(3, 1), Limit(10, 60)))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def quota_file(tmp_path) -> Iterator[Callable[..., QuotaFile]]:
    """Open the same file once more, as another process would."""
    opened: list[QuotaFile] = []

    def make(clock: Callable[[], float] = time.time, path: Path | None = None) -> QuotaFile:
        opened.append(QuotaFile(path or tmp_path / "q.sqlite", clock))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def most_within(times: list[float], seconds: float) -> int:
    """Return the largest number of times in any stretch of so many seconds."""
    times = sorted(times)
    return max(sum(start <= one < start + seconds for one in times) for start in times)


@pytest.mark.parametrize("seed", range(5))
def test_no_stretch_holds_more_than_is_granted_whenever_requests_arrive(quota_file, seed):
    """Requests arrive at any time between leaving and being answered; some answers come late, some never."""
    clock, chance = Clock(), random.Random(seed)
    quotas, arrivals, open_ = quota_file(clock), [], list[tuple[float, int]]()
    limits = (Limit(3, 1), Limit(10, 60), Limit(25, 3600))
    for _ in range(600):
        wait, number = quotas.take(Quota("api", limits))
        if number:
            assert wait == 0
            answered = clock.now + chance.choice([0.01, 0.5, 3.0])
            arrivals.append(chance.uniform(clock.now, answered))
            open_ += [(answered, number)] if chance.random() < 0.9 else []
        clock.now += chance.choice([chance.random() * 0.7, wait])
        for one in [one for one in open_ if one[0] <= clock.now]:
            quotas.arrived(one[1])
            open_.remove(one)
    assert len(arrivals) > 20
    for limit in limits:
        assert most_within(arrivals, limit.seconds) <= limit.count


def test_all_windows_count_at_once_and_are_read(tmp_path, quota_file):
    clock = Clock()
    quotas = quota_file(clock)
    assert quotas.used(SECOND_MINUTE) == (0, 0)
    assert not (tmp_path / "q.sqlite").exists()
    for _ in range(3):
        quotas.arrived(quotas.take(SECOND_MINUTE)[1])
    assert quotas.take(SECOND_MINUTE) == (1, 0)
    clock.now += 30
    assert quotas.used(SECOND_MINUTE) == (0, 3)
    assert quota_file(clock).used(SECOND_MINUTE) == (0, 3)


def test_a_request_counts_from_its_answer_and_before_as_if_it_arrived_now(quota_file):
    clock, quota = Clock(), Quota("api", (Limit(1, 10),))
    quotas = quota_file(clock)
    number = quotas.take(quota)[1]
    for _ in range(2):
        assert quotas.take(quota) == (pytest.approx(10), 0)
        clock.now += 2
    quotas.arrived(number)
    clock.now += 4
    quotas.arrived(number)  # said again it changes nothing
    assert quotas.take(quota)[0] == pytest.approx(6)
    clock.now += 6
    assert quotas.take(quota)[0] == 0


def test_a_request_of_a_process_that_was_killed_counts_a_minute_longer(quota_file):
    clock, quota = Clock(), Quota("api", (Limit(1, 10),))
    quota_file(clock).take(quota)
    clock.now += 69
    assert quota_file(clock).take(quota)[0] == pytest.approx(1)
    clock.now += 1
    assert quota_file(clock).take(quota)[0] == 0


def test_names_count_apart(quota_file):
    quotas = quota_file(Clock())
    one, other = (Quota(name, (Limit(1, 60),)) for name in "ab")
    assert [quotas.take(one)[0], quotas.take(other)[0]] == [0, 0]
    assert quotas.take(one)[0] > 0


def test_who_grants_itself_less_time_does_not_make_others_forget(quota_file):
    clock = Clock()
    quotas = quota_file(clock)
    day, second = Quota("api", (Limit(1, 86_400),)), Quota("api", (Limit(1, 1),))
    quotas.arrived(quotas.take(day)[1])
    clock.now += 100
    quotas.arrived(quotas.take(second)[1])
    assert quotas.take(day)[0] > 86_000


def test_a_clock_set_back_grants_nothing_more_and_does_not_block_for_ever(quota_file):
    clock = Clock()
    quotas, quota = quota_file(clock), Quota("api", (Limit(1, 60),))
    quotas.arrived(quotas.take(quota)[1])
    clock.now -= 1_000_000
    assert quotas.take(quota)[0] == pytest.approx(60)
    clock.now += 120
    assert quotas.take(quota)[0] == 0


@pytest.mark.parametrize(("count", "seconds"), [(0, 1), (1, 0), (-1, 5)])
def test_a_limit_grants_something(count, seconds):
    with pytest.raises(ValueError, match="above 0"):
        Limit(count, seconds)


def test_a_quota_has_a_limit():
    with pytest.raises(ValueError, match=r"'api'.*no limit"):
        Quota("api", ())


TAKER = """
import sys, time
from pathlib import Path
from entitynet_assets.web.quota import Limit, Quota, QuotaFile
quotas, quota = QuotaFile(Path(sys.argv[1])), Quota("api", (Limit(20, 0.5), Limit(150, 60)))
while True:
    wait, number = quotas.take(quota)
    if number:
        at = time.time()
        quotas.arrived(number)
        print(repr(at), flush=True)
    elif wait > 2:
        break
    else:
        time.sleep(wait)
"""


def started(path: Path, said: Path) -> subprocess.Popen[bytes]:
    with said.open("w") as out:
        return subprocess.Popen([sys.executable, "-c", TAKER, str(path)], stdout=out)


def test_processes_share_a_quota_and_one_that_is_killed_gives_nothing_back(tmp_path, quota_file):
    path, said = tmp_path / "deep" / "q.sqlite", [tmp_path / f"{number}.txt" for number in range(3)]
    takers = [started(path, said[0])]
    while not said[0].read_text():
        time.sleep(0.01)
    takers += [started(path, said[1]), started(path, said[2])]
    takers[0].send_signal(signal.SIGKILL)
    assert [taker.wait(timeout=60) for taker in takers] == [-signal.SIGKILL, 0, 0]
    times = [float(line) for one in said for line in one.read_text().splitlines()]
    assert quota_file(path=path).used(Quota("api", (Limit(150, 60),))) == (150,)
    assert 149 <= len(times) <= 150  # the killed one may have counted a request that it could not say any more
    assert most_within(times, 0.5) <= 20


def test_every_try_counts_and_what_is_not_free_soon_is_left(server, client):
    web = client(tries=3)
    quota = Quota("api", (Limit(4, 3600),))
    failing = server.on("/x", lambda call: call.answer(500))
    assert web.ask(Request(failing, quota=quota)).tries == 3
    assert web.quotas.used(quota) == (3,)
    web.ask(Request(server.on("/y", lambda call: call.answer(200)), quota=quota))
    refused = web.ask(Request(server.url("/y"), quota=quota))
    assert (refused.outcome, refused.left) == ("throttled", True)
    assert "quota api is used up (4 in 3600 s)" in str(refused.reason)
    assert 3500 < (refused.retry_after_s or 0) < 3700
    assert (len(server.asked("/x")), len(server.asked("/y"))) == (3, 1)
    assert web.ask(Request(server.url("/y"))).ok


def test_a_short_wait_for_a_quota_is_waited_and_a_second_client_knows_it(server, client, quota_file):
    quota = Quota("api", (Limit(5, 0.4),))
    server.on("/x", lambda call: call.answer(200))
    webs = [client(), client()]
    for web in webs:
        web.quotas = quota_file()
    asked = [(number, Request(server.url("/x"), quota=quota)) for number in range(10)]
    for web in webs:
        assert [answer.outcome for _, answer in web.ask_all(asked)] == ["ok"] * 10
    assert most_within([call.at for call in server.asked("/x")], 0.4) <= 5


def test_a_redirect_counts_too(server, client):
    web, quota = client(), Quota("api", (Limit(9, 60),))
    server.on("/end", lambda call: call.answer(200))
    assert web.ask(Request(server.on("/x", lambda call: call.answer(302, Location="/end")), quota=quota)).ok
    assert web.quotas.used(quota) == (2,)


def test_time_is_kept_in_seconds_since_1970(quota_file):
    quotas, quota = quota_file(), Quota("api", (Limit(1, 1000),))
    quotas.arrived(quotas.take(quota)[1])
    later = quota_file(lambda: time.time() + 2000)
    assert later.take(quota)[0] == 0
