"""The sample's image search: words against words.

What it is: an inverted index over the planned pictures and `answer(index, query, ...)`, ranked by shared tokens.
What belongs here: tokens, scores, the answer's JSON. What does not: the words (captions.py), HTTP (sites.py).

The index holds numbers and no pictures: for each token the rows that have it with the weights of their fields. The rows of a
result page are planned anew.
"""

import re
from array import array
from functools import lru_cache
from typing import Any

import numpy as np

from entitynet_assets.sample.captions import Words
from entitynet_assets.sample.plan import Picture, plan_entity
from entitynet_assets.sample.world import World

# A keyword says what the engine thinks the picture is; a title and an alt text are what people wrote.
KEYWORD, TITLE, ALT = 3, 2, 1
PER_PAGE_MAX = 100


class SearchIndex:
    """For each token the rows that have it; a row is a number in the order of the plan."""

    def __init__(self, world: World) -> None:
        self.settings = world.settings
        self.first = array("q", [0])  # the first row of each entity, and the end
        self.order = array("I")  # ties are broken by the picture's id, which begins with this number
        self.postings: dict[str, tuple[array[int], array[int]]] = {}
        for index in range(len(world.entities)):
            for picture in plan_entity(world.settings, index):
                self.add(picture)
            self.first.append(len(self.order))

    def add(self, picture: Picture) -> None:
        """Index one picture."""
        row = len(self.order)
        self.order.append(int(picture.id[:8], 16))
        for token, weight in token_weights(picture.words).items():
            found = self.postings.get(token)
            if found is None:
                found = self.postings[token] = (array("I"), array("B"))
            found[0].append(row)
            found[1].append(weight)

    def rank(self, query: str) -> np.ndarray:
        """Return the rows that share a token with the query, best first.

        The score is the sum over shared tokens of field weight times rarity, times the squared share of the query that is met.
        """
        wanted = sorted(set(tokens(query)))
        score_R, met_R = np.zeros(len(self.order)), np.zeros(len(self.order), np.int16)
        for token in wanted:
            if token in self.postings:
                rows, weights = (np.array(part) for part in self.postings[token])
                score_R[rows] += weights / len(rows) ** 0.5
                met_R[rows] += 1
        rows = np.flatnonzero(met_R)
        score = score_R[rows] * (met_R[rows] / max(1, len(wanted))) ** 2
        return rows[np.lexsort((np.frombuffer(self.order, np.uint32)[rows] if len(rows) else rows, -score))]

    def pictures(self, rows: np.ndarray) -> list[Picture]:
        """Return the pictures of some rows."""
        owners = np.searchsorted(np.frombuffer(self.first, np.int64), rows, "right") - 1
        return [self.entity(int(owner))[int(row) - self.first[owner]] for row, owner in zip(rows, owners, strict=True)]

    def entity(self, index: int) -> list[Picture]:
        """Return the pictures of the entity of this number."""
        return planned(self.settings, index)


planned = lru_cache(maxsize=1024)(plan_entity)


@lru_cache(maxsize=16_384)
def tokens(text: str) -> tuple[str, ...]:
    """Split a text to lower-case words, plain plurals without their s."""
    words = re.findall(r"[^\W_]+", text.lower())
    return tuple(w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in words)


def token_weights(words: Words) -> dict[str, int]:
    """Return for each token of a picture's words the summed weights of the fields that have it."""
    weights = dict.fromkeys(tokens(" ".join(words.keywords)), KEYWORD)
    for text, weight in ((words.title, TITLE), (words.alt, ALT)):
        for token in set(tokens(text)):
            weights[token] = weights.get(token, 0) + weight
    return weights


def answer(index: SearchIndex, query: str, page: int, per_page: int) -> dict[str, Any]:
    """Return one page of results as JSON values; `per_page` 0 asks for the count alone.

    Raises:
        ValueError: the page or its size is out of range.
    """
    if page < 1 or not 0 <= per_page <= PER_PAGE_MAX:
        raise ValueError(f"page must be 1 or more and per_page 0 to {PER_PAGE_MAX}, found {page} and {per_page}")
    ranked = index.rank(query)
    first = (page - 1) * per_page
    found = index.pictures(ranked[first : first + per_page])
    results = [result(row, first + i) for i, row in enumerate(found, 1)]
    return {"query": query, "total": len(ranked), "page": page, "per_page": per_page, "results": results}


def result(row: Picture, rank: int) -> dict[str, Any]:
    """Return one hit; sizes are what the page claims, also where the file is broken."""
    return {
        "rank": rank,
        "image_url": row.url,
        "page_url": row.page_url,
        "alt": row.words.alt,
        "title": row.words.title,
        "width": row.width_px,
        "height": row.height_px,
        "licence": row.words.licence,
        "licence_url": row.words.licence_url,
        "author": row.words.author,
    }
