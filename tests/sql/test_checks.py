"""Each blocking check passes on sound rows and names the offender among unsound ones; a station with one refuses readers."""

from __future__ import annotations

from typing import Any

import pytest

from entitynet_assets.lake import sql_folder
from entitynet_assets.lineage import DriftError
from entitynet_assets.sql_assets import tables_of
from entitynet_assets.tables import RULES
from tests.small_lake import Row, SmallLake

Tables = dict[str, list[Row]]
ENTITY = {"qid": "Q2", "label": "apple", "root_qid": "Q1", "depth": 1}
TAR = {"shard": "000-00000", "sha256": "s", "sample_count": 2}
PLACES = [{"image_id": name, "shard": "000-00000", "shard_index": place} for place, name in enumerate("ab")]
RELEASED = {"release_id": "r", "shard": "000-00000", "tar_sha256": "s", "sample_count": 2, "skipped_count": 2}
ALL_RULES = [{"image_id": "a", "rule": rule, "verdict": "keep"} for rule in RULES]
SCORE = {"recipe": "demo", "benchmark": "b", "value": 1.0, "count": 1, "chance": 0.1}
MET = {"benchmark": "b", "class_id": "Q1", "source_classes": 4, "status": "joined", "min_coverage": 0.8}
LOSSES = [
    {"recipe": "demo", name: value} for name in ("loss_first", "loss_last") for value in (float("nan"), float("inf"))
]
WRONG_SCORES = [{"value": 1.01}, {"value": -0.1}, {"value": float("nan")}, {"count": 0}, {"chance": 1.5}]
NO_TEXT = {"mix": "none", "source": "label", "effective_share": 0.0, "image_count": 0}
MIX = {"mix": "m", "source": "label", "effective_share": 0.25, "image_count": 1}

CHECKS: list[tuple[str, Tables, list[Tables]]] = [
    ("benchmark_classes__coverage_too_low",
     {"benchmark_classes": [MET, {**MET, "class_id": "Q2", "source_classes": 1, "status": "no_entity"}]},
     [{"benchmark_classes": [{**MET, "status": status}]} for status in ("no_entity", "no_pictures")]
     + [{"benchmark_classes": [{**MET, "source_classes": 1}, {**MET, "class_id": "Q2", "source_classes": 2, "status": "no_entity"}]}]),
    ("entities__root_without_itself",
     {"entities": [ENTITY, {**ENTITY, "qid": "Q1", "depth": 0}],
      "entity_roots": [{"qid": "Q2", "root_qid": "Q1", "distance": 1}, {"qid": "Q1", "root_qid": "Q1"}]},
     [{"entities": [ENTITY], "entity_roots": [{"qid": "Q2", "root_qid": above, "distance": far}]} for above, far in (("Q3", 1), ("Q1", 2))]
     + [{"entities": [ENTITY]}]),
    ("urls__unknown_to_hits", {"urls": [{"url_id": "u"}], "hits": [{"url_id": "u"}]},
     [{"urls": [{"url_id": "u"}], "hits": [{"url_id": "v"}]}]),
    ("downloads__ok_without_picture",
     {"downloads": [{"url_id": "u", "outcome": "ok", "image_id": "i"}, {"url_id": "v", "outcome": "gone"}]},
     [{"downloads": [{"url_id": "u", "outcome": "ok"}]}, {"downloads": [{"url_id": "u", "outcome": "gone", "image_id": "i"}]}]),
    ("verdicts__rule_missing", {"images": [{"image_id": "a"}], "verdicts": ALL_RULES},
     [{"images": [{"image_id": "a"}], "verdicts": ALL_RULES[1:]}, {"images": [{"image_id": "a"}]}]),
    ("verdicts__leak_kept",
     {"leaks": [{"image_id": "a", "benchmark": "b"}], "verdicts": [{"image_id": "a", "rule": "leak", "verdict": "reject"}]},
     [{"leaks": [{"image_id": "a"}], "verdicts": ALL_RULES}, {"leaks": [{"image_id": "a"}]},
      {"leaks": [{"image_id": "a"}], "verdicts": [{"image_id": "a", "rule": "size", "verdict": "reject"}]}]),
    ("kept_images__rejected",
     {"kept_images": [{"image_id": "a"}], "images": [{"image_id": "a"}], "verdicts": ALL_RULES},
     [{"kept_images": [{"image_id": "a"}], "images": [{"image_id": "a"}], "verdicts": [{"image_id": "a", "verdict": "reject"}]},
      {"kept_images": [{"image_id": "a"}]}]),
    ("samples__place_taken_twice", {"samples": PLACES},
     [{"samples": [PLACES[0], {**PLACES[1], "shard_index": 0}]}, {"samples": [PLACES[0], {**PLACES[1], "shard_index": 2}]},
      {"samples": [{**PLACES[0], "shard_index": -1}, {**PLACES[1], "shard_index": 1}]}]),
    ("shards__sample_count_differs", {"shards": [TAR], "samples": PLACES},
     [{"shards": [TAR], "samples": PLACES[:1]}, {"shards": [TAR]}, {"samples": PLACES}]),
    ("release__counts_differ", {"release": [RELEASED], "shards": [TAR]},
     [{"release": [{**RELEASED, **wrong}], "shards": [TAR]} for wrong in ({"tar_sha256": "t"}, {"sample_count": 3}, {"skipped_count": 3})]
     + [{"release": [RELEASED]}, {"shards": [TAR]},
        {"release": [RELEASED, {**RELEASED, "shard": "x", "release_id": "q"}], "shards": [TAR, {**TAR, "shard": "x"}]}]),
    ("release__holds_a_held_out_picture",
     {"samples": PLACES, "kept_images": [{"image_id": "a"}, {"image_id": "b"}], "tombstones": [{"image_id": "b"}],
      "benchmark_images": [{"benchmark": "x", "image_id": "h"}, {"benchmark": "x", "image_id": "b"}],
      "leaks": [{"image_id": "b", "benchmark": "x", "benchmark_image_id": "h"}]},
     [{"samples": PLACES, "kept_images": [{"image_id": "a"}], "benchmark_images": [{"benchmark": "x", "image_id": "a"}]},
      {"samples": PLACES, "kept_images": [{"image_id": "a"}], "leaks": [{"image_id": "a", "benchmark": "x", "benchmark_image_id": "h"}]}]),
    ("caption_mixes__shares_not_one",
     {"caption_mixes": [MIX, {**MIX, "source": "alias", "effective_share": 0.75}, NO_TEXT]},
     [{"caption_mixes": [MIX]}, {"caption_mixes": [{**MIX, "image_count": 0}]}]),
    ("checkpoints__loss_not_finite", {"checkpoints": [{"recipe": "demo", "loss_first": 4.0}]},
     [{"checkpoints": [row]} for row in LOSSES]),
    ("scores__out_of_range", {"scores": [SCORE, {**SCORE, "metric": "m", "chance": None}]},
     [{"scores": [{**SCORE, **wrong}]} for wrong in WRONG_SCORES]),
]  # fmt: skip
NAMES = [name for name, _, _ in CHECKS]


def offenders(small: SmallLake, name: str, tables: Tables) -> list[Row]:
    query = (sql_folder() / "checks" / f"{name}.sql").read_text()
    views: dict[str, Any] = {}
    for table in tables_of(query):
        small.choose(recipes=["demo"])
        small.put(table, tables.get(table, []))
        record = next(
            found for slice_name in ("whole", "000", "demo") if (found := small.lake.record(table, slice_name))
        )
        views[table] = [small.lake.root / "tables" / table / record.file]
    return small.lake.select(query, views)


def test_every_check_is_tested_here() -> None:
    assert sorted(NAMES) == sorted(path.stem for path in (sql_folder() / "checks").glob("*.sql"))


@pytest.mark.parametrize(("name", "sound", "unsound"), CHECKS, ids=NAMES)
def test_a_check_passes_sound_rows_and_names_offenders(
    name: str, sound: Tables, unsound: list[Tables], small: SmallLake
) -> None:
    assert offenders(small, name, sound) == []
    for tables in unsound:
        assert offenders(small, name, tables), tables


def test_a_failed_check_stays_on_the_record_until_the_cause_is_mended(small: SmallLake) -> None:
    small.put("samples", [{**PLACES[0], "path": "p", "stored_sha256": "0"}])
    small.put("kept_images", [{"image_id": "b", "path": "q", "stored_sha256": "1"}])
    small.put("samples", [{**PLACES[0], "shard_index": 5, "path": "p", "stored_sha256": "0"}])
    done = small.run("samples")  # append-only: it keeps the place that was spoilt
    assert done.record.failed_checks == ("place_taken_twice",)
    assert done.problems["place_taken_twice"]
    with pytest.raises(DriftError, match=r"samples \[000\] failed place_taken_twice; look at its checks"):
        small.run("shards")
    small.put("samples", [])
    assert small.run("samples").record.failed_checks == ()
    assert small.lake.rows("samples")[0]["image_id"] == "b"
