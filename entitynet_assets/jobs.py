"""Jobs, the schedule and the sensor: how the river is driven from the Dagster UI and by the command.

Belongs here: selections and their timing. Does not belong here: assets. One Dagster job cannot span two ways of cutting, so
the harvest (slices) and training (recipes) are jobs of their own; what is whole goes with either.
"""

from __future__ import annotations

import dagster as dg

HARVEST_ROOMS = ("graph", "benchmarks", "queries", "hits", "images", "curation", "labels", "shards", "mixes")
SCORES_BY_RECIPE = ("predictions", "scores")
HARVEST = dg.AssetSelection.groups(*HARVEST_ROOMS)
TRAIN = dg.AssetSelection.groups("training")
SCORE = dg.AssetSelection.groups("scores")

harvest = dg.define_asset_job(
    "harvest", HARVEST, description="From Wikidata items to shards and caption mixes, all slices or some."
)
train = dg.define_asset_job("train", TRAIN, description="One torchrun job a recipe.")
score = dg.define_asset_job("score", SCORE, description="Evaluate checkpoints, rank recipes, plan the next harvest.")

JOBS = (harvest, train, score)


def schedule_of(keys: list[str]) -> dg.ScheduleDefinition:
    """Return the weekly re-harvest: a new round over the slices, asking everything anew but downloading only what changed."""

    @dg.schedule(
        job=harvest,
        cron_schedule="0 3 * * 1",
        name="weekly_harvest",
        description="Open a new harvest round every Monday at 03:00.",
    )
    def weekly_harvest(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        return dg.RunRequest(
            run_key=f"harvest-{context.scheduled_execution_time:%Y-%m-%d}",
            run_config={"ops": {"graph_source": {"config": {"new_round": True}}}}, tags=range_tags(keys[0], keys[-1]),
        )  # fmt: skip

    return weekly_harvest


only_what_changed = dg.AutomationConditionSensorDefinition(
    "only_what_changed", target=HARVEST, minimum_interval_seconds=60,
    description="Bring the harvest up to date where an input's content or an asset's code has changed.",
)  # fmt: skip


def range_tags(first: str, last: str) -> dict[str, str]:
    """Return the run tags by which Dagster runs a range of partitions in one run."""
    return {"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last}
