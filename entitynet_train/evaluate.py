"""Score one exported checkpoint: `torchrun ... -m -- entitynet_train.evaluate --spec PATH --out DIR`.

Belongs here: from an EvalSpec to OUT/scores.json, OUT/predictions.parquet and OUT/result.json.
Does not belong here: definitions of scores (protocols/; as rows: protocols/scored.py), loading and embedding (encoder.py).
More than one process shares the pictures of a benchmark; the figures are the same.

Shapes: N pictures, K classes, P templates, D features. Pictures stand in the order of their ids.
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
from entitynet_train.encoder import Encoder, embed_pictures, load_encoder, read_pictures
from entitynet_train.entry import run_entry
from entitynet_train.protocols import zero_shot
from entitynet_train.protocols.inputs import ProtocolError
from entitynet_train.protocols.linear_probe_adamw import Part
from entitynet_train.protocols.scored import BY_VECTORS, Vectors, template_words, zero_shot_scores
from entitynet_train.spec import LEARNT_PROTOCOLS, BenchmarkSpec, EvalSpec, Score, SpecError, fingerprint


@dataclass(frozen=True)
class Scored:
    """One benchmark's answer: figures, one prediction a picture (of zero-shot), and what was left out."""

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
        scored = {b.name: _score(encoder, world, b, spec.batch_size) for b in spec.benchmarks}
        if world.is_first:
            _write(spec, out, scored)
        wait_for_all(world)
    return 0


def _require_inputs(spec: EvalSpec) -> None:
    for benchmark in spec.benchmarks:
        at = f"benchmark[{benchmark.name}]"
        learnt = [protocol for protocol in benchmark.protocols if protocol in LEARNT_PROTOCOLS]
        if learnt and not benchmark.train:
            raise SpecError(
                f"{at}.train: found no training part, from which {learnt[0]} learns; allowed: pictures of "
                f'part "train" beside those to score, or protocols without {", ".join(learnt)}'
            )
        if "zero_shot" in benchmark.protocols and not (
            benchmark.templates and all("{}" in template for template in benchmark.templates)
        ):
            raise SpecError(f"{at}.templates: found {benchmark.templates!r}; allowed: at least one, each with a {{}}")
        nameless = [class_id for class_id, names in benchmark.classes.items() if not names]
        if nameless or not benchmark.classes:
            raise SpecError(
                f"{at}.classes: found {nameless or 'no class'}; allowed: classes with at least one name each"
            )


def _score(encoder: Encoder, world: World, benchmark: BenchmarkSpec, batch_size: int) -> Scored:
    """Embed a benchmark once and ask every protocol of it."""
    image_ids, test, counts = _embedded(encoder, world, benchmark, benchmark.images, batch_size)
    if not len(test.label_N):
        raise SpecError(
            f"benchmark[{benchmark.name}].images: found no picture to score ({counts}); allowed: at least one"
        )
    counts["scored"] = len(test.label_N)
    train = None
    if benchmark.train:
        _, train, train_counts = _embedded(encoder, world, benchmark, benchmark.train, batch_size)
        counts |= {f"train_{name}": count for name, count in train_counts.items()}
    vectors = Vectors(benchmark.name, len(benchmark.classes), test, train)
    scores: list[Score] = []
    predictions: dict[str, list] = {}
    for protocol in benchmark.protocols:
        try:
            if protocol == "zero_shot":
                class_KD = _class_vectors(encoder, benchmark, batch_size)
                (found, left_out), predictions = _zero_shot(benchmark, vectors, image_ids, class_KD)
            else:
                found, left_out = BY_VECTORS[protocol](vectors)
        except ProtocolError as error:
            raise SpecError(f"benchmark[{benchmark.name}].{protocol}: {error}") from error
        scores += found
        counts |= left_out
    return Scored(scores, predictions, counts)


def _zero_shot(
    benchmark: BenchmarkSpec, vectors: Vectors, image_ids: list[str], class_KD: np.ndarray
) -> tuple[tuple[list[Score], dict[str, int]], dict[str, list]]:
    """Return the scores with what was left out, and one prediction a picture."""
    class_ids, label_N = list(benchmark.classes), vectors.test.label_N
    logits_NK = zero_shot.score_classes(vectors.test.vector_ND, class_KD)
    rank_N = zero_shot.rank_of_true(logits_NK, label_N)
    predictions = {
        "benchmark": [benchmark.name] * len(label_N),
        "image_id": image_ids,
        "class_id": [class_ids[label] for label in label_N],
        "predicted_class_id": [class_ids[best] for best in np.argmax(logits_NK, axis=1)],
        "rank_of_true": rank_N.tolist(),
    }
    return zero_shot_scores(vectors, rank_N, f"{template_words(benchmark.templates)}; names: first"), predictions


def _embedded(
    encoder: Encoder, world: World, benchmark: BenchmarkSpec, images: str, batch_size: int
) -> tuple[list[str], Part, dict[str, int]]:
    """Return the ids of the pictures that can be read and whose class is known, their vectors and labels, and the counts."""
    found = read_pictures(benchmark.root, images, ("image_id", "class_id"))
    label_of = {class_id: label for label, class_id in enumerate(benchmark.classes)}
    ids, classes = found.columns["image_id"], found.columns["class_id"]
    known = sorted((place for place, name in enumerate(classes) if name in label_of), key=lambda place: ids[place])
    vector_ND, read_N = embed_pictures(encoder, world, [found.paths[place] for place in known], batch_size)
    read = [known[place] for place in read_N]
    label_N = np.array([label_of[classes[place]] for place in read], np.int64)
    counts = {
        "pictures": len(ids),
        "unknown_class": len(ids) - len(known),
        "unreadable": len(known) - len(read),
    }
    return [ids[place] for place in read], Part(vector_ND, label_N), counts


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
    tables = [pa.table(one.predictions, schema=schema) for one in scored.values() if one.predictions]
    pq.write_table(pa.concat_tables([schema.empty_table(), *tables]), out / "predictions.parquet")
    counts = {name: one.counts for name, one in scored.items()}
    values = {"recipe": spec.recipe, "step": spec.step, "checkpoint_sha256": spec.checkpoint_sha256}
    files = {"scores": "scores.json", "predictions": "predictions.parquet"}
    report.write_result(out, fingerprint(spec), {**values, **files, "counts": counts})


if __name__ == "__main__":
    sys.exit(main())
