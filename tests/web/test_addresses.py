"""Where a client may go: a stranger's address never leads into the operator's network, however it is spelled or resolved."""

from __future__ import annotations

import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from entitynet_assets.web import Reach, Request, host_of, place_of
from entitynet_assets.web.addresses import is_public
from tests.fakes.web_server import Call, FaultyServer, faulty_server

NOBODY = "2fff::1"  # public by its number, given to nobody


def says(status: int = 200, body: bytes = b"", **headers: str) -> Callable[[Call], None]:
    return lambda call: call.answer(status, body, **headers)


def port_of(server: FaultyServer) -> int:
    return int(server.address.rpartition(":")[2])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "185.15.59.224", "2620:0:862:ed1a::1", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.0.0.192", "192.0.2.1",
        "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
        "168.63.129.16", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1",
        "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2001:0:7f00:1::", "2001:0:808:808:0:0:80ff:fffe", "2001:db8::1", "3fff::1",
        "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "100::1", "5f00::1", "fe80::1%eth0",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "localhost",
        "LOCALHOST",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
    ],
)
@pytest.mark.parametrize("robots", [True, False])
def test_this_machine_is_not_reached_however_it_is_spelled(server, client, host, robots):
    server.on("/x", says(200, b"secret"))
    web = client(reach=Reach(ports=frozenset({port_of(server)})))
    answer = web.ask(Request(f"http://{host}:{port_of(server)}/x", robots=robots))
    assert answer.outcome == "forbidden_address", answer
    assert (answer.body, answer.tries, server.log) == (b"", 1, [])


def test_an_address_in_octal_is_none(web):
    assert web.ask(Request("http://0177.0.0.1/x", robots=True)).outcome == "bad_url"


def test_a_name_that_changes_its_address_is_judged_at_every_connection(server, client):
    turns = [[NOBODY], ["127.0.0.1"]]
    reach = Reach(ports=frozenset({port_of(server)}), resolver=lambda host, port: turns.pop(0))
    answer = client(reach=reach, tries=2).ask(Request(f"http://rebinding.example:{port_of(server)}/x"))
    assert (answer.outcome, turns, server.log) == ("forbidden_address", [], [])
    assert "127.0.0.1" in str(answer.reason)


def test_one_address_that_is_not_public_is_enough(server, client):
    reach = Reach(ports=frozenset({port_of(server)}), resolver=lambda host, port: [NOBODY, "127.0.0.1"])
    assert client(reach=reach).ask(Request(f"http://a.example:{port_of(server)}/x")).outcome == "forbidden_address"
    assert server.log == []


def test_a_name_is_looked_up_once_a_connection_and_its_host_hears_its_name(server, client):
    server.on("/x", says(200, b"ok"))
    asked = []
    reach = Reach(
        private_hosts=frozenset({"a.example"}), resolver=lambda host, port: asked.append((host, port)) or ["127.0.0.1"]
    )
    web = client(reach=reach)
    for _ in range(3):
        assert web.ask(Request(f"http://a.example:{port_of(server)}/x")).ok
    assert asked == [("a.example", port_of(server))]
    assert {call.headers["Host"] for call in server.log} == {f"a.example:{port_of(server)}"}


def test_the_next_address_is_tried_where_the_first_is_silent(server, client):
    server.on("/x", says(200, b"ok"))
    reach = Reach(private_hosts=frozenset({"a.example"}), resolver=lambda host, port: ["127.0.0.9", "127.0.0.1"])
    assert client(reach=reach, tries=1).ask(Request(f"http://a.example:{port_of(server)}/x")).ok


def test_an_endpoint_of_the_operator_is_asked_but_is_no_picture(server, client):
    server.on("/x", says(200, b"answer"))
    web = client(reach=Reach(trusted=frozenset({server.address}), ports=frozenset({port_of(server)})))
    assert web.ask(Request(server.url("/x"))).ok
    refused = web.ask(Request(server.url("/x"), robots=True))  # also while the connection to the endpoint is open
    assert refused.outcome == "forbidden_address"
    assert "not public" in str(refused.reason)
    assert [call.path for call in server.log] == ["/x"]


def test_a_redirect_to_what_nobody_named_is_not_followed(server, client):
    web = client(reach=Reach({".test": server.address}, ports=frozenset({port_of(server)})))
    for path in ("/x", "/robots.txt"):
        server.on(path, says(302, Location=server.url("/secret")), "a.test")
    for robots in (True, False):
        assert web.ask(Request("http://a.test/x", robots=robots)).outcome == "forbidden_address"
    assert {call.host for call in server.log} == {"a.test"}


def test_a_redirect_leads_to_a_named_place_only_from_a_named_place():
    reach = Reach(trusted=frozenset({"10.0.0.1:80", "10.0.0.2:80"}), private_hosts=frozenset({"10.0.0.3"}))
    for place in ("http://10.0.0.1/", "http://10.0.0.3/", "http://10.0.0.3:8080/"):
        assert reach.is_named(place, picture=False)
        assert not reach.is_named(place, picture=False, before="http://a.example/")
        assert reach.is_named(place, picture=False, before="http://10.0.0.2/")
    assert not reach.is_named("http://10.0.0.1/", picture=True)
    assert reach.is_named("http://10.0.0.3/", picture=True)
    assert not reach.is_named("http://10.0.0.3/", picture=True, before="http://10.0.0.1/")


@pytest.mark.parametrize(
    ("url", "before", "word"),
    [
        ("http://a.example:8080/x", None, "port 8080; allowed are 80, 443"), ("https://a.example:22/", None, "port 22"),
        ("http://user@a.example/x", None, "user name"), ("http://:pw@a.example/x", None, "password"),
        ("http://a.example/x", "https://a.example/x", "https to http"), ("http://a.example/", None, None),
        ("https://a.example/", "http://a.example/", None), ("https://a.example/", "https://b.example/", None),
    ],
)  # fmt: skip
def test_what_shows_without_a_look_up(url, before, word):
    fault = Reach().fault(url, picture=True, before=before)
    assert (fault is None) if word is None else word in str(fault)


def test_a_user_name_is_refused_before_anything_is_asked(server, hosts):
    assert hosts.ask(Request("http://user:pw@a.test/x", robots=True)).outcome == "forbidden_address"
    assert server.log == []


def test_places_and_hosts_are_the_same_however_they_are_spelled():
    assert place_of("HTTP://A.Example/x") == place_of("http://a.example:80") == "a.example:80"
    assert host_of("http://a.example/") == host_of("https://A.example/") == "a.example"
    assert host_of("http://a.example:8080/") == "a.example:8080"


def test_a_certificate_is_checked_against_the_name_not_the_address(client, tmp_path: Path):
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=a.example", "-addext",
         "subjectAltName=DNS:a.example", "-keyout", str(key), "-out", str(cert)], capture_output=True, check=False,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("no openssl command that makes a certificate")
    with faulty_server() as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.on("/x", says(200, b"ok"))
        server.on("/down", says(302, Location=f"http://a.example:{port_of(server)}/x"))
        names = frozenset({"a.example", "b.example"})
        web = client(reach=Reach(private_hosts=names, resolver=lambda host, port: ["127.0.0.1"]), tries=1)
        web.lanes.certificates = ssl.create_default_context(cafile=str(cert))
        assert web.ask(Request(f"https://a.example:{port_of(server)}/x")).ok
        assert web.ask(Request(f"https://a.example:{port_of(server)}/down")).outcome == "forbidden_address"
        wrong = web.ask(Request(f"https://b.example:{port_of(server)}/x"))
        assert (wrong.outcome, "certificate" in str(wrong.reason).lower()) == ("connection", True)
        assert {urlsplit(f"//{call.headers['Host']}").hostname for call in server.log} == {"a.example"}
