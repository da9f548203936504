"""Zero-shot classification: a class is the mean of its prompts; the nearest class wins.

Shapes: N pictures, K classes, P templates, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ACC5_CLASSES_MIN = 5  # top-5 says nothing among fewer classes


def fill_templates(name: str, templates: Sequence[str]) -> list[str]:
    """Return the prompts of a class: each template with its `{}` replaced by the name."""
    return [template.replace("{}", name) for template in templates]


def class_vectors(prompt_KPD: np.ndarray) -> np.ndarray:
    """Return class_KD of unit norm: the re-normalised mean over a class's normalised prompts.

    Source: Radford et al. 2021, section 3.1.4 (prompt ensembling in embedding space).
    """
    return _unit(_unit(prompt_KPD).mean(axis=1))


def score_classes(image_ND: np.ndarray, class_KD: np.ndarray) -> np.ndarray:
    """Return logits_NK: the cosine of each picture to each class."""
    return _unit(image_ND) @ class_KD.T


def rank_of_true(logits_NK: np.ndarray, label_N: np.ndarray) -> np.ndarray:
    """Return the place of the true class in each picture's ranking, 1 for the best (int64, one a picture)."""
    true_N1 = np.take_along_axis(logits_NK, label_N[:, None], axis=1)
    better_N = (logits_NK > true_N1).sum(axis=1)
    lower_NK = np.arange(logits_NK.shape[1]) < label_N[:, None]
    return 1 + better_N + ((logits_NK == true_N1) & lower_NK).sum(axis=1)


def accuracy(logits_NK: np.ndarray, label_N: np.ndarray) -> dict[str, float]:
    """Return acc1, acc5 (NaN for fewer than five classes) and mean_per_class_recall.

    The mean runs over the classes that occur in `label_N`, whatever their sizes (balanced accuracy). Raises ValueError
    when there is no picture.
    """
    if not len(label_N):
        raise ValueError("accuracy: found no picture; allowed: at least one")
    rank_N = rank_of_true(logits_NK, label_N)
    hit_N = rank_N == 1
    recalls = [hit_N[label_N == label].mean() for label in np.unique(label_N)]
    defined = logits_NK.shape[1] >= ACC5_CLASSES_MIN
    return {
        "acc1": float(hit_N.mean()),
        "acc5": float((rank_N <= 5).mean()) if defined else float("nan"),
        "mean_per_class_recall": float(np.mean(recalls)),
    }


def mean_average_precision(logits_NK: np.ndarray, label_NK: np.ndarray) -> float:
    """Return the mean over classes of average precision, for pictures with several classes (VOC2007's task).

    A class without a positive counts as 0.
    """
    order_NK = np.argsort(-logits_NK, axis=0, kind="stable")
    hit_NK = np.take_along_axis(label_NK.astype(bool), order_NK, axis=0)
    precision_NK = np.cumsum(hit_NK, axis=0) / np.arange(1, len(hit_NK) + 1)[:, None]
    positives_K = hit_NK.sum(axis=0)
    return float(np.mean((precision_NK * hit_NK).sum(axis=0) / np.maximum(positives_K, 1)))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)
