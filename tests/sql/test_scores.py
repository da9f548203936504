"""Golden rows of leaderboard, entity_scores, confusions and harvest_plan."""

from __future__ import annotations

import math

import pytest

from tests.small_lake import SmallLake


def score(recipe: str, step: int, benchmark: str, value: float, count: int, metric: str = "acc1") -> dict:
    return {
        "recipe": recipe, "step": step, "benchmark": benchmark, "protocol": "zero_shot", "metric": metric, "value": value, "count": count,
        "chance": 0.1, "low": value / 2, "high": (1 + value) / 2, "settings": "s",
    }  # fmt: skip


def wilson(share: float, count: int) -> tuple[float, float]:
    """E. B. Wilson, JASA 22 (1927): the two roots of (share - p)^2 = z^2 p (1 - p) / count."""
    z = 1.959963984540054
    a, b, c = 1 + z * z / count, -(2 * share + z * z / count), share * share
    root = math.sqrt(b * b - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)


def ranked(small: SmallLake, *scores: dict) -> list[dict]:
    small.choose(recipes=["demo", "demo-seed-1"])
    for name in ("demo", "demo-seed-1"):
        mine = [row for row in scores if row["recipe"] == name]
        steps = sorted({row["step"] for row in mine})
        small.put(
            "checkpoints", [{"recipe": name, "step": step, "mix": "m", "samples_seen": step} for step in steps], name
        )
        small.put("scores", mine, name)
    return sorted(small.make("leaderboard"), key=lambda row: row["place"])


def test_recipes_are_ranked_by_the_newest_step_with_the_wilson_interval_of_pooled_pictures(small: SmallLake) -> None:
    rows = ranked(
        small,
        score("demo", 1, "b", 0.99, 100), score("demo", 9, "b", 0.5, 100), score("demo", 9, "c", 0.25, 300),
        score("demo", 9, "b", 0.4, 100, "mean_per_class_recall"), {**score("demo", 9, "b", 1.0, 100), "protocol": "retrieval"},
        score("demo-seed-1", 9, "b", 0.6, 10), score("demo-seed-1", 9, "b", 0.6, 10, "mean_per_class_recall"),
    )  # fmt: skip
    assert [(row["place"], row["recipe"], row["step"], row["acc1"]) for row in rows] == [
        (1, "demo-seed-1", 9, 0.6),
        (2, "demo", 9, 0.375),
    ]
    assert (rows[1]["acc1_low"], rows[1]["acc1_high"]) == pytest.approx(wilson(125 / 400, 400))
    assert (rows[0]["acc1_low"], rows[0]["acc1_high"]) == pytest.approx(wilson(0.6, 10))
    assert rows[1]["mean_per_class_recall"] == 0.4
    assert rows[1]["times_chance"] == pytest.approx(3.75)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_the_interval_stays_between_0_and_1_and_ties_go_by_name(share: float, small: SmallLake) -> None:
    both = [
        score(recipe, 1, "b", share, 7, metric)
        for recipe in ("demo", "demo-seed-1")
        for metric in ("acc1", "mean_per_class_recall")
    ]
    rows = ranked(small, *both)
    assert [row["recipe"] for row in rows] == ["demo", "demo-seed-1"]
    low, high = wilson(share, 7)
    assert rows[0]["acc1_low"] == pytest.approx(max(low, 0), abs=1e-12)
    assert rows[0]["acc1_high"] == pytest.approx(min(high, 1))


def answer(image: str, shown: str, said: str, rank: int, benchmark: str = "b") -> dict:
    return {
        "recipe": "demo", "step": 5, "benchmark": benchmark, "image_id": image, "class_id": shown, "predicted_class_id": said,
        "rank_of_true": rank,
    }  # fmt: skip


ANSWERS = [answer("i", "Q3", "Q3", 1), answer("j", "Q3", "Q4", 4), answer("k", "Q3", "Q4", 2), answer("l", "Q3", "Q2", 3),
           answer("m", "Q4", "Q9", 9), answer("n", "Q9", "Q9", 1)]  # fmt: skip


def test_an_entity_is_known_by_its_recall_and_mean_rank(small: SmallLake) -> None:
    small.choose(recipes=["demo"])
    small.put("entities", [{"qid": "Q3", "label": "apple"}, {"qid": "Q4", "label": "pear"}])
    small.put("predictions", ANSWERS)
    assert [tuple(row.values()) for row in small.make("entity_scores")] == [
        ("demo", 5, "b", "Q3", "apple", 4, 0.25, 2.5),
        ("demo", 5, "b", "Q4", "pear", 1, 0.0, 9.0),
    ]


def test_confusions_say_how_near_of_kin_the_classes_are(small: SmallLake) -> None:
    small.choose(recipes=["demo"])
    lines = [("Q3", "Q2", 1), ("Q4", "Q2", 2), ("Q3", "Q1", 2), ("Q4", "Q1", 3), ("Q2", "Q1", 1)]
    small.put("entity_parents", [{"qid": q, "ancestor_qid": above, "distance": far} for q, above, far in lines])
    small.put("predictions", ANSWERS)
    assert small.pick("confusions", "class_id", "predicted_class_id", "count", "kinship") == [
        ("Q3", "Q2", 1, 1),  # a kind taken for its parent
        ("Q3", "Q4", 2, 3),  # siblings of a sort, through Q2
        ("Q4", "Q9", 1, None),
    ]


def test_the_plan_adds_queries_where_the_best_recipe_is_weak_or_pictures_are_few(small: SmallLake) -> None:
    small.choose(recipes=["demo"])
    small.put("leaderboard", [{"place": 1, "recipe": "demo", "step": 5}, {"place": 2, "recipe": "other", "step": 5}])
    known = [("demo", 5, "b", "Q1", 0.4), ("demo", 5, "c", "Q1", 0.6), ("demo", 5, "b", "Q2", 0.49), ("demo", 4, "b", "Q1", 0.0),
             ("other", 5, "b", "Q3", 0.0), ("demo", 5, "b", "Q4", 0.0)]  # fmt: skip
    small.put(
        "entity_scores", [{"recipe": r, "step": s, "benchmark": b, "qid": q, "recall": x} for r, s, b, q, x in known]
    )
    small.put(
        "entity_report",
        [
            {"qid": qid, "label": qid, "kept": kept}
            for qid, kept in (("Q1", 10), ("Q2", 10), ("Q3", 4), ("Q4", 4), ("Q5", 10))
        ],
    )
    assert small.pick("harvest_plan", "qid", "place", "recall", "kept", "extra_queries", "reason") == [
        ("Q1", 5, 0.5, 10, 0, "enough"),
        ("Q2", 4, 0.49, 10, 2, "weak"),
        ("Q3", 1, None, 4, 2, "few_pictures"),
        ("Q4", 2, 0.0, 4, 4, "weak_and_few_pictures"),
        ("Q5", 3, None, 10, 0, "enough"),
    ]
