"""Any table of picture addresses with words: LAION, CC3M and CC12M, DataComp, the output of img2dataset, or your own.

A row is about an entity if its words name it: some query of the entity is in them as a run of whole words, whatever the case.
Where the table says the entity's id (`columns.qid`), that is taken instead of the words. Rate limit: none, as nobody is asked.
Licence: where the table has a column of it. Rows come in the order of the files. With `link_all` the other rows come too, for no
entity, to be linked by their texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from entitynet_assets.hits.tables_of_pictures import Columns, PictureTable, listed_files
from entitynet_assets.lake import Lake, quoted
from entitynet_assets.studies.models import StudyError

ENDINGS = (".parquet", ".tsv", ".csv", ".jsonl", ".tsv.gz", ".csv.gz", ".jsonl.gz")
LONGEST = 8  # words of a name that is sought
KNOWN = {  # names in small letters, the surest first
    "url": ("url", "image_url", "img_url"), "text": ("text", "caption", "alt", "alt_text", "description"), "title": ("title",),
    "page_text": ("page_text", "description"),
    "page_url": ("page_url", "foreign_landing_url", "landing_url"), "licence": ("license", "licence"),
    "licence_url": ("license_url", "licence_url"), "author": ("author", "creator", "artist"),
    "width": ("original_width", "width"), "height": ("original_height", "height"), "qid": (),
}  # fmt: skip


def reading(files: Sequence[Path], header: bool = True) -> str:
    """Return the FROM item that reads the files, all of one sort. Raises StudyError if they are of several."""
    sorts = {path.name.removesuffix(".gz").rsplit(".", 1)[-1] for path in files}
    if len(sorts) > 1:
        raise StudyError(
            f"providers.table.address: found files of several sorts ({', '.join(sorted(sorts))}); name files of one sort"
        )
    listed = "[" + ", ".join(map(quoted, files)) + "]"
    (sort,) = sorts
    if sort == "parquet":
        return f"read_parquet({listed}, filename = true)"
    if sort == "jsonl":
        return f"read_json({listed}, format = 'newline_delimited', filename = true)"
    quoting = "delim = '\\t', quote = '', escape = ''" if sort == "tsv" else "delim = ',', quote = '\"'"
    return f"read_csv({listed}, {quoting}, header = {str(header).lower()}, all_varchar = true, filename = true, null_padding = true)"


def headed(names: Sequence[str]) -> bool:
    """Say whether the first line of a text file is a header; CC3M and CC12M have none."""
    return not any(name.lower().startswith(("http://", "https://")) for name in names)


def roles(names: Sequence[str], columns: Columns) -> dict[str, str]:
    """Return the column of each role: as the study names it, else by a name that is known. Raises StudyError without an address."""
    lower = {name.lower(): name for name in names}
    if unknown := [name for name in columns.values() if name not in names]:
        raise StudyError(f"providers.table.columns: the table has no column {unknown[0]!r}; it has {', '.join(names)}")
    known = {role: lower[name] for role, among in KNOWN.items() for name in reversed(among) if name in lower}
    found = {**known, **columns}
    if found.get("page_text") == found.get("text") and "page_text" not in columns:
        found.pop("page_text", None)  # one column of words is what rows are found by
    for role in ("url", "text") if "qid" not in found else ("url",):
        if role not in found:
            raise StudyError(
                f"providers.table.columns: no column is known as the {role}; it has {', '.join(names)}: say columns = {{{role} = ...}}"
            )
    return found


def headless_roles(names: Sequence[str]) -> dict[str, str]:
    """Return the columns of a table without a header, whose first line this is: an address, and the words before or after it."""
    at = next(place for place, name in enumerate(names) if name.lower().startswith("http"))
    text = 0 if at else 1
    return {"url": f"column{at}", "text": f"column{text}"}


def all_rows(source: str, columns: Columns) -> str:
    """Return the SELECT of every row of a FROM item; `columns` are all roles that it has."""
    return f"""
        SELECT *, file || ' row ' || row_number AS source FROM (SELECT
            row_number() OVER () AS row_number, regexp_extract(filename, '[^/]+$') AS file, {_said("url", columns)} AS image_url,
            {_said("page_url", columns)} AS page_url, {_said("text", columns)} AS alt_text, {_said("page_text", columns)} AS page_text,
            {_said("title", columns)} AS title,
            {_said("licence", columns)} AS licence, {_said("licence_url", columns)} AS licence_url, {_said("author", columns)} AS author,
            TRY_CAST({_said("width", columns)} AS BIGINT) AS width_px, TRY_CAST({_said("height", columns)} AS BIGINT) AS height_px,
            {_said("qid", columns)} AS stated_qid
        FROM {source})
    """


def found_rows(rows: str, columns: Columns) -> str:
    """Return the SELECT of those of all rows that are about an entity of `queries`."""
    matched = _BY_QID if "qid" in columns else _BY_WORDS
    return f"""
        WITH rows AS ({rows}), {matched}
        SELECT query_id, qid, query_text, query_kind, {{'row_number': row_number, 'file': file}} AS place,
            source, image_url, page_url, alt_text, page_text, title,
            licence, licence_url, author, width_px, height_px
        FROM matched WHERE image_url IS NOT NULL AND image_url <> ''
    """


_BY_QID = """
    matched AS (
        SELECT query_id, qid, text AS query_text, kind AS query_kind, rows.* FROM queries JOIN rows ON rows.stated_qid = queries.qid
        WHERE kind = 'item'
    )
"""
_BY_WORDS = f"""
    names AS (
        SELECT query_id, qid, query_text, query_kind, len(words) AS length, array_to_string(words, ' ') AS spelling FROM (
            SELECT query_id, qid, text AS query_text, kind AS query_kind, regexp_extract_all(lower(text), '[\\p{{L}}\\p{{N}}]+') AS words
            FROM queries WHERE kind <> 'item' AND style <> 'drawing'
        ) WHERE len(words) BETWEEN 1 AND {LONGEST}
    ),
    worded AS (
        SELECT *, regexp_extract_all(lower(alt_text), '[\\p{{L}}\\p{{N}}]+') AS words,
            (SELECT coalesce(max(length), 1) FROM names) AS longest
        FROM rows WHERE alt_text IS NOT NULL
    ),
    runs AS (
        SELECT * EXCLUDE (words, longest), UNNEST(list_distinct(flatten(list_transform(
            range(1, len(words) + 1),
            lambda start: list_transform(
                range(start, least(start + longest, len(words) + 1)),
                lambda stop: array_to_string(words[start:stop], ' ')
            )
        )))) AS spelling FROM worded
    ),
    matched AS (
        SELECT names.*, runs.* EXCLUDE (spelling) FROM runs JOIN names USING (spelling)
    )
"""


def _said(role: str, columns: Columns) -> str:
    name = columns.get(role)
    return f'CAST("{name}" AS VARCHAR)' if name else "NULL::VARCHAR"


class Table(PictureTable):
    """A table of the study."""

    QUOTA = "table"
    TERMS = "those of the table, and of each picture's owner: most such tables state no licence"

    def files(self, place: Path) -> list[Path]:
        """Return the files of an address: one file, a folder, or a pattern. Raises StudyError without any."""
        return listed_files(place, ENDINGS)

    def found(self, lake: Lake, files: Sequence[Path], columns: Columns) -> str:
        """Return the SELECT of the rows that name an entity, or that state its id."""
        return found_rows(self.rows(lake, files, columns), columns)

    def rows(self, lake: Lake, files: Sequence[Path], columns: Columns) -> str:
        """Return the SELECT of all rows, each with its `row_number` in the order of the files."""
        source = reading(files)
        names = [name for name in lake.column_names(source) if name != "filename"]
        if headed(names):
            return all_rows(source, roles(names, columns))
        return all_rows(reading(files, header=False), {**headless_roles(names), **columns})


PROVIDER = Table()
