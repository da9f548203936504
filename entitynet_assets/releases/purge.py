"""Destroying what was taken down: bytes, rows, words, and every file that was made of them.

Belongs here: the steps and their journal. Does not belong here: taking down (takedown.py), the search for leftovers (proof.py).

The journal purge.json is written before the first step and removed after the last, and every step may be done twice, so a purge
that was killed goes on with the next call. What stays: hashes (the picture's id, the ids of its addresses), the operator's own
words in the request, and the weights of checkpoints that had seen the pictures, which are listed.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from entitynet_assets.export.img2dataset import export
from entitynet_assets.files import write_atomic
from entitynet_assets.hits.provider import provider
from entitynet_assets.lake import LIVE_SKIPS, Lake, quoted
from entitynet_assets.releases.proof import leftovers
from entitynet_assets.releases.scrub import scrubbed
from entitynet_assets.releases.seen import who_saw
from entitynet_assets.releases.takedown import REMADE, remake
from entitynet_assets.report.page import render
from entitynet_assets.report.sheet import verdict_sheet
from entitynet_assets.resources import Workplace
from entitynet_assets.shelf import Shelf
from entitynet_assets.tables import SEARCH_PAGES, TABLES

JOURNAL = "purge.json"
FRAGMENT_BYTES, AUTHOR_LETTERS = (
    48,
    5,
)  # of each file, and the shortest name that is searched for: a shorter one is in any word
SCAN = b"\xff\xda"  # after it come the pixels of a JPEG
EXPORTED = ("[0-9]*.tar", "[0-9]*.parquet", "[0-9]*_stats.json", "export.json")
_KEYS = {"image_id": "ids", "benchmark_image_id": "ids", "representative_id": "ids", "url_id": "urls"}
_PAGES = "SELECT DISTINCT query_id, provider, page FROM hits WHERE url_id = ANY($urls)"
_WORDS = """
    SELECT DISTINCT image_url AS word FROM hits WHERE url_id = ANY($urls)
    UNION SELECT DISTINCT image_url FROM downloads WHERE url_id = ANY($urls)
    UNION SELECT DISTINCT author FROM hits WHERE url_id = ANY($urls) AND length(author) >= $letters
        AND author NOT IN (SELECT author FROM hits WHERE author IS NOT NULL AND NOT url_id = ANY($urls))
"""


@dataclass(frozen=True)
class Journal:
    """What is to be destroyed, gathered before anything is: afterwards nothing could say it."""

    ids: list[str]
    urls: list[str]
    pages: list[list[str]]  # (query_id, provider, page) of answers that name the addresses
    words: list[str]  # addresses and authors, which must not be found afterwards
    fragments: list[str]  # pieces of the files' bytes (hex), likewise
    exports: list[str]  # folders that were given out with a picture in them
    pages_lost: int = 0


def purge(place: Workplace) -> tuple[Journal, list[tuple[Path, bytes]]] | None:
    """Destroy all that is taken down and not yet destroyed; returns what it was and what was found of it afterwards.

    None if there is nothing to destroy.
    """
    path = place.lake.root / JOURNAL
    if path.exists():
        journal = Journal(**json.loads(path.read_text()))
    elif (journal := _gathered(place)) is None:
        return None
    write_atomic(path, json.dumps(asdict(journal)).encode())
    place.lake.add_purged([*journal.ids, *journal.urls])
    lost = _scrub_pages(place.lake, journal)
    _drop_rows(place.lake, journal)
    remake(place, *REMADE)
    _delete_files(place.lake, journal)
    _retire_releases(place.lake)
    _export_again(place, journal)
    needles = [bytes.fromhex(one) for one in journal.fragments] + [one.encode() for one in journal.words]
    folders = [place.lake.root, *(Path(one) for one in journal.exports if Path(one).is_dir())]
    found = leftovers(place.lake, folders, needles, {path, *_own_words(place.lake)})
    # No file of these pictures is left among the blobs: a blob with such a piece is another picture with some of the same bytes.
    shared = {needle for where, needle in found if where.is_relative_to(place.lake.root / "blobs")}
    found = [one for one in found if one[1] not in shared]
    if not found:
        path.unlink()
    return replace(journal, pages_lost=lost), found


def _gathered(place: Workplace) -> Journal | None:
    lake = place.lake
    purged = lake.purged()
    images, addresses = lake.taken_down()
    ids = sorted(images - purged)
    with Shelf(lake, place.study) as shelf:
        found = shelf.ask("SELECT url_id FROM downloads WHERE image_id = ANY($ids)", ids=ids)
        again = shelf.ask("SELECT DISTINCT url_id FROM hits WHERE url_id = ANY($urls)", urls=sorted(addresses & purged))
        urls = sorted((addresses - purged) | {row["url_id"] for row in (*found, *again)})
        if not ids and not urls:
            return None
        pages = [list(row.values()) for row in shelf.ask(_PAGES, urls=urls)]
        words = [row["word"] for row in shelf.ask(_WORDS, urls=urls, letters=AUTHOR_LETTERS)]
        exports = [row["out"] for row in who_saw(shelf, ids)["exports"]]
    return Journal(ids, urls, pages, words, [one for path in _blobs(lake, ids) for one in _fragments(path)], exports)


def _blobs(lake: Lake, ids: Sequence[str]) -> Iterator[Path]:
    for one in ids:
        yield from sorted((lake.root / "blobs").glob(f"*/{one[:2]}/{one}*"))


def _fragments(path: Path) -> Iterator[str]:
    """Yield up to two pieces of a file's pixels: what stands before them (a JPEG's tables) and flat parts are like those of others."""
    content = path.read_bytes()
    pixels = content[max(content.rfind(SCAN), 0) :]
    found = 0
    for start in range(len(pixels) // 3, len(pixels) - FRAGMENT_BYTES, FRAGMENT_BYTES):
        piece = pixels[start : start + FRAGMENT_BYTES]
        if found < 2 and len(set(piece)) > FRAGMENT_BYTES // 2:
            found += 1
            yield piece.hex()


def _own_words(lake: Lake) -> list[Path]:
    """Return the files in which the operator says why and for whom; they may name a person and are kept as evidence."""
    tables = list((lake.root / "tables" / "tombstones").glob("*"))
    return [lake.root / "tombstones.jsonl", *(lake.root / "takedowns").glob("*.json"), *tables]


def _scrub_pages(lake: Lake, journal: Journal) -> int:
    """Empty what answer pages say of the pictures; returns how many pages had to go whole."""
    named, gone, lost = {tuple(one) for one in journal.pages}, set(journal.urls), 0
    for name in lake.slices(SEARCH_PAGES.name):
        with lake.lock(SEARCH_PAGES.name, name):
            record = lake.record(SEARCH_PAGES.name, name)
            file = lake.root / "tables" / SEARCH_PAGES.name / record.file if record else None
            rows = lake.select("SELECT * FROM pages", {"pages": [file]}) if file else []
            told = [row for row in rows if (row["query_id"], row["provider"], row["page"]) in named and row["body"]]
            for row in told:
                row["body"] = scrubbed(row["body"], provider(row["provider"]).parse, gone)
                if row["body"] is None:
                    row |= {
                        "outcome": "bad_answer",
                        "reason": "dropped by a purge: it could not be told apart what it says of others",
                    }
                    lost += 1
            if told and record:
                facts = {
                    one: getattr(record, one)
                    for one in ("identity", "inputs", "code_version", "counts", "failed_checks", "due_at")
                }
                lake.write_rows(SEARCH_PAGES, rows, name, **facts)
    return lost


def _drop_rows(lake: Lake, journal: Journal) -> None:
    """Drop the pictures' rows from every table but those that are made again after it."""
    for name, table in TABLES.items():
        known = {column: kind for column, kind in _KEYS.items() if column in table.column_names}
        if not known and "image_url" in table.column_names:
            known = {"image_url": "words"}  # a row of a table of pictures, as the table says it
        if not known or name in REMADE:
            continue
        where = " OR ".join(f"coalesce({column} = ANY(${kind}), false)" for column, kind in known.items())
        params = {kind: getattr(journal, kind) for kind in set(known.values())}
        for part in lake.slices(name):
            with lake.lock(name, part):
                lake.drop_rows(table, part, where, params)


def _delete_files(lake: Lake, journal: Journal) -> None:
    """Delete blobs, tars, lists and notes that hold the pictures; of a job's results their rows alone."""
    for path in _blobs(lake, journal.ids):
        path.unlink(missing_ok=True)
    ids, current = (
        set(journal.ids),
        {row["path"] for name in lake.slices("shards") for row in lake.rows("shards", name)},
    )
    for path in (lake.root / "shards").glob("*.tar"):
        if str(path.relative_to(lake.root)) not in current and _holds(path, ids):
            path.unlink()
    for path in lake.root.rglob("*.parquet"):
        place = path.relative_to(lake.root)
        if place.parts[0] == "jobs" and "image_id" in lake.column_names(f"read_parquet({quoted(path)})"):
            lake.drop_from_file(path, "image_id = ANY($ids)", {"ids": journal.ids})
        elif place.parts[0] not in ("jobs", "tables") and str(place) != LIVE_SKIPS and "skip-" not in path.name:
            _delete_list(lake, path, journal)
    for path in (lake.root / "notes").glob("*.jsonl"):
        gone = [*journal.ids, *journal.urls, *journal.words]
        lines = path.read_text().splitlines(keepends=True)
        write_atomic(path, "".join(line for line in lines if not any(one in line for one in gone)).encode())
    for path in lake.root.rglob(".new-*"):
        if path.is_file():
            path.unlink()


def _holds(tar: Path, ids: set[str]) -> bool:
    try:
        with tarfile.open(tar, "r:") as opened:
            return any(name.removesuffix(".jpg") in ids for name in opened.getnames())
    except tarfile.TarError:
        return True  # cut short, and of no release: nobody misses it


def _delete_list(lake: Lake, path: Path, journal: Journal) -> None:
    """Delete a file that was written for readers outside if it names the pictures; what needs it writes it again."""
    if path.parent.name == "prepared":
        path.unlink()
        return
    query = "SELECT 1 FROM listed WHERE image_id = ANY($ids) LIMIT 1"
    named = "image_id" in lake.column_names(f"read_parquet({quoted(path)})")
    if named and lake.select(query, {"listed": [path]}, {"ids": journal.ids}):
        path.unlink()


def _retire_releases(lake: Lake) -> None:
    """Mark the manifests whose files are no longer all there: they say what was, and cannot be used."""
    for name, one in lake.manifests().items():
        paths = {row[key] for row in one["shards"] for key in ("tar_path", "texts_path")}
        if "retired" not in one and any(not (lake.root / path).exists() for path in paths):
            text = json.dumps(
                {**one, "retired": "pictures of it were purged"}, indent=1, sort_keys=True, ensure_ascii=False
            )
            lake.put_file(f"release/{name}.json", text.encode() + b"\n")
            (lake.root / f"release/{name}-wids.json").unlink(missing_ok=True)


def _export_again(place: Workplace, journal: Journal) -> None:
    """Write exports that held the pictures anew, and every report and sheet, where they still lie."""
    done = set[str]()
    for one in reversed(place.lake.exports()):
        path = Path(one.get("out") or one["page"])
        if str(path) in done or not path.exists():
            continue
        done.add(str(path))
        with Shelf(place.lake, place.study) as shelf:
            if "page" in one:
                path.write_bytes(verdict_sheet(shelf) if one["sheet"] else render(shelf).encode())
            elif str(path) in journal.exports:
                for old in (file for form in EXPORTED for file in path.glob(form)):
                    old.unlink()
                export(shelf, path, one["slices"], one["samples_per_shard"], one["part"])
