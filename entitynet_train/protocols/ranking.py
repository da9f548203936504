"""The k best of a collection for each query, without holding all similarities; equal scores in the order of the collection.

Shapes: Q queries, N items of the collection, B items of a block, D features, K places.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from entitynet_train.protocols.inputs import need_cutoffs, need_some, unit_rows

SCORES_HELD = 2**24  # similarities in memory at once: Q x B, 64 MiB of float32


def best_k(query_QD: np.ndarray, item_ND: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (index_QK, score_QK): the k items of the highest cosine for each query, the best first.

    Both are normalised here. `item_ND` may be a memory map larger than memory: it is read once, block by block. Raises
    ProtocolError for features that are none and for a k beyond the collection.
    """
    need_some("query_QD", len(query_QD), "query")
    need_cutoffs([k], len(item_ND), "items")
    unit_QD = unit_rows("query_QD", query_QD)
    index_QK = np.zeros((len(unit_QD), 0), np.int64)
    score_QK = np.zeros((len(unit_QD), 0), np.result_type(query_QD, item_ND))
    for begin, block_BD in _blocks(item_ND, max(1, SCORES_HELD // len(unit_QD))):
        score_QB = unit_QD @ unit_rows("item_ND", block_BD).T
        here_QB = np.broadcast_to(np.arange(begin, begin + len(block_BD)), score_QB.shape)
        index_QK, score_QK = _keep(np.hstack([index_QK, here_QB]), np.hstack([score_QK, score_QB]), k)
    return index_QK, score_QK


def _blocks(item_ND: np.ndarray, size: int) -> Iterator[tuple[int, np.ndarray]]:
    for begin in range(0, len(item_ND), size):
        yield begin, np.asarray(item_ND[begin : begin + size])


def _keep(index_QM: np.ndarray, score_QM: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the k best columns of each row; columns come in the order of the collection, except for kept ones, which lie before."""
    k = min(k, score_QM.shape[1])
    least_Q = np.partition(score_QM, score_QM.shape[1] - k, axis=1)[:, -k]
    kept = [_best_of_row(score_M, least, k) for score_M, least in zip(score_QM, least_Q, strict=True)]
    place_QK = np.stack(kept)
    return np.take_along_axis(index_QM, place_QK, axis=1), np.take_along_axis(score_QM, place_QK, axis=1)


def _best_of_row(score_M: np.ndarray, least: float, k: int) -> np.ndarray:
    candidates = np.flatnonzero(score_M >= least)
    return candidates[np.argsort(-score_M[candidates], kind="stable")[:k]]
