"""Instance retrieval among pictures: every picture asks for the others of its class.

Shapes: N pictures, D features, Q queries scored at once.
"""

from __future__ import annotations

import numpy as np

from entitynet_train.protocols.inputs import need_labels, unit_rows

SCORES_HELD = 2**24  # similarities in memory at once: Q x N, 64 MiB of float32


def average_precisions(vector_ND: np.ndarray, label_N: np.ndarray, *, self_included: bool = True) -> np.ndarray:
    """Return the average precision of each picture as a query over the full ranking of all pictures.

    GPR1200's protocol (Schall et al. 2021) keeps the query in the collection, so that a random model scores above
    1 / class size; `self_included=False` takes it out, and a picture alone in its class has NaN. Vectors are normalised
    here. AP = mean over the right answers of (place among right answers / place in the ranking). Raises ProtocolError
    for features or labels that are none.
    """
    unit_ND = unit_rows("vector_ND", vector_ND)
    need_labels("label_N", label_N, len(unit_ND))
    members = {label: np.flatnonzero(label_N == label) for label in np.unique(label_N)}
    precisions = []
    queries = max(1, SCORES_HELD // len(unit_ND))
    for begin in range(0, len(unit_ND), queries):
        for place, score_N in enumerate(unit_ND[begin : begin + queries] @ unit_ND.T, start=begin):
            right = members[label_N[place]]
            if not self_included:
                right, score_N[place] = right[right != place], -np.inf
            precisions.append(_average_precision(score_N, right))
    return np.array(precisions)


def mean_average_precision(vector_ND: np.ndarray, label_N: np.ndarray, *, self_included: bool = True) -> float:
    """Return the mean of `average_precisions` over the queries that have a right answer; NaN if none has."""
    return _mean(average_precisions(vector_ND, label_N, self_included=self_included))


def mean_by_part(precision_N: np.ndarray, part_N: np.ndarray) -> dict[str, float]:
    """Return the mean over the queries of each part of a collection (GPR1200 has six), by its name in the order of names."""
    return {str(part): _mean(precision_N[part_N == part]) for part in np.unique(part_N)}


def _mean(precision_N: np.ndarray) -> float:
    asked = precision_N[~np.isnan(precision_N)]
    return float(asked.mean()) if len(asked) else float("nan")


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
