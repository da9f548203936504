"""The one loop that every asset goes through: is the slice done already? else make it, check it, record it.

Belongs here: inputs, identity, skipping, blocking checks. Does not belong here: how any table is made, what Dagster
is told of it (station_assets.py).

A slice is made again only if its identity differs from its record's: code version, contract, parameters and the digests of
the slices it reads. The content digest is Dagster's data version, per slice, so that a change travels down exactly the
slices it touches and stops where it makes no difference.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from entitynet_assets import lineage
from entitynet_assets.lake import Lake, sql_folder, with_checks
from entitynet_assets.lineage import Record
from entitynet_assets.partitions import meets_by_name, slice_keys
from entitynet_assets.resources import Workplace
from entitynet_assets.shelf import Shelf
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import PREVIOUS, TABLES, ContractError, Table
from entitynet_assets.text import slice_of


@dataclass(frozen=True)
class Query:
    """A table made by a SELECT over the station's inputs, and over files beside them by name."""

    text: str
    params: Mapping[str, Any]
    views: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """What a maker answers: rows or a query, counts per reason, and how much work of each kind was done.

    Rows may come one by one; then the counts are whole when the last row is taken.
    `unfinished` asks for another go in the next run, though nothing that it depends on will have changed; `due_at` (ISO 8601,
    UTC) asks for one in the first run after that time.
    """

    content: Iterable[Mapping[str, Any]] | Query
    counts: Mapping[str, int] = field(default_factory=dict)
    work: Mapping[str, int] = field(default_factory=dict)
    unfinished: bool = False
    due_at: str | None = None


@dataclass(frozen=True)
class Work:
    """What a maker gets: the doors, its slice, and its declared inputs only."""

    place: Workplace
    table: Table
    slice: str
    views: Mapping[str, Sequence[Path]]
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def study(self) -> Study:
        """The study."""
        return self.place.study

    @property
    def lake(self) -> Lake:
        """The door to blobs and jobs; tables are read through `rows` and `select`."""
        return self.place.lake

    def select(self, query: str, **params: Any) -> list[dict[str, Any]]:
        """Return the rows of a SELECT over the declared inputs."""
        return self.lake.select(query, self.views, params)

    def columns(self, query: str, **params: Any) -> dict[str, Any]:
        """Return the columns of a SELECT without nulls over the declared inputs, as NumPy arrays."""
        return self.lake.columns(query, self.views, params)

    def rows(self, table: str, columns: str = "*") -> list[dict[str, Any]]:
        """Return the rows of one declared input, in key order."""
        contract = TABLES.get(table) or PREVIOUS[table]
        return self.select(f"SELECT {columns} FROM {table} ORDER BY {', '.join(contract.key)}")

    def own_rows(self) -> list[dict[str, Any]]:
        """Return what this slice held before: the ledger of tables that only ever grow."""
        record = self.lake.record(self.table.name, self.slice)
        if record is None:
            return []
        return self.lake.select(
            f"SELECT * FROM {self.table.name}",
            {self.table.name: [self.lake.root / "tables" / self.table.name / record.file]},
        )

    def own_view(self) -> dict[str, list[Path]]:
        """Return what this slice held before as the view `own_<table>`, for a SELECT; empty if it was never made."""
        record = self.lake.record(self.table.name, self.slice)
        files = [self.lake.root / "tables" / self.table.name / record.file] if record else []
        return {f"own_{self.table.name}": files}

    def in_slice(self, identifier: str) -> bool:
        """Say whether an identifier belongs to this slice."""
        return slice_of(identifier, self.study.slices) == int(self.slice)

    def advance(self, done: int, total: int, what: str) -> None:
        """Tell how far the work is."""
        self.place.progress.advance(done, total, what)


Maker = Callable[[Work], Made]
Parameters = Callable[[Workplace], Any]
Preview = Callable[[Shelf], Mapping[str, str | Sequence[Mapping[str, Any]]]]  # small values by name: Markdown, or rows


@dataclass(frozen=True)
class Station:
    """An asset before Dagster sees it: a contract, a maker, its inputs. `every` names sliced inputs read whole."""

    table: Table
    make: Maker
    reads: tuple[str, ...] = ()
    every: tuple[str, ...] = ()
    params: Parameters = lambda place: None
    code_version: str = "1"
    kinds: tuple[str, ...] = ("python",)
    description: str = ""
    column_lineage: Callable[[], Mapping[str, Sequence[tuple[str, str]]]] = dict
    config_schema: Mapping[str, Any] = field(default_factory=dict)
    preview: Preview | None = None  # what the UI shows of the table at a glance; changes nothing that is made

    def input_slices(self, study: Study, above: str, slice_name: str) -> list[str]:
        """Return the slices of an input that one slice of this table reads."""
        table = TABLES.get(above) or PREVIOUS[above]
        return [slice_name] if meets_by_name(self.table, table, self.every) else slice_keys(study, table.slicing)


def station(table: Table, **facts: Any) -> Callable[[Maker], Station]:
    """Declare the maker of a table: `@station(HITS, reads=("search_pages",))`. See Station for the facts."""

    def declare(make: Maker) -> Station:
        return Station(table, make, description=inspect.cleandoc(make.__doc__ or ""), **facts)

    return declare


@dataclass(frozen=True)
class Done:
    """One slice after the loop."""

    record: Record
    outcome: str
    work: Mapping[str, int]
    problems: Mapping[str, list[str]]


def run_slice(stop: Station, place: Workplace, slice_name: str, config: Mapping[str, Any] | None = None) -> Done:
    """Bring one slice up to date; a no-op if its record says that nothing it depends on has changed."""
    with place.lake.lock(stop.table.name, slice_name):
        place.progress.start(stop.table.name, slice_name)
        inputs, views = _inputs(stop, place, slice_name)
        choices = {
            "params": stop.params(place),
            "slices": place.study.slices if stop.table.slicing == "slices" else None,
        }
        wanted = lineage.identity(stop.code_version, repr(stop.table), choices, inputs)
        record = place.lake.record(stop.table.name, slice_name)
        if record and record.identity == wanted and not record.failed_checks and not _is_due(record):
            done = Done(record, "unchanged", {}, {})
        else:
            done = _make(stop, Work(place, stop.table, slice_name, views, config or {}), inputs, wanted)
        place.progress.end(stop.table.name, slice_name, done.outcome, {"rows": done.record.rows, **done.work})
        return done


def _is_due(record: Record) -> bool:
    return record.due_at is not None and record.due_at <= datetime.now(UTC).isoformat(timespec="seconds")


def _inputs(stop: Station, place: Workplace, slice_name: str) -> tuple[dict[str, str], dict[str, list[Path]]]:
    digests: dict[str, str] = {}
    views: dict[str, list[Path]] = {}
    for above in stop.reads:
        names = stop.input_slices(place.study, above, slice_name)
        if (
            len(names) > 1 and TABLES[above].slicing == "recipes"
        ):  # those trained so far; a leaderboard need not wait for all
            names = [name for name in names if place.lake.record(above, name)] or names
        digests |= {f"{above}/{name}": place.lake.need(above, name).digest for name in names}
        views[above] = [place.lake.path(above, name) for name in names]
    return digests, views


def _make(stop: Station, work: Work, inputs: dict[str, str], wanted: str) -> Done:
    made = stop.make(work)
    if odd := [name for name, number in {**made.counts, **made.work}.items() if not isinstance(number, int)]:
        raise ContractError(f"{stop.table.name}: counts {odd} are no whole numbers; mend its maker")
    facts = {
        "identity": f"{wanted} unfinished" if made.unfinished else wanted,
        "inputs": inputs,
        "code_version": stop.code_version,
        "counts": made.counts,
        "due_at": made.due_at,
        "failed_checks": (
            "unchecked",
        ),  # until they are through, so that a kill in between leaves nothing that looks sound
    }
    if isinstance(made.content, Query):
        record = work.lake.write_query(
            stop.table,
            made.content.text,
            {**work.views, **made.content.views},
            made.content.params,
            work.slice,
            **facts,
        )
    else:
        record = work.lake.write_rows(stop.table, made.content, work.slice, **facts)
    problems = _problems(stop, work, record)
    record = with_checks(record, [name for name, rows in problems.items() if rows and not name.endswith("(warn)")])
    work.lake.write_record(record)
    return Done(record, "made", made.work, problems)


# -- checks ------------------------------------------------------------------------------------------------------------


def sql_checks(table: Table) -> dict[str, Path]:
    """Return the SQL checks of a table by name; each SELECTs offenders."""
    folder = sql_folder() / "checks"
    return {path.stem.split("__", 1)[1]: path for path in sorted(folder.glob(f"{table.name}__*.sql"))}


def _problems(stop: Station, work: Work, record: Record) -> dict[str, list[str]]:
    own = [work.lake.root / "tables" / stop.table.name / record.file]
    problems = {"contract": work.lake.faults(stop.table, work.slice)}
    for name, path in sql_checks(stop.table).items():
        offenders = work.lake.select(path.read_text(), {**work.views, stop.table.name: own})
        problems[name] = [str(row) for row in offenders[:5]]
    return problems


def replace(stop: Station, **changes: Any) -> Station:
    """Return a station with some facts changed; for tests that swap a maker."""
    return dataclasses.replace(stop, **changes)
