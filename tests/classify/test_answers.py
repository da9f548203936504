"""The rule of an answer and the calibration of its score, by hand and by properties."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.classify.answers import Answer, Named, Vocabulary, answer, chances
from entitynet_assets.classify.calibration import CELLS_MAX, calibrate, fitted_scale, pictures_for
from entitynet_assets.classify.show import as_json, summary, table, tsv

FELID, MAMMAL, ANIMAL = ("F", "felid"), ("M", "mammal"), ("A", "animal")
# cat and lynx are felids, dog a mammal beside them, trout an animal; "felid" is an entity of its own, too
TREE = Vocabulary(
    ["cat", "dog", "F", "lynx", "trout"], ["house cat", "dog", "felid", "lynx", "trout"],
    [[FELID, MAMMAL, ANIMAL], [MAMMAL, ANIMAL], [MAMMAL, ANIMAL], [FELID, MAMMAL, ANIMAL], [ANIMAL]],
    np.eye(5, dtype=np.float32),
)  # fmt: skip


def chance(*parts: float) -> np.ndarray:
    return np.array(parts, np.float64)


@pytest.mark.parametrize(
    ("parts", "least", "status", "label", "score"),
    [
        ((0.9, 0.02, 0.02, 0.03, 0.03), 0.5, "named", "house cat", 0.9),
        ((0.45, 0.04, 0.01, 0.45, 0.05), 0.5, "rolled_up", "felid", 0.91),  # two felids share it: a felid
        ((0.3, 0.3, 0.05, 0.3, 0.05), 0.9, "rolled_up", "mammal", 0.95),
        ((0.2, 0.2, 0.2, 0.2, 0.2), 0.9, "abstained", None, None),  # "animal" is all there is, and no answer
        ((0.5, 0.5, 0.0, 0.0, 0.0), 0.5, "named", "house cat", 0.5),  # of equals the first
        ((0.1, 0.0, 0.5, 0.1, 0.3), 0.6, "rolled_up", "felid", 0.7),  # an entity above others counts itself and them
    ],
)
def test_the_answer_is_the_most_specific_that_is_sure_enough(parts, least, status, label, score):
    found = answer(TREE, chance(*parts), least, top=2)
    assert found.status == status
    assert (found.answer and found.answer.label) == label
    assert (found.answer and found.answer.score) == (score and pytest.approx(score))


def test_the_likeliest_entities_and_what_is_above_the_first_stand_beside_it():
    found = answer(TREE, chance(0.45, 0.04, 0.01, 0.40, 0.10), 0.5, top=3)
    assert [(one.label, one.score) for one in found.top] == [("house cat", 0.45), ("lynx", 0.40), ("trout", 0.10)]
    assert [(one.label, one.entities) for one in found.above] == [("felid", 3), ("mammal", 4), ("animal", 5)]
    assert [one.score for one in found.above] == pytest.approx([0.86, 0.9, 1.0])


def test_an_entity_that_is_alone_in_the_vocabulary_is_an_answer():
    alone = Vocabulary(["cat"], ["house cat"], [[FELID]], np.eye(1, dtype=np.float32))
    assert answer(alone, chance(1.0), 0.5, top=5).answer == Named("cat", "house cat", 1.0)


@given(
    parents=st.lists(st.sets(st.integers(0, 4), max_size=3), min_size=1, max_size=8),
    weights=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    least=st.floats(0.05, 1),
)
@settings(max_examples=60, deadline=None)
def test_a_class_has_the_sum_of_what_is_below_it_and_no_smaller_one_would_do(parents, weights, least):
    names = [f"e{number}" for number in range(len(parents))]
    ancestors = [[(f"c{one}", f"class {one}") for one in sorted(above)] for above in parents]
    vocabulary = Vocabulary(names, names, ancestors, np.eye(len(names), dtype=np.float32))
    weight = np.array(weights[: len(names)], np.float64) + 0.01
    chance_K = weight / weight.sum()
    chance_M = vocabulary.rolled_up(chance_K)
    for node, (qid, _) in enumerate(vocabulary.nodes):
        below = [entity for entity in range(len(names)) if vocabulary.holds(node, entity)]
        assert below == [e for e, above in enumerate(ancestors) if names[e] == qid or qid in {one for one, _ in above}]
        assert chance_M[node] == pytest.approx(sum(chance_K[entity] for entity in below))
    found = answer(vocabulary, chance_K, least, top=1)
    sizes = [size for size, score in zip(vocabulary.sizes, chance_M, strict=True) if score >= least]
    sizes = [size for size in sizes if size == 1 or size < len(names)]
    assert (found.answer is None) == (not sizes)
    if found.answer:
        assert found.answer.entities == min(sizes)
        assert found.answer.score >= least


def test_chances_are_the_softmax_of_scaled_cosines():
    found = chances(np.array([[0.5, 0.25]], np.float32), 4.0)
    assert found[0] == pytest.approx([1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))])
    assert chances(np.array([[1.0, -1.0]]), 1e4).tolist() == [[1.0, 0.0]]


def drawn(scale: float, pictures: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return cosines and true entities drawn by the softmax of `scale` times the cosines."""
    rng = np.random.default_rng(0)
    cosine_NK = rng.uniform(-1, 1, (pictures, len(TREE.qids)))
    label_N = (chances(cosine_NK, scale).cumsum(axis=1) > rng.random((pictures, 1))).argmax(axis=1)
    return cosine_NK, label_N


@pytest.mark.parametrize("scale", [2.0, 20.0])
def test_the_scale_by_which_labels_were_drawn_is_found_again(scale):
    assert fitted_scale(*drawn(scale)) == pytest.approx(scale, rel=0.1)


def test_after_calibration_answers_are_right_as_often_as_their_score_says():
    cosine_NK, label_N = drawn(3.0)
    known = calibrate(TREE, cosine_NK, label_N, own_scale=60.0, min_score=0.7)
    assert known is not None
    chance_NK = chances(cosine_NK[1::2], known.scale)
    found = [answer(TREE, chance_K, 0.7, top=1).answer for chance_K in chance_NK]
    scores = [one.score for one in found if one]
    assert known.pictures == 2000
    assert known.answered == len(scores) / 2000
    assert known.right == pytest.approx(np.mean(scores), abs=0.03)
    raw = calibrate(TREE, cosine_NK[:1], label_N[:1], 60.0, 0.7)
    assert raw is None
    assert "logit scale 60.0 -> " in known.words()
    assert f"{100 * known.answered:.0f} %" in known.words()


def test_a_model_that_knows_nothing_gets_a_scale_under_which_it_says_nothing():
    rng = np.random.default_rng(1)
    cosine_NK, label_N = rng.uniform(-1, 1, (400, 5)), rng.integers(0, 5, 400)
    known = calibrate(TREE, cosine_NK, label_N, own_scale=100.0, min_score=0.9)
    assert known is not None
    assert (known.answered, known.right) == (0.0, None)
    assert "right" not in known.words()


def test_pictures_to_calibrate_on_fit_in_memory():
    assert [pictures_for(count) for count in (1, 48, 100_000, 10**9)] == [2000, 2000, CELLS_MAX // 100_000, 200]


FOUND: dict[str, Answer | None] = {
    "a/cat.jpg": answer(TREE, chance(0.9, 0.02, 0.02, 0.03, 0.03), 0.5, 2),
    "b\t\x1b[31m.jpg": answer(TREE, chance(0.45, 0.04, 0.01, 0.45, 0.05), 0.5, 2),
    "c.jpg": answer(TREE, chance(0.2, 0.2, 0.2, 0.2, 0.2), 0.9, 2),
    "notes.txt": None,
}


def test_every_file_has_its_line_and_no_name_can_break_it():
    lines = [line.split("\t") for line in tsv(FOUND).split("\n")]
    assert {len(line) for line in lines} == {9}
    assert [line[1] for line in lines[1:]] == ["named", "rolled_up", "abstained", "unreadable"]
    assert lines[1][:6] == ["a/cat.jpg", "named", "cat", "house cat", "0.900000", "1"]
    assert lines[2][2:6] == ["F", "felid", "0.910000", "3"]
    assert "\x1b" not in tsv(FOUND)
    assert summary(FOUND) == "4 files: 1 named, 1 named by a class above, 1 not sure, 1 cannot be read"
    assert table(FOUND).row_count == 4


def test_json_has_everything():
    values = json.loads(as_json(FOUND, {"model": "m"}))
    assert values["model"] == "m"
    cat, felid, unsure, notes = values["pictures"]
    assert cat["answer"] == {"qid": "cat", "label": "house cat", "score": 0.9, "entities": 1}
    assert (felid["answer"]["label"], felid["above"][0]["qid"]) == ("felid", "F")
    assert (unsure["status"], unsure["answer"], len(unsure["top"])) == ("abstained", None, 2)
    assert notes == {"file": "notes.txt", "status": "unreadable"}
