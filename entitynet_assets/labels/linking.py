"""Which entities a text names: longest known name first, whole words only.

Belongs here: matching of names in texts. Does not belong here: evidence from searches (that is a join).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = re.compile(r"\w+(?:['’]\w+)?", re.UNICODE)
Names = Mapping[tuple[str, ...], frozenset[str]]


def words_of(text: str) -> tuple[str, ...]:
    """Return the lower-case words of a text."""
    return tuple(word.casefold().replace("’", "'") for word in _WORD.findall(text))


def names_of(rows: Iterable[Mapping[str, Any]]) -> Names:
    """Return {words of a name: entities so called} from rows with `qid` and `text`."""
    names: dict[tuple[str, ...], set[str]] = {}
    for row in rows:
        key = words_of(row["text"])
        if key:
            names.setdefault(key, set()).add(row["qid"])
    return {key: frozenset(qids) for key, qids in names.items()}


def named_entities(text: str, names: Names, longest: int) -> set[str]:
    """Return the entities that a text names; where names overlap the longer one is meant. `longest` is in words.

    A possessive names its owner ("the eagle's nest"), unless the name itself has one ("St John's wort").
    """
    words, found, start = words_of(text), set[str](), 0
    while start < len(words):
        step = 1
        for length in range(min(longest, len(words) - start), 0, -1):
            key = words[start : start + length]
            qids = names.get(key) or names.get((*key[:-1], key[-1].removesuffix("'s")))
            if qids:
                found |= qids
                step = length
                break
        start += step
    return found
