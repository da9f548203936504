"""The door of the curation room: Python measures, SQL decides."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any

import numpy as np

from entitynet_assets import previews
from entitynet_assets.curation.blocklist import blocked_rows, read_blocklist
from entitynet_assets.curation.classifying import classifier_screens, scores_of
from entitynet_assets.curation.contamination import leaked, near_hashes, near_vectors
from entitynet_assets.curation.duplicates import representatives
from entitynet_assets.curation.embedding import encoder_identity, vectors_of
from entitynet_assets.curation.lookalikes import COMPARISON, measure, proposed
from entitynet_assets.curation.texts import READ_HITS
from entitynet_assets.curation.texts import web_texts as judged_texts
from entitynet_assets.resources import Workplace, blocklist_text
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Query, Station, Work, station
from entitynet_assets.tables import (
    BENCHMARK_CLASSES,
    BENCHMARK_EMBEDDINGS,
    BLOCKED_IMAGES,
    BRANCH_REPORT,
    CLASSIFIER_SCORES,
    EMBEDDINGS,
    ENTITY_REPORT,
    IMAGE_TEXTS,
    KEPT_IMAGES,
    LEAK_REPORT,
    LEAKS,
    LIKENESS,
    LIKENESS_PAIRS,
    PROMPTS,
    SCREENS,
    VERDICTS,
    WEB_TEXTS,
)

_THUMBNAILS = """
    SELECT image_id, thumbnail FROM images SEMI JOIN (SELECT unnest($ids) AS image_id) AS asked USING (image_id)
    WHERE thumbnail IS NOT NULL
"""
_DECIDES_LIKENESS = {
    "duplicate_correlation", "duplicate_hue_distance", "min_side_px", "max_aspect", "min_entropy_bits",
}  # fmt: skip
_COPIES = """
    SELECT pairs.image_id, earlier_id AS representative_id, phash_distance, dhash_distance, correlation, hue_distance, mirrored,
        later.url_count, earlier.url_count AS representative_url_count
    FROM likeness_pairs AS pairs
    JOIN images AS later ON later.image_id = pairs.image_id JOIN images AS earlier ON earlier.image_id = earlier_id
    WHERE correlation >= $duplicate_correlation AND coalesce(hue_distance, 0) <= $duplicate_hue_distance
        AND least(earlier.original_width_px, earlier.original_height_px) >= $min_side_px AND earlier.entropy_bits >= $min_entropy_bits
        AND greatest(earlier.original_width_px, earlier.original_height_px)
            <= $max_aspect * least(earlier.original_width_px, earlier.original_height_px)
    QUALIFY row_number() OVER (PARTITION BY pairs.image_id, earlier_id ORDER BY correlation DESC, mirrored) = 1
    ORDER BY later.round, later.image_id, earlier.round, earlier.image_id
"""


@station(WEB_TEXTS, reads=("hits", "downloads", "images"), every=("hits", "downloads"), preview=previews.REFUSED_TEXTS)
def web_texts(work: Work) -> Made:
    """Texts of the slice's pictures, cleaned or refused with a reason, each with the link and the page that say it."""
    rows, counts = judged_texts(work.select(READ_HITS))
    return Made(rows, counts)


@station(
    LIKENESS_PAIRS,
    reads=("images",),
    params=lambda place: place.study.curation.duplicate_radius,
    code_version=COMPARISON,
)
def likeness_pairs(work: Work) -> Made:
    """Pairs of pictures that may be one, proposed by hashes and compared. Global; a pair compared before is not compared again."""
    rows, left_out = proposed(
        work.columns("SELECT image_id, phash, dhash FROM images ORDER BY round, image_id"),
        work.study.curation.duplicate_radius,
    )
    record = work.lake.record(work.table.name, work.slice)
    known = work.own_rows() if record and record.code_version == COMPARISON else []
    compared = measure(rows, known, lambda ids: work.select(_THUMBNAILS, ids=ids))
    bare = sum(row["correlation"] is None for row in rows)
    return Made(
        rows, {"compared": len(rows) - bare, "no_thumbnail": bare, "left_out": left_out}, {"compared": compared}
    )


@station(
    LIKENESS,
    reads=("images", "likeness_pairs"),
    params=lambda place: place.study.curation.model_dump(include=_DECIDES_LIKENESS),
    code_version="2",
)
def likeness(work: Work) -> Made:
    """Pictures that repeat an earlier one. Global: the first by (round, image_id) represents its group, so old shards stand.

    A picture that is too small, too long or blank represents nobody: else a good copy would go with a thumbnail.
    """
    pairs = work.select(_COPIES, **work.study.curation.model_dump(include=_DECIDES_LIKENESS))
    by_ids = {(row["representative_id"], row["image_id"]): row for row in pairs}
    made = [by_ids[earlier, later] for later, earlier in representatives(by_ids).items()]
    return Made(made, {"repeats": len(made), "pairs": len(pairs)})


_NAMES = """
    SELECT qid, label AS name FROM entities
    UNION
    SELECT qid, text FROM entity_texts WHERE kind IN ('label', 'alias', 'taxon_name', 'common_name') AND qid IN (SELECT qid FROM entities)
"""
_WANTED_PROMPTS = f"""
    SELECT DISTINCT 'entity' AS kind, named.qid AS name, replace(entry.template, '{{}}', named.name) AS text
    FROM ({_NAMES}) AS named CROSS JOIN (SELECT UNNEST($templates) AS template) AS entry
    UNION
    SELECT entry.kind, entry.name, entry.text FROM (SELECT UNNEST($screen_prompts) AS entry)
"""
_PROMPTS = """
    SELECT wanted.kind, wanted.name, wanted.text, $encoder AS encoder, $encoder_sha256 AS encoder_sha256, vectors.vector
    FROM ({wanted}) AS wanted JOIN ({vectors}) AS vectors ON vectors.text = wanted.text
"""


def _prompt_choices(place: Workplace) -> dict[str, Any] | None:
    if place.study.encoder is None:
        return None
    listed = [
        {"kind": kind, "name": screen.name, "text": text}
        for screen in place.study.screens
        for kind, texts in (("screen", screen.prompts), ("contrast", screen.contrast))
        for text in sorted(set(texts))
    ]
    return {
        "templates": place.study.encoder.templates,
        "screen_prompts": listed or [{"kind": "screen", "name": "", "text": "a photo"}],  # an empty list has no type
    }


@station(
    PROMPTS, reads=("entities", "entity_texts"), kinds=("python", "pytorch"),
    params=lambda place: [encoder_identity(place), _prompt_choices(place)],
)  # fmt: skip
def prompts(work: Work) -> Made:
    """Texts that pictures are held against, embedded by the study's encoder: every name of an entity, and the prompts of the screens."""
    choices = _prompt_choices(work.place)
    if choices is None:
        return Made([])
    found = vectors_of(work, _WANTED_PROMPTS, "text", choices)
    query = _PROMPTS.format(wanted=_WANTED_PROMPTS, vectors=found.query)
    return Made(Query(query, found.params, found.views), found.counts, found.work)


_EMBEDDINGS = """
    WITH vectors AS ({vectors}),

    named AS (
        SELECT DISTINCT downloads.image_id, hits.qid FROM hits JOIN downloads USING (url_id)
        WHERE downloads.image_id IN (SELECT image_id FROM images)
    ),

    relevances AS (
        SELECT vectors.image_id, max(list_dot_product(vectors.vector, prompts.vector))::DOUBLE AS relevance
        FROM vectors JOIN named USING (image_id) JOIN prompts ON prompts.kind = 'entity' AND prompts.name = named.qid
        GROUP BY vectors.image_id
    )

    SELECT vectors.image_id, $encoder AS encoder, $encoder_sha256 AS encoder_sha256, vectors.vector, relevances.relevance
    FROM vectors LEFT JOIN relevances USING (image_id)
"""


@station(
    EMBEDDINGS, reads=("images", "hits", "downloads", "prompts"), every=("hits", "downloads"), kinds=("python", "pytorch"),
    params=encoder_identity, code_version="2",
)  # fmt: skip
def embeddings(work: Work) -> Made:
    """Pictures embedded by the study's encoder, each once whatever comes later, with the cosine to the best name of its entities.

    A study without an encoder gets an empty table, and relevance is then not judged.
    """
    if work.study.encoder is None:
        return Made([], {"not_judged": len(work.rows("images", "image_id"))})
    found = vectors_of(work, "SELECT image_id, path FROM images", "image_id", {})
    return Made(Query(_EMBEDDINGS.format(vectors=found.query), found.params, found.views), found.counts, found.work)


@station(CLASSIFIER_SCORES, reads=("images",), kinds=("python", "pytorch"), params=classifier_screens)
def classifier_scores(work: Work) -> Made:
    """Pictures scored by the classifiers that the study's screens name, each once for the same weights; empty without one."""
    found = scores_of(work)
    return Made(found.query, found.counts, found.work) if found else Made([])


_HELD_OUT = "SELECT image_id, min(path) AS path FROM benchmark_images GROUP BY image_id"
_HELD_VECTORS = "SELECT image_id, $encoder AS encoder, $encoder_sha256 AS encoder_sha256, vector FROM ({vectors})"


@station(BENCHMARK_EMBEDDINGS, reads=("benchmark_images",), kinds=("python", "pytorch"), params=encoder_identity)
def benchmark_embeddings(work: Work) -> Made:
    """Held-out pictures embedded by the study's encoder, for decontamination; none without one."""
    if work.study.encoder is None:
        return Made([])
    found = vectors_of(work, _HELD_OUT, "image_id", {})
    return Made(Query(_HELD_VECTORS.format(vectors=found.query), found.params, found.views), found.counts, found.work)


@station(
    LEAKS, reads=("images", "benchmark_images", "embeddings", "benchmark_embeddings"), code_version="2",
    params=lambda place: [place.study.curation.leak_radius, place.study.encoder and place.study.encoder.leak_cosine],
)  # fmt: skip
def leaks(work: Work) -> Made:
    """Harvested pictures that a benchmark holds out, by perceptual hash and, where there is an encoder, by embedding."""
    columns, radius = "image_id, phash, dhash", work.study.curation.leak_radius
    images, held_out = work.rows("images", columns), work.rows("benchmark_images", "benchmark, " + columns)
    least = work.study.encoder.leak_cosine if work.study.encoder else 1.0
    held = list(work.lake.vectors("SELECT image_id, vector FROM benchmark_embeddings ORDER BY image_id", work.views))
    cosines = {}
    if held:
        theirs = [one for ids, _ in held for one in ids], np.concatenate([vectors for _, vectors in held])
        ours = work.lake.vectors("SELECT image_id, vector FROM embeddings", work.views)
        cosines = near_vectors(ours, theirs, least, near_hashes(images, held_out, radius))
    found = leaked(images, held_out, radius, cosines, least)
    return Made(found, {"leaks": len(found), **Counter(f"found_by_{row['found_by']}" for row in found)})


@station(
    BLOCKED_IMAGES,
    reads=("images",),
    params=lambda place: [_blocklist_digest(place), place.study.curation.blocklist_radius],
)
def blocked_images(work: Work) -> Made:
    """Pictures that the study's list of blocked hashes names, by their bytes or by their perceptual hash."""
    blocked = read_blocklist(blocklist_text(work.study), work.study.curation.blocklist)
    found = blocked_rows(work.rows("images", "image_id, phash"), blocked, work.study.curation.blocklist_radius)
    return Made(found, {"entries": len(blocked), "blocked": len({row["image_id"] for row in found})})


def _blocklist_digest(place: Workplace) -> str:
    return hashlib.sha256(blocklist_text(place.study).encode()).hexdigest()


STATIONS: tuple[Station, ...] = (
    web_texts,
    sql_asset(IMAGE_TEXTS, preview=previews.LANGUAGES),
    likeness_pairs,
    likeness,
    prompts,
    embeddings,
    classifier_scores,
    sql_asset(SCREENS, preview=previews.SCREENS),
    blocked_images,
    benchmark_embeddings,
    leaks,
    sql_asset(LEAK_REPORT, preview=previews.LEAK_REPORT),
    sql_asset(VERDICTS, every=("downloads", "hits", "urls"), preview=previews.VERDICTS),
    sql_asset(KEPT_IMAGES, preview=previews.KEPT),
    sql_asset(ENTITY_REPORT, preview=previews.ENTITY_REPORT),
    sql_asset(BRANCH_REPORT, preview=previews.BRANCH_REPORT),
    sql_asset(BENCHMARK_CLASSES),
)
