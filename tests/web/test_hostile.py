"""Servers that mean harm: each costs one address a bounded time and space, and is a value."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from entitynet_assets.web import Request
from entitynet_assets.web.wire import MAX_HEADERS
from tests.fakes.web_server import Call


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.answer(status, body, **headers)


@pytest.mark.parametrize(
    "url", ["data:image/png;base64,AAAA", "file:///etc/passwd", "ftp://a.example/x.jpg", "gopher://a.example/"]
)
@pytest.mark.parametrize("robots", [True, False])
def test_only_the_web_is_asked(web, url, robots):
    answer = web.ask(Request(url, robots=robots))
    assert (answer.outcome, answer.body) == ("bad_url", b"")


def test_a_flood_of_headers_is_no_answer(server, web):
    def flood(call: Call) -> None:
        call.start(200, Content_Length="2", **{f"X_{number}": "a" for number in range(MAX_HEADERS + 1)})
        call.wfile.write(b"ok")

    answer = web.ask(Request(server.on("/x", flood)))
    assert (answer.outcome, answer.body, answer.tries) == ("http_error", b"", 1)
    assert f"more than {MAX_HEADERS}" in str(answer.reason)


def test_a_header_without_end_is_cut_off(server, client):
    sent = []

    def endless(call: Call) -> None:
        call.hang_up()
        call.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        for _ in range(1000):
            call.wfile.write(b"x" * 10_000)
            sent.append(1)

    answer = client(tries=1).ask(Request(server.on("/x", endless)))
    assert (answer.outcome, answer.body) == ("connection", b"")
    assert len(sent) < 1000


@pytest.mark.parametrize("part", [b"X-A: 1\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_headers_that_drip_end_at_the_deadline(server, client, part):
    def drip(call: Call) -> None:
        call.hang_up()
        call.wfile.write(b"HTTP/1.1 200 OK\r\n" if part.startswith(b"X") else b"")
        for _ in range(200):
            call.wfile.write(part)
            call.wfile.flush()
            time.sleep(0.02)

    answer = client(timeout_s=0.4, tries=1).ask(Request(server.on("/x", drip)))
    assert (answer.outcome, answer.body) == ("timeout", b"")
    assert "not whole after 0.4 s" in str(answer.reason)


def test_a_picture_that_comes_too_slowly_is_given_up_before_its_deadline(server, client):
    def slowly(call: Call) -> None:
        call.start(Content_Length="100000")
        for _ in range(100):
            call.wfile.write(b"x" * 20)
            call.wfile.flush()
            time.sleep(0.02)

    web = client(timeout_s=60.0, tries=1)
    web.slowest = (10_000, 0.3)
    answer = web.ask(Request(server.on("/x", slowly), robots=True))
    assert (answer.outcome, answer.body) == ("timeout", b"")
    assert "less than 10000 bytes in 0.3 s" in str(answer.reason)


def test_an_interface_may_think_and_a_picture_may_begin_late(server, client):
    def late(call: Call) -> None:
        time.sleep(0.4)
        call.answer(200, b"x" * 50_000)

    web = client(tries=1)
    web.slowest = (10_000, 0.2)
    for robots in (True, False):
        assert web.ask(Request(server.on("/x", late), robots=robots)).ok


def test_a_body_longer_than_stated_is_taken_as_stated_and_spoils_nothing(server, web):
    def longer(call: Call) -> None:
        call.start(Content_Length="4")
        call.wfile.write(b"bodyHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")

    assert web.ask(Request(server.on("/x", longer))).body == b"body"
    assert web.ask(Request(server.on("/y", says(200, b"true")))).body == b"true"


@pytest.mark.parametrize("length", ["-1", "1, 2", "ten", "9" * 30])
def test_a_length_that_is_none_is_no_whole_body(server, client, length):
    answer = client(tries=1).ask(Request(server.on("/x", lambda call: call.start(Content_Length=length))))
    assert answer.outcome in ("connection", "too_large")
    assert answer.body == b""


def test_a_type_that_lies_is_kept_as_evidence(server, web):
    answer = web.ask(Request(server.on("/x", says(200, b"<html>", Content_Type="image/jpeg"))))
    assert (answer.body, answer.headers["content-type"]) == (b"<html>", "image/jpeg")


def test_a_body_in_pieces_without_end_is_cut_off(server, client):
    sent = []

    def endless(call: Call) -> None:
        call.hang_up()
        call.start(Transfer_Encoding="chunked")
        for _ in range(1000):
            call.wfile.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
            sent.append(1)

    answer = client(max_bytes=1_000_000).ask(Request(server.on("/x", endless)))
    assert (answer.outcome, answer.body, answer.tries) == ("too_large", b"", 1)
    assert len(sent) < 1000


def test_pieces_that_are_none_are_not_whole(server, client):
    def broken(call: Call) -> None:
        call.hang_up()
        call.start(Transfer_Encoding="chunked")
        call.wfile.write(b"zz\r\nno piece\r\n")

    answer = client(tries=1).ask(Request(server.on("/x", broken)))
    assert (answer.outcome, answer.body) == ("truncated", b"")


def test_a_redirect_with_an_endless_body_is_followed_without_it(server, web):
    sent = []

    def endless(call: Call) -> None:
        call.hang_up()
        call.start(302, Location="/end", Connection="close")
        for _ in range(1000):
            call.wfile.write(b"x" * 100_000)
            sent.append(1)

    server.on("/end", says(200, b"there"))
    assert web.ask(Request(server.on("/x", endless))).body == b"there"
    assert len(sent) < 1000


def test_two_hosts_that_send_us_to_each_other_end(server, hosts):
    server.on("/x", says(302, Location="http://b.test/x"), "a.test")
    server.on("/x", says(307, Location="http://a.test/x"), "b.test")
    assert hosts.ask(Request("http://a.test/x")).outcome == "too_many_redirects"
    assert len(server.log) == 6


def test_nothing_of_an_answer_is_sent_to_the_next(server, web):
    server.on("/x", says(200, b"a", Set_Cookie="id=1; Path=/"))
    web.ask(Request(server.url("/x")))
    web.ask(Request(server.url("/x")))
    assert all("Cookie" not in call.headers for call in server.log)
