"""The drawings: deterministic, decided by statements, learnable but not from the background."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from entitynet_assets.sample.draw import PLANS, draw
from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.look import BODY_PLANS, read_look
from entitynet_assets.sample.world import World

FACTS = load_facts()
LOOKS = {qid: read_look(FACTS.items, qid) for qid in FACTS.order}
Sample = tuple[np.ndarray, np.ndarray]


def small(qid: str, seed: int, size: tuple[int, int]) -> Image.Image:
    picture = draw(LOOKS[qid], seed, size)
    left, top = (picture.width - min(size)) // 2, (picture.height - min(size)) // 2
    return picture.crop((left, top, left + min(size), top + min(size))).resize((64, 64), Image.Resampling.BICUBIC)


def features(picture: Image.Image) -> np.ndarray:
    """Coarse pixels and a colour histogram."""
    coarse = np.asarray(picture.resize((12, 12), Image.Resampling.BOX)).ravel() / 255
    bins = (np.asarray(picture) // 64).reshape(-1, 3) @ (16, 4, 1)
    return np.concatenate([coarse, 2 * np.sqrt(np.bincount(bins, minlength=64) / len(bins))])


def border(picture: Image.Image) -> np.ndarray:
    """Only the outer rows of a coarse picture: the background."""
    coarse = np.asarray(picture.resize((16, 16), Image.Resampling.BOX)) / 255.0
    return np.concatenate([coarse[0].ravel(), coarse[-1].ravel()])


@pytest.fixture(scope="module")
def pictures(world: World) -> tuple[list, list]:
    web = [(r.qid, small(r.qid, r.draw_seed, (r.width_px, r.height_px))) for r in world.plan() if r.fault == "ok"]
    held = [(r.qid, small(r.qid, r.draw_seed, (r.side_px, r.side_px))) for r in world.benchmark()]
    return web, held


def predictions(pictures: tuple[list, list], view: Callable) -> tuple[list[str], list[str]]:
    """Fit a ridge classifier on the web, return predicted and true entities of the held-out pictures."""
    (train, held), names = pictures, list(LOOKS)
    x, t = (np.array([view(picture) for _, picture in rows]) for rows in (train, held))
    x, t = (x - x.mean(0)) / (x.std(0) + 1e-6), (t - x.mean(0)) / (x.std(0) + 1e-6)
    y = np.array([[float(q == name) for name in names] for q, _ in train])
    weights = np.linalg.solve(x.T @ x + 300 * np.eye(x.shape[1]), x.T @ (y - 1 / len(names)))
    return [names[i] for i in (t @ weights).argmax(1)], [q for q, _ in held]


def share_equal(first: list, second: list) -> float:
    return sum(a == b for a, b in zip(first, second, strict=True)) / len(first)


def test_plain_features_learn_the_classes_but_not_all(pictures: tuple) -> None:
    accuracy = share_equal(*predictions(pictures, features))
    assert 10 / len(LOOKS) < accuracy < 0.8, accuracy


def test_the_background_says_nothing(pictures: tuple) -> None:
    assert share_equal(*predictions(pictures, border)) < 3 / len(LOOKS)


def test_errors_stay_among_siblings_more_than_chance(pictures: tuple) -> None:
    predicted, true = predictions(pictures, features)
    plan = {qid: look.body_plan for qid, look in LOOKS.items()}
    errors = [(a, b) for a, b in zip(predicted, true, strict=True) if a != b]
    within = sum(plan[a] == plan[b] for a, b in errors) / len(errors)
    pairs = [(a, b) for a in plan for b in plan if a != b]
    assert within > 1.3 * sum(plan[a] == plan[b] for a, b in pairs) / len(pairs)


@pytest.mark.parametrize("qid", FACTS.order)
def test_a_drawing_is_the_same_for_the_same_seed(qid: str) -> None:
    first, again, other = (draw(LOOKS[qid], seed, (96, 72)) for seed in (5, 5, 6))
    assert (first.mode, first.size) == ("RGB", (96, 72))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize("size", [(16, 16), (400, 160), (64, 320)])
def test_any_size_can_be_drawn(size: tuple[int, int]) -> None:
    assert all(draw(look, 1, size).size == size for look in LOOKS.values())


def test_every_body_plan_is_drawable_and_used() -> None:
    assert set(BODY_PLANS.values()) == set(PLANS) == {look.body_plan for look in LOOKS.values()}


def differs(first: object, second: object) -> float:
    pair = [np.asarray(draw(look, 11, (128, 128))).astype(int) for look in (first, second)]
    return float(np.abs(pair[0] - pair[1]).mean())


def test_statements_decide_the_look() -> None:
    horse, zebra = LOOKS["Q726"], LOOKS["Q32789"]
    assert differs(horse, replace(horse, qid="Q1")) == 0
    assert differs(horse, replace(horse, colours=("white", "black"))) > 3
    assert differs(zebra, replace(horse, colours=zebra.colours)) == 0
    lemon = LOOKS["Q1093742"]
    assert differs(lemon, replace(lemon, length_m=0.18, width_m=0.036)) > 1
    bicycle = LOOKS["Q11442"]
    assert differs(bicycle, replace(bicycle, parts=bicycle.parts | {"engine"})) > 1
    chair = LOOKS["Q15026"]
    assert differs(chair, replace(chair, materials=())) > 0.2


def test_an_item_without_a_drawable_ancestor_is_an_error() -> None:
    with pytest.raises(ValueError, match="no drawable ancestor"):
        read_look(FACTS.items, "Q3142")
