"""The export that names pictures, and the vectors of a folder's pictures by one embedding job on the cluster door.

Belongs here: finding an export and reading its entities, listing a folder, the job. Does not belong here: what is made of the cosines
(answers.py), flags (command.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entitynet_assets.classify.answers import Vocabulary
from entitynet_assets.cluster import Job
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace
from entitynet_assets.shelf import Shelf
from entitynet_assets.studies.models import StudyError
from entitynet_train.spec import EmbedSpec, fingerprint, to_json

CELLS = 8_000_000  # cosines in memory at a time
Watch = Callable[[Mapping[str, Any]], None]
_CHECKPOINTS = "SELECT recipe, step, path FROM checkpoints ORDER BY samples_seen DESC, recipe"
_ENTITIES = "SELECT qid, label, ancestors FROM entities_file ORDER BY qid"
_VECTORS = "SELECT qid, vector::FLOAT[] AS vector FROM entities_file ORDER BY qid"


@dataclass(frozen=True)
class Export:
    """A folder with an open_clip export and its entities; `named` says in words which it is."""

    folder: Path
    named: str
    weights_sha256: str
    logit_scale: float


def export_of_recipe(shelf: Shelf, recipe: str | None) -> Export:
    """Return the export of a recipe, or of the best of the leaderboard. Raises StudyError if nothing is trained yet."""
    study = shelf.study.name
    found = shelf.ask(_CHECKPOINTS)
    if recipe and recipe not in [one.name for one in shelf.study.recipes]:
        allowed = ", ".join(one.name for one in shelf.study.recipes)
        raise StudyError(f"--recipe: found {recipe!r}; allowed: {allowed}")
    best = shelf.ask("SELECT recipe FROM leaderboard ORDER BY place LIMIT 1")
    wanted = recipe or (best[0]["recipe"] if best else None)
    rows = [row for row in found if row["recipe"] == wanted] or ([] if recipe else found)
    if not rows:
        chosen = f" --recipes {recipe}" if recipe else ""
        raise StudyError(
            f"no checkpoint of {f'recipe {recipe} of ' if recipe else ''}study {study} yet; "
            f"run `entitynet run --study {study}{chosen}` first, or name an export by --checkpoint"
        )
    named = f"recipe {rows[0]['recipe']} of study {study}, step {rows[0]['step']:,}"
    return open_export(shelf.lake.root / rows[0]["path"], named, f"run `entitynet run --study {study}` again")


def open_export(folder: Path, named: str, remedy: str) -> Export:
    """Return the export in a folder. Raises StudyError for a folder without one, or without entities."""
    for name in ("open_clip_config.json", "entities.parquet", "entities.json"):
        if not (folder / name).is_file():
            raise StudyError(f"{folder}: found no {name}; allowed: an export with its entities; {remedy}")
    try:
        facts = json.loads((folder / "entities.json").read_text())
        return Export(folder.absolute(), named, facts["weights_sha256"], float(facts["logit_scale"]))
    except (ValueError, KeyError, TypeError) as error:
        raise StudyError(f"{folder / 'entities.json'}: {error!r}; {remedy}") from error


def vocabulary_of(export: Export, lake: Lake) -> Vocabulary:
    """Return the entities of an export. Raises StudyError if there is none."""
    views = {"entities_file": [export.folder / "entities.parquet"]}
    rows = lake.select(_ENTITIES, views)
    if not rows:
        raise StudyError(f"{export.folder / 'entities.parquet'}: found no entity; allowed: at least one")
    vector_KD = np.concatenate([vectors for _, vectors in lake.vectors(_VECTORS, views)])
    ancestors = [[(above["qid"], above["label"]) for above in row["ancestors"] or ()] for row in rows]
    return Vocabulary([row["qid"] for row in rows], [row["label"] for row in rows], ancestors, vector_KD)


def listed(folder: Path) -> list[str]:
    """Return every file at or below a folder, relative to it and sorted; hidden ones are left out. Raises StudyError if there is none."""
    if not folder.is_dir():
        raise StudyError(f"FOLDER: found {folder}; allowed: a folder of pictures")
    files = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    names = [path.as_posix() for path in files if not any(part.startswith(".") for part in path.parts)]
    if not names:
        raise StudyError(
            f"FOLDER: found no file in {folder}; allowed: a folder with at least one picture, at any depth"
        )
    return names


def embedded_folder(place: Workplace, export: Export, folder: Path, names: Sequence[str], watch: Watch) -> Path:
    """Embed the files of a folder; return the Parquet file of their vectors. Unchanged files are not embedded again."""
    stats = [(folder / name).stat() for name in names]
    state = [[name, stat.st_size, stat.st_mtime_ns] for name, stat in zip(names, stats, strict=True)]
    digest = hashlib.sha256(json.dumps([str(folder.absolute()), state]).encode()).hexdigest()
    table = place.lake.root / "folders" / f"{digest[:16]}.parquet"
    table.parent.mkdir(exist_ok=True)
    place.lake.write_parquet(
        table, {"image_id": "VARCHAR", "path": "VARCHAR"}, [{"image_id": name, "path": name} for name in names]
    )
    spec = EmbedSpec("", "", digest, root=str(folder.absolute()), images=str(table))
    return _embedded(place, place.lake, export, spec, watch)


def embedded_table(place: Workplace, export: Export, lake: Lake, query: str, watch: Watch) -> Path:
    """Embed pictures of a study's lake that a SELECT of image_id and path names; return the Parquet file of their vectors.

    It lies in that lake, where a purge finds it.
    """
    views = {"benchmark_images": [lake.path("benchmark_images")], "tombstones": [lake.path("tombstones")]}
    file, digest, _ = lake.export(query, views, "held_out/classify")
    return _embedded(place, lake, export, EmbedSpec("", "", digest, root=str(lake.root), images=file), watch)


def _embedded(place: Workplace, lake: Lake, export: Export, spec: EmbedSpec, watch: Watch) -> Path:
    values = {**vars(spec), "encoder": str(export.folder), "encoder_sha256": export.weights_sha256}
    whole = EmbedSpec(**values)
    folder = lake.job_folder("embed", fingerprint(whole)[:16])
    place.cluster.run(Job("entitynet_train.embed", to_json(whole), folder), watch)
    return folder / "embeddings.parquet"


def cosines(lake: Lake, vectors: Path, vocabulary: Vocabulary) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Yield (image ids, cosine_NK) of embedded pictures, as many at a time as fit in memory with all entities."""
    rows = max(1, CELLS // len(vocabulary.qids))
    for image_ids, vector_ND in lake.vectors("SELECT image_id, vector FROM pictures", {"pictures": [vectors]}):
        for begin in range(0, len(image_ids), rows):
            part = slice(begin, begin + rows)
            yield image_ids[part], vector_ND[part] @ vocabulary.vector_KD.T
