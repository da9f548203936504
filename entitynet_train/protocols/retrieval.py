"""Retrieval between pictures and texts, and ranked retrieval with cut-offs.

Two figures go by the name of recall. `hit_rate@k` is 1 for a query with any right answer among the k best: CLIP_benchmark
and the papers on COCO and Flickr30k report it as recall@k. `true_recall@k` is the share of its right answers among the k
best. They differ wherever a query has several right answers, as a picture with five captions has.

Shapes: I pictures, T texts, Q queries, N items of a collection, D features, K places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from entitynet_train.protocols.inputs import ProtocolError, need_cutoffs, need_labels
from entitynet_train.protocols.ranking import best_k


def retrieval_figures(
    image_ID: np.ndarray, text_TD: np.ndarray, image_of_text_T: np.ndarray, cutoffs: Sequence[int]
) -> dict[str, float]:
    """Return hit_rate@k and true_recall@k of image_retrieval (a text asks) and text_retrieval (a picture asks), and mean_hit_rate@k.

    A picture without a text is a miss of hit_rate, as in CLIP_benchmark, and has no true_recall. Features are normalised
    here; mean_hit_rate@k is the mean of both directions (DataComp's figure for retrieval at k = 1). Raises ProtocolError
    for features or labels that are none, and for a cut-off beyond either collection.
    """
    need_labels("image_of_text_T", image_of_text_T, len(text_TD), len(image_ID))
    need_cutoffs(cutoffs, min(len(image_ID), len(text_TD)), "pictures or texts, whichever are fewer")
    deepest = max(cutoffs)
    image_right_TK = best_k(text_TD, image_ID, deepest)[0] == image_of_text_T[:, None]
    text_right_IK = image_of_text_T[best_k(image_ID, text_TD, deepest)[0]] == np.arange(len(image_ID))[:, None]
    texts_I = np.bincount(image_of_text_T, minlength=len(image_ID))
    figures: dict[str, float] = {}
    for k in cutoffs:
        by_text = _figures(image_right_TK[:, :k], np.ones(len(text_TD), np.int64))
        by_image = _figures(text_right_IK[:, :k], texts_I)
        figures |= {f"image_retrieval_{name}@{k}": value for name, value in by_text.items()}
        figures |= {f"text_retrieval_{name}@{k}": value for name, value in by_image.items()}
        figures[f"mean_hit_rate@{k}"] = (by_text["hit_rate"] + by_image["hit_rate"]) / 2
    return figures


def _figures(right_QK: np.ndarray, total_Q: np.ndarray) -> dict[str, float]:
    asked = total_Q > 0
    return {
        "hit_rate": float(right_QK.any(axis=1).mean()),
        "true_recall": float((right_QK.sum(axis=1)[asked] / total_Q[asked]).mean()),
    }


def ranked_queries(query_QD: np.ndarray, item_ND: np.ndarray, right: Sequence[np.ndarray], k: int) -> dict[str, float]:
    """Return precision@k, recall@k, ap@k, ndcg@k and mrr: INQUIRE's figures, means over the queries that have a right answer.

    `right` has the indexes of each query's right items. `item_ND` may be a memory map; it is read once. Raises ProtocolError
    for features that are none, a k beyond the collection, and when no query has a right answer.
    """
    if len(right) != len(query_QD):
        raise ProtocolError(f"right: found {len(right)} lists for {len(query_QD)} queries; allowed: one a query")
    index_QK, _ = best_k(query_QD, item_ND, k)
    found = [
        query_figures(np.isin(index_K, wanted), len(np.unique(wanted)), k)
        for index_K, wanted in zip(index_QK, right, strict=True)
        if len(wanted)
    ]
    if not found:
        raise ProtocolError("right: found no query with a right answer; allowed: at least one")
    means = {name: float(np.mean([figures[name] for figures in found])) for name in found[0]}
    return {"mrr": means.pop("rr"), **{f"{name}@{k}": value for name, value in means.items()}}


def ranked_query(score_N: np.ndarray, right_N: np.ndarray, k: int) -> dict[str, float]:
    """Return `query_figures` of one query over a collection whose scores are at hand; ties go to the lower index."""
    right_K = right_N.astype(bool)[np.argsort(-score_N, kind="stable")[:k]]
    return query_figures(right_K, int(right_N.sum()), k)


def query_figures(right_K: np.ndarray, total: int, k: int) -> dict[str, float]:
    """Return precision, recall, ap, ndcg and rr (reciprocal rank) of one query whose k best are right or not.

    INQUIRE's definitions (Vendrow et al. 2024): with `total` right answers in all, AP@k is the sum of the precisions at
    the hits divided by min(total, k); nDCG@k has gains of 0 and 1, its ideal ranking starts with min(total, k) right
    answers. Without a right answer recall and ap are NaN.
    """
    places = np.flatnonzero(right_K) + 1
    if not total:
        return {"precision": 0.0, "recall": float("nan"), "ap": float("nan"), "ndcg": 0.0, "rr": 0.0}
    hits = np.arange(1, len(places) + 1)
    return {
        "precision": len(places) / len(right_K),
        "recall": len(places) / total,
        "ap": float((hits / places).sum() / min(total, k)),
        "ndcg": _gain(places) / _gain(np.arange(1, min(total, k) + 1)),
        "rr": float(1 / places[0]) if len(places) else 0.0,
    }


def _gain(places: np.ndarray) -> float:
    """Return the discounted gain of right answers at these places (1 for the best)."""
    return float((1 / np.log2(places + 1)).sum())
