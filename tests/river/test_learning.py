"""The point of it all: what is harvested teaches a model to name pictures that it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.sample.server import serve
from entitynet_assets.sample.world import make_world
from tests.river.conftest import River, small_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
WORLD = {"entities": 24, "pictures": 12, "holdout": 8}
SEEDS = (0, 1)
# The demo's recipe, but in one process, with smaller batches, a higher peak and fewer pictures seen, as there are half as many
# entities to name. It reached 28 to 32 % at three seeds, where the aim is 21 %.
RECIPE = """
[[recipes]]
name = "{name}"
mix = "balanced"
tower = "demo-64"
samples_seen = {samples_seen}
batch_size_global = 32
lr_peak = 1e-3
crop_scale_min = 0.6
context_length_tokens = 16
seed = {seed}
"""


@pytest.fixture
def taught(tmp_path: Path) -> Iterator[River]:
    """A study with one recipe at two seeds and the untrained control."""
    study = small_study(
        tmp_path,
        "seeds",
        mixes='["balanced"]',
        samples_per_shard="100",
        timeout_s="2.0",
        **{key: str(value) for key, value in WORLD.items()},
    )
    recipes = [RECIPE.format(name=f"seed-{seed}", samples_seen=7680, seed=seed) for seed in SEEDS]
    recipes.append(RECIPE.format(name="untrained", samples_seen=0, seed=0))
    text = study.read_text()
    study.write_text(text[: text.index("[[recipes]]")] + "".join(recipes))
    with serve(make_world(**WORLD)) as server:
        yield River(server, study, tmp_path / "home")


def test_two_seeds_name_held_out_drawings_and_the_control_does_not(taught: River) -> None:
    taught.run()
    board = {row["recipe"]: row for row in taught.lake.rows("leaderboard")}
    chance = 1 / len(taught.lake.rows("entities"))
    for seed in SEEDS:
        assert board[f"seed-{seed}"]["acc1"] >= 5 * chance, board[f"seed-{seed}"]
    control = board["untrained"]
    assert control["samples_seen"] == 0
    assert control["acc1_low"] <= chance <= control["acc1_high"], control
