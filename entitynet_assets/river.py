"""One run of the whole river without a daemon: harvest, train and score as successive in-process Dagster runs.

Belongs here: choosing assets and partitions for the three jobs, and running them. Does not belong here: flags and words
(cli.py), assets (the rooms).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import dagster as dg

from entitynet_assets.cluster import started_at
from entitynet_assets.definitions import build_definitions, stations
from entitynet_assets.jobs import SCORES_BY_RECIPE, range_tags
from entitynet_assets.partitions import slice_keys
from entitynet_assets.resources import Workplace
from entitynet_assets.studies.models import Study, StudyError
from entitynet_assets.tables import TABLES

OWNER = "entitynet/process"  # run tag: pid and start time of the command that executes the run
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class CheckError(RuntimeError):
    """A table that failed a blocking check: which check, the offenders, what to do. Nothing is made of such a table."""


def flow(
    study: Study, place: Workplace, until: Sequence[str], slices: str | None, recipes: Sequence[str], new_round: bool
) -> bool:
    """Bring the tables up to `until` (or all) up to date; returns whether every run succeeded.

    A failed run stops the river there; the exception of the step that failed is raised.
    """
    wanted = _upstream(until) or set(TABLES)
    sliced = _range(study, slices)
    with place.lake.lock("dagster", "instance"):  # two first runs at once would both write SQLite's schema
        instance = dg.DagsterInstance.get()
        _bury_dead_runs(instance)
        instance.all_asset_keys()
    with instance, warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)
        definitions = build_definitions(study, place)
        config = {"ops": {"graph_source": {"config": {"new_round": True}}}} if new_round else {}
        by_recipe = set(SCORES_BY_RECIPE)
        runs = [("harvest", wanted, sliced, config)]
        runs += [("train", wanted, range_tags(recipe, recipe), {}) for recipe in recipes]
        runs += [("score", wanted & by_recipe, range_tags(recipe, recipe), {}) for recipe in recipes]
        runs += [("score", wanted - by_recipe, {}, {})]
        for name, tables, tags, run_config in runs:
            job = definitions.resolve_job_def(name)
            selected = [key for key in job.asset_layer.executable_asset_keys if key.path[-1] in tables]
            if not selected:
                continue
            try:
                result = job.execute_in_process(
                    run_config={**QUIET, **run_config},
                    instance=instance,
                    tags={**tags, OWNER: _owner()},
                    asset_selection=selected,
                )
            except dg.DagsterError as error:
                if failed := _failed_checks(instance):
                    raise CheckError("\n".join(failed)) from error
                raise
            if not result.success:
                return False
    return True


def _failed_checks(instance: dg.DagsterInstance) -> list[str]:
    """Return a line for each check that the newest run failed, with its offenders."""
    newest = instance.get_runs(limit=1)[0].run_id
    lines = []
    for entry in instance.all_logs(newest, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        found = entry.get_dagster_event().asset_check_evaluation_data
        if not found.passed:
            offenders = found.metadata["offenders"].value
            lines.append(
                f"{found.asset_key.path[-1]}: {found.check_name}: found {offenders}; mend the cause and run again"
            )
    return lines


def _owner() -> str:
    return f"{os.getpid()} {started_at(os.getpid())}"


def _bury_dead_runs(instance: dg.DagsterInstance) -> None:
    """End runs whose command was killed: without a daemon they would stay started and hold their pool's slot for ever."""
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED])):
        pid, _, started = run.tags.get(OWNER, "").partition(" ")
        if pid and started_at(int(pid)) != started:
            instance.report_run_failed(run, "The process that executed this run is gone.")
            instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)


def _upstream(tables: Sequence[str]) -> set[str]:
    """Return tables with all that they are made from."""
    known, found, todo = stations(), set[str](), list(tables)
    while todo:
        name = todo.pop()
        if name in known and name not in found:
            found.add(name)
            todo += known[name].reads
    return found


def _range(study: Study, slices: str | None) -> dict[str, str]:
    keys = slice_keys(study, "slices")
    first, _, last = (slices or f"{keys[0]}...{keys[-1]}").partition("...")
    for name in (first, last or first):
        if name not in keys:
            raise StudyError(f"--slices: found {name!r}; allowed: {keys[0]} to {keys[-1]}, as A...B or A")
    return range_tags(first, last or first)
