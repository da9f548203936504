"""`entitynet study`: a study of one's own, looked at before it is written.

Belongs here: flags, words, and the order of look-up, preview and writing. Does not belong here: matching (names.py), counting
(preview.py), TOML (write.py).
"""

from __future__ import annotations

import contextlib
import re
import tempfile
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from entitynet_assets.draft.names import Match, match_names, read_names
from entitynet_assets.draft.preview import preview, told
from entitynet_assets.draft.write import Draft, report_text, study_text
from entitynet_assets.files import write_atomic
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace, need_contact, need_data
from entitynet_assets.session import console, told_plainly
from entitynet_assets.studies.models import Study, StudyError, parse_study
from entitynet_assets.terminal import TerminalProgress

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Make a study of your own.")
ANY_ITEM = "Q1"  # stands in for the items while their names are looked up; only the source is asked then
SHOWN = 20


@app.callback()
def study() -> None:
    """Make a study of your own."""


@app.command()
def new(
    name: Annotated[str, typer.Option(help="The study's name: small letters, digits, _ . -")],
    root: Annotated[list[str] | None, typer.Option(help="A class by id, with all below it; may be said again.")] = None,
    names: Annotated[
        Path | None,
        typer.Option(help="A CSV or text: one name a line, or names in the first column; ids are names too."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the study goes; default NAME.toml here.")] = None,
    dump: Annotated[
        Path | None, typer.Option(help="A Wikidata JSON dump to read; without it the SPARQL endpoint is asked.")
    ] = None,
    contact: Annotated[
        str, typer.Option(help="Your address for the hosts that are asked; else ENTITYNET_CONTACT.")
    ] = "",
    language: Annotated[str, typer.Option(help="Language of the names, beside English.")] = "en",
    limit: Annotated[int, typer.Option(min=0, help="At most so many entities, the best known first; 0 is all.")] = 0,
) -> None:
    """Write a study from roots or from a list of names, after showing what it would hold."""
    with told_plainly():
        file = out or Path(f"{name}.toml")
        _need_choice(root, names, file)
        draft = Draft(
            name, f"Study {name}", roots=tuple(dict.fromkeys(root or ())), language=language, limit=limit, contact=contact,
            dump=str(dump.absolute()) if dump else "",
        )  # fmt: skip
        matches = _looked_up(draft, read_names(names)) if names else []
        if names:
            draft = _named(draft, matches, file)
        _shown(_checked(draft, file))
        write_atomic(file, study_text(draft).encode())
        console.print(f"\nThe study is {file}; run it: entitynet run --study {file}", highlight=False, soft_wrap=True)


def _need_choice(roots: Sequence[str] | None, names: Path | None, file: Path) -> None:
    if bool(roots) == bool(names):
        found = "both --root and --names" if roots else "neither --root nor --names"
        raise StudyError(f"found {found}; say --root Q25265 (a class with all below it) or --names FILE.csv (a list)")
    if file.suffix != ".toml":
        raise StudyError(f"--out: found {file}; a study's file ends in .toml")
    if file.exists():
        raise StudyError(f"--out: {file} is there already; name another file with --out, or remove it")


def _looked_up(draft: Draft, names: Sequence[str]) -> list[Match]:
    from entitynet_assets.draft.lookup import candidates

    study = _checked(draft.naming([ANY_ITEM]), Path("names.toml"))
    with tempfile.TemporaryDirectory(prefix="entitynet-") as folder, TerminalProgress(console) as progress:
        place = Workplace(study, Lake(Path(folder)), progress=progress)
        with contextlib.closing(place):
            progress.start("names", "whole")
            return match_names(names, candidates(place, names))


def _named(draft: Draft, matches: Sequence[Match], file: Path) -> Draft:
    """Write the report of the names and return the draft with the items they mean. Raises StudyError if there is none."""
    report = file.with_suffix(".names.csv")
    write_atomic(report, report_text(matches).encode())
    for line in told_names(matches):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    items = list(dict.fromkeys(match.candidates[0].qid for match in matches if match.status == "matched"))
    console.print(f"What became of each name: {report}\n", highlight=False, soft_wrap=True)
    if not items:
        raise StudyError(
            f"--names: none of {len(matches)} names means one item of the source; put ids of the report's candidates into the list, "
            "or name another source or --language"
        )
    return draft.naming(sorted(items, key=lambda qid: int(re.sub(r"\D", "", qid))))


def told_names(matches: Sequence[Match]) -> list[str]:
    """Return what became of the names as lines for people: the ambiguous with their candidates, the unmatched."""
    by = {status: [one for one in matches if one.status == status] for status in ("matched", "ambiguous", "unmatched")}
    lines = [", ".join(f"{len(some)} {status}" for status, some in by.items()) + f" of {len(matches)} names"]
    for match in by["ambiguous"][:SHOWN]:
        lines.append(f"ambiguous: {match.name} (to choose one, put its id into the list)")
        lines += [f"    {one.qid} {one.label}: {one.description or 'no description'}" for one in match.candidates]
    lines += [f"unmatched: {match.name}" for match in by["unmatched"][:SHOWN]]
    hidden = sum(max(0, len(by[status]) - SHOWN) for status in ("ambiguous", "unmatched"))
    return lines + ([f"... and {hidden} more, in the report"] if hidden else [])


def _checked(draft: Draft, file: Path) -> Study:
    study = parse_study(tomllib.loads(study_text(draft)), file.name)
    need_data(study)
    if not draft.dump:
        need_contact(study)
    return study


def _shown(study: Study) -> None:
    with TerminalProgress(console) as progress:
        found = preview(study, progress)
    for line in ("", *told(found)):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not found.entities:
        raise StudyError("the study would hold no entity; see what was left out above, and choose other roots or names")
