"""The door of the images room: the download ledger, and the distinct pictures it leads to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from entitynet_assets import previews
from entitynet_assets.images.download import download_row, due_request
from entitynet_assets.pictures import read_picture
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import DOWNLOADS, IMAGES

FLUSH = 50  # downloads between two notes of the ledger, so that a killed run loses no more than these


@station(
    DOWNLOADS,
    reads=("urls",),
    kinds=("python", "http"),
    preview=previews.OUTCOMES,
    params=lambda place: {"round": place.lake.round(), "max_bytes": place.study.web.max_bytes},
)
def downloads(work: Work) -> Made:
    """Every address with what came of asking. A ledger: rows of addresses that no hit names any more stay.

    Bytes are stored under their sha256 as they come and rows are noted, so a killed run asks again only for what it had not noted.
    """
    round_, tries = work.lake.round(), work.study.web.tries
    ledger = {row["url_id"]: row for row in work.own_rows() + work.lake.notes(work.table.name, work.slice)}
    urls = work.rows("urls")
    due = [(url, request) for url in urls if (request := due_request(url, ledger.get(url["url_id"]), round_, tries))]
    with work.lake.noting(work.table.name, work.slice, FLUSH) as note:
        for number, (url, answer) in enumerate(work.place.web.ask_all(due), 1):
            fetched_at = datetime.now(UTC).isoformat(timespec="seconds")
            row = download_row(url, ledger.get(url["url_id"]), answer, round_, fetched_at)
            if row["outcome"] == "ok" and answer.ok:
                work.lake.put_blob("served", row["image_id"], answer.body)
            ledger[url["url_id"]] = row
            note(row)
            work.advance(number, len(due), "downloads")
    counts = Counter(row["outcome"] for row in ledger.values())
    again = any(due_request(url, ledger[url["url_id"]], round_, tries) for url in urls)
    return Made(list(ledger.values()), counts, {"downloads": len(due)}, unfinished=again)


@station(
    IMAGES,
    reads=("downloads",),
    every=("downloads",),
    kinds=("python", "pillow"),
    preview=previews.IMAGES,
    params=lambda place: place.study.shards.stored_side_px,
)
def images(work: Work) -> Made:
    """Distinct pictures with their stored JPEG and hashes; a picture is the sha256 of its bytes as served."""
    side = work.study.shards.stored_side_px
    served = work.select(
        "SELECT image_id, min(round) AS round, count(*) AS url_count, any_value(size_bytes) AS size_bytes FROM downloads "
        "WHERE outcome = 'ok' AND slice_of(image_id, $slices) = $slice GROUP BY image_id ORDER BY image_id",
        slices=work.study.slices, slice=int(work.slice),
    )  # fmt: skip
    known = {
        row["image_id"]: row
        for row in work.own_rows()
        if row["path"] == work.lake.blob_path("stored", f"{row['image_id']}-{side}.jpg")
    }
    rows = []
    for number, found in enumerate(served, 1):
        old = known.get(found["image_id"])
        rows.append({**(old or _decoded(work, found["image_id"], side)), **found})
        work.advance(number, len(served), "pictures")
    return Made(rows, {"ok": len(rows)}, {"pictures": sum(row["image_id"] not in known for row in served)})


def _decoded(work: Work, image_id: str, side: int) -> dict[str, Any]:
    picture = read_picture(work.lake.blob(work.lake.blob_path("served", image_id)), side)
    path = work.lake.put_blob("stored", f"{image_id}-{side}.jpg", picture.jpeg)
    facts = {name: value for name, value in vars(picture).items() if name != "jpeg"}
    return {"path": path, **facts}


STATIONS: tuple[Station, ...] = (downloads, images)
