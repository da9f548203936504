"""Whether two pictures are copies of one: their thumbnails laid over each other and compared.

Belongs here: thumbnails (pictures.py) in, measures out. Does not belong here: which pairs are looked at (duplicates.py), which
measure makes a copy (the study).

Hashes propose and this decides. A copy has been scaled, cut at the edges, made lighter or darker, and written on; another shot of the
same thing has moved. So one thumbnail is first moved and stretched until it lies best over the other (Lucas and Kanade 1981, with
gain and offset of the light), and then their gradients are correlated, which a change of light leaves alone. What is laid over a
picture, a watermark or a logo, makes it lighter or makes it darker; what has moved does both. The first is left out of the
correlation.

Shapes: P pairs, S the side of the luma in pixels.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entitynet_assets.picture_hashes import CHROMA_SIDE_PX, LUMA_SIDE_PX

Floats = NDArray[np.floating[Any]]
Bytes = NDArray[np.uint8]

SURE = 0.99  # correlation from which no better overlay is looked for
STEPS = 10
MAX_STRETCH, MAX_SHIFT = 1.35, 0.2  # of a side: a copy may have lost a quarter of it
MIN_OVERLAP = 0.6  # of the area
ONE_SIDED = 0.85  # share of what differs that is to one side, from which it was laid over the picture
MAX_LAID_OVER = 0.3  # of the area
COMPARED_CELLS = 15  # of the 16 of a chroma plane; the one that differs most may be a logo's
GREY = 4.0  # mean chroma, of 128, below which a picture has no hue
CHUNK = 2048  # pairs at a time, some 100 MB
_EPS = 1e-6


def read_thumbnails(thumbnails: Sequence[str]) -> Bytes:
    """Return thumbnails as bytes, shape (N, S * S + 2 * C * C)."""
    size = LUMA_SIDE_PX**2 + 2 * CHROMA_SIDE_PX**2
    return np.frombuffer(b"".join(map(base64.b64decode, thumbnails)), dtype=np.uint8).reshape(-1, size)


def compare(left_PT: Bytes, right_PT: Bytes, mirrored_P: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return the correlation of gradients, -1 to 1, and the distance of hues, 0 to 2 and NaN where a picture has none, of pairs.

    Where `mirrored`, the right picture is seen in a mirror.
    """
    found = [np.empty((2, 0), dtype=np.float32)]
    for start in range(0, len(left_PT), CHUNK):
        part = slice(start, start + CHUNK)
        (left, left_hue), (right, right_hue) = _planes(left_PT[part]), _planes(right_PT[part])
        turn = mirrored_P[part, None, None]
        right = np.where(turn, right[:, :, ::-1], right)
        right_hue = np.where(turn[..., None], right_hue[:, :, :, ::-1], right_hue)
        found.append(np.stack([_correlation(left, right), _hue_distance(left_hue, right_hue)]))
    correlation, hue = np.concatenate(found, axis=1)
    return correlation, hue


def _planes(thumbnail_PT: Bytes) -> tuple[Floats, Floats]:
    """Return luma (P, S, S) and chroma about zero (P, 2, C, C)."""
    luma = thumbnail_PT[:, : LUMA_SIDE_PX**2].reshape(-1, LUMA_SIDE_PX, LUMA_SIDE_PX).astype(np.float32)
    chroma = thumbnail_PT[:, LUMA_SIDE_PX**2 :].reshape(-1, 2, CHROMA_SIDE_PX, CHROMA_SIDE_PX).astype(np.float32)
    return luma, chroma - 128


def _hue_distance(left: Floats, right: Floats) -> Floats:
    """Return 1 - cosine of the chroma planes; NaN where either is grey. The cell that differs most is left out."""
    strength = [np.hypot(chroma[:, 0], chroma[:, 1]).mean(axis=(1, 2)) for chroma in (left, right)]
    left, right = left.reshape(len(left), 2, -1), right.reshape(len(right), 2, -1)
    order = np.argsort(((left - right) ** 2).sum(axis=1), axis=1, kind="stable")[:, None, :COMPARED_CELLS]
    left, right = np.take_along_axis(left, order, axis=2), np.take_along_axis(right, order, axis=2)
    lengths = np.sqrt((left**2).sum(axis=(1, 2)) * (right**2).sum(axis=(1, 2)))
    distance = 1 - (left * right).sum(axis=(1, 2)) / (lengths + _EPS)
    return np.where(np.minimum(*strength) < GREY, np.float32(np.nan), distance)


def _correlation(left: Floats, right: Floats) -> Floats:
    best = _gradient_correlation(left, right, np.ones_like(left))
    for one, other in ((left, right), (right, left)):
        at = np.flatnonzero(best < SURE)
        if len(at):
            best[at] = np.maximum(best[at], _laid_over(one[at], other[at]))
    return best


def _gradient_correlation(left: Floats, right: Floats, inside: Floats) -> Floats:
    """Return the correlation of the steps to the right and downwards, over pixels that are inside with both their neighbours."""
    whole = inside[:, 1:, 1:] * inside[:, :-1, 1:] * inside[:, 1:, :-1]
    (lx, ly), (rx, ry) = _steps(left), _steps(right)
    both = ((lx * rx + ly * ry) * whole).sum(axis=(1, 2))
    lengths = ((lx**2 + ly**2) * whole).sum(axis=(1, 2)) * ((rx**2 + ry**2) * whole).sum(axis=(1, 2))
    return both / np.sqrt(lengths + _EPS)


def _steps(luma: Floats) -> tuple[Floats, Floats]:
    return luma[:, 1:, 1:] - luma[:, 1:, :-1], luma[:, 1:, 1:] - luma[:, :-1, 1:]


def _laid_over(still: Floats, moved: Floats) -> Floats:
    """Return the best correlation with one picture moved over the other, and without what was laid over either."""
    best = np.full(len(still), -1, dtype=np.float32)
    bent = np.tile(np.array([1, 1, 0, 0], dtype=np.float32), (len(still), 1))
    kept = bent.copy()
    for step in range(STEPS + 1):
        over, inside = _warped(moved, bent)
        found = _gradient_correlation(still, over, inside)
        better = (found > best) & (inside.mean(axis=(1, 2)) >= MIN_OVERLAP)
        best[better], kept[better] = found[better], bent[better]
        if step < STEPS:
            bent = _bounded(bent + _step(still, over, inside))
    half, back = _halves(kept)
    over, inside = _warped(moved, half)
    under, also = _warped(still, back)
    inside = inside * also
    best = np.maximum(best, _gradient_correlation(under, over, inside))
    return np.maximum(best, _gradient_correlation(under, over, inside * _untouched(under, over, inside)))


def _warped(luma: Floats, bent_P4: Floats) -> tuple[Floats, Floats]:
    """Return pictures stretched and shifted, and which pixels of the result lie inside; `bent` is stretch x, y and shift x, y."""
    side = luma.shape[-1]
    middle = np.float32((side - 1) / 2)
    axis = np.arange(side, dtype=np.float32) - middle
    x = bent_P4[:, 0, None] * axis + bent_P4[:, 2, None] + middle
    y = bent_P4[:, 1, None] * axis + bent_P4[:, 3, None] + middle
    across, down = _weights(x, side), _weights(y, side)
    inside = _within(y, side)[:, :, None] * _within(x, side)[:, None, :]
    return down @ luma @ across.transpose(0, 2, 1), inside


def _weights(at_PS: Floats, side: int) -> Floats:
    """Return the matrices (P, S, S) that interpolate linearly at these places."""
    distance = np.abs(np.clip(at_PS, 0, side - 1)[:, :, None] - np.arange(side, dtype=np.float32))
    return np.maximum(0, 1 - distance)


def _within(at_PS: Floats, side: int) -> Floats:
    return ((at_PS >= -0.01) & (at_PS <= side - 0.99)).astype(np.float32)


def _step(still: Floats, over: Floats, inside: Floats) -> Floats:
    """Return the change of stretch and shift that would lay one over the other if brightness were linear in both."""
    count, side, _ = still.shape
    axis = np.arange(side, dtype=np.float32) - (side - 1) / 2
    down, across = np.gradient(over, axis=(1, 2))
    columns = [across * axis, down * axis[:, None], across, down, over, np.ones_like(over)]
    slopes = (np.stack(columns, axis=1) * inside[:, None]).reshape(count, 6, -1)
    normal = slopes @ slopes.transpose(0, 2, 1) + np.eye(6, dtype=np.float32) * 1e-2
    wanted = slopes @ (still * inside).reshape(count, -1, 1)
    solved = np.linalg.solve(normal, wanted)[..., 0]
    gain = np.where(np.abs(solved[:, 4]) < 0.2, np.float32(0.2), solved[:, 4])
    most = np.array([0.08, 0.08, 1.5, 1.5], dtype=np.float32)
    return np.clip(solved[:, :4] / gain[:, None], -most, most)


def _bounded(bent_P4: Floats) -> Floats:
    most = MAX_SHIFT * LUMA_SIDE_PX
    low = np.array([1 / MAX_STRETCH, 1 / MAX_STRETCH, -most, -most], dtype=np.float32)
    return np.clip(bent_P4, low, np.array([MAX_STRETCH, MAX_STRETCH, most, most], dtype=np.float32))


def _halves(bent_P4: Floats) -> tuple[Floats, Floats]:
    """Return a warp as half of it for one picture and its inverse half for the other, so that both are blurred alike."""
    stretch, shift = bent_P4[:, :2], bent_P4[:, 2:] / (1 + bent_P4[:, :2])
    root = np.sqrt(stretch)
    return np.hstack([root, shift]), np.hstack([1 / root, -shift])


def _untouched(under: Floats, over: Floats, inside: Floats) -> Floats:
    """Return 0 where something was laid over one of the pictures, else 1; 1 throughout where what differs is no such thing."""
    weight, residue, spread = inside, under, np.ones_like(under)
    for _ in range(8):  # a fit of the light that pixels far from it cannot pull
        residue = _residue(under, over, weight) * inside
        spread = 1.5 * np.median(np.abs(residue), axis=(1, 2), keepdims=True) + 1
        weight = inside / (1 + (residue / spread) ** 2)
    contrast = under.std(axis=(1, 2), keepdims=True)
    far = np.abs(residue) > np.maximum(0.1 * contrast, 2 * spread)
    differs = np.where(far, residue, 0)
    one_sided = np.abs(differs.sum(axis=(1, 2))) / (np.abs(differs).sum(axis=(1, 2)) + _EPS)
    laid_over = (one_sided >= ONE_SIDED) & (far.mean(axis=(1, 2)) <= MAX_LAID_OVER)
    return np.where(laid_over[:, None, None] & far, np.float32(0), np.float32(1))


def _residue(under: Floats, over: Floats, weight: Floats) -> Floats:
    """Return what a weighted linear fit of one by the other leaves."""
    share = weight / (weight.sum(axis=(1, 2), keepdims=True) + _EPS)
    under = under - (under * share).sum(axis=(1, 2), keepdims=True)
    over = over - (over * share).sum(axis=(1, 2), keepdims=True)
    gain = (under * over * share).sum(axis=(1, 2), keepdims=True)
    return under - over * gain / ((over**2 * share).sum(axis=(1, 2), keepdims=True) + _EPS)
