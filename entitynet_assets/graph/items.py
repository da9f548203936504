"""One Wikidata item, from the item API or a dump line, as a row of wikidata_items.

Belongs here: the shape of items and what we keep of them. Does not belong here: fetching, files (dump.py).
Items are decoded straight into typed values, and only what is kept is made. PHP writes an empty map as an empty list.
The rank rule is Wikidata's "truthy" one: preferred statements if a property has any, else normal; deprecated never.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import UNSET, Struct, field

# What attributes are made of; sql/graph/attributes.sql says what each of these properties comes to in words.
LOOKS = (
    "P462", "P1340", "P1884", "P5422", "P2079", "P186", "P516", "P527", "P2670", "P4330", "P4000", "P1419", "P784", "P2974", "P276", "P706",
    "P2975", "P361", "P1582", "P1034", "P2283", "P366", "P1535", "P3095", "P1056", "P1552", "P136", "P149", "P135", "P180", "P1672",
)  # fmt: skip
# Structure, names, media and looks; everything else of an item is left where it is.
KEPT = ("P31", "P279", "P171", "P225", "P1843", "P18", "P373", *LOOKS)
NAMING_VALUES = (*LOOKS, "P31")  # values whose names we need
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
Raw = bytes | bytearray | memoryview | msgspec.Raw


class Term(Struct):
    """A label, a description or an alias."""

    value: str


class Named(Struct):
    """A value that is an item or a text in a language; of any other kind of value nothing is kept."""

    kind: str | None = field(name="entity-type", default=None)
    id: str | None = None
    number: int | None = field(name="numeric-id", default=None)
    text: str | None = None
    language: str | None = None


class DataValue(Struct):
    """The value of a snak."""

    value: str | Named


class Snak(Struct):
    """The main part of a statement."""

    snaktype: str
    datavalue: DataValue | None = None


class Statement(Struct):
    """A statement of an item."""

    mainsnak: Snak
    rank: str = "normal"
    id: str | None = None


class Sitelink(Struct):
    """A page about an item."""

    title: str | None = None


class Redirects(Struct):
    """What the item API says of an item that was merged."""

    to: str | None = None


@lru_cache(maxsize=64)
def decoder(languages: tuple[str, ...], also: tuple[str, ...] = ()) -> msgspec.json.Decoder[Any]:
    """Return what decodes a whole item: its names in these languages, English and mul, its statements of KEPT and `also`."""
    wanted = sorted({*languages, "en", "mul"})
    terms, aliases = _by_key("Terms", wanted, Term | None), _by_key("Aliases", wanted, list[Term] | None)
    item = msgspec.defstruct("Item", [
        ("id", str), ("missing", Any, UNSET), ("redirects", Redirects | list | None, None), ("lastrevid", int | None, None),
        ("modified", str | None, None), ("labels", terms | list | None, None), ("descriptions", terms | list | None, None),
        ("aliases", aliases | list | None, None), ("claims", _statements(kept(also)) | list | None, None),
        ("sitelinks", dict[str, msgspec.Raw] | list | None, None),
    ])  # fmt: skip
    return msgspec.json.Decoder(item)


@lru_cache(maxsize=64)
def statements_decoder(relations: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    """Return what decodes the id of an item and its statements of some properties, and nothing else."""
    claims = _statements(relations) | list | None
    return msgspec.json.Decoder(msgspec.defstruct("Above", [("id", str), ("claims", claims, None)]))


def kept(also: Sequence[str]) -> tuple[str, ...]:
    """Return the properties that are kept, each once."""
    return tuple(dict.fromkeys((*KEPT, *also)))


def _statements(properties: Sequence[str]) -> type[Struct]:
    return _by_key("Statements", properties, list[Statement] | None)


def _by_key(name: str, keys: Sequence[str], kind: Any) -> type[Struct]:
    """Return a type that has these keys of a map and passes over all others; field k0 is the first."""
    names = {f"k{number}": key for number, key in enumerate(keys)}
    return msgspec.defstruct(name, [(field, kind, None) for field in names], rename=names)


def parse_item(qid: str, raw: Raw, role: str, languages: Sequence[str], also: Sequence[str] = ()) -> dict[str, Any]:
    """Return the row of an item, with the statements of KEPT and those asked for `also`.

    One that cannot be read becomes a row with status `broken` and the reason.
    """
    try:
        item = decoder(tuple(languages), tuple(also)).decode(raw)
        row = _row(qid, item, role, sorted({*languages, "en", "mul"}), kept(also))
    except UNREADABLE as error:
        status = "missing" if _says_missing(raw) else "broken"
        return empty_row(qid, role, status, "no such item" if status == "missing" else f"not an item: {error}")
    if item.missing is not UNSET:
        return empty_row(qid, role, "missing", "no such item")
    merged = item.redirects.to if isinstance(item.redirects, Redirects) else None
    if target := merged or (item.id if item.id != qid else None):
        return {**row, "status": "redirect", "redirect_qid": target, "reason": f"merged into {target}"}
    return row


class _Missing(Struct):
    missing: Any


def _says_missing(raw: Raw) -> bool:
    try:
        msgspec.json.decode(raw, type=_Missing)
    except UNREADABLE:
        return False
    return True


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


def parents_in_row(row: Mapping[str, Any], relations: Collection[str]) -> set[str]:
    """Return the ids one statement above an item as its row has it."""
    claims = row["claims"] if row["status"] == "ok" else []
    return {claim["value_qid"] for claim in claims if claim["value_qid"] and claim["property_id"] in relations}


def values_of(above: Any) -> Iterator[tuple[int, str]]:
    """Yield (number of the decoder's property, item) for each of an item's best statements that lead to an item."""
    for number, statements in enumerate(_values(above.claims)):
        for statement in _best(statements) if statements else ():
            if (qid := _qid(statement.mainsnak)) is not None:
                yield number, qid


def _row(qid: str, item: Any, role: str, wanted: Sequence[str], properties: Sequence[str]) -> dict[str, Any]:
    sitelinks = item.sitelinks if isinstance(item.sitelinks, dict) else {}
    enwiki = msgspec.json.decode(sitelinks["enwiki"], type=Sitelink).title if "enwiki" in sitelinks else None
    aliases = _values(item.aliases)
    return {
        "qid": qid, "status": "ok", "reason": None, "redirect_qid": None, "role": role, "revision": item.lastrevid,
        "modified_at": item.modified, "sitelink_count": len(sitelinks),
        "labels": _strings(item.labels, wanted), "descriptions": _strings(item.descriptions, wanted),
        "aliases": [
            {"language": language, "text": alias.value}
            for language, many in zip(wanted, aliases, strict=False) for alias in many or ()
        ],
        "claims": [
            _claim(pid, statement)
            for pid, many in zip(properties, _values(item.claims), strict=False) if many for statement in _best(many)
        ],
        "enwiki_title": enwiki,
    }  # fmt: skip


def _values(part: Any) -> tuple[Any, ...]:
    return msgspec.structs.astuple(part) if isinstance(part, Struct) else ()


def _strings(terms: Any, wanted: Sequence[str]) -> list[dict[str, str]]:
    found = zip(wanted, _values(terms), strict=False)
    return [{"language": language, "text": term.value} for language, term in found if term]


def _best(statements: Sequence[Statement]) -> list[Statement]:
    preferred = [statement for statement in statements if statement.rank == "preferred"]
    return preferred or [statement for statement in statements if statement.rank == "normal"]


def _qid(snak: Snak) -> str | None:
    value = snak.datavalue.value if snak.datavalue else None
    if snak.snaktype != "value" or not isinstance(value, Named):
        return None
    return value.id or (f"Q{value.number}" if value.number is not None and value.kind in ("item", None) else None)


def _claim(pid: str, statement: Statement) -> dict[str, Any]:
    snak, text, language = statement.mainsnak, None, None
    qid = _qid(snak)
    if snak.snaktype == "value" and qid is None and snak.datavalue:
        value = snak.datavalue.value
        text, language = (value, None) if isinstance(value, str) else (value.text, value.language)
    return {
        "statement_id": statement.id, "property_id": pid, "rank": statement.rank, "snak": snak.snaktype,
        "value_qid": qid, "value_text": text, "language": language,
    }  # fmt: skip
