"""Score one exported checkpoint: `torchrun ... -m -- entitynet_train.evaluate --spec PATH --out DIR`.

Belongs here: from an EvalSpec to OUT/scores.json, OUT/predictions.parquet and OUT/result.json.
Does not belong here: definitions of scores (protocols/), loading and embedding (encoder.py).
More than one process shares the pictures of a benchmark; the figures are the same.

Shapes: N pictures, K classes, P templates, D features.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entitynet_train import report
from entitynet_train.distributed import World, hold_directory, process_group, wait_for_all
from entitynet_train.encoder import Encoder, Pictures, embed_pictures, load_encoder, read_pictures
from entitynet_train.entry import run_entry
from entitynet_train.protocols import zero_shot
from entitynet_train.spec import BenchmarkSpec, EvalSpec, Score, SpecError, fingerprint

# What a benchmark would have to hold beyond pictures and class names.
_MISSING_INPUTS = {
    "retrieval": "captions of the benchmark's pictures",
    "instance_retrieval": "a mark that classes are instances, every one with at least two pictures",
    "linear_probe": "a training part beside the pictures to score",
    "few_shot": "a support part beside the pictures to score",
}


@dataclass(frozen=True)
class Scored:
    """One benchmark's answer: figures, one prediction a picture, and what was left out."""

    scores: list[Score]
    predictions: dict[str, list]
    counts: dict[str, int]


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit code (entry.py says which)."""
    return run_entry(EvalSpec, evaluate, "Score one exported checkpoint on benchmarks.", argv)


def evaluate(spec: EvalSpec, out: Path) -> int:
    """Score `spec` in directory `out`; return 0. Raises SpecError for a spec that cannot be run."""
    with process_group() as world, hold_directory(out, world):
        if report.read_result(out, fingerprint(spec)):
            return 0
        _require_inputs(spec)
        encoder = load_encoder(spec.checkpoint, spec.checkpoint_sha256, world.device)
        scored = {b.name: _zero_shot(encoder, world, b, spec.batch_size) for b in spec.benchmarks}
        if world.is_first:
            _write(spec, out, scored)
        wait_for_all(world)
    return 0


def _require_inputs(spec: EvalSpec) -> None:
    for protocol in spec.protocols:
        if protocol in _MISSING_INPUTS:
            raise SpecError(
                f"protocols: found {protocol}; missing: {_MISSING_INPUTS[protocol]}, which a BenchmarkSpec cannot give "
                "yet; allowed: zero_shot"
            )
    for benchmark in spec.benchmarks:
        at = f"benchmark[{benchmark.name}]"
        if not benchmark.templates or not all("{}" in template for template in benchmark.templates):
            raise SpecError(f"{at}.templates: found {benchmark.templates!r}; allowed: at least one, each with a {{}}")
        nameless = [class_id for class_id, names in benchmark.classes.items() if not names]
        if nameless or not benchmark.classes:
            raise SpecError(
                f"{at}.classes: found {nameless or 'no class'}; allowed: classes with at least one name each"
            )


def _zero_shot(encoder: Encoder, world: World, benchmark: BenchmarkSpec, batch_size: int) -> Scored:
    pictures, counts = _known_pictures(benchmark)
    vector_ND, place_N = embed_pictures(encoder, world, pictures.paths, batch_size)
    counts["unreadable"] = len(pictures.paths) - len(place_N)
    if not len(place_N):
        raise SpecError(
            f"benchmark[{benchmark.name}].images: found no picture to score ({counts}); allowed: at least one"
        )
    class_ids = list(benchmark.classes)
    label_of = {class_id: label for label, class_id in enumerate(class_ids)}
    label_N = np.array([label_of[pictures.columns["class_id"][place]] for place in place_N])
    logits_NK = zero_shot.score_classes(vector_ND, _class_vectors(encoder, benchmark, batch_size))
    figures = zero_shot.accuracy(logits_NK, label_N)
    scores = [
        Score(benchmark.name, "zero_shot", metric, value, len(label_N))
        for metric, value in figures.items()
        if not np.isnan(value)  # a figure that is not defined is not a score
    ]
    predicted = [class_ids[best] for best in np.argmax(logits_NK, axis=1)]
    predictions = {
        "benchmark": [benchmark.name] * len(place_N),
        "image_id": [pictures.columns["image_id"][place] for place in place_N],
        "class_id": [class_ids[label] for label in label_N],
        "predicted_class_id": predicted,
        "rank_of_true": zero_shot.rank_of_true(logits_NK, label_N).tolist(),
    }
    return Scored(scores, predictions, {**counts, "scored": len(place_N)})


def _known_pictures(benchmark: BenchmarkSpec) -> tuple[Pictures, dict[str, int]]:
    """Return the pictures whose class is among the benchmark's, and the counts of all and of those without."""
    found = read_pictures(benchmark.root, benchmark.images, ("image_id", "class_id"))
    known = [place for place, class_id in enumerate(found.columns["class_id"]) if class_id in benchmark.classes]
    columns = {name: [values[place] for place in known] for name, values in found.columns.items()}
    counts = {"pictures": len(found.paths), "unknown_class": len(found.paths) - len(known)}
    return Pictures(columns, [found.paths[place] for place in known]), counts


def _class_vectors(encoder: Encoder, benchmark: BenchmarkSpec, batch_size: int) -> np.ndarray:
    prompts = [
        prompt
        for names in benchmark.classes.values()
        for prompt in zero_shot.fill_templates(names[0], benchmark.templates)
    ]
    vectors = encoder.texts(prompts, batch_size)
    return zero_shot.class_vectors(vectors.reshape(len(benchmark.classes), len(benchmark.templates), -1))


def _write(spec: EvalSpec, out: Path, scored: dict[str, Scored]) -> None:
    scores = [dataclasses.asdict(score) for one in scored.values() for score in one.scores]
    report.write_json(out / "scores.json", scores)
    text = pa.string()
    schema = pa.schema(
        [
            ("benchmark", text),
            ("image_id", text),
            ("class_id", text),
            ("predicted_class_id", text),
            ("rank_of_true", pa.int32()),
        ]
    )
    tables = [pa.table(one.predictions, schema=schema) for one in scored.values()]
    pq.write_table(pa.concat_tables([schema.empty_table(), *tables]), out / "predictions.parquet")
    counts = {name: one.counts for name, one in scored.items()}
    values = {"recipe": spec.recipe, "step": spec.step, "checkpoint_sha256": spec.checkpoint_sha256}
    files = {"scores": "scores.json", "predictions": "predictions.parquet"}
    report.write_result(out, fingerprint(spec), {**values, **files, "counts": counts})


if __name__ == "__main__":
    sys.exit(main())
