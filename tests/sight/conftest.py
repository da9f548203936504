"""A hand-made lake with one picture of every fate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.shelf import Shelf
from entitynet_assets.text import hash_id, normal_url
from tests.noise import noise_jpeg
from tests.small_lake import SmallLake, below, claim, item

KEPT, TWIN, BANNED, HELD = "aa11" * 16, "aa12" * 16, "bb22" * 16, "cc33" * 16
URLS = {
    "kept": "http://a.test/kept.jpg", "twin": "http://a.test/twin.jpg", "lost": "http://a.test/lost.jpg",
    "banned": "http://b.test/banned.jpg", "new": "http://b.test/new.jpg",
}  # fmt: skip
PAGE = "http://a.test/page.html"
OUTCOMES = {"kept": KEPT, "twin": TWIN, "banned": BANNED}
HOSTILE = "<b>an apple</b><script>alert(1)</script>\n\x1b[31m"
RELEASE = "feedfeedfeedfeed"


def url_id(name: str) -> str:
    return hash_id(normal_url(URLS[name]))


def put_looks(small: SmallLake) -> None:
    small.put("visuality", [{"qid": "Q1", "visual": True}, {"qid": "Q2", "rule": "abstract_class"}])
    small.put(
        "attribute_coverage",
        [{"kind": "total", "name": "all", "attributes": 3, "entities": 3, "with_one": 1, "with_three": 1}],
    )
    stated = {"property_id": "P462", "value_qid": "Q9", "category": "colour", "value": "red", "source_qid": "Q1"}
    above = {
        "property_id": "P527",
        "category": "part",
        "value": "seed",
        "source": "inherited",
        "source_qid": "Q2",
        "distance": 1,
    }
    mined = {"category": "shape_size", "value": "round", "source": "mined", "source_qid": "Q1"}
    small.put("attributes", [{"qid": "Q1", **row} for row in (stated, above, mined)])


STUDY_MIXES = ["balanced", "alt_text_only", "graph_only"]
MIXES = [
    {"name": "all", "weights": {"alt_text": 1.0, "label": 3.0, "title": 4.0}}, {"name": "titles", "weights": {"title": 1.0}},
]  # fmt: skip


def put_graph(small: SmallLake) -> None:
    source = {
        "source": "sparql",
        "address": "https://query.test/sparql",
        "complete_until": "2026-11-20T23:59:31Z",
        "snapshot_id": None,
    }
    small.put("graph_snapshot", [source])
    small.put("wikidata_items", [
        item("Q1", *below("Q2"), claim("P462", "Q9"), en="apple"), item("Q2", *below("Q3"), en="fruit"), item("Q3", en="food"),
        item("Q4", *below("Q2"), en="pear"), item("Q5", *below("Q2"), en="medlar"), item("Q6", en="Pear"),
    ])  # fmt: skip
    named = {"root_qid": "Q3", "root_label": "food", "natural_type": "fruit"}
    small.put("entities", [
        {"qid": "Q1", "label": "apple", "description": "a fruit", **named}, {"qid": "Q4", "label": "pear", **named},
        {"qid": "Q6", "label": "Pear", **named},
    ])  # fmt: skip
    above = [("Q1", "Q2", 1), ("Q1", "Q3", 2), ("Q2", "Q3", 1), ("Q4", "Q2", 1), ("Q4", "Q3", 2)]
    small.put("entity_parents", [{"qid": a, "ancestor_qid": b, "distance": d} for a, b, d in above])
    stated = [{"qid": a, "property_id": "P279", "parent_qid": b} for a, b, d in above if d == 1]
    small.put("parent_statements", stated)
    small.put(
        "entity_roots",
        [{"qid": a, "root_qid": b, "distance": d} for a, b, d in above if b == "Q3"]
        + [{"qid": "Q3", "root_qid": "Q3"}],
    )
    put_looks(small)
    small.put("entity_texts", [
        {"qid": "Q1", "kind": "label", "language": "en", "text": "apple"}, {"qid": "Q1", "kind": "alias", "language": "en", "text": "pome"},
    ])  # fmt: skip
    small.put("graph_integrity", [{"finding": "few_sitelinks", "qid": "Q5", "detail": "not an entity of this study"}])
    small.put("entity_changes", [{"qid": "Q1", "change": "added", "current": "apple", "words": "Q1 apple: new"}])


def put_harvest(small: SmallLake) -> None:
    small.put(
        "queries", [{"query_id": "q1", "text": "red apple", "kind": "attribute_noun", "qid": "Q1", "priority": 1}]
    )
    search = {
        "query_id": "q1",
        "provider": "sample",
        "page": 1,
        "qid": "Q1",
        "query_text": "red apple",
        "query_kind": "attribute_noun",
    }
    address = {name: {"url_id": url_id(name), "image_url": url} for name, url in URLS.items()}
    pages = {name: PAGE if name != "banned" else "http://b.test/p" for name in URLS}
    small.put("hits", [
        {**search, **address[name], "rank": rank, "page_url": pages[name], "alt_text": HOSTILE} for rank, name in enumerate(URLS, 1)
    ])  # fmt: skip
    small.put(
        "urls",
        [{**one, "host": "a.test", "licence": "CC0", "author": "Ann", "landing_url": PAGE} for one in address.values()],
    )
    ok = {"outcome": "ok", "http_status": 200, "tries": 1}
    lost = {"outcome": "not_found", "http_status": 404, "tries": 3}
    small.put(
        "downloads",
        [{**address[name], **ok, "image_id": one} for name, one in OUTCOMES.items()] + [{**address["lost"], **lost}],
    )


def put_curation(small: SmallLake) -> None:
    paths = {
        one: small.lake.put_blob("stored", f"{one}.jpg", noise_jpeg(seed)) for seed, one in enumerate(OUTCOMES.values())
    }
    picture = {"format": "JPEG", "url_count": 1}
    small.put("images", [{"image_id": one, **picture, "path": path} for one, path in paths.items()])
    twin_of = {"image_id": TWIN, "representative_id": KEPT}
    small.put("likeness", [twin_of])
    held = {"benchmark": "b", "class_id": "Q1", "class_name": "apple", "image_url": "http://h.test/1.jpg"}
    small.put("benchmark_images", [{"image_id": HELD, **held}])
    size = {"rule": "size", "verdict": "keep", "measure": 200.0, "threshold": 64.0}
    leak = {"rule": "leak", "verdict": "reject", "reason": "held_out_in_b", "measure": 2.0, "threshold": 6.0}
    twin = {
        "rule": "duplicate",
        "verdict": "reject",
        "reason": f"near_duplicate_of_{KEPT}",
        "measure": 0.0,
        "threshold": 4.0,
    }
    rows = [{"image_id": one, **size} for one in OUTCOMES.values()]
    small.put("verdicts", [*rows, {"image_id": BANNED, **leak}, {"image_id": TWIN, **twin}])
    small.put("screens", [{"image_id": KEPT, "screen": "gore", "score": -0.1, "prompt": "blood"}])
    small.put("leak_report", [{"benchmark": "b", "query_id": "q", "provider": "p", "leaked": 1}])
    small.put("leaks", [{"image_id": BANNED, "benchmark": "b", "benchmark_image_id": HELD, "phash_distance": 2}])
    small.put("kept_images", [{"image_id": KEPT, "path": paths[KEPT]}])
    said = {"image_id": KEPT, "source": "alt_text", "page_url": PAGE, "url_id": url_id("kept")}
    kept, refused = (
        {"text": "an apple", "language": "en"},
        {"text": "IMG_1", "source": "title", "reason": "camera_name"},
    )
    small.put("web_texts", [{**said, **kept}, {**said, **refused}])
    small.put("image_texts", [{**said, **kept}])
    found = {"qid": "Q1", "evidence": "query", "query_id": "q1", "query_text": "red apple", "score": 1.0}
    small.put("image_entities", [{"image_id": KEPT, **found}])
    small.put(
        "label_tail", [{"qid": "Q1", "label": "apple", "named": 3, "linked": 2, "at_min_score": 1, "threshold": 0.3}]
    )
    counts = {"queries": 1, "hits": 5, "urls": 5, "downloaded": 3, "images": 3, "kept": 1, "rejected": 2}
    small.put("entity_report", [{"qid": "Q1", "label": "apple", **counts}])
    branch = {"root_qid": "Q3", "root_label": "food", "entities": 3, "thin": 2, "thin_share": 2 / 3, "kept_median": 1.0}
    branches = [{"branch_qid": "Q3", "branch_label": "food"}, {"branch_qid": "Q2", "branch_label": "fruit", "depth": 1}]
    small.put("branch_report", [{**branch, **{"depth": 0}, **one} for one in branches])


def put_models(small: SmallLake) -> None:
    small.put("samples", [{"image_id": KEPT, "shard": "000-00000", "shard_index": 3}])
    small.put("shards", [{"shard": "000-00000", "path": "shards/000.tar", "sample_count": 4}])
    small.put("tombstones", [])
    small.put("release", [{"release_id": RELEASE, "shard": "000-00000", "sample_count": 4}])
    shares = [(mix["name"], source, weight) for mix in MIXES for source, weight in mix["weights"].items()]
    small.put("caption_mixes", [{"mix": m, "source": s, "weight": w, "image_count": 1} for m, s, w in shares])
    small.put("mix_balance", [{"mix": mix["name"], "image_count": 1} for mix in MIXES])
    small.put("caption_links", [{"image_id": KEPT, "qid": "Q1", "query_id": "q1", "query_kind": "attribute_noun"}])
    small.put("query_texts", [{"query_id": "q1", "source": "query", "text": "red apple"}])
    spec = {"data": {"shards": [{"name": "000-00000", "samples": 4}], "skip": []}}
    (small.lake.job_folder("train", "run") / "spec.json").write_text(json.dumps(spec))
    metrics = [{"step": step, "samples_seen": 4 * step, "loss": 5.0 - step} for step in (1, 2)]
    lines = "".join(json.dumps(one) + "\n" for one in metrics) + '{"step": 3'
    (small.lake.job_folder("train", "run") / "metrics.jsonl").write_text(lines)
    recipe = small.study.recipes[0].name
    run = {"recipe": recipe, "step": 8, "benchmark": "b"}
    trained = {"mix": "all", "release_id": RELEASE, "path": "jobs/train/run/export", "samples_seen": 8}
    small.put("checkpoints", [{"recipe": recipe, "step": 8, **trained}], recipe)
    figure = {"protocol": "zero_shot", "metric": "acc1", "value": 0.5, "count": 2, "chance": 0.25}
    small.put("scores", [{**run, **figure}], recipe)
    wrong = {"class_id": "Q1", "predicted_class_id": "Q4"}
    place = {"place": 1, "mix": "all", "tower": "demo-64", "samples_seen": 8, "release_id": RELEASE}
    accuracy = {"acc1": 0.5, "mean_per_class_recall": 0.5, "times_chance": 2.0, "acc1_low": 0.1, "acc1_high": 0.9}
    small.put("leaderboard", [{"recipe": recipe, "step": 8, **place, **accuracy}])
    small.put("predictions", [{**run, **wrong, "image_id": HELD, "rank_of_true": 2}], recipe)
    floor = {"floor": "chance", "metric": "acc1", "value": 0.5, "count": 2, "classes": 2}
    small.put("floors", [{"benchmark": "b", **floor}])
    small.put("entity_scores", [{**run, "qid": "Q1", "label": "apple", "count": 2, "recall": 0.5, "mean_rank": 1.5}])
    small.put(
        "harvest_plan",
        [{"qid": "Q1", "label": "apple", "place": 1, "recall": 0.5, "kept": 1, "extra_queries": 2, "reason": "weak"}],
    )
    small.put("confusions", [{**run, **wrong, "count": 1, "kinship": 2}])


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> SmallLake:
    """A lake made whole by hand; for reading."""
    small = SmallLake(tmp_path_factory.mktemp("whole"), mixes=[*STUDY_MIXES, *MIXES])
    for put in (put_graph, put_harvest, put_curation, put_models):
        put(small)
    return small


@pytest.fixture
def made(whole: SmallLake, tmp_path: Path) -> SmallLake:
    """A copy of it; for changing."""
    shutil.copytree(whole.lake.root, tmp_path / "made" / "lake")
    return SmallLake(tmp_path / "made", mixes=[*STUDY_MIXES, *MIXES])


@pytest.fixture
def shelf(whole: SmallLake) -> Iterator[Shelf]:
    with Shelf(whole.lake, whole.study) as opened:
        yield opened
