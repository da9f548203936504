"""What hosts say against harvesting: how it is read, and that nothing is asked or kept against it."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from entitynet_assets.web import Request
from entitynet_assets.web.manners import matches, opt_out, reservations, robots_rules
from entitynet_assets.web.pace import OPT_OUTS
from tests.fakes.web_server import Call

TDM = "/.well-known/tdmrep.json"


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.answer(status, body, **headers)


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (["noai"], "noai"), (["entitynet: noai"], "noai"), (["otherbot: noai"], "noai"), (["nofollow", "otherbot: noimageai"], "noimageai"),
        (["noindex"], "noindex"), (["entitynet: noindex"], "noindex"), (["ENTITYNET:NOINDEX"], "noindex"), (["*: none"], "none"),
        (["googlebot: noindex"], None), (["googlebot: noindex, nofollow"], None), (["googlebot: noindex", "noimageindex"], "noimageindex"),
        (["googlebot: noindex, entitynet: noindex"], "noindex"), (["max-image-preview: none"], "none"), (["max-snippet: 5, noai"], "noai"),
        (["all"], None), (["noaiart"], None), ([], None),
    ],
)  # fmt: skip
def test_robots_tags(lines, word):
    found = opt_out(httpx.Headers([("X-Robots-Tag", line) for line in lines]))
    assert found == (f"X-Robots-Tag: {word}" if word else None)


@pytest.mark.parametrize(
    ("name", "value", "out"),
    [
        ("TDM-Reservation", "1", True),
        ("tdm-reservation", " 1 ", True),
        ("tdm-reservation", "0", False),
        ("tdm-reservation", "yes", False),
        ("Content-Usage", "train-ai=n", True),
        ("Content-Usage", "search=y, train-ai=n", True),
        ("Content-Usage", "train-ai=y", False),
        ("Content-Usage", "train-ai=n, train-ai=y", False),
        ("Content-Usage", "search=n", False),
        ("Content-Usage", "xtrain-ai=n", False),
    ],
)
def test_reservation_headers(server, web, name, value, out):
    answer = web.ask(Request(server.on("/x", says(200, b"picture", **{name: value})), robots=True))
    assert (answer.outcome, answer.body) == (("opted_out", b"") if out else ("ok", b"picture"))
    assert not out or name.lower() in str(answer.reason).lower()
    assert web.ask(Request(server.url("/x"))).ok  # an interface that was made for programs is no harvest


@pytest.mark.parametrize(
    ("pattern", "path", "found"),
    [
        ("/", "/a.jpg", True), ("/img/", "/img/a.jpg", True), ("/img/", "/image/a.jpg", False), ("/*.jpg$", "/a/b.jpg", True),
        ("/*.jpg$", "/a.jpg?x", False), ("/*.jpg", "/a.jpg?x", True), ("/a$", "/a", True), ("/a$", "/ab", False), ("*", "/x", True),
        ("/a*b*c$", "/axbxc", True), ("/a*b*c$", "/axcxb", False), ("/a*a$", "/a", False), ("", "/x", True), ("/%61", "/a", True),
        ("/" + "*a" * 30 + "$", "/" + "a" * 5000 + "b", False),
    ],
)  # fmt: skip
def test_patterns(pattern, path, found):
    assert matches(pattern, path) is found


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("User-agent: *\nContent-Usage: train-ai=n", True),
        ("User-agent: *\nContent-Usage: train-ai=y", False),
        ("User-agent: *\nAllow: /\nContent-Usage: /x train-ai=n", True),
        ("User-agent: *\nContent-Usage: /y train-ai=n", False),
        ("User-agent: *\nContent-Usage: train-ai=n\nContent-Usage: /x train-ai=y", False),
        ("User-agent: *\nContent-Usage: train-ai=n\n\nUser-agent: EntityNet\nAllow: /", False),
        ("User-agent: other\nUser-agent: entitynet # us\nContent-Usage: train-ai=n", True),
        ("User-agent: other\nContent-Usage: train-ai=n", False),
        ("Content-Usage: train-ai=n", False),
        ("User-agent: *\nContent-Usage: bots", False),
    ],
)
def test_content_usage_of_robots_txt(server, web, text, refused):
    server.on("/robots.txt", says(200, text.encode()))
    answer = web.ask(Request(server.on("/x", says(200, b"picture")), robots=True))
    assert answer.outcome == ("opted_out" if refused else "ok")
    assert len(server.asked("/x")) == (not refused)
    assert not refused or "robots.txt: Content-Usage" in str(answer.reason)


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', "opted_out"),
        (b'[{"location": "/x", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', "ok"),
        (b'[{"location": "/other/", "tdm-reservation": 1, "tdm-policy": "http://a.test/p"}]', "ok"),
        (b'[{"location": "/*$", "tdm-reservation": 1}]', "opted_out"),
        (b"{}", "ok"),
        (b"[1, null, {}]", "ok"),
        (b"no json", "ok"),
        (b"[" * 100_000, "ok"),
        (b"", "ok"),
        (b"\xff", "ok"),
    ],
    ids=range(10),
)
def test_tdm_reservations(server, web, said, outcome):
    server.on(TDM, says(200, said))
    answers = [web.ask(Request(server.on("/x", says(200, b"picture")), robots=True)) for _ in range(2)]
    assert {answer.outcome for answer in answers} == {outcome}
    assert len(server.asked(TDM)) == 1
    assert outcome == "ok" or ("tdmrep.json" in str(answers[0].reason) and server.asked("/x") == [])


@pytest.mark.parametrize("status", [403, 404, 500, 302])
def test_no_reservations_reserve_nothing(server, web, status):
    server.on(TDM, says(status))
    assert web.ask(Request(server.on("/x", says(200, b"picture")), robots=True)).ok


def test_reservations_keep_their_order():
    assert reservations(b'[{"location": "/b", "tdm-reservation": 1}, {"location": "/a", "tdm-reservation": "0"}]') == [
        ("/b", "1"),
        ("/a", "0"),
    ]


def test_rules_that_forbid_the_reservations_are_obeyed(server, web):
    server.on("/robots.txt", says(200, b"User-agent: *\nDisallow: /.well-known/"))
    assert web.ask(Request(server.on("/x", says(200, b"picture")), robots=True)).ok
    assert server.asked(TDM) == []


def test_rules_count_up_to_half_a_mebibyte_and_longer_ones_are_no_failure(server, client):
    comment = b"# " + b"x" * 97 + b"\n"
    early, late = b"User-agent: *\nDisallow: /early/\n", b"Disallow: /late/\n"
    server.on("/robots.txt", says(200, early + comment * 5125 + late + comment * 2000))
    web = client(max_bytes=100_000)
    assert web.ask(Request(server.on("/early/x", says(200)), robots=True)).outcome == "robots"
    assert web.ask(Request(server.on("/late/x", says(200)), robots=True)).outcome == "robots"
    assert len(early + comment * 5125) > 500 * 1024


def test_rules_are_asked_again_when_they_are_old(server, web):
    server.on("/robots.txt", says(404))
    picture = Request(server.on("/x", says(200, b"picture")), robots=True)
    assert [web.ask(picture).outcome for _ in range(2)] == ["ok", "ok"]
    assert len(server.asked("/robots.txt")) == 1
    web.rules_age_s = 0
    server.on("/robots.txt", says(200, b"User-agent: *\nDisallow: /"))
    assert web.ask(picture).outcome == "robots"


def test_a_crawl_delay_is_kept():
    assert robots_rules(b"User-agent: *\nCrawl-delay: 2.5").delay_s == 2.5
    assert robots_rules(b"User-agent: *\nDisallow:").delay_s == 0


def test_a_host_that_opts_out_again_and_again_is_asked_no_more(server, web):
    server.on("/x", says(200, b"picture", X_Robots_Tag="noai"))
    answers = [web.ask(Request(server.url(f"/x?{number}"), robots=True)) for number in range(OPT_OUTS + 5)]
    assert {answer.outcome for answer in answers} == {"opted_out"}
    assert len(server.asked("/x")) == OPT_OUTS
    assert f"{OPT_OUTS} answers in a row opted out" in str(answers[-1].reason)
    assert "noai" in str(answers[-1].reason)


def test_a_host_that_lets_some_pictures_go_is_asked_on(server, web):
    server.on("/no", says(200, b"picture", X_Robots_Tag="noai"))
    server.on("/yes", says(200, b"picture"))
    for number in range(3 * OPT_OUTS):
        web.ask(Request(server.url("/yes" if number % 5 == 0 else "/no"), robots=True))
    assert len(server.asked("/no")) + len(server.asked("/yes")) == 3 * OPT_OUTS


def test_pictures_are_asked_for_as_they_are(server, web):
    url = server.on("/x", says(200, b"picture", ETag='W/"a"'))
    picture = web.ask(Request(url, headers={"If-None-Match": 'W/"a"'}, robots=True))
    assert (server.asked("/x")[0].headers["Accept-Encoding"], picture.headers["etag"]) == ("identity", 'W/"a"')
    assert server.asked("/x")[0].headers["If-None-Match"] == 'W/"a"'
    server.on("/x", says(304, ETag='W/"a"'))
    assert web.ask(Request(url, headers={"If-None-Match": 'W/"a"'}, robots=True)).outcome == "unchanged"
    server.on("/x", says(200, b"packed", Content_Encoding="gzip"))
    assert web.ask(Request(url, robots=True)).outcome == "http_error"
