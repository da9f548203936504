"""The parts of an embedding job: which there are, what is in one, which are whole, and the one file that they become.

Belongs here: cutting tables of pictures and texts and the tars of a release into parts of bounded size, and their files. Does not belong
here: running an encoder over a part (embed.py). A part is the same whoever makes it, so neither the number of processes nor a kill changes
the answer.

Layout: OUT/parts/pictures-0000000.parquet (image_id, vector or null), written under another name and renamed; its metadata say of
which job and which rows it is.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from entitynet_train.encoder import Cut, Place
from entitynet_train.objects import open_root
from entitynet_train.spec import DataSpec, EmbedSpec, ShardSpec, SpecError, fingerprint
from entitynet_train.tars import Pictures as TarPictures
from entitynet_train.tars import index_tars

VECTOR = pa.large_list(pa.float32())  # 4 million vectors overflow offsets of 32 bits
pc: Any = pyarrow.compute  # its functions are made at import, where a type checker does not see them
KEYS = {"pictures": "image_id", "texts": "text"}
BOX = ("left_px", "top_px", "right_px", "bottom_px")  # columns of a table of pictures of which only parts are embedded
_MARK = b"entitynet.part"


@dataclass(frozen=True)
class Part:
    """The rows `begin` to `end` of a file: of a table of pictures or texts, or of the tar `shard`."""

    kind: str
    number: int
    begin: int
    end: int
    shard: ShardSpec | None = None

    def path(self, out: Path) -> Path:
        """Return where the vectors of the part are written."""
        return out / "parts" / f"{self.kind}-{self.number:07d}.parquet"

    def mark(self, spec: EmbedSpec) -> bytes:
        """Return what tells the file of this part from one of another job or of other rows."""
        shard = self.shard.name if self.shard else ""
        return json.dumps([fingerprint(spec), self.kind, shard, self.begin, self.end]).encode()

    def is_whole(self, spec: EmbedSpec, out: Path) -> bool:
        """Tell whether an earlier attempt has made the part."""
        try:
            return (pq.read_schema(self.path(out)).metadata or {}).get(_MARK) == self.mark(spec)
        except (OSError, pa.ArrowException):
            return False


@dataclass(frozen=True)
class Content:
    """What a part has to embed: its keys (image ids or texts) and, of pictures, where each lies; `skipped` were left out."""

    keys: list[str]
    places: list[Place]
    skipped: int = 0


def parts_of(spec: EmbedSpec) -> list[Part]:
    """Return the parts of a job in the order of its input. Raises SpecError if a table is unreadable."""
    cuts = [("pictures", shard.samples, shard) for shard in spec.shards]
    cuts += [("pictures", _length(spec, spec.images, ("image_id", "path")), None)] if spec.images else []
    cuts += [("texts", _length(spec, spec.texts, ("text",)), None)] if spec.texts else []
    ranges = [
        (kind, begin, min(begin + spec.part_size, rows), shard)
        for kind, rows, shard in cuts
        for begin in range(0, rows, spec.part_size)
    ]
    return [Part(kind, number, begin, end, shard) for number, (kind, begin, end, shard) in enumerate(ranges)]


def content_of(part: Part, spec: EmbedSpec) -> Content:
    """Return what a part has to embed. Raises SpecError for a tar that is absent, compressed or not as the spec says."""
    if part.shard:
        members = _members(spec.root, part.shard)[part.begin : part.end]
        skipped = skipped_keys(spec)
        kept = [(key, place) for key, place in members if key not in skipped]
        return Content([key for key, _ in kept], [place for _, place in kept], len(members) - len(kept))
    if part.kind == "texts":
        return Content(_rows(spec, spec.texts, ("text",), part)["text"].to_pylist(), [])
    cut = BOX[0] in pq.read_schema(Path(spec.root) / spec.images).names
    rows = _rows(spec, spec.images, ("image_id", "path", *(BOX if cut else ())), part)
    places = [Path(spec.root) / path for path in rows["path"].to_pylist()]
    if not cut:
        return Content(rows["image_id"].to_pylist(), [*places])
    boxes = zip(*(rows[name].to_pylist() for name in BOX), strict=True)
    return Content(rows["image_id"].to_pylist(), [Cut(path, box) for path, box in zip(places, boxes, strict=True)])


def _length(spec: EmbedSpec, name: str, columns: tuple[str, ...]) -> int:
    file = Path(spec.root) / name
    try:
        with pq.ParquetFile(file) as table:
            missing = set(columns) - set(table.schema_arrow.names)
            rows = table.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise SpecError(f"{file}: {error}; allowed: Parquet with the columns {', '.join(columns)}") from error
    if missing:
        raise SpecError(
            f"{file}: found no {', '.join(sorted(missing))}; allowed: Parquet with the columns {', '.join(columns)}"
        )
    return rows


def _rows(spec: EmbedSpec, name: str, columns: tuple[str, ...], part: Part) -> pa.Table:
    """Read the rows of a part; of the file, only the row groups that hold some of them are in memory."""
    with pq.ParquetFile(Path(spec.root) / name) as table:
        sizes = [table.metadata.row_group(number).num_rows for number in range(table.metadata.num_row_groups)]
        starts = np.cumsum([0, *sizes])
        wanted = [
            number for number in range(len(sizes)) if starts[number] < part.end and starts[number + 1] > part.begin
        ]
        rows = table.read_row_groups(wanted, columns=list(columns))
        return rows.slice(part.begin - int(starts[wanted[0]]), part.end - part.begin)


@functools.lru_cache(maxsize=1)
def _members(root: str, shard: ShardSpec) -> list[tuple[str, Place]]:
    """Return (image_id, what answers its bytes) of each picture of a tar, in its order; the tar may lie in a folder or in S3."""
    data = DataSpec("", "", "", (shard,), root, (), (), ())
    tars = index_tars(data)
    pictures = TarPictures(data, tars)
    pictures.want(0, lambda turn: [] if turn else [0])  # of a store the whole tar, as far as there is room
    return [
        (image_id, functools.partial(pictures.read, number))
        for number, image_id in enumerate(tars.image_ids.to_pylist())
    ]


@functools.lru_cache(maxsize=1)
def skipped_keys(spec: EmbedSpec) -> frozenset[str]:
    """Return the keys of pictures that are not to be embedded. Raises SpecError if a list is unreadable."""
    keys: set[str] = set()
    root = open_root(spec.root)
    for name in spec.skip:
        file = root.local(name)
        try:
            keys.update(pq.read_table(file, columns=["image_id"])["image_id"].to_pylist())
        except (OSError, pa.ArrowException, KeyError) as error:
            raise SpecError(f"{file}: {error}; allowed: Parquet with the column image_id") from error
    return frozenset(keys)


def write_part(
    part: Part, spec: EmbedSpec, out: Path, keys: Sequence[str], vectors: Sequence[np.ndarray | None]
) -> None:
    """Write the vectors of a part (None: could not be read), whole or not at all."""
    path = part.path(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    found = [vector for vector in vectors if vector is not None]
    sizes = [0 if vector is None else len(vector) for vector in vectors]
    values = pa.array(np.concatenate(found) if found else np.zeros(0, np.float32), pa.float32())
    offsets = pa.array(np.concatenate(([0], np.cumsum(sizes, dtype=np.int64))), pa.int64())
    missing = pa.array([vector is None for vector in vectors], pa.bool_())
    column = pa.LargeListArray.from_arrays(offsets, values, mask=missing) if keys else pa.array([], VECTOR)
    schema = pa.schema([(KEYS[part.kind], pa.string()), ("vector", VECTOR)], {_MARK: part.mark(spec)})
    write_synced(path, schema, [pa.Table.from_arrays([pa.array(keys, pa.string()), column], schema=schema)])


def write_synced(path: Path, schema: pa.Schema, tables: Any) -> None:
    """Write tables one after the other as one Parquet file, a row group each, so that it is absent, old or whole."""
    scratch = path.with_name(f".{path.name}.new")
    with pq.ParquetWriter(scratch, schema, use_dictionary=False) as writer:
        for table in tables:
            writer.write_table(table)
    with scratch.open("rb") as file:
        os.fsync(file.fileno())
    scratch.replace(path)


def merged(kind: str, parts: Sequence[Part], out: Path, lost: list[str]) -> Iterator[pa.Table]:
    """Yield the vectors of all parts of a kind in the order of the input; keys without one go to `lost`."""
    for part in parts:
        if part.kind == kind:
            table = pq.read_table(part.path(out)).replace_schema_metadata(None)
            there = table["vector"].is_valid()
            lost += table.filter(pc.invert(there))[KEYS[kind]].to_pylist()
            yield table.filter(there)
