"""The door of the labels room: which entities each picture shows, by search and by what its page says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from entitynet_assets import previews
from entitynet_assets.cluster import Job
from entitynet_assets.labels.context import content_words, context_scores
from entitynet_assets.labels.linking import Mention, Names
from entitynet_assets.labels.names import KINDS, names_of
from entitynet_assets.labels.stop_words import stop_words
from entitynet_assets.labels.vocabulary import with_indices
from entitynet_assets.lake import quoted
from entitynet_assets.resources import Workplace
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Query, Station, Work, station
from entitynet_assets.tables import (
    ENTITY_LINKS,
    ENTITY_NAMES,
    ENTITY_VECTORS,
    IMAGE_ENTITIES,
    LABEL_TAIL,
    LABEL_VOCABULARY,
    MENTIONS,
)
from entitynet_train.spec import EmbedSpec, fingerprint, to_json

BATCH = 10_000  # texts that are held while they are linked
AROUND = 400  # characters before and after a name whose words speak for who is meant


def _languages(place: Workplace) -> list[str]:
    return place.study.scope.languages


@station(ENTITY_NAMES, reads=("entity_texts",), params=_languages)
def entity_names(work: Work) -> Made:
    """Names that texts are searched for, folded; one that is not linked by itself has a reason, such as being a stop word."""
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    rows = work.select(f"SELECT qid, kind, text FROM entity_texts WHERE kind IN ({kinds})")
    made = list(names_of(rows, stop_words(_languages(work.place))))
    return Made(made, Counter(row["reason"] or "linked" for row in made))


_TEXTS = """
    SELECT text_id, any_value(text) AS text, list_sort(list(DISTINCT image_id)) AS image_ids
    FROM (SELECT sha256(text) AS text_id, text, image_id FROM image_texts) GROUP BY text_id ORDER BY text_id
"""
# Words that tell an entity from another of its name: of itself, and the names of what is above it.
_SAID = """
    WITH named AS (
        SELECT qid, label FROM entities UNION SELECT natural_type_qid, natural_type FROM entities WHERE natural_type IS NOT NULL
        UNION SELECT root_qid, root_label FROM entities
    )
    SELECT qid, text FROM entity_texts WHERE kind IN ('description', 'natural_type', 'attribute') AND qid = ANY($qids)
    UNION SELECT entity_parents.qid, named.label FROM entity_parents JOIN named ON named.qid = entity_parents.ancestor_qid
    WHERE entity_parents.qid = ANY($qids)
"""


@station(
    MENTIONS, reads=("image_texts", "entity_names", "entity_texts", "entities", "entity_parents"), params=_languages
)
def mentions(work: Work) -> Made:
    """Names in the texts of the slice's pictures, with every entity so called and what the other words say for it."""
    names = Names(
        (row["name"], row["qid"]) for row in work.select("SELECT name, qid FROM entity_names WHERE reason IS NULL")
    )
    texts = work.select(_TEXTS)
    counts = Counter(texts=len(texts))
    return Made(_mention_rows(work, names, texts, counts), counts)


def _mention_rows(
    work: Work, names: Names, texts: list[dict[str, Any]], counts: Counter[str]
) -> Iterator[dict[str, Any]]:
    words = stop_words(_languages(work.place))
    for start in range(0, len(texts), BATCH):
        part = [(row, list(names.mentions(row["text"]))) for row in texts[start : start + BATCH]]
        known = _known_words(work, {qid for _, found in part for one in found for qid in one.qids}, words)
        for row, found in part:
            counts["mentions"] += len(found)
            counts["texts_that_name_something"] += bool(found)
            for one in found:
                yield from _candidates(row, one, known, words)


def _known_words(work: Work, qids: set[str], words: frozenset[str]) -> dict[str, frozenset[str]]:
    said = defaultdict[str, list[str]](list)
    for row in work.select(_SAID, qids=sorted(qids)) if qids else []:
        said[row["qid"]].append(row["text"])
    return {qid: content_words(texts, words) for qid, texts in said.items()}


def _candidates(
    row: Mapping[str, Any], one: Mention, known: Mapping[str, Iterable[str]], words: frozenset[str]
) -> Iterator[dict[str, Any]]:
    text = row["text"]
    around = content_words((text[max(0, one.begin - AROUND) : one.begin], text[one.end : one.end + AROUND]), words)
    votes = context_scores(around, one.qids, {qid: frozenset(known.get(qid, ())) for qid in one.qids}) or {}
    for qid in one.qids:
        for image_id in row["image_ids"]:
            yield {
                "image_id": image_id, "text_id": row["text_id"], "begin_char": one.begin, "end_char": one.end,
                "surface": text[one.begin : one.end], "name": one.name, "qid": qid, "context": votes.get(qid),
            }  # fmt: skip


_DESCRIBED = """
    SELECT entities.qid, entities.label || coalesce(': ' || nullif(entities.description, ''), '') AS text FROM entities
"""
_NO_PICTURES = "SELECT ''::VARCHAR AS image_id, ''::VARCHAR AS path WHERE false"


@station(
    ENTITY_VECTORS,
    reads=("entities",),
    kinds=("python", "pytorch"),
    params=lambda place: place.study.encoder and place.study.encoder.model_dump(include={"model", "sha256"}),
)
def entity_vectors(work: Work) -> Made:
    """Vectors of "name: description" of every entity by the study's encoder; what it embedded before is not embedded again.

    A study without an encoder gets an empty table, and links are then judged by words alone.
    """
    encoder = work.study.encoder
    if encoder is None:
        return Made([], {"not_judged": len(work.rows("entities", "qid"))})
    known = _known_vectors(work, encoder.sha256)
    new = f"SELECT DISTINCT text FROM ({_DESCRIBED}) WHERE text NOT IN (SELECT text FROM ({known}))"
    texts, digest, count = work.lake.export(new, work.views, "embed/names")
    if count:
        pictures, none, _ = work.lake.export(_NO_PICTURES, {}, "embed/no_images")
        spec = EmbedSpec(
            encoder.model, encoder.sha256, none, digest, root=str(work.lake.root), images=pictures, texts=texts
        )
        folder = work.lake.job_folder("embed", fingerprint(spec)[:16])
        work.place.cluster.run(Job("entitynet_train.embed", to_json(spec), folder))
        known += f" UNION ALL SELECT text, vector FROM read_parquet({quoted(folder / 'texts.parquet')})"
    query = (
        "SELECT described.qid, $encoder AS encoder, $sha256 AS encoder_sha256, described.text, vectors.vector "
        f"FROM ({_DESCRIBED}) AS described JOIN ({known}) AS vectors ON vectors.text = described.text"
    )
    return Made(Query(query, {"encoder": encoder.model, "sha256": encoder.sha256}), {"embedded": count})


def _known_vectors(work: Work, sha256: str) -> str:
    """Return the SELECT of what this encoder embedded before."""
    record = work.lake.record(work.table.name, work.slice)
    if record is None:
        return "SELECT NULL::VARCHAR AS text, NULL::FLOAT[] AS vector WHERE false"
    before = quoted(work.lake.root / "tables" / work.table.name / record.file)
    return f"SELECT DISTINCT ON (text) text, vector FROM read_parquet({before}) WHERE encoder_sha256 = '{sha256}'"


_COUNTED = """
    SELECT entities.qid, entities.label, count(DISTINCT kept_images.image_id) AS image_count
    FROM entities LEFT JOIN image_entities ON image_entities.qid = entities.qid
    LEFT JOIN kept_images ON kept_images.image_id = image_entities.image_id
    GROUP BY entities.qid, entities.label
"""


@station(
    LABEL_VOCABULARY,
    reads=("entities", "image_entities", "kept_images"),
    params=lambda place: place.study.linking.min_class_pictures,
)
def label_vocabulary(work: Work) -> Made:
    """Classes of the entity classifier. A ledger: an entity keeps its index for good, one that has too few pictures says so."""
    rows = with_indices(work.select(_COUNTED), work.own_rows(), work.study.linking.min_class_pictures)
    return Made(rows, Counter(row["reason"] or "classes" for row in rows))


STATIONS: tuple[Station, ...] = (
    entity_names,
    mentions,
    entity_vectors,
    sql_asset(ENTITY_LINKS, every=("hits", "downloads")),
    sql_asset(LABEL_TAIL, preview=previews.LABEL_TAIL),
    sql_asset(IMAGE_ENTITIES, every=("queries", "hits", "downloads")),
    label_vocabulary,
)
