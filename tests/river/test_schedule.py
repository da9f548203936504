"""The weekly schedule: what it asks for is a run that opens a new round over all slices."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

import dagster as dg
import pytest

from entitynet_assets.definitions import build_definitions
from entitynet_assets.resources import open_workplace
from entitynet_assets.studies.models import load_study
from tests.river.conftest import River

pytestmark = pytest.mark.slow


def test_a_tick_opens_a_round_and_asks_everything_anew(harvested_river: River, monkeypatch: pytest.MonkeyPatch) -> None:
    river = harvested_river
    for name, value in river.environment.items():
        if name.startswith("ENTITYNET_"):
            monkeypatch.setenv(name, value)
    study = load_study(str(river.study))
    place = open_workplace(study)
    definitions = build_definitions(study, place)
    schedule = definitions.get_repository_def().get_schedule_def("weekly_harvest")
    assert schedule.cron_schedule == "0 3 * * 1"
    with contextlib.closing(place), dg.DagsterInstance.ephemeral() as instance:
        monday = dg.build_schedule_context(instance, scheduled_execution_time=datetime(2026, 11, 23, 3, tzinfo=UTC))
        (request,) = schedule.evaluate_tick(monday).run_requests or []
        assert request.run_key == "harvest-2026-11-23"
        job = definitions.resolve_job_def("harvest")
        done = job.execute_in_process(run_config=request.run_config, tags=dict(request.tags), instance=instance)
        assert done.success
        sealed = instance.get_latest_materialization_event(dg.AssetKey("previous_entities"))
    assert sealed is not None
    assert river.lake.round() == 2
    assert len(river.lake.rows("previous_entities")) == len(river.lake.rows("entities")) == 8
    assert river.asked()["search.test"] > 0
    assert river.lake.rows("entity_changes") == []
