"""Protocols as scores of a benchmark: intervals, what is left out, and the words that say how it was measured."""

from __future__ import annotations

import numpy as np
import pytest

from entitynet_train.protocols.bootstrap import RESAMPLES, counted_intervals, mean_interval, share_interval
from entitynet_train.protocols.inputs import ProtocolError
from entitynet_train.protocols.instance_retrieval import mean_average_precision
from entitynet_train.protocols.linear_probe_adamw import Part
from entitynet_train.protocols.scored import (
    Vectors,
    few_shot_scores,
    instance_retrieval_scores,
    linear_probe_adamw_scores,
    linear_probe_scores,
    template_words,
    zero_shot_scores,
)


def clustered(sizes: list[int], seed: int = 0, spread: float = 0.1) -> Part:
    """So many pictures of each class, around its own axis; classes take turns."""
    label_N = np.repeat(np.arange(len(sizes)), sizes)
    rng = np.random.default_rng(seed)
    label_N = rng.permutation(label_N)
    vector_ND = np.eye(len(sizes))[label_N] + spread * rng.standard_normal((len(label_N), len(sizes)))
    return Part(vector_ND, label_N)


def by_metric(found):
    return {score.metric: score for score in found[0]}


def test_the_interval_of_a_share_is_the_binomials_and_of_sure_answers_a_point():
    low, high = share_interval(300, 1000)
    error = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert (low, high) == pytest.approx((0.3 - error, 0.3 + error), abs=0.004)
    assert share_interval(300, 1000) == (low, high)  # seeded
    assert (share_interval(5, 5), share_interval(0, 5)) == ((1, 1), (0, 0))
    with pytest.raises(ProtocolError, match="found no picture"):
        share_interval(0, 0)


def test_drawing_counts_again_agrees_with_drawing_pictures_again():
    value_N = (np.arange(400) < 120).astype(float)
    drawn = counted_intervals(np.array([120, 280]), lambda cell_C: {"share": float(cell_C[0] / cell_C.sum())})
    assert drawn["share"] == pytest.approx(mean_interval(value_N), abs=0.008)
    with pytest.raises(ProtocolError, match="found no picture"):
        counted_intervals(np.zeros(3, np.int64), lambda cell_C: {})


def test_the_interval_of_a_mean_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(3)
    held = [low <= 0.5 <= high for low, high in (mean_interval(rng.random(60)) for _ in range(60))]
    assert RESAMPLES == 1000
    assert 0.85 <= np.mean(held) <= 1


def test_zero_shot_has_an_interval_a_figure_and_what_guessing_gives():
    test = clustered([40, 8, 2, 2, 2, 2])
    rank_N = np.where(np.arange(len(test.label_N)) % 3 == 0, 1, 4)
    found = by_metric(zero_shot_scores(Vectors("b", 6, test), rank_N, "templates: {}"))
    assert {metric: score.chance for metric, score in found.items()} == pytest.approx(
        {"acc1": 1 / 6, "acc5": 5 / 6, "mean_per_class_recall": 1 / 6}
    )
    assert found["acc1"].value == np.mean(rank_N == 1)
    assert found["acc1"].low < found["acc1"].value < found["acc1"].high
    assert (found["acc5"].low, found["acc5"].high) == (1, 1)
    wide = found["mean_per_class_recall"].high - found["mean_per_class_recall"].low
    assert wide > found["acc1"].high - found["acc1"].low  # classes of two pictures say little
    assert {score.settings for score in found.values()} == {"templates: {}"}
    assert set(by_metric(zero_shot_scores(Vectors("b", 4, clustered([3, 3, 3, 3])), np.ones(12, int), ""))) == {
        "acc1",
        "mean_per_class_recall",
    }


def test_a_picture_alone_in_its_class_asks_nothing_and_is_counted():
    test = clustered([6, 5, 1], spread=0.6)
    scores, counts = instance_retrieval_scores(Vectors("b", 3, test))
    found = {score.metric: score for score in scores}
    assert counts == {"instance_retrieval_classes_with_one_picture": 1}
    assert {score.count for score in scores} == {11}
    excluded = mean_average_precision(test.vector_ND, test.label_N, self_included=False)
    assert found["map_self_excluded"].value == pytest.approx(excluded)
    assert found["map_self_excluded"].value < found["map_self_included"].value
    assert "itself included" in found["map_self_included"].settings
    assert "all 12," in found["map_self_included"].settings
    assert instance_retrieval_scores(Vectors("b", 3, clustered([1, 1, 1])))[0] == []


def test_few_shot_takes_its_support_from_the_pictures_to_score_and_asks_the_rest():
    scores, counts = few_shot_scores(Vectors("b", 3, clustered([9, 7, 4])))
    found = {score.metric: score for score in scores}
    assert counts == {"few_shot_classes_left_out@1-shot": 0, "few_shot_classes_left_out@5-shot": 1}
    assert (found["acc1@1-shot"].count, found["acc1@5-shot"].count) == (17, 6)
    assert (found["acc1@1-shot"].chance, found["acc1@5-shot"].chance) == pytest.approx((1 / 3, 1 / 2))
    assert found["acc1@5-shot"].value == 1
    scores, counts = few_shot_scores(Vectors("b", 3, clustered([9, 1, 1])))
    assert (scores, set(counts.values())) == ([], {2})  # one class is nothing to tell apart


def test_few_shot_takes_its_support_from_the_training_part_where_there_is_one():
    benchmark = Vectors("b", 3, clustered([4, 4, 4]), clustered([5, 5, 2], seed=1))
    scores, counts = few_shot_scores(benchmark)
    found = {score.metric: score for score in scores}
    assert (found["acc1@1-shot"].count, found["acc1@5-shot"].count) == (12, 8)
    assert counts["few_shot_classes_left_out@5-shot"] == 1
    assert "of the training part" in found["acc1@1-shot"].settings


@pytest.mark.parametrize("probe", [linear_probe_scores, linear_probe_adamw_scores])
def test_a_probe_asks_the_classes_it_learnt_and_counts_the_others(probe):
    scores, counts = probe(Vectors("b", 4, clustered([4, 4, 4, 3]), clustered([9, 9, 9, 0], seed=1)))
    (score,) = scores
    assert (score.metric, score.value, score.count, score.chance) == ("acc1", 1, 12, pytest.approx(1 / 3))
    assert "learnt from 27 pictures" in score.settings
    assert list(counts.values()) == [3]
    with pytest.raises(ProtocolError, match="found no training part"):
        probe(Vectors("b", 4, clustered([4, 4, 4, 3])))


def test_many_templates_are_told_by_number_and_digest():
    assert template_words(["a {}", "{}"]) == "templates: a {} | {}"
    many = [f"{number} {{}}" for number in range(80)]
    assert template_words(many).startswith("templates: 80, sha256 ")
    assert template_words(many) != template_words(many[::-1])
