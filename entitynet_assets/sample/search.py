"""The sample's image search: words against words.

What it is: an index over the planned pictures and `search(query)`, ranked by shared tokens.
What belongs here: tokens, scores, the answer's JSON. What does not: the words (captions.py), HTTP (server.py).
"""

import re
from collections import Counter
from typing import Any

from entitynet_assets.sample.world import Picture, World

# A keyword says what the engine thinks the picture is; a title and an alt text are what people wrote.
WEIGHTS = {"keywords": 3.0, "title": 2.0, "alt": 1.0}
PER_PAGE_MAX = 100


class SearchIndex:
    """Scores every picture of a world for a query."""

    def __init__(self, world: World) -> None:
        self.rows = world.plan()
        self.weights = [token_weights(row) for row in self.rows]
        documents = Counter(token for weights in self.weights for token in weights)
        self.rarity = {token: 1.0 / count**0.5 for token, count in documents.items()}

    def rank(self, query: str) -> list[Picture]:
        """Return the pictures that share a token with the query, best first; ties go by id."""
        wanted = set(tokens(query))
        scored = [(self.score(wanted, weights), row) for weights, row in zip(self.weights, self.rows, strict=True)]
        hits = [(score, row) for score, row in scored if score > 0]
        return [row for _, row in sorted(hits, key=lambda hit: (-hit[0], hit[1].id))]

    def score(self, wanted: set[str], weights: dict[str, float]) -> float:
        """Sum rarity times field weight over shared tokens, times the share of the query that is met."""
        shared = wanted & weights.keys()
        total = sum(weights[token] * self.rarity[token] for token in shared)
        return total * (len(shared) / max(1, len(wanted))) ** 2


def tokens(text: str) -> list[str]:
    """Split a text to lower-case words, plain plurals without their s."""
    words = re.findall(r"[^\W_]+", text.lower())
    return [w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in words]


def token_weights(row: Picture) -> dict[str, float]:
    """Return for each token of a picture's words the summed weights of the fields that have it."""
    texts = {"keywords": " ".join(row.words.keywords), "title": row.words.title, "alt": row.words.alt}
    weights: dict[str, float] = {}
    for name, text in texts.items():
        for token in set(tokens(text)):
            weights[token] = weights.get(token, 0.0) + WEIGHTS[name]
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
    results = [result(row, first + i + 1) for i, row in enumerate(ranked[first : first + per_page])]
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
