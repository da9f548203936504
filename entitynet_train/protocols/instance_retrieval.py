"""Instance retrieval among pictures: every picture asks for the others of its class.

Shapes: N pictures, D features.
"""

from __future__ import annotations

import numpy as np

CHUNK = 1024  # queries scored at once: N x 1024 similarities are held in memory


def average_precisions(vector_ND: np.ndarray, label_N: np.ndarray, *, self_included: bool = True) -> np.ndarray:
    """Return the average precision of each picture as a query over the full ranking of all pictures.

    GPR1200's protocol (Schall et al. 2021) keeps the query in the collection, so that a random model scores above
    1 / class size; `self_included=False` takes it out, and a picture alone in its class has NaN. Vectors are normalised
    here. AP = mean over the right answers of (place among right answers / place in the ranking).
    """
    unit_ND = vector_ND / np.linalg.norm(vector_ND, axis=1, keepdims=True)
    parts = []
    for begin in range(0, len(unit_ND), CHUNK):
        query_N = np.arange(begin, min(begin + CHUNK, len(unit_ND)))
        order_QN = np.argsort(-(unit_ND[query_N] @ unit_ND.T), axis=1, kind="stable")
        if not self_included:
            order_QN = order_QN[order_QN != query_N[:, None]].reshape(len(query_N), -1)
        parts.append(_average_precision(label_N[order_QN] == label_N[query_N][:, None]))
    return np.concatenate(parts)


def mean_average_precision(vector_ND: np.ndarray, label_N: np.ndarray, *, self_included: bool = True) -> float:
    """Return the mean of `average_precisions` over the queries that have a right answer."""
    return float(np.nanmean(average_precisions(vector_ND, label_N, self_included=self_included)))


def _average_precision(right_QN: np.ndarray) -> np.ndarray:
    precision_QN = np.cumsum(right_QN, axis=1) / np.arange(1, right_QN.shape[1] + 1)
    positives_Q = right_QN.sum(axis=1)
    total_Q = (precision_QN * right_QN).sum(axis=1)
    return np.divide(total_Q, positives_Q, out=np.full(len(total_Q), np.nan), where=positives_Q > 0)
