"""What teachers say of pictures and texts, asked once: what a table has is kept, the rest is one job a teacher on the cluster door.

Belongs here: which cuts and texts still lack a vector, the jobs that make them. Does not belong here: running a teacher
(entitynet_train.embed), learning from it (entitynet_train.reinforcement), which recipe has which teacher (the study).

A cut is drawn from (picture, augmentation) alone, so that all teachers see the same ones: share of the area from crop_scale_min to 1,
ratio of the sides from 0.9 to 1/0.9, as in training, no side longer than the picture's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from entitynet_assets.cluster import Job
from entitynet_assets.resources import Workplace, data_path
from entitynet_assets.stations import Made, Query, Work
from entitynet_assets.studies.models import Study, Teacher
from entitynet_train.spec import EmbedSpec, fingerprint, to_json

_DRAWS = ", ".join(
    f"('0x' || sha256(image_id || '/' || augmentation || '/{place}')[1:8])::UBIGINT / 4294967296.0 AS u{place}" for place in range(4)
)  # fmt: skip
_CUTS = f"""
    WITH asked AS (
        SELECT image_id, path, width_px, height_px, augmentation
        FROM kept_images CROSS JOIN (SELECT unnest(range($augmentations::BIGINT)) AS augmentation) AS numbers
    ),

    drawn AS (SELECT *, {_DRAWS} FROM asked),

    shaped AS (
        SELECT *, width_px * height_px * ($scale + u0 * (1 - $scale)) AS area, exp((2 * u1 - 1) * ln(1 / 0.9)) AS ratio FROM drawn
    ),

    sized AS (
        SELECT *, greatest(1, least(width_px, round(sqrt(area * ratio))))::BIGINT AS across,
            greatest(1, least(height_px, round(sqrt(area / ratio))))::BIGINT AS down
        FROM shaped
    ),

    placed AS (
        SELECT *, floor(u2 * (width_px - across + 1))::BIGINT AS left_px, floor(u3 * (height_px - down + 1))::BIGINT AS top_px FROM sized
    )

    SELECT image_id, augmentation, path, left_px, top_px, left_px + across AS right_px, top_px + down AS bottom_px FROM placed
"""
_KNOWN_CUTS = """
    SELECT image_id, teacher, teacher_sha256, augmentation, crop_scale_min, left_px, top_px, right_px, bottom_px, vector
    FROM own_reinforcements
    WHERE teacher = $teacher AND teacher_sha256 = $sha256 AND crop_scale_min = $scale AND augmentation < $augmentations
        AND image_id IN (SELECT image_id FROM kept_images)
"""
_NEW_CUTS = f"""
    SELECT image_id || '/' || augmentation AS image_id, path, left_px, top_px, right_px, bottom_px FROM ({_CUTS}) AS cuts
    ANTI JOIN ({_KNOWN_CUTS}) AS known USING (image_id, augmentation)
"""
_FRESH_CUTS = f"""
    SELECT cuts.image_id, $teacher AS teacher, $sha256 AS teacher_sha256, cuts.augmentation, $scale::DOUBLE AS crop_scale_min,
        cuts.left_px, cuts.top_px, cuts.right_px, cuts.bottom_px, fresh.vector
    FROM ({_CUTS}) AS cuts JOIN fresh ON fresh.image_id = cuts.image_id || '/' || cuts.augmentation
"""
_WANTED_TEXTS = """
    SELECT DISTINCT text FROM (
        SELECT source, text FROM image_texts SEMI JOIN kept_images USING (image_id)
        UNION ALL SELECT source, text FROM query_texts SEMI JOIN caption_links USING (query_id)
        UNION ALL SELECT kind, text FROM entity_texts SEMI JOIN caption_links USING (qid)
        UNION ALL SELECT 'ancestor', text FROM ancestor_texts SEMI JOIN caption_links USING (qid)
    ) AS said
    WHERE trim(text) <> '' AND source = ANY($sources) AND slice_of(text, $slice_count) = $slice_index
"""
_KNOWN_TEXTS = f"""
    SELECT text, teacher, teacher_sha256, vector FROM own_teacher_texts
    WHERE teacher = $teacher AND teacher_sha256 = $sha256 AND text IN ({_WANTED_TEXTS})
"""
_NEW_TEXTS = f"SELECT text FROM ({_WANTED_TEXTS}) AS wanted ANTI JOIN ({_KNOWN_TEXTS}) AS known USING (text)"
_FRESH_TEXTS = "SELECT text, $teacher AS teacher, $sha256 AS teacher_sha256, vector FROM fresh"


@dataclass(frozen=True)
class Asking:
    """How a table of vectors is made: what it has, what it lacks, and what the job's answer (the view `fresh`) becomes."""

    known: str
    new: str
    fresh: str
    answer: str


CUTS = Asking(_KNOWN_CUTS, _NEW_CUTS, _FRESH_CUTS, "embeddings.parquet")
TEXTS = Asking(_KNOWN_TEXTS, _NEW_TEXTS, _FRESH_TEXTS, "texts.parquet")


def teachers_of(study: Study) -> list[Teacher]:
    """Return the teachers that a recipe learns from."""
    wanted = {recipe.teacher for recipe in study.recipes}
    return [teacher for teacher in study.teachers if teacher.name in wanted]


def cut_choices(place: Workplace) -> Any:
    """Return what makes other cuts or other vectors of them."""
    return [teacher.model_dump() for teacher in teachers_of(place.study)]


def text_choices(place: Workplace) -> Any:
    """Return what makes other texts or other vectors of them."""
    teachers = teachers_of(place.study)
    return [sources_of(place.study) if teachers else [], [(one.name, one.model, one.sha256) for one in teachers]]


def sources_of(study: Study) -> list[str]:
    """Return the sources of captions that a recipe with a teacher can draw."""
    mixes = {recipe.mix for recipe in study.recipes if recipe.teacher}
    return sorted({source for mix in study.mixes if mix.name in mixes for source in mix.caption_mix().sources})


@dataclass
class _Gathered:
    """The SELECTs of all teachers so far with their views and values, each value under a name of its own."""

    parts: list[str] = field(default_factory=list[str])
    views: dict[str, Sequence[Path]] = field(default_factory=dict[str, Sequence[Path]])
    params: dict[str, Any] = field(default_factory=dict[str, Any])

    def add(self, query: str, values: Mapping[str, Any], fresh: Path | None = None) -> None:
        """Take up a SELECT; its $names and its view `fresh` are told from those of other teachers by a number."""
        number = len(self.parts)
        for name in sorted(values, key=len, reverse=True):
            if f"${name}" in query:
                query = query.replace(f"${name}", f"$p{number}_{name}")
                self.params[f"p{number}_{name}"] = values[name]
        if fresh:
            query = query.replace("fresh", f"fresh_{number}")
            self.views[f"fresh_{number}"] = [fresh]
        self.parts.append(query)


def vectors_by(work: Work, asking: Asking, values: Mapping[str, Any]) -> Made:
    """Return the rows of all teachers: those the table has of the same weights, and those of one job for what is new.

    Cuts of pictures that cannot be read have no row, and are asked again when the slice is made the next time.
    """
    found, counts, done = _Gathered(), {"known": 0, "lacking": 0}, {"embedded": 0, "embed_jobs": 0}
    views = {**work.views, **work.own_view()}
    for teacher in teachers_of(work.study):
        own = {
            **values, "teacher": teacher.name, "sha256": teacher.sha256, "scale": teacher.crop_scale_min,
            "augmentations": teacher.augmentations,
        }  # fmt: skip
        found.add(asking.known, own)
        known, new = (_counted(work, query, views, own) for query in (asking.known, asking.new))
        counts["known"] += known
        if new:
            answer, embedded = _asked(work, asking, teacher, own)
            found.add(asking.fresh, own, answer)
            counts["lacking"] += new - embedded
            done = {"embedded": done["embedded"] + embedded, "embed_jobs": done["embed_jobs"] + 1}
    if not found.parts:
        return Made([])
    return Made(Query(" UNION ALL ".join(found.parts), found.params, {**views, **found.views}), counts, done)


def _counted(work: Work, query: str, views: Mapping[str, Sequence[Path]], values: Mapping[str, Any]) -> int:
    return work.lake.select(f"SELECT count(*) AS number FROM ({query}) AS counted", views, _used(query, values))[0][
        "number"
    ]


def _used(query: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f"${name}" in query}


def _asked(work: Work, asking: Asking, teacher: Teacher, values: Mapping[str, Any]) -> tuple[Path, int]:
    """Run the job for what is new; return the file of vectors and how many are in it."""
    views = {**work.views, **work.own_view()}
    file, digest, _ = work.lake.export(asking.new, views, f"embed/{work.table.name}", _used(asking.new, values))
    local = data_path(teacher.model)
    name, root = str(local) if local.is_dir() else teacher.model, str(work.lake.root)
    images, of_images = (file, digest) if asking is CUTS else ("", "")
    texts, of_texts = (file, digest) if asking is TEXTS else ("", "")
    spec = EmbedSpec(name, teacher.sha256, of_images, of_texts, root, images, texts)
    folder = work.lake.job_folder("embed", fingerprint(spec)[:16])
    counts = work.place.cluster.run(Job("entitynet_train.embed", to_json(spec), folder))["counts"]
    return folder / asking.answer, counts["embedded"] if asking is CUTS else counts["texts"]
