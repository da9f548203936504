"""Where a recipe begins and from whom it learns: what its `init` and `teacher` name becomes files that are known by their content.

Belongs here: open_clip names, recipes of the same study, exports and files of this machine, stored vectors. Does not belong here: reading
them (entitynet_train), other fields of a run (dispatch.py).
"""

from __future__ import annotations

import hashlib
from typing import Any

from entitynet_assets.lake import Lake
from entitynet_assets.resources import data_path
from entitynet_assets.stations import Work
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


def taught_by(recipe: Recipe, work: Work) -> dict[str, Any]:
    """Return the fields of RunSpec that say what the teacher of a recipe said; none without a teacher.

    Raises NothingToTrainError if it said nothing of any picture.
    """
    if not recipe.teacher:
        return {}
    files, digests = dict[str, tuple[str, ...]](), list[str]()
    for table in ("reinforcements", "teacher_texts"):
        files[table] = tuple(str(path.relative_to(work.lake.root)) for path in work.views[table])
        digests += [work.lake.need(table, name).digest for name in work.lake.slices(table)]
    query = "SELECT count(*) AS number FROM reinforcements WHERE teacher = $teacher"
    if not work.select(query, teacher=recipe.teacher)[0]["number"]:
        raise NothingToTrainError(
            f"recipes.{recipe.name}.teacher: {recipe.teacher} has seen no picture; bring the tables up to date first: "
            "entitynet run --until reinforcements,teacher_texts"
        )
    known = hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return {"teacher": recipe.teacher, "reinforcement_fingerprint": known, **files}
