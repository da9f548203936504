"""The door to tables and blobs: every read and write of data goes through here.

Belongs here: DuckDB, Parquet, records, blobs, rounds, locks. Does not belong here: what a table means (tables.py), how it
is made (the rooms), when (stations.py).

Layout under the root: tables/<table>/<slice>-<digest>.parquet with <slice>.json (the record) written last;
blobs/<kind>/<ab>/<name>; jobs/<kind>/<name>/ for what the cluster works in; round.json; tombstones.jsonl and purged.jsonl.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entitynet_assets import lineage
from entitynet_assets.files import sync, sync_file_system, write_atomic, write_named
from entitynet_assets.lineage import DriftError, Record
from entitynet_assets.tables import PREVIOUS, SEALED, TABLES, ContractError, Table

WHOLE = "whole"
Rows = Sequence[Mapping[str, Any]]
LIVE_SKIPS = "tombstones.parquet"
CHUNK = 5000  # rows that are held as Python values when a table is written
Views = Mapping[str, Sequence[Path]]
_PACKAGED_SQL = Path(__file__).parent / "_sql"
_REPOSITORY_SQL = Path(__file__).parent.parent / "sql"
_MACROS = "CREATE MACRO slice_of(id, slice_count) AS (('0x' || sha256(id)[1:8])::UBIGINT % slice_count)"


def sql_folder() -> Path:
    """Return the folder of SQL files: the installed copy if there is one, else the repository's."""
    return _PACKAGED_SQL if _PACKAGED_SQL.is_dir() else _REPOSITORY_SQL


def read_sql(table: Table) -> str:
    """Return the SELECT that makes a table."""
    return (sql_folder() / table.room / f"{table.name}.sql").read_text()


def quoted(path: Path) -> str:
    """Return a path as a SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def connect() -> duckdb.DuckDBPyConnection:
    """Open a connection to this process's in-memory DuckDB, with the project's macros; only temporary views are its own."""
    return _database(os.getpid()).cursor()


@cache
def _database(pid: int) -> duckdb.DuckDBPyConnection:
    """Return the database of a process: starting one takes some 20 ms, and a run opens a hundred connections."""
    settings = {"threads": os.cpu_count() or 1, "enable_external_file_cache": False}
    con = duckdb.connect(config=settings)
    con.execute(_MACROS)
    return con


atexit.register(_database.cache_clear)  # DuckDB complains of what outlives the interpreter


def typed_select(table: Table) -> str:
    """Return a SELECT that yields no row and has exactly the contract's columns and types."""
    columns = ", ".join(f'CAST(NULL AS {column.type}) AS "{column.name}"' for column in table.columns)
    return f"SELECT {columns} LIMIT 0"


def describe(
    con: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, Any] | None = None
) -> list[tuple[str, str]]:
    """Return (name, type) of the columns that a query yields."""
    return [(row[0], row[1]) for row in con.execute(f"DESCRIBE {query}", params or None).fetchall()]


def need_contract(
    con: duckdb.DuckDBPyConnection, table: Table, query: str, params: Mapping[str, Any] | None = None
) -> None:
    """Raise ContractError unless a query yields the contract's columns, types and order."""
    found, expected = describe(con, query, params), describe(con, typed_select(table))
    if found != expected:
        wrong = [f"found {f}, expected {e}" for f, e in zip(found, expected, strict=False) if f != e]
        lengths = f"{len(found)} columns against {len(expected)}"
        raise ContractError(
            f"{table.name}: {'; '.join(wrong[:3]) or lengths}; mend sql/{table.room}/{table.name}.sql or tables.py"
        )


@cache
def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of a contract."""
    with contextlib.closing(connect()) as con:
        return con.sql(typed_select(table)).to_arrow_table().schema


def _batch(table: Table, rows: Rows, schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as columns. Raises ContractError on a column the contract lacks or a wrong type."""
    known, whole = set(table.column_names), _whole_columns(table)
    for row in rows:
        if not row.keys() <= known:
            raise ContractError(
                f"{table.name}: unknown columns {sorted(row.keys() - known)}; the contract in tables.py has {sorted(known)}"
            )
        if wrong := [name for name in whole if isinstance(row.get(name), float)]:
            raise ContractError(
                f"{table.name}: {wrong[0]} is {row[wrong[0]]!r}, expected a whole number; mend the maker or tables.py"
            )
    try:
        return pa.RecordBatch.from_pylist([dict(row) for row in rows], schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, UnicodeEncodeError) as error:
        raise ContractError(
            f"{table.name}: a value does not fit its column ({error}); mend the maker or tables.py"
        ) from error


def _whole_columns(table: Table) -> list[str]:
    return [
        column.name for column in table.columns if column.type in ("BIGINT", "UBIGINT")
    ]  # Arrow would cut fractions off


class Lake:
    """Tables and blobs of one study under one root folder."""

    def __init__(self, root: Path | str) -> None:
        self.root, self._unsynced = Path(root).absolute(), False
        (self.root / "tables").mkdir(parents=True, exist_ok=True)
        for table in PREVIOUS.values():
            if self.record(table.name) is None:
                self.write_rows(table, [])

    # -- records ---------------------------------------------------------------------------------------------------

    def record(self, table: str, slice_name: str = WHOLE) -> Record | None:
        """Return the record of a slice, or None if it was never made whole."""
        path = self.root / "tables" / table / f"{slice_name}.json"
        try:
            record = lineage.from_json(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise DriftError(
                f"{path} is not a record ({error}); delete it and run again, and the slice is made anew"
            ) from error
        return record if (path.parent / record.file).exists() else None

    def need(self, table: str, slice_name: str = WHOLE) -> Record:
        """Return the record of a slice. Raises DriftError if it is absent or failed a blocking check."""
        record = self.record(table, slice_name)
        if record is None:
            raise DriftError(f"{table} [{slice_name}] is not made yet; run `entitynet run --until {table}` first")
        if record.failed_checks:
            raise DriftError(
                f"{table} [{slice_name}] failed {', '.join(record.failed_checks)}; look at its checks, mend the cause, run again"
            )
        return record

    def path(self, table: str, slice_name: str = WHOLE) -> Path:
        """Return the Parquet file of a slice that is made and sound."""
        return self.root / "tables" / table / self.need(table, slice_name).file

    def slices(self, table: str) -> list[str]:
        """Return the names of the slices that have a record, in order."""
        return sorted(path.stem for path in (self.root / "tables" / table).glob("*.json"))

    # -- reading ---------------------------------------------------------------------------------------------------

    def select(self, query: str, views: Views, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Run a SELECT over Parquet files given by table name, and return its rows."""
        with contextlib.closing(connect()) as con:
            self._register(con, views)
            result = con.execute(query, params or None)
            names = [column[0] for column in result.description]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def columns(self, query: str, views: Views, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Run a SELECT without nulls over Parquet files given by table name, and return its columns as NumPy arrays."""
        with contextlib.closing(connect()) as con:
            self._register(con, views)
            return con.execute(query, params or None).fetchnumpy()

    def vectors(self, query: str, views: Views) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Yield (keys, vector_ND) of a SELECT of a key and a vector, some thousand rows at a time."""
        with contextlib.closing(connect()) as con:
            self._register(con, views)
            for batch in con.sql(query).to_arrow_reader(CHUNK):
                if batch.num_rows:
                    values = batch.column(1).flatten().to_numpy(zero_copy_only=False)
                    yield batch.column(0).to_pylist(), values.reshape(batch.num_rows, -1)

    def rows(self, table: str, *slice_names: str) -> list[dict[str, Any]]:
        """Return all rows of a table in key order, over the slices named or else all that exist."""
        contract = TABLES.get(table) or PREVIOUS[table]
        files = [self.path(table, name) for name in (slice_names or self.slices(table))]
        if not files:
            raise DriftError(f"{table} is not made yet; run `entitynet run --until {table}` first")
        return self.select(f"SELECT * FROM {table} ORDER BY {', '.join(contract.key)}", {table: files})

    def _register(self, con: duckdb.DuckDBPyConnection, views: Views) -> None:
        for name, files in views.items():
            parts = [f"SELECT * FROM read_parquet([{', '.join(map(quoted, files))}])"] if files else []
            # A table made before its contract grew is read with the new columns empty where it is read on purpose: as
            # `previous_<table>` of a sealed round, as `own_<table>` by its own maker. All others are made anew.
            if table := PREVIOUS.get(name) or TABLES.get(name.removeprefix("own_") if name.startswith("own_") else ""):
                parts.append(f"({typed_select(table)})")
            con.execute(f'CREATE TEMP VIEW "{name}" AS {" UNION ALL BY NAME ".join(parts)}')

    # -- writing ---------------------------------------------------------------------------------------------------

    def write_rows(
        self, table: Table, rows: Iterable[Mapping[str, Any]], slice_name: str = WHOLE, **facts: Any
    ) -> Record:
        """Write rows as a slice of a table, taken as they come and held as columns.

        Raises ContractError on a column the contract lacks or a wrong type.
        """
        schema, taken = arrow_schema(table), iter(rows)
        chunks = iter(lambda: list(islice(taken, CHUNK)), [])
        arrow = pa.Table.from_batches([_batch(table, chunk, schema) for chunk in chunks], schema)
        with contextlib.closing(connect()) as con:
            con.register("rows_in", arrow)
            return self._write(con, table, slice_name, "SELECT * FROM rows_in", None, facts)

    def write_query(
        self, table: Table, query: str, views: Views, params: Mapping[str, Any], slice_name: str = WHOLE, **facts: Any
    ) -> Record:
        """Write the result of a SELECT as a slice of a table. Raises ContractError if its columns are not the contract's."""
        with contextlib.closing(connect()) as con:
            self._register(con, views)
            return self._write(con, table, slice_name, query, params, facts)

    def _write(
        self,
        con: duckdb.DuckDBPyConnection,
        table: Table,
        slice_name: str,
        query: str,
        params: Mapping[str, Any] | None,
        facts: dict[str, Any],
    ) -> Record:
        need_contract(con, table, query, params)
        folder = self.root / "tables" / table.name
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch:
            new = Path(scratch) / "new.parquet"
            order = ", ".join(f'"{name}"' for name in table.key)
            con.execute(
                f"COPY (SELECT * FROM ({query}) ORDER BY {order}) TO {quoted(new)} (FORMAT parquet, COMPRESSION zstd)",
                params or None,
            )
            digest, rows = content_digest(con, new, table)
            failed = () if "failed_checks" in facts or not contract_faults(con, table, new) else ("contract",)
            name = f"{slice_name}-{digest[:16]}.parquet"
            sync(new)
            new.replace(folder / name)
        record = Record(table.name, slice_name, digest=digest, rows=rows, file=name, round=self.round(), **{
            "identity": "", "inputs": {}, "code_version": "", "failed_checks": failed, **facts, "counts": dict(facts.get("counts", {})),
        })  # fmt: skip
        self.write_record(record)
        (self.root / "notes" / f"{table.name}.{slice_name}.jsonl").unlink(missing_ok=True)
        return record

    def drop_rows(self, table: Table, slice_name: str, where: str, params: Mapping[str, Any]) -> int:
        """Write a slice again without the rows that a condition names, its identity as it was; returns how many went."""
        record = self.record(table.name, slice_name)
        if record is None:
            return 0
        views = {table.name: [self.root / "tables" / table.name / record.file]}
        query = f"SELECT * FROM {table.name} WHERE NOT coalesce({where}, false)"
        facts = {
            name: getattr(record, name)
            for name in ("identity", "inputs", "code_version", "counts", "failed_checks", "due_at")
        }
        if not self.select(f"SELECT 1 FROM {table.name} WHERE {where} LIMIT 1", views, params):
            return 0
        return record.rows - self.write_query(table, query, views, params, slice_name, **facts).rows

    def write_record(self, record: Record) -> None:
        """Write a record, last of all; older files of the slice are removed after it."""
        folder = self.root / "tables" / record.table
        write_atomic(folder / f"{record.slice}.json", lineage.to_json(record).encode())
        for old in folder.glob(f"{record.slice}-*.parquet"):
            if old.name != record.file and len(old.name) == len(record.file):
                old.unlink(missing_ok=True)

    def faults(self, table: Table, slice_name: str) -> list[str]:
        """Return what breaks the contract in a written slice: null or repeated keys, nulls, values not allowed."""
        record = self.record(table.name, slice_name)
        if record is None:
            return [f"{table.name} [{slice_name}] has no file"]
        with contextlib.closing(connect()) as con:
            return contract_faults(con, table, self.root / "tables" / table.name / record.file)

    # -- notes: rows of a ledger that is being made, kept in case the run is killed -----------------------------------

    def add_notes(self, table: str, slice_name: str, rows: Rows) -> None:
        """Append rows to the notes of an unfinished slice; dropped when the slice is written."""
        path = self.root / "notes" / f"{table}.{slice_name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        lines = "".join(json.dumps(dict(row)) + "\n" for row in rows).encode()
        with path.open("a+b") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - 1, 0))
            if file.read(1) not in (b"", b"\n"):  # a kill cut the last line off: end it, or it would spoil the next
                file.write(b"\n")
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())

    @contextlib.contextmanager
    def noting(
        self, table: str, slice_name: str, every: int, behind: bool = False
    ) -> Iterator[Callable[[Mapping[str, Any]], None]]:
        """Give a function that notes rows, `every` so many at a time; what is left is noted however the work ends.

        Blobs that were put before a row is noted are on the disk before the row is. With `behind` the work goes on while that
        is waited for, and a kill may lose twice `every` rows.
        """
        waiting: list[Mapping[str, Any]] = []
        written: list[Future[None]] = []

        def write(rows: Rows) -> None:
            self._sync_blobs()
            self.add_notes(table, slice_name, rows)

        def note(row: Mapping[str, Any]) -> None:
            waiting.append(row)
            if len(waiting) >= every:
                if written:
                    written.pop().result()
                written.append(writer.submit(write, tuple(waiting)))
                waiting.clear()
                if not behind:
                    written.pop().result()

        with ThreadPoolExecutor(1, thread_name_prefix="notes") as writer:
            try:
                yield note
            finally:
                if waiting:
                    written.append(writer.submit(write, tuple(waiting)))
                for one in written:
                    one.result()

    def notes(self, table: str, slice_name: str) -> list[dict[str, Any]]:
        """Return the notes of an unfinished slice; a line cut off by a kill is left out, as its work is done again."""
        path = self.root / "notes" / f"{table}.{slice_name}.jsonl"
        lines = path.read_bytes().split(b"\n")[:-1] if path.exists() else []
        rows = []
        for line in lines:
            with contextlib.suppress(ValueError):
                rows.append(json.loads(line))
        return rows

    # -- tables of others, that stay where they are --------------------------------------------------------------------

    def column_names(self, source: str) -> list[str]:
        """Return the names of the columns of a FROM item, such as read_parquet('...')."""
        with contextlib.closing(connect()) as con:
            return [name for name, _ in describe(con, f"SELECT * FROM {source}")]

    def prepared(self, name: str, query: str, seen: str) -> Path:
        """Return the Parquet file of a SELECT over files of others, run once for each state `seen` of them."""
        folder = self.root / "prepared"
        path = folder / f"{name}-{hashlib.sha256((query + seen).encode()).hexdigest()[:16]}.parquet"
        folder.mkdir(exist_ok=True)
        with self.lock("prepared", name):
            if not path.exists():
                with (
                    contextlib.closing(connect()) as con,
                    tempfile.TemporaryDirectory(dir=folder, prefix=".new-") as scratch,
                ):
                    new = Path(scratch) / "new.parquet"
                    con.execute(f"COPY ({query}) TO {quoted(new)} (FORMAT parquet, COMPRESSION zstd)")
                    sync(new)
                    new.replace(path)
                for old in folder.glob(f"{name}-*.parquet"):
                    if old != path:
                        old.unlink(missing_ok=True)
        return path

    # -- blobs and jobs --------------------------------------------------------------------------------------------

    def put_blob(self, kind: str, name: str, content: bytes, synced: bool = True) -> str:
        """Store bytes under a content-derived name; returns the path relative to the root. Writing twice is harmless.

        Without `synced` it is for `noting` to have them on the disk, many at a time.
        """
        path = self.root / "blobs" / kind / name[:2] / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(path, content, synced)
            self._unsynced = self._unsynced or not synced
        return str(path.relative_to(self.root))

    def _sync_blobs(self) -> None:
        """Have all blobs on the disk: once for many, as each by itself costs more than its decoding."""
        if self._unsynced:
            self._unsynced = False  # before, so that a blob that comes meanwhile is not forgotten
            sync_file_system(self.root)

    def blob(self, path: str) -> bytes:
        """Return the bytes of a blob by its path relative to the root."""
        return (self.root / path).read_bytes()

    def blob_path(self, kind: str, name: str) -> str:
        """Return where a blob of that name lies or would lie, relative to the root."""
        return f"blobs/{kind}/{name[:2]}/{name}"

    def put_file(self, path: str, content: bytes) -> str:
        """Store bytes under a path relative to the root, whole or not at all; returns the path."""
        if not (self.root / path).exists() or (self.root / path).read_bytes() != content:
            write_atomic(self.root / path, content)
        return path

    def put_stream(self, folder: str, fill: Callable[[BinaryIO], str]) -> str:
        """Store a file that `fill` writes piece by piece and then names; returns its path relative to the root."""
        return str(write_named(self.root / folder, fill).relative_to(self.root))

    def fault_of(self, path: str, size_bytes: int, sha256: str) -> str | None:
        """Return what is wrong with a file that was written whole once: absent, cut short, changed; None if nothing is."""
        try:
            with (self.root / path).open("rb") as file:
                if (size := os.fstat(file.fileno()).st_size) != size_bytes:
                    return f"{size:,} bytes, expected {size_bytes:,}"
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return None if found == sha256 else f"sha256 {found[:12]}, expected {sha256[:12]}"

    def export(
        self, query: str, views: Views, name: str, params: Mapping[str, Any] | None = None
    ) -> tuple[str, str, int]:
        """Write a SELECT as Parquet for readers outside the platform; returns (path, content digest, rows).

        The digest is in the file's name, so that a running job never sees its words change under it.
        """
        with (
            contextlib.closing(connect()) as con,
            tempfile.TemporaryDirectory(dir=self.root, prefix=".new-") as scratch,
        ):
            self._register(con, views)
            new = Path(scratch) / "new.parquet"
            con.execute(
                f"COPY (SELECT * FROM ({query}) ORDER BY ALL) TO {quoted(new)} (FORMAT parquet, COMPRESSION zstd)",
                params or None,
            )
            digest, rows = multiset_digest(con, f"read_parquet({quoted(new)})", name)
            path = f"{name}-{digest[:16]}.parquet"
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            sync(new)
            new.replace(self.root / path)
        return path, digest, rows

    def drop_from_file(self, path: Path, where: str, params: Mapping[str, Any]) -> bool:
        """Write any Parquet file again without the rows that a condition names; says whether there were some."""
        with contextlib.closing(connect()) as con:
            source = f"read_parquet({quoted(path)})"
            if not con.execute(f"SELECT 1 FROM {source} WHERE {where} LIMIT 1", params).fetchone():
                return False
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as scratch:
                new = Path(scratch) / "new.parquet"
                rest = f"SELECT * FROM {source} WHERE NOT coalesce({where}, false)"
                con.execute(f"COPY ({rest}) TO {quoted(new)} (FORMAT parquet, COMPRESSION zstd)", params)
                sync(new)
                new.replace(path)
        return True

    def file_texts(self, path: Path) -> Iterator[str]:
        """Yield every row of a Parquet file as JSON, for those who search it for a word; its bytes are compressed."""
        with contextlib.closing(connect()) as con:
            result = con.execute(f"SELECT to_json(t)::VARCHAR FROM read_parquet({quoted(path)}) t")
            while rows := result.fetchmany(CHUNK):
                yield "\n".join(row[0] for row in rows)

    def write_parquet(self, path: Path, types: Mapping[str, str], rows: Rows) -> None:
        """Write rows anywhere as one Parquet file of one row group, Snappy, for readers of another program's layout.

        `types` are DuckDB's by column, in order; the same rows give the same bytes.
        """
        columns = ", ".join(f'CAST(NULL AS {kind}) AS "{name}"' for name, kind in types.items())
        with (
            contextlib.closing(duckdb.connect(config={"threads": 1})) as con,
            tempfile.TemporaryDirectory(dir=path.parent, prefix=".new-") as scratch,
        ):
            schema = con.sql(f"SELECT {columns} LIMIT 0").to_arrow_table().schema
            con.register("rows_in", pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
            new = Path(scratch) / "new.parquet"
            group = -(-max(1, len(rows)) // 2048) * 2048  # DuckDB cuts row groups at multiples of its vectors
            con.execute(
                f"COPY (SELECT * FROM rows_in) TO {quoted(new)} (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {group})"
            )
            sync(new)
            new.replace(path)

    def job_folder(self, kind: str, name: str) -> Path:
        """Return the folder that a cluster job works in, made if absent."""
        folder = self.root / "jobs" / kind / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    # -- rounds and tombstones -------------------------------------------------------------------------------------

    def round(self) -> int:
        """Return the current harvest round, from 1."""
        path = self.root / "round.json"
        return json.loads(path.read_text())["round"] if path.exists() else 1

    def seal_round(self) -> int:
        """Copy the sealed tables to `previous_<table>` and open the next round; returns its number."""
        for name in SEALED:
            if self.slices(name):
                self.write_rows(PREVIOUS[f"previous_{name}"], self.rows(name))
        following = self.round() + 1
        write_atomic(self.root / "round.json", json.dumps({"round": following}).encode())
        return following

    def tombstone_ledger(self) -> list[dict[str, Any]]:
        """Return all takedown requests ever made, oldest first."""
        return _json_lines(self.root / "tombstones.jsonl")

    def purged(self) -> set[str]:
        """Return the ids of pictures and addresses of which everything was destroyed, or is about to be."""
        return {row["id"] for row in _json_lines(self.root / "purged.jsonl")}

    def taken_down(self) -> tuple[set[str], set[str]]:
        """Return (image ids, url ids) that are taken down at this moment, whatever has been made of it since."""
        ledger = self.tombstone_ledger()
        images = {row["image_id"] for row in ledger if row["image_id"]}
        return images, {url for row in ledger for url in row.get("url_ids") or ()}

    def ledger_digest(self) -> str:
        """Return a digest of the takedown ledger, purges included."""
        text = json.dumps([self.tombstone_ledger(), sorted(self.purged())], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def add_tombstones(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Append takedown requests (image_id, reason, requested_by, taken_down_at, url_ids, takedown_id) to the ledger.

        A row without an image_id is of addresses alone.
        Loaders that begin after this obey it, also those with an older specification: they read the list beside the ledger.
        """
        with self.lock("tombstones", "ledger"):
            _append_lines(self.root / "tombstones.jsonl", rows)
            self._write_live_skips()

    def add_purged(self, ids: Iterable[str]) -> None:
        """Note of which pictures and addresses everything is to be destroyed; `samples` drops them from then on."""
        with self.lock("tombstones", "ledger"):
            known = self.purged()
            _append_lines(self.root / "purged.jsonl", [{"id": one} for one in ids if one not in known])

    def live_skips(self) -> str:
        """Return the path, relative to the root, of the list (image_id) of what is taken down, which is replaced with every takedown."""
        with self.lock("tombstones", "ledger"):
            if not (self.root / LIVE_SKIPS).exists():
                self._write_live_skips()
        return LIVE_SKIPS

    def _write_live_skips(self) -> None:
        self.write_parquet(
            self.root / LIVE_SKIPS, {"image_id": "VARCHAR"}, [{"image_id": one} for one in sorted(self.taken_down()[0])]
        )

    def note_export(self, facts: Mapping[str, Any]) -> None:
        """Note what is written from this lake for others, and where to; a takedown looks there."""
        with self.lock("exports", "ledger"):
            if dict(facts) not in self.exports():
                _append_lines(self.root / "exports.jsonl", [facts])

    def exports(self) -> list[dict[str, Any]]:
        """Return what was exported, oldest first; a row with `page` is a report or a sheet, one with `out` a folder of pictures."""
        return _json_lines(self.root / "exports.jsonl")

    def manifests(self) -> dict[str, dict[str, Any]]:
        """Return the manifest of every release ever made by its id."""
        found = (json.loads(path.read_text()) for path in sorted((self.root / "release").glob("*.json")))
        return {one["release_id"]: one for one in found if "shards" in one}

    @contextlib.contextmanager
    def lock(self, table: str, slice_name: str) -> Iterator[None]:
        """Hold a slice, so that of two runs at once the second waits and then finds the work done."""
        folder = self.root / "locks"
        folder.mkdir(exist_ok=True)
        with (folder / f"{table}.{slice_name}").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _append_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    lines = [json.dumps(dict(row)) for row in (*_json_lines(path), *rows)]
    write_atomic(path, "".join(f"{line}\n" for line in lines).encode())


def with_checks(record: Record, failed: Iterable[str]) -> Record:
    """Return a record that names these failed blocking checks and no others."""
    return dataclasses.replace(record, failed_checks=tuple(sorted(failed)))


def content_digest(con: duckdb.DuckDBPyConnection, file: Path, table: Table) -> tuple[str, int]:
    """Return (sha256 hex, row count) of a file's lasting columns, whatever the order of rows.

    A multiset hash: the sums of both halves of each row's md5, with the count; one pass, no sort, constant memory.
    """
    columns = ", ".join(f'"{name}"' for name in table.lasting)
    return multiset_digest(con, f"(SELECT {columns} FROM read_parquet({quoted(file)}))", table.name)


def multiset_digest(con: duckdb.DuckDBPyConnection, source: str, name: str) -> tuple[str, int]:
    """Return (sha256 hex, row count) over the rows of a FROM item, as `content_digest` describes."""
    row = con.execute(
        "SELECT count(*), coalesce(sum(md5_number_lower(to_json(r)::VARCHAR)::HUGEINT), 0), "
        f"coalesce(sum(md5_number_upper(to_json(r)::VARCHAR)::HUGEINT), 0) FROM {source} r"
    ).fetchone()
    assert row is not None
    return hashlib.sha256(f"{name}:{row[0]}:{row[1]}:{row[2]}".encode()).hexdigest(), row[0]


def contract_faults(con: duckdb.DuckDBPyConnection, table: Table, file: Path) -> list[str]:
    """Return what breaks a contract in a Parquet file: repeated keys, nulls, values that are not allowed."""
    source, key = f"read_parquet({quoted(file)})", ", ".join(f'"{name}"' for name in table.key)
    faults = []
    repeated = con.execute(
        f"SELECT {key}, count(*) FROM {source} GROUP BY {key} HAVING count(*) > 1 LIMIT 3"
    ).fetchall()
    if repeated:
        faults.append(f"key ({', '.join(table.key)}) repeated: {repeated}")
    for column in table.columns:
        if not column.nullable:
            faults += _fault(
                con, f'SELECT count(*) FROM {source} WHERE "{column.name}" IS NULL', f"{column.name} is null"
            )
        if column.allowed:
            listed = ", ".join(f"'{value}'" for value in column.allowed)
            where = f'"{column.name}" NOT IN ({listed})'
            faults += _fault(
                con,
                f"SELECT count(*) FROM {source} WHERE {where}",
                f"{column.name} is none of {', '.join(column.allowed)}",
            )
    return faults


def _fault(con: duckdb.DuckDBPyConnection, query: str, words: str) -> list[str]:
    row = con.execute(query).fetchone()
    return [f"{words} in {row[0]} rows"] if row and row[0] else []
