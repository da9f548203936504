"""The front door: ROOMS is the river, in the order of its flow; everything Dagster knows is assembled here.

Belongs here: the list of rooms and their assembly. Does not belong here: any asset, any choice.
"""

from __future__ import annotations

import warnings

import dagster as dg

from entitynet_assets.benchmarks import assets as benchmarks
from entitynet_assets.curation import assets as curation
from entitynet_assets.graph import assets as graph
from entitynet_assets.hits import assets as hits
from entitynet_assets.images import assets as images
from entitynet_assets.jobs import JOBS, only_what_changed, schedule_of
from entitynet_assets.labels import assets as labels
from entitynet_assets.mixes import assets as mixes
from entitynet_assets.partitions import slice_keys
from entitynet_assets.queries import assets as queries
from entitynet_assets.resources import Workplace, open_workplace
from entitynet_assets.scores import assets as scores
from entitynet_assets.shards import assets as shards
from entitynet_assets.station_assets import build_asset, column_schema
from entitynet_assets.stations import Station
from entitynet_assets.studies.models import Study, load_study
from entitynet_assets.tables import PREVIOUS
from entitynet_assets.training import assets as training

ROOMS = (graph, benchmarks, queries, hits, images, curation, labels, shards, mixes, training, scores)


def stations() -> dict[str, Station]:
    """Return every station by the name of its table, in the order of the river."""
    return {stop.table.name: stop for room in ROOMS for stop in room.STATIONS}


def build_definitions(study: Study, place: Workplace | None = None) -> dg.Definitions:
    """Return all definitions of a study; the doors of `place`, or else those of the environment, are opened when an asset runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)
        made = [build_asset(stop, study) for stop in stations().values()]
        earlier = [
            dg.AssetSpec(name, group_name="previous_round", description=f"One row per {table.grain}. Written when a round is sealed.",
                         metadata={"dagster/column_schema": column_schema(table)}, kinds={"parquet"})
            for name, table in PREVIOUS.items()
        ]  # fmt: skip
        return dg.Definitions(
            assets=[*made, *earlier], jobs=JOBS, schedules=[schedule_of(slice_keys(study, "slices"))], sensors=[only_what_changed],
            resources={"workplace": dg.ResourceDefinition(lambda _: place or open_workplace(study))}, executor=dg.in_process_executor,
        )  # fmt: skip


defs = build_definitions(load_study())
