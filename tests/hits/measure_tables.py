"""Core time and memory of the tables of pictures at scale: `python -m tests.hits.measure_tables [rows ...]`.

`table` reads a Parquet file of made rows with captions of twelve words, of which 1 in 50 names one of 2,000 entities; iNaturalist reads
made tables of as many photographs, three for an observation, in gzipped TSV as it publishes them. `link_all` takes the other rows of
the table, too, and goes on to `hits`, all in one slice. Each figure is a process of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from tests.small_lake import SmallLake

ENTITIES, PER_ENTITY = 2000, 50
CAPTIONS = f"""
    SELECT 'https://h' || range % 9973 || '.test/' || range || '.jpg' AS url, array_to_string([
        'w' || hash(range * 12 + place) % 50000 FOR place IN range(1, 12)
    ], ' ') || CASE WHEN range % 50 = 0 THEN ' red name' || hash(range) % {ENTITIES} ELSE ' word' END AS caption
    FROM range({{rows}})
"""
TABLES = {  # as iNaturalist's, the columns that are read
    "taxa": f"SELECT range + 1 AS taxon_id, '' AS ancestry, 10 AS rank_level, 'species' AS rank, 'T' || range AS name, true AS active "
    f"FROM range({ENTITIES} * 5)",
    "observers": "SELECT range AS observer_id, 'o' || range AS login, '' AS name FROM range(1000)",
    "observations": f"SELECT 'u' || range AS observation_uuid, range % 1000 AS observer_id, hash(range) % ({ENTITIES} * 5) + 1 "
    "AS taxon_id, 'research' AS quality_grade FROM range({rows} // 3 + 1)",
    "photos": "SELECT 'p' || range AS photo_uuid, range AS photo_id, 'u' || range // 3 AS observation_uuid, range // 3 % 1000 "
    "AS observer_id, 'jpg' AS extension, 'CC-BY' AS license, 1000 AS width, 800 AS height, range % 3 AS position FROM range({rows})",
}


def make(asked: tuple[str, int, str]) -> None:
    """Write the files of a provider, in a process that is not measured."""
    provider, rows, folder = asked[0], asked[1], Path(asked[2])
    duckdb.sql("SET enable_progress_bar = false")
    if provider != "inaturalist":
        duckdb.sql(f"COPY ({CAPTIONS.format(rows=rows)}) TO '{folder / 'rows.parquet'}' (FORMAT parquet)")
        return
    for name, query in TABLES.items():
        duckdb.sql(
            f"COPY ({query.format(rows=rows)}) TO '{folder / name}.csv.gz' (FORMAT csv, DELIMITER '\t', HEADER, QUOTE '', COMPRESSION gzip)"
        )


def queries() -> list[dict[str, Any]]:
    """Return a name and an id for each entity."""
    named = [{"query_id": f"n{n}", "qid": f"Q{n}", "text": f"Red name{n}", "kind": "noun"} for n in range(ENTITIES)]
    by_id = [
        {"query_id": f"i{n}", "qid": f"Q{n}", "text": f"red name{n}", "kind": "item",
         "identifiers": [{"property_id": "P3151", "value": str(n + 1)}]} for n in range(ENTITIES)
    ]  # fmt: skip
    return named + by_id


def measure(asked: tuple[str, int, str]) -> str:
    """Make table_hits, or with link_all all up to hits, of what lies in a folder; return its line."""
    provider, rows, folder = asked
    place = Path(folder) if provider == "inaturalist" else Path(folder) / "rows.parquet"
    section = {"name": "table", "link_all": True} if provider == "link_all" else {"name": provider}
    small = SmallLake(Path(folder) / "work")
    small.choose(providers=[{**section, "address": str(place), "per_page": PER_ENTITY}])
    small.put("queries", queries())
    before = resource.getrusage(resource.RUSAGE_SELF)
    names = ("table_hits", "imported_rows", "hits") if provider == "link_all" else ("table_hits",)
    found = [small.run(name).record.rows for name in names][-1]
    after = resource.getrusage(resource.RUSAGE_SELF)
    core = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    more = (after.ru_maxrss - before.ru_maxrss) / 1024
    return f"{provider}, {rows:,} rows: {found:,} hits, {core:.1f} s of a core, {more:,.0f} MB more at most"


def main(sizes: list[int]) -> None:
    """Print a line for each provider and size."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for rows in sizes:
            for provider in ("table", "link_all", "inaturalist"):
                with tempfile.TemporaryDirectory() as folder:
                    Path(folder, "work").mkdir()
                    pool.apply(make, ((provider, rows, folder),))
                    print(pool.apply(measure, ((provider, rows, folder),)), flush=True)


if __name__ == "__main__":
    main([int(one) for one in sys.argv[1:]] or [1_000_000, 5_000_000])
