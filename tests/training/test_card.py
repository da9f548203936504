"""What an export is told of its data: the lineage as texts, and the entities of the vocabulary."""

from __future__ import annotations

import json

import pytest

from entitynet_assets.definitions import stations
from entitynet_assets.stations import run_slice
from entitynet_assets.studies.models import load_study
from entitynet_assets.training.assets import _ENTITIES
from entitynet_assets.training.card import lineage, short
from entitynet_train.spec import RunSpec, fingerprint, load
from tests.small_lake import SmallLake
from tests.training.test_dispatch import Trainer


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0"), (465, "465"), (999, "999"), (1_000, "1K"), (12_345, "12.3K"), (32_700_000, "32.7M")],
)
def test_counts_are_named_as_data_sets_are(count, said):
    assert short(count) == said


def test_a_manifest_becomes_texts():
    manifest = {
        "release_id": "r1", "pictures": 1500, "skipped": 2, "rounds": {"1": 1400, "2": 100}, "licences": {"cc0": 20, "unknown": 1480},
        "screened": False, "not_screened": 1500, "taken_down": 1, "parent": None,
        "graph": [{"source": "dump", "address": "latest.json.gz", "items": 4000, "snapshot_id": "ab" * 32, "newest_revision": 77,
                   "complete_until": None, "newest_edit_at": "2026-01-02"}],
    }  # fmt: skip
    assert lineage(load_study("sample"), manifest, 48) == {
        "name": "sample-1.5K", "title": "Sample world: drawn pictures of real Wikidata entities", "study": "sample", "release": "r1",
        "pictures": "1,500, without 2 in the shards that loaders skip", "entities": "48",
        "rounds": "round 1 1,400, round 2 100", "licences": "unknown 1,480, cc0 20",
        "graph": "4,000 items of latest.json.gz, newest edit met 2026-01-02, newest revision 77, snapshot abababababababab",
        "screened": "no: 1,500 pictures not judged", "taken_down": "1",
    }  # fmt: skip
    assert lineage(load_study("sample"), {**manifest, "screened": True, "not_screened": 0}, 48)["screened"] == "yes"
    assert lineage(load_study("sample"), {}, 0)["screened"] == "not known"


def test_entities_that_share_a_name_are_told_apart_and_those_gone_are_left_out(small: SmallLake):
    small.put("label_vocabulary", [
        {"qid": "Q1", "label": "crane", "class_index": 0}, {"qid": "Q2", "label": "Crane", "class_index": 1},
        {"qid": "Q3", "label": "apple", "class_index": None, "reason": "no_pictures"},
        {"qid": "Q4", "label": "gone", "class_index": 2, "reason": "no_entity"},
    ])  # fmt: skip
    small.put("entity_texts", [
        {"qid": qid, "kind": kind, "language": "en", "text": text}
        for qid, kind, text in [("Q1", "natural_type", "bird"), ("Q3", "natural_type", "fruit"), ("Q1", "alias", "Grus")]
    ])  # fmt: skip
    small.put("named_ancestors", [
        {"qid": "Q1", "ancestor_qid": "Q8", "ancestor_label": "animal", "distance": 2},
        {"qid": "Q1", "ancestor_qid": "Q9", "ancestor_label": "bird", "distance": 1},
    ])  # fmt: skip
    views = {name: [small.lake.path(name)] for name in ("label_vocabulary", "entity_texts", "named_ancestors")}
    rows = small.lake.select(f"SELECT * FROM ({_ENTITIES}) ORDER BY qid", views)
    assert [(row["qid"], row["class_index"], row["text"]) for row in rows] == [
        ("Q1", 0, "crane, bird"), ("Q2", 1, "Crane"), ("Q3", None, "apple"),
    ]  # fmt: skip
    assert [(one["label"], one["distance"]) for one in rows[0]["ancestors"]] == [("bird", 1), ("animal", 2)]
    assert rows[2]["ancestors"] == []


def test_a_run_is_handed_entities_and_lineage_which_are_no_part_of_its_identity(harvested):
    harvested.place.cluster = trainer = Trainer()
    run_slice(stations()["checkpoints"], harvested.place, "demo")
    made = load(RunSpec, trainer.jobs[0].folder / "spec.json")
    rows = harvested.lake.select(
        "SELECT qid FROM entities_file", {"entities_file": [harvested.lake.root / made.entities]}
    )
    assert {row["qid"] for row in rows} == {row["qid"] for row in harvested.rows("label_vocabulary")}
    manifest = json.loads((harvested.lake.root / "release" / f"{made.data.release_id}.json").read_text())
    assert made.card == lineage(harvested.study, manifest, len(rows))
    assert fingerprint(load(RunSpec, _without(trainer.jobs[0].folder / "spec.json"))) == fingerprint(made)


def _without(path):
    raw = json.loads(path.read_text()) | {"card": {}, "entities": ""}
    bare = path.with_name("bare.json")
    bare.write_text(json.dumps(raw))
    return bare
