"""A lake in a temporary folder with a few typed rows, and stations run on it one slice at a time.

Belongs here: what tests of tables share. Does not belong here: fakes of the web and the cluster (fakes/).
"""

from __future__ import annotations

import contextlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa

from entitynet_assets.definitions import stations
from entitynet_assets.lake import Lake, arrow_schema, connect, need_contract, read_sql
from entitynet_assets.partitions import slice_keys
from entitynet_assets.resources import Workplace
from entitynet_assets.sql_assets import parameters_of, study_parameters
from entitynet_assets.stations import Done, Made, Station, Work, run_slice
from entitynet_assets.studies.models import HERE, Study, parse_study
from entitynet_assets.tables import PREVIOUS, TABLES, Column, Table

Row = dict[str, Any]
STATIONS = stations()


def make_study(**changes: Any) -> Study:
    """Return the sample study with one slice and the changes given; a mapping is merged into its section."""
    raw = tomllib.loads((HERE / "sample.toml").read_text())
    for key, value in {"slices": 1, **changes}.items():
        raw[key] = {**raw.get(key, {}), **value} if isinstance(value, Mapping) else value
    return parse_study(raw, "test.toml")


def default(column: Column) -> Any:
    """Return a value that fits a column: None where that is allowed, else the plainest."""
    if column.nullable:
        return None
    if column.allowed:
        return column.allowed[0]
    if column.type.endswith("[]"):
        return []
    return {"VARCHAR": "", "BIGINT": 0, "UBIGINT": 0, "DOUBLE": 0.0, "BOOLEAN": False}[column.type]


def full_row(table: Table, row: Mapping[str, Any]) -> Row:
    """Return a row with every column of its table, those not named at their default."""
    assert row.keys() <= set(table.column_names), f"{table.name} has no {row.keys() - set(table.column_names)}"
    return {column.name: row.get(column.name, default(column)) for column in table.columns}


class SmallLake:
    """A lake, a study, and ways to fill tables by hand and to run the station of a table."""

    def __init__(self, root: Path, **changes: Any) -> None:
        self.study = make_study(**changes)
        self.lake = Lake(root / "lake")
        self.place = Workplace(self.study, self.lake)

    def choose(self, **changes: Any) -> SmallLake:
        """Take another study on the same lake."""
        self.study = make_study(**changes)
        self.place = Workplace(self.study, self.lake)
        return self

    def first_slice(self, table: Table) -> str:
        """Return the name of the first slice of a table."""
        return slice_keys(self.study, table.slicing)[0]

    def put(self, name: str, rows: Sequence[Mapping[str, Any]], slice_name: str | None = None) -> None:
        """Write rows as a slice of a table, columns not named at their default."""
        table = TABLES.get(name) or PREVIOUS[name]
        slice_name = slice_name or self.first_slice(table)
        self.lake.write_rows(table, [full_row(table, row) for row in rows], slice_name)

    def put_empty(self, stop: Station, slice_name: str) -> None:
        """Write an empty slice for every input that is not there."""
        for above in stop.reads:
            for name in stop.input_slices(self.study, above, slice_name):
                if self.lake.record(above, name) is None:
                    self.put(above, [], name)

    def run(self, name: str, slice_name: str | None = None) -> Done:
        """Run the station of a table for one slice; inputs that are not there are empty."""
        stop = STATIONS[name]
        slice_name = slice_name or self.first_slice(stop.table)
        self.put_empty(stop, slice_name)
        return run_slice(stop, self.place, slice_name)

    def make(self, name: str, slice_name: str | None = None) -> list[Row]:
        """Run the station of a table for one slice, which must be sound, and return its rows in key order."""
        done = self.run(name, slice_name)
        assert not done.record.failed_checks, done.problems
        return self.lake.rows(name, done.record.slice)

    def pick(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """Make a table and return some columns of its rows as tuples, in key order."""
        return [tuple(row[column] for column in columns) for row in self.make(name)]


def select_rows(name: str, study: Study, inputs: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Run the SELECT of a whole table over rows in memory, checked against its contract; for properties, as it is fast."""
    table, query = TABLES[name], read_sql(TABLES[name])
    place = cast(Workplace, SimpleNamespace(study=study, limit=0))
    used = parameters_of(query)
    params = {key: value for key, value in study_parameters(place).items() if key in used}
    with contextlib.closing(connect()) as con:
        for above in STATIONS[name].reads:
            contract = TABLES.get(above) or PREVIOUS[above]
            rows = [full_row(contract, row) for row in inputs.get(above, [])]
            con.register(above, pa.Table.from_pylist(rows, schema=arrow_schema(contract)))
        need_contract(con, table, query, params)
        found = con.execute(f"SELECT * FROM ({query}) ORDER BY {', '.join(table.key)}", params or None).fetchall()
    return [dict(zip(table.column_names, row, strict=True)) for row in found]


def claim(property_id: str, value_qid: str | None = None, text: str | None = None, language: str | None = None) -> Row:
    """Return a statement as wikidata_items holds it."""
    return {
        "statement_id": None, "property_id": property_id, "rank": "normal", "snak": "value",
        "value_qid": value_qid, "value_text": text, "language": language,
    }  # fmt: skip


def words(**texts: str | Sequence[str]) -> list[Row]:
    """Return texts by language as wikidata_items holds them: words(en="apple", de=["Apfel"])."""
    return [
        {"language": language, "text": text}
        for language, said in texts.items()
        for text in ([said] if isinstance(said, str) else said)
    ]


def item(qid: str, *claims: Row, en: str | None = "", **facts: Any) -> Row:
    """Return a member of wikidata_items; its English label is its id in words unless told (None for no label)."""
    labels = facts.pop("labels", words(en=en or f"name of {qid}") if en is not None else [])
    return {"qid": qid, "claims": list(claims), "labels": labels, "sitelink_count": 10, **facts}


def below(*parents: str) -> list[Row]:
    """Return `subclass of` statements."""
    return [claim("P279", parent) for parent in parents]


class Counting:
    """A maker that counts its calls and answers what it is told."""

    def __init__(self, *rows: Row, table: str = "queries", **made: Any) -> None:
        self.rows = [full_row(TABLES[table], row) for row in rows]
        self.made, self.calls = made, 0

    def __call__(self, work: Work) -> Made:
        self.calls += 1
        return Made(self.rows, **self.made)


def queries(maker: Callable[[Work], Made], **facts: Any) -> Station:
    """Return a station of queries with another maker."""
    return Station(TABLES["queries"], maker, **{"reads": ("entities",), **facts})


def put_entities(small: SmallLake, *labels: str) -> None:
    """Write entities Q1, Q2, ... with these names."""
    small.put("entities", [{"qid": f"Q{number}", "label": label} for number, label in enumerate(labels, 1)])
