"""What every protocol asks of its arrays: each fault named by argument and row, before a figure is made of it.

Shapes: N rows, D features.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


class ProtocolError(ValueError):
    """Arrays of which a protocol makes no figure: which argument, what was found, what is allowed."""


def unit_rows(name: str, row_ND: np.ndarray) -> np.ndarray:
    """Return the rows with unit norm, whatever their norm was.

    Raises ProtocolError for what is no table of finite numbers, and for a row of zeros, which has no direction.
    """
    if row_ND.ndim != 2:
        raise ProtocolError(
            f"{name}: found an array of shape {row_ND.shape}; allowed: one row of features a picture or text"
        )
    norm_N = np.linalg.norm(row_ND, axis=1)
    wrong = np.flatnonzero(~np.isfinite(norm_N) | (norm_N == 0))
    if len(wrong):
        what = "only zeros" if norm_N[wrong[0]] == 0 else "a number that is not finite"
        raise ProtocolError(
            f"{name}: found {what} in row {wrong[0]} ({len(wrong)} of {len(row_ND)} rows); allowed: finite features, not all zero"
        )
    return row_ND / norm_N[:, None]


def need_labels(name: str, label_N: np.ndarray, rows: int, classes: int | None = None) -> None:
    """Raise ProtocolError unless there is one label a row, at least one row, and each label is 0 to `classes` - 1 (None: any)."""
    if label_N.shape != (rows,) or not rows:
        raise ProtocolError(
            f"{name}: found {label_N.shape} labels for {rows} rows; allowed: one label a row, at least one row"
        )
    if classes is None:
        return
    strange = label_N[(label_N < 0) | (label_N >= classes)]
    if len(strange):
        raise ProtocolError(f"{name}: found label {strange[0]} ({len(strange)} rows); allowed: 0 to {classes - 1}")


def need_cutoffs(cutoffs: Sequence[int], size: int, collection: str) -> None:
    """Raise ProtocolError for a cut-off k that is not between 1 and the size of the collection."""
    for k in cutoffs:
        if not 1 <= k <= size:
            raise ProtocolError(f"k: found {k}; allowed: 1 to {size}, the number of {collection}")


def need_some(name: str, size: int, what: str) -> None:
    """Raise ProtocolError unless there is at least one."""
    if not size:
        raise ProtocolError(f"{name}: found no {what}; allowed: at least one")
