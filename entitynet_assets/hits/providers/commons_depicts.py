"""Wikimedia Commons by what a file is said to depict (P180), for many entities in one question to a SPARQL endpoint.

It costs the Action API nothing. Every entity has a sub-SELECT of its own with its own LIMIT, because plain SPARQL 1.1 cannot
keep one class with fifty thousand files from filling the answer. The structured data names files, not thumbnails: the
address of a thumbnail of 500 pixels is made of the file's address where the file is a JPEG or PNG that is wider; else the file
itself is the hit. Rate limit: none is stated; the endpoint is a university's, so one question at a time a second.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from entitynet_assets.hits.provider import (
    Batched,
    Hit,
    Search,
    expecting,
    json_object,
    listed,
    stated_number,
    stated_text,
)
from entitynet_assets.web import Limit, Request

ADDRESS = "https://qlever.dev/api/wikimedia-commons"
WIDTH_PX = 500
ENTITY = "http://www.wikidata.org/entity/"
UPLOAD = "https://upload.wikimedia.org/wikipedia/commons/"
PREFIXES = (
    "PREFIX wd: <http://www.wikidata.org/entity/> PREFIX wdt: <http://www.wikidata.org/prop/direct/> "
    "PREFIX schema: <http://schema.org/> "
)
NAMES = {
    "Q6938433": "CC0-1.0", "Q20007257": "CC-BY-4.0", "Q18199165": "CC-BY-SA-4.0", "Q14947546": "CC-BY-3.0", "Q14946043": "CC-BY-SA-3.0",
    "Q19125117": "CC-BY-2.0", "Q19068220": "CC-BY-SA-2.0", "Q18810333": "CC-BY-2.5", "Q19113751": "CC-BY-SA-2.5",
}  # fmt: skip


class Depicts(Batched):
    """A question to a SPARQL endpoint."""

    LIMITS = (Limit(60, 60.0),)
    QUOTA = "commons_depicts"
    TERMS = "free licences, stated for each file; the endpoint is offered by its makers without promise"
    BATCH = 50
    ROWS = ("results", "bindings")

    def batch_request(self, searches: Sequence[Search], most: int) -> Request:
        """Return the request for at most `most` files of each entity; 0 asks for their counts by licence."""
        if not most:
            items = " ".join(f"wd:{search.qid}" for search in searches)
            query = (
                f"SELECT ?item ?licence (COUNT(DISTINCT ?file) AS ?files) WHERE {{ VALUES ?item {{ {items} }} ?file wdt:P180 ?item . "
                "OPTIONAL { ?file wdt:P275 ?licence } } GROUP BY ?item ?licence"
            )
        else:
            parts = " UNION ".join(
                f"{{ SELECT (wd:{search.qid} AS ?item) ?file WHERE {{ ?file wdt:P180 wd:{search.qid} }} ORDER BY ?file LIMIT {most} }}"
                for search in searches
            )
            query = (
                "SELECT ?item ?file (SAMPLE(?address) AS ?url) (SAMPLE(?type) AS ?mime) (SAMPLE(?across) AS ?width) "
                "(SAMPLE(?up) AS ?height) (SAMPLE(?terms) AS ?licence) (SAMPLE(?name) AS ?author) "
                f"WHERE {{ {{ {parts} }} ?file schema:contentUrl ?address . OPTIONAL {{ ?file schema:encodingFormat ?type }} "
                "OPTIONAL { ?file schema:width ?across } OPTIONAL { ?file schema:height ?up } OPTIONAL { ?file wdt:P275 ?terms } "
                "OPTIONAL { ?file wdt:P2093 ?name } } GROUP BY ?item ?file ORDER BY ?item ?file"
            )
        return Request(ADDRESS, form={"query": PREFIXES + query}, headers={"Accept": "application/sparql-results+json"})

    def split(self, body: str, searches: Sequence[Search]) -> list[str]:
        """Return the bindings of each entity as a body of their own, in the order of the entities. Raises BadPageError."""
        answer = json_object(body)
        with expecting("SPARQL results with bindings"):
            parts: dict[str, list[Any]] = {search.qid: [] for search in searches}
            for row in listed(answer["results"]["bindings"]):
                parts[row["item"]["value"].removeprefix(ENTITY)].append(row)
            return [json.dumps({"results": {"bindings": parts[search.qid]}}, ensure_ascii=False) for search in searches]

    def totals(self, body: str) -> Mapping[str, int]:
        """Return the files of one entity's part by licence; those without one are `unknown`. Raises BadPageError."""
        answer, found = json_object(body), dict[str, int]()
        with expecting("bindings with files"):
            for row in listed(answer["results"]["bindings"]):
                name = _licence(row) or "unknown"
                found[name] = found.get(name, 0) + int(row["files"]["value"])
        return found

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a file with the address of its thumbnail."""
        said = {name: stated_text(part.get("value")) for name, part in row.items()}
        address, width, height = said["url"] or "", stated_number(said.get("width")), stated_number(said.get("height"))
        shown = thumbnail(address, said.get("mime"), width)
        if shown != address and width and height:
            width, height = WIDTH_PX, round(height * WIDTH_PX / width)
        file = address.rsplit("/", 1)[-1]
        return Hit(
            rank, shown, f"https://commons.wikimedia.org/wiki/File:{file}", title=unquote(file).rsplit(".", 1)[0].replace("_", " "),
            licence=_licence(row), author=said.get("author"), width_px=width, height_px=height,
        )  # fmt: skip


def thumbnail(address: str, mime: str | None, width_px: int | None) -> str:
    """Return the address of a file's thumbnail of 500 pixels where the servers make one, else the file's own."""
    place = address.replace("http://commons.wikimedia.org/", "https://commons.wikimedia.org/")
    if not place.startswith(UPLOAD) or mime not in ("image/jpeg", "image/png") or not width_px or width_px <= WIDTH_PX:
        return place
    path = place.removeprefix(UPLOAD)
    return f"{UPLOAD}thumb/{path}/{WIDTH_PX}px-{path.rsplit('/', 1)[-1]}"


def _licence(row: Mapping[str, Any]) -> str | None:
    item = row.get("licence", {}).get("value", "").removeprefix(ENTITY)
    return NAMES.get(item, item or None)


PROVIDER = Depicts()
