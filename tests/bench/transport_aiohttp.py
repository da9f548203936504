"""The peer's side of the transport benchmark: aiohttp alone, and under httpx by httpx-aiohttp. Runs in .bench/aiohttp/."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp
import httpx
import httpx_aiohttp

from tests.bench.under_way import Figures, in_tasks


def session() -> aiohttp.ClientSession:
    """Return a session that keeps no cookies and unpacks nothing."""
    connector = aiohttp.TCPConnector(limit=0)
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)


async def alone(urls: list[str], at_once: int, count: int) -> Figures:
    """Ask by aiohttp."""
    async with session() as opened:

        async def send(number: int) -> None:
            async with opened.get(urls[number % len(urls)], allow_redirects=False) as answer:
                await answer.read()

        return await in_tasks(at_once, count, send)


async def under_httpx(urls: list[str], at_once: int, count: int) -> Figures:
    """Ask by httpx over aiohttp."""
    transport = httpx_aiohttp.AiohttpTransport(client=session())

    async def send(number: int) -> None:
        answer = await transport.handle_async_request(httpx.Request("GET", urls[number % len(urls)]))
        await answer.aread()
        await answer.aclose()

    try:
        return await in_tasks(at_once, count, send)
    finally:
        await transport.aclose()


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    found = {
        "aiohttp": asyncio.run(alone(**wanted)),
        "httpx over aiohttp": asyncio.run(under_httpx(**wanted)),
    }
    print(json.dumps(found))
