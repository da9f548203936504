"""The genuine items as a SPARQL endpoint and item API on the loopback, evaluated by a store, and as the dump they come from.

Belongs here: genuine items turned to triples and served. Does not belong here: tests.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyoxigraph as ox

from entitynet_assets.sample.wikidata import RDFS, SKOS, WD, WDT, run_query
from tests.fakes.web_server import Call, FaultyServer, faulty_server

LANGUAGES = ("en", "mul", "de")
Items = Mapping[str, Mapping[str, Any]]


def read_items(dump: Path) -> dict[str, dict[str, Any]]:
    return {item["id"]: item for item in json.loads(gzip.decompress(dump.read_bytes()))}


def store_of(items: Items) -> ox.Store:
    """Return the items' names and best statements as the query service has them."""
    store = ox.Store()
    store.extend(ox.Quad(*triple) for qid, item in items.items() for triple in triples(ox.NamedNode(WD + qid), item))
    return store


def triples(node: ox.NamedNode, item: Mapping[str, Any]) -> Iterator[tuple[Any, Any, Any]]:
    for label in (item["labels"][language] for language in LANGUAGES if language in item["labels"]):
        yield node, ox.NamedNode(f"{RDFS}label"), ox.Literal(label["value"], language=label["language"])
    for alias in (alias for language in LANGUAGES for alias in item["aliases"].get(language, [])):
        yield node, ox.NamedNode(f"{SKOS}altLabel"), ox.Literal(alias["value"], language=alias["language"])
    for pid, statements in item["claims"].items():
        preferred = [one for one in statements if one["rank"] == "preferred"]
        for one in preferred or [one for one in statements if one["rank"] == "normal"]:
            if (value := term(one["mainsnak"])) is not None:
                yield node, ox.NamedNode(WDT + pid), value


def term(snak: Mapping[str, Any]) -> Any:
    value = snak.get("datavalue", {}).get("value")
    if isinstance(value, str):
        return ox.Literal(value)
    if isinstance(value, dict) and "id" in value:
        return ox.NamedNode(WD + value["id"])
    if isinstance(value, dict) and "text" in value:
        return ox.Literal(value["text"], language=value["language"])
    return None


@contextmanager
def served(items: Items) -> Iterator[FaultyServer]:
    """Serve /sparql and /w/api.php of these items."""
    store = store_of(items)

    def sparql(call: Call) -> None:
        call.answer(200, run_query(store, parse_qs(call.body.decode())["query"][0]))

    def api(call: Call) -> None:
        asked = parse_qs(urlsplit(call.path).query)["ids"][0].split("|")
        found = {qid: items.get(qid, {"id": qid, "missing": ""}) for qid in asked}
        call.answer(200, json.dumps({"entities": found, "success": 1}).encode())

    with faulty_server() as server:
        server.on("/sparql", sparql)
        server.on("/w/api.php", api)
        yield server
