"""A study as the text of its TOML file, and the report of a list of names as CSV.

Belongs here: what a drafted study says beside its scope. Does not belong here: what keys mean (studies/models.py).
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from entitynet_assets.draft.names import Match

SPARQL, API = "https://qlever.dev/api/wikidata", "https://www.wikidata.org/w/api.php"
RELATIONS = ("P279", "P171")
ITEMS_A_LINE = 10


@dataclass(frozen=True)
class Draft:
    """What is chosen of a study before it is written."""

    name: str
    title: str
    roots: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    language: str = "en"
    limit: int = 0
    contact: str = ""
    dump: str = ""

    def naming(self, items: Sequence[str]) -> Draft:
        """Return the same draft with these items."""
        return replace(self, items=tuple(items))


def study_text(draft: Draft) -> str:
    """Return the TOML of a study: its scope and source, searches on Commons, the demo's recipe."""
    languages = list(dict.fromkeys((draft.language, "en", "mul")))
    return f"""\
# Written by `entitynet study new`; every key is in docs/studies.md. Run it: entitynet run --study THIS_FILE
name = {_said(draft.name)}
title = {_said(draft.title)}
slices = 4

mixes = ["balanced"]
recipes = ["demo"]
benchmarks = []  # nothing is held out, so nothing is scored; add your own

[scope]
{_scope(draft)}
languages = {_said(languages)}
limit = {draft.limit}  # 0 is all

[graph]
{_graph(draft)}

[web]
contact = {_said(draft.contact)}  # may be empty where ENTITYNET_CONTACT is set

[queries]
kinds = ["noun", "taxon_name"]
per_entity = 2

[[providers]]
name = "commons"
pages = 1
per_page = 50
"""


def _scope(draft: Draft) -> str:
    if draft.roots:
        return f"roots = {_said(list(draft.roots))}\nrelations = {_said(list(RELATIONS))}\nmin_sitelinks = 5"
    rows = [draft.items[start : start + ITEMS_A_LINE] for start in range(0, len(draft.items), ITEMS_A_LINE)]
    items = "".join(f"  {', '.join(map(_said, row))},\n" for row in rows)
    return f"items = [\n{items}]\nrelations = {_said(['P31', *RELATIONS])}\nmin_sitelinks = 0  # a name in the list is reason enough"


def _graph(draft: Draft) -> str:
    if draft.dump:
        return f'source = "dump"\ndump = {_said(draft.dump)}'
    return f'source = "sparql"\nsparql = {_said(SPARQL)}\napi = {_said(API)}'


def _said(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False)


def report_text(matches: Sequence[Match]) -> str:
    """Return the CSV of what became of each name: one row a candidate, one for a name without any."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("name", "status", "qid", "label", "matched_by", "description"))
    for match in matches:
        for one in match.candidates:
            table.writerow((match.name, match.status, one.qid, one.label, one.by, one.description))
        if not match.candidates:
            table.writerow((match.name, match.status, "", "", "", ""))
    return out.getvalue()
