"""The `entitynet` command: drive the river without a daemon, open the UI on it, check the machine.

Belongs here: commands, their flags, the words they print. Does not belong here: assets, or how a line looks (terminal.py).
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Annotated

import typer

from entitynet_assets.classify.command import classify
from entitynet_assets.doctor import findings
from entitynet_assets.draft import command as draft_command
from entitynet_assets.export import command as export_command
from entitynet_assets.lake import Lake
from entitynet_assets.plan import plan as reckoned
from entitynet_assets.releases import command as releases_command
from entitynet_assets.report.page import render
from entitynet_assets.report.sheet import verdict_sheet
from entitynet_assets.resources import open_workplace
from entitynet_assets.sample.contact_sheet import contact_sheet
from entitynet_assets.sample.plan_file import write_plan
from entitynet_assets.sample.server import serve_until_stopped
from entitynet_assets.sample.world import make_world
from entitynet_assets.session import console, enter, served_sample, told_plainly
from entitynet_assets.shelf import open_shelf
from entitynet_assets.studies.models import TOWERS, StudyError, load_study, recipe_named, shipped_recipes
from entitynet_assets.tables import TABLES
from entitynet_assets.terminal import (
    TerminalProgress,
    coverage,
    leaderboard,
    plan_views,
    recipe_table,
    recipe_text,
    standings,
    tree,
)
from entitynet_assets.trace.answer import answer
from entitynet_assets.trace.tree import to_values

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="From a knowledge graph to a dataset to a trained and scored CLIP.",
)
app.add_typer(draft_command.app, name="study")
app.add_typer(export_command.app, name="export")
releases_command.add_to(app)
app.command()(classify)
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
    with told_plainly():
        chosen = enter(study)
        last = until.split(",") if until else []
        if unknown := [name for name in last if name not in TABLES]:
            raise StudyError(f"--until: found {unknown[0]!r}; allowed: {', '.join(TABLES)}")
        names = [recipe.name for recipe in chosen.recipes]
        wanted = recipes.split(",") if recipes else names
        if unknown := [name for name in wanted if name not in names]:
            raise StudyError(f"--recipes: found {unknown[0]!r}; allowed: {', '.join(names)}")
        with served_sample(chosen), TerminalProgress(console) as progress:
            from entitynet_assets.river import flow  # Dagster is imported only when something runs

            place = open_workplace(chosen, progress, limit)
            with contextlib.closing(place):
                succeeded = flow(chosen, place, last, slices, wanted, new_round)
        console.print(progress.summary())
        if words := resting(place.lake):
            console.print(words, highlight=False)
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
    with told_plainly():
        chosen = enter(study)
        with served_sample(chosen):
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
            for name, path in ui_pages().items():
                console.print(f"  {name:<12} http://127.0.0.1:{port}{path}", highlight=False, soft_wrap=True)
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
def world(
    entities: Annotated[int, typer.Option(help="Leaf entities; after the 48 true ones come made-up kinds.")] = 48,
    pictures: Annotated[int, typer.Option(help="Pictures a page names each entity for.")] = 12,
    holdout: Annotated[int, typer.Option(help="Held-out pictures of each entity.")] = 8,
    search_precision: Annotated[float, typer.Option(help="Share of them that show it.")] = 0.9,
    alt_noise: Annotated[float, typer.Option(help="Share of alt texts that are empty or wrong.")] = 0.2,
    seed: Annotated[int, typer.Option(help="Another seed, another world.")] = 0,
    plan: Annotated[Path | None, typer.Option(help="Write the truth, one row a picture: .jsonl or .csv.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the drawings: .jpg or .png.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Serve the world on this port until Ctrl-C; 0 takes a free one.")
    ] = None,
) -> None:
    """Make a sample world: write its plan, draw its contact sheet, serve it."""
    with told_plainly():
        made = make_world(entities, pictures, holdout, search_precision, alt_noise, seed)
        if plan:
            console.print(f"{write_plan(made, plan)} rows in {plan}", highlight=False)
        if sheet:
            contact_sheet(made).save(sheet, quality=75)
            console.print(f"The drawings are in {sheet}", highlight=False)
        if port is not None:
            serve_until_stopped(made, port)


@app.command()
def trace(
    thing: Annotated[
        str,
        typer.Argument(
            help="A picture's id or 6 digits of it, an entity's id or name, the address of a picture or page."
        ),
    ],
    study: StudyName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the same tree as JSON.")] = False,
) -> None:
    """Show where a picture, an address or an entity comes from and what became of it, from graph to scores."""
    with told_plainly(), open_shelf(load_study(study)) as shelf:
        found = answer(shelf, thing)
        if as_json:
            typer.echo(json.dumps(to_values(found), indent=1, ensure_ascii=False))
        else:
            console.print(tree(found))


@app.command()
def plan(
    study: Annotated[
        str | None, typer.Argument(help="A study's name or the path of its TOML file; default as for run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Show what the harvest of a study will take: requests, hours at the known limits, pictures, gigabytes, money. Asks nobody."""
    with told_plainly(), open_shelf(load_study(study)) as shelf:
        found = reckoned(shelf)
        if as_json:
            typer.echo(json.dumps(found.to_values(), indent=1, ensure_ascii=False))
            return
        for shown in plan_views(found):
            console.print(shown, highlight=False)


@app.command()
def report(
    study: StudyName = None,
    out: Annotated[Path | None, typer.Option(help="Where the page goes; default report.html in the lake.")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write only a contact sheet of kept and rejected pictures, as a JPEG.")
    ] = None,
) -> None:
    """Write one self-contained HTML page: leaderboard, losses, pictures beside their verdicts, reasons, weak entities."""
    with told_plainly(), open_shelf(load_study(study)) as shelf:
        page = sheet or out or shelf.lake.root / "report.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_bytes(verdict_sheet(shelf) if sheet else render(shelf).encode())
        shelf.lake.note_export({"page": str(page.absolute()), "sheet": sheet is not None})
        console.print(f"{page}  {page.stat().st_size / 1000:,.0f} kB", highlight=False, soft_wrap=True)


@app.command()
def recipes(
    name: Annotated[
        str | None, typer.Argument(help="A recipe to show in full, as TOML to copy; without it all of them.")
    ] = None,
    study: StudyName = None,
    towers: Annotated[bool, typer.Option("--towers", help="List the towers that a recipe may name.")] = False,
) -> None:
    """Show the recipes that ship, or those of a study: all as a table, one in full."""
    with told_plainly():
        if towers:
            typer.echo("\n".join(TOWERS))
            return
        known = load_study(study).recipes if study else shipped_recipes()
        if name:
            typer.echo(recipe_text(recipe_named(name, known)))
        else:
            console.print(recipe_table(known, f"Recipes of {study}" if study else "Recipes that ship"))


@app.command()
def doctor(study: StudyName = None) -> None:
    """Check this machine and say what to do about what is missing."""
    worst = 0
    for finding in findings(study):
        mark = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}[finding.grade]
        console.print(f"{mark}  {finding.subject}: {finding.words}", highlight=False)
        worst = max(worst, int(finding.grade == "bad"))
    raise typer.Exit(worst)


def resting(lake: Lake) -> str | None:
    """Say how many addresses rest after a failure that may pass, and from when on a run asks them again."""
    names = [name for name in lake.slices("downloads") if (found := lake.record("downloads", name)) and found.due_at]
    if not names:
        return None
    query = (
        "SELECT count(*) AS number, replace(min(due_at)[:16], 'T', ' ') AS at FROM downloads WHERE due_at IS NOT NULL"
    )
    found = lake.select(query, {"downloads": [lake.path("downloads", name) for name in names]})[0]
    return (
        f"{found['number']} addresses failed for reasons that may pass; a run after {found['at']} UTC asks them again."
    )


def ui_pages() -> dict[str, str]:
    """Return the pages of the UI that a newcomer looks for: the lineage with its last rooms open, and the results."""
    opened = "%2C".join(f"global%40global%3A{room}" for room in ("training", "scores"))
    results = {name: f"/assets/{name}?view=events" for name in ("leaderboard", "checkpoints", "verdicts")}
    return {"lineage": f"/asset-groups?expanded={opened}", **results}


def _workspace() -> Path:
    """Return workspace.yaml: the installed copy if there is one, else the repository's."""
    packaged = Path(__file__).parent / "_workspace.yaml"
    return packaged if packaged.exists() else Path(__file__).parent.parent / "workspace.yaml"


if __name__ == "__main__":
    warnings.simplefilter("default")
    app()
