"""Pace: hosts that are slow, rest or fail are asked less and hold up nobody else."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from entitynet_assets.web import Answer, Limit, Quota, Request, rest_s
from entitynet_assets.web.crowd import ASIDE, PATIENCE_S, WORKERS
from entitynet_assets.web.known import Known
from entitynet_assets.web.pace import BACKOFF_S, GROWTH, MAX_PAUSE_S, MIN_WIDTH, QUARANTINE, Pace, backoff_s
from tests.fakes.web_server import Call

OK = Answer("", "ok", status=200)
TIMEOUT = Answer("", "timeout", "ReadTimeout")


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.answer(status, body, **headers)


@pytest.mark.parametrize(
    "answer", [TIMEOUT, Answer("", "throttled", "HTTP 429", 429), Answer("", "http_error", "HTTP 503", 503)]
)
def test_trouble_halves_the_width_and_answers_widen_it_slowly(answer):
    pace = Pace(4)
    pace.learn(answer, time.monotonic())
    assert pace.width == 2
    for _ in range(50):
        pace.learn(OK, time.monotonic())
    assert pace.width == pytest.approx(2 + 50 * GROWTH)
    for _ in range(500):
        pace.learn(OK, time.monotonic())
    assert pace.width == 4


def test_requests_that_were_under_way_together_are_one_trouble():
    pace, began_at = Pace(8), time.monotonic()
    for _ in range(5):
        pace.learn(TIMEOUT, began_at)
    assert pace.width == 4


def test_below_one_at_a_time_there_are_pauses_and_never_none_for_ever():
    pace = Pace(1)
    assert pace.gap_s == 0
    for number in range(1, 12):
        pace.learn(TIMEOUT, time.monotonic())
        assert pace.width == max(MIN_WIDTH, 0.5**number)
    assert 0 < pace.gap_s <= 0.05 / MIN_WIDTH
    pace.least_gap_s = 60.0
    assert pace.gap_s == 60


def test_other_failures_do_not_slow_down():
    pace = Pace(4)
    for outcome, status in (("not_found", 404), ("http_error", 500), ("connection", None), ("opted_out", 200)):
        pace.learn(Answer("", outcome, None, status), time.monotonic())
    assert pace.width == 4


def test_turns_are_given_in_the_order_of_asking():
    async def turns() -> list[int]:
        pace, order = Pace(1), list[int]()

        async def take(number: int) -> None:
            assert await pace.enter() is None
            order.append(number)
            await asyncio.sleep(0.001)
            pace.leave()

        await asyncio.gather(*(take(number) for number in range(20)))
        return order

    assert asyncio.run(turns()) == list(range(20))


def test_a_host_that_fails_on_and_on_is_left_for_the_run(server, client):
    web = client(tries=1, reserved={".test": server.address})
    url = server.on("/x", says(500), "a.test")
    other = server.on("/x", says(200), "b.test")
    answers = [web.ask(Request(f"{url}?{number}")) for number in range(QUARANTINE + 5)]
    assert [answer.outcome for answer in answers] == ["http_error"] * QUARANTINE + ["throttled"] * 5
    assert len(server.asked("/x")) == QUARANTINE
    last = answers[-1]
    assert (last.left, last.retry_after_s) == (True, 3600)
    assert f"quarantine: {QUARANTINE} failures of the host in a row" in str(last.reason)
    assert "HTTP 500" in str(last.reason)
    assert web.ask(Request(other)).ok


def test_an_answer_between_failures_ends_their_row(server, client):
    web = client(tries=1)
    server.on("/bad", says(500))
    server.on("/good", says(200))
    for number in range(3 * QUARANTINE):
        web.ask(Request(server.url("/good" if number % 10 == 0 else "/bad")))
    assert len(server.log) == 3 * QUARANTINE


def test_a_silent_host_holds_up_nobody_else(server, client):
    """Hundreds of addresses of a host that says nothing come first, more than can be on the wire at once."""
    web = client(timeout_s=3.0, tries=1, reserved={".test": server.address})
    done = threading.Event()
    server.on("/x", lambda call: done.wait(30) and call.hang_up(), "silent.test")
    server.on("/x", says(200, b"ok"))
    silent = [(("silent", number), Request(f"http://silent.test/x?{number}")) for number in range(300)]
    lively = [(("lively", number), Request(f"http://h{number % 5}.test/x?{number}")) for number in range(100)]
    answers, seen = web.ask_all([*silent, *lively], workers=16), list[str]()
    for (kind, _), _ in answers:
        seen.append(kind)
        if seen.count("lively") == 100:
            break
    done.set()
    answers.close()
    assert seen.count("silent") <= 4


def test_hosts_that_are_silent_one_by_one_hold_up_nobody_else(server, client):
    """Nothing is known of any of them, and they are more than can be on the wire at once."""
    web = client(timeout_s=30.0, tries=1, reserved={".test": server.address})
    done = threading.Event()
    server.on("/silent", lambda call: done.wait(60) and call.hang_up())
    server.on("/x", says(200, b"ok"))
    asked = [(number, Request(f"http://s{number}.test/silent")) for number in range(10)]
    asked += [(number, Request(f"http://h{number % 5}.test/x?{number}")) for number in range(10, 60)]
    answers = web.ask_all(asked, workers=4)
    assert sorted(next(answers)[0] for _ in range(50)) == list(range(10, 60))
    done.set()
    assert sorted(tag for tag, answer in answers if not answer.ok) == list(range(10))


def test_hosts_that_fail_and_then_are_silent_keep_no_place_from_others(server, client):
    """They are more than there are places with the reader, and wait for the few places of hosts that have just failed."""
    web = client(timeout_s=30.0, tries=2, reserved={".test": server.address})
    done, failed = threading.Event(), set[str]()

    def fail(call: Call) -> None:
        if call.host in failed:
            done.wait(60)
        failed.add(call.host)
        call.answer(500)

    server.on("/fail", fail)
    server.on("/x", says(200, b"ok"))

    def asked() -> Iterator[tuple[int, Request]]:
        yield from ((number, Request(f"http://f{number}.test/fail")) for number in range(40))
        while len(failed) < 40:
            time.sleep(0.05)
        time.sleep(4 * BACKOFF_S)  # by then all wait for their second try
        yield from ((number, Request(f"http://h{number % 5}.test/x?{number}")) for number in range(40, 60))

    answers = web.ask_all(asked(), workers=2)
    assert sorted(next(answers)[0] for _ in range(20)) == list(range(40, 60))
    done.set()
    assert {(answer.outcome, answer.tries) for _, answer in answers} == {("http_error", 2)}


def test_slow_exchanges_move_aside_only_as_far_as_there_is_room(server, client):
    web = client(timeout_s=30.0, tries=1, reserved={".test": server.address})
    done = threading.Event()
    server.on("/silent", lambda call: done.wait(60) and call.answer(200, b"late"))
    under_way: list[int] = []

    def look() -> None:
        time.sleep(6 * PATIENCE_S)  # longer than as many need to move aside one after the other as there is room for
        under_way.append(len(server.log))
        done.set()

    threading.Thread(target=look).start()
    answers = dict(web.ask_all(((number, Request(f"http://s{number}.test/silent")) for number in range(8)), workers=1))
    assert under_way == [1 + ASIDE // WORKERS]
    assert {answer.body for answer in answers.values()} == {b"late"}
    assert len(answers) == 8


def test_a_resting_host_holds_up_nobody_else(server, client):
    web = client(tries=1, reserved={".test": server.address})
    server.on("/x", says(429, Retry_After=str(int(MAX_PAUSE_S) - 5)), "resting.test")
    server.on("/x", says(200, b"ok"))
    asked = [(number, Request(f"http://resting.test/x?{number}")) for number in range(100)]
    asked += [(100 + number, Request(f"http://h{number % 5}.test/x?{number}")) for number in range(100)]
    answers, seen = web.ask_all(asked, workers=4), Counter[str]()
    for number, answer in answers:
        seen["late" if number >= 100 else answer.outcome] += 1
        if seen["late"] == 100:
            break
    answers.close()
    assert seen["throttled"] <= 2


def test_a_used_up_quota_holds_up_nobody_else(server, client):
    web, quota = client(tries=1, reserved={".test": server.address}), Quota("api", (Limit(1, 100),))
    server.on("/x", says(200, b"ok"))
    asked = [(number, Request(f"http://api.test/x?{number}", quota=quota)) for number in range(50)]
    asked += [(50 + number, Request(f"http://h.test/x?{number}")) for number in range(50)]
    answers, seen = web.ask_all(asked, workers=4), list[int]()
    for number, _ in answers:
        seen.append(number)
        if sum(one >= 50 for one in seen) == 50:
            break
    answers.close()
    assert len(seen) == 51


@pytest.mark.parametrize(
    ("answer", "rest"), [(says(429), 120.0), (says(429, Retry_After="7"), 7.0), (says(404), None), (says(500), None)]
)
def test_how_long_an_address_should_rest(server, client, answer, rest):
    assert client(tries=1 if rest == 7 else 2).ask(Request(server.on("/x", answer))).retry_after_s == rest


def test_rests_grow_to_a_day():
    assert [rest_s(tries) for tries in (1, 2, 3)] == [60, 120, 240]
    assert rest_s(50) == rest_s(10**6) == 86_400


def test_what_a_fault_of_ours_raises_reaches_the_reader(server, web):
    class Broken:
        url = server.url("/x")

    with pytest.raises(AttributeError):
        list(web.ask_all([(1, Broken())]))  # type: ignore[list-item]


def test_pauses_between_tries_double_and_differ_by_address_and_never_by_run():
    urls = [f"http://h.test/{number}" for number in range(200)]
    for tries in (1, 2, 3):
        pauses = [backoff_s(url, tries) for url in urls]
        assert pauses == [backoff_s(url, tries) for url in urls]
        middle = BACKOFF_S * 2 ** (tries - 1)
        assert all(0.5 * middle <= pause <= 1.5 * middle for pause in pauses)
        assert len(set(pauses)) == len(urls)
        assert sum(pauses) / len(pauses) == pytest.approx(middle, rel=0.1)


def test_of_very_many_hosts_those_that_owe_nothing_are_forgotten_and_none_other():
    hosts = Known(lambda: Pace(2), 100)
    troubled = {f"t{number}.test": hosts[f"t{number}.test"] for number in range(30)}
    for number, pace in enumerate(troubled.values()):
        if number % 2:
            pace.learn(TIMEOUT, time.monotonic())
        else:
            pace.least_gap_s = 5.0
    busy = hosts["busy.test"]
    assert asyncio.run(busy.enter()) is None
    for number in range(10_000):
        pace = hosts[f"h{number}.test"]
        pace.learn(OK, time.monotonic())
        assert hosts[f"h{number}.test"] is pace
    assert len(hosts) <= 125
    assert all(hosts[name] is pace for name, pace in troubled.items())
    assert hosts["busy.test"] is busy
    assert not busy.idle
    busy.leave()
    busy.next_at = 0.0
    assert busy.idle


def test_where_all_are_in_trouble_none_is_forgotten():
    hosts = Known(lambda: Pace(2), 10)
    held = {f"t{number}.test": hosts[f"t{number}.test"] for number in range(8)}
    for number in range(500):
        pace = held[f"x{number}.test"] = hosts[f"x{number}.test"]
        pace.learn(TIMEOUT, time.monotonic())
    assert len(hosts) >= 500
    assert all(hosts[name] is pace for name, pace in held.items() if name.startswith("x"))
