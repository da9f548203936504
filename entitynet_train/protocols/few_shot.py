"""Few-shot classification by nearest class mean (SimpleShot).

Shapes: S support pictures, N query pictures, D features.
"""

from __future__ import annotations

import numpy as np

from entitynet_train.protocols.inputs import ProtocolError, need_labels, need_some, unit_rows


def nearest_mean(support_SD: np.ndarray, support_label_S: np.ndarray, query_ND: np.ndarray) -> np.ndarray:
    """Return the predicted label of each query: the class whose mean is nearest (Euclidean).

    SimpleShot with CL2N (Wang et al. 2019): features of unit norm, minus the mean of the support, unit norm again. Raises
    ProtocolError for features or labels that are none.
    """
    need_labels("support_label_S", support_label_S, len(support_SD))
    support_SD, query_ND = unit_rows("support_SD", support_SD), unit_rows("query_ND", query_ND)
    centre_D = support_SD.mean(axis=0)
    support_SD, query_ND = (_unit(rows - centre_D) for rows in (support_SD, query_ND))
    labels = np.unique(support_label_S)
    mean_KD = np.stack([support_SD[support_label_S == label].mean(axis=0) for label in labels])
    # |q - m|^2 = |q|^2 - 2 q.m + |m|^2, and |q|^2 is the same for every class
    distance_NK = (mean_KD**2).sum(axis=1) - 2 * query_ND @ mean_KD.T
    return labels[np.argmin(distance_NK, axis=1)]


def first_of_each_class(label_N: np.ndarray, shots: int) -> np.ndarray:
    """Return the indexes of the first `shots` pictures of each class, rising: a support that no shuffle can change.

    Raises ProtocolError for a class that would have no picture left to ask.
    """
    label, count = np.unique(label_N, return_counts=True)
    if shots < 1 or (len(count) and count.min() <= shots):
        found = f"class {label[count.argmin()]} with {count.min()} pictures" if len(count) else "no picture"
        raise ProtocolError(f"shots: found {shots} and {found}; allowed: at least 1, and fewer than every class has")
    chosen = [np.flatnonzero(label_N == label)[:shots] for label in np.unique(label_N)]
    return np.sort(np.concatenate(chosen))


def few_shot_accuracy(vector_ND: np.ndarray, label_N: np.ndarray, support_S: np.ndarray) -> float:
    """Return the share of right answers among the pictures that are not in the support (`support_S`: indexes).

    Raises ProtocolError for features or labels that are none, and when no picture is left to ask.
    """
    need_labels("label_N", label_N, len(vector_ND))
    query_N = np.setdiff1d(np.arange(len(label_N)), support_S)
    need_some("support_S", len(query_N), "picture outside the support")
    predicted_N = nearest_mean(vector_ND[support_S], label_N[support_S], vector_ND[query_N])
    return float((predicted_N == label_N[query_N]).mean())


def _unit(rows: np.ndarray) -> np.ndarray:
    """Return rows of unit norm; a row that is the centre itself stays zero."""
    norm = np.linalg.norm(rows, axis=-1, keepdims=True)
    return rows / np.where(norm == 0, 1, norm)
