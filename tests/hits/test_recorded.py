"""Genuine answers, recorded by others, read by the providers; skipped with a word where the data is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from entitynet_assets.hits.licences import licence_id
from entitynet_assets.hits.provider import Hit, Search, provider
from tests.fakes.rooms import data_folder

SCRIPTS = ("openverse_catalog_providers", "dags", "providers", "provider_api_scripts", "resources")


def recorded(*parts: str) -> Path:
    return data_folder("api_responses", *parts)


def literal(text: str) -> str:
    """A JavaScript object, one key a line, as JSON."""
    body = text[text.index("{") : text.rindex("}") + 1]
    return re.sub(r",(\s*[}\]])", r"\1", re.sub(r"(?m)^(\s*)(\w+):", r'\1"\2":', body))


def licences(hits: list[Hit]) -> set[str]:
    return {licence_id(hit.licence, hit.licence_url) for hit in hits}


def test_flickr() -> None:
    flickr = provider("flickr")
    body = recorded(*SCRIPTS, "flickr", "flickr_example_pretty.json").read_text()
    hits = flickr.parse(body)
    assert (len(hits), flickr.total(body)) == (30, 30)
    first = hits[0]
    assert first.image_url == "https://live.staticflickr.com/65535/49514337848_bbdbb5f761_b.jpg"
    assert (first.width_px, first.height_px, first.author) == (660, 1024, "markustrois")
    assert first.page_url == "https://www.flickr.com/photos/7478087@N06/49514337848"
    assert first.page_text is not None
    assert first.page_text.startswith("Warsy (Somme, France)")
    assert {hit.alt_text for hit in hits} == {None}  # a description is no alt text
    assert licences(hits) <= {*flickr.LICENCES, "unknown"}
    assert licence_id(first.licence, first.licence_url) == "CC-BY-NC-SA-2.0"
    assert flickr.request(Search("church"), 500, [body]) is None  # its one page of one


def test_flickr_photographs_with_less_than_the_largest_size() -> None:
    folder = recorded(*SCRIPTS, "flickr")
    sizes = {}
    for size in ("large", "med", "small"):
        photo = json.loads((folder / f"image_data_with_{size}_url_available.json").read_text())
        (hit,) = provider("flickr").parse(json.dumps({"photos": {"photo": [photo]}, "stat": "ok"}))
        sizes[size] = hit.image_url
    assert len(set(sizes.values())) == 3
    (none,) = provider("flickr").parse(
        json.dumps({"photos": {"photo": [json.loads((folder / "image_data_no_image_url.json").read_text())]}})
    )
    assert none.image_url == ""


def test_europeana() -> None:
    europeana = provider("europeana")
    body = recorded(*SCRIPTS, "europeana", "europeana_example.json").read_text()
    hits = europeana.parse(body)
    assert (len(hits), europeana.total(body)) == (27, 27)
    assert (
        hits[0].image_url == "http://bibliotecadigital.jcyl.es/i18n/catalogo_imagenes/imagen_id.cmd?idImagen=102620362"
    )
    assert hits[0].page_url == "http://bibliotecadigital.jcyl.es/i18n/consulta/registro.cmd?id=26229"
    said = [item.get("dcDescription") for item in json.loads(body)["items"]]
    assert [hit.page_text for hit in hits] == [words and " ".join(words) for words in said]
    assert any(said)
    assert "CC0-1.0" in licences(hits)
    assert "unknown" not in licences(hits)
    further = europeana.request(Search("claustro"), 100, [body])
    assert further
    assert further.params["cursor"] == "test_next_cursor"


def test_gbif() -> None:
    gbif = provider("gbif")
    cassette = yaml.safe_load(
        recorded("gbif_pygbif_cassettes", "test", "vcr_cassettes", "test_search_recorded_by_id.yaml").read_text()
    )
    body = cassette["interactions"][0]["response"]["body"]["string"]
    hits = gbif.parse(body)
    occurrences = json.loads(body)["results"]
    assert gbif.total(body) == 1979
    assert len(hits) == sum(len(one["media"]) for one in occurrences) == 5
    assert hits[0].image_url == "https://svampe.databasen.org/uploads/2024-10445637_B1SCjftiC.JPG"
    assert hits[0].page_url == "https://www.gbif.org/occurrence/4940926623"
    assert hits[0].author == "Thomas Stjernegaard Jeppesen"
    assert all("license" in one for one in occurrences)  # the occurrence has a licence,
    assert {hit.licence for hit in hits} == {
        one.get("license") for result in occurrences for one in result["media"]
    }  # the picture its own
    further = gbif.request(Search(identifiers={"P846": "1"}), 3, [body])
    assert further
    assert further.params["offset"] == "3"


def test_openverse_by_the_answer_of_its_predecessor() -> None:
    openverse = provider("openverse")
    body = literal(recorded("ccsearch_api_mock", "test", "lib", "mock_response.js").read_text())
    hits = openverse.parse(body)
    assert openverse.total(body) == 4635646
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    assert hits[-1].page_url == "https://www.flickr.com/photos/36563103@N00/7527284616"
    assert "CC-BY-2.0" in licences(hits)
    assert all(hit.image_url.startswith("https://") for hit in hits)


def test_serpapi() -> None:
    body = literal(recorded("serpapi_echosearch", "src", "data", "imageResults.js").read_text())
    hits = provider("serpapi").parse(body)
    assert [hit.rank for hit in hits] == list(range(1, 17))
    assert hits[0].image_url.startswith("https://assets-prd.ignimgs.com/")
    assert (hits[0].page_url, hits[0].width_px, hits[0].height_px) == (
        "https://www.ign.com/articles/best-anime-characters",
        1280,
        720,
    )
    assert licences(hits) == {"unknown"}


def test_commons_goes_on_where_a_recorded_answer_says() -> None:
    commons = provider("commons")
    folder = recorded(*SCRIPTS, "wikimedia")
    (described,) = commons.parse(
        json.dumps({"query": {"pages": [json.loads((folder / "image_data_html_description.json").read_text())]}})
    )
    assert described.alt_text is None
    assert (
        described.page_text
        == "Identificatie Titel(s): Allegorie op kunstenaar Francesco Mazzoli, bekend als Parmigianino"
    )
    body = (folder / "response_small_with_continue.json").read_text()
    asked = commons.request(Search("cat"), 50, [body])
    assert asked
    assert json.loads(body)["continue"].items() <= asked.params.items()
    ended = (folder / "response_small_no_continue.json").read_text()
    assert commons.request(Search("cat"), 50, [ended]) is None
