"""Curation over the sample's drawings: the plan says what repeats and what leaks."""

from __future__ import annotations

from collections import Counter

from entitynet_assets.curation.cleaning import clean
from entitynet_assets.tables import RULES
from entitynet_assets.text import hash_id, normal_url


def drawn(rooms) -> dict[str, set]:
    """Return the planned pictures behind each image, by image_id."""
    plan = {row.url: row for row in rooms.server.world.plan()}
    found: dict[str, set] = {}
    for row in rooms.rows("downloads"):
        if row["image_id"]:
            found.setdefault(row["image_id"], set()).add(plan[row["image_url"]])
    return found


def scene(rows: set) -> set:
    """Return what makes a drawing: copies share it, different drawings of one entity do not."""
    return {(row.qid, row.draw_seed) for row in rows}


def test_every_text_stands_with_the_page_that_says_it(harvest):
    planned = {row.url: row for row in harvest.server.world.plan()}
    image_of = {row["image_url"]: row["image_id"] for row in harvest.rows("downloads") if row["image_id"]}
    kept, refused = set(), set()
    for url, image_id in image_of.items():
        for source, raw in (("alt_text", planned[url].words.alt), ("title", planned[url].words.title)):
            text, reason = clean(raw)
            page = (image_id, source, planned[url].page_url, hash_id(normal_url(url)))
            if raw:
                (refused if reason else kept).add((*page, reason or text))
    columns = ("image_id", "source", "page_url", "url_id")
    assert {(*(row[name] for name in columns), row["text"]) for row in harvest.rows("image_texts")} == kept
    found = harvest.rows("web_texts")
    assert {(*(row[name] for name in columns), row["reason"]) for row in found if row["reason"]} == refused
    assert harvest.counts("web_texts")["ok"] == len(kept)
    assert {reason for *_, reason in refused} == {"boilerplate", "camera_name", "file_name"}


def test_copies_are_found_and_no_two_drawings_are_joined(harvest):
    behind = drawn(harvest)
    joined = {row["image_id"]: row["representative_id"] for row in harvest.rows("likeness")}
    wrong = [pair for pair in joined.items() if not scene(behind[pair[0]]) & scene(behind[pair[1]])]
    assert wrong == []
    by_scene: dict = {}
    for image_id, rows in behind.items():
        for one in scene(rows):
            by_scene.setdefault(one, set()).add(image_id)
    copies = {one: ids for one, ids in by_scene.items() if len(ids) > 1}
    assert len(copies) >= 3
    for ids in copies.values():
        assert len(ids - joined.keys()) == 1, "of copies one stands for all"


def test_the_first_by_round_and_id_stands_for_its_copies(harvest):
    for row in harvest.rows("likeness"):
        assert row["representative_id"] < row["image_id"]


def test_every_planned_leak_is_found_and_nothing_else(harvest):
    behind = drawn(harvest)
    planned = {image_id for image_id, rows in behind.items() if any(row.fault == "leak" for row in rows)}
    assert {row["image_id"] for row in harvest.rows("leaks")} == planned
    assert len(planned) >= 2
    held = {row["image_id"]: row["class_id"] for row in harvest.rows("benchmark_images")}
    for row in harvest.rows("leaks"):
        assert held[row["benchmark_image_id"]] in {one.qid for one in behind[row["image_id"]]}


def test_verdicts_judge_every_picture_by_every_rule(harvest):
    verdicts = harvest.rows("verdicts")
    images = {row["image_id"] for row in harvest.rows("images")}
    assert Counter(row["image_id"] for row in verdicts) == dict.fromkeys(images, len(RULES))
    rejected = {row["image_id"] for row in verdicts if row["verdict"] == "reject"}
    assert {row["image_id"] for row in harvest.rows("kept_images")} == images - rejected
    assert all(row["reason"] for row in verdicts if row["verdict"] != "keep")
    behind = drawn(harvest)
    tiny = {image_id for image_id, rows in behind.items() if any(row.fault == "tiny" for row in rows)}
    assert tiny <= {row["image_id"] for row in verdicts if (row["rule"], row["verdict"]) == ("size", "reject")}


def test_a_threshold_measures_nothing_again(harvested):
    log = harvested.server.requests()
    stricter = harvested.again(curation={"min_entropy_bits": 8.0})
    done = stricter.bring("web_texts", "image_texts", "likeness_pairs", "likeness", "leaks", "verdicts", "kept_images")
    assert {name for (name, _), one in done.items() if one.outcome == "made"} == {"likeness", "verdicts", "kept_images"}
    assert stricter.rows("kept_images") == []
    assert stricter.server.requests() == log


def test_the_report_counts_what_the_tables_hold(harvest):
    report = {row["qid"]: row for row in harvest.rows("entity_report")}
    hits = Counter(row["qid"] for row in harvest.rows("hits"))
    assert {qid: row["hits"] for qid, row in report.items()} == {qid: hits[qid] for qid in report}
    assert all(row["images"] == row["kept"] + row["rejected"] for row in report.values())
    assert all(
        sum(one["pictures"] for one in row["providers"]) >= row["kept"] >= row["with_text"] for row in report.values()
    )
    assert all(row["graph_texts"] > 0 for row in report.values())


def test_each_root_holds_what_its_entities_hold(harvest):
    roots = {row["branch_qid"]: row for row in harvest.rows("branch_report") if row["depth"] == 0}
    kept = {row["qid"]: row["kept"] for row in harvest.rows("entity_report")}
    below: dict = {}
    for row in harvest.rows("entity_roots"):
        below.setdefault(row["root_qid"], []).extend([kept[row["qid"]]] if row["qid"] in kept else [])
    assert {qid: (row["entities"], row["kept"]) for qid, row in roots.items()} == {
        qid: (len(found), sum(found)) for qid, found in below.items()
    }
