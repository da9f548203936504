"""The door of the mixes room: a mix is weights; the words that it draws from and what it comes to are SELECTs.

What teachers say of pictures and words is asked once, for all recipes that learn from them.
"""

from __future__ import annotations

from entitynet_assets import previews
from entitynet_assets.mixes.reinforcement import CUTS, TEXTS, cut_choices, sources_of, text_choices, vectors_by
from entitynet_assets.sql_assets import sql_asset
from entitynet_assets.stations import Made, Station, Work, station
from entitynet_assets.tables import (
    ANCESTOR_TEXTS,
    CAPTION_LINKS,
    CAPTION_MIXES,
    MIX_BALANCE,
    QUERY_TEXTS,
    REINFORCEMENTS,
    TEACHER_TEXTS,
)


@station(REINFORCEMENTS, reads=("kept_images",), kinds=("python", "pytorch"), params=cut_choices)
def reinforcements(work: Work) -> Made:
    """Kept pictures as the study's teachers see them, cut in so many places; each cut is embedded once for the same weights.

    Only teachers that a recipe names; none without one.
    """
    return vectors_by(work, CUTS, {})


_WORDS = ("kept_images", "image_texts", "query_texts", "entity_texts", "ancestor_texts", "caption_links")


@station(TEACHER_TEXTS, reads=_WORDS, every=_WORDS, kinds=("python", "pytorch"), params=text_choices)
def teacher_texts(work: Work) -> Made:
    """Texts that the recipes with a teacher can draw, as the teacher reads them; each is embedded once for the same weights."""
    own_slice = {"slice_count": work.study.slices, "slice_index": int(work.slice)}
    return vectors_by(work, TEXTS, {"sources": sources_of(work.study), **own_slice})


STATIONS: tuple[Station, ...] = (
    sql_asset(QUERY_TEXTS), sql_asset(ANCESTOR_TEXTS), sql_asset(CAPTION_LINKS, every=("queries",)),
    sql_asset(CAPTION_MIXES, preview=previews.CAPTION_MIXES), sql_asset(MIX_BALANCE, preview=previews.MIX_BALANCE),
    reinforcements, teacher_texts,
)  # fmt: skip
