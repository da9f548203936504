"""Score what no model is needed for: `python -m entitynet_train.floor --spec PATH --out DIR`.

Belongs here: from a FloorSpec to OUT/scores.json and OUT/result.json. Does not belong here: features and the classifier
(protocols/colour_hog.py), which pictures are learnt from (the platform).

Shapes: N pictures, D features.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from entitynet_train import report
from entitynet_train.encoder import read_pictures
from entitynet_train.entry import run_entry
from entitynet_train.protocols.colour_hog import colour_hog_accuracy, picture_features
from entitynet_train.spec import BenchmarkSpec, FloorSpec, Score, fingerprint

Labelled = tuple[np.ndarray, np.ndarray]  # feature_ND, label_N
COLUMNS = ("image_id", "class_id")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(FloorSpec, measure, "Score a classifier of plain features on benchmarks.", argv)


def measure(spec: FloorSpec, out: Path) -> int:
    """Measure `spec` in directory `out`; return 0. Raises SpecError for a spec that cannot be run."""
    out.mkdir(parents=True, exist_ok=True)
    if report.read_result(out, fingerprint(spec)):
        return 0
    known: dict[Path, np.ndarray | None] = {}
    scores: list[Score] = []
    counts: dict[str, dict[str, int]] = {}
    for benchmark in spec.benchmarks:
        train, held_out = (
            _labelled(spec.root, spec.train, benchmark, known),
            _labelled(benchmark.root, benchmark.images, benchmark, known),
        )
        scores += _scores(spec.floor, benchmark, train, held_out)
        counts[benchmark.name] = {"train": len(train[1]), "scored": len(held_out[1])}
    report.write_json(out / "scores.json", [dataclasses.asdict(score) for score in scores])
    unreadable = sum(one is None for one in known.values())
    report.write_result(out, fingerprint(spec), {"scores": "scores.json", "counts": counts, "unreadable": unreadable})
    return 0


def _labelled(root: str, images: str, benchmark: BenchmarkSpec, known: dict[Path, np.ndarray | None]) -> Labelled:
    """Return the features and labels of the pictures whose class is among the benchmark's; unreadable ones are left out."""
    found, label_of = (
        read_pictures(root, images, COLUMNS),
        {name: place for place, name in enumerate(benchmark.classes)},
    )
    rows = [
        (path, label_of[name])
        for path, name in zip(found.paths, found.columns["class_id"], strict=True)
        if name in label_of
    ]
    for path in {path for path, _ in rows} - known.keys():
        known[path] = _features(path)
    read = [(known[path], label) for path, label in rows]
    return _stacked([one for one, _ in read if one is not None]), np.array(
        [label for one, label in read if one is not None], np.int64
    )


def _stacked(features: Sequence[np.ndarray]) -> np.ndarray:
    return np.stack(features) if features else np.zeros((0, 0), np.float32)


def _features(path: Path) -> np.ndarray | None:
    try:
        with Image.open(path) as image:
            return picture_features(image)
    except Exception:  # a decoder of foreign bytes may raise anything; the picture is counted
        return None


def _scores(floor: str, benchmark: BenchmarkSpec, train: Labelled, held_out: Labelled) -> list[Score]:
    """Return the figures of a benchmark; none where there is nothing to learn from or to score."""
    if len(np.unique(train[1])) < 2 or not len(held_out[1]):
        return []
    figures = colour_hog_accuracy(*train, *held_out, classes=len(benchmark.classes))
    return [
        Score(benchmark.name, floor, metric, value, len(held_out[1]))
        for metric, value in figures.items()
        if not np.isnan(value)
    ]


if __name__ == "__main__":
    sys.exit(main())
