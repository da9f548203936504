"""95 % intervals of figures by the bootstrap (Efron 1979): pictures or queries drawn again with replacement, percentiles.

The draws are seeded, so the same answers have the same interval. What is drawn again are the pictures that were asked; the
model, the classes, a support and a collection stay as they are, and so does the seed of a training.

Shapes: N pictures or queries, C cells of counts, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from entitynet_train.protocols.inputs import need_some

RESAMPLES = 1000
ENDS = (2.5, 97.5)  # percentiles
SEED = 0

Interval = tuple[float, float]


def mean_interval(value_N: np.ndarray) -> Interval:
    """Return the interval of a mean over pictures or queries. Raises ProtocolError when there is none."""
    need_some("value_N", len(value_N), "picture or query")
    rng, size = np.random.default_rng(SEED), len(value_N)
    return _ends(np.array([value_N[rng.integers(0, size, size)].mean() for _ in range(RESAMPLES)]))


def share_interval(right: int, count: int) -> Interval:
    """Return the interval of a share of right answers: `right` of `count`. Raises ProtocolError when there is none."""
    need_some("count", count, "picture or query")
    return _ends(np.random.default_rng(SEED).binomial(count, right / count, RESAMPLES) / count)


def counted_intervals(count_C: np.ndarray, figures: Callable[[np.ndarray], dict[str, float]]) -> dict[str, Interval]:
    """Return the interval of each of `figures(count_C)`, where pictures are known by how many fall into each cell.

    Drawing N pictures again is one multinomial draw over the cells, so this asks for no more memory than the cells and
    agrees in distribution with drawing the pictures themselves. Raises ProtocolError when there is no picture.
    """
    size = int(count_C.sum())
    need_some("count_C", size, "picture")
    rng, filled = np.random.default_rng(SEED), np.flatnonzero(count_C)
    share = count_C[filled] / size
    drawn: dict[str, list[float]] = {}
    for _ in range(RESAMPLES):
        again_C = np.zeros_like(count_C)
        again_C[filled] = rng.multinomial(size, share)
        for name, value in figures(again_C).items():
            drawn.setdefault(name, []).append(value)
    return {name: _ends(np.array(values)) for name, values in drawn.items()}


def _ends(figure_R: np.ndarray) -> Interval:
    low, high = np.percentile(figure_R, ENDS)
    return float(low), float(high)
