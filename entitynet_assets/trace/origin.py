"""Where a picture comes from: the entities it may show with their place in the graph, the searches, the addresses.

Belongs here: pure functions from rows to branches. Does not belong here: what became of the picture (fate.py), queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from entitynet_assets.trace.tree import Branch, Row, branch, counted, said, short

Rows = Mapping[str, Sequence[Row]]
PROPERTIES = {
    "P31": "instance of", "P279": "subclass of", "P171": "parent taxon",
    "P462": "colour", "P186": "material", "P527": "has part", "P2670": "has parts of the class", "P1419": "shape", "P2974": "habitat",
}  # fmt: skip
SHOWN_SEARCHES = 12
QUOTED = 120  # characters of a text from the web


def entity_branch(qid: str, facts: Rows, below: Iterable[Branch] = (), note: str = "") -> Branch:
    """Return an entity with its line to the root and what it is said to look like."""
    found = next((row for row in facts["entities"] if row["qid"] == qid), None)
    name = found["label"] if found else name_of(qid, facts["edges"])
    words = said(f"{name} ({qid})", (found or {}).get("description"), note, by=": ") if found else said(
        f"{name} ({qid})", "no entity of this study any more", note, by=": ")  # fmt: skip
    root = found["root_qid"] if found else None
    kept = {
        key: (found or {}).get(key)
        for key in ("label", "description", "natural_type", "root_qid", "root_label", "sitelink_count")
    }
    statements = [*line_to_root(qid, root, facts["edges"]), *_looks(qid, facts)]
    return branch("entity", words, {"qid": qid, **kept}, [*statements, *below])


def name_of(qid: str, edges: Sequence[Row]) -> str:
    """Return an item's name, or its id."""
    return next((row["label"] for row in edges if row["qid"] == qid), qid)


def line_to_root(qid: str, root: str | None, edges: Sequence[Row]) -> list[Branch]:
    """Return the shortest line of statements from an item up to its root, if there is one."""
    steps = shortest_line(qid, root, edges)
    if not steps:
        return []
    words = name_of(qid, edges) + "".join(
        f" -> {PROPERTIES.get(step['property_id'], step['property_id'])} {name_of(step['value_qid'], edges)}"
        for step in steps
    )
    facts = {
        "distance": len(steps),
        "path": [{key: step[key] for key in ("qid", "property_id", "value_qid")} for step in steps],
    }
    return [branch("line", f"{words} ({root}), {counted(len(steps), 'statement')}", facts)]


def shortest_line(qid: str, root: str | None, edges: Sequence[Row]) -> list[Row]:
    """Return the statements of the shortest way up; of equal ways the first in the order of the rows."""
    came: dict[str, Row | None] = {qid: None}
    todo = [qid]
    for at in todo:
        for edge in edges:
            above = edge["value_qid"]
            if edge["qid"] == at and above and above not in came:
                came[above] = edge
                todo.append(above)
    steps: list[Row] = []
    at = root if root in came else None
    while at and (edge := came[at]):
        steps.insert(0, edge)
        at = edge["qid"]
    return steps


def _looks(qid: str, facts: Rows) -> list[Branch]:
    """Return how the entity looks, one branch for each property or category, who says so and where."""
    said_by: dict[tuple[str, str, str], list[Row]] = {}
    for row in facts["attributes"]:
        if row["qid"] == qid:
            said_by.setdefault((row["source"], row["source_qid"], row["property_id"] or row["category"]), []).append(
                row
            )
    return [_look(rows, facts["edges"]) for rows in said_by.values()]


def _look(rows: Sequence[Row], edges: Sequence[Row]) -> Branch:
    first = rows[0]
    name = first["property_id"]
    title = f"{PROPERTIES.get(name, first['category'])} ({name})" if name else first["category"]
    where = {
        "inherited": f"inherited from {name_of(first['source_qid'], edges)} ({first['source_qid']})",
        "mined": "read in its description",
        "generated": "said by a language model",
    }.get(first["source"])
    words = f"{title}: {', '.join(row['value'] for row in rows)}" + (f"; {where}" if where else "")
    same = ("property_id", "category", "source", "source_qid", "distance")
    many = ("value", "value_qid", "statement_id", "rank")
    return branch(
        "statement" if name else "attribute", words,
        {**{key: first[key] for key in same}, "values": [{key: row[key] for key in many} for row in rows]},
    )  # fmt: skip


def search_branches(hits: Sequence[Row]) -> list[Branch]:
    """Return the searches that lead to an address or picture, each with its hits."""
    searches: dict[tuple[str, str], list[Row]] = {}
    for row in hits:
        searches.setdefault((row["query_id"], row["query_text"]), []).append(row)
    made = [_search(text, rows) for (_, text), rows in searches.items()]
    rest = len(made) - SHOWN_SEARCHES
    return made[:SHOWN_SEARCHES] + (
        [branch("more", f"and {counted(rest, 'more search', 'more searches')}", {"count": rest})] if rest > 0 else []
    )


def _search(text: str, rows: Sequence[Row]) -> Branch:
    first = rows[0]
    asked = f"search {quoted(text)}" if first["qid"] else "row of a table that no search took"
    words = said(asked, first["query_kind"], "no longer asked" if first["retired"] else None)
    facts = {
        "query_id": first["query_id"],
        "text": text,
        "query_kind": first["query_kind"],
        "retired": first["retired"],
    }
    return branch("query", words, facts, [_hit(row) for row in rows])


def _hit(row: Row) -> Branch:
    texts = said(
        row["alt_text"] and f"alt text {quoted(row['alt_text'])}",
        row["title"] and f"title {quoted(row['title'])}",
        row["page_text"] and f"described as {quoted(row['page_text'])}",
    )
    place = said(
        f"{row['provider']}, {row.get('source') or 'page ' + str(row['page'])}, rank {row['rank']}",
        row["page_url"] and f"on {row['page_url']}",
    )
    words = said(place, texts, by=": ")
    names = (
        "provider",
        "page",
        "rank",
        "alt_text",
        "page_text",
        "title",
        "image_url",
        "page_url",
        "licence",
        "licence_url",
        "author",
        "source",
        "url_id",
    )
    return branch("hit", words, {name: row.get(name) for name in names})


def address_branch(row: Row, below: Iterable[Branch] = ()) -> Branch:
    """Return an address with what came of asking for it and who is said to own the picture."""
    owner = (
        said(row["licence"] and f"licence {row['licence']}", row["author"] and f"by {row['author']}")
        or "no licence and no author stated"
    )
    rights = branch("rights", said(owner, row["landing_url"] and f"page {row['landing_url']}"),
                    {name: row[name] for name in ("licence", "author", "landing_url")})  # fmt: skip
    grade = "note" if row["outcome"] is None else "good" if row["outcome"] == "ok" else "bad"
    names = ("url_id", "image_url", "host", "hit_count")
    return branch(
        "address", row["image_url"], {name: row[name] for name in names}, [_download(row, grade), rights, *below]
    )


def _download(row: Row, grade: Any) -> Branch:
    if row["outcome"] is None:
        return branch("download", "not asked yet", {"outcome": None}, grade=grade)
    status = row["http_status"] and f"HTTP {row['http_status']}"
    sized = row["size_bytes"] and counted(row["size_bytes"], "byte")
    words = said(row["outcome"], status, row["reason"], row["content_type"], sized, counted(row["tries"], "try", "tries"),
                 f"asked {row['fetched_at']} in round {row['asked_round']}", row["etag"] and f"etag {row['etag'][:20]}")  # fmt: skip
    names = ("outcome", "reason", "http_status", "content_type", "size_bytes", "image_id", "etag", "last_modified", "round",
             "asked_round", "tries", "fetched_at")  # fmt: skip
    return branch("download", words, {name: row[name] for name in names}, grade=grade)


def quoted(text: str) -> str:
    """Return a text from the web in quotation marks, without line breaks or control characters, cut where it is long."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"“{plain if len(plain) <= QUOTED else plain[: QUOTED - 1] + '…'}”"


def picture_words(row: Row) -> str:
    """Return what a picture is."""
    size = f"{row['format']}, {row['original_width_px']} x {row['original_height_px']} px, {counted(row['size_bytes'], 'byte')}"
    return (
        f"picture {short(row['image_id'])}: {size}, stored {row['width_px']} x {row['height_px']} px as {row['path']}"
    )
