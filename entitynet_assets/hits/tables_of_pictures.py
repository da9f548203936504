"""Tables of pictures on this machine: which files, which of their columns say what, and the SELECTs that find entities in them.

Belongs here: what is common to providers that are read and not asked. Does not belong here: one sort of table
(providers/inaturalist.py, providers/table.py), running the SELECTs (lake.py), making the table (assets.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from entitynet_assets.hits.provider import Provider as AnyProvider
from entitynet_assets.hits.provider import provider
from entitynet_assets.lake import Lake
from entitynet_assets.resources import data_path, endpoint
from entitynet_assets.studies.models import TABLES_OF_PICTURES, Provider, Study, StudyError
from entitynet_assets.text import hash_id

Columns = Mapping[str, str]  # column of the table by what it says: url, text, licence, ...
# The columns of `found`: query_id, qid, query_text, query_kind, place, source, image_url, page_url, alt_text, page_text, title,
# licence, licence_url, author, width_px, height_px.


class PictureTable(AnyProvider):
    """A provider that is read off files and asked nothing."""

    def files(self, place: Path) -> list[Path]:
        """Return the files of an address, in order. Raises StudyError if one is absent."""
        raise NotImplementedError

    def found(self, lake: Lake, files: Sequence[Path], columns: Columns) -> str:
        """Return the SELECT of found rows over `queries`; `place` orders the rows of a query. Raises StudyError on unknown columns."""
        raise NotImplementedError

    def rows(self, lake: Lake, files: Sequence[Path], columns: Columns) -> str:
        """Return the SELECT of all rows, whatever they are about, each with its `row_number`; only of tables that link_all allows."""
        raise NotImplementedError


def picture_table(name: str) -> PictureTable:
    """Return the table of pictures of that name."""
    return cast(PictureTable, provider(name))


def chosen_tables(study: Study) -> list[Provider]:
    """Return the study's providers that are read and not asked."""
    return [chosen for chosen in study.providers if chosen.name in TABLES_OF_PICTURES]


def files_of(chosen: Provider) -> list[Path]:
    """Return the files of a table of the study, where this machine has them."""
    return picture_table(chosen.name).files(data_path(endpoint(chosen.name, chosen.address)))


def found_in(chosen: Provider, lake: Lake) -> str:
    """Return the SELECT of all rows of a table that are about a query's entity."""
    return picture_table(chosen.name).found(lake, files_of(chosen), chosen.columns)


def seen(files: Sequence[Path]) -> list[list[Any]]:
    """Return by what a change of files is noticed: their names, sizes and times."""
    return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files]


def first_rows(name: str, found: str, most: int) -> str:
    """Return the SELECT of the first rows of each query, in the columns of table_hits."""
    return f"""
        SELECT query_id, '{name}' AS provider, rank, qid, query_text, query_kind, source, image_url, page_url, alt_text, page_text, title,
            licence, licence_url, author, width_px, height_px
        FROM (SELECT *, row_number() OVER (PARTITION BY query_id ORDER BY place) AS rank FROM ({found})) WHERE rank <= {most}
    """


def imported_table(study: Study) -> Provider | None:
    """Return the table of the study of which every row is wanted, if there is one."""
    return next((chosen for chosen in study.providers if chosen.link_all), None)


def told_apart(chosen: Provider, lake: Lake) -> str:
    """Return the SELECT of a slice's rows of a table over `table_hits`, each with `became`: what a count calls it.

    `$slice_count` and `$slice_index` choose the slice by the address. What a search took is known by its file and row; of the rest
    the first `max_rows` of the table are imported, whichever slices they are in.
    """
    over = (
        f"row_number() OVER (PARTITION BY state ORDER BY row_number) > {chosen.max_rows}"
        if chosen.max_rows
        else "false"
    )
    return f"""
        WITH stated AS (
            SELECT *, CASE WHEN coalesce(image_url, '') = '' THEN 'without_address'
                WHEN source IN (SELECT source FROM table_hits WHERE provider = '{chosen.name}') THEN 'taken_by_a_search'
                ELSE 'imported' END AS state
            FROM ({picture_table(chosen.name).rows(lake, files_of(chosen), chosen.columns)})
        ),
        bounded AS (
            SELECT *, CASE WHEN state = 'imported' AND {over} THEN 'over_max_rows' ELSE state END AS became FROM stated
        )
        SELECT * FROM bounded WHERE slice_of(coalesce(image_url, ''), $slice_count) = $slice_index
    """


def to_import(chosen: Provider, apart: str) -> str:
    """Return the SELECT of the rows to import, in the columns of imported_rows."""
    return f"""
        SELECT '{hash_id("import", chosen.name, chosen.address)}' AS query_id, '{chosen.name}' AS provider, row_number AS rank, source,
            image_url, page_url, alt_text, page_text, title, licence, licence_url, author, width_px, height_px
        FROM ({apart}) WHERE became = 'imported'
    """


def counts(found: str) -> str:
    """Return the SELECT of how many pictures each entity has by licence as stated."""
    return (
        "SELECT qid, coalesce(licence, '') AS licence, count(DISTINCT image_url) AS pictures "
        f"FROM ({found}) GROUP BY qid, coalesce(licence, '')"
    )


def listed_files(place: Path, endings: Sequence[str]) -> list[Path]:
    """Return the file, the files of a folder, or those of a pattern, in the order of their names. Raises StudyError without any."""
    named = [place] if place.is_file() else sorted(place.iterdir() if place.is_dir() else place.parent.glob(place.name))
    kept = [path for path in named if path.is_file() and path.name.endswith(tuple(endings))]
    if not kept:
        raise StudyError(
            f"providers.table.address: found no file ending in {', '.join(endings)} at {place.name}; name a file, folder or pattern"
        )
    return kept
