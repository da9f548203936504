"""Tables of pictures: known layouts, own columns, names in captions; iNaturalist's four tables as they were published."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entitynet_assets.hits.providers import table
from entitynet_assets.studies.models import StudyError
from tests.fakes.rooms import data_folder
from tests.small_lake import SmallLake

QUERIES = [
    {"query_id": "panda", "qid": "Q1", "text": "Red Panda", "kind": "noun"},
    {"query_id": "latin", "qid": "Q1", "text": "Ailurus", "kind": "taxon_name"},
    {"query_id": "cat", "qid": "Q2", "text": "cat", "kind": "noun"},
    {"query_id": "drawn", "qid": "Q2", "text": "cat", "kind": "drawing", "style": "drawing"},
    {"query_id": "item", "qid": "Q2", "text": "cat", "kind": "item"},
]  # fmt: skip
CAPTIONS = [
    ("https://a.test/1.jpg", "A red panda, asleep"), ("https://a.test/2.jpg", "category of panda"),
    ("https://a.test/3.jpg", "Cat & RED-panda"),
    ("https://a.test/4.jpg", ""), ("https://a.test/5.jpg", "Ailurus' cat \"x\", said"), ("", "a cat without an address"),
]  # fmt: skip
FOUND = {("panda", 1, "https://a.test/1.jpg"), ("panda", 2, "https://a.test/3.jpg"), ("cat", 1, "https://a.test/3.jpg"),
         ("cat", 2, "https://a.test/5.jpg"), ("latin", 1, "https://a.test/5.jpg")}  # fmt: skip


def rows_of(small: SmallLake, place: Path | str, **section: Any) -> list[dict[str, Any]]:
    small.choose(providers=[{"name": "table", "address": str(place), "per_page": 10, **section}])
    small.put("queries", QUERIES)
    return small.make("table_hits")


def found(rows: Sequence[dict[str, Any]]) -> set[tuple[str, int, str]]:
    return {(row["query_id"], row["rank"], row["image_url"]) for row in rows}


def written(folder: Path, layout: str) -> Path:
    """CAPTIONS as a file of one of the layouts that are known."""
    url, text = ([row[place] for row in CAPTIONS] for place in (0, 1))
    path = folder / {"cc3m": "train.tsv", "cc12m": "cc12m.tsv.gz", "jsonl": "rows.jsonl", "csv": "rows.csv"}.get(
        layout, "part-0.parquet"
    )
    if layout == "laion":
        pq.write_table(
            pa.table(
                {
                    "SAMPLE_ID": range(6),
                    "URL": url,
                    "TEXT": text,
                    "WIDTH": [640.0] * 6,
                    "HEIGHT": [480.0] * 6,
                    "LICENSE": ["?"] * 6,
                }
            ),
            path,
        )
    elif layout == "datacomp":
        pq.write_table(
            pa.table({"uid": url, "url": url, "text": text, "original_width": [640] * 6, "original_height": [480] * 6}),
            path,
        )
    elif layout == "img2dataset":
        pq.write_table(
            pa.table(
                {
                    "url": url,
                    "caption": text,
                    "width": [256] * 6,
                    "original_width": [640] * 6,
                    "original_height": [480] * 6,
                }
            ),
            path,
        )
    elif layout == "jsonl":
        path.write_text("".join(json.dumps({"url": u, "caption": t}) + "\n" for u, t in CAPTIONS))
    elif layout == "csv":
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("caption", "url"), *((t, u) for u, t in CAPTIONS)])
    elif layout == "cc3m":
        path.write_text("".join(f"{t}\t{u}\n" for u, t in CAPTIONS))
    else:
        path.write_bytes(gzip.compress("".join(f"{u}\t{t}\n" for u, t in CAPTIONS).encode()))
    return path


@pytest.mark.parametrize("layout", ["laion", "datacomp", "img2dataset", "jsonl", "csv", "cc3m", "cc12m"])
def test_known_layouts_are_read_without_a_word_on_their_columns(layout: str, small: SmallLake, tmp_path: Path) -> None:
    path = written(tmp_path, layout)
    rows = rows_of(small, path)
    assert found(rows) == FOUND
    assert {(row["source"].partition(" row ")[0]) for row in rows} == {path.name}
    if layout in ("laion", "datacomp", "img2dataset"):
        assert {(row["width_px"], row["height_px"]) for row in rows} == {(640, 480)}
        assert {row["source"] for row in rows if row["query_id"] == "panda"} == {
            f"{path.name} row 1",
            f"{path.name} row 3",
        }


def test_rows_become_hits_that_say_their_file_and_row(small: SmallLake, tmp_path: Path) -> None:
    rows_of(small, written(tmp_path, "laion"), per_page=1)
    hits = small.make("hits")
    assert {(hit["query_id"], hit["page"], hit["rank"], hit["source"]) for hit in hits} == {
        ("panda", 0, 1, "part-0.parquet row 1"), ("cat", 0, 1, "part-0.parquet row 3"), ("latin", 0, 1, "part-0.parquet row 5"),
    }  # fmt: skip
    assert {(hit["licence"], hit["provider"]) for hit in hits} == {("?", "table")}
    forecast = {(row["qid"], row["licence"]): row["pictures_available"] for row in small.make("yield_forecast")}
    assert forecast["Q1", "any"] == 3


def test_columns_of_ones_own_and_ids_instead_of_words(small: SmallLake, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "picture,says,entity,rights\nhttps://a.test/1.jpg,no name,Q2,CC BY 4.0\nhttps://a.test/2.jpg,cat,Q9,x\n"
    )
    columns = {"url": "picture", "text": "says", "qid": "entity", "licence": "rights"}
    assert found(rows_of(small, path, columns=columns)) == {("item", 1, "https://a.test/1.jpg")}
    assert [hit["licence"] for hit in small.make("hits")] == ["CC-BY-4.0"]


def test_a_description_beside_the_words_is_the_page_text(small: SmallLake, tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text(
        "url,caption,description\nhttps://a.test/1.jpg,a cat,A dog is behind it.\nhttps://a.test/2.jpg,dog,cat\n"
    )
    (row,) = rows_of(small, path)
    (hit,) = small.make("hits")
    assert (row["alt_text"], row["page_text"], hit["page_text"]) == (
        "a cat",
        "A dog is behind it.",
        "A dog is behind it.",
    )
    path.write_text("url,description\nhttps://a.test/1.jpg,a cat\n")  # the only words are what rows are found by
    assert [(row["alt_text"], row["page_text"]) for row in rows_of(small, path)] == [("a cat", None)]
    (row,) = rows_of(small, path, columns={"page_text": "description"})
    assert row["page_text"] == "a cat"


def test_several_files_are_one_table_in_the_order_of_their_names(small: SmallLake, tmp_path: Path) -> None:
    for name, url in (("b.jsonl", "https://b.test"), ("a.jsonl", "https://a.test")):
        (tmp_path / name).write_text(json.dumps({"url": url, "text": "cat"}) + "\n")
    assert [row["image_url"] for row in rows_of(small, tmp_path / "*.jsonl")] == ["https://a.test", "https://b.test"]


def test_a_changed_file_is_read_again_and_the_same_is_not(small: SmallLake, tmp_path: Path) -> None:
    path = written(tmp_path, "jsonl")
    rows_of(small, path)
    assert small.run("table_hits").outcome == "unchanged"
    path.write_text(json.dumps({"url": "https://c.test", "text": "cat"}) + "\n")
    assert small.run("table_hits").outcome == "made"
    assert found(small.lake.rows("table_hits")) == {("cat", 1, "https://c.test")}


FAULTS = [
    ({"x": "http://a.test", "y": "cat"}, {}, "no column is known as the url; it has x, y: say columns = {url = ...}"),
    ({"url": "http://a.test", "y": "cat"}, {}, "no column is known as the text"),
    ({"url": "http://a.test", "text": "cat"}, {"url": "adress"}, "the table has no column 'adress'; it has url, text"),
]


@pytest.mark.parametrize(("row", "columns", "words"), FAULTS)
def test_columns_that_are_not_there_are_told(
    row: dict, columns: dict, words: str, small: SmallLake, tmp_path: Path
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(StudyError, match=r"providers\.table\.columns") as caught:
        rows_of(small, path, columns=columns)
    assert words in str(caught.value)


def test_files_that_are_no_table_are_told(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="found no file ending in"):
        table.PROVIDER.files(tmp_path)
    (tmp_path / "a.csv").touch()
    (tmp_path / "b.tsv").touch()
    with pytest.raises(StudyError, match=r"several sorts \(csv, tsv\)"):
        table.reading(table.PROVIDER.files(tmp_path))


def item(qid: str, taxon: str) -> dict[str, Any]:
    identifiers = [{"property_id": "P3151", "value": taxon}]
    return {"query_id": f"i{qid}", "qid": qid, "text": qid, "kind": "item", "identifiers": identifiers}


def inaturalist(small: SmallLake, place: Path, *queries: dict[str, Any]) -> list[dict[str, Any]]:
    small.choose(providers=[{"name": "inaturalist", "address": str(place), "per_page": 10}])
    small.put("queries", list(queries))
    return small.make("table_hits")


def test_inaturalist_as_it_was_published(small: SmallLake) -> None:
    place = data_folder("api_responses", "openverse_catalog_providers", "s3-data", "inaturalist-open-data")
    rows = inaturalist(small, place, item("Q1", "116340"), item("Q2", "61824"), item("Q3", "999999999"))
    assert {row["qid"]: sum(one["qid"] == row["qid"] for one in rows) for row in rows} == {"Q1": 2, "Q2": 1}
    (clover,) = [row for row in rows if row["qid"] == "Q2"]
    assert clover["image_url"] == "https://inaturalist-open-data.s3.amazonaws.com/photos/10314159/medium.jpg"
    assert (clover["source"], clover["title"], clover["licence"]) == (
        "photos photo_id=10314159",
        "Trifolium hybridum",
        "CC-BY-NC 4.0",
    )
    assert (clover["width_px"], clover["height_px"]) == (374, 500)  # 1530 x 2048 as published
    assert {hit["licence"] for hit in small.make("hits") if hit["qid"] == "Q2"} == {"CC-BY-NC-4.0"}
    forecast = {(row["qid"], row["licence"]): row["pictures_available"] for row in small.make("yield_forecast")}
    assert (forecast["Q1", "any"], forecast["Q2", "CC-BY-NC-4.0"], forecast["Q3", "any"]) == (2, 1, 0)


def test_inaturalist_takes_what_is_below_a_species_and_nothing_below_a_genus(small: SmallLake, tmp_path: Path) -> None:
    tables = {
        "taxa": [("taxon_id", "ancestry", "rank_level", "rank", "name", "active"), (1, "", 20, "genus", "G", "true"),
                 (2, "1", 10, "species", "G s", "true"), (3, "1/2", 5, "subspecies", "G s t", "true")],
        "observers": [("observer_id", "login", "name"), (7, "ann", "")],
        "observations": [("observation_uuid", "observer_id", "taxon_id", "quality_grade"), ("o1", 7, 1, "research"), ("o2", 7, 2, "casual"),
                         ("o3", 7, 3, "research"), ("o4", 7, "", "research"), ("o5", 7, 2, "research")],
        "photos": [("photo_uuid", "photo_id", "observation_uuid", "observer_id", "extension", "license", "width", "height", "position"),
                   *(("u", 10 + n, f"o{n}", 7, "jpg", licence, 400, 300, 0)
                     for n, licence in enumerate(["CC0", "PD", "CC-BY", "CC-BY", ""], 1))],
    }  # fmt: skip
    for name, lines in tables.items():
        text = "".join("\t".join(map(str, line)) + "\n" for line in lines)
        (tmp_path / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    rows = inaturalist(small, tmp_path, item("Q1", "1"), item("Q2", "2"), item("Q3", "3"))
    photos = {qid: [row["source"][-2:] for row in rows if row["qid"] == qid] for qid in ("Q1", "Q2", "Q3")}
    assert photos == {"Q1": ["11"], "Q2": ["13", "15", "12"], "Q3": ["13"]}  # research grade first
    assert {row["author"] for row in rows} == {"ann"}
    assert {hit["source"][-2:]: hit["licence"] for hit in small.make("hits") if hit["qid"] in ("Q1", "Q2")} == {
        "11": "CC0-1.0", "12": "public-domain", "13": "CC-BY-4.0", "15": "unknown",
    }  # fmt: skip
    (tmp_path / "taxa.csv.gz").unlink()
    with pytest.raises(StudyError, match=r"providers\.inaturalist\.address: no taxa\.csv\.gz"):
        small.run("table_hits")
