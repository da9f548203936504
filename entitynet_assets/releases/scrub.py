"""An answer page without what it says of some pictures.

Belongs here: a pure function of a page's text. Does not belong here: which pages (purge.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from entitynet_assets.text import hash_id, normal_url

Parse = Callable[[str], Sequence[Any]]  # of a provider: hits, each with its image_url


def scrubbed(body: str, parse: Parse, gone: Collection[str]) -> str | None:
    """Return a page in which no picture of `gone` (ids of addresses) is found any more, and every other one still is.

    All texts of the largest part that names such a picture and no other are emptied; numbers and the page's shape stay.
    None if that cannot be done: the page is no JSON, or its provider could not read what is left.
    """
    try:
        hits = {hit.image_url: _url_id(hit.image_url) in gone for hit in parse(body)}
        bad, good = (
            {url for url, is_gone in hits.items() if is_gone},
            {url for url, is_gone in hits.items() if not is_gone},
        )
        left = json.dumps(_without(json.loads(body), bad, good), ensure_ascii=False)
        found = {hit.image_url for hit in parse(left)}
    except ValueError:
        return None
    return left if good <= found and not found & bad and not any(url in left for url in bad) else None


def _url_id(url: str) -> str | None:
    try:
        return hash_id(normal_url(url))
    except ValueError:
        return None


def _without(node: Any, bad: Collection[str], good: Collection[str], within: bool = False) -> Any:
    """Return a part of a page, emptied if it names a bad picture and no good one; `within` is false for the page itself."""
    texts = list(_texts(node))
    if not any(url in text for text in texts for url in bad):
        return node
    if isinstance(node, str) or (within and not any(url in text for text in texts for url in good)):
        return _emptied(node)
    if isinstance(node, dict):
        return {name: _without(value, bad, good, True) for name, value in node.items()}
    return [_without(value, bad, good, True) for value in node]


def _emptied(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _emptied(value) for name, value in node.items()}
    if isinstance(node, list):
        return [_emptied(value) for value in node]
    return "" if isinstance(node, str) else node


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for below in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _texts(below)
