"""The studies world and living, and items by name, on genuine items: an endpoint over the loopback and a dump give equal tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import HERE
from tests.fakes.real_items import read_items, served
from tests.fakes.rooms import data_folder
from tests.fakes.web_server import FaultyServer
from tests.river import commands

pytestmark = pytest.mark.slow
EQUAL = (
    "parent_statements", "entity_parents", "entity_roots", "entities", "root_branches", "attributes", "entity_texts",
)  # fmt: skip


@pytest.fixture(scope="module")
def dump() -> Path:
    return data_folder("real", "graph.json.gz")


@pytest.fixture(scope="module")
def endpoint(dump: Path) -> Iterator[FaultyServer]:
    with served(read_items(dump)) as server:
        yield server


def derived(name: str, source: str, dump: Path, folder: Path, **scope: str) -> Path:
    """Write a study that ships with another source and scope; returns its file."""
    text = (HERE / f"{name}.toml").read_text().replace(f'name = "{name}"', f'name = "{name}-{source}"', 1)
    text = (
        re.sub(r"(?ms)^roots = \[$.*?^\]$", "roots = []\nitems = [" + scope.pop("items") + "]", text)
        if "items" in scope
        else text
    )
    for key, value in scope.items():
        text, changes = re.subn(rf"(?m)^{key} = .*$", f"{key} = {value}", text, count=1)
        assert changes, key
    if source == "dump":
        text = text.replace('source = "sparql"', f'source = "dump"\ndump = "{dump}"', 1)
    path = folder / f"{name}-{source}.toml"
    path.write_text(text)
    return path


def run(study: Path, home: Path, server: FaultyServer, until: str) -> Lake:
    places = {"SPARQL": server.url("/sparql"), "API": server.url("/w/api.php")}
    asked = {f"ENTITYNET_ENDPOINT_{name}": url for name, url in places.items()}
    environment = commands.environment(home, ENTITYNET_CONTACT="tester@example.org", **asked)
    done = commands.run(["run", "--study", str(study), "--until", until], environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return Lake(home / study.stem / "lake")


def both(name: str, dump: Path, server: FaultyServer, folder: Path, **scope: str) -> Lake:
    """Run a study from the endpoint and from the dump, hold their tables against each other, return a lake."""
    until = "attributes,entity_texts,root_branches,graph_integrity"
    asked = run(derived(name, "sparql", dump, folder, **scope), folder / "home", server, until)
    calls = len(server.log)
    read = run(derived(name, "dump", dump, folder, **scope), folder / "home", server, until)
    assert len(server.log) == calls, "a dump asks nobody"
    for table in EQUAL:
        assert read.rows(table) == asked.rows(table), table
    assert sorted((row["finding"], row["qid"]) for row in read.rows("graph_integrity")) == sorted(
        (row["finding"], row["qid"]) for row in asked.rows("graph_integrity")
    )
    return asked


def test_the_world_is_the_same_from_an_endpoint_and_from_a_dump(
    dump: Path, endpoint: FaultyServer, tmp_path: Path
) -> None:
    lake = both("world", dump, endpoint, tmp_path, min_sitelinks="0")
    entities = {row["qid"]: row["label"] for row in lake.rows("entities")}
    assert len(entities) > 200
    assert {row["root_qid"] for row in lake.rows("entities")} >= {"Q729", "Q756", "Q34379", "Q42889", "Q2095"}
    assert {row["property_id"] for row in lake.rows("parent_statements")} == {"P279"}
    assert all("tester@example.org" in call.headers["User-Agent"] for call in endpoint.log)


def test_of_the_living_what_has_no_picture_says_so(dump: Path, endpoint: FaultyServer, tmp_path: Path) -> None:
    lake = both("living", dump, endpoint, tmp_path)
    pictured = {qid for qid, item in read_items(dump).items() if "P18" in item["claims"]}
    entities = {row["qid"] for row in lake.rows("entities")}
    assert entities
    assert entities <= pictured
    assert all(row["image_title"] for row in lake.rows("entities"))
    pictureless = {row["qid"] for row in lake.rows("graph_integrity") if row["finding"] == "no_image"}
    assert len(pictureless) > 50
    assert not pictureless & (entities | pictured)
    assert ("not_ok", "Q764") in {(row["finding"], row["qid"]) for row in lake.rows("graph_integrity")}


def test_items_by_id_are_the_entities_with_the_types_above_them(
    dump: Path, endpoint: FaultyServer, tmp_path: Path
) -> None:
    lake = both("world", dump, endpoint, tmp_path, items='"Q89", "Q78987", "Q82037"', min_sitelinks="0")
    found = {row["label"]: row["natural_type"] for row in lake.rows("entities")}
    assert found == {"apple": "fruit", "electric guitar": "guitar", "okapi": "mammal"}
    assert {row["role"] for row in lake.rows("wikidata_items")} >= {"member", "ancestor"}
