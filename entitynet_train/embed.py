"""Embed pictures and texts: `torchrun ... -m -- entitynet_train.embed --spec PATH --out DIR`.

Belongs here: from an EmbedSpec to OUT/embeddings.parquet, OUT/texts.parquet and OUT/result.json, part by part over all processes.
Does not belong here: what a part is (parts.py), loading and running an encoder (encoder.py), what the vectors are for (the platform).

Shapes: N pictures or texts of a batch, C channels, H and W pixels, D features.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from entitynet_train import report
from entitynet_train.distributed import World, gather_all, hold_directory, process_group, wait_for_all
from entitynet_train.encoder import Encoder, load_ahead, load_encoder, slices
from entitynet_train.entry import run_entry
from entitynet_train.parts import (
    KEYS,
    VECTOR,
    Content,
    Part,
    content_of,
    merged,
    parts_of,
    skipped_keys,
    write_part,
    write_synced,
)
from entitynet_train.spec import EmbedSpec, SpecError, fingerprint

FILES = {"pictures": "embeddings.parquet", "texts": "texts.parquet"}
TELL_EVERY_S = 1.0


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(EmbedSpec, embed, "Embed pictures and texts with a trained encoder.", argv)


def embed(spec: EmbedSpec, out: Path) -> int:
    """Embed `spec` in directory `out`; return 0. Raises SpecError for a spec that cannot be run."""
    if not (spec.images or spec.texts or spec.shards):
        raise SpecError(
            "images, texts: found '' and ''; allowed: a Parquet file of pictures, one of texts, one of each, or the shards of a release"
        )
    with process_group() as world, hold_directory(out, world):
        if report.read_result(out, fingerprint(spec)):
            return 0
        parts = parts_of(spec)
        skipped_keys(spec)  # an unreadable list is refused before anything is loaded
        encoder = load_encoder(spec.encoder, spec.encoder_sha256, world.device)
        found = [part for part in parts if not part.is_whole(spec, out)] if world.is_first else []
        missing: list[Part] = gather_all(world, found)[0]
        share = missing[world.rank :: world.size]
        told = _Progress(out, parts, missing, world)
        for part in share:
            content = content_of(part, spec)
            write_part(part, spec, out, content.keys, _vectors(encoder, content, spec.batch_size, told))
        wait_for_all(world)
        if world.is_first:
            _finish(spec, out, encoder, parts)
    return 0


class _Progress:
    """Lines of metrics.jsonl by the first process: how many pictures and texts are done, taking the others to be as far as it is."""

    def __init__(self, out: Path, parts: list[Part], missing: list[Part], world: World) -> None:
        left = sum(part.end - part.begin for part in missing)
        self._total = sum(part.end - part.begin for part in parts)
        self._before, self._own, self._world = self._total - left, 0, world
        self._metrics = report.Metrics(out, -1) if world.is_first else None
        self._told_at = time.monotonic()

    def advance(self, count: int) -> None:
        """Count what this process has done."""
        self._own += count
        now = time.monotonic()
        if self._metrics and now - self._told_at >= TELL_EVERY_S:
            done = min(self._before + self._own * self._world.size, self._total)
            self._metrics.append(step=done, total=self._total)
            self._told_at = now


def _vectors(encoder: Encoder, content: Content, batch_size: int, told: _Progress) -> list[np.ndarray | None]:
    """Return the vector of each key of a part (float32, unit norm), None for a picture that cannot be read."""
    vectors: list[np.ndarray | None] = [None] * len(content.keys)
    if not content.places:
        for places in slices(range(len(content.keys)), batch_size):
            vector_ND = encoder.texts([content.keys[place] for place in places], batch_size)
            vectors[places[0] : places[0] + len(places)] = list(vector_ND)
            told.advance(len(places))
        return vectors
    for loaded in load_ahead(content.places, encoder.transform, slices(range(len(content.keys)), batch_size)):
        ready = [(place, image) for place, image in loaded if image is not None]
        if ready:
            vector_ND = encoder.images(torch.stack([image for _, image in ready]))
            for (place, _), vector_D in zip(ready, vector_ND, strict=True):
                vectors[place] = vector_D
        told.advance(len(loaded))
    return vectors


def _finish(spec: EmbedSpec, out: Path, encoder: Encoder, parts: list[Part]) -> None:
    """Put the parts together and write result.json, last; then the parts go."""
    lost: list[str] = []
    rows, dimensions, digests = dict[str, int](), 0, dict[str, str]()
    for kind, name in FILES.items():
        schema = pa.schema([(KEYS[kind], pa.string()), ("vector", VECTOR)])
        counted = _Counted()
        write_synced(out / name, schema, map(counted.see, merged(kind, parts, out, lost)))
        rows[kind], dimensions = counted.rows, max(dimensions, counted.dimensions)
        with (out / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    pictures = sum(part.end - part.begin for part in parts if part.kind == "pictures")
    skipped = pictures - rows["pictures"] - len(lost)
    counts = {"pictures": pictures, "embedded": rows["pictures"], "unreadable": len(lost), "texts": rows["texts"]}
    values: dict[str, Any] = {
        "embeddings": FILES["pictures"],
        "encoder": {"name": Path(spec.encoder).name, "sha256": spec.encoder_sha256, "preprocess": encoder.preprocess},
        "dimensions": dimensions,
        "digests": digests,
        "counts": counts | ({"skipped": skipped} if spec.shards else {}),
        "unreadable": lost[:100],
    }
    report.write_result(out, fingerprint(spec), values)
    shutil.rmtree(out / "parts", ignore_errors=True)


class _Counted:
    """Counts rows and dimensions of tables that pass by."""

    rows = dimensions = 0

    def see(self, table: pa.Table) -> pa.Table:
        """Count a table and hand it on."""
        self.rows += table.num_rows
        if table.num_rows:
            self.dimensions = len(table["vector"][0])
        return table


if __name__ == "__main__":
    sys.exit(main())
