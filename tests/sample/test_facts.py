"""The facts: their shape, and each id, name and edge looked up in the tables of real Wikidata data where they lie."""

import bz2
import csv
import gzip
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.sample.facts import Item, load_facts
from entitynet_assets.sample.look import COLOURS, MATERIALS, PARTS, read_look

FACTS = load_facts()
ITEMS = FACTS.items
OWN = {"sample", "looked-up"}
PROPERTIES = {
    *("P31", "P279", "P171", "P462", "P186", "P527"),
    *("P18", "P373", "P225", "P1843", "P2043", "P2048", "P2049"),
}
COMPLETE = {
    "wd-2014": "04-jsondumpdata-2014-2015",
    "wd-2020": "05-openrefine-wikibase-2020",
    "wd-taxa": "09-nomer-taxa",
}


@dataclass
class Tables:
    """What one source says of our items: names and descriptions, edges as (id, property, value), sitelink counts."""

    names: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    texts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    edges: set[tuple[str, str, str]] = field(default_factory=set)
    sitelinks: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    ids: set[str] = field(default_factory=set)


def data_folder() -> Path:
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("ENTITYNET_DATA", root.parent / "shared" / "data"))
    if not (folder / "wikidata" / "01-kgtk-arnold-2021").is_dir():
        pytest.skip(f"no Wikidata tables at {folder}: set ENTITYNET_DATA to the data folder")
    return folder


def open_text(path: Path) -> str:
    opener = {".gz": gzip.open, ".bz2": bz2.open}.get(path.suffix, open)
    with opener(path, "rt", encoding="utf-8") as file:
        return file.read()


def kgtk_rows(path: Path) -> Iterator[dict[str, str]]:
    header, *lines = open_text(path).splitlines()
    for line in lines:
        row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
        if row["node1"] in ITEMS:
            yield row


def kgtk_text(value: str) -> str:
    return re.sub(r"^['\"](.*)['\"](@\w+)?$", r"\1", value).replace("\\'", "'").replace('\\"', '"')


def read_2021(folder: Path) -> Tables:
    tables = Tables()
    for name in ("labels", "aliases"):
        for row in kgtk_rows(folder / f"{name}.en.tsv.gz"):
            tables.names[row["node1"]].add(kgtk_text(row["node2"]).casefold())
    for row in kgtk_rows(folder / "descriptions.en.tsv.gz"):
        tables.texts[row["node1"]].add(kgtk_text(row["node2"]))
    for name in ("derived.P279", "derived.P31", "claims.string", "claims.monolingualtext"):
        for row in kgtk_rows(folder / f"{name}.tsv.gz"):
            tables.edges.add((row["node1"], row["label"], kgtk_text(row["node2"])))
    tables.ids = {*tables.names, *(e[0] for e in tables.edges)}
    return tables


def read_2025(folder: Path) -> Tables:
    tables = Tables()
    for path in sorted(folder.glob("*.json*")):
        graph = json.loads(open_text(path))
        tables.ids |= {str(node["id"]) for node in graph["nodes"]}
        tables.edges |= {(edge["target"], "P279", edge["source"]) for edge in graph["links"]}
    return tables


def read_arcs(folder: Path) -> Tables:
    tables = Tables()
    for row in csv.DictReader(open_text(folder / "graph_arcs.csv").splitlines()):
        tables.edges.add((row["child"], "P171", row["parent"]))
        for side in ("child", "parent"):
            tables.names[row[side]].add(row[f"{side}Label"].casefold())
    for row in json.loads(open_text(folder / "synset_mapping.json")):
        tables.names[row.get("wdid", "")].add(row.get("label", "").casefold())
    tables.ids = set(tables.names)
    return tables


def read_parts(folder: Path) -> Tables:
    tables = Tables()
    for path in sorted(folder.glob("*.json.gz")):
        for row in json.loads(open_text(path)):
            tables.names[row["qid"]].add(row["label"].casefold())
            for part in row["part"]:
                tables.names[part["pid"]].add(part["plabel"].casefold())
                tables.edges.add((row["qid"], "P527", part["pid"]))
    tables.ids = set(tables.names)
    return tables


def read_complete(paths: list[Path]) -> Tables:
    tables = Tables()
    for path in paths:
        for entity in entities_in(open_text(path)):
            add_entity(tables, entity)
    return tables


def entities_in(text: str) -> Iterator[dict[str, Any]]:
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    try:
        found = [json.loads(text)]
    except ValueError:
        found = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
    while found:
        value = found.pop()
        if isinstance(value, dict) and "claims" in value and value.get("id") in ITEMS:
            yield value
        elif isinstance(value, dict | list):
            found.extend(value.values() if isinstance(value, dict) else value)


def add_entity(tables: Tables, entity: dict[str, Any]) -> None:
    qid = entity["id"]
    tables.ids.add(qid)
    for kind in ("labels", "aliases"):
        texts = (entity.get(kind) or {}).get("en") or []
        tables.names[qid] |= {t["value"].casefold() for t in (texts if isinstance(texts, list) else [texts])}
    tables.sitelinks[qid].add(len(entity.get("sitelinks") or ()))
    claims = entity["claims"] or {}
    for pid, claim in ((pid, claim) for pid, group in claims.items() for claim in group):
        value = claim["mainsnak"].get("datavalue", {}).get("value")
        if isinstance(value, dict):
            value = value.get("text") or value.get("id") or f"Q{value.get('numeric-id')}"
        tables.edges.add((qid, pid, str(value)))


@pytest.fixture(scope="module")
def tables() -> dict[str, Tables]:
    folder = data_folder()
    wikidata = folder / "wikidata"
    found = {
        "wd-2021": read_2021(wikidata / "01-kgtk-arnold-2021"),
        "wd-2025": read_2025(wikidata / "03-humemai-p279-2025"),
        "slice": read_complete([folder / "real" / "graph.json.gz"]),
        "imagenet-map": read_arcs(folder / "imagenet_wikidata_map" / "Data" / "KaggleChallenge"),
        "partonomy-2024": read_parts(wikidata / "22-wikids-partonomy-2024"),
    }
    for key, name in COMPLETE.items():
        paths = [p for p in sorted((wikidata / name).rglob("*json*")) if p.is_file() and "empty" not in p.name]
        found[key] = read_complete(paths)
    return found


def names_of(item: Item) -> Iterator[tuple[str, str]]:
    yield item.label.text, item.label.source
    yield from ((alias.text, alias.source) for alias in item.aliases)


def test_every_id_is_in_a_table(tables: dict[str, Tables]) -> None:
    known = set().union(*(t.ids for t in tables.values()), *({e[2] for e in t.edges} for t in tables.values()))
    unknown = {q for q, item in ITEMS.items() if q not in known and item.label.source != "looked-up"}
    assert unknown == set()


def test_every_name_is_in_the_table_it_names(tables: dict[str, Tables]) -> None:
    named = [(q, text, source) for q, item in ITEMS.items() for text, source in names_of(item) if source not in OWN]
    assert len(named) > 150
    assert [n for n in named if n[1].casefold() not in tables[n[2]].names[n[0]]] == []


def test_no_label_contradicts_the_tables(tables: dict[str, Tables]) -> None:
    for qid, item in ITEMS.items():
        everywhere = set().union(*(t.names.get(qid, set()) for t in tables.values()))
        assert not everywhere or item.label.text.casefold() in everywhere, qid


def test_every_statement_is_in_the_table_it_names(tables: dict[str, Tables]) -> None:
    stated = [(q, s) for q, item in ITEMS.items() for s in item.statements if s.source not in OWN]
    assert len(stated) > 130
    assert [(q, s) for q, s in stated if (q, s.property, s.value) not in tables[s.source].edges] == []


def test_descriptions_and_sitelinks_are_as_published(tables: dict[str, Tables]) -> None:
    for qid, item in ITEMS.items():
        if item.description and item.description.source not in OWN:
            assert item.description.text in tables[item.description.source].texts[qid], qid
        if item.sitelinks_source not in OWN:
            assert item.sitelinks in tables[item.sitelinks_source].sitelinks[qid], qid


def test_ids_and_properties_are_well_formed() -> None:
    assert all(re.fullmatch(r"Q[1-9]\d*", qid) for qid in ITEMS)
    assert {s.property for item in ITEMS.values() for s in item.statements} <= PROPERTIES
    assert {item.kind for item in ITEMS.values()} == {"entity", "class", "value"}


def test_every_item_value_is_an_item_of_the_sample() -> None:
    values = {s.value for item in ITEMS.values() for s in item.statements if isinstance(s.value, str)}
    units = {s.unit for item in ITEMS.values() for s in item.statements if s.unit}
    assert {v for v in values if re.fullmatch(r"Q[1-9]\d*", v)} | units <= set(ITEMS)


def test_every_source_is_explained_and_used() -> None:
    used = {s.source for item in ITEMS.values() for s in item.statements}
    used |= {source for item in ITEMS.values() for _, source in names_of(item)}
    used |= {i.description.source for i in ITEMS.values() if i.description}
    used |= {i.sitelinks_source for i in ITEMS.values()}
    assert used == set(FACTS.sources)


def test_there_is_no_duplicate() -> None:
    for qid, item in ITEMS.items():
        statements = [(s.property, s.value) for s in item.statements]
        assert len(statements) == len(set(statements)), qid
        names = [text for text, _ in names_of(item)]
        assert len(names) == len(set(names)), qid
    labels = [ITEMS[q].label.text for q in FACTS.order]
    assert len(labels) == len(set(labels)) == len(set(FACTS.order))


def test_every_entity_reaches_a_root_and_is_no_class() -> None:
    reached = {q: set(FACTS.ancestors(q)) & set(FACTS.roots) for q in FACTS.order}
    assert all(reached.values())
    assert not {parent for item in ITEMS.values() for parent in item.parents()} & set(FACTS.order)
    assert len({next(a for a in FACTS.ancestors(q) if a in FACTS.roots) for q in FACTS.order}) >= 8


def test_every_entity_has_a_look_from_its_statements() -> None:
    assert len(FACTS.order) >= 24
    assert len(FACTS.roots) == 21
    looks = {q: read_look(ITEMS, q) for q in FACTS.order}
    assert all(look.colours for look in looks.values())
    assert len({(x.body_plan, x.colours, x.parts, x.elongation) for x in looks.values()}) == len(looks)


def test_the_tables_of_looks_name_items_of_the_sample() -> None:
    assert set(COLOURS) <= set(ITEMS)
    assert set(MATERIALS) <= set(ITEMS)
    assert {q for q in PARTS if q not in ITEMS} == set()
