"""Zero-shot classification: a class is the mean of its prompts; the nearest class wins.

Shapes: N pictures, K classes, P templates, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from entitynet_train.protocols.bootstrap import Interval, counted_intervals
from entitynet_train.protocols.inputs import ProtocolError, need_labels, need_some, unit_rows

ACC5_CLASSES_MIN = 5  # top-5 says nothing among fewer classes
SCORES_HELD = 2**24  # similarities in memory at once: 64 MiB of float32


def fill_templates(name: str, templates: Sequence[str]) -> list[str]:
    """Return the prompts of a class: each template with its `{}` replaced by the name."""
    return [template.replace("{}", name) for template in templates]


def class_vectors(prompt_KPD: np.ndarray) -> np.ndarray:
    """Return class_KD of unit norm: the re-normalised mean over a class's normalised prompts.

    Source: Radford et al. 2021, section 3.1.4 (prompt ensembling in embedding space). Raises ProtocolError for prompts that
    have no direction, and for a class whose prompts cancel out.
    """
    classes, templates, features = prompt_KPD.shape
    unit = unit_rows("prompt_KPD", prompt_KPD.reshape(-1, features)).reshape(classes, templates, features)
    return unit_rows("class_KD (mean of a class's prompts)", unit.mean(axis=1))


def score_classes(image_ND: np.ndarray, class_KD: np.ndarray) -> np.ndarray:
    """Return logits_NK: the cosine of each picture to each class; `class_KD` has unit norm. Raises ProtocolError."""
    return unit_rows("image_ND", image_ND) @ class_KD.T


def rank_of_true(logits_NK: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    """Return the place of the true class in each picture's ranking, 1 for the best (int64, one a picture).

    Raises ProtocolError for a label that is no class, and for logits that are not finite.
    """
    if logits_NK.ndim != 2 or not np.isfinite(logits_NK).all():
        raise ProtocolError(
            "logits_NK: found no table of finite numbers; allowed: finite features of pictures and classes"
        )
    need_labels("label_N", label_N, len(logits_NK), logits_NK.shape[1])
    true_N1 = np.take_along_axis(logits_NK, label_N[:, None], axis=1)
    rank_N = 1 + np.count_nonzero(logits_NK > true_N1, axis=1)
    for place in np.flatnonzero(np.count_nonzero(logits_NK == true_N1, axis=1) > 1):
        rank_N[place] += np.count_nonzero(logits_NK[place, : label_N[place]] == true_N1[place])
    return rank_N


class Tally:
    """Ranks of true classes, counted as they come: figures of more pictures than memory holds."""

    def __init__(self, classes: int) -> None:
        self._pictures_K, self._first_K, self._five_K = (np.zeros(classes, np.int64) for _ in range(3))

    def add(self, rank_N: np.ndarray, label_N: np.ndarray) -> None:
        """Count pictures by the place of their true class (`rank_of_true`)."""
        for counts_K, chosen in (
            (self._pictures_K, rank_N > 0),
            (self._first_K, rank_N == 1),
            (self._five_K, rank_N <= 5),
        ):
            counts_K += np.bincount(label_N[chosen], minlength=len(counts_K))

    def figures(self) -> dict[str, float]:
        """Return acc1, acc5 (NaN for fewer than five classes) and mean_per_class_recall.

        The mean runs over the classes that have a picture, whatever their sizes (balanced accuracy). Raises ProtocolError
        when there is no picture.
        """
        need_some("label_N", int(self._pictures_K.sum()), "picture")
        return _figures(self._cells())

    def intervals(self) -> dict[str, Interval]:
        """Return the 95 % interval of each of `figures`. Raises ProtocolError when there is no picture."""
        return counted_intervals(self._cells(), _figures)

    def _cells(self) -> np.ndarray:
        """Return 3 counts a class, one after another: pictures at the first place, at the next four, and behind."""
        return np.concatenate([self._first_K, self._five_K - self._first_K, self._pictures_K - self._five_K])


def _figures(cell_C: np.ndarray) -> dict[str, float]:
    first_K, next_K, behind_K = cell_C.reshape(3, -1)
    pictures_K = first_K + next_K + behind_K
    pictures, shown = int(pictures_K.sum()), pictures_K > 0
    defined = len(shown) >= ACC5_CLASSES_MIN
    return {
        "acc1": int(first_K.sum()) / pictures,
        "acc5": int(first_K.sum() + next_K.sum()) / pictures if defined else float("nan"),
        "mean_per_class_recall": float((first_K[shown] / pictures_K[shown]).mean()),
    }


def accuracy(logits_NK: np.ndarray, label_N: np.ndarray) -> dict[str, float]:
    """Return the figures of a `Tally` of these pictures. Raises ProtocolError for labels or logits that are none."""
    need_some("logits_NK", len(logits_NK), "picture")
    tally = Tally(logits_NK.shape[1])
    tally.add(rank_of_true(logits_NK, label_N), label_N)
    return tally.figures()


def classify(image_ND: np.ndarray, class_KD: np.ndarray, label_N: np.ndarray) -> dict[str, float]:
    """Return the figures of pictures against classes of unit norm, scored in parts; `image_ND` may be a memory map."""
    need_labels("label_N", label_N, len(image_ND), len(class_KD))
    tally, size = Tally(len(class_KD)), max(1, SCORES_HELD // len(class_KD))
    for begin in range(0, len(image_ND), size):
        part = slice(begin, begin + size)
        tally.add(rank_of_true(score_classes(np.asarray(image_ND[part]), class_KD), label_N[part]), label_N[part])
    return tally.figures()


def mean_average_precision(logits_NK: np.ndarray, label_NK: np.ndarray) -> float:
    """Return the mean over classes of average precision, for pictures with several classes (VOC2007's task).

    A class without a positive counts as 0.
    """
    order_NK = np.argsort(-logits_NK, axis=0, kind="stable")
    hit_NK = np.take_along_axis(label_NK.astype(bool), order_NK, axis=0)
    precision_NK = np.cumsum(hit_NK, axis=0) / np.arange(1, len(hit_NK) + 1)[:, None]
    positives_K = hit_NK.sum(axis=0)
    return float(np.mean((precision_NK * hit_NK).sum(axis=0) / np.maximum(positives_K, 1)))
