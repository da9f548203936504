"""What a manifest says, what a part of a release holds, and that a run skips what was taken down after its release."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest

from entitynet_assets.lake import with_checks
from entitynet_assets.studies.models import StudyError
from entitynet_assets.training.dispatch import Words, data_spec
from entitynet_assets.training.release import obeyed
from tests.small_lake import Row, SmallLake, make_study

PICTURES = ("apple", "pear", "cat", "stone")
ASKED = {"reason": "asked", "taken_down_at": "2026-01-01"}
PARTS = [
    {"name": "fruit", "below": ["Q10"]},
    {"name": "free", "licences": ["CC0-1.0"]},
    {"name": "free-fruit", "below": ["Q10"], "licences": ["CC0-1.0", "CC-BY-4.0"]},
    {"name": "large", "min_side_px": 100},
    {"name": "found", "providers": ["brave"]},
]


def filled(small: SmallLake) -> SmallLake:
    """Four packed pictures: two fruits, of which one is free and was found elsewhere, too; the cat is rejected later."""
    small.choose(subreleases=PARTS)
    small.put("kept_images", [{"image_id": one} for one in PICTURES if one != "cat"])
    small.put(
        "samples",
        [
            {"image_id": one, "shard": "000-00000", "shard_index": n, "round": 1 + n % 2}
            for n, one in enumerate(PICTURES)
        ],
    )
    small.put(
        "shards", [{"shard": "000-00000", "path": "shards/a.tar", "sha256": "s", "sample_count": 4, "size_bytes": 9}]
    )
    small.put(
        "images",
        [
            {"image_id": one, "original_width_px": 100, "original_height_px": 90 + 10 * n}
            for n, one in enumerate(PICTURES)
        ],
    )
    small.put(
        "image_entities",
        [{"image_id": "apple", "qid": "Q11"}, {"image_id": "pear", "qid": "Q10"}, {"image_id": "cat", "qid": "Q11"}],
    )
    small.put("entity_parents", [{"qid": "Q11", "ancestor_qid": "Q10"}])
    small.put(
        "downloads",
        [{"url_id": f"u-{one}", "image_id": one} for one in PICTURES] + [{"url_id": "other", "image_id": "apple"}],
    )
    licences = {"u-apple": "CC0-1.0", "other": "CC-BY-4.0", "u-pear": None, "u-stone": "CC0-1.0", "u-cat": "CC0-1.0"}
    small.put("urls", [{"url_id": url, "licence": licence} for url, licence in licences.items()])
    small.put("hits", [{"url_id": "other", "provider": "brave"}, {"url_id": "u-pear", "provider": "sample"}])
    small.put("graph_snapshot", [{"source": "dump", "snapshot_id": "d1", "items": 3}])
    return small


def kept(small: SmallLake, part: str) -> set[str]:
    (row,) = (row for row in small.lake.rows("subreleases") if row["subrelease"] == part)
    keep, skip = (
        set(pq.read_table(small.lake.root / row[name])["image_id"].to_pylist()) for name in ("keep_path", "skip_path")
    )
    assert (keep | skip, keep & skip, row["picture_count"]) == (set(PICTURES), set(), len(keep))
    return keep


def test_a_part_has_what_all_its_keys_ask_for(small: SmallLake) -> None:
    filled(small).make("release")
    small.make("subreleases")
    found = {part["name"]: kept(small, part["name"]) for part in PARTS}
    assert found == {
        "fruit": {"apple", "pear"}, "free": {"apple", "stone"}, "free-fruit": {"apple"}, "large": {"pear", "stone"}, "found": {"apple"},
    }  # fmt: skip
    small.lake.add_tombstones([{"image_id": "apple", **ASKED}])
    for name in ("tombstones", "release", "subreleases"):
        small.make(name)
    assert kept(small, "fruit") == {"pear"}
    assert {row["release_id"] for row in small.lake.rows("subreleases")} == {
        small.lake.rows("release")[0]["release_id"]
    }


def test_a_part_without_a_condition_is_refused() -> None:
    with pytest.raises(
        StudyError, match=r"subreleases.0: found no condition; say one of below, licences, providers, min_side_px"
    ):
        make_study(subreleases=[{"name": "all"}])
    with pytest.raises(StudyError, match=r"subreleases.0.providers: found 'flicker'; .*did you mean flickr"):
        make_study(subreleases=[{"name": "x", "providers": ["flicker"]}])


def judged(small: SmallLake, rows: list[Row]) -> None:
    """Give verdicts of a screen, whether or not this study's rules have one."""
    small.put("verdicts", rows)
    record = small.lake.record("verdicts", "000")
    assert record is not None
    small.lake.write_record(with_checks(record, ()))


def test_a_manifest_counts_rounds_licences_and_what_nobody_screened(small: SmallLake) -> None:
    first = filled(small).make("release")[0]["release_id"]
    said = small.lake.manifests()[first]
    assert (said["pictures"], said["skipped"], said["taken_down"], said["parent"]) == (3, 1, 0, None)
    assert said["rounds"] == {"1": 1, "2": 2}
    assert said["licences"] == {"CC-BY-4.0": 1, "CC0-1.0": 2, "unknown": 1}
    assert [row["snapshot_id"] for row in said["graph"]] == ["d1"]
    assert (said["screened"], said["not_screened"]) == (False, 3)

    rules = [{"image_id": one, "rule": "unwanted", "verdict": "keep"} for one in ("apple", "pear")]
    judged(small, [*rules, {"image_id": "stone", "rule": "unwanted", "verdict": "not_judged"}])
    assert small.make("release")[0]["release_id"] == first, "what is said of pictures does not name a release"
    assert small.lake.manifests()[first]["not_screened"] == 1
    judged(small, [*rules, {"image_id": "stone", "rule": "unwanted", "verdict": "keep"}])
    small.make("release")
    assert small.lake.manifests()[first]["screened"]

    small.lake.add_tombstones([{"image_id": "stone", **ASKED}])
    small.make("tombstones")
    second = small.make("release")[0]["release_id"]
    assert small.lake.manifests()[second]["parent"] == first
    small.make("release")
    assert small.lake.manifests()[second]["parent"] == first, "made again it has the parent that it had"


def test_a_run_obeys_a_takedown_that_its_release_does_not_know(small: SmallLake) -> None:
    rows = filled(small).make("release")

    words = {name: Words(name, "1") for name in ("image_entities", "query_texts", "entity_texts")}

    def data(release):
        return obeyed(small.lake, data_spec(release, words, str(small.lake.root)))

    before = data(rows)
    assert before.skip_fingerprint == rows[0]["skip_digest"]
    live = small.lake.root / before.skip[-1]
    assert pq.read_table(live)["image_id"].to_pylist() == []
    small.lake.add_tombstones([{"image_id": "pear", **ASKED}])
    assert pq.read_table(live)["image_id"].to_pylist() == ["pear"], (
        "a job that waits in a queue reads it when it begins"
    )
    late = data(rows)
    assert late.skip_fingerprint != before.skip_fingerprint, "a run without the picture is another run"
    for name in ("tombstones", "release"):
        small.make(name)
    rows = small.lake.rows("release")
    assert data(rows).skip_fingerprint == rows[0]["skip_digest"]
    small.lake.add_tombstones([{"image_id": "never packed", **ASKED}])
    for name in ("tombstones", "release"):
        small.make(name)
    assert data(small.lake.rows("release")).skip_fingerprint == rows[0]["skip_digest"], (
        "no run again for what is in no tar"
    )
