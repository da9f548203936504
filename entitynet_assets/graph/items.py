"""One Wikidata item, from the item API or a dump line, as a row of wikidata_items.

Belongs here: the shape of items and what we keep of them. Does not belong here: fetching.
The rank rule is Wikidata's "truthy" one: preferred statements if a property has any, else normal; deprecated never.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# Structure, names, media and looks; everything else of an item is left where it is.
KEPT = ("P31", "P279", "P171", "P225", "P1843", "P18", "P373", "P462", "P186", "P527", "P361")
NAMING_VALUES = ("P462", "P186", "P527", "P31")  # values whose names we need


def parse_item(
    qid: str, raw: Mapping[str, Any], role: str, languages: Sequence[str], also: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the row of an item, with the statements of KEPT and those asked for `also`.

    One that cannot be read becomes a row with status `broken` and the reason.
    """
    try:
        if "missing" in raw:
            return empty_row(qid, role, "missing", "no such item")
        redirected = _mapping(raw.get("redirects")).get("to") or (raw["id"] if raw["id"] != qid else None)
        row = _row(qid, raw, role, languages, also)
        _need_kinds(row)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return empty_row(qid, role, "broken", f"{type(error).__name__}: {error}")
    if redirected:
        return {**row, "status": "redirect", "redirect_qid": redirected, "reason": f"merged into {redirected}"}
    return row


def empty_row(qid: str, role: str, status: str, reason: str | None) -> dict[str, Any]:
    """Return the row of an item of which there is nothing to keep."""
    return {
        "qid": qid, "status": status, "reason": reason, "redirect_qid": None, "role": role, "revision": None, "modified_at": None,
        "sitelink_count": None, "labels": [], "descriptions": [], "aliases": [], "claims": [], "enwiki_title": None,
    }  # fmt: skip


def value_qids(row: Mapping[str, Any]) -> set[str]:
    """Return the ids of values that need a name."""
    return {
        claim["value_qid"] for claim in row["claims"] if claim["value_qid"] and claim["property_id"] in NAMING_VALUES
    }


def parents_of(row: Mapping[str, Any], relations: Sequence[str]) -> set[str]:
    """Return the ids one statement above an item as its row has it."""
    claims = row["claims"] if row["status"] == "ok" else []
    return {claim["value_qid"] for claim in claims if claim["value_qid"] and claim["property_id"] in relations}


def parents_above(raw: Mapping[str, Any], relations: Sequence[str]) -> set[str]:
    """Return the ids one statement above an item, and no more of it; an item whose statements cannot be read has none."""
    try:
        claims = _mapping(raw.get("claims"))
        found = [claim for pid in relations for claim in _best(pid, claims.get(pid, []))]
    except (KeyError, TypeError, AttributeError, ValueError):
        return set()
    return {claim["value_qid"] for claim in found if isinstance(claim["value_qid"], str)}


def _row(qid: str, raw: Mapping[str, Any], role: str, languages: Sequence[str], also: Sequence[str]) -> dict[str, Any]:
    wanted = {*languages, "en", "mul"}
    sitelinks = _mapping(raw.get("sitelinks"))
    return {
        **empty_row(qid, role, "ok", None),
        "revision": raw.get("lastrevid"),
        "modified_at": raw.get("modified"),
        "sitelink_count": len(sitelinks),
        "labels": _strings(raw.get("labels"), wanted),
        "descriptions": _strings(raw.get("descriptions"), wanted),
        "aliases": [
            {"language": language, "text": alias["value"]}
            for language, many in sorted(_mapping(raw.get("aliases")).items()) if language in wanted for alias in many
        ],
        "claims": [claim for pid in dict.fromkeys((*KEPT, *also)) for claim in _best(pid, _mapping(raw.get("claims")).get(pid, []))],
        "enwiki_title": sitelinks.get("enwiki", {}).get("title"),
    }  # fmt: skip


def _need_kinds(row: Mapping[str, Any]) -> None:
    """Raise TypeError where a value is of a kind that its column cannot hold, so that one odd item is one broken row."""
    whole = ("revision", "sitelink_count")
    for name in (*whole, "modified_at", "enwiki_title"):
        if not isinstance(row[name], (int if name in whole else str, type(None))) or isinstance(row[name], bool):
            raise TypeError(f"{name}: found {row[name]!r}")
    for name in ("labels", "descriptions", "aliases", "claims"):
        for value in (value for part in row[name] for value in part.values()):
            if not isinstance(value, (str, type(None))):
                raise TypeError(f"{name}: found {value!r}")


def _mapping(value: Any) -> Mapping[str, Any]:
    """PHP writes an empty map as an empty list."""
    return value if isinstance(value, Mapping) else {}


def _strings(raw: Any, wanted: set[str]) -> list[dict[str, str]]:
    return [
        {"language": language, "text": term["value"]}
        for language, term in sorted(_mapping(raw).items())
        if language in wanted
    ]


def _best(pid: str, statements: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    ranks = {statement.get("rank", "normal") for statement in statements}
    best = "preferred" if "preferred" in ranks else "normal"
    for statement in statements:
        if statement.get("rank", "normal") == best:
            yield _claim(pid, best, statement["mainsnak"])


def _claim(pid: str, rank: str, snak: Mapping[str, Any]) -> dict[str, Any]:
    claim = {
        "property_id": pid,
        "rank": rank,
        "snak": snak["snaktype"],
        "value_qid": None,
        "value_text": None,
        "language": None,
    }
    if snak["snaktype"] != "value":
        return claim
    value = snak["datavalue"]["value"]
    if isinstance(value, str):
        return {**claim, "value_text": value}
    if "id" in value or "numeric-id" in value:
        return {**claim, "value_qid": value.get("id") or f"Q{value['numeric-id']}"}
    if "text" in value:
        return {**claim, "value_text": value["text"], "language": value["language"]}
    return claim
