"""What the Dagster UI shows of a table at a glance: small named values made from the lake after the table is made.

Belongs here: pure choices of few rows, small drawings, small sheets. Does not belong here: Dagster (station_assets.py).
A preview is text (Markdown) or a list of rows (a table). It must stay small: the event log holds every one of them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from entitynet_assets.charts import as_markdown, small_bars, sparkline
from entitynet_assets.contact_sheet import BAD, GOOD, PLAIN, Section, Tile, within
from entitynet_assets.shelf import Row, Shelf
from entitynet_assets.stations import Preview

Shown = str | Sequence[Mapping[str, Any]]
SHEET_BYTES = 28_000  # of JPEG; a third more as text
SHOWN_BARS, SHOWN_ROWS, SHOWN_TILES, SHOWN_RECIPES, SHOWN_COUNTS = 7, 12, 12, 50, 50


def counts(query: str, what: str) -> Preview:
    """Return a preview of a distribution: `query` yields (name, count), the most frequent first."""

    def preview(shelf: Shelf) -> Mapping[str, Shown]:
        rows = shelf.ask(query)
        drawing = (
            as_markdown(small_bars([(str(row["name"]), row["count"]) for row in rows[:SHOWN_BARS]]), what)
            if rows
            else None
        )
        table: list[Row] = [{what: row["name"], "count": row["count"]} for row in rows[:SHOWN_COUNTS]]
        whole = drawing and len(rows) <= SHOWN_BARS
        return {**({what: drawing} if drawing else {}), **({} if whole else {f"{what}, counted": table})}

    return preview


def first_rows(query: str, name: str) -> Preview:
    """Return a preview of a few rows as a table."""
    return lambda shelf: {name: shelf.ask(f"{query} LIMIT {SHOWN_ROWS}")}


def all_of(*previews: Preview) -> Preview:
    """Return several previews as one."""
    return lambda shelf: {name: value for preview in previews for name, value in preview(shelf).items()}


def leaderboard(shelf: Shelf) -> Mapping[str, Shown]:
    """Return the figures of every recipe, and the best one in a line."""
    rows = shelf.ask("SELECT * FROM leaderboard ORDER BY place")
    if not rows:
        return {"best recipe": "No recipe is scored yet."}
    best = rows[0]
    line = (
        f"**{best['recipe']}** names {percent(best['acc1'])} of the held-out pictures "
        f"(95 %: {percent(best['acc1_low'])} to {percent(best['acc1_high'])}), {best['times_chance']:.1f} x chance"
    )
    return {"best recipe": line, "leaderboard": [_placed(row) for row in rows[:SHOWN_RECIPES]]}


def _placed(row: Row) -> Row:
    return {
        "place": row["place"], "recipe": row["recipe"], "mix": row["mix"], "seen": f"{row['samples_seen']:,}",
        "accuracy": percent(row["acc1"]), "95 %": f"{100 * row['acc1_low']:.1f}-{100 * row['acc1_high']:.1f}",
        "x chance": f"{row['times_chance']:.1f}",
    }  # fmt: skip


def percent(share: float) -> str:
    """Return a share as the leaderboard writes it."""
    return f"{100 * share:.1f} %"


def losses(shelf: Shelf) -> Mapping[str, Shown]:
    """Return the loss curve of each recipe."""
    shown: dict[str, Shown] = {}
    for row in shelf.ask("SELECT recipe, path, loss_first, loss_last, samples_seen FROM checkpoints ORDER BY recipe"):
        path = (shelf.lake.root / row["path"]).parent / "metrics.jsonl"
        lines = path.read_text().splitlines(keepends=True) if path.exists() else []
        values = [found["loss"] for line in lines if line.endswith("}\n") and "loss" in (found := json.loads(line))]
        curve = as_markdown(sparkline(values), f"training loss of {row['recipe']}") if values else None
        if curve:
            shown[f"loss of {row['recipe']}"] = (
                f"{curve} {values[0]:.2f} to {values[-1]:.2f} nats over {row['samples_seen']:,} pictures"
            )
    return shown


def pictures(query: str, name: str) -> Preview:
    """Return a preview of pictures: `query` yields (path, words, verdict or null)."""

    def preview(shelf: Shelf) -> Mapping[str, Shown]:
        rows = shelf.ask(f"{query} LIMIT {SHOWN_TILES}")
        tiles = tuple(
            Tile(shelf.lake.blob(row["path"]), (row["words"],), {"keep": GOOD, "reject": BAD}.get(row["verdict"], PLAIN))
            for row in rows if (shelf.lake.root / row["path"]).is_file()
        )  # fmt: skip
        if not tiles:
            return {}
        sheet = base64.b64encode(within(SHEET_BYTES, "", [Section("", tiles)], columns=6, side_px=88)).decode()
        return {name: f"![{len(tiles)} pictures](data:image/jpeg;base64,{sheet})"}

    return preview


OUTCOMES = counts(
    "SELECT outcome AS name, count(*) AS count FROM downloads GROUP BY ALL ORDER BY count DESC, name", "outcomes"
)
QUERY_KINDS = counts(
    "SELECT kind AS name, count(*) AS count FROM queries GROUP BY ALL ORDER BY count DESC, name", "kinds of search"
)
FINDINGS = all_of(
    counts("SELECT finding AS name, count(*) AS count FROM graph_integrity GROUP BY ALL ORDER BY count DESC, name", "findings"),
    first_rows("SELECT finding, qid, detail FROM graph_integrity "
               "QUALIFY row_number() OVER (PARTITION BY finding ORDER BY qid, detail) <= 3 "
               "ORDER BY count(*) OVER (PARTITION BY finding), finding, qid, detail", "up to three of each, the rarest first"),
)  # fmt: skip
CHANGES = all_of(
    counts("SELECT change AS name, count(*) AS count FROM entity_changes GROUP BY ALL ORDER BY count DESC, name", "changes"),
    first_rows("SELECT change, words FROM entity_changes QUALIFY row_number() OVER (PARTITION BY change ORDER BY qid) <= 8 "
               "ORDER BY change, qid", "what changed since the last round, up to eight of each"),
)  # fmt: skip
ATTRIBUTES = counts(
    "SELECT category AS name, count(*) AS count FROM attributes GROUP BY ALL ORDER BY count DESC, name",
    "kinds of attribute",
)
ATTRIBUTE_COVERAGE = first_rows(
    "SELECT kind, name, attributes, with_one, round(100 * share_with_one, 1) || ' %' AS \"with at least one\", "
    "with_three, round(100 * share_with_three, 1) || ' %' AS \"with at least three\" "
    "FROM attribute_coverage WHERE attributes > 0 ORDER BY kind DESC, attributes DESC, name",
    "entities with attributes",
)
VISUALITY = counts(
    "SELECT rule || CASE WHEN visual THEN ': seen' ELSE ': not seen' END AS name, count(*) AS count FROM visuality "
    "GROUP BY ALL ORDER BY count DESC, name", "would a photograph show it",
)  # fmt: skip
ITEMS = counts(
    "SELECT status AS name, count(*) AS count FROM wikidata_items GROUP BY ALL ORDER BY count DESC, name", "items"
)
SNAPSHOT = first_rows(
    "SELECT source, address, complete_until, snapshot_id, items, newest_revision, newest_edit_at FROM graph_snapshot",
    "which Wikidata this is",
)
ENTITIES = all_of(
    counts("SELECT root_label AS name, count(*) AS count FROM entities GROUP BY ALL ORDER BY count DESC, name", "entities by root"),
    first_rows("SELECT qid, label, natural_type, root_label, sitelink_count FROM entities ORDER BY sitelink_count DESC, qid",
               "the best known entities"),
)  # fmt: skip
ENTITY_TEXTS = counts(
    "SELECT kind AS name, count(*) AS count FROM entity_texts GROUP BY ALL ORDER BY count DESC, name", "kinds of text"
)
_SHOWABLE = "image_id NOT IN (SELECT image_id FROM tombstones)"  # what was taken down is counted and not shown
IMAGES = pictures(
    "SELECT path, original_width_px || ' x ' || original_height_px AS words, NULL AS verdict FROM images "
    f"WHERE {_SHOWABLE} ORDER BY image_id", "some pictures",
)  # fmt: skip
KEPT = pictures(
    f"SELECT path, image_id[:12] AS words, 'keep' AS verdict FROM kept_images WHERE {_SHOWABLE} ORDER BY image_id",
    "some kept pictures",
)
REFUSED_TEXTS = all_of(
    counts("SELECT coalesce(reason, 'kept') AS name, count(*) AS count FROM web_texts GROUP BY ALL ORDER BY count DESC, name",
           "texts by what cleaning says"),
    first_rows("SELECT reason, source, left(text, 80) AS text FROM web_texts WHERE reason IS NOT NULL "
               "QUALIFY row_number() OVER (PARTITION BY reason ORDER BY text, image_id, url_id, page_url) <= 2 ORDER BY reason, text",
               "up to two refused of each reason"),
)  # fmt: skip
LANGUAGES = counts(
    "SELECT language AS name, count(*) AS count FROM image_texts GROUP BY ALL ORDER BY count DESC, name", "languages"
)
SCREENS = first_rows(
    'SELECT screen, count(*) AS pictures, round(avg(score), 3) AS "mean score", round(max(score), 3) AS "highest score", '
    'arg_max(prompt, (score, prompt)) AS "nearest prompt", arg_max(image_id, (score, image_id))[:12] AS picture '
    "FROM screens GROUP BY screen ORDER BY max(score) DESC, screen",
    "screens",
)
LEAK_REPORT = first_rows(
    "SELECT benchmark, status, label, query_text, provider, leaked, images, by_hash, by_embedding, example_image_id[:12] AS example "
    "FROM leak_report ORDER BY leaked DESC, benchmark, query_text, provider",
    "searches that brought held-out pictures",
)
VERDICTS = all_of(
    counts("SELECT rule AS name, count(*) AS count FROM verdicts WHERE verdict = 'reject' GROUP BY ALL ORDER BY count DESC, name",
           "rejected by rule"),
    counts("SELECT rule || ': ' || reason AS name, count(*) AS count FROM verdicts WHERE verdict = 'not_judged' GROUP BY ALL "
           "ORDER BY count DESC, name", "not judged"),
    pictures("SELECT any_value(path) AS path, min(rule) AS words, 'reject' AS verdict FROM verdicts JOIN images USING (image_id) "
             f"WHERE verdict = 'reject' AND {_SHOWABLE} GROUP BY image_id "
             "ORDER BY row_number() OVER (PARTITION BY min(rule) ORDER BY image_id), words", "some rejected pictures"),
)  # fmt: skip
ENTITY_SCORES = first_rows(
    "SELECT recipe, label, qid, count, round(entity_scores.recall, 3) AS recall, round(entity_scores.mean_rank, 1) AS mean_rank "
    "FROM entity_scores ORDER BY entity_scores.recall DESC, label", "the best known entities",
)  # fmt: skip
ENTITY_REPORT = all_of(
    counts("SELECT CASE WHEN kept = 0 THEN 'none' WHEN kept < 10 THEN '1 to 9' WHEN kept < 50 THEN '10 to 49' WHEN kept < 200 "
           "THEN '50 to 199' WHEN kept < 1000 THEN '200 to 999' ELSE '1000 and more' END AS name, count(*) AS count "
           "FROM entity_report GROUP BY name ORDER BY min(kept)", "entities by kept pictures"),
    first_rows("SELECT label, qid, queries, hits, urls, downloaded, images, kept, rejected, duplicates, web_texts, graph_texts "
               "FROM entity_report ORDER BY kept, qid", "entities with the fewest kept pictures"),
)  # fmt: skip
BRANCH_REPORT = all_of(
    counts("SELECT branch_label AS name, round(kept_median)::BIGINT AS count FROM branch_report WHERE depth = 1 AND entities > 0 "
           "ORDER BY entities DESC, branch_qid LIMIT 7", "kept pictures of the middle entity, largest branches right below a root"),
    counts("SELECT branch_label AS name, thin AS count FROM branch_report WHERE depth <= 1 AND thin > 0 "
           "ORDER BY thin DESC, branch_qid LIMIT 7", "thin entities by branch"),
    first_rows("SELECT branch_label AS branch, branch_qid, root_label AS root, depth, entities, thin, round(100 * thin_share, 1) || ' %' "
               "AS \"share thin\", kept, kept_min, kept_median, duplicates FROM branch_report WHERE entities > 1 "
               "ORDER BY thin_share DESC, thin DESC, branch_qid", "branches with the largest share of thin entities"),
)  # fmt: skip
HARVEST_PLAN = first_rows(
    "SELECT place, label, recall, kept, extra_queries, reason FROM harvest_plan ORDER BY place",
    "the most urgent entities",
)
FLOORS = first_rows(
    "SELECT benchmark, floor, metric, round(100 * value, 1) || ' %' AS value, count AS held_out, train_count AS learnt_from "
    "FROM floors ORDER BY ALL",
    "what a trained model has to beat",
)
LABEL_TAIL = first_rows(
    "SELECT CASE WHEN label_tail.named = 0 THEN 'none' WHEN label_tail.named < 5 THEN '1 to 4' WHEN label_tail.named < 20 THEN '5 to 19' "
    "ELSE '20 and more' END AS \"pictures that name it\", count(*) AS entities, sum(label_tail.named) AS pictures, "
    'sum(linked) AS linked, sum(at_min_score) AS "linked at one threshold", '
    'count(*) FILTER (WHERE label_tail.named > 0 AND linked = 0) AS "entities wiped out", '
    'count(*) FILTER (WHERE label_tail.named > 0 AND at_min_score = 0) AS "wiped out at one threshold" '
    "FROM label_tail GROUP BY ALL ORDER BY min(label_tail.named)",
    "what linking leaves of rare entities",
)
CAPTION_MIXES = first_rows(
    "SELECT mix, query_kind, source, weight, round(effective_share, 3) AS share, image_count FROM caption_mixes "
    "WHERE image_count > 0 ORDER BY mix, query_kind, effective_share DESC, source",
    "what the mixes come to",
)
MIX_BALANCE = first_rows(
    "SELECT mix, balance, most, image_count, round(images_per_epoch) AS images_per_epoch, round(tail_share, 4) AS tail_share, "
    "round(tail_share_per_epoch, 4) AS tail_share_per_epoch FROM mix_balance ORDER BY mix",
    "what an epoch has",
)
