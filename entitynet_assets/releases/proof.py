"""The proof of a purge: every byte of some folders is read and searched for what must be gone.

Belongs here: reading and searching. Does not belong here: what must be gone (purge.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from ahocorasick_rs import BytesAhoCorasick

from entitynet_assets.lake import Lake

CHUNK_BYTES = 8_000_000


def leftovers(
    lake: Lake, folders: Sequence[Path], needles: Sequence[bytes], spared: Collection[Path]
) -> list[tuple[Path, bytes]]:
    """Return (file, needle) wherever a needle is found; Parquet is read as rows, too, because its bytes are compressed.

    `spared` files are not read.
    """
    if not needles:
        return []
    automaton, longest = BytesAhoCorasick(list(needles)), max(map(len, needles))
    found = set[tuple[Path, bytes]]()
    for path in (one for folder in folders for one in sorted(folder.rglob("*")) if one.is_file() and one not in spared):
        for chunk in _chunks(lake, path, longest):
            for number, _, end in automaton.find_matches_as_indexes(chunk, overlapping=True):
                if not _goes_on(needles[number], chunk[end : end + 1]):
                    found.add((path, needles[number]))
    return sorted(found)


def _goes_on(needle: bytes, after: bytes) -> bool:
    """Say whether an address that was found is only the beginning of a longer one."""
    return b"://" in needle and (after.isalnum() or after in (b"/", b"?", b"&", b"=", b"%", b"-", b"_", b"+"))


def _chunks(lake: Lake, path: Path, longest: int) -> Iterator[bytes]:
    """Yield a file's bytes, pieces lapping over by the length of a needle, so that none is missed between two."""
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK_BYTES):
            yield tail + piece
            tail = piece[-longest:]
    if path.suffix == ".parquet":
        yield from (text.encode() for text in lake.file_texts(path))
