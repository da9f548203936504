"""Golden values of metrics.

They come from one run of the reference implementations (GPR1200's script, CLIP_benchmark, INQUIRE, open_clip) on inputs
made by numpy.random.RandomState, a stream that NumPy keeps the same for good. SimpleShot's value was derived from the
definition. Inputs are made here the same way.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from entitynet_train.protocols import (
    few_shot,
    instance_retrieval,
    linear_probe,
    ranking,
    retrieval,
    zero_shot,
)
from entitynet_train.protocols.linear_probe_adamw import WEIGHT_DECAYS, Fit, Part, adamw_probe_accuracy


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def clusters(seed, classes, per, dim, noise):
    rng = np.random.RandomState(seed)
    centre = rng.standard_normal((classes, dim))
    rows = np.repeat(centre, per, axis=0) + noise * rng.standard_normal((classes * per, dim))
    return rows, np.repeat(np.arange(classes), per)


def test_instance_retrieval_is_gpr1200s_map():
    rows, label = clusters(0, 60, 10, 32, 2.0)
    vectors = unit(rows).astype(np.float32)
    first = [0.154605, 0.181861, 0.219053, 0.307815, 0.283531]
    assert instance_retrieval.average_precisions(vectors, label)[:5] == pytest.approx(first, abs=1e-6)
    assert instance_retrieval.mean_average_precision(vectors, label) == pytest.approx(0.22939918968533865, abs=1e-9)
    excluded = instance_retrieval.mean_average_precision(vectors, label, self_included=False)
    assert excluded == pytest.approx(0.11957857139750905, abs=1e-9)


def test_instance_retrieval_at_gpr1200s_size():
    rows, label = clusters(1, 1200, 10, 64, 1.5)
    values = instance_retrieval.average_precisions(unit(rows).astype(np.float32), label)
    assert values[:5] == pytest.approx([0.268068, 0.162340, 0.128358, 0.104803, 0.125776], abs=1e-6)
    assert values.mean() == pytest.approx(0.30574432950930214, abs=1e-6)
    parts = instance_retrieval.mean_by_part(values, np.arange(12000) // 2000)
    assert [round(value, 4) for value in parts.values()] == [0.309, 0.3049, 0.3029, 0.3111, 0.3058, 0.3008]


def test_instance_retrieval_does_not_need_labels_that_follow_each_other_or_equal_sizes():
    rows, _ = clusters(0, 3, 4, 8, 0.01)
    label = np.array([900] * 4 + [7] * 4 + [55] * 4)
    assert instance_retrieval.mean_average_precision(rows[:-1], label[:-1]) == pytest.approx(1.0)


def test_instance_retrieval_breaks_ties_by_the_lower_index():
    vectors, label = np.array([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([1, 2, 1, 2])
    values = instance_retrieval.average_precisions(vectors, label)
    assert values == pytest.approx([(1 + 2 / 3) / 2, (1 / 2 + 2 / 4) / 2, (1 + 2 / 3) / 2, (1 + 2 / 3) / 2])


def test_a_picture_alone_in_its_class_asks_nothing_when_it_is_left_out():
    vectors, label = np.eye(3)[[0, 0, 1]], np.array([1, 1, 2])
    values = instance_retrieval.average_precisions(vectors, label, self_included=False)
    assert values[:2] == pytest.approx([1, 1])
    assert math.isnan(values[2])
    assert instance_retrieval.mean_average_precision(vectors, label, self_included=False) == pytest.approx(1)


@pytest.fixture
def zero_shot_golden():
    rng = np.random.RandomState(2)
    base = rng.standard_normal((20, 16))
    prompts = base[:, None, :] + 0.3 * rng.standard_normal((20, 4, 16))
    label = rng.randint(0, 20, 500)
    images = base[label] + 1.2 * rng.standard_normal((500, 16))
    logits = zero_shot.score_classes(images, zero_shot.class_vectors(prompts))
    return rng, logits, label


def test_zero_shot_is_clip_benchmarks(zero_shot_golden):
    _, logits, label = zero_shot_golden
    figures = zero_shot.accuracy(logits, label)
    assert figures["acc1"] == 0.852
    assert figures["acc5"] == 0.988
    assert figures["mean_per_class_recall"] == pytest.approx(0.8529727133075384, abs=1e-12)


def test_multi_label_average_precision_is_clip_benchmarks(zero_shot_golden):
    rng, logits, _ = zero_shot_golden
    several = rng.rand(500, 20) < 0.15
    value = zero_shot.mean_average_precision(logits.astype(np.float32), several)
    assert value == pytest.approx(0.1553233116865158, abs=1e-7)


def test_a_class_without_a_positive_counts_as_0_in_multi_label_precision():
    assert zero_shot.mean_average_precision(np.array([[1.0, 0.0], [0.5, 1.0]]), np.array([[1, 0], [0, 0]])) == 0.5


def test_acc5_is_not_defined_below_five_classes():
    assert math.isnan(zero_shot.accuracy(np.eye(4), np.arange(4))["acc5"])


def test_rank_of_true_counts_from_1_and_breaks_ties_by_the_lower_class():
    logits = np.array([[0.1, 0.9, 0.5], [0.5, 0.5, 0.1]])
    assert zero_shot.rank_of_true(logits, np.array([2, 1])).tolist() == [2, 2]


@pytest.fixture
def captioned():
    rng = np.random.RandomState(3)
    images = rng.standard_normal((100, 24))
    return images, np.repeat(images, 5, 0) + 2.2 * rng.standard_normal((500, 24)), np.repeat(np.arange(100), 5)


def test_retrieval_is_clip_benchmarks_hit_rate_and_names_true_recall_apart(captioned):
    images, texts, image_of_text = captioned
    scores = retrieval.retrieval_figures(images, texts, image_of_text, (1, 5, 10))
    assert scores == pytest.approx({
        "image_retrieval_hit_rate@1": 0.34, "image_retrieval_hit_rate@5": 0.668, "image_retrieval_hit_rate@10": 0.796,
        "image_retrieval_true_recall@1": 0.34, "image_retrieval_true_recall@5": 0.668, "image_retrieval_true_recall@10": 0.796,
        "text_retrieval_hit_rate@1": 0.57, "text_retrieval_hit_rate@5": 0.89, "text_retrieval_hit_rate@10": 0.98,
        "text_retrieval_true_recall@1": 0.114, "text_retrieval_true_recall@5": 0.34, "text_retrieval_true_recall@10": 0.46,
        "mean_hit_rate@1": 0.455, "mean_hit_rate@5": (0.668 + 0.89) / 2, "mean_hit_rate@10": (0.796 + 0.98) / 2,
    }, abs=1e-6)  # fmt: skip


def test_a_picture_without_a_text_is_a_miss_and_has_no_true_recall():
    scores = retrieval.retrieval_figures(np.eye(2), np.eye(2)[:1], np.array([0]), (1,))
    assert scores["image_retrieval_hit_rate@1"] == 1
    assert scores["text_retrieval_hit_rate@1"] == 0.5
    assert scores["text_retrieval_true_recall@1"] == 1


def test_the_best_of_a_collection_are_the_same_read_in_blocks(captioned, monkeypatch, tmp_path):
    images, texts, _ = captioned
    texts = np.vstack([texts, texts[:40]])  # equal scores, whose order is that of the collection
    whole = ranking.best_k(images, texts, 17)
    full = np.argsort(-(unit(images) @ unit(texts).T), axis=1, kind="stable")[:, :17]
    assert (whole[0] == full).all()
    np.save(tmp_path / "texts.npy", texts)
    monkeypatch.setattr(ranking, "SCORES_HELD", 700)
    mapped = ranking.best_k(images, np.load(tmp_path / "texts.npy", mmap_mode="r"), 17)
    np.testing.assert_allclose(mapped[1], whole[1], rtol=1e-12)
    assert (mapped[0] == whole[0]).mean() > 0.99  # other block sizes may round a tie apart


def mean_over_queries(queries):
    return {name: np.mean([query[name] for query in queries]) for name in queries[0]}


def test_ranked_retrieval_is_inquires_at_50():
    rng, queries = np.random.RandomState(4), []
    for _ in range(20):
        positives = rng.randint(1, 120)
        right = np.zeros(1000)
        right[rng.permutation(1000)[:positives]] = 1
        queries.append(retrieval.ranked_query(rng.standard_normal(1000) + 1.5 * right, right, 50))
    assert [q["ap"] for q in queries[:3]] == pytest.approx([0.2636970534162105, 0.0, 0.5341166447517164], abs=1e-12)
    means = mean_over_queries(queries)
    assert means["precision"] == pytest.approx(0.372)
    assert means["recall"] == pytest.approx(0.3477920560667246, abs=1e-12)
    assert means["ap"] == pytest.approx(0.30881907450736035, abs=1e-12)
    assert means["ndcg"] == pytest.approx(0.49777229457560035, abs=1e-9)
    assert means["rr"] == pytest.approx(0.81)


def test_ranked_retrieval_is_inquires_rerank():
    rng, queries = np.random.RandomState(5), []
    for _ in range(20):
        right = rng.rand(100) < 0.2
        right[0] = True
        queries.append(retrieval.ranked_query(rng.standard_normal(100) + right, right, 100))
    means = mean_over_queries(queries)
    assert means["ap"] == pytest.approx(0.5323475034520928, abs=1e-12)
    assert means["ndcg"] == pytest.approx(0.8225214852746126, abs=1e-9)
    assert means["rr"] == pytest.approx(0.885)


def test_a_query_without_a_right_answer_has_no_recall():
    figures = retrieval.ranked_query(np.arange(5.0), np.zeros(5), 3)
    assert math.isnan(figures["recall"])
    assert math.isnan(figures["ap"])


def test_ranked_retrieval_of_features_is_that_of_their_scores():
    rng = np.random.RandomState(11)
    queries, items = rng.standard_normal((6, 8)), rng.standard_normal((90, 8))
    right = [rng.choice(90, size, replace=False) for size in (3, 40, 1, 0, 7, 60)]
    score_QN = unit(queries) @ unit(items).T
    expected = [
        retrieval.ranked_query(scores, np.isin(np.arange(90), wanted), 20)
        for scores, wanted in zip(score_QN, right, strict=True)
        if len(wanted)
    ]
    found = retrieval.ranked_queries(queries, items, right, 20)
    assert found["mrr"] == pytest.approx(np.mean([one["rr"] for one in expected]))
    for name in ("precision", "recall", "ap", "ndcg"):
        assert found[f"{name}@20"] == pytest.approx(np.mean([one[name] for one in expected]))


def test_few_shot_is_simpleshot_with_five():
    rows, label = clusters(7, 30, 25, 32, 2.5)
    support = few_shot.first_of_each_class(label, 5)
    assert few_shot.few_shot_accuracy(rows, label, support) == pytest.approx(0.27666666666666667, abs=1e-12)


def test_zero_shot_in_parts_is_zero_shot_at_once(monkeypatch):
    rng = np.random.RandomState(12)
    classes, label = unit(rng.standard_normal((7, 16))), rng.randint(0, 6, 300)  # the last class has no picture
    images = classes[label] + 1.0 * rng.standard_normal((300, 16))
    once = zero_shot.accuracy(zero_shot.score_classes(images, classes), label)
    monkeypatch.setattr(zero_shot, "SCORES_HELD", 7 * 11)
    assert zero_shot.classify(images, classes, label) == once
    assert 0.3 < once["acc1"] < once["acc5"] < 1


def test_features_of_any_norm_give_the_same_figures(captioned):
    images, texts, image_of_text = captioned
    scaled = images * np.linspace(0.1, 30, 100)[:, None]
    assert retrieval.retrieval_figures(scaled, texts, image_of_text, (1,)) == pytest.approx(
        retrieval.retrieval_figures(unit(images), unit(texts), image_of_text, (1,))
    )


def test_the_probe_of_clip_benchmark_searches_its_weight_decay_and_repeats_itself():
    rows, label = clusters(13, 5, 60, 16, 1.2)
    third = np.arange(len(label)) % 3
    parts = [Part(rows[third == one], label[third == one]) for one in range(3)]
    fit = Fit(classes=5)
    found = adamw_probe_accuracy(fit, parts[0], parts[2], parts[1])
    assert found == adamw_probe_accuracy(fit, parts[0], parts[2], parts[1])
    assert found["weight_decay"] in WEIGHT_DECAYS
    convex = linear_probe.linear_probe_accuracy(rows[third < 2], label[third < 2], rows[third == 2], label[third == 2])
    assert found["acc1"] == pytest.approx(convex, abs=0.05)
    assert adamw_probe_accuracy(fit, parts[0], parts[2])["weight_decay"] == 0
    assert adamw_probe_accuracy(fit, parts[0], Part(rows[third == 2], label[::-1][third == 2]))["acc1"] < 0.4


def test_linear_probe_stands_at_the_optimum():
    rows, label = clusters(8, 4, 30, 12, 1.5)
    probe = linear_probe.fit_probe(rows, label, 1e-3)
    x, penalty, step = unit(rows), 1e-3, 1e-5

    def objective(weight):
        logits = x @ weight + probe.bias_K
        picked = logits[np.arange(len(label)), label] - np.log(np.exp(logits).sum(axis=1))
        return -picked.mean() + penalty / 2 * (weight**2).sum()

    rng = np.random.RandomState(0)
    for _ in range(5):
        direction = rng.standard_normal(probe.weight_DK.shape)
        slope = objective(probe.weight_DK + step * direction) - objective(probe.weight_DK - step * direction)
        assert abs(slope / (2 * step)) < 1e-6


def test_linear_probe_labels_clusters_that_are_apart():
    rows, label = clusters(9, 5, 40, 16, 0.7)
    even = np.arange(len(label)) % 2 == 0
    assert linear_probe.linear_probe_accuracy(rows[even], label[even] * 3, rows[~even], label[~even] * 3) > 0.95
