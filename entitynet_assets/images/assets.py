"""The door of the images room: the download ledger, and the distinct pictures it leads to."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from entitynet_assets import previews
from entitynet_assets.images.download import Moment, download_row, due_request, next_time
from entitynet_assets.images.keeper import Keeper
from entitynet_assets.pictures import DECODER
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import DOWNLOADS, IMAGES

FLUSH = 25  # downloads between two notes of the ledger; a killed run loses no more than twice these


@station(
    DOWNLOADS,
    reads=("urls",),
    kinds=("python", "http", "pillow"),
    preview=previews.OUTCOMES,
    code_version=f"2, decoder {DECODER}",
    params=lambda place: {
        "round": place.lake.round(),
        "max_bytes": place.study.web.max_bytes,
        "stored": [place.study.shards.stored_side_px, place.study.shards.jpeg_quality],
    },
)
def downloads(work: Work) -> Made:
    """Every address with what came of asking and of decoding. A ledger: rows of addresses that no hit names any more stay.

    Bytes are decoded once, as they come, in a process that may die of them. What is kept lies under its hash before the row is
    noted, so a killed run asks again only for what it had not noted. An address that failed for a passing reason rests before
    it is asked again. Another stored side or quality decodes the bytes as served anew and asks no host.
    """
    ledger = {row["url_id"]: row for row in work.own_rows() + work.lake.notes(work.table.name, work.slice)}
    taken_down = work.lake.taken_down()[1]
    keeper, urls = (
        Keeper(work.place, ledger.values()),
        [url for url in work.rows("urls") if url["url_id"] not in taken_down],
    )
    asked = 0
    with work.lake.noting(work.table.name, work.slice, FLUSH, behind=True) as note:
        for number, row in enumerate(work.place.decoders.each(keeper.anew, keeper.stale), 1):
            ledger[row["url_id"]] = row
            note(row)
            work.advance(number, len(keeper.stale), "pictures")
        start = _now(work)
        due = [(url, request) for url in urls if (request := due_request(url, ledger.get(url["url_id"]), start))]
        for url, answer, found in work.place.decoders.each(keeper.keep, work.place.web.ask_all(due)):
            row = download_row(url, ledger.get(url["url_id"]), answer, found, _now(work))
            ledger[url["url_id"]] = row
            note(row)
            asked += 1
            work.advance(asked, len(due), "downloads")
    counts, end = Counter(row["outcome"] for row in ledger.values()), _now(work)
    later = [time for url in urls if (time := next_time(ledger[url["url_id"]], end))]
    return Made(
        ledger.values(), counts, {"downloads": asked, "pictures": len(keeper.decoded)}, due_at=min(later, default=None)
    )


def _now(work: Work) -> Moment:
    return Moment(work.lake.round(), work.study.web.tries, datetime.now(UTC).isoformat(timespec="seconds"))


STATIONS: tuple[Station, ...] = (downloads, sql_asset(IMAGES, every=("downloads",), preview=previews.IMAGES))
