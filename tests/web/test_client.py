"""The web door against a real server that misbehaves: every fault is a value, and manners are kept."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from entitynet_assets.tables import DOWNLOAD_OUTCOMES
from entitynet_assets.web import Request, Web, retry_after_s
from entitynet_assets.web import client as door
from entitynet_assets.web.crowd import UNREAD
from tests.fakes.web_server import Call, FaultyServer, RawServer, free_port


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.answer(status, body, **headers)


def in_turn(*handlers: Callable[[Call], None]) -> Callable[[Call], None]:
    """Answer by each handler once, by the last one for ever."""
    left = list(handlers)
    lock = threading.Lock()

    def answer(call: Call) -> None:
        with lock:
            handler = left.pop(0) if len(left) > 1 else left[0]
        handler(call)

    return answer


# -- statuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "outcome", "requests"),
    [
        (200, "ok", 1), (204, "ok", 1), (300, "http_error", 1), (304, "http_error", 1), (400, "http_error", 1), (401, "forbidden", 1),
        (403, "forbidden", 1), (404, "not_found", 1), (410, "gone", 1), (418, "http_error", 1), (429, "throttled", 2),
        (451, "forbidden", 1), (500, "http_error", 2), (503, "http_error", 2), (599, "http_error", 2),
    ],
)  # fmt: skip
def test_each_status_is_an_outcome(server, web, status, outcome, requests):
    answer = web.ask(Request(server.on("/x", lambda call: call.start(status, Content_Length="0"))))
    assert (answer.outcome, answer.status, answer.tries) == (outcome, status, requests)
    assert len(server.asked("/x")) == requests
    assert answer.reason is None or str(status) in answer.reason


def test_a_failure_that_passes_is_asked_again(server, web):
    answer = web.ask(Request(server.on("/x", in_turn(says(500), says(200, b"whole")))))
    assert (answer.outcome, answer.body, answer.tries) == ("ok", b"whole", 2)


def test_a_redirect_never_leads_into_a_folder(server, web):
    answer = web.ask(Request(server.on("/x", says(302, Location="folder://photos/search"))))
    assert answer.outcome == "bad_url"


def test_304_is_unchanged_only_for_who_asked_conditionally(server, web):
    url = server.on("/x", says(304, ETag='"a"'))
    answer = web.ask(Request(url, headers={"If-None-Match": '"a"'}))
    assert (answer.outcome, answer.body) == ("unchanged", b"")
    assert server.asked("/x")[0].headers["If-None-Match"] == '"a"'
    assert web.ask(Request(url)).outcome == "http_error"


def test_whoever_is_asked_learns_the_operators_contact(server, web):
    web.ask(Request(server.on("/x", says()), robots=True))
    assert [call.path for call in server.log] == ["/robots.txt", "/.well-known/tdmrep.json", "/x"]
    for call in server.log:
        assert "operator@example.org" in call.headers["User-Agent"]
        assert call.headers["User-Agent"].startswith("entitynet/")


def test_parameters_and_forms_arrive(server, web):
    url = server.on("/x", says())
    web.ask(Request(url, params={"q": "red apple", "page": "1"}))
    web.ask(Request(url, form={"query": "SELECT 1"}, headers={"Accept": "application/sparql-results+json"}))
    asked, posted = server.asked("/x")
    assert asked.path == "/x?q=red+apple&page=1" or asked.path == "/x?q=red%20apple&page=1"
    assert (posted.method, posted.body, posted.headers["Accept"]) == (
        "POST", b"query=SELECT+1", "application/sparql-results+json",
    )  # fmt: skip


def test_a_json_body_arrives_as_json(server, web):
    web.ask(Request(server.on("/x", says()), json={"words": ["\u86c7", 1]}, headers={"Authorization": "Bearer k"}))
    posted = server.asked("/x")[0]
    assert (posted.method, json.loads(posted.body)) == ("POST", {"words": ["\u86c7", 1]})
    assert (posted.headers["Content-Type"], posted.headers["Authorization"]) == ("application/json", "Bearer k")


def test_a_request_may_have_its_own_time_and_tries(server, client):
    url = server.on("/x", lambda call: time.sleep(0.3) or call.answer(200, b"late"))
    short = client(timeout_s=0.05, tries=1)
    assert short.ask(Request(url)).outcome == "timeout"
    assert short.ask(Request(url, timeout_s=5.0)).body == b"late"
    broken = server.on("/broken", says(500))
    assert (client(tries=3).ask(Request(broken, tries=1)).tries, len(server.asked("/broken"))) == (1, 1)
    assert client(tries=1).ask(Request(broken, tries=2)).tries == 2


def test_what_a_host_says_in_headers_is_in_no_log(server, web, caplog):
    caplog.set_level("DEBUG")
    web.ask(Request(server.on("/x", says(302, Location="/end?key=sk-1", X_Key="sk-1"))))
    assert len(server.asked("/end")) == 1
    assert "sk-1" not in caplog.text


# -- bodies ------------------------------------------------------------------------------------------------------------


def test_a_slow_drip_ends_at_the_deadline(server, client):
    def drip(call: Call) -> None:
        call.start(Content_Length="1000000")
        for _ in range(400):
            call.wfile.write(b"x")
            call.wfile.flush()
            time.sleep(0.02)

    answer = client(timeout_s=0.3, tries=1).ask(Request(server.on("/x", drip)))
    assert (answer.outcome, answer.body) == ("timeout", b"")
    assert "not whole" in str(answer.reason)


def test_a_silent_server_is_a_timeout(server, client):
    done = threading.Event()
    answer = client(timeout_s=0.2, tries=1).ask(Request(server.on("/x", lambda call: done.wait(5) and call.hang_up())))
    done.set()
    assert answer.outcome == "timeout"


def test_a_stated_length_over_the_cap_is_refused_before_the_body(server, client):
    sent = []

    def large(call: Call) -> None:
        call.start(Content_Length="50000000")
        for _ in range(50):
            call.wfile.write(b"x" * 1_000_000)
            sent.append(1)

    answer = client(max_bytes=1000).ask(Request(server.on("/x", large)))
    assert (answer.outcome, answer.body, answer.tries) == ("too_large", b"", 1)
    assert len(sent) < 50


def test_an_unstated_length_is_cut_off_at_the_cap(server, client):
    def endless(call: Call) -> None:
        call.hang_up()
        call.start(Connection="close")
        for _ in range(1000):
            call.wfile.write(b"x" * 100_000)

    answer = client(max_bytes=1_000_000).ask(Request(server.on("/x", endless)))
    assert (answer.outcome, answer.body) == ("too_large", b"")


def test_a_packed_body_counts_by_what_it_unpacks_to(server, client):
    bomb = gzip.compress(b"\0" * 3_000_000, mtime=0)
    url = server.on("/x", says(200, bomb, Content_Encoding="gzip"))
    assert len(bomb) < 100_000
    assert client(max_bytes=100_000).ask(Request(url)).outcome == "too_large"
    assert len(client(max_bytes=5_000_000).ask(Request(url)).body) == 3_000_000


@pytest.mark.parametrize("packed", [b"\x1f\x8bgarbage that is no gzip", gzip.compress(b"words" * 100, mtime=0)[:-20]])
def test_a_broken_packed_body_is_never_a_whole_answer(server, web, packed):
    answer = web.ask(Request(server.on("/x", says(200, packed, Content_Encoding="gzip"))))
    assert (answer.outcome, answer.body) == ("truncated", b"")


def test_an_encoding_nobody_asked_for_is_no_body(server, web):
    answer = web.ask(Request(server.on("/x", says(200, b"packed", Content_Encoding="br"))))
    assert (answer.outcome, answer.body) == ("http_error", b"")
    assert server.asked("/x")[0].headers["Accept-Encoding"] == "gzip"


def test_a_body_shorter_than_stated_is_truncated(server, web):
    def short(call: Call) -> None:
        call.start(Content_Length="100")
        call.wfile.write(b"x" * 40)
        call.hang_up()

    answer = web.ask(Request(server.on("/x", short)))
    assert (answer.outcome, answer.body, answer.tries) == ("truncated", b"", 2)


def test_an_empty_body_is_an_answer(server, web):
    answer = web.ask(Request(server.on("/x", says(200, b""))))
    assert (answer.outcome, answer.body, answer.ok) == ("ok", b"", True)


def test_nobody_listens(web):
    answer = web.ask(Request(f"http://127.0.0.1:{free_port()}/x"))
    assert (answer.outcome, answer.status, answer.tries) == ("connection", None, 2)


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH_9.2\r\n", b"", b"\0" * 2000, b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"],
)
def test_something_that_is_not_http_is_a_failed_connection(client, said):
    with RawServer(said).serve() as url:
        assert client(timeout_s=2.0).ask(Request(url)).outcome == "connection"


# -- redirects ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_chain_of_redirects_is_followed(server, web, status):
    server.on("/b/end", says(200, b"there"))
    server.on("/b/two", lambda call: call.answer(status, Location="end"))
    server.on("/one", lambda call: call.answer(status, Location="/b/two"))
    answer = web.ask(Request(server.on("/x", says(status, Location=server.url("/one")))))
    assert (answer.outcome, answer.body, answer.url) == ("ok", b"there", server.url("/x"))


def test_parameters_are_not_asked_again_at_the_new_address(server, web):
    server.on("/end", says(200, b"there"))
    web.ask(Request(server.on("/x", says(302, Location="/end?id=7")), params={"q": "apple"}))
    assert [call.path for call in server.log] == ["/x?q=apple", "/end?id=7"]


@pytest.mark.parametrize(("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")])
def test_what_was_posted_is_sent_on_only_where_the_status_says_so(server, web, status, method):
    server.on("/end", says(200, b"there"))
    web.ask(Request(server.on("/x", says(status, Location="/end")), form={"a": "b"}))
    web.ask(Request(server.url("/x"), json={"a": "b"}))
    assert [call.method for call in server.asked("/end")] == [method, method]
    bodies = [b"a=b", b'{"a":"b"}'] if method == "POST" else [b"", b""]
    assert [call.body for call in server.asked("/end")] == bodies


def test_a_key_does_not_follow_to_another_host_but_validators_do(server, hosts):
    server.on("/end", says(200, b"there"), "other.test")
    url = server.on("/x", says(302, Location="http://other.test/end"), "api.test")
    server.on("/same", says(302, Location="http://API.test:80/x"), "api.test")
    headers = {"X-Api-Key": "secret", "Authorization": "Bearer secret", "If-None-Match": '"a"', "Accept": "image/*"}
    assert hosts.ask(Request(url.replace("/x", "/same"), headers=headers)).ok
    same, moved = server.asked("/x")[0], server.asked("/end")[0]
    assert same.headers["X-Api-Key"] == "secret"
    assert not {"X-Api-Key", "Authorization"} & moved.headers.keys()
    assert (moved.headers["If-None-Match"], moved.headers["Accept"]) == ('"a"', "image/*")


def test_a_loop_ends(server, web):
    answer = web.ask(Request(server.on("/x", says(302, Location="/x"))))
    assert answer.outcome == "too_many_redirects"
    assert len(server.asked("/x")) == door.MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "location",
    ["ftp://example.org/a.jpg", "file:///etc/passwd", "data:image/png;base64,AA", "http://[::1", "http://a:99999/", ""],
)  # fmt: skip
def test_a_redirect_to_nowhere_is_a_bad_address(server, web, location):
    answer = web.ask(Request(server.on("/x", says(302, Location=location))))
    assert (answer.outcome, answer.url) == ("bad_url", server.url("/x"))
    assert len(server.asked("/x")) == 1


def test_a_redirect_without_location_is_a_bad_address(server, web):
    answer = web.ask(Request(server.on("/x", says(302))))
    assert (answer.outcome, answer.status) == ("bad_url", 302)
    assert "Location" in str(answer.reason)


# -- opting out --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    ["noai", "NoAI", "noimageai", "noindex, noai", "noai,noimageai", "otherbot: noai", "otherbot: noindex, noimageai", " noindex ",
     "noimageindex", "nofollow; noai", "none", "unavailable_after: 25 Jun 2030 15:00:00 PST, noai"],
)  # fmt: skip
def test_an_opt_out_header_is_obeyed(server, web, said):
    answer = web.ask(Request(server.on("/x", says(200, b"picture", X_Robots_Tag=said)), robots=True))
    assert answer.outcome == "opted_out"
    assert "X-Robots-Tag" in str(answer.reason)


def test_the_second_of_two_opt_out_headers_counts(server, web):
    def twice(call: Call) -> None:
        call.send_response(200)
        for name, value in (("X-Robots-Tag", "nofollow"), ("X-Robots-Tag", "noai"), ("Content-Length", "0")):
            call.send_header(name, value)
        call.end_headers()

    assert web.ask(Request(server.on("/x", twice), robots=True)).outcome == "opted_out"


@pytest.mark.parametrize("said", ["", "all", "nofollow", "noaiart", "max-image-preview: large", "noarchive"])
def test_other_directives_do_not_opt_out(server, web, said):
    assert web.ask(Request(server.on("/x", says(200, b"picture", X_Robots_Tag=said)), robots=True)).ok


def test_an_interface_that_tells_search_engines_noindex_may_be_asked(server, web):
    assert web.ask(Request(server.on("/x", says(200, b"{}", X_Robots_Tag="noindex")))).ok


# -- robots.txt --------------------------------------------------------------------------------------------------------


def allowed(server: FaultyServer, web: Web, path: str = "/x") -> str:
    return web.ask(Request(server.on(path, says(200, b"picture")), robots=True)).outcome


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, "ok"), (403, "ok"), (401, "ok"), (410, "ok"), (500, "robots"), (503, "robots")]
)
def test_absent_rules_allow_and_a_failing_server_forbids(server, web, status, outcome):
    server.on("/robots.txt", says(status))
    assert allowed(server, web) == outcome
    assert len(server.asked("/x")) == (outcome == "ok")


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [
        (b"User-agent: *\nDisallow: /private/", "robots"),
        (b"User-agent: *\nDisallow: /private/\nAllow: /private/a", "ok"),
        (b"User-agent: *\nDisallow: /\n\nUser-agent: EntityNet\nDisallow: /other/", "ok"),
        (b"User-agent: *\nDisallow:\n\nUser-agent: entitynet\nDisallow: /", "robots"),
        (b"User-agent: entitynet\nDisallow: /*.jpg$", "robots"),
        (b"\xef\xbb\xbfUser-agent: *\r\nDisallow: /private/", "robots"),
        (b"\xff\xfe\0\0 no rules at all", "ok"),
        (b"", "ok"),
        (b"<!doctype html><html><body>Not found</body></html>", "ok"),
    ],
)
def test_rules_are_read_as_the_standard_says(server, web, rules, outcome):
    server.on("/robots.txt", says(200, rules))
    assert allowed(server, web, "/private/a.jpg") == outcome


def test_rules_marked_noindex_are_rules(server, web):
    server.on("/robots.txt", says(200, b"User-agent: *\nDisallow: /private/", X_Robots_Tag="noindex"))
    assert allowed(server, web, "/open") == "ok"
    assert allowed(server, web, "/private/x") == "robots"


def test_rules_behind_a_redirect_count(server, web):
    server.on("/rules", says(200, b"User-agent: *\nDisallow: /"))
    server.on("/robots.txt", says(301, Location="/rules"))
    assert allowed(server, web) == "robots"


def test_rules_are_asked_once_an_origin_however_many_ask_at_once(server, hosts):
    server.on("/robots.txt", says(200, b"User-agent: *\nDisallow: /no/", Content_Type="text/plain"))
    server.on("/x", says(200, b"picture"))
    wanted = [f"http://{host}/x" for host in ("a.test", "A.test", "a.test:80", "b.test") for _ in range(6)]
    outcomes = [answer.outcome for _, answer in hosts.ask_all((url, Request(url, robots=True)) for url in wanted)]
    assert outcomes == ["ok"] * 24
    assert len(server.asked("/robots.txt")) == 2


def test_https_has_rules_of_its_own(server, hosts):
    server.on("/robots.txt", in_turn(says(200, b"User-agent: *\nDisallow: /"), says(404)))
    server.on("/x", says(200, b"picture"))
    assert hosts.ask(Request("http://a.test/x", robots=True)).outcome == "robots"
    assert hosts.ask(Request("https://a.test/x", robots=True)).outcome == "ok"


def test_a_redirect_meets_the_rules_of_where_it_leads(server, hosts):
    server.on("/robots.txt", says(200, b"User-agent: *\nDisallow: /"), "closed.test")
    server.on("/x", says(302, Location="http://closed.test/x"), "open.test")
    assert hosts.ask(Request("http://open.test/x", robots=True)).outcome == "robots"
    assert [call.path for call in server.log if call.host == "closed.test"] == ["/robots.txt"]


def test_a_host_that_is_away_is_no_refusal_and_is_not_asked_for_every_picture(client):
    away = f"http://127.0.0.1:{free_port()}"
    web = client(tries=3)
    answers = [web.ask(Request(f"{away}/{number}", robots=True)) for number in range(3)]
    assert [(answer.outcome, answer.tries, answer.left) for answer in answers] == [("connection", 1, True)] * 3
    assert "robots.txt" in str(answers[0].reason)


# -- pace --------------------------------------------------------------------------------------------------------------


def test_a_host_that_says_wait_is_left_alone_by_all(server, client):
    slow = in_turn(says(429, Retry_After="1"), says(200, b"ok"))
    web = client(reserved={".test": server.address})
    first, other = server.on("/first", slow, "a.test"), server.on("/other", says(200), "a.test")
    elsewhere = server.on("/elsewhere", says(200), "b.test")
    done: list[str] = []
    asking = threading.Thread(target=lambda: done.append(web.ask(Request(first)).outcome))
    asking.start()
    while not server.asked("/first"):
        time.sleep(0.01)
    time.sleep(0.1)
    assert web.ask(Request(elsewhere)).ok
    assert web.ask(Request(other)).ok
    asking.join()
    refused, again = server.asked("/first")
    assert done == ["ok"]
    assert again.at - refused.at >= 0.95
    assert server.asked("/other")[0].at - refused.at >= 0.95
    assert server.asked("/elsewhere")[0].at < server.asked("/other")[0].at


def test_the_last_try_leaves_the_pause_to_who_comes_next(server, client):
    web = client(tries=1)
    assert web.ask(Request(server.on("/x", says(429, Retry_After="1")))).outcome == "throttled"
    assert web.ask(Request(server.on("/y", says(200)))).ok
    assert server.asked("/y")[0].at - server.asked("/x")[0].at >= 0.95


def test_a_date_says_when_to_come_back(server, web):
    def later(call: Call) -> None:
        call.answer(503, Retry_After=format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True))

    assert web.ask(Request(server.on("/x", in_turn(later, says(200, b"ok"))))).ok
    refused, again = server.asked("/x")
    assert again.at - refused.at >= 0.9


def test_a_host_that_wants_a_long_rest_is_left_for_another_run(server, web):
    first = web.ask(Request(server.on("/x", says(429, Retry_After="86400"))))
    after = web.ask(Request(server.on("/y", says(200))))
    assert (first.outcome, after.outcome, after.left) == ("throttled", "throttled", True)
    assert (len(server.asked("/x")), len(server.asked("/y"))) == (1, 0)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [("0", 0, 0), ("120", 120, 120), (" 7 ", 7, 7), ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0), ("Fri, 31 Dec 2199 23:59:59 GMT", 1e9, 1e11)],
)  # fmt: skip
def test_both_forms_of_retry_after(value, low, high):
    found = retry_after_s(value)
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize("value", ["", "soon", "-5", "1.5", "²", "Wed, 99 Foo 2015", "9" * 400, "NaN", "inf"])
def test_a_retry_after_that_says_nothing(value):
    assert retry_after_s(value) is None


@pytest.mark.parametrize("per_host", [1, 2, 5])
def test_no_host_sees_more_than_its_share_at_once(server, client, per_host):
    web = client(per_host=per_host, reserved={".test": server.address})

    lock, at_once, most = threading.Lock(), Counter(), Counter()

    def busy(call: Call) -> None:
        with lock:
            at_once[call.host] += 1
            most[call.host] = max(most[call.host], at_once[call.host])
        time.sleep(0.02)
        with lock:  # before the answer: once it is out, the client may rightly ask the next
            at_once[call.host] -= 1
        call.answer(200, b"x")

    server.on("/x", busy)
    asked = [(i, Request(f"http://{host}/x?{i}")) for i in range(12) for host in ("a.test", "A.TEST", "b.test")]
    assert {answer.outcome for _, answer in web.ask_all(asked)} == {"ok"}
    assert max(most.values()) <= per_host
    assert most["b.test"] >= min(per_host, 2)


# -- names -------------------------------------------------------------------------------------------------------------


def test_reserved_names_lead_home_only_when_told(server, client):
    server.on("/x", says(200, b"home"), "photos.test")
    assert client(reserved={".test": server.address}).ask(Request("http://photos.test/x")).body == b"home"
    assert client(tries=1).ask(Request("http://photos.test/x")).outcome == "connection"


def test_other_names_do_not_lead_home(server, client):
    web = client(reserved={".test": server.address}, tries=1)
    assert web.ask(Request("http://photos.test.invalid/x")).outcome == "connection"
    assert server.log == []


# -- many at once ------------------------------------------------------------------------------------------------------


def test_every_tag_comes_back_once(server, web):
    server.on("/x", says(200))
    asked = [(number, Request(server.url("/x" if number % 3 else "/missing"))) for number in range(200)]
    got = [(tag, answer.outcome) for tag, answer in web.ask_all(asked, workers=8)]
    assert sorted(got) == [(number, "ok" if number % 3 else "not_found") for number in range(200)]


def test_no_request_gives_nothing(web):
    assert list(web.ask_all([])) == []


def test_requests_are_drawn_only_as_answers_are_taken(server, web):
    server.on("/x", says(200))
    drawn = 0

    def endless() -> Iterator[tuple[int, Request]]:
        nonlocal drawn
        while True:
            drawn += 1
            yield drawn, Request(server.url("/x"))

    answers = web.ask_all(endless(), workers=2)
    taken = [next(answers) for _ in range(30)]
    answers.close()
    assert len({tag for tag, _ in taken}) == 30
    assert drawn <= 30 + door.DRAWN * 2
    assert len(server.asked("/x")) <= drawn


def test_a_reader_who_is_slow_holds_up_the_asking_not_the_memory(server, client):
    web = client(per_host=8)
    server.on("/x", says(200, b"x" * 1000))
    answers = web.ask_all(((number, Request(server.url("/x"))) for number in range(300)), workers=4)
    next(answers)
    seen = -1
    while seen < len(server.log):  # until nothing more is asked
        seen = len(server.log)
        time.sleep(0.3)
    assert 4 <= seen <= 1 + 4 + UNREAD
    assert sum(answer.ok for _, answer in answers) == 299


def test_who_stops_listening_leaves_what_was_not_begun(server, web):
    def slow(call: Call) -> None:
        time.sleep(0.05)
        call.answer(200)

    server.on("/x", slow)
    answers = web.ask_all(((number, Request(server.url("/x"))) for number in range(100)), workers=2)
    next(answers)
    answers.close()
    assert len(server.asked("/x")) <= 5


ODD = [
    "", " ", "/relative.jpg", "//host/x.jpg", "host/x.jpg", "http://", "http:///x.jpg", "http://?", "https://#", "ftp://example.org/x.jpg",
    "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:1", "mailto:a@example.org", "http://[::1", "http://[zz]/x", "http://a:b/x",
    "http://a:99999/x", "http://a:-1/x", "http://exa mple.test/x", "http://\x00.test/", "http://a.test/\r\nX: 1", "http://.test/x", "http://a..test/x",
    "http://" + "a" * 300 + ".test/x", "http://" + "a" * 5000 + "/x", "http://\ud800.test/", "HTTP://%zz.test/", "http://xn--.test/", "http://*.test/",
    "http://a.test\\@b.test/x", "http://user:pass@", "about:blank", "\u200bhttp://a.test/x",
]  # fmt: skip


@pytest.mark.parametrize("robots", [True, False])
@pytest.mark.parametrize("url", ODD, ids=range(len(ODD)))
def test_no_address_makes_an_exception(server, hosts, url, robots):
    hosts.tries = 1
    answer = hosts.ask(Request(url, robots=robots, params={} if robots else {"q": "x"}))
    assert answer.outcome in DOWNLOAD_OUTCOMES
    assert answer.url == url
    assert not answer.ok or url in ("http://*.test/", "http://exa mple.test/x")


@pytest.mark.parametrize(
    "url",
    ["http://a.test/" + "x" * 5000, "http://a.test/a b/ü/%20?q=ü b#part", "http://bücher.test/x", "http://a.test?x=1", " http://a.test/x ",
     "HTTP://A.TEST/x", "http://a.test/x/../y/./z", "http://a.test/[x]{y}|z", "http://a.test:8080/x", "http://a_b.test/x"],
    ids=range(10),
)  # fmt: skip
@pytest.mark.parametrize("robots", [True, False])
def test_unusual_but_sound_addresses_are_asked(server, hosts, url, robots):
    assert hosts.ask(Request(url, robots=robots)).outcome == "not_found"
    assert server.log[-1].path.startswith("/")
