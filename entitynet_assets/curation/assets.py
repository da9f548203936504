"""The door of the curation room: Python measures, SQL decides."""

from __future__ import annotations

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.curation.contamination import leaked
from entitynet_assets.curation.duplicates import representatives
from entitynet_assets.curation.lookalikes import COMPARISON, measure, proposed
from entitynet_assets.curation.texts import READ_HITS
from entitynet_assets.curation.texts import web_texts as judged_texts
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import (
    BENCHMARK_CLASSES,
    BRANCH_REPORT,
    EMBEDDINGS,
    ENTITY_REPORT,
    IMAGE_TEXTS,
    KEPT_IMAGES,
    LEAKS,
    LIKENESS,
    LIKENESS_PAIRS,
    VERDICTS,
    WEB_TEXTS,
)
from entitynet_train.spec import EmbedSpec, fingerprint, to_json

_THUMBNAILS = """
    SELECT image_id, thumbnail FROM images SEMI JOIN (SELECT unnest($ids) AS image_id) AS asked USING (image_id)
    WHERE thumbnail IS NOT NULL
"""
_COPIES = """
    SELECT pairs.image_id, earlier_id AS representative_id, phash_distance, dhash_distance, correlation, hue_distance, mirrored
    FROM likeness_pairs AS pairs
    JOIN images AS later ON later.image_id = pairs.image_id JOIN images AS earlier ON earlier.image_id = earlier_id
    WHERE correlation >= $correlation AND coalesce(hue_distance, 0) <= $hue_distance
    QUALIFY row_number() OVER (PARTITION BY pairs.image_id, earlier_id ORDER BY correlation DESC, mirrored) = 1
    ORDER BY later.round, later.image_id, earlier.round, earlier.image_id
"""
PROMPT = "'a photo of a ' || entities.label"


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
    params=lambda place: [
        place.study.curation.duplicate_correlation,
        place.study.curation.duplicate_hue_distance,
    ],
)
def likeness(work: Work) -> Made:
    """Pictures that repeat an earlier one. Global: the first by (round, image_id) represents its group, so old shards stand."""
    chosen = work.study.curation
    pairs = work.select(_COPIES, correlation=chosen.duplicate_correlation, hue_distance=chosen.duplicate_hue_distance)
    by_ids = {(row["representative_id"], row["image_id"]): row for row in pairs}
    made = [by_ids[earlier, later] for later, earlier in representatives(by_ids).items()]
    return Made(made, {"repeats": len(made), "pairs": len(pairs)})


@station(LEAKS, reads=("images", "benchmark_images"), params=lambda place: place.study.curation.leak_radius)
def leaks(work: Work) -> Made:
    """Harvested pictures that a benchmark holds out, by perceptual hash."""
    columns = "image_id, phash, dhash"
    found = leaked(
        work.rows("images", columns),
        work.rows("benchmark_images", "benchmark, " + columns),
        work.study.curation.leak_radius,
    )
    return Made(found, {"leaks": len(found)})


_PICTURES = "SELECT image_id, path FROM images"
_NAMED = f"""
    SELECT DISTINCT downloads.image_id, {PROMPT} AS text
    FROM hits JOIN downloads USING (url_id) JOIN entities USING (qid)
    WHERE downloads.image_id IN (SELECT image_id FROM images)
"""
_RELEVANCE = f"""
    SELECT vectors.image_id, $encoder AS encoder, any_value(vectors.vector) AS vector,
        max(list_dot_product(vectors.vector, names.vector))::DOUBLE AS relevance
    FROM vectors LEFT JOIN ({_NAMED}) AS named ON named.image_id = vectors.image_id LEFT JOIN names ON names.text = named.text
    GROUP BY vectors.image_id
"""


@station(
    EMBEDDINGS,
    reads=("images", "hits", "downloads", "entities"),
    every=("hits", "downloads"),
    kinds=("python", "pytorch"),
    params=lambda place: place.study.encoder and place.study.encoder.model_dump(exclude={"min_relevance"}),
)
def embeddings(work: Work) -> Made:
    """Embeddings by the study's encoder, each with the cosine to the name of the entity that it shows best.

    A study without an encoder gets an empty table, and relevance is then not judged.
    """
    encoder, total = work.study.encoder, len(work.rows("images", "image_id"))
    if encoder is None or total == 0:
        return Made([], {"not_judged": total})
    pictures, pictures_digest, _ = work.lake.export(_PICTURES, work.views, "embed/images")
    texts, texts_digest, _ = work.lake.export(f"SELECT DISTINCT text FROM ({_NAMED})", work.views, "embed/texts")
    spec = EmbedSpec(
        encoder.model,
        encoder.sha256,
        pictures_digest,
        texts_digest,
        root=str(work.lake.root),
        images=pictures,
        texts=texts,
    )
    folder = work.lake.job_folder("embed", fingerprint(spec)[:16])
    result = work.place.cluster.run(Job("entitynet_train.embed", to_json(spec), folder))
    views = {**work.views, "vectors": [folder / "embeddings.parquet"], "names": [folder / "texts.parquet"]}
    return Made(work.lake.select(_RELEVANCE, views, {"encoder": encoder.model}), result["counts"], {"embedded": total})


STATIONS: tuple[Station, ...] = (
    web_texts,
    sql_asset(IMAGE_TEXTS, preview=previews.LANGUAGES),
    likeness_pairs,
    likeness,
    embeddings,
    leaks,
    sql_asset(VERDICTS, every=("downloads", "urls"), preview=previews.VERDICTS),
    sql_asset(KEPT_IMAGES, preview=previews.KEPT),
    sql_asset(ENTITY_REPORT, preview=previews.ENTITY_REPORT),
    sql_asset(BRANCH_REPORT, preview=previews.BRANCH_REPORT),
    sql_asset(BENCHMARK_CLASSES),
)
