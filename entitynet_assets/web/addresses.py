"""Which addresses may be connected to: a search result is a stranger's word and must not lead into the operator's network.

Belongs here: the rule, and the look-up of a name. Does not belong here: the connection (wire.py), which uses the very
addresses that were judged here.

A stranger's address is asked if every address of its name is public, on the ports of the web. What is not public is asked
only where the operator named it: an endpoint of the study or the environment (`trusted`, never for a picture), a host
that is opened outright (`private_hosts`), or a reserved name of the sample world (`reserved`). A redirect may lead to a named
place only from a named place.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

Resolver = Callable[[str, int], list[str]]
PORTS = frozenset({80, 443})
UNICAST = ipaddress.ip_network("2000::/3")  # all of IPv6 that is given out to the public
NAT64 = ipaddress.ip_network("64:ff9b::/96")
DENIED = tuple(
    ipaddress.ip_network(one)
    for one in (
        "192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20", "2001:db8::/32",
    )  # protocol assignments, 6to4 relays, a cloud's platform address, documentation
)  # fmt: skip


class ForbiddenAddressError(Exception):
    """An address that is not connected to; the message says which and why."""


def is_public(address: str) -> bool:
    """Return whether an IP address belongs to the public internet; what embeds an IPv4 address is judged by that one too.

    Raises ValueError if it is no address.
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address):
        if found in NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
        inner = [one for one in (found.ipv4_mapped, found.sixtofour, *(found.teredo or ())) if one is not None]
        if inner:
            return all(is_public(str(one)) for one in inner)
        if found not in UNICAST:
            return False
    return found.is_global and not found.is_multicast and not any(found in net for net in DENIED)


def resolved(host: str, port: int) -> list[str]:
    """Return the addresses of a name in the order in which to try them. Raises OSError if there are none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@lru_cache(4096)  # one request asks for it several times
def place_of(url: str) -> str:
    """Return the host and port of an address, however it is spelled. Raises ValueError if it has none."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("only absolute http(s) addresses are asked")
    return f"{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"


def host_of(url: str) -> str:
    """Return whose pace an address keeps to: the host, and its port if that is not one of the web's."""
    host, _, port = place_of(url).rpartition(":")
    return host if int(port) in PORTS else f"{host}:{port}"


@dataclass(frozen=True)
class Reach:
    """Where a client may go. `reserved` maps a top-level domain (".test") to the "address:port" that stands for its names."""

    reserved: Mapping[str, str] = field(default_factory=dict)
    trusted: frozenset[str] = frozenset()  # "host:port" as place_of gives it
    private_hosts: frozenset[str] = frozenset()
    ports: frozenset[int] = PORTS
    resolver: Resolver = resolved

    def is_named(self, url: str, picture: bool, before: str | None = None) -> bool:
        """Return whether the operator named the place of an address, so that it need not be public.

        `picture` is for addresses out of search results, `before` the address that redirects here.
        """
        place = place_of(url)
        host = place.rpartition(":")[0]
        named = self.is_reserved(host) or host in self.private_hosts or (place in self.trusted and not picture)
        return named and (before is None or self.is_named(before, picture))

    def fault(self, url: str, picture: bool, before: str | None = None) -> str | None:
        """Return why an address is not asked, as far as it shows without a look-up; None if it does not."""
        parts = urlsplit(url)
        if parts.username is not None or parts.password is not None:
            return "a user name or password in the address"
        if before is not None and parts.scheme == "http" and urlsplit(before).scheme == "https":
            return f"a redirect from https to http ({parts.hostname})"
        if self.is_named(url, picture, before):
            return None
        port = int(place_of(url).rpartition(":")[2])
        if port not in self.ports:
            allowed = ", ".join(str(one) for one in sorted(self.ports))
            return f"port {port}; allowed are {allowed} (web.ports of the study)"
        return None

    def addresses(self, host: str, port: int, named: bool) -> list[tuple[str, int]]:
        """Return the addresses to connect to. Raises ForbiddenAddressError if one is not public and nobody named the place, OSError."""
        if local := self._reserved_place(host):
            name, _, number = local.rpartition(":")
            return [(name, int(number))]
        found = self.resolver(host, port)
        closed = [] if named else [one for one in found if not is_public(one)]
        if closed:
            opens = "web.private_hosts of the study or ENTITYNET_PRIVATE_HOSTS opens a host"
            raise ForbiddenAddressError(f"{host} is {', '.join(closed)}, which is not public ({opens})")
        return [(one, port) for one in found]

    def is_reserved(self, host: str) -> bool:
        """Return whether a host is one of the sample world."""
        return self._reserved_place(host) is not None

    def _reserved_place(self, host: str) -> str | None:
        return self.reserved.get("." + host.rpartition(".")[2])
