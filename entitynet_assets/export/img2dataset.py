"""A harvest in the layout of img2dataset, so that what reads its output reads ours: tars, one Parquet file and statistics a shard.

Belongs here: names, keys, columns and members of that layout. Does not belong here: what is exported (the tables), flags (command.py).

    OUT/00000.tar  00000.parquet  00000_stats.json (last: the shard is whole)  00001.tar ...

Every address is a row, failures included, in the order of slices and then of addresses; tars hold the successes, `<key>.jpg`, `.json`
and `.txt` each. Unlike img2dataset's, the files are the same to the byte each time: members in the order of their keys, no clock.
A picture that several addresses serve is exported once, one that a rule rejects or that was taken down not at all; such rows are
`failed_to_resize`, as img2dataset says of what came and was refused, and their `error_message` says why.
"""

from __future__ import annotations

import io
import json
import tarfile
import tempfile
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from entitynet_assets.files import write_atomic
from entitynet_assets.lake import quoted
from entitynet_assets.lineage import DriftError
from entitynet_assets.shelf import Shelf

Row = dict[str, Any]
SHARD_DIGITS = 5
COLUMNS = {
    "qids": "VARCHAR[]", "licence": "VARCHAR", "author": "VARCHAR", "page_url": "VARCHAR", "format": "VARCHAR", "phash": "UBIGINT",
    "dhash": "UBIGINT", "caption": "VARCHAR", "url": "VARCHAR", "key": "VARCHAR", "status": "VARCHAR", "error_message": "VARCHAR",
    "width": "INTEGER", "height": "INTEGER", "original_width": "INTEGER", "original_height": "INTEGER", "exif": "VARCHAR",
    "sha256": "VARCHAR",
}  # fmt: skip
PICTURE = ("format", "phash", "dhash", "width", "height", "original_width", "original_height", "exif", "sha256")
NEEDED = ("downloads", "images", "kept_images", "verdicts", "urls", "image_texts", "image_entities")
WHOLE_RELEASE = "release"
_ROWS = """
SELECT
    downloads.image_url AS url, downloads.outcome, downloads.reason, downloads.image_id AS sha256, '{}' AS exif, images.path,
    images.format, images.phash, images.dhash, images.width_px AS width, images.height_px AS height,
    images.original_width_px AS original_width, images.original_height_px AS original_height,
    kept_images.image_id IS NOT NULL AS kept, refused.why,
    coalesce(shown.qids, []) AS qids, urls.licence, urls.author, urls.landing_url AS page_url, coalesce(words.caption, '') AS caption
FROM downloads
LEFT JOIN images USING (image_id)
LEFT JOIN kept_images USING (image_id)
LEFT JOIN urls ON urls.url_id = downloads.url_id
LEFT JOIN (
    SELECT image_id, min(rule || ' (' || reason || ')') AS why FROM verdicts WHERE verdict = 'reject' GROUP BY image_id
) AS refused USING (image_id)
LEFT JOIN (SELECT url_id, min_by(text, (source, text)) AS caption FROM image_texts GROUP BY url_id) AS words
    ON words.url_id = downloads.url_id
LEFT JOIN (SELECT image_id, list_sort(list(DISTINCT qid)) AS qids FROM image_entities GROUP BY image_id) AS shown USING (image_id)
WHERE slice_of(downloads.url_id, $slices) = $slice
"""


def export(shelf: Shelf, out: Path, slices: Iterable[int], samples_per_shard: int, part: str = "") -> Counter[str]:
    """Write slices of addresses under an empty folder; returns how many rows have which status.

    With a `part`, "release" or the name of a subrelease, only the addresses of its pictures. What is taken down is left out from
    the moment of the request. The folder is noted in the lake, so that a takedown knows of it, and export.json in it says of which
    release it is and whether that was screened for unwanted content.
    Raises DriftError if a table is not made yet, FileExistsError if the folder holds anything.
    """
    if lacking := [name for name in NEEDED if shelf.lacks(name)]:
        raise DriftError(
            f"export: {', '.join(lacking)} not made yet; run `entitynet run --until {','.join(lacking)}` first"
        )
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(
            f"--out: {out} is not empty; name a new or empty folder, so that no shard of another export stays"
        )
    out.mkdir(parents=True, exist_ok=True)
    chosen, query = list(slices), f"{_ROWS} AND {_condition(shelf, part)} ORDER BY downloads.url_id"
    shelf.lake.note_export(
        {"out": str(out.absolute()), "slices": chosen, "samples_per_shard": samples_per_shard, "part": part}
    )
    rows, counts = (
        _once(
            (row for one in chosen for row in shelf.ask(query, slices=shelf.study.slices, slice=one)),
            shelf.lake.taken_down()[0],
        ),
        Counter(),
    )
    width = SHARD_DIGITS + len(str(samples_per_shard - 1))
    for shard, chunk in enumerate(iter(lambda: list(islice(rows, samples_per_shard)), [])):
        for index, row in enumerate(chunk):
            row["key"] = f"{shard * 10 ** (width - SHARD_DIGITS) + index:0{width}d}"
        counts += _write_shard(shelf, out / f"{shard:0{SHARD_DIGITS}d}", chunk)
    facts = {"study": shelf.study.name, "part": part, **release_facts(shelf)}
    write_atomic(out / "export.json", json.dumps(facts, indent=1, sort_keys=True).encode() + b"\n")
    return counts


def release_facts(shelf: Shelf) -> Row:
    """Return which release the lake holds, and whether all its pictures were screened for unwanted content."""
    held = shelf.ask("SELECT release_id FROM release LIMIT 1")
    said = shelf.lake.manifests().get(held[0]["release_id"], {}) if held else {}
    return {name: said.get(name) for name in ("release_id", "screened", "not_screened")}


def _condition(shelf: Shelf, part: str) -> str:
    """Return the condition on addresses that a part sets. Raises DriftError if there is none of that name."""
    if not part:
        return "true"
    if part == WHOLE_RELEASE:
        return "downloads.image_id IN (SELECT image_id FROM samples JOIN kept_images USING (image_id))"
    parts = {row["subrelease"]: row["keep_path"] for row in shelf.ask("SELECT subrelease, keep_path FROM subreleases")}
    if part not in parts:
        raise DriftError(f"--part: found {part!r}; allowed: {', '.join([WHOLE_RELEASE, *parts])}")
    return f"downloads.image_id IN (SELECT image_id FROM read_parquet({quoted(shelf.lake.root / parts[part])}))"


def _once(rows: Iterable[Row], gone: Collection[str]) -> Iterator[Row]:
    """Give rows their status and message; the first address of a picture stands for it."""
    first: dict[str, str] = {}
    for row in rows:
        row["status"], row["error_message"] = _status(row, first, gone)
        if row["status"] == "success":
            first[row["sha256"]] = row["url"]
        else:
            row |= dict.fromkeys(PICTURE)
        yield row


def _status(row: Row, first: dict[str, str], gone: Collection[str]) -> tuple[str, str | None]:
    picture = row["sha256"]
    if picture is None:
        came = row["outcome"] in ("not_image", "truncated", "too_large", "undecodable")
        words = row["outcome"] + (f": {row['reason']}" if row["reason"] else "")
        return "failed_to_resize" if came else "failed_to_download", words
    if picture in gone:
        return "failed_to_resize", "taken down"
    if not row["kept"]:
        return "failed_to_resize", f"rejected: {row['why'] or 'not judged yet'}"
    if picture in first:
        return "failed_to_resize", f"the same bytes as {first[picture]}"
    return "success", None


def _write_shard(shelf: Shelf, stem: Path, rows: list[Row]) -> Counter[str]:
    with tempfile.TemporaryDirectory(dir=stem.parent, prefix=".new-") as scratch:
        new = Path(scratch) / "new.tar"
        with tarfile.open(new, "w", format=tarfile.USTAR_FORMAT) as tar:
            for row in rows:
                if row["status"] == "success":
                    _add_sample(tar, row, shelf.lake.blob(row["path"]))
        new.replace(stem.with_suffix(".tar"))
    shelf.lake.write_parquet(
        stem.with_suffix(".parquet"), COLUMNS, [{name: row[name] for name in COLUMNS} for row in rows]
    )
    counts = Counter(row["status"] for row in rows)
    failures = Counter(row["error_message"] or "success" for row in rows)
    stats = {
        "count": len(rows), "successes": counts["success"], "failed_to_download": counts["failed_to_download"],
        "failed_to_resize": counts["failed_to_resize"], "duration": 0.0, "start_time": 0.0, "end_time": 0.0,
        "status_dict": dict(sorted(failures.items())),
    }  # fmt: skip
    write_atomic(stem.with_name(f"{stem.name}_stats.json"), json.dumps(stats, indent=4).encode())
    return counts


def _add_sample(tar: tarfile.TarFile, row: Row, jpeg: bytes) -> None:
    facts = json.dumps({name: row[name] for name in COLUMNS}, indent=4)
    for ending, content in (("jpg", jpeg), ("json", facts.encode()), ("txt", row["caption"].encode())):
        member = tarfile.TarInfo(f"{row['key']}.{ending}")
        member.size, member.mode, member.mtime = len(content), 0o444, 0
        member.uname = member.gname = "bigdata"
        tar.addfile(member, io.BytesIO(content))
