"""Fixtures of the web tests: a server that misbehaves as told, and clients that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entitynet_assets.web import Reach, Web
from tests.fakes.web_server import FaultyServer, faulty_server

CONTACT = "operator@example.org"
THIS_MACHINE = frozenset({"127.0.0.1"})


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Callable[..., Web]]:
    opened: list[Web] = []

    def make(**settings: Any) -> Web:
        """A client that may ask this machine; `reserved` leads names to it, `reach` says all of where it may go."""
        reach = settings.pop("reach", None) or Reach(settings.pop("reserved", {}), private_hosts=THIS_MACHINE)
        opened.append(Web(CONTACT, **{"timeout_s": 5.0, "tries": 2, "reach": reach, **settings}))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


@pytest.fixture
def web(client: Callable[..., Web]) -> Web:
    return client()


@pytest.fixture
def hosts(server: FaultyServer, client: Callable[..., Web]) -> Web:
    """A client for which every .test host is the server."""
    return client(reserved={".test": server.address})
