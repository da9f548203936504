"""Tables of pictures of which every row is wanted: what no search took becomes a hit without an entity and is linked by its words."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.hits import assets as hits_room
from entitynet_assets.shelf import Shelf
from entitynet_assets.text import hash_id
from entitynet_assets.trace.answer import answer
from tests.fakes.rooms import Rooms
from tests.small_lake import SmallLake

Row = dict[str, Any]
CAT = {"query_id": "cat", "qid": "Q2", "text": "cat", "kind": "noun"}
ROWS = [
    ("http://a.test/1.jpg", "a cat"), ("http://a.test/2.jpg", "two jaguars, a British maker"), ("http://a.test/3.jpg", "nothing known"),
    ("", "a cat without an address"), ("http://a.test/5.jpg", ""), ("ftp://a.test/6.jpg", "no address that is asked"),
    ("http://a.test/3.jpg", "the same picture in other words"), ("http://a.test/8.jpg", "another cat"),
]  # fmt: skip


def written(path: Path, rows: Sequence[tuple[str, str]] = ROWS) -> Path:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("url", "caption"), *rows])
    return path


def choose(small: SmallLake, path: Path, slices: int = 1, **section: Any) -> None:
    chosen = {"name": "table", "address": str(path), "per_page": 1, "link_all": True, **section}
    small.choose(slices=slices, providers=[chosen])


def imported(small: SmallLake, slices: int = 1) -> tuple[dict[int, str], Counter[str]]:
    """Bring the tables of all slices up to date; return the addresses by their place, and the counts."""
    names = [f"{index:03d}" for index in range(slices)]
    for name in names:
        small.run("table_hits", name)
    counts = Counter[str]()
    for name in names:
        counts.update(small.run("imported_rows", name).record.counts)
    return {row["rank"]: row["image_url"] for row in small.lake.rows("imported_rows")}, counts


def test_every_row_is_taken_imported_or_counted(small: SmallLake, tmp_path: Path) -> None:
    choose(small, written(tmp_path / "rows.csv"))
    small.put("queries", [CAT])
    found, counts = imported(small)
    assert {
        place: ROWS[place - 1][0] for place in (2, 3, 5, 6, 7, 8)
    } == found  # the second cat is over the search's budget
    assert counts == {"imported": 6, "taken_by_a_search": 1, "without_address": 1}
    hits = small.make("hits")
    assert small.lake.need("hits", "000").counts == {"ok": 6, "bad_url": 1}
    mine = [hit for hit in hits if hit["qid"] is None]
    assert {(hit["query_text"], hit["query_kind"], hit["page"], hit["query_id"]) for hit in mine} == {
        ("", "import", 0, hash_id("import", "table", str(tmp_path / "rows.csv")))
    }
    assert {(hit["rank"], hit["source"]) for hit in mine} == {(n, f"rows.csv row {n}") for n in (2, 3, 5, 7, 8)}
    assert [(hit["qid"], hit["rank"]) for hit in hits if hit["qid"]] == [("Q2", 1)]
    assert {row["image_url"]: row["hit_count"] for row in small.make("urls")}["http://a.test/3.jpg"] == 2


@pytest.mark.parametrize(("most", "places"), [(1, {2}), (3, {2, 3, 5}), (99, {2, 3, 5, 6, 7, 8})])
def test_rows_are_in_one_slice_each_and_what_any_slice_took_is_not_imported(
    most: int, places: set[int], small: SmallLake, tmp_path: Path
) -> None:
    choose(small, written(tmp_path / "rows.csv"), slices=3, max_rows=most)
    small.put("queries", [CAT], "001")
    found, counts = imported(small, 3)
    over = {"over_max_rows": 6 - len(places)} if len(places) < 6 else {}
    assert (set(found), counts) == (
        places, {"imported": len(places), "taken_by_a_search": 1, "without_address": 1, **over},
    )  # fmt: skip
    by_slice = [{row["image_url"] for row in small.lake.rows("imported_rows", f"{one:03d}")} for one in range(3)]
    assert sum(map(len, by_slice)) == len(set.union(*by_slice))


def test_without_the_key_nothing_is_imported_and_a_table_that_did_not_change_is_not_read_again(
    small: SmallLake, tmp_path: Path
) -> None:
    path = written(tmp_path / "rows.csv")
    choose(small, path)
    small.put("queries", [CAT])
    assert len(imported(small)[0]) == 6
    searches = small.lake.need("table_hits", "000").identity
    assert {small.run(name).outcome for name in ("table_hits", "imported_rows")} == {"unchanged"}
    small.put("queries", [CAT, {"query_id": "dog", "qid": "Q3", "text": "dog", "kind": "noun"}])
    assert [small.run(name).outcome for name in ("table_hits", "imported_rows")] == ["made", "unchanged"]
    written(path, ROWS[:2])
    assert len(imported(small)[0]) == 1
    assert small.lake.need("table_hits", "000").identity != searches
    before = small.lake.need("table_hits", "000").identity
    choose(small, path, link_all=False)
    assert imported(small) == ({}, {})
    assert small.lake.need("table_hits", "000").identity == before  # the key says nothing of searches


def test_many_rows_come_in_parts(small: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hits_room, "PART", 2)
    choose(small, written(tmp_path / "rows.csv"))
    imported(small)
    assert {hit["rank"] for hit in small.make("hits")} == {1, 2, 3, 5, 7, 8}


ENTITIES = (("Q1", "jaguar", 9, "a wild cat of South America"), ("Q2", "jaguar", 4, "a British maker of cars"))


def test_words_alone_link_what_no_query_found(small: SmallLake, tmp_path: Path) -> None:
    choose(small, written(tmp_path / "rows.csv"))
    root = {"root_qid": "Q9", "root_label": "thing"}
    small.put(
        "entities", [{"qid": q, "label": n, "sitelink_count": s, "description": d, **root} for q, n, s, d in ENTITIES]
    )
    small.put("entity_texts", [
        {"qid": qid, "kind": kind, "language": "en", "text": text}
        for qid, label, _, about in ENTITIES for kind, text in (("label", label), ("description", about))
    ])  # fmt: skip
    imported(small)
    hits = small.make("hits")
    pictures = {hit["url_id"]: hit["image_url"][-5] for hit in hits}
    small.put("downloads", [{"url_id": url_id, "image_id": image} for url_id, image in pictures.items()])
    small.put("images", [{"image_id": image} for image in sorted(pictures.values())])
    for name in ("web_texts", "image_texts", "entity_names", "mentions"):
        small.make(name)
    meant, other = sorted(small.make("entity_links"), key=lambda row: row["place"])
    priors = {"Q1": 10 / 15, "Q2": 5 / 15}
    parts = ("qid", "prior", "context", "searched", "image")
    assert tuple(meant[name] for name in parts) == ("Q2", priors["Q2"], 1.0, None, None)
    assert (meant["score"], other["score"]) == (pytest.approx((priors["Q2"] + 1) / 2), pytest.approx(priors["Q1"] / 2))
    small.make("label_tail")
    assert small.pick("image_entities", "image_id", "qid", "evidence", "query_id") == [("2", "Q2", "text", "")]
    report = {row["qid"]: row["hits"] for row in small.make("entity_report")}
    assert report == {"Q1": 0, "Q2": 0}  # nobody searched for them


def test_an_imported_table_goes_down_the_river(rooms: Rooms, tmp_path: Path) -> None:
    assert rooms.server
    planned = [row for row in rooms.server.world.plan() if row.fault in ("ok", "missing")][:24]
    graph = rooms.again()
    graph.up_to("entities")
    labels = {row["qid"]: row["label"] for row in graph.rows("entities")}
    named = {row.url: row.claimed for row in planned[::2]}
    said = [(row.url, f"two {labels[row.claimed]}s" if row.url in named else "nothing known") for row in planned]
    table = {"name": "table", "address": str(written(tmp_path / "rows.csv", said)), "link_all": True}
    whole = rooms.again(providers=[table], queries={"kinds": ["attribute_noun"]})
    whole.up_to("image_entities")
    assert whole.rows("table_hits") == []
    assert {row["url_id"] for row in whole.rows("downloads")} == {hash_id(url) for url, _ in said}
    image_of = {row["image_url"]: row["image_id"] for row in whole.rows("downloads") if row["image_id"]}
    assert {row["outcome"] for row in whole.rows("downloads")} == {"ok", "not_found"}
    assert {row["image_id"] for row in whole.rows("images")} == set(image_of.values())
    assert len(image_of) > 12
    links = {(row["image_id"], row["qid"]) for row in whole.rows("image_entities")}
    assert {(image_of[url], qid) for url, qid in named.items() if url in image_of} <= links
    assert not {image_of[url] for url, text in said if text == "nothing known" and url in image_of} & {
        i for i, _ in links
    }
    assert {row["evidence"] for row in whole.rows("image_entities")} == {"text"}
    before = rooms.server.requests()
    again = whole.again()
    assert {one.outcome for one in again.up_to("image_entities").values()} == {"unchanged"}
    assert rooms.server.requests() == before
    with Shelf(whole.lake, whole.study) as shelf:
        found = answer(shelf, image_of[next(url for url in named if url in image_of)])
    assert [one.words for one in found.find("query")] == ["row of a table that no search took, import"]
    assert "its name stands in a text of the picture" in found.find("entity")[0].words
