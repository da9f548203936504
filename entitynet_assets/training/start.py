"""Where a recipe begins: what its `init` names becomes a file with a known sha256.

Belongs here: open_clip names, recipes of the same study, exports and files of this machine. Does not belong here: reading weights
(entitynet_train), other fields of a run (dispatch.py).
"""

from __future__ import annotations

import hashlib

from entitynet_assets.lake import Lake
from entitynet_assets.resources import data_path
from entitynet_assets.studies.models import Recipe
from entitynet_assets.training.dispatch import NothingToTrainError
from entitynet_train.spec import weight_file


def start_of(recipe: Recipe, lake: Lake) -> dict[str, str]:
    """Return the fields of RunSpec that say where a recipe begins; none for random weights.

    Raises NothingToTrainError for a recipe that is not trained yet, and for a folder that holds no weights.
    """
    if recipe.init_recipe:
        return _of_recipe(recipe, lake)
    if not recipe.init_is_local:
        return {}
    path = data_path(recipe.init)
    weights = weight_file(path)
    if weights is None:
        raise NothingToTrainError(
            f"recipes.{recipe.name}.init: found {path}, which is no weight file and no folder with open_clip_config.json beside one; "
            "allowed: an open_clip export, the folder of a finished job, a weight file, or MODEL/PRETRAINED by open_clip's names"
        )
    if recipe.init_sha256:  # the workshop holds the file against it
        return {"init_path": str(path)}
    with weights.open("rb") as file:
        return {"init_path": str(path), "init_sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _of_recipe(recipe: Recipe, lake: Lake) -> dict[str, str]:
    if lake.record("checkpoints", recipe.init_recipe) is None:
        raise NothingToTrainError(
            f"recipes.{recipe.name}.init: recipe {recipe.init_recipe} is not trained yet; train it first: "
            f"entitynet run --recipes {recipe.init_recipe},{recipe.name}"
        )
    newest = max(lake.rows("checkpoints", recipe.init_recipe), key=lambda row: row["step"])
    return {"init_path": str(lake.root / newest["path"]), "init_sha256": newest["export_sha256"]}
