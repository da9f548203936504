"""Each protocol as scores of one benchmark: figures with their 95 % interval, what guessing gives, and the settings in words.

Belongs here: which pictures a protocol asks, what it leaves out (counted), how its metrics are called. Does not belong
here: the definition of a figure (the protocol's own file), reading and embedding pictures (encoder.py).

Shapes: N pictures to score, T pictures to learn from, K classes, D features.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from entitynet_train.protocols.bootstrap import mean_interval, share_interval
from entitynet_train.protocols.few_shot import nearest_mean
from entitynet_train.protocols.inputs import ProtocolError
from entitynet_train.protocols.instance_retrieval import average_precisions
from entitynet_train.protocols.linear_probe import PENALTIES, linear_probe_accuracy
from entitynet_train.protocols.linear_probe_adamw import Fit, Part, adamw_probe_accuracy
from entitynet_train.protocols.zero_shot import Tally
from entitynet_train.spec import Score

SHOTS = (1, 5)
TEMPLATES_SHOWN = 3  # more than these are told by their number and digest


@dataclass(frozen=True)
class Vectors:
    """A benchmark as vectors, pictures in the order of their ids; `train` is None where there is no training part.

    Labels are 0 to `classes` - 1.
    """

    name: str
    classes: int
    test: Part
    train: Part | None = None


Scored = tuple[list[Score], dict[str, int]]


def zero_shot_scores(benchmark: Vectors, rank_N: np.ndarray, settings: str) -> Scored:
    """Return acc1, acc5 (none for fewer than five classes) and mean_per_class_recall, given the places of the true classes."""
    tally = Tally(benchmark.classes)
    tally.add(rank_N, benchmark.test.label_N)
    figures, intervals = tally.figures(), tally.intervals()
    places = {"acc1": 1, "acc5": 5, "mean_per_class_recall": 1}
    scores = [
        Score(
            benchmark.name, "zero_shot", metric, value, len(rank_N), *intervals[metric],
            chance=places[metric] / benchmark.classes, settings=settings,
        )
        for metric, value in figures.items() if not np.isnan(value)  # a figure that is not defined is not a score
    ]  # fmt: skip
    return scores, {}


def instance_retrieval_scores(benchmark: Vectors) -> Scored:
    """Return map_self_included (GPR1200's figure) and map_self_excluded: every picture asks for the others of its class.

    A picture that is alone in its class asks nothing and stays in the collection; such classes are counted.
    """
    test = benchmark.test
    size_K = np.bincount(test.label_N, minlength=benchmark.classes)
    asked_N = size_K[test.label_N] >= 2
    counts = {"instance_retrieval_classes_with_one_picture": int((size_K == 1).sum())}
    if not asked_N.any():
        return [], counts
    scores = []
    for metric, included in (("map_self_included", True), ("map_self_excluded", False)):
        precision_N = average_precisions(test.vector_ND, test.label_N, self_included=included)[asked_N]
        said = f"every picture of a class with 2 or more asks all {len(asked_N)}, itself {'included' if included else 'excluded'}"
        mean, interval = float(precision_N.mean()), mean_interval(precision_N)
        scores.append(
            Score(benchmark.name, "instance_retrieval", metric, mean, len(precision_N), *interval, settings=said)
        )
    return scores, counts


def few_shot_scores(benchmark: Vectors) -> Scored:
    """Return acc1@1-shot and acc1@5-shot of SimpleShot.

    The support is the first pictures of each class of the training part, or else of the pictures to score, which are then
    not asked. A class with too few pictures is left out and counted; a figure of fewer than two classes is none.
    """
    scores: list[Score] = []
    counts: dict[str, int] = {}
    held, test = benchmark.train, benchmark.test
    shown = len(np.unique(test.label_N))
    for shots in SHOTS:
        support = test if held is None else held
        chosen = _first(support.label_N, shots, spare=int(held is None))
        label_S = support.label_N[chosen]
        asked_N = np.isin(test.label_N, label_S)
        if held is None:
            asked_N[chosen] = False
        classes = len(np.unique(test.label_N[asked_N]))
        counts[f"few_shot_classes_left_out@{shots}-shot"] = shown - classes
        if classes < 2:
            continue
        right_N = nearest_mean(support.vector_ND[chosen], label_S, test.vector_ND[asked_N]) == test.label_N[asked_N]
        source = "the pictures to score, not asked" if held is None else "the training part"
        said = f"SimpleShot CL2N; {shots}-shot; support: first by image_id of {source}"
        right, count, chance = int(right_N.sum()), len(right_N), 1 / len(np.unique(label_S))
        scores.append(
            Score(
                benchmark.name, "few_shot", f"acc1@{shots}-shot", right / count, count, *share_interval(right, count),
                chance=chance, settings=said,
            )
        )  # fmt: skip
    return scores, counts


def _first(label_N: np.ndarray, shots: int, spare: int) -> np.ndarray:
    """Return the indexes of the first `shots` pictures of each class that has at least `spare` more than these."""
    places = [np.flatnonzero(label_N == label) for label in np.unique(label_N)]
    return np.concatenate([np.zeros(0, np.int64), *(found[:shots] for found in places if len(found) >= shots + spare)])


def linear_probe_scores(benchmark: Vectors) -> Scored:
    """Return acc1 of a probe by L-BFGS that learns from the training part."""

    def fitted(train: Part, test: Part) -> float:
        return linear_probe_accuracy(train.vector_ND, train.label_N, test.vector_ND, test.label_N)

    said = f"L-BFGS on features of unit norm; penalty: of {len(PENALTIES)}, chosen on a fifth of the training part"
    return _probe_scores(benchmark, "linear_probe", fitted, said)


def linear_probe_adamw_scores(benchmark: Vectors) -> Scored:
    """Return acc1 of CLIP_benchmark's probe that learns from the training part, without a validation part."""
    fit = Fit(benchmark.classes)

    def fitted(train: Part, test: Part) -> float:
        return adamw_probe_accuracy(fit, train, test)["acc1"]

    said = f"AdamW; {fit.epochs} epochs; lr {fit.lr}, cosine; batch {fit.batch_size}; weight decay 0; seed {fit.seed}"
    return _probe_scores(benchmark, "linear_probe_adamw", fitted, said)


def _probe_scores(benchmark: Vectors, protocol: str, fitted: Callable[[Part, Part], float], settings: str) -> Scored:
    """Score the pictures whose class has a training picture; count the others. Raises ProtocolError without a training part."""
    train, test = benchmark.train, benchmark.test
    if train is None:
        raise ProtocolError("train: found no training part; allowed: pictures to learn from, of the same classes")
    known_N = np.isin(test.label_N, train.label_N)
    counts = {f"{protocol}_pictures_of_classes_not_learnt": int((~known_N).sum())}
    learnt = len(np.unique(train.label_N))
    if learnt < 2 or not known_N.any():
        return [], counts
    asked = Part(test.vector_ND[known_N], test.label_N[known_N])
    value, count = fitted(train, asked), len(asked.label_N)
    interval = share_interval(round(value * count), count)
    said = f"{settings}; learnt from {len(train.label_N)} pictures"
    return [Score(benchmark.name, protocol, "acc1", value, count, *interval, chance=1 / learnt, settings=said)], counts


# Zero-shot is not among them: it asks for class vectors, too.
BY_VECTORS: dict[str, Callable[[Vectors], Scored]] = {
    "instance_retrieval": instance_retrieval_scores,
    "few_shot": few_shot_scores,
    "linear_probe": linear_probe_scores,
    "linear_probe_adamw": linear_probe_adamw_scores,
}


def template_words(templates: Sequence[str]) -> str:
    """Return the prompts of zero-shot in short: the templates themselves, or their number and digest where there are many."""
    if len(templates) <= TEMPLATES_SHOWN:
        return "templates: " + " | ".join(templates)
    digest = hashlib.sha256("\n".join(templates).encode()).hexdigest()
    return f"templates: {len(templates)}, sha256 {digest[:12]} of their lines"
