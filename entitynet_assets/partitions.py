"""The two ways assets are cut: slices of the harvest by hash, and training recipes.

Belongs here: partition definitions and how slices of two tables meet. Does not belong here: the hash (text.py).
Partitions are slices and recipes, at most a thousand; never entities or pictures.
"""

from __future__ import annotations

import dagster as dg

from entitynet_assets.lake import WHOLE
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import Slicing, Table
from entitynet_assets.text import slice_names


def slice_keys(study: Study, slicing: Slicing) -> list[str]:
    """Return the names of all slices of a table cut that way."""
    if slicing == "slices":
        return slice_names(study.slices)
    return [recipe.name for recipe in study.recipes] if slicing == "recipes" else [WHOLE]


def partitions_of(study: Study, slicing: Slicing) -> dg.StaticPartitionsDefinition | None:
    """Return Dagster's partitions for a slicing; None for a table that is one piece."""
    return None if slicing == "whole" else dg.StaticPartitionsDefinition(slice_keys(study, slicing))


def meets_by_name(below: Table, above: Table, every: tuple[str, ...]) -> bool:
    """Say whether a slice of `below` reads only the slice of the same name of `above`, rather than all."""
    return below.slicing == above.slicing != "whole" and above.name not in every


def asset_dep(below: Table, above: Table, every: tuple[str, ...]) -> dg.AssetDep:
    """Return the dependency of one table on another with its partition mapping."""
    if above.slicing == "whole" or below.slicing == "whole" or meets_by_name(below, above, every):
        return dg.AssetDep(above.name)
    return dg.AssetDep(above.name, partition_mapping=dg.AllPartitionMapping())
