"""`entitynet takedown`, `entitynet releases`, `entitynet verify`: flags and words.

Belongs here: what the commands take and print. Does not belong here: what they do (the files beside this one).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table as Sheet

from entitynet_assets.lineage import DriftError
from entitynet_assets.releases.choose import KINDS, chosen_pictures
from entitynet_assets.releases.purge import JOURNAL, purge
from entitynet_assets.releases.seen import who_saw
from entitynet_assets.releases.takedown import Request, finish, take_down, unfinished
from entitynet_assets.releases.verify import faults, repair, sidecar_faults
from entitynet_assets.resources import Workplace, open_workplace
from entitynet_assets.session import console, told_plainly
from entitynet_assets.shelf import open_shelf
from entitynet_assets.studies.models import Study, StudyError, load_study

StudyName = Annotated[str | None, typer.Option("--study", help="A study's name or the path of its TOML file.")]
NAMES = {
    "releases": ("release", "release_id"), "subreleases": ("part", "subrelease"), "mixes": ("mix", "mix"),
    "checkpoints": ("checkpoint", "path"), "exports": ("export", "out"),
}  # fmt: skip


def add_to(app: typer.Typer) -> None:
    """Give an application the commands of this page."""
    for command in (takedown, releases, verify):
        app.command()(command)


def takedown(  # one option a way to name pictures, which the command line wants as parameters
    picture: Annotated[str, typer.Option(help="A picture's sha256, or at least 6 digits of it.")] = "",
    url: Annotated[str, typer.Option(help="The address of a picture, or of a page with all its pictures.")] = "",
    host: Annotated[str, typer.Option(help="All pictures of a host and the hosts below it.")] = "",
    author: Annotated[str, typer.Option(help="All pictures of an author, as stated by a search.")] = "",
    licence: Annotated[str, typer.Option(help="All pictures under a licence.")] = "",
    entity: Annotated[str, typer.Option(help="All pictures linked to an entity, by its id.")] = "",
    reason: Annotated[str, typer.Option(help="Why; kept for good.")] = "",
    requested_by: Annotated[str, typer.Option(help="Who asked; kept for good.")] = "",
    only_these_bytes: Annotated[
        bool, typer.Option("--only-these-bytes", help="Leave near-duplicates of the pictures alone.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would come to.")] = False,
    destroy: Annotated[
        bool,
        typer.Option(
            "--purge", help="Destroy the bytes and rows of everything taken down so far; nothing brings them back."
        ),
    ] = False,
    study: StudyName = None,
) -> None:
    """Take pictures down: loaders obey at once, a new release is made, and who had seen them is listed."""
    with told_plainly():
        given = {
            name: value
            for name, value in zip(KINDS, (picture, url, host, author, licence, entity), strict=True)
            if value
        }
        _need_one(given, reason, destroy)
        with _alone(load_study(study)) as place:
            for record in unfinished(place.lake):
                console.print(f"Takedown {record['takedown_id']} was broken off; it goes on.", highlight=False)
                _tell(finish(place, record))
            if (place.lake.root / JOURNAL).exists():
                console.print("A purge was broken off; it goes on.")
                _destroy(place)
            for kind, value in given.items():
                _ask(place, Request(kind, value, reason, requested_by or None, _now()), only_these_bytes, dry_run)
            if destroy and not dry_run:
                _destroy(place)


def releases(study: StudyName = None) -> None:
    """List every release of a study, its named parts, and the takedowns between them."""
    with told_plainly(), open_shelf(load_study(study)) as shelf:
        current = {row["release_id"] for row in shelf.ask("SELECT DISTINCT release_id FROM release")}
        sheet = Sheet("release", "round", "pictures", "taken down", "not screened", "after", "")
        sheet.columns[0].no_wrap = True
        for name, one in sorted(
            shelf.lake.manifests().items(), key=lambda item: (item[0] in current, item[1]["round"])
        ):
            words = one.get("retired") or ("current" if name in current else "")
            figures = [f"{one.get(key, 0):,}" for key in ("round", "pictures", "taken_down", "not_screened")]
            sheet.add_row(name, *figures, one.get("parent") or "", words)
        console.print(sheet)
        for row in shelf.ask("SELECT * FROM subreleases ORDER BY subrelease"):
            console.print(
                f"part {row['subrelease']}: {row['picture_count']:,} pictures, {row['predicate']}", highlight=False
            )


def verify(
    mend: Annotated[bool, typer.Option("--repair", help="Pack broken tars again from the stored pictures.")] = False,
    study: StudyName = None,
) -> None:
    """Read every tar of the release and hold it against its recorded size and sha256."""
    with told_plainly(), _alone(load_study(study)) as place:
        broken = []
        for row, fault in faults(place.lake):
            console.print(f"{row['shard']}: {place.lake.root / row['path']}: {fault}", highlight=False, soft_wrap=True)
            broken.append(row)
        gone = sidecar_faults(place.lake) if place.lake.record("release") else []
        for path in gone:
            console.print(f"{path}: gone", highlight=False, soft_wrap=True)
        if mend and (broken or gone):
            if other := repair(place, broken):
                raise DriftError(
                    f"{', '.join(other)}: packed again, and not to the bytes recorded; the release is a new one now"
                )
            console.print(
                f"{len(broken)} tars packed again, to the same bytes; {len(gone)} lists of texts written again"
            )
        elif broken or gone:
            raise DriftError(
                f"{len(broken)} tars are not what was packed, {len(gone)} lists of texts are gone; "
                "`entitynet verify --repair` makes them again"
            )
        else:
            console.print(f"{len(place.lake.rows('shards')):,} tars are what was packed", highlight=False)


def _need_one(given: dict[str, str], reason: str, destroy: bool) -> None:
    allowed = f"exactly one of --{', --'.join(KINDS)}"
    if len(given) > 1 or not (given or destroy):
        raise StudyError(
            f"takedown: found {', '.join(f'--{name}' for name in given) or 'no picture named'}; allowed: {allowed}"
        )
    if given and not reason.strip():
        raise StudyError("--reason: found nothing; say why, it is kept with the tombstones")


@contextlib.contextmanager
def _alone(study: Study) -> Iterator[Workplace]:
    """Open a study's lake, which must be there, for one such command at a time; another waits."""
    open_shelf(study).__exit__(None, None, None)
    place = open_workplace(study)
    with contextlib.closing(place), place.lake.lock("takedown", "command"):
        yield place


def _ask(place: Workplace, request: Request, only_these_bytes: bool, dry_run: bool) -> None:
    with open_shelf(place.study) as shelf:
        ids = chosen_pictures(shelf, request.kind, request.value, only_these_bytes)
        if dry_run:
            gone = place.lake.taken_down()[0]
            new = [one for one in ids if one not in gone]
            console.print(
                f"{len(new):,} pictures would be taken down ({len(ids) - len(new):,} are already)", highlight=False
            )
            _tell_seen(who_saw(shelf, new))
            return
    _tell(take_down(place, request, ids))


def _tell(record: dict[str, Any]) -> None:
    if not record["pictures"] and not record["addresses"]:
        console.print("All of that is taken down already.")
        return
    words = f"takedown {record['takedown_id']}: {len(record['pictures']):,} pictures, skipped from now on"
    if record["addresses"]:
        words += f"; {len(record['addresses']):,} addresses without one, not asked any more"
    console.print(f"{words}; release {record['release_before']} -> {record['release_after']}", highlight=False)
    _tell_seen(record["seen"])


def _tell_seen(seen: dict[str, list[dict[str, Any]]]) -> None:
    for kind, rows in seen.items():
        name, key = NAMES[kind]
        for row in rows:
            count = "a folder that is not there now" if row["pictures"] is None else f"{row['pictures']:,} of them"
            console.print(f"  had by {name} {row[key]}: {count}", highlight=False, soft_wrap=True)


def _destroy(place: Workplace) -> None:
    done = purge(place)
    if done is None:
        console.print("Nothing that is taken down is left to destroy.")
        return
    journal, found = done
    words = f"{len(journal.ids):,} pictures destroyed"
    if journal.pages_lost:
        words += (
            f"; {journal.pages_lost:,} answer pages went with them, as what they say of others could not be told apart"
        )
    console.print(words, highlight=False)
    if found:
        listed = "\n".join(f"  {path}: {needle!r}" for path, needle in found[:20])
        raise DriftError(
            f"purge: found afterwards, in {len(found)} places:\n{listed}\nend other commands on this lake and purge again"
        )
    console.print(
        "Every byte of the lake and of its exports was read: no piece of them is left, no address, no author of them alone."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
