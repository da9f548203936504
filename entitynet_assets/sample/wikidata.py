"""The sample's items in Wikidata's own shapes: RDF as its query service has it, JSON as its API has it.

What it is: triples for a store, SPARQL answers, entity JSON.
What belongs here: those shapes and their errors as values. What does not: facts (facts.py), HTTP (server.py).
"""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pyoxigraph as ox

from entitynet_assets.sample.facts import Item, Statement
from entitynet_assets.sample.world import World

WD = "http://www.wikidata.org/entity/"
WDT = "http://www.wikidata.org/prop/direct/"
SCHEMA = "http://schema.org/"
WIKIBASE = "http://wikiba.se/ontology#"
XSD = "http://www.w3.org/2001/XMLSchema#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
PREFIXES = {"wd": WD, "wdt": WDT, "schema": SCHEMA, "wikibase": WIKIBASE, "xsd": XSD, "rdfs": RDFS, "skos": SKOS}
MODIFIED = "2026-03-02T09:00:00Z"
REVISED = "2026-06-15T10:30:00Z"
DATATYPES = {"P18": "commonsMedia", "P1843": "monolingualtext"}
IDS_MAX = 50
FORBIDDEN = re.compile(r"\bSERVICE\b", re.IGNORECASE)
CONTENT_PROPS = ("labels", "descriptions", "aliases", "claims", "sitelinks")


class QueryError(ValueError):
    """A query that does not parse or that the service does not take; the text goes to the client."""


def build_store(world: World) -> ox.Store:
    """Load a world's items into a store."""
    store = ox.Store()
    store.bulk_extend(ox.Quad(*triple) for item in world.items.values() for triple in item_triples(world, item))
    done = ox.Literal(REVISED if world.revised else MODIFIED, datatype=ox.NamedNode(f"{XSD}dateTime"))
    dump = ox.NamedNode(f"{WIKIBASE}Dump")
    store.add(ox.Quad(dump, ox.NamedNode(f"{WIKIBASE}updatesCompleteUntil"), done))
    store.add(ox.Quad(ox.NamedNode("http://www.wikidata.org"), ox.NamedNode(f"{SCHEMA}dateModified"), done))
    return store


def item_triples(world: World, item: Item) -> Iterator[tuple[Any, Any, Any]]:
    """Yield an item's triples in the layout of the query service: truthy statements, names, counts, versions."""
    node = ox.NamedNode(WD + item.qid)
    yield node, ox.NamedNode(f"{RDFS}label"), ox.Literal(item.label.text, language="en")
    for alias in item.aliases:
        yield node, ox.NamedNode(f"{SKOS}altLabel"), ox.Literal(alias.text, language="en")
    if item.description:
        yield node, ox.NamedNode(f"{SCHEMA}description"), ox.Literal(item.description.text, language="en")
    yield node, ox.NamedNode(f"{WIKIBASE}sitelinks"), ox.Literal(item.sitelinks)
    yield node, ox.NamedNode(f"{WIKIBASE}statements"), ox.Literal(len(item.statements))
    yield node, ox.NamedNode(f"{SCHEMA}version"), ox.Literal(revision(world, item.qid))
    modified = ox.Literal(modified_at(world, item.qid), datatype=ox.NamedNode(f"{XSD}dateTime"))
    yield node, ox.NamedNode(f"{SCHEMA}dateModified"), modified
    yield from article_triples(item, node)
    for statement in item.statements:
        yield node, ox.NamedNode(WDT + statement.property), value_node(statement)


def article_triples(item: Item, node: ox.NamedNode) -> Iterator[tuple[Any, Any, Any]]:
    """Yield what the service says of an item's English article."""
    if item.sitelinks:
        title = item.label.text[:1].upper() + item.label.text[1:]
        article = ox.NamedNode("https://en.wikipedia.org/wiki/" + quote(title.replace(" ", "_")))
        yield article, ox.NamedNode(f"{SCHEMA}about"), node
        yield article, ox.NamedNode(f"{SCHEMA}isPartOf"), ox.NamedNode("https://en.wikipedia.org/")
        yield article, ox.NamedNode(f"{SCHEMA}name"), ox.Literal(title, language="en")


def value_node(statement: Statement) -> Any:
    """Return the RDF term of a statement's value."""
    value = statement.value
    if not isinstance(value, str):
        return ox.Literal(f"{value:+g}", datatype=ox.NamedNode(f"{XSD}decimal"))
    if is_item(value):
        return ox.NamedNode(WD + value)
    if statement.property == "P18":
        return ox.NamedNode("http://commons.wikimedia.org/wiki/Special:FilePath/" + quote(value))
    return ox.Literal(value, language="en") if statement.property == "P1843" else ox.Literal(value)


def is_item(value: str) -> bool:
    """Say whether a value is an item id."""
    return re.fullmatch(r"Q[1-9]\d*", value) is not None


def revision(world: World, qid: str) -> int:
    """Return the id of an item's last revision; it grows with each change."""
    return 2_100_000_000 + int(qid[1:]) % 1_000_000 + 10_000_000 * world.revised.count(qid)


def modified_at(world: World, qid: str) -> str:
    """Return when an item changed last."""
    return REVISED if qid in world.revised else MODIFIED


def run_query(store: ox.Store, query: str) -> bytes:
    """Evaluate a SELECT or ASK query; returns SPARQL results JSON.

    Raises:
        QueryError: the query does not parse, calls another service, or asks for triples.
    """
    if FORBIDDEN.search(query):
        raise QueryError("SERVICE is not supported here")
    try:
        found = store.query(query, prefixes=PREFIXES)
    except (SyntaxError, ValueError) as error:
        raise QueryError(f"Malformed query: {error}") from error
    if isinstance(found, ox.QueryTriples):
        raise QueryError("Only SELECT and ASK are supported here")
    return found.serialize(format=ox.QueryResultsFormat.JSON) or b""


def get_entities(world: World, ids: list[str], props: set[str], languages: set[str]) -> dict[str, Any]:
    """Answer wbgetentities; errors are values, as the API sends them with status 200."""
    if len(ids) > IDS_MAX:
        limits = {"limit": IDS_MAX, "lowlimit": IDS_MAX, "highlimit": 500}
        info = f'Too many values supplied for parameter "ids". The limit is {IDS_MAX}.'
        return {"error": {"code": "toomanyvalues", "info": info, **limits}}
    if malformed := [q for q in ids if not is_item(q)]:
        return {"error": {"code": "no-such-entity", "info": f'Could not find an entity with the ID "{malformed[0]}".'}}
    if not ids:
        return {"error": {"code": "param-missing", "info": 'The parameter "ids" must be set.'}}
    entities = {q: entity_json(world, q, props, languages) for q in dict.fromkeys(ids)}
    return {"entities": entities, "success": 1}


def entity_json(world: World, qid: str, props: set[str], languages: set[str]) -> dict[str, Any]:
    """Return one entity with the wanted parts, or a mark that it is missing."""
    if qid not in world.items:
        return {"id": qid, "missing": ""}
    item = world.items[qid]
    entity: dict[str, Any] = {"type": "item", "id": qid}
    if not props or "info" in props:
        entity |= {"pageid": int(qid[1:]) + 100, "ns": 0, "title": qid}
        entity |= {"lastrevid": revision(world, qid), "modified": modified_at(world, qid)}
    parts = item_parts(item, "en" in languages or not languages)
    return entity | {name: parts[name] for name in CONTENT_PROPS if not props or name in props}


def item_parts(item: Item, english: bool) -> dict[str, Any]:
    """Return names, claims and sitelinks of an item; names only where English is wanted."""
    return {
        "labels": {"en": in_english(item.label.text)} if english else {},
        "descriptions": {"en": in_english(item.description.text)} if english and item.description else {},
        "aliases": {"en": [in_english(a.text) for a in item.aliases]} if english and item.aliases else {},
        "claims": claims(item),
        "sitelinks": sitelinks(item),
    }


def in_english(text: str) -> dict[str, str]:
    """Return a text with its language."""
    return {"language": "en", "value": text}


def sitelinks(item: Item) -> dict[str, Any]:
    """Return the English article and as many numbered wikis as the count says; only their number means something."""
    title = item.label.text.capitalize()
    sites = ["enwiki", *(f"x{n:03d}wiki" for n in range(1, item.sitelinks))][: item.sitelinks]
    return {site: {"site": site, "title": title, "badges": []} for site in sites}


def claims(item: Item) -> dict[str, list[dict[str, Any]]]:
    """Return an item's statements by property."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for number, statement in enumerate(item.statements):
        claim = {
            "mainsnak": snak(statement),
            "type": "statement",
            "id": f"{item.qid}$00000000-0000-4000-8000-{number:012d}",
            "rank": "normal",
        }
        grouped.setdefault(statement.property, []).append(claim)
    return grouped


def snak(statement: Statement) -> dict[str, Any]:
    """Return the main snak of a statement."""
    datatype, value_type, value = typed_value(statement)
    return {
        "snaktype": "value",
        "property": statement.property,
        "datavalue": {"value": value, "type": value_type},
        "datatype": datatype,
    }


def typed_value(statement: Statement) -> tuple[str, str, Any]:
    """Return data type, value type and value as the API writes them."""
    value = statement.value
    if not isinstance(value, str):
        return "quantity", "quantity", {"amount": f"{value:+g}", "unit": f"{WD}{statement.unit}"}
    if is_item(value):
        return "wikibase-item", "wikibase-entityid", {"entity-type": "item", "numeric-id": int(value[1:]), "id": value}
    if statement.property == "P1843":
        return "monolingualtext", "monolingualtext", {"text": value, "language": "en"}
    return DATATYPES.get(statement.property, "string"), "string", value
