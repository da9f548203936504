"""Scores by a foreign function, from the command line's side."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from entitynet_train import classify
from entitynet_train.spec import ClassifySpec, SpecError, load
from tests.train.conftest import write_table

FAKES = "tests.fakes.classifiers"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, one of them grey and one no picture, and their table."""
    for name, colour in (("a", (90, 0, 0)), ("b", (0, 90, 0)), ("d", (60, 30, 0))):
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "c.png").write_bytes(b"no picture")
    Image.new("L", (4, 4), 90).save(tmp_path / "e.png")
    write_table(tmp_path / "images.parquet", ("image_id", "path"), [(name, f"{name}.png") for name in "abcde"])
    return tmp_path


def run(folder: Path, saved_spec, classifier: str, out: str = "out") -> tuple[int, Path]:
    spec = ClassifySpec(classifier, "1", "i1", str(folder), "images.parquet", batch_size=2)
    return classify.main(["--spec", str(saved_spec(spec)), "--out", str(folder / out)]), folder / out


def test_every_readable_picture_has_its_score(folder, saved_spec):
    code, out = run(folder, saved_spec, f"{FAKES}:redness")
    assert code == 0
    rows = pq.read_table(out / "scores.parquet").to_pylist()
    assert [(row["image_id"], row["score"]) for row in rows] == [
        ("a", 1.0), ("b", 0.0), ("d", pytest.approx(2 / 3)), ("e", pytest.approx(1 / 3)),
    ]  # fmt: skip
    result = json.loads((out / "result.json").read_text())
    assert result["counts"] == {"pictures": 5, "scored": 4, "unreadable": 1}
    assert result["unreadable"] == ["c"]


@pytest.mark.parametrize(
    ("classifier", "said"),
    [
        ("no_such_package.at_all:score", "which cannot be imported (No module named 'no_such_package')"),
        (f"{FAKES}:no_such_function", "has no attribute 'no_such_function'); allowed: a function of an installed package, or of a"),
        (f"{FAKES}:SEVEN", "a int; allowed: a function"),
        (f"{FAKES}:one_short", "answered scores of shape (1,) to 2 pictures; allowed: one finite number a picture"),
        (f"{FAKES}:no_number", "answered the score nan; allowed: one finite number a picture"),
        (f"{FAKES}:without_end", "answered the score inf; allowed: one finite number a picture"),
        (f"{FAKES}:in_words", "answered list (could not convert string to float: 'red'); allowed: one finite number a picture"),
    ],
)  # fmt: skip
def test_what_is_no_classifier_is_named(classifier, said, folder, saved_spec, capfd):
    code, out = run(folder, saved_spec, classifier)
    assert code == 2
    words = capfd.readouterr().err
    assert words.startswith("spec error: classifier: ")
    assert said in words
    assert not (out / "result.json").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [({"classifier": "score"}, "classifier: found 'score'; allowed: package.module:function"), ({"version": " "}, "version: found ' '"),
     ({"batch_size": 0}, "batch_size: found 0; allowed: at least 1 picture")],
)  # fmt: skip
def test_a_spec_that_cannot_be_run_is_refused(change, said):
    with pytest.raises(SpecError, match=said):
        ClassifySpec(**{"classifier": "a:b", "version": "1", "images_fingerprint": "i1", **change})


def test_a_classify_spec_survives_json(saved_spec):
    spec = ClassifySpec("my_package.nudity:score", "weights of May", "i1", root="root", images="images.parquet")
    assert load(ClassifySpec, saved_spec(spec)) == spec
