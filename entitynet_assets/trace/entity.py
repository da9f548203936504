"""The tree of an entity: its place in the graph, its names and searches, what became of its harvest, how well it is known.

Belongs here: pure functions from rows to branches. Does not belong here: queries (reading.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from entitynet_assets.trace.fate import plain_reason
from entitynet_assets.trace.origin import entity_branch, quoted
from entitynet_assets.trace.tree import Branch, Row, branch, counted, percent, said, short

STAGES = ("queries", "hits", "urls", "downloaded", "images", "kept", "rejected")
SHOWN_CONFUSIONS = 4
Rows = Mapping[str, Sequence[Row]]


def entity_tree(qid: str, rows: Rows, missing: Sequence[Branch]) -> Branch:
    """Return the tree of an item that is an entity of the study."""
    return entity_branch(qid, rows, [
        *_names(rows["texts"]), _searches(rows["queries"]), *_harvest(rows), *_pictures(rows), *_scores(rows["scores"]),
        *_confusions(qid, rows["confusions"]), *_plan(rows["plan"]), *missing,
    ])  # fmt: skip


def left_out_tree(qid: str, rows: Rows) -> Branch:
    """Return the tree of an item that was asked for and is no entity, with the reason."""
    item = rows["item"][0]
    why = [branch("finding", f"{row['finding']}: {row['detail']}", dict(row), grade="bad") for row in rows["findings"]]
    if item["redirect_qid"]:
        why.append(
            branch(
                "redirect",
                f"merged into {item['redirect_qid']}; trace that",
                {"qid": item["redirect_qid"]},
                grade="note",
            )
        )
    ends = why or [branch("finding", "asked for to name a value of a statement, no member of the scope", grade="note")]
    return branch(
        "item",
        f"{item['label']} ({qid}): read from Wikidata, but no entity of this study; the trail ends here",
        dict(item),
        ends,
        "note",
    )


def _names(texts: Sequence[Row]) -> list[Branch]:
    by_kind: dict[str, list[str]] = {}
    for row in texts:
        by_kind.setdefault(row["kind"], []).append(row["text"])
    below = [
        branch("name", f"{kind}: {', '.join(map(quoted, found))}", {"kind": kind, "texts": found})
        for kind, found in by_kind.items()
    ]
    return [branch("names", counted(len(texts), "text"), {"count": len(texts)}, below)] if below else []


def _searches(queries: Sequence[Row]) -> Branch:
    below = [
        branch("query", f"search {quoted(row['text'])}, {row['kind']}: {counted(row['hit_count'], 'hit')}",
               {name: row[name] for name in ("query_id", "text", "kind", "priority", "hit_count")})
        for row in queries
    ]  # fmt: skip
    return branch("queries", counted(len(queries), "search", "searches"), {"count": len(queries)}, below)


def _harvest(rows: Rows) -> list[Branch]:
    made = []
    for row in rows["report"]:
        words = " -> ".join(f"{row[name]:,} {name}" for name in STAGES[:-1]) + f", {row['rejected']:,} rejected"
        made.append(branch("report", words, {name: row[name] for name in STAGES}))
    failed = [
        branch(
            "outcome",
            f"{row['outcome']}: {row['count']:,}",
            dict(row),
            grade="good" if row["outcome"] == "ok" else "bad",
        )
        for row in rows["outcomes"]
    ]
    return made + ([branch("downloads", "addresses by what came of asking", {}, failed)] if failed else [])


def _pictures(rows: Rows) -> list[Branch]:
    refused = [branch("reason", _refusal(row), dict(row), grade="bad") for row in rows["rejected"]]
    kept = [
        branch("picture", f"{short(row['image_id'])}, {row['path']}", dict(row), grade="good") for row in rows["kept"]
    ]
    return [branch(kind, words, {}, below) for kind, words, below in
            (("rejected", "rejected pictures by reason", refused), ("kept", "kept pictures, the first few", kept)) if below]  # fmt: skip


def _refusal(row: Row) -> str:
    reason, examples = plain_reason(row["reason"] or "no reason"), ", ".join(map(short, row["images"]))
    return f"{row['rule']}, {reason}: {row['count']:,}, such as {examples}"


def _scores(scores: Sequence[Row]) -> list[Branch]:
    return [
        branch("score", said(f"{row['recipe']} step {row['step']}, {row['benchmark']}: recall {percent(row['recall'])}",
                             f"mean rank {row['mean_rank']:.1f}", f"over {counted(row['count'], 'picture')}"), dict(row))
        for row in scores
    ]  # fmt: skip


def _confusions(qid: str, confusions: Sequence[Row]) -> list[Branch]:
    taken = [row for row in confusions if row["class_id"] == qid]
    others = [row for row in confusions if row["class_id"] != qid]
    below = [
        _confusion(row, f"taken for {row['predicted']} ({row['predicted_class_id']})")
        for row in taken[:SHOWN_CONFUSIONS]
    ]
    below += [_confusion(row, f"{row['label']} ({row['class_id']}) taken for it") for row in others[:SHOWN_CONFUSIONS]]
    return [branch("confusions", "what it is confused with", {"count": len(confusions)}, below)] if below else []


def _confusion(row: Row, words: str) -> Branch:
    near = "no common ancestor" if row["kinship"] is None else f"{counted(row['kinship'], 'statement')} apart"
    return branch("confusion", f"{words}: {counted(row['count'], 'picture')} by {row['recipe']}, {near}", dict(row))


def _plan(plan: Sequence[Row]) -> list[Branch]:
    return [
        branch(
            "plan",
            f"next round: {row['reason'].replace('_', ' ')}, {counted(row['extra_queries'], 'more search', 'more searches')}",
            dict(row),
        )
        for row in plan
    ]
