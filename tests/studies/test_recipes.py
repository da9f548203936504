"""The recipes that ship: each can be trained as it stands, says where its values come from, and is shown whole."""

from __future__ import annotations

import io
import re
import tomllib

import pytest
from rich.console import Console
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.studies.models import (
    HERE,
    Recipe,
    StudyError,
    parse_study,
    presets,
    recipe_named,
    shipped_recipes,
)
from entitynet_assets.terminal import recipe_table, recipe_text
from entitynet_assets.training.dispatch import Words, data_spec, run_spec
from entitynet_train.spec import RunSpec, fingerprint
from tests.small_lake import make_study

RECIPES = {recipe.name: recipe for recipe in shipped_recipes()}
TEACHER = {"name": "teacher", "model": "ViT-L-14/datacomp_xl_s13b_b90k", "sha256": "0" * 64}
RELEASE = [
    {"release_id": "r", "shard": "0", "tar_path": "0.tar", "tar_sha256": "s", "sample_count": 9, "texts_path": "t", "texts_digest": "t",
     "skip_path": "skip", "skip_digest": "s"}
]  # fmt: skip
WORDS = {name: Words("x", name) for name in ("image_entities", "query_texts", "entity_texts")}
PICTURES = 32_700_000  # of the published EntityNet
COMMAND = CliRunner()


def spec_of(recipe: Recipe) -> RunSpec:
    """Return what a recipe is on a release as large as the published one, with classes."""
    study = make_study(mixes=list(presets("mixes")), recipes=["demo", recipe.name], teachers=[TEACHER])
    data = data_spec(RELEASE, WORDS, "/lake")
    classes = {"vocabulary_fingerprint": "v", "class_count": 2_000_000}
    taught = (
        {"teacher": recipe.teacher, "reinforcement_fingerprint": "f", "reinforcements": ("x",)}
        if recipe.teacher
        else {}
    )
    return run_spec(recipe, study, type(data)(**{**vars(data), **classes}), PICTURES, **taught)


@pytest.mark.parametrize("recipe", [one for one in RECIPES.values() if one.name != "demo"], ids=lambda one: one.name)
def test_a_recipe_that_ships_is_a_whole_specification(recipe: Recipe) -> None:
    made = spec_of(recipe)
    assert (made.recipe, made.tower, made.loss, made.init) == (recipe.name, recipe.tower, recipe.loss, recipe.init)
    assert made.steps == -(-made.samples_seen // recipe.batch_size_global)


def test_recipes_that_differ_are_other_runs_but_for_the_names_that_say_another_data_set() -> None:
    made = {name: fingerprint(type(spec)(**{**vars(spec), "recipe": "x"})) for name, spec in
            ((one.name, spec_of(one)) for one in RECIPES.values() if one.name != "demo")}  # fmt: skip
    same = [(a, b) for a in made for b in made if a < b and made[a] == made[b]]
    assert sorted(same) == [
        ("entitynet-vit-b-16", "livingthings-vit-b-16"),
        ("entitynet-vit-b-32", "livingthings-vit-b-32"),
    ]


def test_entitynet_is_the_published_training() -> None:
    made = spec_of(RECIPES["entitynet-vit-b-32"])
    assert (made.samples_seen, made.steps) == (588_600_000, 71_851)
    assert (made.lr_peak, made.beta1, made.beta2, made.eps, made.weight_decay) == (5e-4, 0.9, 0.98, 1e-8, 0.2)
    assert (made.context_length_tokens, made.crop_scale_min, made.precision) == (32, 0.4, "bf16")
    assert round(made.warmup_ratio * 18, 2) == 2
    assert made.batch_size_global // made.world_size == 1024


@pytest.mark.parametrize(("name", "warmup"), [("small", 500), ("medium", 500), ("large", 500), ("xlarge", 10_000)])
def test_the_scale_warms_up_as_long_as_published(name: str, warmup: int) -> None:
    made = spec_of(RECIPES[f"datacomp-{name}"])
    assert made.warmup_ratio * made.steps == pytest.approx(warmup, rel=0.01)


def test_every_recipe_that_is_no_demo_says_where_it_comes_from() -> None:
    text = (HERE / "presets" / "recipes.toml").read_text()
    blocks = re.split(r"(?m)^# -- ", text)[1:]
    for name in RECIPES:
        if not name.startswith("demo"):
            (block,) = [one for one in blocks if f"\n[{name}]" in one]
            assert re.search(r"published|our choice|scale_configs", block), name


def test_a_recipe_shown_in_full_can_be_copied_into_a_study() -> None:
    for recipe in RECIPES.values():
        (copied,) = tomllib.loads(recipe_text(recipe))["recipes"]
        assert Recipe(**copied) == recipe


def test_a_study_takes_a_recipe_and_changes_some_of_it() -> None:
    own = {"like": "entitynet-vit-b-16", "name": "short", "samples_seen": 1000, "world_size": 1}
    raw = {**make_study().model_dump(exclude_none=True), "mixes": ["published"], "recipes": [own]}
    (made,) = parse_study(raw, "mine.toml").recipes
    assert made == RECIPES["entitynet-vit-b-16"].model_copy(
        update={"name": "short", "samples_seen": 1000, "epochs": None, "world_size": 1}
    )


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"like": "entitynet-b16"}, r"found 'entitynet-b16'; allowed: a table of its own, or one of demo, .*did you mean entitynet-vit-b"),
        ({"like": "demo", "batchsize_global": 8}, r"batchsize_global: unknown key; .*did you mean batch_size_global"),
        ({"like": "demo", "loss": {"weights": {"contrastiv": 1}}}, r"loss.weights: found 'contrastiv'; allowed: one of contrastive, "),
        ({"like": "demo", "loss": {"wheights": {"sigmoid": 1}}},
         r"recipes.0.loss.wheights: unknown key; allowed here: weights, .*did you mean weights"),
        ({"like": "demo", "teacher": "teecher"}, r"recipes.demo.teacher: found 'teecher'; .*teachers teacher \(did you mean teacher"),
    ],
)  # fmt: skip
def test_a_change_that_cannot_be_is_named_with_the_nearest_that_can(own: dict, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        make_study(recipes=[own], teachers=[TEACHER])


def test_the_command_shows_all_one_and_those_of_a_study() -> None:
    shown = COMMAND.invoke(app, ["recipes"]).output
    for recipe in RECIPES.values():
        assert recipe.name in shown
    assert "…" not in shown  # however narrow the terminal, nothing is cut off
    wide = io.StringIO()
    Console(file=wide, width=200).print(recipe_table(tuple(RECIPES.values()), "all"))
    assert "ViT-B-32/datacomp_xl_s13b_b90k" in wide.getvalue()
    assert "0.25 contrastive + 0.75 distillation" in wide.getvalue()
    (one,) = tomllib.loads(COMMAND.invoke(app, ["recipes", "siglip-vit-b-16"]).output)["recipes"]
    assert one["loss"]["weights"] == {"sigmoid": 1.0}
    of_study = COMMAND.invoke(app, ["recipes", "--study", "sample"]).output
    assert "demo-untrained" in of_study
    assert "siglip" not in of_study
    assert "MobileCLIP-S1\n" in COMMAND.invoke(app, ["recipes", "--towers"]).output


def test_a_recipe_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match=r"recipe: found 'siglip'; allowed: .*did you mean demo-siglip\?"):
        recipe_named("siglip", shipped_recipes())
