"""The point of it all: what is harvested teaches a model to name pictures that it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.sample.server import serve
from entitynet_assets.sample.world import make_world
from entitynet_assets.studies.models import HERE
from tests.river.conftest import River

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[River]:
    """The demo's own study and world, with its recipe at three seeds and the untrained control."""
    text = (HERE / "sample.toml").read_text()
    recipes = 'recipes = ["demo", "demo-untrained"]'
    assert recipes in text
    study = tmp_path / "seeds.toml"
    text = text.replace(recipes, 'recipes = ["demo", "demo-seed-1", "demo-seed-2", "demo-untrained"]')
    study.write_text(text.replace('name = "sample"\ntitle', 'name = "seeds"\ntitle'))
    with serve(make_world()) as server:
        yield River(server, study, tmp_path / "home")


def test_three_seeds_name_held_out_drawings_and_the_control_does_not(demo: River) -> None:
    demo.run()
    board = {row["recipe"]: row for row in demo.lake.rows("leaderboard")}
    chance = 1 / len(demo.lake.rows("entities"))
    for recipe in ("demo", "demo-seed-1", "demo-seed-2"):
        assert board[recipe]["acc1"] >= 5 * chance, board[recipe]
    control = board["demo-untrained"]
    assert control["samples_seen"] == 0
    assert control["acc1_low"] <= chance <= control["acc1_high"], control
