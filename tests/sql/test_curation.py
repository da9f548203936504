"""Golden rows of verdicts, kept_images and entity_report: every rule at its threshold."""

from __future__ import annotations

from typing import Any

import pytest

from entitynet_assets.tables import RULES
from tests.small_lake import SmallLake, item, words

CURATION = {
    "min_side_px": 64, "max_aspect": 3.0, "min_entropy_bits": 1.5, "placeholder_urls": 5, "duplicate_radius": 4, "leak_radius": 6,
    "licences_refused": ["all rights reserved"],
}  # fmt: skip
SOUND = {"image_id": "i", "original_width_px": 64, "original_height_px": 64, "entropy_bits": 1.5, "url_count": 4}
ENCODER = {"model": "some/model", "sha256": "0" * 64, "min_relevance": 0.25, "leak_cosine": 0.9}


def verdicts(small: SmallLake, encoder: dict[str, Any] | None = None, **picture: Any) -> dict[str, tuple[Any, ...]]:
    small.choose(curation=CURATION, **({"encoder": encoder} if encoder else {}))
    small.put("images", [{**SOUND, **picture}])
    return {
        row["rule"]: (row["verdict"], row["reason"], row["measure"], row["threshold"]) for row in small.make("verdicts")
    }


def test_a_sound_picture_is_kept_by_every_rule_and_not_judged_without_an_encoder(small: SmallLake) -> None:
    assert verdicts(small) == {
        "size": ("keep", None, 64.0, 64.0), "aspect": ("keep", None, 1.0, 3.0), "blank": ("keep", None, 1.5, 1.5),
        "placeholder": ("keep", None, 4.0, 5.0), "duplicate": ("keep", None, None, 0.96), "leak": ("keep", None, None, 6.0),
        "licence": ("keep", None, None, None), "relevance": ("not_judged", "no_encoder", None, 0.0),
        "text": ("not_judged", "no_text", None, 0.0), "unwanted": ("not_judged", "no_encoder", None, None),
        "people": ("not_judged", "no_encoder", None, None), "blocklist": ("not_judged", "no_list", None, 4.0),
    }  # fmt: skip


EDGES = [
    ("size", {"original_height_px": 63}, ("reject", "too_small", 63.0, 64.0)),
    ("size", {"original_width_px": 63}, ("reject", "too_small", 63.0, 64.0)),
    ("aspect", {"original_width_px": 192}, ("keep", None, 3.0, 3.0)),
    ("aspect", {"original_width_px": 193}, ("reject", "too_long", 193 / 64, 3.0)),
    ("aspect", {"original_height_px": 193}, ("reject", "too_long", 193 / 64, 3.0)),
    ("blank", {"entropy_bits": 1.4999}, ("reject", "low_entropy", 1.4999, 1.5)),
    ("placeholder", {"url_count": 5}, ("reject", "served_everywhere", 5.0, 5.0)),
]


@pytest.mark.parametrize(("rule", "picture", "verdict"), EDGES)
def test_thresholds_at_the_boundary(rule: str, picture: dict, verdict: tuple, small: SmallLake) -> None:
    found = verdicts(small, **picture)
    assert found[rule] == verdict
    assert tuple(sorted(found)) == tuple(sorted(RULES))


def test_what_repeats_leaks_or_is_refused_is_rejected_with_its_evidence(small: SmallLake) -> None:
    small.put("likeness", [{"image_id": "i", "representative_id": "first", "correlation": 0.98}])
    small.put("leaks", [
        {"image_id": "i", "benchmark": "b2", "benchmark_image_id": "x", "phash_distance": 2},
        {"image_id": "i", "benchmark": "b1", "benchmark_image_id": "y", "phash_distance": 5},
    ])  # fmt: skip
    small.put("downloads", [{"url_id": "u", "image_id": "i"}, {"url_id": "v", "image_id": "i"}, {"url_id": "w"}])
    small.put("urls", [{"url_id": "u", "licence": "cc0"}, {"url_id": "v", "licence": "all rights reserved"}])
    found = verdicts(small)
    assert found["duplicate"] == ("reject", "near_duplicate_of_first", 0.98, 0.96)
    assert found["leak"] == ("reject", "held_out_in_b2", 2.0, 6.0)
    assert found["licence"] == ("reject", "refused_all rights reserved", None, None)


def test_a_placeholder_is_known_by_the_addresses_of_all_its_copies(small: SmallLake) -> None:
    copies = [
        {"image_id": name, "representative_id": "i", "url_count": 2, "representative_url_count": 1} for name in "jk"
    ]
    small.put("likeness", copies)
    assert verdicts(small, url_count=1)["placeholder"] == ("reject", "served_everywhere", 5.0, 5.0)
    small.put("likeness", copies[:1])
    assert verdicts(small, url_count=1)["placeholder"] == ("keep", None, 3.0, 5.0)
    small.put("likeness", [{"image_id": "i", "representative_id": "h", "url_count": 1, "representative_url_count": 4}])
    assert verdicts(small, url_count=1)["placeholder"] == ("reject", "served_everywhere", 5.0, 5.0)


@pytest.mark.parametrize(
    ("relevance", "verdict"),
    [(0.25, ("keep", None)), (0.2499, ("reject", "unlike_its_entity")), (None, ("not_judged", "no_embedding"))],
)
def test_relevance_is_judged_where_an_encoder_measured_it(relevance: float, verdict: tuple, small: SmallLake) -> None:
    small.put("embeddings", [{"image_id": "i", "encoder": "some/model", "relevance": relevance}])
    assert verdicts(small, ENCODER)["relevance"] == (*verdict, relevance, 0.25)


def test_a_picture_is_kept_unless_a_rule_rejects_it(small: SmallLake) -> None:
    small.put(
        "images",
        [
            {"image_id": name, "path": f"p{name}", "stored_sha256": name, "width_px": 3, "height_px": 2, "round": 1}
            for name in "abc"
        ],
    )
    small.put("verdicts", [
        {"image_id": "a", "rule": "size", "verdict": "keep"}, {"image_id": "a", "rule": "relevance", "verdict": "not_judged"},
        {"image_id": "b", "rule": "size", "verdict": "keep"}, {"image_id": "b", "rule": "leak", "verdict": "reject"},
    ])  # fmt: skip
    assert [tuple(row.values()) for row in small.make("kept_images")] == [
        ("a", "pa", "a", 3, 2, 1),
        ("c", "pc", "c", 3, 2, 1),
    ]


def counts(**pictures: int) -> list[dict[str, Any]]:
    return [{"name": name, "pictures": count} for name, count in pictures.items()]


def test_the_report_follows_each_entity_from_searches_to_pictures_and_words(small: SmallLake) -> None:
    small.put("entities", [{"qid": qid, "label": f"name {qid}"} for qid in ("Q1", "Q2", "Q3")])
    small.put("queries", [{"query_id": query, "qid": qid} for query, qid in (("a", "Q1"), ("b", "Q1"), ("c", "Q2"))])
    hits = [
        ("a", "Q1", 1, "u", "cc0"), ("a", "Q1", 2, "v", "cc-by"), ("b", "Q1", 1, "u", "cc0"), ("b", "Q1", 2, "w", "cc0"),
        ("c", "Q2", 1, "u", "cc0"), ("c", "Q2", 2, "x", "cc0"), ("import", None, 1, "u", "cc0"), ("import", None, 2, "w", "by"),
    ]  # fmt: skip
    small.put("hits", [
        {"query_id": q, "qid": qid, "rank": rank, "url_id": url, "licence": licence, "page": 1, "provider": "p" if q == "a" else "o"}
        for q, qid, rank, url, licence in hits
    ])  # fmt: skip
    small.put("downloads", [
        {"url_id": "u", "image_id": "i", "host": "a.test"}, {"url_id": "v", "image_id": "i", "host": "b.test"},
        {"url_id": "w", "image_id": "j", "host": "a.test"}, {"url_id": "x", "outcome": "not_found"},
    ])  # fmt: skip
    small.put("kept_images", [{"image_id": "i"}])
    small.put("likeness", [{"image_id": "j", "representative_id": "i"}])
    refused = ["leak", "duplicate"]
    small.put(
        "verdicts",
        [{"image_id": "j", "rule": rule, "verdict": "reject"} for rule in refused]
        + [{"image_id": "i", "rule": "size"}],
    )
    said = [
        ("i", "alt_text", "an apple", "u"),
        ("i", "alt_text", "an apple", "v"),
        ("i", "title", "apple", "u"),
        ("j", "title", "no", "w"),
    ]
    small.put("image_texts", [dict(zip(("image_id", "source", "text", "url_id"), row, strict=True)) for row in said])
    small.put(
        "entity_texts", [{"qid": "Q1", "text": text} for text in ("apple", "Apfel")] + [{"qid": "Q3", "text": "pear"}]
    )
    assert [tuple(row.values()) for row in small.make("entity_report")] == [
        ("Q1", "name Q1", 2, 4, 3, 3, 2, 1, 1, 1, counts(duplicate=1, leak=1), 2, 1, 2, counts(o=1, p=1),
         2, counts(**{"a.test": 1, "b.test": 1}), counts(**{"cc-by": 1, "cc0": 1})),
        ("Q2", "name Q2", 1, 2, 2, 1, 1, 1, 0, 0, [], 2, 1, 0, counts(o=1), 1, counts(**{"a.test": 1}), counts(cc0=1)),
        ("Q3", "name Q3", 0, 0, 0, 0, 0, 0, 0, 0, [], 0, 0, 1, [], 0, [], []),
    ]  # fmt: skip


def test_of_many_hosts_the_ten_with_the_most_pictures_are_named(small: SmallLake) -> None:
    small.put("entities", [{"qid": "Q1"}])
    small.put("hits", [{"query_id": "a", "qid": "Q1", "rank": n, "url_id": f"u{n}"} for n in range(13)])
    small.put(
        "downloads",
        [
            {"url_id": f"u{n}", "image_id": f"i{n}", "host": f"h{n // 2:02d}" if n < 2 else f"h{n:02d}"}
            for n in range(13)
        ],
    )
    small.put("kept_images", [{"image_id": f"i{n}"} for n in range(13)])
    (row,) = small.make("entity_report")
    assert row["host_count"] == 12
    assert row["hosts"] == counts(h00=2, **{f"h{n:02d}": 1 for n in range(2, 11)})


BRANCHES = (
    "branch_qid",
    "branch_label",
    "root_qid",
    "depth",
    "entities",
    "thin",
    "thin_share",
    "empty",
    "kept_min",
    "kept_median",
    "kept",
)


def put_branches(small: SmallLake) -> None:
    """Q1 is a root with the classes Q2 and Q3 below it; Q4 and Q5 are below Q2, Q6 below Q2 and Q3; Q9 is a root of nothing."""
    parents = {"Q2": ["Q1"], "Q3": ["Q1"], "Q4": ["Q2", "Q1"], "Q5": ["Q2", "Q1", "Q77"], "Q6": ["Q2", "Q3", "Q1"]}
    small.put(
        "entity_parents", [{"qid": qid, "ancestor_qid": above} for qid, found in parents.items() for above in found]
    )
    depths = {"Q1": 0, "Q2": 1, "Q3": 1, "Q4": 2, "Q5": 2, "Q6": 2}
    small.put("entity_roots", [
        *({"qid": qid, "root_qid": "Q1", "distance": depth} for qid, depth in depths.items()), {"qid": "Q9", "root_qid": "Q9"},
    ])  # fmt: skip
    small.put("wikidata_items", [item(qid) for qid in ("Q1", "Q2", "Q9")] + [item("Q3", labels=words(mul="Drei"))])
    kept = {"Q2": 7, "Q4": 0, "Q5": 3, "Q6": 12}
    small.put("entities", [{"qid": qid} for qid in kept])
    part = {"providers": counts(o=1, p=2), "licences": counts(cc0=3), "rejected_by": counts(leak=1)}
    small.put(
        "entity_report",
        [{"qid": qid, "kept": count, "images": count + 1, **(part if count else {})} for qid, count in kept.items()],
    )


def test_the_branch_report_counts_entities_at_or_below_each_class(small: SmallLake) -> None:
    small.choose(scope={"roots": ["Q1", "Q9"]}, curation={"thin_pictures": 4})
    put_branches(small)
    rows = {row["branch_qid"]: row for row in small.make("branch_report")}
    assert [tuple(row[name] for name in BRANCHES) for row in rows.values()] == [
        ("Q1", "name of Q1", "Q1", 0, 4, 2, 0.5, 1, 0, 5.0, 22),
        ("Q2", "name of Q2", "Q1", 1, 4, 2, 0.5, 1, 0, 5.0, 22),
        ("Q3", "Drei", "Q1", 1, 1, 0, 0.0, 0, 12, 12.0, 12),
        ("Q9", "name of Q9", "Q9", 0, 0, 0, 0.0, 0, 0, 0.0, 0),
    ]
    assert (rows["Q2"]["providers"], rows["Q2"]["licences"], rows["Q3"]["rejected_by"]) == (
        counts(p=6, o=3), counts(cc0=9), counts(leak=1)
    )  # fmt: skip
    assert (rows["Q1"]["images"], rows["Q9"]["providers"]) == (26, [])


def test_of_named_items_the_classes_above_are_branches_without_a_root(small: SmallLake) -> None:
    small.choose(scope={"roots": [], "items": ["Q4", "Q5"]})
    small.put("entity_parents", [{"qid": "Q4", "ancestor_qid": "Q2"}, {"qid": "Q5", "ancestor_qid": "Q2"}])
    small.put("entity_roots", [{"qid": "Q4", "root_qid": "Q4"}, {"qid": "Q5", "root_qid": "Q5"}])
    small.put("wikidata_items", [item("Q4"), item("Q5"), {**item("Q2"), "role": "ancestor"}])
    small.put("entities", [{"qid": "Q4"}, {"qid": "Q5"}])
    small.put("entity_report", [{"qid": "Q4", "kept": 1}, {"qid": "Q5", "kept": 30}])
    assert small.pick("branch_report", *BRANCHES) == [("Q2", "name of Q2", None, None, 2, 1, 0.5, 0, 1, 15.5, 31)]


HELD_OUT = [
    ("b", "Q1", "x"),
    ("b", "Q1", "x"),
    ("b", "Q1", "y"),
    ("b", "Q2", None),
    ("b", "Q3", None),
    ("c", "Q1", None),
]


def met(small: SmallLake, min_coverage: float) -> SmallLake:
    small.choose(benchmarks=[{"name": "b", "manifest": "m", "min_coverage": min_coverage}])
    names = ("benchmark", "class_id", "source_class")
    held_out = [
        {"image_id": f"h{n}", "class_name": row[1].lower(), **dict(zip(names, row, strict=True))}
        for n, row in enumerate(HELD_OUT)
    ]
    small.put("benchmark_images", held_out)
    small.put(
        "entity_report",
        [{"qid": "Q1", "queries": 2, "hits": 9, "kept": 5}, {"qid": "Q2", "queries": 1}, {"qid": "Q9", "kept": 1}],
    )
    return small


def test_a_held_out_class_is_joined_by_an_entity_with_pictures(small: SmallLake) -> None:
    columns = (
        "benchmark",
        "class_id",
        "class_name",
        "source_classes",
        "status",
        "held_out",
        "queries",
        "hits",
        "kept",
        "min_coverage",
    )
    assert met(small, 0.5).pick("benchmark_classes", *columns) == [
        ("b", "Q1", "q1", 2, "joined", 3, 2, 9, 5, 0.5),
        ("b", "Q2", "q2", 1, "no_pictures", 1, 1, 0, 0, 0.5),
        ("b", "Q3", "q3", 1, "no_entity", 1, 0, 0, 0, 0.5),
        ("c", "Q1", "q1", 1, "joined", 1, 2, 9, 5, 0.0),  # a benchmark of another study
    ]


@pytest.mark.parametrize(("min_coverage", "failed"), [(0.5, ()), (0.51, ("coverage_too_low",)), (0.0, ())])
def test_too_few_joined_classes_block_what_comes_after(min_coverage: float, failed: tuple, small: SmallLake) -> None:
    assert met(small, min_coverage).run("benchmark_classes").record.failed_checks == failed


def test_a_trial_run_with_a_limit_asks_for_no_coverage(small: SmallLake) -> None:
    met(small, 1.0).place.limit = 1
    assert small.run("benchmark_classes").record.failed_checks == ()
