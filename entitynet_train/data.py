"""Pictures in, batches out: the order of samples, random access into tars, decoding, counts of what is left out.

Belongs here: everything between the files of a DataSpec and a batch of pixels and tokens.
Does not belong here: where bytes lie (tars.py), which text goes with a picture (words.py), crops (pixels.py) and tokenizers
(model.py), which are passed in.

Pictures are read by their place in the tars (tars.py) and not as a stream. So the order is an exact permutation instead of a
shuffle buffer, any step can be resumed without reading up to it, ranks never overlap, and the number of loader threads changes
nothing.

Shapes: B pictures of this rank, H and W pixels, C channels, T tokens, N pictures in all tars.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from entitynet_train.epochs import Epochs, Windows, balance_of
from entitynet_train.labels import labels_of
from entitynet_train.reinforcement import open_reinforcement
from entitynet_train.spec import RunSpec, SpecError
from entitynet_train.tars import Pictures
from entitynet_train.tars import index_tars as index_tars
from entitynet_train.tokens import quick
from entitynet_train.words import Words, read_skipped, read_words

AHEAD = 4  # batches made ahead for each thread
SUBSTITUTES_MAX = 100  # broken pictures in a row before the data as a whole counts as broken


@dataclass
class Batch:
    """What one rank sees in one step; `broken` names the pictures that could not be decoded and were replaced.

    With a teacher, the last two have what it said of each cut and text (float32, unit norm).
    `labels` are class indices and `entities` numbers of entities (int64, B x L, -1 where there is none), if the loss asks for them.
    """

    image_BHWC: Tensor
    text_BT: Tensor
    image_ids: list[str]
    sources: list[str]
    texts: list[str]
    broken: list[str] = field(default_factory=list)
    labels: Tensor | None = None
    entities: Tensor | None = None
    teacher_image_BE: Tensor | None = None
    teacher_text_BE: Tensor | None = None


class Crop(Protocol):
    """From the bytes of a picture to pixels: of a box that is drawn, or of one that is given."""

    def __call__(self, raw: bytes, rng: random.Random, /) -> np.ndarray:
        """Return a crop that depends on the bytes and the generator alone."""
        ...

    def cut(self, raw: bytes, box: tuple[int, int, int, int], /) -> np.ndarray:
        """Return the pixels of a box (left, top, right, bottom in pixels)."""
        ...


Tokenize = Callable[[list[str]], Tensor]


class Batches:
    """The batches of one rank by step: `batches[step]` is the same whoever asks, whenever, from however many threads.

    Every picture of an epoch comes once in it, in an order drawn from (seed, epoch); steps run on across epochs. A step's
    global batch is cut into equal parts by rank. Caption and crop are drawn from (seed, epoch, image_id).
    """

    def __init__(self, spec: RunSpec, rank: int, crop: Crop, tokenize: Tokenize) -> None:
        self._spec, self._rank, self._crop, self._tokenize = spec, rank, crop, quick(tokenize)
        self._tars = index_tars(spec.data)
        shown = spec.loss.needs_classes or spec.loss.entity_targets
        self._words: Words = read_words(spec.data, spec.mix, self._tars.image_ids, shown)
        self._labels = labels_of(spec.data, spec.loss, self._words.shown, self._words.qids, len(self._tars.image_ids))
        skipped, named = read_skipped(spec.data, self._tars.image_ids), self._words.present
        self._teacher = open_reinforcement(spec, self._tars.image_ids)
        taught = self._teacher.taught if self._teacher else np.ones(len(named), bool)
        self._usable = np.flatnonzero(~skipped & named & taught)
        self.counts = {
            "pictures": len(skipped),
            "skipped": int(skipped.sum()),
            "no_text": int((~skipped & ~named).sum()),
            "usable": len(self._usable),
        }
        if self._teacher:
            self.counts["not_taught"] = int((~skipped & named & ~taught).sum())
        if spec.steps and not len(self._usable):
            raise SpecError(
                f"data: found no picture with a text under mix {spec.mix.name} ({self.counts}); "
                f"allowed: some with a text of {', '.join(spec.mix.sources)}"
            )
        balance = balance_of(spec.mix, self._words, self._usable, self._tars.image_ids)
        self._windows = Windows(spec.seed, self._tars.begins, spec.window_shards)
        self._epochs = Epochs(spec.seed, self._usable, balance, self._windows)
        if spec.mix.balance:
            self.counts["no_entity"] = self._epochs.never
        self._pictures = Pictures(spec.data, self._tars)

    def positions(self, step: int) -> range:
        """Return the places of this rank's part of a step in the endless sequence of samples."""
        size = self._spec.batch_size_global // self._spec.world_size
        begin = step * self._spec.batch_size_global + self._rank * size
        return range(begin, begin + size)

    def picture_at(self, position: int) -> tuple[int, int]:
        """Return (epoch, picture) of a place in the endless sequence."""
        epoch, place = self._epochs.place_of(position)
        return epoch, int(self._epochs.order(epoch)[place])

    def __getitem__(self, step: int) -> Batch:
        broken: list[str] = []
        places = [self.picture_at(position) for position in self.positions(step)]
        self._pictures.want(self._windows.turn(*places[0]), self._windows.tars)
        drawn = [self._sample(epoch, picture, broken) for epoch, picture in places]
        pixels, cuts, pictures, sources, texts = (list(column) for column in zip(*drawn, strict=True))
        image_ids = self._tars.image_ids.take(pa.array(pictures)).to_pylist()
        labels, entities = (ids and ids.of(pictures) for ids in (self._labels.classes, self._labels.entities))
        image_BHWC = torch.from_numpy(np.stack(pixels))
        batch = Batch(image_BHWC, self._tokenize(texts), image_ids, sources, texts, broken, labels, entities)
        if self._teacher:
            batch.teacher_image_BE, batch.teacher_text_BE = self._teacher.images(cuts), self._teacher.texts(texts)
        return batch

    def _sample(self, epoch: int, picture: int, broken: list[str]) -> tuple[np.ndarray, int, int, str, str]:
        """Return (pixels, row of the teacher's cut, picture, source, text) of a picture, or of a substitute if it cannot be decoded."""
        substitutes = random.Random(f"{self._spec.seed}/{epoch}/{picture}/substitutes")
        for _ in range(SUBSTITUTES_MAX):
            image_id = self._tars.image_ids[picture].as_py()
            rng = random.Random(f"{self._spec.seed}/{epoch}/{image_id}")
            source, text = self._words.draw(picture, rng)
            raw = self._pictures.read(picture)
            try:
                return *self._cut(raw, picture, rng), picture, source, text
            except Exception:  # a decoder of foreign bytes may raise anything; the picture is counted and replaced
                broken.append(image_id)
                order = self._epochs.order(epoch)
                picture = int(order[substitutes.randrange(len(order))])
        raise SpecError(f"data: found {SUBSTITUTES_MAX} broken pictures in a row, last {broken[-1]}; allowed: a few")

    def _cut(self, raw: bytes, picture: int, rng: random.Random) -> tuple[np.ndarray, int]:
        """Return a crop of one's own, or one that the teacher saw with its row."""
        if not self._teacher:
            return self._crop(raw, rng), -1
        row, box = self._teacher.pick(picture, rng)
        return self._crop.cut(raw, box), row

    def close(self) -> None:
        """Close the tars that this process opened."""
        self._pictures.close()


def load_batches(batches: Batches, steps: range, workers: int) -> Iterator[Batch]:
    """Yield the batches of `steps` in order, made ahead by `workers` threads (0: when asked for).

    Threads and not processes: decoding and cropping leave the interpreter free, words stay in memory once, and forking a
    process in which gloo's threads run can leave the child waiting for ever for a lock that a thread of its parent held.
    """
    try:
        if workers == 0:
            yield from (batches[step] for step in steps)
        else:
            yield from _made_ahead(batches, steps, workers)
    finally:
        batches.close()


def _made_ahead(batches: Batches, steps: range, workers: int) -> Iterator[Batch]:
    waiting: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        for step in steps:
            waiting.append(pool.submit(batches.__getitem__, step))
            if len(waiting) > workers * AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
