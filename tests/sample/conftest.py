"""A running sample world for the tests of this folder, and a way to ask its hosts."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import World, make_world

Ask = Callable[..., httpx.Response]
AGENT = "sample-tests/1.0 (tests@example.org)"


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def server(world: World) -> Iterator[SampleServer]:
    with serve(world) as running:
        yield running


@pytest.fixture(scope="session")
def asker() -> Iterator[Callable[[SampleServer], Ask]]:
    with httpx.Client(headers={"User-Agent": AGENT}, trust_env=False) as client:

        def to(running: SampleServer) -> Ask:
            def ask(url: str, method: str = "GET", headers: dict | None = None, **rest: object) -> httpx.Response:
                parts = httpx.URL(url)
                local = parts.copy_with(host="127.0.0.1", port=running.port)
                return client.request(method, local, headers={"Host": parts.host, **(headers or {})}, **rest)

            return ask

        yield to


@pytest.fixture(scope="session")
def ask(server: SampleServer, asker: Callable[[SampleServer], Ask]) -> Ask:
    return asker(server)
