"""Fixtures of the web tests: a server that misbehaves as told, and clients that are closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from entitynet_assets.web import Web
from tests.fakes.web_server import FaultyServer, faulty_server

CONTACT = "operator@example.org"


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running


@pytest.fixture
def client() -> Iterator[Callable[..., Web]]:
    opened: list[Web] = []

    def make(**settings: Any) -> Web:
        opened.append(Web(CONTACT, **{"timeout_s": 5.0, "tries": 2, **settings}))
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
    return client(resolve={".test": server.address})
