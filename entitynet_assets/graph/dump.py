"""A Wikidata JSON dump: an array or one item a line, plain, .gz or .bz2.

Belongs here: reading items off a file. Does not belong here: what is kept of an item (items.py).
"""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPENERS = {".gz": gzip.open, ".bz2": bz2.open}


def read_dump(path: Path) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield (id or line number, item) for every line; a line that is no item gives None, so that it can be counted.

    Raises FileNotFoundError with the remedy if the dump is absent.
    """
    if not path.is_file():
        raise FileNotFoundError(f"graph.dump: no file {path}; set graph.dump in the study or ENTITYNET_ENDPOINT_DUMP")
    opener = _OPENERS.get(path.suffix, open)
    with opener(path, "rb") as lines:
        for number, line in enumerate(lines, 1):
            text = line.strip().rstrip(b",")
            if text in (b"", b"[", b"]"):
                continue
            yield _item(number, text)


def _item(number: int, text: bytes) -> tuple[str, dict[str, Any] | None]:
    try:
        item = json.loads(text)
        if isinstance(item["id"], str):
            return item["id"], item
        return f"line {number}", None
    except (ValueError, KeyError, TypeError):
        return f"line {number}", None
