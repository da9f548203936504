"""The door of the benchmarks room: fetch held-out pictures, store them, hash them."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from entitynet_assets.benchmarks.holdout import HeldOut, ManifestError, held_out_row, parse_manifest
from entitynet_assets.pictures import DECODER, Kept, Picture, PictureError
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.studies.models import Benchmark
from entitynet_assets.tables import BENCHMARK_IMAGES
from entitynet_assets.web import PASSING, Answer, Request

REST_S, MAX_REST_S = 900.0, 86_400.0


@station(
    BENCHMARK_IMAGES,
    code_version=f"3, decoder {DECODER}",
    params=lambda place: {
        "benchmarks": [[b.name, b.manifest] for b in place.study.benchmarks],
        "stored": [place.study.shards.stored_side_px, place.study.shards.jpeg_quality],
        "sample": place.study.sample and place.study.sample.model_dump(),
        "folders": [folder.model_dump() for folder in place.study.folders],
    },
)
def benchmark_images(work: Work) -> Made:
    """Held-out pictures of every registered benchmark, with the hashes that decontamination compares.

    A picture that does not come is counted by its reason; the benchmark is then smaller, and its scores say by `count`. If the
    reason may pass, the benchmark is asked for again by the first run after a rest.
    """
    rows: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    wishes: list[float] = []
    for benchmark in work.study.benchmarks:
        rows += _fetch(work, benchmark, counts, wishes)
    return Made(rows, counts, {"downloads": sum(counts.values())}, due_at=_later(max(wishes)) if wishes else None)


def _later(wish_s: float) -> str:
    """Return when to ask again (ISO 8601, UTC): after the least rest, or as late as a host wishes; a day at most."""
    rest = timedelta(seconds=round(min(MAX_REST_S, max(REST_S, wish_s))))
    return (datetime.now(UTC) + rest).isoformat(timespec="seconds")


def _fetch(work: Work, benchmark: Benchmark, counts: Counter[str], wishes: list[float]) -> list[dict[str, Any]]:
    manifest = work.place.web.ask(Request(benchmark.manifest))
    if not manifest.ok:
        raise ManifestError(
            f"benchmarks.{benchmark.name}.manifest: {benchmark.manifest} gave {manifest.outcome} ({manifest.reason}); check the address"
        )
    entries = parse_manifest(manifest.body, benchmark.manifest)
    rows: dict[str, dict[str, Any]] = {}
    asked = ((entry, Request(entry.image_url)) for entry in entries)
    kept, taken_down = Kept(work.study.shards.stored_side_px, work.study.shards.jpeg_quality), work.lake.taken_down()[0]

    def decoded(came: tuple[HeldOut, Answer]) -> tuple[HeldOut, Answer, Picture | str]:
        entry, answer = came
        try:
            if hashlib.sha256(answer.body).hexdigest() in taken_down:
                return entry, answer, "taken_down"
            return entry, answer, work.place.decoders.read(answer.body, kept) if answer.ok else answer.outcome
        except PictureError as error:
            return entry, answer, error.outcome

    came = work.place.decoders.each(decoded, work.place.web.ask_all(asked))
    for number, (entry, answer, picture) in enumerate(came, 1):
        counts["ok" if isinstance(picture, Picture) else picture] += 1
        if answer.outcome in PASSING:
            wishes.append(answer.retry_after_s or 0.0)
        if isinstance(picture, Picture):
            image_id = hashlib.sha256(answer.body).hexdigest()
            path = work.lake.put_blob("held_out", f"{image_id}-{kept.name}.jpg", picture.jpeg)
            row = held_out_row(benchmark.name, entry, image_id, path, picture)
            # Two entries may serve the same bytes; which of them stands may not depend on which came first, and test goes before train.
            rows[image_id] = min(
                row, rows.get(image_id, row), key=lambda one: (one["part"], one["class_id"], one["image_url"])
            )
        work.advance(number, len(entries), "held-out pictures")
    return list(rows.values())


STATIONS: tuple[Station, ...] = (benchmark_images,)
