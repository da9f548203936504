"""Which pictures a takedown asks for: by picture, address, host, author, licence or entity, with what looks the same.

Belongs here: SELECTs over the shelf. Does not belong here: what is done to them (takedown.py, purge.py).
"""

from __future__ import annotations

import re
from typing import Any

from entitynet_assets.lineage import DriftError
from entitynet_assets.shelf import Shelf
from entitynet_assets.text import hash_id, normal_url


class TakedownError(DriftError):
    """A takedown of which it is not clear what it means: names the option, what was found, what is allowed."""


KINDS = ("picture", "url", "host", "author", "licence", "entity")
_AT = "SELECT DISTINCT image_id FROM downloads WHERE image_id IS NOT NULL AND url_id IN ({urls})"
_QUERIES = {
    "picture": "SELECT image_id FROM images WHERE starts_with(image_id, $value) "
    "UNION SELECT image_id FROM benchmark_images WHERE starts_with(image_id, $value)",
    "url": _AT.format(urls="SELECT $url_id UNION SELECT url_id FROM hits WHERE page_url IN ($value, $url)")
    + " UNION SELECT image_id FROM benchmark_images WHERE image_url IN ($value, $url)",
    "host": "SELECT DISTINCT image_id FROM downloads WHERE image_id IS NOT NULL "
    "AND (lower(host) = lower($value) OR ends_with(lower(host), '.' || lower($value)))",
    "author": _AT.format(urls="SELECT url_id FROM hits WHERE lower(author) = lower($value)"),
    "licence": _AT.format(urls="SELECT url_id FROM hits WHERE lower(licence) = lower($value)"),
    "entity": "SELECT DISTINCT image_id FROM image_entities WHERE qid = $value",
}
_ALIKE = """
    WITH grouped AS (
        SELECT images.image_id, coalesce(representative_id, images.image_id) AS first_id
        FROM images LEFT JOIN likeness USING (image_id)
    )
    SELECT DISTINCT image_id FROM grouped
    WHERE first_id IN (SELECT first_id FROM grouped WHERE image_id = ANY($ids))
"""
_ADDRESSES = {  # also those that gave no picture yet: they are not to be asked
    "url": "SELECT url_id FROM hits WHERE page_url IN ($value, $url) OR url_id = $url_id",
    "host": "SELECT DISTINCT url_id FROM urls WHERE lower(host) = lower($value) OR ends_with(lower(host), '.' || lower($value))",
    "author": "SELECT DISTINCT url_id FROM hits WHERE lower(author) = lower($value)",
    "licence": "SELECT DISTINCT url_id FROM hits WHERE lower(licence) = lower($value)",
}
_URLS = "SELECT image_id, list_sort(list(DISTINCT url_id)) AS url_ids FROM downloads WHERE image_id = ANY($ids) GROUP BY image_id"


def chosen_pictures(shelf: Shelf, kind: str, value: str, only_these_bytes: bool) -> list[str]:
    """Return the ids of the pictures meant, in order, near-duplicates included unless `only_these_bytes`.

    A whole sha256 needs no picture in the lake: it is kept out from now on. Raises TakedownError if nothing is meant, or what is
    meant is not clear.
    """
    found = {row["image_id"] for row in shelf.ask(_QUERIES[kind], **_parameters(kind, value))}
    if kind == "picture":
        if len(found) > 1:
            raise TakedownError(f"--picture: found {value!r}, the beginning of {len(found)} pictures; give more digits")
        if not found and re.fullmatch("[0-9a-f]{64}", value.lower()):
            found = {value.lower()}
    if not found:
        raise TakedownError(
            f"--{kind}: found {value!r}, and no picture of this study came of it; {_allowed(shelf, kind, value)}"
        )
    if not only_these_bytes:
        found |= {row["image_id"] for row in shelf.ask(_ALIKE, ids=sorted(found))}
    return sorted(found)


def chosen_addresses(shelf: Shelf, kind: str, value: str) -> list[str]:
    """Return the ids of the addresses meant, whether or not they gave a picture; none where pictures are named by themselves."""
    return (
        sorted({row["url_id"] for row in shelf.ask(_ADDRESSES[kind], **_parameters(kind, value))})
        if kind in _ADDRESSES
        else []
    )


def addresses(shelf: Shelf, image_ids: list[str]) -> dict[str, list[str]]:
    """Return the ids of the addresses that gave each picture."""
    return {row["image_id"]: row["url_ids"] for row in shelf.ask(_URLS, ids=image_ids)}


def _parameters(kind: str, value: str) -> dict[str, Any]:
    if kind == "picture":
        if not re.fullmatch("[0-9a-fA-F]{6,64}", value):
            raise TakedownError(f"--picture: found {value!r}; allowed: a picture's sha256 or at least 6 digits of it")
        return {"value": value.lower()}
    if kind == "url":
        try:
            url = normal_url(value)
        except ValueError as error:
            raise TakedownError(
                f"--url: found {error}; allowed: the address of a picture or page, with http(s)://"
            ) from error
        return {"value": value, "url": url, "url_id": hash_id(url)}
    return {"value": value}


def _allowed(shelf: Shelf, kind: str, value: str) -> str:
    if kind in ("licence", "author"):
        near = shelf.ask(
            f"SELECT DISTINCT {kind} AS name FROM hits WHERE {kind} IS NOT NULL "
            f"ORDER BY jaro_winkler_similarity(lower({kind}), lower($value)) DESC, name LIMIT 5", value=value,
        )  # fmt: skip
        return "there are " + ", ".join(repr(row["name"]) for row in near) if near else "no hit states one"
    return "`entitynet trace` shows what is known of a picture, an address or an entity"
