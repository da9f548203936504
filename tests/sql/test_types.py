"""Every SELECT of sql/ yields exactly the columns of its contract, on inputs that are typed and empty."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from entitynet_assets.lake import connect, need_contract, read_sql, sql_folder, typed_select
from entitynet_assets.sql_assets import parameters_of, study_parameters, tables_of
from entitynet_assets.stations import sql_checks
from entitynet_assets.tables import PREVIOUS, TABLES, ContractError, Table
from tests.small_lake import STATIONS, SmallLake

MADE_BY_SQL = sorted(name for name, stop in STATIONS.items() if "sql" in stop.kinds)
CHECKS = sorted(path for path in (sql_folder() / "checks").glob("*.sql"))


def views_of(con, *names: str) -> None:
    for name in names:
        con.execute(f'CREATE TEMP VIEW "{name}" AS {typed_select(TABLES.get(name) or PREVIOUS[name])}')


def test_every_file_makes_a_table_of_its_room() -> None:
    files = {(path.parent.name, path.stem) for path in sql_folder().rglob("*.sql") if path.parent.name != "checks"}
    assert files == {(TABLES[name].room, name) for name in MADE_BY_SQL}


@pytest.mark.parametrize("name", MADE_BY_SQL)
def test_a_select_has_the_columns_of_its_contract(name: str, small: SmallLake) -> None:
    table, query = TABLES[name], read_sql(TABLES[name])
    known = {**study_parameters(small.place), "slice_count": 2, "slice_index": 0}
    used = parameters_of(query)
    assert used <= known.keys()
    with contextlib.closing(connect()) as con:
        views_of(con, *STATIONS[name].reads)
        need_contract(con, table, query, {key: known[key] for key in used})
        assert con.execute(query, {key: known[key] for key in used} or None).fetchall() is not None


@pytest.mark.parametrize("path", CHECKS, ids=lambda path: path.stem)
def test_a_check_reads_only_its_table_and_the_inputs_of_its_station(path: Path) -> None:
    name = path.stem.split("__")[0]
    query = path.read_text()
    assert path.stem.split("__", 1)[1] in sql_checks(TABLES[name])
    assert set(tables_of(query)) <= {name, *STATIONS[name].reads}
    assert not parameters_of(query)
    with contextlib.closing(connect()) as con:
        views_of(con, *tables_of(query))
        assert con.execute(query).fetchall() == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1::BIGINT AS qid, 'a' AS change, 'b' AS previous, 'c' AS current", "found ('qid', 'BIGINT'), expected ('qid', 'VARCHAR')"),
        ("SELECT 'a' AS qid, 'a' AS change, 'b' AS previous", "3 columns against 5"),
        ("SELECT 'a' AS change, 'a' AS qid, 'b' AS previous, 'c' AS current", "expected ('qid', 'VARCHAR')"),
    ],
)  # fmt: skip
def test_a_wrong_select_is_refused_with_what_was_found(query: str, words: str) -> None:
    table: Table = TABLES["entity_changes"]
    with contextlib.closing(connect()) as con, pytest.raises(ContractError) as caught:
        need_contract(con, table, query)
    assert words in str(caught.value)
    assert "mend sql/graph/entity_changes.sql or tables.py" in str(caught.value)
