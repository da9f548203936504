"""The questions to the SPARQL endpoint of Commons, answered by a real engine over triples of the shape that Commons has."""

from __future__ import annotations

import json

import pyoxigraph as ox

from entitynet_assets.hits.licences import licence_id
from entitynet_assets.hits.provider import Search
from entitynet_assets.hits.providers import commons_depicts as module

commons_depicts = module.PROVIDER
SDC, WD, WDT, SCHEMA = (
    "https://commons.wikimedia.org/entity/",
    "http://www.wikidata.org/entity/",
    "http://www.wikidata.org/prop/direct/",
    "http://schema.org/",
)
UPLOAD = "https://upload.wikimedia.org/wikipedia/commons/1/1a/"
SEARCHES = [Search("cat", "Q1"), Search("dog", "Q2"), Search("cow", "Q3")]


def store() -> ox.Store:
    made = ox.Store()

    def say(number: int, predicate: str, value: ox.NamedNode | ox.Literal) -> None:
        made.add(ox.Quad(ox.NamedNode(f"{SDC}M{number}"), ox.NamedNode(predicate), value))

    for number in range(1, 8):
        for item in ("Q1", *(["Q2"] if number == 3 else [])):
            say(number, f"{WDT}P180", ox.NamedNode(WD + item))
        say(number, f"{SCHEMA}contentUrl", ox.NamedNode(f"{UPLOAD}A_cat%2C_{number}.jpg"))
        say(number, f"{SCHEMA}encodingFormat", ox.Literal("image/jpeg"))
        say(number, f"{SCHEMA}width", ox.Literal(4000 if number < 5 else 300))
        say(number, f"{SCHEMA}height", ox.Literal(3000 if number < 5 else 200))
    say(1, f"{WDT}P275", ox.NamedNode(f"{WD}Q18199165"))
    say(1, f"{WDT}P275", ox.NamedNode(f"{WD}Q20007257"))  # two licences are one file
    return made


def answered(most: int) -> str:
    asked = commons_depicts.batch_request(SEARCHES, most)
    assert asked.form
    found = store().query(asked.form["query"])
    assert isinstance(found, ox.QuerySolutions)
    return found.serialize(format=ox.QueryResultsFormat.JSON).decode()


def test_every_entity_has_at_most_so_many_files_and_each_once() -> None:
    cats, dogs, cows = (commons_depicts.parse(part) for part in commons_depicts.split(answered(5), SEARCHES))
    assert ([hit.rank for hit in cats], len(dogs), cows) == ([1, 2, 3, 4, 5], 1, [])
    first, last = cats[0], cats[-1]
    assert (
        first.image_url
        == "https://upload.wikimedia.org/wikipedia/commons/thumb/1/1a/A_cat%2C_1.jpg/500px-A_cat%2C_1.jpg"
    )
    assert (first.width_px, first.height_px, first.title) == (500, 375, "A cat, 1")
    assert first.page_url == "https://commons.wikimedia.org/wiki/File:A_cat%2C_1.jpg"
    assert first.licence in ("CC-BY-4.0", "CC-BY-SA-4.0")
    assert licence_id(last.licence, last.licence_url) == "unknown"
    assert (last.image_url, last.width_px) == (f"{UPLOAD}A_cat%2C_5.jpg", 300)  # too small for a thumbnail


def test_counts_are_by_licence() -> None:
    cats, dogs, cows = (commons_depicts.totals(part) for part in commons_depicts.split(answered(0), SEARCHES))
    assert (cats["unknown"], cats["CC-BY-4.0"], dict(dogs), dict(cows)) == (6, 1, {"unknown": 1}, {})


def test_what_is_no_jpeg_or_png_keeps_its_own_address() -> None:
    assert module.thumbnail(f"{UPLOAD}x.tif", "image/tiff", 4000) == f"{UPLOAD}x.tif"
    assert module.thumbnail("https://elsewhere.test/x.jpg", "image/jpeg", 4000) == "https://elsewhere.test/x.jpg"


def test_a_part_is_an_answer_of_its_own() -> None:
    parts = commons_depicts.split(answered(2), SEARCHES)
    assert [len(json.loads(part)["results"]["bindings"]) for part in parts] == [2, 1, 0]
