"""Time to quality: `python -m tests.bench.quality`, seconds until our recipe names held-out pictures as well as open_clip_train's ends.

Both sides train the sample study's tower from the same first weights on the same pictures with the same texts: the peer's tars hold
the pairs that our loader draws. Batch, crops, optimiser, warm-up and precision are equal. Each side has two cores: ours as two
processes, the peer as one with two threads, since it does not spread over processes on a CPU. Each chooses among four settings by the
mean accuracy of its last checkpoints at one seed: the peer among four peaks of the learning rate, ours among two peaks, each with
entity targets alone and with an entity classifier beside them. Then both train at three seeds.

The peer's accuracy is that of its last weights, its time from the start of the process to their checkpoint. Ours is the time of the
shorter of two runs (half the pictures, all of them) whose last weights reach the mean of the peer's accuracies. Held-out pictures
choose the settings of both sides, so neither accuracy is one of a model that never met them.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from entitynet_train.loss_spec import LossSpec
from entitynet_train.spec import RunSpec
from tests.bench.harness import last_line, peer_python
from tests.bench.quality_sides import Curve, Place, Scorer, study_made, train_ours, train_peer, write_pairs

SEEDS = (0, 1, 2)
PEAKS = (5e-4, 1e-3, 2e-3, 4e-3)
UNIT = "s to the accuracy that the peer ends with"
LAST = 3  # checkpoints whose mean accuracy chooses a setting
TARGETS = LossSpec({"contrastive": 1.0}, entity_targets=True)
BOTH = LossSpec({"contrastive": 1.0, "classification": 0.5}, entity_targets=True)
SETTINGS = {
    f"{name}, peak {peak:g}": (loss, peak) for name, loss in (("targets", TARGETS), ("classifier", BOTH)) for peak in PEAKS[1:3]
}  # fmt: skip


@dataclass(frozen=True)
class Trained:
    """A side after its sweep: the setting that it chose and a curve (seconds, accuracy) a seed."""

    setting: str
    curves: list[Curve]

    @property
    def accuracies(self) -> list[float]:
        """The accuracy of the last weights, a seed each."""
        return [curve[-1][1] for curve in self.curves]


def peer_side(place: Place, spec: RunSpec, scorer: Scorer) -> Trained:
    """Sweep the peer's peaks at the first seed and train the best at the others."""
    swept = {peak: train_peer(place, replace(spec, lr_peak=peak), scorer) for peak in PEAKS}
    peak = max(PEAKS, key=lambda one: _late(swept[one]))
    others = [train_peer(place, replace(spec, lr_peak=peak, seed=seed), scorer) for seed in SEEDS[1:]]
    return Trained(f"peak {peak:g}", [swept[peak], *others])


def our_side(place: Place, spec: RunSpec, scorer: Scorer) -> tuple[Trained, list[Curve]]:
    """Sweep our settings at the first seed, train the best at the others; beside it runs of half the pictures."""
    swept = {name: train_ours(place, _set(spec, name), scorer) for name in SETTINGS}
    name = max(SETTINGS, key=lambda one: _late(swept[one]))
    chosen = [replace(_set(spec, name), seed=seed) for seed in SEEDS]
    others = [train_ours(place, one, scorer) for one in chosen[1:]]
    halves = [train_ours(place, replace(one, samples_seen=spec.samples_seen // 2), scorer) for one in chosen]
    return Trained(name, [swept[name], *others]), halves


def _set(spec: RunSpec, name: str) -> RunSpec:
    loss, peak = SETTINGS[name]
    return replace(spec, loss=loss, lr_peak=peak)


def _late(curve: Curve) -> float:
    return statistics.mean(accuracy for _, accuracy in curve[-LAST:])


def seconds_to(target: float, full: Curve, half: Curve) -> float | None:
    """Return the seconds of the shorter run whose last weights reach the target; None if neither does."""
    return next((curve[-1][0] for curve in (half, full) if curve[-1][1] >= target), None)


def main() -> None:
    """Make the study, run both sides, print the curves, the choice, the figures and the line of JSON."""
    python = peer_python("open_clip_train", ["open_clip_torch", "webdataset<1", "torch>=2.6"])
    with tempfile.TemporaryDirectory() as name:
        place = Place(Path(name), python, dict(os.environ, OMP_NUM_THREADS="1"))
        spec = study_made(place)
        write_pairs(place, spec)
        scorer = Scorer(place)
        peer = peer_side(place, spec, scorer)
        ours, halves = our_side(place, spec, scorer)
    _report(peer, ours, halves)


def _report(peer: Trained, ours: Trained, halves: list[Curve]) -> None:
    target = statistics.mean(peer.accuracies)
    needed = [seconds_to(target, *pair) for pair in zip(ours.curves, halves, strict=True)]
    peer_s = statistics.mean(curve[-1][0] for curve in peer.curves)
    figures: dict[str, Any] = {
        "peer_setting": peer.setting,
        "our_setting": ours.setting,
        "peer_accuracy": [round(one, 4) for one in peer.accuracies],
        "our_accuracy_at_equal_compute": [round(one, 4) for one in ours.accuracies],
        "our_accuracy_at_half": [round(curve[-1][1], 4) for curve in halves],
        "our_seconds": needed,
        "peer_seconds": [round(curve[-1][0], 1) for curve in peer.curves],
        "our_seconds_at_equal_compute": [round(curve[-1][0], 1) for curve in ours.curves],
    }
    reached = [one for one in needed if one is not None]
    told = {"reached": f"{len(reached)} of {len(needed)} seeds", "target": round(target, 4), **figures}
    if len(reached) == len(needed):
        line = last_line("quality", round(statistics.mean(reached), 1), round(peer_s, 1), UNIT, **told)
    else:  # a run that does not reach it has no time to it
        line = json.dumps(
            {"bench": "quality", "ours": None, "peer": round(peer_s, 1), "ratio": None, "unit": UNIT, **told}
        )
    print(line)


if __name__ == "__main__":
    main()
