"""A folder of photographs that answers like a site, at `folder://<name>/...`: a search, a held-out manifest, the pictures.

Belongs here: reading trees of class folders, the held-out share, search by class name, validators of a picture.
Does not belong here: the door (web.py), which folders a study has (studies/), where they lie (resources.py).

A folder that holds pictures is a class, and its name a search text. A table of classes may map it to a Wikidata item, whose
label is then a search text too. A fixed share of each class is held out: in the manifest, and never in an answer to a search.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import quote

from entitynet_assets.studies.models import StudyError

SCHEME = "folder"
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".avif")
Classes = Mapping[tuple[str, str], tuple[str, str]]  # (data set or "", folder) -> (item, label)


@dataclass(frozen=True)
class Reply:
    """What the site answers, in the terms of HTTP."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Photograph:
    """One picture: where it lies, its address below /pictures/, its class folder and the item that folder is mapped to."""

    file: Path
    tree: Path
    path: str
    folder: str
    qid: str | None = None
    label: str | None = None

    @property
    def class_name(self) -> str:
        """What the held-out share is taken of: all folders of one item, or of one name."""
        return self.qid or normal_name(self.folder)

    @property
    def names(self) -> set[str]:
        """The search texts that find it."""
        return {normal_name(self.folder)} | ({normal_name(self.label)} if self.qid and self.label else set())


class FolderSite:
    """The site of one `[[folders]]` section; `trees` maps the name of a tree in addresses to its folder."""

    def __init__(self, name: str, trees: Mapping[str, Path], classes: Path | None, held_out_share: float) -> None:
        self.name, self.trees, self.classes, self.held_out_share = name, dict(trees), classes, held_out_share

    def answer(self, path: str, params: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
        """Answer a request for a path of this site; what it cannot do is a status, as on the web."""
        if path == "/search":
            return self._search(params)
        if path == "/manifest.json":
            return _json(
                {"images": [self._held_out_entry(one) for one in self.photographs if one.path in self.held_out]}
            )
        if path.startswith("/pictures/"):
            return self._picture(path.removeprefix("/pictures/"), headers)
        return Reply(404)

    @cached_property
    def photographs(self) -> tuple[Photograph, ...]:
        """All pictures of all trees, in the order of their addresses."""
        known = read_classes(self.classes) if self.classes else {}
        found = [one for label, tree in self.trees.items() for one in _photographs(label, tree, known)]
        return tuple(sorted(found, key=lambda one: one.path))

    @cached_property
    def held_out(self) -> frozenset[str]:
        """Addresses of the held-out pictures; where there is a table of classes, only what it maps is held out."""
        by_class: dict[str, list[str]] = {}
        for one in self.photographs:
            if one.qid or not self.classes:
                by_class.setdefault(one.class_name, []).append(one.path)
        return frozenset(path for paths in by_class.values() for path in held_out_part(paths, self.held_out_share))

    @cached_property
    def _offered(self) -> dict[str, list[Photograph]]:
        """Pictures by search text; in the order of a hash, so that a short page shows all folders of a class alike."""
        found: dict[str, list[Photograph]] = {}
        for one in sorted(self.photographs, key=lambda one: _mixed(one.path)):
            for name in one.names if one.path not in self.held_out else ():
                found.setdefault(name, []).append(one)
        return found

    def _search(self, params: Mapping[str, str]) -> Reply:
        try:
            page, per_page = int(params.get("page", "1")), int(params.get("per_page", "50"))
        except ValueError:
            return Reply(400)
        found = self._offered.get(normal_name(params.get("q", "")), [])
        first = max(page - 1, 0) * max(per_page, 0)
        shown = enumerate(found[first : first + max(per_page, 0)], first + 1)
        results = [{"rank": rank, "image_url": self._address(one), "title": None, "alt": None} for rank, one in shown]
        return _json({"query": params.get("q", ""), "total": len(found), "results": results})

    def _address(self, one: Photograph) -> str:
        return f"{SCHEME}://{self.name}/pictures/{quote(one.path)}"

    def _held_out_entry(self, one: Photograph) -> dict[str, str]:
        named = {"qid": one.qid or one.folder, "label": one.label or one.folder}
        return {"image_url": self._address(one), **named, "class": f"{PurePosixPath(one.path).parts[0]}/{one.folder}"}

    def _picture(self, path: str, headers: Mapping[str, str]) -> Reply:
        one = self._by_path.get(path)
        if one is None:
            return Reply(403 if ".." in PurePosixPath(path).parts else 404)
        if not one.file.resolve().is_relative_to(one.tree.resolve()):
            return Reply(403)
        try:
            content, modified_s = one.file.read_bytes(), int(one.file.stat().st_mtime)
        except FileNotFoundError:
            return Reply(404)
        except OSError:
            return Reply(403)
        return _with_validators(content, modified_s, {name.lower(): value for name, value in headers.items()})

    @cached_property
    def _by_path(self) -> dict[str, Photograph]:
        return {one.path: one for one in self.photographs}


def normal_name(text: str) -> str:
    """Return the form in which a folder's name, a label and a search text meet: no case, blanks for _ and -."""
    return " ".join(re.split(r"[\s_\-]+", unicodedata.normalize("NFC", text).casefold())).strip()


def held_out_part(paths: Sequence[str], share: float) -> list[str]:
    """Return the held-out share of a class: the first by hash, at least one of two, never all."""
    if len(paths) < 2 or share <= 0:
        return []
    count = min(max(1, int(share * len(paths) + 0.5)), len(paths) - 1)
    return sorted(paths, key=_mixed)[:count]


def tree_names(trees: Sequence[str]) -> dict[str, str]:
    """Return the trees of a study by their names in addresses: as written, or the last part of one that says where it lies.

    Raises StudyError if two would have one name.
    """
    named: dict[str, str] = {}
    for tree in trees:
        path = PurePosixPath(tree)
        name = path.name if path.is_absolute() or ".." in path.parts else str(path)
        if named.setdefault(name, tree) != tree:
            raise StudyError(
                f"folders.trees: found {named[name]!r} and {tree!r}; allowed: trees whose last parts differ"
            )
    return named


def read_classes(table: Path) -> Classes:
    """Return the rows of a table of classes (tab-separated: folder, qid, label, perhaps dataset) that name an item.

    Raises StudyError if a column is missing.
    """
    with table.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, delimiter="\t")
        if lacking := {"folder", "qid", "label"} - set(rows.fieldnames or ()):
            raise StudyError(
                f"folders.classes: {table.name} has no column {sorted(lacking)}; needed: folder, qid, label"
            )
        return {(row.get("dataset") or "", row["folder"]): (row["qid"], row["label"]) for row in rows if row["qid"]}


def _photographs(label: str, tree: Path, classes: Classes) -> Iterator[Photograph]:
    """Yield the pictures of a tree; a link that leads out of it is left out, and folders are not followed through links."""
    inside = tree.resolve()
    for folder, _, files in os.walk(tree):
        place, rest = Path(folder), Path(folder).relative_to(tree)
        item = _mapped(label, place.name, classes)
        for name in files:
            file = place / name
            if file.suffix.lower() in ENDINGS and (not file.is_symlink() or file.resolve().is_relative_to(inside)):
                yield Photograph(
                    file, tree, (PurePosixPath(label) / rest.as_posix() / name).as_posix(), place.name, *item
                )


def _mapped(label: str, folder: str, classes: Classes) -> tuple[str | None, str | None]:
    for data_set in (*PurePosixPath(label).parts, ""):
        if (data_set, folder) in classes:
            return classes[data_set, folder]
    return None, None


def _mixed(path: str) -> str:
    return hashlib.sha256(path.encode()).hexdigest()


def _json(value: object) -> Reply:
    return Reply(200, json.dumps(value).encode(), {"content-type": "application/json"})


def _with_validators(content: bytes, modified_s: int, asked: Mapping[str, str]) -> Reply:
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    headers = {"etag": tag, "last-modified": format_datetime(datetime.fromtimestamp(modified_s, UTC), usegmt=True)}
    known = asked.get("if-none-match")
    same = known == tag if known else _not_since(asked.get("if-modified-since", ""), modified_s)
    return Reply(304, b"", headers) if same else Reply(200, content, headers)


def _not_since(stated: str, modified_s: int) -> bool:
    try:
        return parsedate_to_datetime(stated).timestamp() >= modified_s
    except (ValueError, TypeError, IndexError):
        return False
