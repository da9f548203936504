"""`entitynet export`: a harvest in the layout of another program.

Belongs here: flags and words. Does not belong here: the layouts (a file each).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from entitynet_assets.export.img2dataset import export, release_facts
from entitynet_assets.session import console, told_plainly
from entitynet_assets.shelf import open_shelf
from entitynet_assets.studies.models import StudyError, load_study

app = typer.Typer(no_args_is_help=True, help="Write a harvest in the layout of another program.")


@app.callback()
def _layouts() -> None:
    """Write a harvest in the layout of another program."""


@app.command()
def img2dataset(
    out: Annotated[Path, typer.Option(help="A new or empty folder.")],
    study: Annotated[str | None, typer.Option("--study", help="A study's name or the path of its TOML file.")] = None,
    part: Annotated[int | None, typer.Option("--slice", min=0, help="Only this slice of the addresses.")] = None,
    samples_per_shard: Annotated[int, typer.Option(min=1, help="Addresses a shard.")] = 10_000,
    only: Annotated[
        str, typer.Option("--part", help="Only pictures of this subrelease, or `release`: without what failed.")
    ] = "",
) -> None:
    """Write tars, Parquet and statistics as img2dataset lays them out, failures included."""
    with told_plainly():
        chosen = load_study(study)
        if part is not None and part >= chosen.slices:
            raise StudyError(f"--slice: found {part}; allowed: 0 to {chosen.slices - 1}")
        with open_shelf(chosen) as shelf:
            try:
                slices = range(chosen.slices) if part is None else [part]
                counts, said = export(shelf, out, slices, samples_per_shard, only), release_facts(shelf)
            except FileExistsError as error:
                raise StudyError(str(error)) from error
    words = ", ".join(f"{number:,} {status}" for status, number in sorted(counts.items())) or "no address"
    console.print(f"{out}  {words}", highlight=False, soft_wrap=True)
    if not said["screened"]:
        pictures = "no picture" if said["not_screened"] is None else f"{said['not_screened']:,} pictures not"
        console.print(
            f"Not screened for unwanted content: {pictures} judged by that rule. export.json says so, too.",
            highlight=False,
        )
