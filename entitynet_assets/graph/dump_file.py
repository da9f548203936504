"""The file of a dump: its lines, out of .json .gz .bz2 or .zst, an array or one item a line.

Belongs here: opening, decompression, lines, and what is wrong with a file. Does not belong here: items (items.py), scope (dump.py).
A file is never held: gzip is unpacked by a thread beside the reader, and a line is gone when the next is read.
"""

from __future__ import annotations

import bz2
import io
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import zstandard
from isal import igzip_threaded

from entitynet_assets.graph.source import SourceError

BUFFER = 1 << 20
LONGEST_LINE = 256 << 20  # an item is at most a few MB; a file without line ends must not be held
MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".zst": b"\x28\xb5\x2f\xfd"}
BRACKETS = (b"[", b"]")


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield (number, text) of every line that should be an item.

    Raises SourceError if the file is absent, not what its name says, or breaks off.
    """
    _need_kind(path)
    opener = OPENERS.get(path.suffix, lambda path: path.open("rb", BUFFER))
    try:
        with opener(path) as file:
            yield from _lines(file, path)
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise SourceError(f"graph.dump: {path} breaks off or is damaged ({error}); fetch the file again") from error


def _lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    opened = closed = False
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise SourceError(
                f"graph.dump: {path}: line {number} is longer than {LONGEST_LINE} bytes; a dump has one item a line"
            )
        text = line.strip().removesuffix(b",")
        if text and text not in BRACKETS:
            yield number, text
        opened, closed = opened or text == b"[", closed or text == b"]"
    if opened and not closed:
        raise SourceError(
            f"graph.dump: {path} breaks off: its array has no end after line {number}; fetch the file again"
        )


def _need_kind(path: Path) -> None:
    """Raise SourceError where the first bytes are of another kind than the name."""
    if not path.is_file():
        raise SourceError(f"graph.dump: no file {path}; set graph.dump in the study or ENTITYNET_ENDPOINT_DUMP")
    with path.open("rb") as file:
        start = file.read(8)
    is_one = next((ending for ending, magic in MAGIC.items() if start.startswith(magic)), "")
    named = path.suffix if path.suffix in MAGIC else ""
    if start and is_one != named:
        raise SourceError(
            f"graph.dump: {path} breaks off or is damaged (named {path.suffix or 'without an ending'}, found "
            f"{is_one or 'no compression'}, first bytes {start!r}); rename it or fetch the file again"
        )


class _Zst(io.RawIOBase):
    """A .zst file of any number of frames; zstandard's own reader takes a file that breaks off for whole."""

    def __init__(self, path: Path) -> None:
        self._file, self._unpack, self._rest = path.open("rb"), zstandard.ZstdDecompressor(), b""
        self._frame: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        while not self._rest:
            packed = (self._frame.unused_data if self._frame and self._frame.eof else b"") or self._file.read(BUFFER)
            if not packed:
                if self._frame and not self._frame.eof:
                    raise EOFError("the zstd frame has no end")
                return 0
            if self._frame is None or self._frame.eof:
                self._frame = self._unpack.decompressobj()
            self._rest = memoryview(self._frame.decompress(packed))
        taken = min(len(into), len(self._rest))
        into[:taken], self._rest = self._rest[:taken], self._rest[taken:]
        return taken

    def close(self) -> None:
        self._file.close()
        super().close()


def _gzip(path: Path) -> Any:
    return igzip_threaded.open(path, "rb", threads=1).detach()  # unpacked by a thread


OPENERS: dict[str, Callable[[Path], BinaryIO]] = {
    ".gz": lambda path: io.BufferedReader(_gzip(path), BUFFER),  # its own buffer holds a quarter of a line
    ".bz2": lambda path: cast(BinaryIO, bz2.open(path, "rb")),  # noqa: SIM115
    ".zst": lambda path: cast(BinaryIO, io.BufferedReader(_Zst(path), BUFFER)),
}
