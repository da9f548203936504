"""From a word to its tree: looks the word up, reads its rows, hangs the branches, says what is not made yet.

Belongs here: the order of branches. Does not belong here: queries (find.py, reading.py), what a branch says.
"""

from __future__ import annotations

from collections.abc import Iterator

from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.trace.entity import entity_tree, left_out_tree
from entitynet_assets.trace.fate import (
    caption_branches,
    checkpoint_branch,
    held_out_branch,
    packed_branch,
    verdict_branch,
)
from entitynet_assets.trace.find import find
from entitynet_assets.trace.origin import address_branch, entity_branch, picture_words, search_branches
from entitynet_assets.trace.reading import Rows, checkpoint_rows, entity_facts, entity_rows, picture_rows, url_rows
from entitynet_assets.trace.releases import release_branches, takedown_branches
from entitynet_assets.trace.tree import Branch, TraceError, branch, not_made

SHOWN_PICTURES = 5
ENTITY_TABLES = ("queries", "hits", "downloads", "kept_images", "entity_report", "entity_scores")


def answer(shelf: Shelf, word: str) -> Branch:
    """Return the tree of what a word names. Raises TraceError if it names nothing or several things."""
    if shelf.lacks("wikidata_items"):
        raise TraceError(
            f"nothing of study {shelf.study.name} is made in {shelf.lake.root}; run `entitynet run --study {shelf.study.name}` first"
        )
    found = find(shelf, word)
    if found.kind == "entity":
        return _entity(shelf, found.keys[0])
    if found.kind == "picture":
        return _picture(shelf, found.keys[0])
    trees = [_address(shelf, url_id) for url_id in found.keys]
    return (
        trees[0]
        if len(trees) == 1
        else branch("page", f"{word}: a page with {len(trees)} pictures", {"url": word}, trees)
    )


def _entity(shelf: Shelf, qid: str) -> Branch:
    rows = entity_rows(shelf, qid, SHOWN_PICTURES)
    if not rows["entities"] and not shelf.lacks("entities"):
        return left_out_tree(qid, rows)
    return entity_tree(qid, rows, list(_missing(shelf, ("entities", *ENTITY_TABLES))))


def _missing(shelf: Shelf, tables: tuple[str, ...], identifier: str = "") -> Iterator[Branch]:
    """Yield the first of these tables that is not made yet: what comes after it cannot be there either."""
    lacking = [table for table in tables if shelf.lacks(table, identifier)]
    yield from (not_made(table, shelf.study.name) for table in lacking[:1])


def _address(shelf: Shelf, url_id: str) -> Branch:
    rows = url_rows(shelf, url_id)
    if not rows["downloads"]:  # hits are there, urls not yet
        first = rows["hits"][0]
        return branch(
            "address",
            first["image_url"],
            {"url_id": url_id},
            [*_origins(shelf, rows, []), not_made("urls", shelf.study.name)],
        )
    row = rows["downloads"][0]
    if row["image_id"]:
        return address_branch(row, [_picture(shelf, row["image_id"])])
    end = [] if row["outcome"] else list(_missing(shelf, ("downloads",), url_id))
    if row["outcome"]:
        end = [
            branch(
                "end",
                f"the trail ends here: {row['outcome']}, so there is no picture",
                {"outcome": row["outcome"]},
                grade="bad",
            )
        ]
    return address_branch(row, [*_origins(shelf, rows, []), *end])


def _picture(shelf: Shelf, image_id: str) -> Branch:
    rows = picture_rows(shelf, image_id)
    held = [held_out_branch(rows["held_out"], rows["leaks"], rows["predictions"])] if rows["held_out"] else []
    if held and not rows["downloads"]:
        origin = _entities(shelf, [row["class_id"] for row in rows["held_out"]], [])
        return branch("picture", f"picture {image_id[:12]}", {"image_id": image_id}, [*origin, *held])
    known = rows["picture"]
    words = picture_words(known[0]) if known else f"picture {image_id[:12]}"
    facts = {
        "image_id": image_id,
        **{name: known[0][name] for name in ("format", "path", "url_count", "round") if known},
    }
    addresses = [address_branch(row) for row in rows["downloads"]]
    return branch(
        "picture",
        words,
        facts,
        [*_origins(shelf, rows, rows["links"]), *addresses, *held, *_fate(shelf, image_id, rows)],
    )


def _origins(shelf: Shelf, rows: Rows, links: list[Row]) -> list[Branch]:
    imported = [row for row in rows["hits"] if row["qid"] is None]
    qids = [row["qid"] for row in (*rows["hits"], *links) if row["qid"]]
    return [*search_branches(imported), *_entities(shelf, list(dict.fromkeys(qids)), rows["hits"], links)]


def _entities(shelf: Shelf, qids: list[str], hits: list[Row], links: list[Row] | None = None) -> list[Branch]:
    facts = entity_facts(shelf, qids)
    named = {row["qid"] for row in links or () if row["evidence"] == "text"}
    return [
        entity_branch(qid, facts, search_branches([row for row in hits if row["qid"] == qid]),
                      "its name stands in a text of the picture" if qid in named else "")
        for qid in qids
    ]  # fmt: skip


def _fate(shelf: Shelf, image_id: str, rows: Rows) -> Iterator[Branch]:
    """Yield what became of a harvested picture, up to where the trail ends or nothing is made yet."""
    study = shelf.study.name
    yield from takedown_branches(shelf.lake, image_id)
    if rows["tombstones"] and rows["tombstones"][0]["purged"]:
        return
    if not rows["verdicts"]:
        yield from list(_missing(shelf, ("images", "verdicts"), image_id)) or [not_made("verdicts", study)]
        return
    yield verdict_branch(rows["verdicts"])
    kept = all(row["verdict"] != "reject" for row in rows["verdicts"])
    if kept and (lacking := list(_missing(shelf, ("kept_images", "samples", "shards"), image_id))):
        yield from lacking
        return
    if not kept and not rows["packed"]:
        return
    yield packed_branch(rows["packed"], rows["tombstones"])
    yield from release_branches(shelf, image_id, rows["packed"])
    yield from _missing(shelf, ("release", "caption_mixes"))
    known = {row["mix"] for row in rows["mixes"]}
    mixes = [mix.caption_mix() for mix in shelf.study.mixes if mix.name in known]
    captions = caption_branches(rows["texts"], rows["refused_texts"], mixes)
    yield from captions
    drawn = {one.facts["mix"]: bool(one.facts["shares"]) for one in captions if one.kind == "mix"}
    trained = checkpoint_rows(shelf, image_id)
    yield from (checkpoint_branch(row, drawn.get(row["mix"], True)) for row in trained)
    yield from () if trained else [not_made("checkpoints", study)]
