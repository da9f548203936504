"""Scoring benchmark: `python -m tests.bench.eval [growth]`, ours against the reference implementations on the same features.

Two tasks: instance retrieval at GPR1200's size (12,000 pictures, all against all, the whole ranking) and zero-shot scoring of
50,000 pictures against 1,000 classes, both of 768 features. The peer of the second is CLIP_benchmark's own `evaluate`, given features
for pictures. GPR1200's script is no package: its peer ranks as the protocol reads (one matrix of cosines, a descending argsort,
average precision query by query). Both sides must come to the same figures to 1e-6. `growth` runs ours at other sizes.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from entitynet_train.protocols import instance_retrieval, zero_shot
from tests.bench.harness import in_own_process, last_line, measured, peer_python

RETRIEVAL = (1200, 10)  # classes, pictures of each
CLASSIFICATION = (1000, 50_000)  # classes, pictures
FEATURES = 768


def write(folder: Path, retrieval: tuple[int, int], classification: tuple[int, int], features: int = FEATURES) -> None:
    """Write features as float32 of unit norm and labels, drawn with a seed."""
    rng = np.random.default_rng(0)
    classes, each = retrieval
    label_N = np.repeat(np.arange(classes), each)
    centre_KD = rng.standard_normal((classes, features), np.float32)
    vector_ND = centre_KD[label_N] + 4 * rng.standard_normal((classes * each, features), np.float32)
    _save(folder, "retrieval", vector_ND, label_N)
    classes, pictures = classification
    class_KD = rng.standard_normal((classes, features), np.float32)
    class_KD /= np.linalg.norm(class_KD, axis=1, keepdims=True)
    label_N = rng.integers(0, classes, pictures)
    vector_ND = class_KD[label_N] + 0.25 * rng.standard_normal((pictures, features), np.float32)
    _save(folder, "classification", vector_ND, label_N)
    np.save(folder / "classes.npy", class_KD)


def _save(folder: Path, task: str, vector_ND: np.ndarray, label_N: np.ndarray) -> None:
    np.save(folder / f"{task}.npy", vector_ND / np.linalg.norm(vector_ND, axis=1, keepdims=True))
    np.save(folder / f"{task}_label.npy", label_N)


def ours(folder: Path) -> dict[str, Any]:
    """Score both tasks; features are memory maps, as a benchmark larger than memory would be."""
    read = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("retrieval", "classification", "classes")}
    label = {name: np.load(folder / f"{name}_label.npy") for name in ("retrieval", "classification")}

    def classify() -> dict[str, float]:
        return zero_shot.classify(read["classification"], np.asarray(read["classes"]), label["classification"])

    return measured({
        "instance_retrieval": lambda: instance_retrieval.mean_average_precision(read["retrieval"], label["retrieval"]),
        "zero_shot": classify,
    })  # fmt: skip


def main() -> None:
    """Run both sides, print both and the line of JSON."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if sys.argv[1:] == ["growth"]:
            _growth(folder)
            return
        write(folder, RETRIEVAL, CLASSIFICATION)
        found = in_own_process(sys.executable, "tests.bench.eval", "ours", name)
        python = peer_python("clip_benchmark", ["clip_benchmark", "numpy<2.4", "torch>=2.6"])
        peer = in_own_process(python, "tests.bench.eval_reference", name)
    print(json.dumps({"ours": found, "reference": peer}))
    _need_equal(found["answers"], peer["answers"])
    seconds = {task: round(peer["seconds"][task] / found["seconds"][task], 2) for task in found["seconds"]}
    print(
        last_line(
            "eval", round(1 / sum(found["seconds"].values()), 4), round(1 / sum(peer["seconds"].values()), 4), "both tasks/s",
            times_as_fast=seconds, ours_peak_mib=found["peak_mib"], peer_peak_mib=peer["peak_mib"],
        )
    )  # fmt: skip


def _need_equal(ours: dict[str, Any], reference: dict[str, Any]) -> None:
    pairs = {"mean_average_precision": (ours["instance_retrieval"], reference["instance_retrieval"])}
    pairs |= {metric: (value, reference["zero_shot"][metric]) for metric, value in ours["zero_shot"].items()}
    for metric, (own, other) in pairs.items():
        if abs(own - other) > 1e-6:
            sys.exit(f"bench NAME=eval: {metric} is {own} here and {other} in the reference")


def _growth(folder: Path) -> None:
    for classes in (300, 600, 1200, 2400):
        write(folder, (classes, 10), (1000, classes * 40))
        found = in_own_process(sys.executable, "tests.bench.eval", "ours", str(folder))
        sizes = {"instance_retrieval": classes * 10, "zero_shot": classes * 40}
        print(json.dumps({"pictures": sizes, "seconds": found["seconds"], "peak_mib": found["peak_mib"]}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["ours"]:
        print(json.dumps(ours(Path(sys.argv[2]))))
    else:
        main()
