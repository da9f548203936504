"""Scores by classifiers of one's own: what the table has is kept, the rest is one job each on the cluster door.

Belongs here: which pictures still lack a score, the job that scores them, the scores of all as a SELECT.
Does not belong here: running a classifier (entitynet_train), which score rejects (sql/curation/verdicts.sql).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from entitynet_assets.cluster import Job
from entitynet_assets.resources import Workplace
from entitynet_assets.stations import Query, Work
from entitynet_train.spec import ClassifySpec, fingerprint, to_json

_KNOWN = "SELECT image_id, classifier, version, any_value(score) AS score FROM own_classifier_scores GROUP BY ALL"
_NEW = f"""
    SELECT image_id, path FROM images WHERE image_id NOT IN (
        SELECT image_id FROM ({_KNOWN}) AS known WHERE classifier = $classifier AND version = $version
    )
"""
_SCORES = """
    SELECT scored.image_id, entry.screen, entry.classifier, entry.version, scored.score
    FROM ({scored}) AS scored JOIN (SELECT UNNEST($screens) AS entry) AS named
        ON scored.classifier = entry.classifier AND scored.version = entry.version
    WHERE scored.image_id IN (SELECT image_id FROM images)
"""


@dataclass(frozen=True)
class Scores:
    """The scores of all pictures as the rows of the table, and what it took."""

    query: Query
    counts: Mapping[str, int]
    work: Mapping[str, int]


def classifier_screens(place: Workplace) -> list[dict[str, str]]:
    """Return the screens that have a classifier; margins are left out, as deciding again scores nothing."""
    return [
        {"screen": one.name, "classifier": one.classifier, "version": one.version}
        for one in place.study.screens
        if one.classifier
    ]


def scores_of(work: Work) -> Scores | None:
    """Return the scores of the slice's pictures by each classifier of the study; None if it has none.

    A score by the same classifier and version that the table already holds is taken over, whatever its screen is called now.
    A file that cannot be read has no score and is tried again when the slice is.
    """
    screens = classifier_screens(work.place)
    if not screens:
        return None
    views: dict[str, Sequence[Path]] = {**work.views, **work.own_view()}
    parts, params = [_KNOWN], {}
    counts, done = Counter[str](), Counter({"scored": 0, "classify_jobs": 0})
    for number, (classifier, version) in enumerate(sorted({(one["classifier"], one["version"]) for one in screens})):
        chosen = {"classifier": classifier, "version": version}
        file, digest, rows = work.lake.export(_NEW, views, f"classify/{work.table.name}", chosen)
        if not rows:
            continue
        spec = ClassifySpec(classifier, version, digest, root=str(work.lake.root), images=file)
        folder = work.lake.job_folder("classify", fingerprint(spec)[:16])
        result = work.place.cluster.run(Job("entitynet_train.classify", to_json(spec), folder))
        counts.update(result["counts"])
        done.update({"scored": rows, "classify_jobs": 1})
        views[f"fresh_{number}"] = [folder / "scores.parquet"]
        params |= {f"classifier_{number}": classifier, f"version_{number}": version}
        parts.append(f"SELECT image_id, $classifier_{number}, $version_{number}, score FROM fresh_{number}")
    query = _SCORES.format(scored=" UNION ALL ".join(parts))
    return Scores(Query(query, {**params, "screens": screens}, views), counts, done)
