"""What every command does around its work: enter a study, serve the sample world if it needs one, tell errors plainly.

Belongs here: the environment that Dagster and its children inherit, and how an error leaves. Does not belong here: commands and
their flags (cli.py), what is run (river.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console

from entitynet_assets.cluster import cluster_settings
from entitynet_assets.files import is_disk_full
from entitynet_assets.hits.keys import need_keys
from entitynet_assets.lineage import DriftError
from entitynet_assets.resources import data_path, home, need_contact, need_data
from entitynet_assets.sample.world import WorldError
from entitynet_assets.studies.models import Study, StudyError, load_study
from entitynet_assets.trace.tree import TraceError

console = Console()
CHOICES = (StudyError, WorldError, DriftError, TraceError)  # errors that another choice cures: exit code 2
INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_queue: {dequeue_interval_seconds: 1}
concurrency: {pools: {default_limit: 1}}
run_monitoring: {enabled: true, free_slots_after_run_end_seconds: 120, max_resume_run_attempts: 0}
run_retries: {enabled: true, max_retries: 2, retry_on_asset_or_op_failure: false}
"""
SCANT_BYTES = (
    65_536  # with less, an error whose words name no disk (SQLite: "disk I/O error") is the disk's all the same
)


def enter(name: str | None) -> Study:
    """Read the study and set the environment that Dagster and its children inherit."""
    chosen = load_study(name)
    need_data(chosen)
    need_contact(chosen)
    need_keys(chosen)
    if path := os.environ.get("ENTITYNET_CLUSTER"):
        os.environ["ENTITYNET_CLUSTER"] = str(Path(path).absolute())
    cluster_settings()
    os.environ["ENTITYNET_DATA"] = str(data_path("."))
    if name:
        os.environ["ENTITYNET_STUDY"] = str(Path(name).absolute()) if name.endswith(".toml") else name
    folder = home(chosen)
    os.environ["ENTITYNET_HOME"] = str(folder.parent)
    os.environ["DAGSTER_HOME"] = str(folder / "dagster")
    (folder / "dagster").mkdir(parents=True, exist_ok=True)
    settings = folder / "dagster" / "dagster.yaml"
    if not settings.exists():
        settings.write_text(INSTANCE)
    return chosen


@contextlib.contextmanager
def served_sample(study: Study) -> Iterator[None]:
    """Serve the sample world in a process of its own while the study needs it."""
    if study.sample is None or os.environ.get("ENTITYNET_SAMPLE_PORT"):
        yield
        return
    settings = [f"--{name.replace('_', '-')}={value}" for name, value in study.sample.model_dump().items()]
    command = [sys.executable, "-m", "entitynet_assets.sample.server", "--port", "0", *settings]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    reader: threading.Thread | None = None
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        if "http://" not in line:
            raise StudyError(
                f"the sample world's server did not start: it said {line!r}; run `{' '.join(command[1:])}` to see why"
            )
        reader = threading.Thread(target=server.stdout.read, daemon=True)  # so that the pipe never fills
        reader.start()
        os.environ["ENTITYNET_SAMPLE_PORT"] = line.strip().rsplit(":", 1)[1]
        yield
    finally:
        os.environ.pop("ENTITYNET_SAMPLE_PORT", None)
        server.terminate()
        server.wait(timeout=10)
        if reader:
            reader.join(timeout=10)
        if server.stdout:
            server.stdout.close()


@contextlib.contextmanager
def told_plainly() -> Iterator[None]:
    """Turn our own errors, which say what to do, into a plain message: exit code 2 for a choice, 1 for what befell a run."""
    try:
        yield
    except Exception as error:
        if is_disk_full(error) or _room_bytes() < SCANT_BYTES:
            console.print("[red]The disk is full[/]", highlight=False)
            console.print(_full_disk_words(), highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(1) from error
        if not type(error).__module__.startswith(("entitynet_assets", "entitynet_train")):
            raise
        name = " ".join(re.findall("[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))).capitalize()
        console.print(f"[red]{name} error[/]", highlight=False)
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, CHOICES) else 1) from error


def _room_bytes() -> int:
    folder = Path(os.environ.get("ENTITYNET_HOME", ".")).absolute()
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free


def _full_disk_words() -> str:
    return (
        f"{_room_bytes() / 1e6:.1f} MB are free in {os.environ.get('ENTITYNET_HOME')}. What was finished before stands and is whole; "
        "free some room and run the same command again: it goes on from there."
    )
