"""Epochs: which pictures each one has, and in which order.

Belongs here: the permutation of an epoch, windows of tars, balancing over entities, where an epoch begins.
Does not belong here: pictures and batches (data.py), words (words.py).

Everything follows from (seed, epoch) and the data, so that any rank, thread or resumed run comes to the same sequence: of a
balanced mix an epoch's length is known once its pictures are drawn, and the epochs before a position are drawn to find it.
Shapes: N pictures, U usable pictures, M pairs of a usable picture and an entity that it shows.
"""

from __future__ import annotations

import threading
import zlib
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from entitynet_train.spec import CaptionMix, SpecError
from entitynet_train.words import Words

EMPTY_EPOCHS_MAX = 1000  # in a row, before the balance as a whole counts as one that keeps nothing


@dataclass(frozen=True)
class Threshold:
    """MetaCLIP's balancing over entities (Xu et al. 2023, arXiv 2309.16671): a picture is kept if any of its entities keeps it.

    With c pictures of an entity it keeps each with p = t / max(c, t), so P(keep) = 1 - prod(1 - p) over the picture's
    entities, drawn anew every epoch. Entities with at most t pictures keep all; a picture without an entity is never kept.
    """

    keep_U: np.ndarray
    key_U: np.ndarray
    never: int

    def kept(self, seed: int, epoch: int) -> np.ndarray:
        """Return a bool for each usable picture."""
        return uniform(self.key_U, seed, epoch) < self.keep_U


@dataclass(frozen=True)
class PerEntity:
    """At most `most` pictures of an entity an epoch, chosen anew: each entity ranks its pictures, all of a picture's must take it.

    Entities rank apart from each other, so P(keep) = prod(min(1, most / c)). Pictures without an entity are all kept.
    """

    most: int
    picture_M: np.ndarray  # place among the usable, ascending
    entity_M: np.ndarray
    key_M: np.ndarray
    usable: int
    never: int = 0

    def kept(self, seed: int, epoch: int) -> np.ndarray:
        """Return a bool for each usable picture."""
        order = np.lexsort((uniform(self.key_M, seed, epoch), self.entity_M))
        grouped = self.entity_M[order]
        rank = np.arange(len(order)) - np.searchsorted(grouped, grouped)
        kept = np.ones(self.usable, bool)
        kept[self.picture_M[order[rank >= self.most]]] = False
        return kept


Balance = Threshold | PerEntity


def uniform(key: np.ndarray, seed: int, epoch: int) -> np.ndarray:
    """Return a number in [0, 1) for each key (uint64), drawn from (seed, epoch, key) alone.

    The finaliser of splitmix64 (Steele, Lea, Flood 2014, doi 10.1145/2660193.2660195), twice.
    """
    salt = np.random.RandomState([seed, epoch, 1]).randint(0, 2**63, dtype=np.int64).astype(np.uint64)
    return (_mixed(_mixed(key) ^ salt) >> np.uint64(11)).astype(np.float64) / 2.0**53


def _mixed(value: np.ndarray) -> np.ndarray:
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def balance_of(mix: CaptionMix, words: Words, usable_U: np.ndarray, image_ids: pa.Array) -> Balance | None:
    """Return the balance of a mix over the usable pictures (their places, ascending), or None if it has none."""
    if not mix.balance:
        return None
    shown = words.shown[np.isin(words.shown[:, 0], usable_U)]
    picture_M, entity_M = np.searchsorted(usable_U, shown[:, 0]), shown[:, 1]
    key_U = _keys(image_ids.take(pa.array(usable_U)))
    if "per_entity" in mix.balance:
        key_M = _mixed(key_U[picture_M]) ^ _keys(words.qids)[entity_M]
        return PerEntity(mix.balance["per_entity"], picture_M, entity_M, key_M, len(usable_U))
    most = mix.balance["threshold"]
    lost_M = 1 - most / np.maximum(np.bincount(entity_M, minlength=len(words.qids)), most)[entity_M]
    lost_U = np.ones(len(usable_U))
    np.multiply.at(lost_U, picture_M, lost_M)
    alone = int(len(usable_U) - len(np.unique(picture_M)))
    if len(usable_U) and alone == len(usable_U):
        raise SpecError(
            f"mix[{mix.name}].balance: found no picture with an entity; allowed: none, or pictures with entities"
        )
    return Threshold(1 - lost_U, key_U, alone)


def _keys(names: pa.Array) -> np.ndarray:
    return np.fromiter((zlib.crc32(name.as_py().encode()) for name in names), np.uint64, len(names))


class Windows:
    """Which tars an epoch reads together: so many at a time, in an order drawn from (seed, epoch); with 0 all at once.

    A tar is a random sample of its round, so pictures of a window are as mixed as those of the whole, but for rounds.
    """

    def __init__(self, seed: int, begins: np.ndarray, shards: int) -> None:
        self._seed, self._begins, self._shards = seed, begins, shards or len(begins) - 1
        self.counts = -(-(len(begins) - 1) // self._shards) if self._shards else 1

    def of(self, pictures: np.ndarray, epoch: int) -> np.ndarray:
        """Return the window of each picture, counted from 0 in the order in which the epoch comes to them."""
        rank = np.argsort(self._order(epoch)) // self._shards
        return rank[np.searchsorted(self._begins, pictures, side="right") - 1]

    def around(self, epoch: int, picture: int) -> tuple[int, ...]:
        """Return the tars of a picture's window and then those of the window after it, which may be the next epoch's first."""
        window = int(self.of(np.array([picture]), epoch)[0])
        after = (epoch, window + 1) if window + 1 < self.counts else (epoch + 1, 0)
        return tuple(dict.fromkeys([*self._tars(epoch, window), *self._tars(*after)]))

    def _tars(self, epoch: int, window: int) -> list[int]:
        return self._order(epoch)[window * self._shards : (window + 1) * self._shards].tolist()

    def _order(self, epoch: int) -> np.ndarray:
        return np.random.RandomState([self._seed, epoch, 2]).permutation(len(self._begins) - 1)


class Epochs:
    """The endless sequence of samples, epoch after epoch; any thread may ask."""

    def __init__(
        self, seed: int, usable_U: np.ndarray, balance: Balance | None, windows: Windows | None = None
    ) -> None:
        self._seed, self._usable, self._balance, self._windows = seed, usable_U, balance, windows
        self._begins = [0]  # of the epochs known so far, and where the next one begins
        self._orders: dict[int, np.ndarray] = {}  # of the last two epochs: at a boundary threads need both
        self._lock = threading.Lock()

    @property
    def never(self) -> int:
        """Usable pictures that no epoch has."""
        return self._balance.never if self._balance else 0

    def place_of(self, position: int) -> tuple[int, int]:
        """Return (epoch, place in its order) of a place in the endless sequence."""
        if not self._balance:
            return divmod(position, len(self._usable))
        with self._lock:
            while self._begins[-1] <= position:
                self._begins.append(self._begins[-1] + len(self._pictures(len(self._begins) - 1)))
                if len(self._begins) > EMPTY_EPOCHS_MAX and self._begins[-EMPTY_EPOCHS_MAX] == self._begins[-1]:
                    raise SpecError(
                        f"balance: found {EMPTY_EPOCHS_MAX} epochs without a picture; allowed: a larger one"
                    )
            epoch = int(np.searchsorted(self._begins, position, side="right")) - 1
            return epoch, position - self._begins[epoch]

    def order(self, epoch: int) -> np.ndarray:
        """Return the pictures of an epoch in its order."""
        with self._lock:
            if epoch not in self._orders:
                # RandomState and not Generator: NumPy keeps its stream the same for good, and a resume depends on it.
                order = np.random.RandomState([self._seed, epoch]).permutation(self._pictures(epoch))
                if self._windows and self._windows.counts > 1:
                    order = order[np.argsort(self._windows.of(order, epoch), kind="stable")]
                self._orders = {other: kept for other, kept in self._orders.items() if abs(other - epoch) == 1}
                self._orders[epoch] = order
            return self._orders[epoch]

    def _pictures(self, epoch: int) -> np.ndarray:
        return self._usable[self._balance.kept(self._seed, epoch)] if self._balance else self._usable
