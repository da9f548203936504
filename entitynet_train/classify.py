"""Score pictures by a classifier of one's own: `torchrun ... -m -- entitynet_train.classify --spec PATH --out DIR`.

Belongs here: from a ClassifySpec to OUT/scores.parquet and OUT/result.json, the checks of what a foreign function answers.
Does not belong here: any classifier (whoever studies brings it), from which score on a picture is rejected (the platform).

Shapes: N pictures of a batch.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from entitynet_train import report
from entitynet_train.distributed import World, gather_all, hold_directory, process_group, wait_for_all
from entitynet_train.encoder import load_ahead, read_pictures, slices
from entitynet_train.entry import run_entry
from entitynet_train.spec import ClassifySpec, SpecError, fingerprint

Classifier = Callable[[list[Image.Image]], Sequence[float]]
_ANSWER = "one finite number a picture, in the order of the pictures"


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(ClassifySpec, classify, "Score pictures by a classifier of one's own.", argv)


def classify(spec: ClassifySpec, out: Path) -> int:
    """Score the pictures of `spec` in directory `out`; return 0.

    Raises SpecError for a classifier that cannot be imported or answers anything but one finite number a picture.
    """
    with process_group() as world, hold_directory(out, world):
        if report.read_result(out, fingerprint(spec)):
            return 0
        pictures = read_pictures(spec.root, spec.images, ("image_id",))
        scores = _score(_import(spec.classifier), spec, world, pictures.paths)
        if world.is_first:
            image_ids = pictures.columns["image_id"]
            table = {"image_id": pa.array([image_ids[place] for place in sorted(scores)], pa.string()),
                     "score": pa.array([scores[place] for place in sorted(scores)], pa.float64())}  # fmt: skip
            pq.write_table(pa.table(table), out / "scores.parquet")
            unreadable = [image_id for place, image_id in enumerate(image_ids) if place not in scores]
            counts = {"pictures": len(image_ids), "scored": len(scores), "unreadable": len(unreadable)}
            values = {"scores": "scores.parquet", "counts": counts, "unreadable": unreadable[:100]}
            report.write_result(out, fingerprint(spec), values)
        wait_for_all(world)
    return 0


def _import(classifier: str) -> Classifier:
    name, _, attribute = classifier.partition(":")
    try:
        found: Any = getattr(importlib.import_module(name), attribute)
    except (ImportError, AttributeError) as error:
        raise SpecError(
            f"classifier: found {classifier!r}, which cannot be imported ({error}); allowed: a function of an installed package, "
            "or of a module whose folder is on PYTHONPATH"
        ) from error
    if callable(found):
        return cast(Classifier, found)
    raise SpecError(f"classifier: found {classifier!r}, a {type(found).__name__}; allowed: a function")


def _score(classifier: Classifier, spec: ClassifySpec, world: World, paths: list[Path]) -> dict[int, float]:
    """Return the score of each readable picture by its place in `paths`, on every rank."""
    own = range(world.rank, len(paths), world.size)
    scores: dict[int, float] = {}
    for loaded in load_ahead(paths, lambda image: image.convert("RGB"), slices(own, spec.batch_size)):
        ready = [(place, image) for place, image in loaded if image is not None]
        if ready:
            score_N = _checked(spec.classifier, classifier([image for _, image in ready]), len(ready))
            scores |= zip((place for place, _ in ready), score_N.tolist(), strict=True)
    return {place: score for share in gather_all(world, scores) for place, score in share.items()}


def _checked(name: str, answer: Any, count: int) -> np.ndarray:
    """Return score_N (float64) of a classifier's answer to `count` pictures, if it is one."""
    try:
        score_N = np.asarray(answer, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError) as error:  # RuntimeError: a tensor that still has its gradient
        raise SpecError(f"classifier: {name} answered {type(answer).__name__} ({error}); allowed: {_ANSWER}") from error
    if score_N.shape != (count,):
        raise SpecError(
            f"classifier: {name} answered scores of shape {score_N.shape} to {count} pictures; allowed: {_ANSWER}"
        )
    if not np.isfinite(score_N).all():
        bad = score_N[~np.isfinite(score_N)][0]
        raise SpecError(f"classifier: {name} answered the score {bad}; allowed: {_ANSWER}")
    return score_N


if __name__ == "__main__":
    sys.exit(main())
