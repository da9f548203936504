"""`entitynet classify FOLDER`: what the pictures of a folder show, by an export and its entities.

Belongs here: flags, the order of embedding, calibrating and answering, words. Does not belong here: the rule of an answer (answers.py),
how it looks (show.py).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from entitynet_assets.classify.answers import Answer, Vocabulary, answer, chances
from entitynet_assets.classify.calibration import Calibration, calibrate, pictures_for
from entitynet_assets.classify.show import as_json, summary, table, tsv
from entitynet_assets.classify.vectors import (
    Export,
    Watch,
    cosines,
    embedded_folder,
    embedded_table,
    export_of_recipe,
    listed,
    open_export,
    vocabulary_of,
)
from entitynet_assets.lake import Lake
from entitynet_assets.resources import Workplace, home
from entitynet_assets.session import console, told_plainly
from entitynet_assets.shelf import Shelf, open_shelf
from entitynet_assets.studies.models import Study, StudyError, load_study

_HELD_OUT = """
    SELECT image_id, min(path) AS path FROM benchmark_images WHERE image_id NOT IN (SELECT image_id FROM tombstones)
    GROUP BY image_id HAVING count(DISTINCT class_id) = 1 ORDER BY image_id LIMIT {limit}
"""
_CLASSES = (
    "SELECT image_id, min(class_id) AS qid FROM benchmark_images GROUP BY image_id HAVING count(DISTINCT class_id) = 1"
)


def classify(
    folder: Annotated[Path, typer.Argument(help="A folder of pictures, at any depth.")],
    study: Annotated[str | None, typer.Option("--study", help="A study's name or the path of its TOML file.")] = None,
    recipe: Annotated[str | None, typer.Option(help="The recipe whose model names them; default the best.")] = None,
    checkpoint: Annotated[Path | None, typer.Option(help="A folder with an export, instead of a study's.")] = None,
    top: Annotated[int, typer.Option(min=1, help="Likeliest entities to show for each.")] = 3,
    min_score: Annotated[float, typer.Option(help="Least score of an answer, above 0 and up to 1.")] = 0.5,
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    lines: Annotated[bool, typer.Option("--tsv", help="Print a tab-separated line a file.")] = False,
) -> None:
    """Name what the pictures of a folder show: the entity, or the class above it that is sure enough, or nothing."""
    with told_plainly():
        if not 0 < min_score <= 1:
            raise StudyError(f"--min-score: found {min_score:g}; allowed: a score above 0 and up to 1")
        if recipe and checkpoint:
            raise StudyError("--recipe, --checkpoint: found both; allowed: one of them")
        names, chosen = listed(folder), load_study(study)
        with _opened(chosen, recipe, checkpoint) as (export, shelf), _bar() as watch:
            place = Workplace(chosen, Lake(home(chosen) / "classify"))
            vocabulary = vocabulary_of(export, place.lake)
            known = _calibrated(place, shelf, export, vocabulary, min_score, watch) if shelf else None
            vectors = embedded_folder(place, export, folder, names, watch)
            found: dict[str, Answer | None] = dict.fromkeys(names)
            scale = known.scale if known else export.logit_scale
            for image_ids, cosine_NK in cosines(place.lake, vectors, vocabulary):
                for name, chance_K in zip(image_ids, chances(cosine_NK, scale), strict=True):
                    found[name] = answer(vocabulary, chance_K, min_score, top)
        _print(found, export, known, min_score, (json, lines))


@contextlib.contextmanager
def _opened(study: Study, recipe: str | None, checkpoint: Path | None) -> Iterator[tuple[Export, Shelf | None]]:
    if checkpoint:
        yield (
            open_export(checkpoint, f"the export {checkpoint.name}", "name a folder that a training has written"),
            None,
        )
        return
    with open_shelf(study) as shelf:
        yield export_of_recipe(shelf, recipe), shelf


@contextlib.contextmanager
def _bar() -> Iterator[Watch]:
    """Show on the error output how far the embedding is, so that the answer can be piped elsewhere."""
    columns = SpinnerColumn(), TextColumn("embedding"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def watch(line: Mapping[str, Any]) -> None:
            bar.update(task, completed=int(line["step"]), total=int(line["total"]))

        yield watch


def _calibrated(
    place: Workplace, shelf: Shelf, export: Export, vocabulary: Vocabulary, min_score: float, watch: Watch
) -> Calibration | None:
    """Calibrate on the held-out pictures of the study's benchmarks; None where no class of theirs is an entity of the export."""
    if shelf.lacks("benchmark_images") or shelf.lacks("tombstones"):
        return None
    classes = {row["image_id"]: vocabulary.entity(row["qid"]) for row in shelf.ask(_CLASSES)}
    vectors = embedded_table(
        place, export, shelf.lake, _HELD_OUT.format(limit=pictures_for(len(vocabulary.qids))), watch
    )
    parts, labels = list[np.ndarray](), list[int]()
    for image_ids, cosine_NK in cosines(place.lake, vectors, vocabulary):
        known = [number for number, image_id in enumerate(image_ids) if classes.get(image_id) is not None]
        parts.append(cosine_NK[known])
        labels += [int(classes[image_ids[number]] or 0) for number in known]
    if not labels:
        return None
    return calibrate(vocabulary, np.concatenate(parts), np.array(labels, np.int64), export.logit_scale, min_score)


def _print(
    found: Mapping[str, Answer | None],
    export: Export,
    known: Calibration | None,
    min_score: float,
    form: tuple[bool, bool],
) -> None:
    as_values, as_lines = form
    if as_values:
        calibration = vars(known) if known else None
        facts = {
            "model": export.named,
            "weights_sha256": export.weights_sha256,
            "min_score": min_score,
            "calibration": calibration,
        }
        typer.echo(as_json(found, facts))
    elif as_lines:
        typer.echo(tsv(found))
    else:
        console.print(table(found))
        console.print(f"{summary(found)}. By {export.named}.", highlight=False, markup=False, soft_wrap=True)
        uncalibrated = "Scores are not calibrated: no held-out pictures of these entities are at hand. Compare them, trust none of them."
        console.print(known.words() if known else uncalibrated, highlight=False, markup=False, soft_wrap=True)
