"""The figures of the report: SELECTs over a study's lake, and nothing that is not asked for there.

Belongs here: queries. Does not belong here: how a figure looks (page.py, charts.py).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.tables import TABLES

STAGES = (  # word, table, condition
    ("items read", "wikidata_items", "status = 'ok'"), ("entities", "entities", ""), ("searches", "queries", ""), ("hits", "hits", ""),
    ("addresses", "urls", ""), ("downloaded", "downloads", "outcome = 'ok'"), ("pictures", "images", ""), ("kept", "kept_images", ""),
    ("packed", "samples", ""),
)  # fmt: skip
_PICTURE_ENTITY = """
    SELECT downloads.image_id, arg_min(entities.label, (hits.rank, entities.label)) AS label,
        arg_min(entities.qid, (hits.rank, entities.label)) AS qid, min(hits.rank) AS rank,
        arg_min(coalesce(hits.alt_text, hits.title, ''), (hits.rank, hits.query_id)) AS words
    FROM hits JOIN downloads USING (url_id) JOIN entities ON entities.qid = hits.qid
    WHERE downloads.image_id IN (SELECT UNNEST($images)) GROUP BY downloads.image_id
"""
_SHOWABLE = "image_id NOT IN (SELECT image_id FROM tombstones)"  # what was taken down is counted and not shown
_KEPT = f"SELECT image_id, path FROM kept_images WHERE {_SHOWABLE} ORDER BY image_id LIMIT $shown"
_REJECTED = f"""
    SELECT image_id, any_value(path) AS path, any_value(twins.twin) AS twin, list(
        struct_pack(rule := rule, reason := reason, measure := measure, threshold := threshold)
        ORDER BY rule) AS verdicts
    FROM verdicts JOIN images USING (image_id) LEFT JOIN (
        SELECT likeness.image_id, path AS twin FROM likeness JOIN images ON images.image_id = representative_id
        UNION ALL
        SELECT leaks.image_id, min(path) FROM leaks JOIN benchmark_images ON benchmark_images.image_id = benchmark_image_id GROUP BY ALL
    ) AS twins USING (image_id)
    WHERE verdict = 'reject' AND {_SHOWABLE}
    GROUP BY image_id QUALIFY row_number() OVER (PARTITION BY min(rule) ORDER BY image_id) <= $per_rule
    ORDER BY min(rule), image_id LIMIT $shown
"""
_ENTITIES = """
    SELECT entity_report.qid, entity_report.label, entity_report.queries, entity_report.urls, entity_report.downloaded,
        entity_report.images, entity_report.kept, entity_report.rejected,
        avg(entity_scores.recall) AS recall, avg(entity_scores.mean_rank) AS mean_rank, any_value(harvest_plan.reason) AS reason,
        any_value(extra_queries) AS extra_queries
    FROM entity_report
    LEFT JOIN entity_scores ON entity_scores.qid = entity_report.qid
        AND (entity_scores.recipe, entity_scores.step) IN (SELECT (recipe, step) FROM leaderboard WHERE place = 1)
    LEFT JOIN harvest_plan ON harvest_plan.qid = entity_report.qid
    GROUP BY ALL ORDER BY coalesce(avg(entity_scores.recall), 0), entity_report.kept, entity_report.label
"""
_BRANCHES = """
    SELECT branch_label, depth, entities, thin, kept_median FROM branch_report
    WHERE depth <= 1 AND entities > 0 ORDER BY depth, entities DESC, branch_qid LIMIT $shown
"""
_CONFUSIONS = """
    SELECT recipe, benchmark, count, kinship,
        coalesce(shown.label, class_id) AS shown, coalesce(answered.label, predicted_class_id) AS answered
    FROM confusions LEFT JOIN entities AS shown ON shown.qid = class_id LEFT JOIN entities AS answered ON answered.qid = predicted_class_id
    WHERE (recipe, step) IN (SELECT (recipe, step) FROM leaderboard WHERE place = 1)
    ORDER BY count DESC, shown, answered LIMIT $shown
"""
_REASONS = """
    SELECT rule, CASE WHEN starts_with(reason, 'near_duplicate_of_') THEN 'near_duplicate' ELSE reason END AS reason, count(*) AS count
    FROM verdicts WHERE verdict = 'reject' GROUP BY ALL ORDER BY count DESC, rule, reason
"""


def stages(shelf: Shelf) -> list[tuple[str, int]]:
    """Return how many rows each stage of the harvest has, those made so far."""
    made = [stage for stage in STAGES if not shelf.lacks(stage[1])]
    return [
        (word, shelf.ask(f"SELECT count(*) AS n FROM {table} WHERE {where or 'true'}")[0]["n"])
        for word, table, where in made
    ]


def snapshot(shelf: Shelf) -> Row:
    """Return which Wikidata the graph is of: source, address, up to when it is complete and the newest edit met; empty where not made."""
    found = shelf.ask("SELECT source, address, snapshot_id, complete_until, newest_edit_at FROM graph_snapshot")
    return found[0] if found else {}


def release(shelf: Shelf) -> Row:
    """Return what the release is: its id, tars, pictures and how many of them loaders skip."""
    query = (
        "SELECT any_value(release_id) AS release_id, count(*) AS shards, sum(sample_count)::BIGINT AS pictures, "
        "sum(skipped_count)::BIGINT AS skipped FROM release"
    )
    return shelf.ask(query)[0]


def board(shelf: Shelf) -> list[Row]:
    """Return the leaderboard with the accuracy of guessing."""
    return shelf.ask("SELECT *, acc1 / nullif(times_chance, 0) AS chance FROM leaderboard ORDER BY place")


def floors(shelf: Shelf) -> list[Row]:
    """Return what needs no training: the rows of `floors` where there is such a table."""
    return shelf.ask("SELECT * FROM floors ORDER BY ALL") if "floors" in TABLES and not shelf.lacks("floors") else []


def losses(shelf: Shelf) -> dict[str, list[tuple[float, float]]]:
    """Return (pictures seen, loss) of each recipe, from the metrics of its run."""
    rows = shelf.ask("SELECT recipe, step, path FROM checkpoints ORDER BY recipe, step")
    return {row["recipe"]: points for row in rows if (points := loss_points(shelf.lake.root / row["path"]))}


def loss_points(export: Path) -> list[tuple[float, float]]:
    """Return (pictures seen, loss) of the run that made an export; a last line cut off by a kill is left out."""
    path = export.parent / "metrics.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    values = [json.loads(line) for line in lines if line.endswith("}\n")]
    return [(value["samples_seen"], value["loss"]) for value in values if "loss" in value]


def outcomes(shelf: Shelf) -> list[Row]:
    """Return the outcomes of downloads with their counts."""
    return shelf.ask("SELECT outcome, count(*) AS count FROM downloads GROUP BY outcome ORDER BY count DESC, outcome")


def reasons(shelf: Shelf) -> list[Row]:
    """Return why pictures are rejected, with counts; a picture counts under each rule that rejects it."""
    return shelf.ask(_REASONS)


def findings(shelf: Shelf) -> list[Row]:
    """Return the faults of the graph with their counts."""
    return shelf.ask(
        "SELECT finding, count(*) AS count FROM graph_integrity GROUP BY finding ORDER BY count DESC, finding"
    )


def kept(shelf: Shelf, shown: int) -> list[Row]:
    """Return kept pictures in the order of their ids, which are hashes and so no choice, each with what it was found for."""
    return _with_entities(shelf, shelf.ask(_KEPT, shown=shown))


def rejected(shelf: Shelf, shown: int, per_rule: int) -> list[Row]:
    """Return rejected pictures with their verdicts, a few of each rule; `twin` is the picture that one repeats or leaks."""
    return _with_entities(shelf, shelf.ask(_REJECTED, shown=shown, per_rule=per_rule))


def _with_entities(shelf: Shelf, rows: list[Row]) -> list[Row]:
    found = {row["image_id"]: row for row in shelf.ask(_PICTURE_ENTITY, images=[row["image_id"] for row in rows])}
    nobody: dict[str, Any] = {"label": None, "qid": None, "rank": None, "words": ""}
    return [{**nobody, **found.get(row["image_id"], {}), **row} for row in rows]


def entities(shelf: Shelf, shown: int) -> list[Row]:
    """Return entities with their harvest and the best recipe's recall on them, the worst known first."""
    return shelf.ask(f"{_ENTITIES} LIMIT $shown", shown=shown)


def branches(shelf: Shelf, shown: int) -> list[Row]:
    """Return roots, then the largest classes right below them, with how many of their entities are thin."""
    return shelf.ask(_BRANCHES, shown=shown)


def confusions(shelf: Shelf, shown: int) -> list[Row]:
    """Return the best recipe's most frequent confusions."""
    return shelf.ask(_CONFUSIONS, shown=shown)
