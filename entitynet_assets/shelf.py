"""The tables of a lake as far as they are made, for those who look and make nothing: trace, report, previews.

Belongs here: SELECTs over whatever slices exist. Does not belong here: makers, which read declared inputs through
stations.py, and what is made of the rows. A table that is not made yet is empty here, and `lacks` says so; slices that
failed a check are shown too, because a fault is what a reader looks for.
"""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any

from entitynet_assets.lake import WHOLE, Lake, connect, quoted, typed_select
from entitynet_assets.lineage import DriftError
from entitynet_assets.resources import home
from entitynet_assets.studies.models import Study
from entitynet_assets.tables import TABLES
from entitynet_assets.text import slice_names, slice_of

Row = dict[str, Any]


class Shelf:
    """One connection over the tables of a study's lake; filters go down to the Parquet files."""

    def __init__(self, lake: Lake, study: Study) -> None:
        self.lake, self.study = lake, study
        self._con = connect()
        self._views: set[str] = set()

    def __enter__(self) -> Shelf:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._con.close()

    def ask(self, query: str, **params: Any) -> list[Row]:
        """Return the rows of a SELECT over tables by their names; $parameters are the keywords."""
        for name in sorted((set(re.findall(r"\w+", query)) & TABLES.keys()) - self._views):
            self._con.execute(f'CREATE TEMP VIEW "{name}" AS {self._source(name)}')
            self._views.add(name)
        result = self._con.execute(query, params or None)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def lacks(self, table: str, identifier: str = "") -> bool:
        """Say whether a table, or the slice of it that an identifier belongs to, is not made yet."""
        if TABLES[table].slicing == "slices" and identifier:
            name = slice_names(self.study.slices)[slice_of(identifier, self.study.slices)]
            return self.lake.record(table, name) is None
        return not self._slices(table)

    def failed(self) -> list[tuple[str, str, tuple[str, ...]]]:
        """Return (table, slice, checks that failed) of everything that is not sound."""
        found = [(table, name, self.lake.record(table, name)) for table in TABLES for name in self._slices(table)]
        return [(table, name, record.failed_checks) for table, name, record in found if record and record.failed_checks]

    def _source(self, table: str) -> str:
        folder = self.lake.root / "tables" / table
        records = [self.lake.record(table, name) for name in self._slices(table)]
        files = [quoted(folder / record.file) for record in records if record]
        return f"SELECT * FROM read_parquet([{', '.join(files)}])" if files else typed_select(TABLES[table])

    def _slices(self, table: str) -> list[str]:
        """Return the slices of a table that belong to the study as it is now; those of a former study would count twice."""
        names = {
            "whole": [WHOLE],
            "slices": slice_names(self.study.slices),
            "recipes": [one.name for one in self.study.recipes],
        }
        return [name for name in self.lake.slices(table) if name in names[TABLES[table].slicing]]


def open_shelf(study: Study) -> Shelf:
    """Return the shelf of a study's lake as the environment places it. Raises DriftError if there is no lake."""
    root = home(study) / "lake"
    if not (root / "tables").is_dir():
        raise DriftError(f"study {study.name} has no lake at {root}; run `entitynet run --study {study.name}` first")
    return Shelf(Lake(root), study)
