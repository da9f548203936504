"""The store of what teachers say: cuts and texts are asked once, and a recipe is told where the answers lie."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.studies.models import StudyError
from entitynet_assets.training.dispatch import NothingToTrainError
from entitynet_assets.training.start import taught_by
from tests.fakes.encoder import WordEncoder, vector_of
from tests.small_lake import SmallLake, make_study

TEACHER = {"name": "big", "model": "words", "sha256": "0" * 64, "augmentations": 2, "crop_scale_min": 0.4}
RECIPE = {
    "name": "taught", "mix": "balanced", "tower": "demo-64", "samples_seen": 64, "batch_size_global": 8, "lr_peak": 0.001, "teacher": "big",
    "loss": {"weights": {"distillation": 1.0}},
}  # fmt: skip
TABLES = ("reinforcements", "teacher_texts")


class Bench:
    """A small lake with pictures of words, a teacher of words, and the two tables."""

    def __init__(self, root: Path) -> None:
        self.small, self.encoder = SmallLake(root), WordEncoder()
        self.choose()
        self.put(a="apple", b="pear", d="broken file")
        self.small.put("query_texts", [{"query_id": "q1", "source": "query", "text": "apple photo"}])
        self.small.put("entity_texts", [{"qid": "Q1", "kind": "label", "text": "apple"}, {"qid": "Q9", "kind": "label", "text": "paint"},
                                        {"qid": "Q1", "kind": "description", "text": "a fruit"}])  # fmt: skip
        self.small.put("caption_links", [{"image_id": "a", "qid": "Q1", "query_id": "q1", "query_kind": "noun"}])

    def choose(self, recipes: list[Any] | None = None, **teacher: Any) -> None:
        self.small.choose(teachers=[{**TEACHER, **teacher}], recipes=[RECIPE] if recipes is None else recipes)
        self.small.place.cluster = self.encoder  # pyright: ignore[reportAttributeAccessIssue]

    def put(self, **words: str) -> None:
        rows = [{"image_id": name, "path": self.small.lake.put_blob("stored", name * 8, said.encode()), "width_px": 120, "height_px": 80}
                for name, said in words.items()]  # fmt: skip
        self.small.put("kept_images", rows)
        self.small.put(
            "image_texts",
            [{"image_id": name, "source": "alt_text", "text": f"{name} of {said}"} for name, said in words.items()],
        )

    def bring(self) -> dict[str, Any]:
        return {name: self.small.run(name) for name in TABLES}

    def cuts(self) -> dict[tuple[str, int], dict[str, Any]]:
        return {(row["image_id"], row["augmentation"]): row for row in self.small.lake.rows("reinforcements")}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    made = Bench(tmp_path)
    made.bring()
    return made


def test_each_picture_is_cut_so_many_times_within_its_sides_and_asked_once(bench: Bench) -> None:
    assert bench.encoder.pictures == [["a/0", "a/1", "b/0", "b/1", "d/0", "d/1"]]
    cuts = bench.cuts()
    assert sorted(cuts) == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]  # the third cannot be read
    for (image_id, _), row in cuts.items():
        assert row["vector"] == pytest.approx(vector_of("apple" if image_id == "a" else "pear"))
        assert 0 <= row["left_px"] < row["right_px"] <= 120
        assert 0 <= row["top_px"] < row["bottom_px"] <= 80
    assert len({(row["left_px"], row["top_px"], row["right_px"]) for row in cuts.values()}) == 4


def test_cuts_have_the_shares_and_sides_of_training(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    made.choose(augmentations=400, crop_scale_min=0.5)
    made.put(a="apple")
    made.bring()
    sides = [(row["right_px"] - row["left_px"], row["bottom_px"] - row["top_px"]) for row in made.cuts().values()]
    shares = sorted(across * down / 9600 for across, down in sides)
    assert 0.45 < shares[0] < 0.52  # a side that would be longer than the picture's is cut
    assert 0.8 < shares[-1] <= 1
    ratios = [across / down for across, down in sides if down < 80]
    assert min(ratios) == pytest.approx(0.9, abs=0.03)
    assert max(ratios) == pytest.approx(1 / 0.9, abs=0.03)
    assert math.isclose(sum(row["left_px"] == 0 for row in made.cuts().values()) / 400, 1 / 40, abs_tol=0.05)


def test_texts_are_those_that_the_mix_can_draw_for_kept_pictures(bench: Bench) -> None:
    said = {"a of apple", "b of pear", "d of broken file", "apple photo", "apple"}
    assert {row["text"] for row in bench.small.lake.rows("teacher_texts")} == said
    assert bench.encoder.texts == [sorted(said)]


def test_only_what_is_new_is_asked(bench: Bench) -> None:
    before = bench.cuts()
    bench.put(a="apple", b="pear", c="paint")
    done = bench.bring()
    assert bench.encoder.pictures[1:] == [["c/0", "c/1"]]
    assert bench.encoder.texts[1:] == [["c of paint"]]
    assert done["reinforcements"].work == {"embedded": 2, "embed_jobs": 1}
    assert {key: row for key, row in bench.cuts().items() if key[0] != "c"} == before
    bench.choose(augmentations=3)
    bench.bring()
    assert bench.encoder.pictures[2:] == [["a/2", "b/2", "c/2"]]
    bench.choose(augmentations=1)
    bench.bring()
    assert len(bench.encoder.pictures) == 3
    assert sorted(bench.cuts()) == [("a", 0), ("b", 0), ("c", 0)]
    bench.choose(crop_scale_min=0.8)
    bench.bring()
    assert bench.encoder.pictures[3:] == [["a/0", "a/1", "b/0", "b/1", "c/0", "c/1"]]


def test_other_weights_are_another_teacher_and_what_left_is_left_out(bench: Bench) -> None:
    bench.choose(sha256="1" * 64)
    bench.put(a="apple")
    bench.bring()
    assert bench.encoder.pictures[1:] == [["a/0", "a/1"]]
    assert {row["teacher_sha256"] for row in bench.cuts().values()} == {"1" * 64}


def test_a_teacher_that_no_recipe_names_is_never_asked(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    made.choose(recipes=["demo"])
    done = made.bring()
    assert made.encoder.pictures == made.encoder.texts == []
    assert [one.record.rows for one in done.values()] == [0, 0]


def test_two_teachers_see_the_same_cuts(tmp_path: Path) -> None:
    made = Bench(tmp_path)
    other = {**TEACHER, "name": "small", "sha256": "2" * 64}
    made.small.choose(teachers=[TEACHER, other], recipes=[RECIPE, {**RECIPE, "name": "other", "teacher": "small"}])
    made.small.place.cluster = made.encoder  # pyright: ignore[reportAttributeAccessIssue]
    made.bring()
    boxes: dict[str, list[tuple]] = {"big": [], "small": []}
    for row in made.small.lake.rows("reinforcements"):
        boxes[row["teacher"]].append(
            (row["image_id"], row["left_px"], row["top_px"], row["right_px"], row["bottom_px"])
        )
    assert sorted(boxes["big"]) == sorted(boxes["small"])
    assert len(boxes["big"]) == 4


def work_on(bench: Bench) -> Any:
    """Return what the station of checkpoints would hand on."""
    lake = bench.small.lake
    views = {name: [lake.path(name, key) for key in lake.slices(name)] for name in TABLES}
    return type("Work", (), {
        "lake": lake, "views": views, "select": lambda self, query, **params: lake.select(query, views, params),
    })()  # fmt: skip


def test_a_recipe_is_told_where_the_vectors_lie_and_what_they_are(bench: Bench) -> None:
    recipe = bench.small.study.recipes[0]
    told = taught_by(recipe, work_on(bench))
    assert told["teacher"] == "big"
    for name in TABLES:
        assert all((bench.small.lake.root / path).is_file() for path in told[name])
    bench.put(a="apple", b="pear", c="paint")
    bench.bring()
    assert taught_by(recipe, work_on(bench))["reinforcement_fingerprint"] != told["reinforcement_fingerprint"]
    assert taught_by(recipe.model_copy(update={"teacher": ""}), work_on(bench)) == {}
    with pytest.raises(NothingToTrainError, match=r"recipes.taught.teacher: huge has seen no picture"):
        taught_by(recipe.model_copy(update={"teacher": "huge"}), work_on(bench))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loss": {"weights": {"contrastive": 1.0}}}, "teacher: found 'big' with loss.weights.distillation = 0; allowed: a teacher and"),
        ({"teacher": ""}, "teacher: found '' with loss.weights.distillation = 1"),
        ({"mix": "posed"}, r"mix: found 'posed', which puts words into templates \(template_share 0.5\)"),
    ],
)  # fmt: skip
def test_a_recipe_that_cannot_learn_from_its_teacher_is_refused(change: dict[str, Any], words: str) -> None:
    posed = {"name": "posed", "weights": {"label": 1.0}, "templates": ["a {}"], "template_share": 0.5}
    with pytest.raises(StudyError, match=f"recipes.taught.{words}"):
        make_study(teachers=[TEACHER], mixes=["balanced", posed], recipes=[{**RECIPE, **change}])
