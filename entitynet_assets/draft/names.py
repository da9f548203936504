"""A list of names held against items: read from a file, matched by id, label, taxon name, common name or alias.

Belongs here: reading the list, the rule which item a name means. Does not belong here: where items come from (lookup.py).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from entitynet_assets.studies.models import StudyError

HEADINGS = {"name", "names", "label", "species", "taxon", "scientific name", "scientific_name", "scientificname"}
RANK = {
    "id": 0,
    "label": 0,
    "taxon_name": 0,
    "common_name": 1,
    "alias": 2,
}  # what a name is said by: the lower, the surer
PAGES = {"Q4167410", "Q4167836", "Q11266439", "Q13406463"}  # disambiguations, categories, templates, lists: no things
QID = re.compile(r"Q[1-9]\d*")
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """An item that a name may mean, and what of the item says so."""

    qid: str
    label: str
    description: str
    by: str


@dataclass(frozen=True)
class Match:
    """A name with its one item, with several that are as sure, or with none."""

    name: str
    candidates: tuple[Candidate, ...]

    @property
    def status(self) -> Literal["matched", "ambiguous", "unmatched"]:
        """Say what became of the name."""
        return "matched" if len(self.candidates) == 1 else "ambiguous" if self.candidates else "unmatched"


def read_names(path: Path) -> list[str]:
    """Return the first column of a CSV, or the lines of a text, each name once. Raises StudyError if there is none."""
    if not path.is_file():
        raise StudyError(f"--names: no file {path}; name a CSV or a text with one name a line")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            cells = [" ".join(row[0].split()) for row in csv.reader(lines) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"--names: {path} is no UTF-8 text ({error}); save it as CSV in UTF-8") from error
    if cells and cells[0].casefold() in HEADINGS:
        cells = cells[1:]
    names = list({folded(cell): cell for cell in reversed(cells) if cell}.values())[::-1]
    if not names:
        raise StudyError(f"--names: {path} holds no name; write one name a line, or the names in the first column")
    return names


def folded(name: str) -> str:
    """Return a name as it is compared: one spelling of accents, single spaces, no case."""
    return " ".join(unicodedata.normalize("NFC", name).split()).casefold()


def names_of(row: Row) -> dict[str, str]:
    """Return what an item is called, as it is compared, with the surest thing that says so."""
    said = [("id", row["qid"])] + [("label", one["text"]) for one in row["labels"]]
    said += [
        ({"P225": "taxon_name", "P1843": "common_name"}[claim["property_id"]], claim["value_text"])
        for claim in row["claims"]
        if claim["property_id"] in ("P225", "P1843") and claim["value_text"]
    ]
    said += [("alias", one["text"]) for one in row["aliases"]]
    found: dict[str, str] = {}
    for by, text in sorted(said, key=lambda one: RANK[one[0]]):
        found.setdefault(folded(text), by)
    return found


def match_names(names: Sequence[str], rows: Iterable[Row]) -> list[Match]:
    """Return what each name means: the items that say it most surely. Two as sure make it ambiguous; pages are no items."""
    meant: dict[str, list[Candidate]] = {folded(name): [] for name in names}
    for row in rows:
        kinds = {claim["value_qid"] for claim in row["claims"] if claim["property_id"] == "P31"}
        if row["status"] == "ok" and not kinds & PAGES:
            for name, by in names_of(row).items():
                if name in meant:
                    meant[name].append(_candidate(row, by))
    return [Match(name, _surest(meant[folded(name)])) for name in names]


def _surest(found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    best = min((RANK[one.by] for one in found), default=0)
    return tuple(sorted((one for one in found if RANK[one.by] == best), key=lambda one: (len(one.qid), one.qid)))


def _candidate(row: Row, by: str) -> Candidate:
    taxon = [
        {"text": claim["value_text"]}
        for claim in row["claims"]
        if claim["property_id"] == "P225" and claim["value_text"]
    ]
    label = next((one["text"] for one in [*_english(row["labels"]), *taxon]), row["qid"])
    return Candidate(row["qid"], label, next((one["text"] for one in _english(row["descriptions"])), ""), by)


def _english(texts: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    return sorted(texts, key=lambda one: {"en": 0, "mul": 1}.get(one["language"], 2))
