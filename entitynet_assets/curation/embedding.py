"""Vectors by the study's encoder: what the table has is kept, the rest is one job on the cluster door.

Belongs here: which pictures or texts still lack a vector, the job that embeds them, the vectors of all as a SELECT.
Does not belong here: the encoder itself (entitynet_train), what vectors are for (assets.py, contamination.py, sql/curation).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from entitynet_assets.cluster import Job
from entitynet_assets.stations import Work
from entitynet_train.spec import EmbedSpec, fingerprint, to_json


@dataclass(frozen=True)
class Vectors:
    """The vectors of all that is wanted: a SELECT of (key, vector) with its files and values, and what it took."""

    query: str
    views: Mapping[str, Sequence[Path]]
    params: Mapping[str, Any]
    counts: Mapping[str, int]
    work: Mapping[str, int]


def encoder_identity(work_or_place: Any) -> list[str] | None:
    """Return what makes an encoder another one: its name and the sha256 of its weights; None without one."""
    encoder = work_or_place.study.encoder
    return encoder and [encoder.model, encoder.sha256]


def vectors_of(work: Work, wanted: str, key: str, params: Mapping[str, Any]) -> Vectors:
    """Return the vectors of what a SELECT asks for: pictures (`key` image_id, with their path) or texts (`key` text).

    A vector of the same encoder that the table already holds is taken over, so a round embeds only what is new; what is wanted no
    more is left out. A file that the encoder cannot read has no vector.
    """
    encoder = work.study.encoder
    assert encoder is not None, "a study without an encoder has no vectors"
    own = f"own_{work.table.name}"
    values = {**params, "encoder": encoder.model, "encoder_sha256": encoder.sha256}
    known = (
        f"SELECT {key}, any_value(vector) AS vector FROM {own} WHERE encoder = $encoder AND encoder_sha256 = $encoder_sha256 "
        f"AND {key} IN (SELECT {key} FROM ({wanted}) AS wanted) GROUP BY {key}"
    )
    columns = "image_id, path" if key == "image_id" else "text"
    new = (
        f"SELECT DISTINCT {columns} FROM ({wanted}) AS wanted WHERE {key} NOT IN (SELECT {key} FROM ({known}) AS known)"
    )
    views = {**work.views, **work.own_view()}
    tell = "SELECT count(*) AS number, (SELECT count(*) FROM ({known}) AS known) AS known FROM ({new}) AS new"
    (count,) = work.lake.select(tell.format(known=known, new=new), views, values)
    if not count["number"]:
        return Vectors(known, views, values, {"known": count["known"]}, {"embedded": 0, "embed_jobs": 0})
    file, digest, _ = work.lake.export(new, views, f"embed/{work.table.name}", values)
    folder, result = _embed(work, key, file, digest)
    views["fresh"] = [folder / ("embeddings.parquet" if key == "image_id" else "texts.parquet")]
    query = f"{known} UNION ALL SELECT {key}, vector FROM fresh"
    done = {"embedded": count["number"], "embed_jobs": 1}
    return Vectors(query, views, values, {"known": count["known"], **result["counts"]}, done)


def _embed(work: Work, key: str, file: str, digest: str) -> tuple[Path, dict[str, Any]]:
    encoder = work.study.encoder
    assert encoder is not None
    spec = EmbedSpec(encoder.model, encoder.sha256, root=str(work.lake.root))
    if key == "image_id":
        spec = replace(spec, images=file, images_fingerprint=digest)
    else:
        spec = replace(spec, texts=file, texts_fingerprint=digest)
    folder = work.lake.job_folder("embed", fingerprint(spec)[:16])

    def watch(line: Mapping[str, Any]) -> None:
        work.advance(int(line["step"]), int(line["total"]), "embedded")

    return folder, work.place.cluster.run(Job("entitynet_train.embed", to_json(spec), folder), watch)
