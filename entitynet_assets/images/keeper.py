"""What is kept of a picture that came: its bytes as served, the JPEG that is stored, and what the one decode says of it.

Belongs here: decoding each distinct picture once and laying it under its hash. Does not belong here: what a row of the ledger
says (download.py), which addresses are asked (assets.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from entitynet_assets.images.download import NO_PICTURE
from entitynet_assets.pictures import Kept, Picture, PictureError
from entitynet_assets.resources import Workplace
from entitynet_assets.web import Answer

Row = dict[str, Any]


class Keeper:
    """Keeps pictures for one slice of the ledger; its functions are called by many threads at once."""

    def __init__(self, place: Workplace, ledger: Iterable[Row]) -> None:
        self.place, chosen = place, place.study.shards
        self.kept = Kept(chosen.stored_side_px, chosen.jpeg_quality)
        self.decoded: set[str] = set()
        self.stale: list[Row] = []
        self._known: dict[str, Row] = {}
        self._taken_down = place.lake.taken_down()[0]
        for row in ledger:
            if row["image_id"] and row.get("path") == self.path(row["image_id"]):
                self._known[row["image_id"]] = {name: row[name] for name in NO_PICTURE}
            elif row["image_id"]:
                self.stale.append(row)

    def path(self, image_id: str) -> str:
        """Return where the stored JPEG of a picture lies, relative to the lake."""
        return self.place.lake.blob_path("stored", self._name(image_id))

    def keep(self, came: tuple[Row, Answer]) -> tuple[Row, Answer, Row]:
        """Return an address, its answer and what its bytes come to: facts, or an outcome with its reason, or nothing."""
        url, answer = came
        if not answer.ok:
            return url, answer, {}
        image_id = hashlib.sha256(answer.body).hexdigest()
        if image_id in self._taken_down:
            return url, answer, {**NO_PICTURE, "outcome": "taken_down", "reason": f"{image_id} at another address"}
        found = self._read(image_id, answer.body)
        if found["image_id"] and self.place.study.shards.keep_served:
            self.place.lake.put_blob("served", image_id, answer.body, synced=False)
        elif not found["image_id"]:
            found["reason"] = f"{found['reason']}; served as {answer.headers.get('content-type', 'unknown')}"
        return url, answer, found

    def anew(self, row: Row) -> Row:
        """Return a row whose picture was stored otherwise before, with the facts of decoding the bytes as served anew.

        Where they were not kept, the picture stays as it was until its address, which is made due, gives it again.
        """
        served = self.place.lake.root / self.place.lake.blob_path("served", row["image_id"])
        if not served.exists():
            return {**row, "asked_round": 0, "etag": None, "last_modified": None}
        return {**row, **self._read(row["image_id"], served.read_bytes())}

    def _read(self, image_id: str, content: bytes) -> Row:
        if image_id not in self._known:
            try:
                picture = self.place.decoders.read(content, self.kept)
            except PictureError as error:
                return {**NO_PICTURE, "outcome": error.outcome, "reason": error.reason}
            self.place.lake.put_blob("stored", self._name(image_id), picture.jpeg, synced=False)
            self._known[image_id] = {"image_id": image_id, "path": self.path(image_id), **facts(picture)}
            self.decoded.add(image_id)
        return self._known[image_id]

    def _name(self, image_id: str) -> str:
        return f"{image_id}-{self.kept.name}.jpg"


def facts(picture: Picture) -> Row:
    """Return what is said of a picture, without its pixels."""
    return {name: value for name, value in vars(picture).items() if name != "jpeg"}
