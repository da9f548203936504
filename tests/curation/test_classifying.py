"""Screens by a classifier of one's own: each picture is scored once for the same weights, whatever is decided after it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.fakes.classifiers import InlineCluster
from tests.small_lake import SmallLake

REDNESS = "tests.fakes.classifiers:redness"
RED = {"name": "red", "rule": "unwanted", "classifier": REDNESS, "version": "1", "margin": 0.5}
STEPS = ("prompts", "embeddings", "classifier_scores", "screens", "verdicts", "kept_images")
COLOURS = {"a": (200, 0, 0), "b": (0, 200, 0), "c": (100, 100, 0), "d": None}


class Bench:
    """A small lake with pictures of one colour each, or a file that is none, and no encoder."""

    def __init__(self, root: Path) -> None:
        self.small, self.cluster = SmallLake(root), InlineCluster()
        self.put(**COLOURS)
        self.choose(RED)

    def choose(self, *screens: Any, **curation: Any) -> None:
        self.small.choose(screens=list(screens), curation=curation)
        self.small.place.cluster = self.cluster  # pyright: ignore[reportAttributeAccessIssue]

    def put(self, **colours: tuple[int, int, int] | None) -> None:
        rows = []
        for name, colour in colours.items():
            file = io.BytesIO(b"" if colour else b"broken")
            if colour:
                Image.new("RGB", (4, 4), colour).save(file, "PNG")
            path = self.small.lake.put_blob("stored", name * 8, file.getvalue())
            rows.append(
                {"image_id": name, "path": path, "original_width_px": 99, "original_height_px": 99, "entropy_bits": 5.0}
            )
        self.small.put("images", rows)

    def bring(self) -> dict[str, Any]:
        return {name: self.small.run(name) for name in STEPS}

    def verdicts(self, rule: str) -> dict[str, tuple[Any, ...]]:
        rows = self.small.lake.rows("verdicts")
        return {row["image_id"]: (row["verdict"], row["reason"], row["measure"]) for row in rows if row["rule"] == rule}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.bring()
    return made


def test_a_classifier_judges_without_an_encoder(bench: Bench) -> None:
    assert bench.cluster.asked == [(REDNESS, ["a", "b", "c", "d"])]
    assert bench.verdicts("unwanted") == {
        "a": ("reject", "unwanted_red", 1.0), "b": ("keep", None, 0.0), "c": ("reject", "unwanted_red", 0.5),
        "d": ("not_judged", "no_score", None),
    }  # fmt: skip
    assert set(bench.verdicts("people").values()) == {("not_judged", "no_screen", None)}
    assert set(bench.verdicts("relevance").values()) == {("not_judged", "no_encoder", None)}
    rows = bench.small.lake.rows("screens")
    assert [(row["image_id"], row["scored_by"], row["prompt"]) for row in rows] == [
        (name, f"{REDNESS}@1", REDNESS) for name in "abc"
    ]
    assert [row["image_id"] for row in bench.small.lake.rows("kept_images")] == ["b", "d"]


def test_deciding_again_and_another_name_score_nothing(bench: Bench) -> None:
    bench.choose({**RED, "margin": 0.9})
    done = bench.bring()
    assert {name for name, one in done.items() if one.outcome == "made"} == {"verdicts", "kept_images"}
    assert bench.verdicts("unwanted")["c"] == ("keep", None, 0.5)
    bench.put(**{name: colour for name, colour in COLOURS.items() if name != "d"})
    bench.choose({**RED, "name": "scarlet"}, {**RED, "name": "crowd", "rule": "people"}, people="flag")
    assert bench.bring()["classifier_scores"].work == {"scored": 0, "classify_jobs": 0}
    assert bench.verdicts("unwanted")["a"][:2] == ("reject", "unwanted_scarlet")
    assert bench.verdicts("people")["a"][:2] == ("keep", "shows_people")
    assert len(bench.cluster.asked) == 1


def test_a_later_round_scores_only_what_is_new(bench: Bench) -> None:
    bench.put(**{**COLOURS, "a": None, "e": (0, 0, 9)})  # the bytes of a picture already scored are not read again
    done = bench.bring()
    assert bench.cluster.asked[1:] == [(REDNESS, ["d", "e"])]  # and what could not be read is tried again
    assert done["classifier_scores"].work == {"scored": 2, "classify_jobs": 1}
    assert done["classifier_scores"].record.counts == {"pictures": 2, "scored": 1, "unreadable": 1}
    assert [row["image_id"] for row in bench.small.lake.rows("classifier_scores")] == ["a", "b", "c", "e"]
    bench.put(b=(0, 200, 0))
    assert bench.bring()["classifier_scores"].work == {"scored": 0, "classify_jobs": 0}
    assert [row["image_id"] for row in bench.small.lake.rows("classifier_scores")] == ["b"]


def test_other_weights_score_all(bench: Bench) -> None:
    bench.choose({**RED, "version": "2"})
    bench.bring()
    assert bench.cluster.asked == [(REDNESS, ["a", "b", "c", "d"])] * 2
    assert {row["version"] for row in bench.small.lake.rows("classifier_scores")} == {"2"}
    assert bench.verdicts("unwanted")["a"] == ("reject", "unwanted_red", 1.0)


def test_a_study_without_a_classifier_starts_no_job(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.choose()
    bench.bring()
    assert bench.cluster.asked == []
    assert set(bench.verdicts("unwanted").values()) == {("not_judged", "no_encoder", None)}
