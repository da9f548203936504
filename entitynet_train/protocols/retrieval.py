"""Retrieval between pictures and texts, and ranked retrieval with graded cut-offs.

Shapes: I pictures, T texts, Q queries, N items of a collection, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def recall_at(
    image_ID: np.ndarray, text_TD: np.ndarray, image_of_text_T: np.ndarray, cutoffs: Sequence[int]
) -> dict[str, float]:
    """Return image_retrieval_recall@k (a text asks) and text_retrieval_recall@k (a picture asks) for each cut-off.

    A hit rate, as CLIP_benchmark defines it: 1 if any right answer is among the k best. A picture without a text counts
    as a miss. Features have unit norm.
    """
    score_TI = text_TD @ image_ID.T
    right_TI = image_of_text_T[:, None] == np.arange(len(image_ID))[None, :]
    scores = {}
    for k in cutoffs:
        scores[f"image_retrieval_recall@{k}"] = _hit_rate(score_TI, right_TI, k)
        scores[f"text_retrieval_recall@{k}"] = _hit_rate(score_TI.T, right_TI.T, k)
    return scores


def _hit_rate(score_QN: np.ndarray, right_QN: np.ndarray, k: int) -> float:
    best_QK = np.argsort(-score_QN, axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(right_QN, best_QK, axis=1).any(axis=1).mean())


def ranked_query(score_N: np.ndarray, right_N: np.ndarray, k: int) -> dict[str, float]:
    """Return precision, recall, ap, ndcg and rr (reciprocal rank) of one query over a collection, cut at k.

    INQUIRE's definitions (Vendrow et al. 2024): with P right answers in all, AP@k is the sum of the precisions at the
    hits divided by min(P, k); nDCG@k has gains of 0 and 1, its ideal ranking starts with min(P, k) right answers.
    Without a right answer recall and ap are NaN.
    """
    right = right_N.astype(bool)[np.argsort(-score_N, kind="stable")[:k]]
    places = np.flatnonzero(right) + 1
    total = int(right_N.sum())
    if not total:
        return {"precision": 0.0, "recall": float("nan"), "ap": float("nan"), "ndcg": 0.0, "rr": 0.0}
    hits = np.arange(1, len(places) + 1)
    return {
        "precision": len(places) / len(right),
        "recall": len(places) / total,
        "ap": float((hits / places).sum() / min(total, k)),
        "ndcg": _gain(places) / _gain(np.arange(1, min(total, k) + 1)),
        "rr": float(1 / places[0]) if len(places) else 0.0,
    }


def _gain(places: np.ndarray) -> float:
    """Return the discounted gain of right answers at these places (1 for the best)."""
    return float((1 / np.log2(places + 1)).sum())
