"""Named parts of a release: a predicate of a study as a condition on pictures.

Belongs here: the closed list of keys and the SQL of each. Does not belong here: which parts there are (the study), writing
them (assets.py). A key that says nothing asks for nothing; all that say something must hold.
"""

from __future__ import annotations

from typing import Any

from entitynet_assets.studies.models import Subrelease

CONDITIONS = {
    "below": "image_id IN (SELECT image_id FROM image_entities WHERE qid = ANY($below) OR qid IN "
    "(SELECT qid FROM entity_parents WHERE ancestor_qid = ANY($below)))",
    "licences": "image_id IN (SELECT downloads.image_id FROM downloads JOIN urls USING (url_id) WHERE urls.licence = ANY($licences))",
    "providers": "image_id IN (SELECT downloads.image_id FROM downloads JOIN hits USING (url_id) WHERE hits.provider = ANY($providers))",
    "min_side_px": "image_id IN (SELECT image_id FROM images WHERE least(original_width_px, original_height_px) >= $min_side_px)",
}
USABLE = """
    SELECT image_id FROM samples
    WHERE image_id IN (SELECT image_id FROM kept_images) AND image_id NOT IN (SELECT image_id FROM tombstones)
"""


def predicate(chosen: Subrelease) -> dict[str, Any]:
    """Return what a part asks of its pictures, without the keys that ask for nothing."""
    return {name: value for name, value in chosen.model_dump(exclude={"name"}).items() if value}


def keep_query(asked: dict[str, Any]) -> str:
    """Return the SELECT of the part's pictures; its parameters are the values of the predicate."""
    return "".join([USABLE, *(f" AND {CONDITIONS[name]}" for name in asked)])
