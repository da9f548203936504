"""A study's list of blocked pictures: a text file of hashes, and the pictures that it names.

Belongs here: reading the list, comparing. Does not belong here: finding the file (resources.py), deciding (sql/curation/verdicts.sql).

One entry a line, `sha256:<64 hex>` for the bytes as served or `phash:<16 hex>` for the 64-bit perceptual hash (as imagehash prints it);
what follows after a blank is a note. Empty lines and lines that begin with # say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from entitynet_assets.curation.duplicates import differing_bits, near_pairs
from entitynet_assets.studies.models import StudyError

_DIGITS = {"sha256": 64, "phash": 16}
_OTHERS = {
    "pdq": "PDQ is not computed here",
    "md5": "only the sha256 of a picture's bytes is known",
    "sha1": "only the sha256 of a picture's bytes is known",
}


@dataclass(frozen=True)
class Blocked:
    """One entry of a list."""

    kind: str
    value: str
    note: str | None

    @property
    def entry(self) -> str:
        """The entry in its normal form."""
        return f"{self.kind}:{self.value}"


def read_blocklist(text: str, where: str) -> list[Blocked]:
    """Return the distinct entries of a list, in its order. Raises StudyError that names the line."""
    found: dict[str, Blocked] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("#"):
            blocked = _entry(line.strip(), f"curation.blocklist: {where}, line {number}")
            found.setdefault(blocked.entry, blocked)
    return list(found.values())


def _entry(line: str, at: str) -> Blocked:
    hashed, *note = line.split(maxsplit=1)
    kind, _, value = (part.lower() for part in hashed.partition(":"))
    if kind in _DIGITS and re.fullmatch(f"[0-9a-f]{{{_DIGITS[kind]}}}", value):
        return Blocked(kind, value, note[0] if note else None)
    why = f" ({_OTHERS[kind]})" if kind in _OTHERS else ""
    raise StudyError(
        f"{at}: found {hashed[:80]!r}{why}; allowed: sha256: and 64 hex digits, or phash: and 16, then a note"
    )


def blocked_rows(images: Sequence[Mapping[str, Any]], blocked: Sequence[Blocked], radius: int) -> list[dict[str, Any]]:
    """Return a row per picture (image_id, phash) and entry that names it: equal bytes, or a phash within the radius."""
    exact = {one.value: one for one in blocked if one.kind == "sha256"}
    alike = [one for one in blocked if one.kind == "phash"]
    rows = [_row(image, exact[image["image_id"]], 0) for image in images if image["image_id"] in exact]
    ours = np.array([image["phash"] for image in images], dtype=np.uint64)
    theirs = np.array([int(one.value, 16) for one in alike], dtype=np.uint64)
    for i, j in near_pairs(ours, theirs, radius).tolist():
        rows.append(_row(images[i], alike[j], differing_bits(images[i]["phash"], int(alike[j].value, 16))))
    return rows


def _row(image: Mapping[str, Any], blocked: Blocked, distance: int) -> dict[str, Any]:
    return {"image_id": image["image_id"], "entry": blocked.entry, "distance": distance, "note": blocked.note}
