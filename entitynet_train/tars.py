"""Random access into tars: where each picture lies, and its bytes.

Belongs here: headers, the index that is kept of them, what makes a tar another one than the spec names.
Does not belong here: disks and S3 (objects.py), which picture is wanted when (data.py), what bytes show (pixels.py).

Tars are WebDataset's (`webdataset` reads them), yet they are read by offset and not as a stream: uncompressed members lie at a
known place. Where ENTITYNET_CACHE names a folder, the index of a tar is kept there under the tar's sha256, as Parquet (image_id,
offset, size); it may lie beside the data, too, in `members/` below the root. Every read holds the header before the picture
against the index, so an index of another tar, or a tar of other content, is found when it matters.

Shapes: N pictures in all tars, S tars.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from entitynet_train.cache import Cache
from entitynet_train.objects import Folder, Root, StoreError, open_root
from entitynet_train.spec import DataSpec, ShardSpec, SpecError

pc: Any = pyarrow.compute
BLOCK = tarfile.BLOCKSIZE
FETCHES = 8  # tars on the wire at once
OPEN_MAX = 256  # tars open at once
TRIES = 5  # to read the headers of a tar that a full cache drops again
REPAIR = "`entitynet verify --repair` packs it again; a copy is copied again"
INDEX = pa.schema([("image_id", pa.large_string()), ("offset", pa.int64()), ("size", pa.int32())])


@dataclass(frozen=True)
class Tars:
    """Where each picture lies: pictures are counted from 0 in the order of shards, then of members."""

    shards: tuple[ShardSpec, ...]
    begins: np.ndarray  # of the pictures of each shard, and where the last one ends
    offset_N: np.ndarray
    size_N: np.ndarray
    image_ids: pa.Array

    def shard_of(self, picture: int) -> int:
        """Return the place of a picture's shard."""
        return int(np.searchsorted(self.begins, picture, side="right")) - 1


def index_tars(data: DataSpec) -> Tars:
    """Return where all pictures lie, by kept indexes or by headers.

    Raises SpecError for a tar that is absent, compressed or not as the spec says.
    """
    root, cache = open_root(data.root), Cache.of_environment()
    with ThreadPoolExecutor(FETCHES) as pool:
        tables = list(pool.map(lambda shard: _members(root, shard, cache), data.shards))
    whole = pa.concat_tables([INDEX.empty_table(), *tables]).combine_chunks()
    offset, size, image_ids = (
        whole["offset"].to_numpy(), whole["size"].to_numpy(), pa.concat_arrays(
            [pa.array([], pa.large_string()), *whole["image_id"].chunks]))  # fmt: skip
    if len(image_ids.unique()) != len(image_ids):
        twice = next(v["values"].as_py() for v in image_ids.value_counts() if v["counts"].as_py() > 1)
        raise SpecError(f"shards: found {twice} twice; allowed: a picture is in one shard, once")
    begins = np.cumsum([0, *(len(table) for table in tables)])
    return Tars(data.shards, begins, offset, size, image_ids)


def _members(root: Root, shard: ShardSpec, cache: Cache | None) -> pa.Table:
    """Return the index of a tar: as kept, as it lies beside the data, or from its headers."""
    name = f"members/{shard.sha256}.parquet"
    kept = cache.folder / name if cache else None
    if kept and kept.exists():
        return _fitting(_whole(pq.read_table(kept, schema=INDEX), root, shard), shard, str(kept))
    beside = root.find(name)
    table = _whole(pq.read_table(beside, schema=INDEX), root, shard) if beside else _from_headers(root, shard)
    _fitting(table, shard, str(beside or root.where(shard.tar)))
    if kept:
        kept.parent.mkdir(exist_ok=True)
        part = kept.with_name(f"{kept.name}.{os.getpid()}-{threading.get_ident()}.part")
        pq.write_table(table, part)
        part.replace(kept)
    return table


def _from_headers(root: Root, shard: ShardSpec) -> pa.Table:
    tar: Path | None = None
    for _ in range(TRIES):
        try:
            tar = root.fetch(shard.tar, shard.sha256, frozenset())
        except SpecError as error:
            raise SpecError(f"shard {shard.name}: {error}") from error
        if tar is None:
            raise SpecError(
                f"shard {shard.name}: found no room for {root.where(shard.tar)}; allowed: a larger ENTITYNET_CACHE_GB"
            )
        with contextlib.suppress(FileNotFoundError), tar.open("rb") as file:  # a full cache may have dropped it again
            return read_members(file, shard)
    raise SpecError(f"shard {shard.name}: {tar}: No such file; allowed: an uncompressed tar; {REPAIR}")


def _whole(table: pa.Table, root: Root, shard: ShardSpec) -> pa.Table:
    """Return a kept index. Raises SpecError if its tar should lie on this machine and is absent or too short."""
    if isinstance(root, Folder):
        path, end = root.local(shard.tar), int(pc.max(pc.add(table["offset"], table["size"])).as_py() or 0)
        length = path.stat().st_size if path.exists() else 0
        if length < end:
            what = f"cut off at byte {length} of at least {end}" if length else "No such file"
            raise SpecError(f"shard {shard.name}: {path}: {what}; allowed: the tar; {REPAIR}")
    return table


def _fitting(table: pa.Table, shard: ShardSpec, where: str) -> pa.Table:
    if len(table) != shard.samples:
        raise SpecError(
            f"shard {shard.name}: found {len(table)} pictures in {where}; allowed: {shard.samples}; {REPAIR}"
        )
    return table


def read_members(file: BinaryIO, shard: ShardSpec) -> pa.Table:
    """Read the headers of a tar. Raises SpecError if it is compressed, cut short, or holds what is no picture."""
    try:
        found = _plain_members(file) or _any_members(file)
        end, length = max((offset + size for _, offset, size in found), default=0), file.seek(0, os.SEEK_END)
        if length < end:
            raise tarfile.ReadError(f"cut off at byte {length} of at least {end}")
    except (OSError, tarfile.TarError) as error:
        raise SpecError(f"shard {shard.name}: {file.name}: {error}; allowed: an uncompressed tar; {REPAIR}") from error
    strange = [name for name, *_ in found if not name.endswith(".jpg") or "/" in name]
    if strange:
        raise SpecError(f"shard {shard.name}: found member {strange[0]!r}; allowed: image_id.jpg and nothing else")
    names, offsets, sizes = zip(*found, strict=True) if found else ((), (), ())
    return pa.table([[name.removesuffix(".jpg") for name in names], list(offsets), list(sizes)], schema=INDEX)


def _plain_members(file: BinaryIO) -> list[tuple[str, int, int]] | None:
    """Return (name, offset, size) of each member; None where a header is not the plain kind that `shards` writes.

    Many times as fast as tarfile, which reads whatever is left.
    """
    found: list[tuple[str, int, int]] = []
    descriptor, place = file.fileno(), 0
    while len(header := os.pread(descriptor, BLOCK, place)) == BLOCK:
        if not any(header):
            return found
        member = plain_header(header)
        if member is None:
            return None
        found.append((member[0], place + BLOCK, member[1]))
        place += BLOCK + -(-member[1] // BLOCK) * BLOCK
    return None


def _any_members(file: BinaryIO) -> list[tuple[str, int, int]]:
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        return [(member.name, member.offset_data, member.size) for member in tar]


def plain_header(header: bytes) -> tuple[str, int] | None:
    """Return (name, size) of a USTAR header of a file with a short ASCII name, or None if it is something else or damaged."""
    plain = (
        len(header) == BLOCK and header[257:262] == b"ustar" and header[156:157] in b"0\0" and header[345:346] == b"\0"
    )
    try:
        told = int(header[148:156].rstrip(b"\0 "), 8) if plain else -1
        if told != sum(header) - sum(header[148:156]) + 8 * ord(" "):
            return None
        return header[:100].rstrip(b"\0").decode("ascii"), int(header[124:136].rstrip(b"\0 "), 8)
    except ValueError:
        return None


class OpenFile:
    """A file that closes when nobody reads it any more."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)


class Pictures:
    """The bytes of pictures by their place: from whole tars where they lie on this machine, else part by part."""

    def __init__(self, data: DataSpec, tars: Tars) -> None:
        self._data, self._root, self._tars = data, open_root(data.root), tars
        self._files: OrderedDict[int, OpenFile] = OrderedDict()
        self._fetching: dict[int, Future[Path | None]] = {}
        self._wanted: tuple[int, ...] = ()
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def want(self, shards: tuple[int, ...]) -> None:
        """Say which tars come next, the soonest first: they are brought whole in the background, as far as there is room."""
        with self._lock:
            if shards == self._wanted or isinstance(self._root, Folder):
                return
            self._wanted = shards
            self._pool = self._pool or ThreadPoolExecutor(FETCHES, thread_name_prefix="tars")
            for future in self._fetching.values():
                future.cancel()
            under_way = {place: future for place, future in self._fetching.items() if not future.done()}
            spare = frozenset(self._tars.shards[place].sha256 for place in shards)
            self._fetching = under_way | {
                place: self._pool.submit(self._root.fetch, shard.tar, shard.sha256, spare)
                for place in shards
                if place not in under_way
                for shard in [self._tars.shards[place]]
            }

    def read(self, picture: int) -> bytes:
        """Return the bytes of a picture.

        Raises:
            SpecError: its tar is absent, cut short, or has another member where the picture should lie.
            StoreError: its tar cannot be had for now.
        """
        tars, place = self._tars, self._tars.shard_of(picture)
        shard, size = tars.shards[place], int(tars.size_N[picture])
        begin = int(tars.offset_N[picture]) - BLOCK
        try:
            file = self._file(place, shard)
            found = (
                os.pread(file.descriptor, BLOCK + size, begin)
                if file
                else self._root.read(shard.tar, begin, BLOCK + size)
            )
        except SpecError as error:
            raise SpecError(f"shard {shard.name}: {error}") from error
        except OSError as error:
            raise SpecError(f"shard {shard.name}: {self._root.where(shard.tar)}: {error.strerror}; {REPAIR}") from error
        name, header = f"{tars.image_ids[picture].as_py()}.jpg", plain_header(found[:BLOCK])
        if len(found) < BLOCK + size:
            what = f"cut off at byte {begin + len(found)}"
        elif header != (name, size):
            what = f"found {header[0]!r} of {header[1]} bytes" if header else f"found no header at byte {begin}"
        else:
            return found[BLOCK:]
        raise SpecError(
            f"shard {shard.name}: {self._root.where(shard.tar)}: {what}; allowed: {name} of {size} bytes; {REPAIR}"
        )

    def _file(self, place: int, shard: ShardSpec) -> OpenFile | None:
        """Return a tar that lies on this machine, opened, or None."""
        with self._lock:
            if place in self._files:
                self._files.move_to_end(place)
                return self._files[place]
            self._require_fetched(place)
            path = self._root.held(shard.tar, shard.sha256)
            if path is None:
                return None
            try:
                self._files[place] = OpenFile(path)
            except FileNotFoundError:
                if (
                    self._root.held(shard.tar, shard.sha256) is None
                ):  # another process has just dropped it from the cache
                    return None
                raise
            if len(self._files) > OPEN_MAX:
                self._files.popitem(last=False)
            return self._files[place]

    def _require_fetched(self, place: int) -> None:
        """Raise what went wrong when a tar was brought; of a store that fails for now pictures are asked part by part."""
        future = self._fetching.get(place)
        if future and future.done() and not future.cancelled():
            error = future.exception()
            if error and not isinstance(error, StoreError):
                raise error

    def close(self) -> None:
        """Close the tars that this process opened, and break off what is being brought; a later read opens anew."""
        with self._lock:
            pool, self._pool, self._wanted, self._fetching = self._pool, None, (), {}
            self._files.clear()
            self._root.stop()
        if pool:
            pool.shutdown(cancel_futures=True)
        self._root = open_root(self._data.root)
