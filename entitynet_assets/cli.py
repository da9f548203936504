"""The `entitynet` command: drive the river without a daemon, open the UI on it, check the machine.

Belongs here: commands, their flags, the words they print. Does not belong here: assets, or how a line looks (terminal.py).
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from entitynet_assets.doctor import findings
from entitynet_assets.lineage import DriftError
from entitynet_assets.resources import data_path, home, need_contact, need_data, open_workplace
from entitynet_assets.studies.models import Study, StudyError, load_study
from entitynet_assets.tables import TABLES
from entitynet_assets.terminal import TerminalProgress, coverage, leaderboard, standings

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a knowledge graph to a dataset to a trained and scored CLIP.",
)
console = Console()
INSTANCE = """\
telemetry: {enabled: false}
nux: {enabled: false}
run_queue: {dequeue_interval_seconds: 1}
concurrency: {pools: {default_limit: 1}}
run_monitoring: {enabled: true, free_slots_after_run_end_seconds: 120, max_resume_run_attempts: 0}
run_retries: {enabled: true, max_retries: 2, retry_on_asset_or_op_failure: false}
"""
StudyName = Annotated[
    str | None,
    typer.Option("--study", help="A study's name or the path of its TOML file; default ENTITYNET_STUDY, else sample."),
]


@app.command()
def run(
    study: StudyName = None,
    until: Annotated[str | None, typer.Option(help="Stop at this table, or these, separated by commas.")] = None,
    limit: Annotated[
        int, typer.Option(min=0, help="At most so many entities, the best known first; 0 is the study's own limit.")
    ] = 0,
    slices: Annotated[str | None, typer.Option(help="Only these slices, as A...B or A.")] = None,
    recipes: Annotated[str | None, typer.Option(help="Only these recipes, separated by commas.")] = None,
    new_round: Annotated[
        bool, typer.Option("--new-round", help="Seal the current harvest round and ask everything anew.")
    ] = False,
) -> None:
    """Bring a study up to date: harvest, train and score, doing only what has changed."""
    with _told_plainly():
        chosen = _enter(study)
        last = until.split(",") if until else []
        if unknown := [name for name in last if name not in TABLES]:
            raise StudyError(f"--until: found {unknown[0]!r}; allowed: {', '.join(TABLES)}")
        names = [recipe.name for recipe in chosen.recipes]
        wanted = recipes.split(",") if recipes else names
        if unknown := [name for name in wanted if name not in names]:
            raise StudyError(f"--recipes: found {unknown[0]!r}; allowed: {', '.join(names)}")
        with _sample_world(chosen), TerminalProgress(console) as progress:
            from entitynet_assets.river import flow  # Dagster is imported only when something runs

            place = open_workplace(chosen, progress, limit)
            with contextlib.closing(place):
                succeeded = flow(chosen, place, last, slices, wanted, new_round)
        console.print(progress.summary())
        if place.lake.record("benchmark_classes") and not until:
            for line in coverage(place.lake.rows("benchmark_classes")):
                console.print(line, highlight=False)
        if not chosen.benchmarks and not until:
            console.print("No benchmark: this study holds nothing out, so there are no scores and no leaderboard.")
        elif place.lake.record("leaderboard") and not until:
            ranked = sorted(place.lake.rows("leaderboard"), key=lambda row: row["place"])
            floors = place.lake.rows("floors") if place.lake.record("floors") else []
            console.print(leaderboard(ranked, floors))
            for line in standings(ranked, floors):
                console.print(line, highlight=False)
        console.print(f"The lake is {place.lake.root}")
        console.print(
            f"Open the Dagster UI on it: [bold]make ui[/]  (or: entitynet ui --study {study or chosen.name})",
            highlight=False,
        )
        if not succeeded:
            raise typer.Exit(1)


@app.command()
def ui(
    study: StudyName = None,
    port: Annotated[int, typer.Option(help="Port of the web page on this machine.")] = 3000,
) -> None:
    """Open the Dagster UI on a study; what it materialises goes to the same lake as `entitynet run`."""
    with _told_plainly():
        chosen = _enter(study)
        with _sample_world(chosen):
            command = [
                sys.executable,
                "-m",
                "dagster",
                "dev",
                "-w",
                str(_workspace()),
                "-h",
                "127.0.0.1",
                "-p",
                str(port),
            ]
            console.print(
                f"The Dagster UI of study {chosen.name}: http://127.0.0.1:{port}  (Ctrl-C ends it)", highlight=False
            )
            # A shell starts background commands with SIGINT ignored, and Dagster answers SIGTERM through SIGINT's handler.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            process = subprocess.Popen(command)
            signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            try:
                raise typer.Exit(process.wait())
            except KeyboardInterrupt:
                process.send_signal(signal.SIGINT)
                process.wait()


@app.command()
def doctor(study: StudyName = None) -> None:
    """Check this machine and say what to do about what is missing."""
    worst = 0
    for finding in findings(study):
        mark = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}[finding.grade]
        console.print(f"{mark}  {finding.subject}: {finding.words}", highlight=False)
        worst = max(worst, int(finding.grade == "bad"))
    raise typer.Exit(worst)


def _workspace() -> Path:
    """Return workspace.yaml: the installed copy if there is one, else the repository's."""
    packaged = Path(__file__).parent / "_workspace.yaml"
    return packaged if packaged.exists() else Path(__file__).parent.parent / "workspace.yaml"


def _enter(name: str | None) -> Study:
    """Read the study and set the environment that Dagster and its children inherit."""
    chosen = load_study(name)
    need_data(chosen)
    need_contact(chosen)
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
def _sample_world(study: Study) -> Iterator[None]:
    """Serve the sample world in a process of its own while the study needs it."""
    if not study.web.sample_world or os.environ.get("ENTITYNET_SAMPLE_PORT"):
        yield
        return
    command = [sys.executable, "-m", "entitynet_assets.sample.server", "--port", "0"]
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
def _told_plainly() -> Iterator[None]:
    """Turn our own errors, which say what to do, into a plain message: exit code 2 for a choice, 1 for what befell a run."""
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(("entitynet_assets", "entitynet_train")):
            raise
        name = " ".join(re.findall("[A-Z][a-z]+", type(error).__name__.removesuffix("Error"))).capitalize()
        console.print(f"[red]{name} error[/]", highlight=False)
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
        raise typer.Exit(2 if isinstance(error, (StudyError, DriftError)) else 1) from error


if __name__ == "__main__":
    warnings.simplefilter("default")
    app()
