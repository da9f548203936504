"""The web's faults one by one, as a client without manners meets them."""

import socket
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from entitynet_assets.sample.faults import FAULTS, HOPELESS, HOPELESS_EVERY, Fault, turn
from entitynet_assets.sample.plan import OWN_HOSTS, Picture
from entitynet_assets.sample.render import LARGE_BYTES
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import make_world


@pytest.fixture(scope="module")
def running() -> Iterator[SampleServer]:
    with serve(make_world(entities=16, pictures=6, holdout=2)) as server:
        yield server


@pytest.fixture(scope="module")
def ask(asker: Callable, running: SampleServer) -> Callable:
    return asker(running)


@pytest.fixture(scope="module")
def first(running: SampleServer) -> Callable[[str], Picture]:
    return lambda fault: next(row for row in running.world.plan() if row.fault == fault)


def follow(ask: Callable, url: str, hops: int = 6) -> list[tuple[int, str]]:
    """Return status and address of each answer on the way."""
    seen = []
    for _ in range(hops):
        answer = ask(url)
        seen.append((answer.status_code, url))
        if "location" not in answer.headers:
            break
        url = answer.headers["location"]
    return seen


def test_a_moved_picture_is_where_the_redirects_lead(ask: Callable, first: Callable) -> None:
    assert [status for status, _ in follow(ask, first("moved").url)] == [301, 200]
    chain = follow(ask, first("chain").url)
    assert [status for status, _ in chain] == [301, 301, 301, 200]
    assert len({urlsplit(url).hostname for _, url in chain}) == 2
    assert "/private/" in follow(ask, first("moved_private").url)[-1][1]


def test_a_redirect_leads_inside_a_network(ask: Callable, first: Callable) -> None:
    answer = ask(first("moved_inside").url)
    assert (answer.status_code, urlsplit(answer.headers["location"]).hostname) == (301, "169.254.169.254")


def test_a_loop_has_no_end(ask: Callable, first: Callable) -> None:
    seen = follow(ask, first("loop").url, 9)
    assert {status for status, _ in seen} == {301}
    assert len({url for _, url in seen}) == 2


def test_the_busy_host_throttles_first_and_the_stubborn_one_always(ask: Callable, first: Callable) -> None:
    row = first("busy")
    answers = [ask(f"http://{row.host}/robots.txt"), *(ask(row.url) for _ in range(3))]
    assert [answer.status_code for answer in answers] == [429, 429, 200, 200]
    assert [answer.headers.get("retry-after") for answer in answers] == ["1", "1", None, None]
    assert [ask(first("stubborn").url).status_code for _ in range(5)] == [429] * 5


def test_wishes_of_hosts(ask: Callable, first: Callable) -> None:
    assert "noai" in ask(first("optout").url).headers["x-robots-tag"]
    assert "Disallow: /\n" in ask(f"http://{OWN_HOSTS['locked']}/robots.txt").text
    assert first("locked").host == OWN_HOSTS["locked"]


def test_answers_that_are_not_whole(ask: Callable, first: Callable) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match=r"incomplete|closed connection"):
        ask(first("cut").url)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
        ask(first("reset").url)
    assert int(ask(first("large").url, "HEAD").headers["content-length"]) == LARGE_BYTES


def test_a_drip_sends_bytes_and_never_all(running: SampleServer, first: Callable) -> None:
    row = first("drip")
    with socket.create_connection(("127.0.0.1", running.port)) as link:
        link.sendall(f"GET {row.path} HTTP/1.1\r\nHost: {row.host}\r\n\r\n".encode())
        got = b""
        while got.partition(b"\r\n\r\n")[2] == b"":
            got += link.recv(4096)
        head, _, body = got.partition(b"\r\n\r\n")
    stated = int(head.lower().partition(b"content-length:")[2].split()[0])
    assert 0 < len(body) < stated / 100


def test_the_notice_without_a_picture_is_the_same_everywhere(ask: Callable, running: SampleServer) -> None:
    rows = [row for row in running.world.plan() if row.fault == "placeholder"]
    assert len(rows) == len({row.url for row in rows}) == len(running.world.entities)
    assert len({ask(row.url).content for row in rows}) == 1


def test_the_log_tells_when_a_request_came_and_what_was_said(asker: Callable) -> None:
    with serve(make_world(entities=9, pictures=1, holdout=0)) as server:
        ask, row = asker(server), next(row for row in server.world.plan() if row.fault == "busy")
        before = time.monotonic()
        ask(row.url)
        ask("http://search.test/images", params={"q": "apple"})
        busy, search = server.log.visits()
        assert before <= busy.came_s <= busy.told_s <= search.came_s <= time.monotonic()
        assert (busy.host, busy.path, busy.status, busy.retry_after_s) == (row.host, row.path, 429, 1.0)
        assert (search.query, search.status, search.retry_after_s) == ((("q", "apple"),), 200, None)


def test_each_fault_has_its_turn_and_the_costly_ones_are_rare() -> None:
    turns = [name for index in range(HOPELESS_EVERY) for name in turn(index, holdout=1)]
    for name in HOPELESS.values():
        assert turns.count(name) == 1
    assert not set(HOPELESS.values()) & {name for index in range(12) for name in turn(index, 1)}
    assert set(turns) <= set(FAULTS)
    assert "leak" not in {name for index in range(12) for name in turn(index, holdout=0)}


def test_an_expectation_that_no_table_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Fault("strange", outcome="nonsense")
