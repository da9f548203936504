"""A takedown: its request noted, its pictures on the ledger, a new release made, and the record of who had seen them.

Belongs here: the order in which that is done, so that a kill at any point is mended by the next call. Does not belong here: which
pictures (choose.py), destroying bytes (purge.py).

A request is a file takedowns/<id>.json. It holds hashes and the operator's own words only, so that nothing in it has to go when
pictures are purged: of what was asked for it keeps the kind and a hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from entitynet_assets.files import write_atomic
from entitynet_assets.lake import Lake
from entitynet_assets.lineage import DriftError
from entitynet_assets.releases.choose import addresses, chosen_addresses
from entitynet_assets.releases.seen import who_saw
from entitynet_assets.resources import Workplace
from entitynet_assets.shelf import Shelf
from entitynet_assets.tables import TABLES

Row = dict[str, Any]
REMADE = ("samples", "shards", "tombstones", "release", "subreleases")


@dataclass(frozen=True)
class Request:
    """What is asked for, by whom and why; `at` is ISO 8601."""

    kind: str
    value: str
    reason: str
    requested_by: str | None
    at: str


def take_down(place: Workplace, request: Request, image_ids: Sequence[str]) -> Row:
    """Take pictures down that are not yet, and return the record of it, with the release before and after and who had seen them.

    Addresses that the request means and that gave none of these pictures are not asked any more, too.
    """
    gone, refused = place.lake.taken_down()
    new = [one for one in image_ids if one not in gone]
    with Shelf(place.lake, place.study) as shelf:
        seen, urls = who_saw(shelf, new), addresses(shelf, new)
        known = refused | {url for listed in urls.values() for url in listed}
        alone = [one for one in chosen_addresses(shelf, request.kind, request.value) if one not in known]
    value = hashlib.sha256(request.value.encode()).hexdigest()
    name = hashlib.sha256(json.dumps([request.kind, value, request.at, new]).encode()).hexdigest()[:12]
    record = {
        "takedown_id": name, "kind": request.kind, "value_sha256": value, "reason": request.reason,
        "requested_by": request.requested_by, "taken_down_at": request.at, "done": False,
        "pictures": {one: urls.get(one, []) for one in new}, "addresses": alone, "seen": seen, "release_before": _release(place.lake),
    }  # fmt: skip
    if new or alone:
        _write(place.lake, record)
    return finish(place, record)


def finish(place: Workplace, record: Row) -> Row:
    """Do what is left of a takedown: ledger, tables, record. Doing it again changes nothing."""
    listed = {
        row["image_id"] for row in place.lake.tombstone_ledger() if row.get("takedown_id") == record["takedown_id"]
    }
    facts = {name: record[name] for name in ("takedown_id", "reason", "requested_by", "taken_down_at")}
    rows = [
        {"image_id": one, "url_ids": urls, **facts} for one, urls in record["pictures"].items() if one not in listed
    ]
    if record["addresses"] and None not in listed:
        rows.append({"image_id": None, "url_ids": record["addresses"], **facts})
    if rows:
        place.lake.add_tombstones(rows)
    remake(place, "tombstones", "release", "subreleases")
    record = {**record, "release_after": _release(place.lake), "done": True}
    if record["pictures"] or record["addresses"]:
        _write(place.lake, record)
    return record


def unfinished(lake: Lake) -> list[Row]:
    """Return takedowns that were begun and not ended."""
    return [record for record in records(lake) if not record["done"]]


def records(lake: Lake) -> list[Row]:
    """Return all takedowns, oldest first."""
    found = [json.loads(path.read_text()) for path in (lake.root / "takedowns").glob("*.json")]
    return sorted(found, key=lambda record: (record["taken_down_at"], record["takedown_id"]))


def remake(place: Workplace, *tables: str) -> None:
    """Bring tables of the shards room up to date where what they are made of is there; nothing is asked of the web."""
    from entitynet_assets.definitions import stations  # Dagster is imported only when something runs
    from entitynet_assets.partitions import slice_keys
    from entitynet_assets.stations import run_slice

    for name in tables:
        stop = stations()[name]
        for key in slice_keys(place.study, TABLES[name].slicing):
            try:
                for above in stop.reads:
                    for one in stop.input_slices(place.study, above, key):
                        place.lake.need(above, one)
            except DriftError:
                continue  # not made yet or unsound: the next run makes it, and the ledger is obeyed all the same
            run_slice(stop, place, key)


def _release(lake: Lake) -> str | None:
    return next(iter(lake.rows("release")), {}).get("release_id") if lake.record("release") else None


def _write(lake: Lake, record: Mapping[str, Any]) -> None:
    text = json.dumps(record, indent=1, sort_keys=True)
    write_atomic(lake.root / "takedowns" / f"{record['takedown_id']}.json", text.encode())
