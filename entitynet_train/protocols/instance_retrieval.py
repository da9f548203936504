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
    members = {label: np.flatnonzero(label_N == label) for label in np.unique(label_N)}
    precisions = []
    for begin in range(0, len(unit_ND), CHUNK):
        for place, score_N in enumerate(unit_ND[begin : begin + CHUNK] @ unit_ND.T, start=begin):
            right = members[label_N[place]]
            if not self_included:
                right, score_N[place] = right[right != place], -np.inf
            precisions.append(_average_precision(score_N, right))
    return np.array(precisions)


def mean_average_precision(vector_ND: np.ndarray, label_N: np.ndarray, *, self_included: bool = True) -> float:
    """Return the mean of `average_precisions` over the queries that have a right answer."""
    return float(np.nanmean(average_precisions(vector_ND, label_N, self_included=self_included)))


def _average_precision(score_N: np.ndarray, right: np.ndarray) -> float:
    """Return the average precision of one query whose right answers have the indexes `right`.

    Places are counted in the sorted scores instead of ranking all indexes: the same figure at a tenth of the time.
    """
    if not len(right):
        return float("nan")
    rising_N, wanted = np.sort(score_N), score_N[right]
    after, upto = np.searchsorted(rising_N, wanted, "right"), np.searchsorted(rising_N, wanted, "left")
    places = len(rising_N) - after + 1
    for tied in np.flatnonzero(after - upto > 1):
        places[tied] += np.count_nonzero(score_N[: right[tied]] == wanted[tied])
    return float(np.mean(np.arange(1, len(right) + 1) / np.sort(places)))
