"""What became of a picture: verdicts, its place in a tar, the words it may be shown with, the models that were given it.

Belongs here: pure functions from rows to branches. Does not belong here: where it comes from (origin.py), queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entitynet_assets.trace.origin import quoted
from entitynet_assets.trace.tree import Branch, Row, branch, counted, percent, said, short
from entitynet_train.spec import TEXT_SOURCES, Candidate, CaptionMix, picture_chances

MEASURES = {  # what a rule measures, and how that stands to its threshold where the picture is kept
    "size": ("shorter side", "px", "at least"), "aspect": ("longer to shorter side", "", "at most"),
    "blank": ("entropy", "bits", "at least"), "placeholder": ("addresses that serve it", "", "fewer than"),
    "duplicate": ("differing bits", "", "more than"), "leak": ("differing bits", "", "more than"),
    "relevance": ("cosine to the entity's best name", "", "at least"), "text": ("texts that say something", "", "at least"),
    "unwanted": ("cosine over the contrast", "", "less than"), "people": ("cosine over the contrast", "", "less than"),
    "blocklist": ("differing bits", "", "more than"),
}  # fmt: skip
ALIKE = ("cosine to a held-out picture", "", "less than")  # of a leak that no hash gives away
SHOWN_TEXTS = 4


def verdict_branch(verdicts: Sequence[Row]) -> Branch:
    """Return what the rules say of a picture, those that reject it first."""
    ranked = sorted(verdicts, key=lambda row: (row["verdict"] != "reject", row["verdict"] == "not_judged", row["rule"]))
    refused = [row["rule"] for row in verdicts if row["verdict"] == "reject"]
    words = (
        f"rejected by {', '.join(refused)}; the trail ends here"
        if refused
        else f"kept: none of {counted(len(verdicts), 'rule')} rejects it"
    )
    return branch(
        "verdicts",
        words,
        {"kept": not refused, "rejected_by": refused},
        map(_verdict, ranked),
        "bad" if refused else "good",
    )


def _verdict(row: Row) -> Branch:
    grade = {"keep": "good", "reject": "bad"}.get(row["verdict"], "note")
    words = said(f"{row['rule']}: {row['verdict']}", row["reason"] and plain_reason(row["reason"]), measured(row))
    names = ("rule", "verdict", "reason", "measure", "threshold")
    return branch("verdict", words, {name: row[name] for name in names}, grade=grade)  # pyright: ignore[reportArgumentType]


def plain_reason(reason: str) -> str:
    """Return a reason with the picture it names cut to what can be read and traced."""
    head, _, last = reason.rpartition("_")
    return f"{head}_{short(last)}" if len(last) == 64 else reason


def measured(row: Row) -> str | None:
    """Return a verdict's measure against its threshold in words, None where nothing was measured."""
    what, unit, bound = MEASURES.get(row["rule"], ("measure", "", "threshold"))
    if (row["reason"] or "").startswith("looks_held_out"):
        what, unit, bound = ALIKE
    if row["measure"] is None:
        return None
    figure = said(f"{row['measure']:.4g}", unit, by=" ")
    limit = f", kept with {bound} {row['threshold']:.4g}" if row["threshold"] is not None else ""
    return f"{what} {figure}{limit}"


def packed_branch(packed: Sequence[Row], tombstones: Sequence[Row]) -> Branch:
    """Return the picture's place in a tar, and whether loaders skip it."""
    if not packed:
        return branch("packed", "in no tar", {"shard": None}, grade="note")
    row = packed[0]
    gone = [
        f"taken down: {one['reason']}" + (f", asked by {one['requested_by']}" if one["requested_by"] else "")
        for one in tombstones
    ]
    gone += ["no longer kept"] if row["not_kept"] else []
    words = said(f"tar {row['shard']}, place {row['shard_index']} of {row['sample_count'] or 'a tar that is not written yet'}",
                 row["tar_path"], row["release_id"] and f"release {row['release_id']}")  # fmt: skip
    below = [branch("skipped", f"loaders skip it: {'; '.join(gone)}", {"reasons": gone}, grade="bad")] if gone else []
    names = ("shard", "shard_index", "sample_count", "tar_path", "tar_sha256", "release_id")
    return branch(
        "packed",
        words,
        {**{name: row[name] for name in names}, "skipped": bool(gone)},
        below,
        "bad" if gone else "good",
    )


def caption_branches(texts: Sequence[Row], refused: Sequence[Row], mixes: Sequence[CaptionMix]) -> list[Branch]:
    """Return the texts of a picture, those that cleaning refused, and what each mix draws, by the rule that the loader draws by."""
    said_by: dict[str, dict[str, None]] = {}
    for row in texts:
        said_by.setdefault(row["source"], {})[row["text"]] = None
    total = sum(map(len, said_by.values()))
    below = [
        branch("text", _listed(source, list(found)), {"source": source, "texts": list(found)})
        for source, found in said_by.items()
    ]
    for row in refused:
        words = f"{row['source']} refused for {row['reason'].replace('_', ' ')}: {quoted(row['text'])}"
        below.append(
            branch("refused_text", words, {name: row[name] for name in ("source", "reason", "text")}, grade="note")
        )
    return [branch("texts", counted(total, "text"), {"count": total}, below)] + [_mix(mix, texts) for mix in mixes]


def _listed(source: str, found: Sequence[str]) -> str:
    rest = len(found) - SHOWN_TEXTS
    return f"{source}: {', '.join(map(quoted, found[:SHOWN_TEXTS]))}" + (f" and {rest} more" if rest > 0 else "")


def _mix(mix: CaptionMix, texts: Sequence[Row]) -> Branch:
    links: dict[tuple[str, str, str], list[Candidate]] = {}
    for row in texts:
        if row["source"] in TEXT_SOURCES:
            of = links.setdefault((row["qid"], row["query_id"], row["query_kind"]), [])
            of.append((TEXT_SOURCES.index(row["source"]), row["text"], row["distance"]))
    web = links.pop(("", "", ""), [])
    near = [(kind, [one for one in found if one[2] <= mix.ancestor_distance]) for (_, _, kind), found in links.items()]
    shares: dict[str, float] = {}
    for (source, _, _), chance in picture_chances(mix, web, near):
        shares[TEXT_SOURCES[source]] = shares.get(TEXT_SOURCES[source], 0.0) + chance
    shares = {source: share for source, share in shares.items() if share > 0}
    absent = [source for source in mix.sources if source not in shares]
    drawn = (
        ", ".join(f"{source} {percent(share)}" for source, share in sorted(shares.items(), key=lambda one: -one[1]))
        or "draws no text: a run on it leaves the picture out"
    )
    words = f"mix {mix.name}: {drawn}" + (f"; no {', no '.join(absent)}" if absent and shares else "")
    facts = {"mix": mix.name, "shares": shares, "absent": absent}
    return branch("mix", words, facts, grade="" if shares else "note")


def checkpoint_branch(row: Row, drawn: bool) -> Branch:
    """Return a checkpoint with what it was given of the picture; `drawn` says whether its mix has a text for it."""
    given = _given(row, drawn)
    size = "untrained control" if not row["samples_seen"] else f"{row['samples_seen']:,} pictures seen"
    words = f"{row['recipe']} step {row['step']} ({row['mix']}, {row['tower']}, {size}): {given}"
    names = (
        "recipe",
        "step",
        "mix",
        "tower",
        "seed",
        "release_id",
        "samples_seen",
        "path",
        "loss_first",
        "loss_last",
        "had",
        "skipped",
    )
    saw = bool(row["had"] and not row["skipped"] and drawn and row["samples_seen"])
    return branch(
        "checkpoint",
        words,
        {**{name: row[name] for name in names}, "saw": saw},
        map(score_branch, row["scores"]),
        "good" if saw else "note",
    )


def _given(row: Row, drawn: bool) -> str:
    if row["had"] is None:
        return "the folder of its run is gone, so what it was given is not known"
    if not row["had"]:
        return f"its release {row['release_id']} has no such picture"
    if row["skipped"]:
        return f"packed in its release {row['release_id']}, but skipped"
    if not drawn:
        return f"in its release {row['release_id']}, but without a text of its mix"
    if not row["samples_seen"]:
        return f"in its release {row['release_id']}, of which it was shown nothing"
    return f"in its release {row['release_id']}, drawn about {row['samples_seen'] / max(row['pictures'], 1):.1f} times"


def score_branch(row: Row) -> Branch:
    """Return one figure of a checkpoint."""
    chance = f"{percent(row['chance'])} is chance" if row["chance"] is not None else None
    ranged = (
        row.get("place")
        and row["metric"] == "acc1"
        and f"95 %: {percent(row['acc1_low'])} to {percent(row['acc1_high'])}, place {row['place']}"
    )
    words = said(f"{row['benchmark']}, {row['protocol']}, {row['metric']}: {percent(row['value'])}", chance, ranged or None,
                 f"over {row['count']:,}")  # fmt: skip
    return branch(
        "score", words, {name: row[name] for name in ("benchmark", "protocol", "metric", "value", "count", "chance")}
    )


def held_out_branch(rows: Sequence[Row], leaks: Sequence[Row], predictions: Sequence[Row]) -> Branch:
    """Return a held-out picture: its classes, the harvested pictures that show it, what each checkpoint takes it for."""
    first = rows[0]
    names = ", ".join(sorted({f"{row['benchmark']} as {row['class_name']} ({row['class_id']})" for row in rows}))
    found = [branch("leak", f"harvested as {short(row['image_id'])}, {_alike(row)}: rejected as a leak",
                    dict(row), grade="bad") for row in leaks if row["benchmark_image_id"] == first["image_id"]]  # fmt: skip
    answers = [_prediction(row) for row in predictions]
    facts: dict[str, Any] = {"image_id": first["image_id"], "benchmarks": [row["benchmark"] for row in rows], "class_id": first["class_id"],
                             "image_url": first["image_url"], "path": first["path"]}  # fmt: skip
    return branch("held_out", f"held out in {names}, {first['width_px']} x {first['height_px']} px, from {first['image_url']}",
                  facts, [*found, *answers], "note")  # fmt: skip


def _alike(row: Row) -> str:
    cosine = f", cosine {row['cosine']:.3f}" if row["cosine"] is not None else ""
    return f"{row['phash_distance']} differing bits{cosine}"


def _prediction(row: Row) -> Branch:
    right = row["class_id"] == row["predicted_class_id"]
    words = f"{row['recipe']} step {row['step']}: " + (
        "names it" if right else f"says {row['predicted']}, its class at rank {row['rank_of_true']}"
    )
    return branch("prediction", words, dict(row), grade="good" if right else "bad")
