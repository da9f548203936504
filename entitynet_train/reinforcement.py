"""What a teacher said of pictures and texts, stored once: read at random, in the cuts that the teacher saw.

Belongs here: the reading side of the reinforcement store (Vasu et al. 2024, arXiv 2311.17049: a teacher runs once, many trainings learn
from it). Does not belong here: running a teacher (embed.py), which pictures and texts it is asked of (the platform), the
loss (pair_losses.py).

Vectors lie in nameless files of TMPDIR as float16, so that memory holds what is being used; of a text, 8 bytes are held.
Shapes: N pictures, M cuts of pictures, K texts, B pictures of a batch, E features of the teacher.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import torch
from torch import Tensor

from entitynet_train.objects import Root, open_root
from entitynet_train.spec import RunSpec, SpecError

BOX = ("left_px", "top_px", "right_px", "bottom_px")
ROWS = 4096  # vectors that are read at a time
Box = tuple[int, int, int, int]


@dataclass(frozen=True)
class Reinforcement:
    """Cuts of pictures and texts with their vectors: picture i has the cuts `starts_N1[i]` to `starts_N1[i + 1]`."""

    teacher: str
    starts_N1: np.ndarray
    box_M4: np.ndarray
    image_ME: np.ndarray
    key_K: np.ndarray  # ascending
    text_KE: np.ndarray

    @property
    def taught(self) -> np.ndarray:
        """Tell for each picture whether it has a cut (bool, one a picture)."""
        return np.diff(self.starts_N1) > 0

    def pick(self, picture: int, rng: random.Random) -> tuple[int, Box]:
        """Return (row, box in pixels) of one of a picture's cuts, all alike."""
        row = rng.randrange(int(self.starts_N1[picture]), int(self.starts_N1[picture + 1]))
        left, top, right, bottom = self.box_M4[row].tolist()
        return row, (left, top, right, bottom)

    def images(self, rows: Sequence[int]) -> Tensor:
        """Return teacher_image_BE (float32) of some cuts."""
        return torch.from_numpy(self.image_ME[np.asarray(rows, np.int64)].astype(np.float32))

    def texts(self, texts: Sequence[str]) -> Tensor:
        """Return teacher_text_BE (float32). Raises SpecError for a text that the teacher was not asked of."""
        key_B = np.fromiter(map(_key, texts), np.uint64, len(texts))
        row_B = np.minimum(np.searchsorted(self.key_K, key_B), max(len(self.key_K) - 1, 0))
        missing = np.flatnonzero(self.key_K[row_B] != key_B) if len(self.key_K) else np.arange(len(texts))
        if len(missing):
            raise SpecError(
                f"teacher_texts: found no vector of {self.teacher} for {texts[int(missing[0])]!r}; allowed: texts of the tables that it "
                "was asked of (bring teacher_texts up to date, and let the mix draw no templates)"
            )
        return torch.from_numpy(self.text_KE[row_B].astype(np.float32))


def open_reinforcement(spec: RunSpec, image_ids: pa.Array) -> Reinforcement | None:
    """Read what the recipe's teacher said of these pictures and of all texts; None for a recipe without one.

    Raises SpecError if a table is unreadable or vectors are of several lengths.
    """
    if not spec.teacher:
        return None
    root = open_root(spec.data.root)
    picture, boxes = [np.zeros(0, np.int64)], [np.zeros((0, 4), np.int64)]
    for batch in _batches(root, spec.reinforcements, spec.teacher, ("image_id", *BOX)):
        found = pyarrow.compute.index_in(batch["image_id"].cast(pa.large_string()), value_set=image_ids)  # pyright: ignore
        picture.append(found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))
        boxes.append(np.stack([batch[name].to_numpy(zero_copy_only=False) for name in BOX], 1))
    picture_M = np.concatenate(picture)
    order = np.argsort(picture_M, kind="stable")
    starts_N1 = np.searchsorted(picture_M[order], np.arange(len(image_ids) + 1))
    keys = [np.zeros(0, np.uint64)]
    for batch in _batches(root, spec.teacher_texts, spec.teacher, ("text",)):
        keys.append(np.fromiter((_key(text) for text in batch["text"].to_pylist()), np.uint64, len(batch)))
    key_K = np.concatenate(keys)
    alphabetical = np.argsort(key_K, kind="stable")
    image_ME = _vectors(root, spec.reinforcements, spec.teacher, order)
    text_KE = _vectors(root, spec.teacher_texts, spec.teacher, alphabetical)
    return Reinforcement(spec.teacher, starts_N1, np.concatenate(boxes)[order], image_ME, key_K[alphabetical], text_KE)


def _key(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _vectors(root: Root, paths: Sequence[str], teacher: str, order: np.ndarray) -> np.ndarray:
    """Return the vectors of some tables, row i of the answer being row `order[i]` of the tables, as a file in TMPDIR."""
    target = np.empty(len(order), np.int64)
    target[order] = np.arange(len(order))
    answer, begin = np.zeros((0, 0), np.float16), 0
    for batch in _batches(root, paths, teacher, ("vector",)):
        flat = batch["vector"].flatten().to_numpy(zero_copy_only=False)
        width = len(flat) // len(batch)
        if not begin:
            with tempfile.TemporaryFile() as file:  # the mapping keeps it
                answer = np.memmap(file, np.float16, "w+", shape=(len(order), width))
        if len(flat) != len(batch) * answer.shape[1]:
            raise SpecError(
                f"reinforcement: found vectors of {teacher} of several lengths; allowed: those of one encoder"
            )
        answer[target[begin : begin + len(batch)]] = flat.reshape(len(batch), width)
        begin += len(batch)
    return answer


def _batches(root: Root, paths: Sequence[str], teacher: str, columns: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one teacher in the order of the files, never empty."""
    for path in paths:
        try:
            with pq.ParquetFile(root.local(path)) as table:
                for batch in table.iter_batches(ROWS, columns=["teacher", *columns]):
                    own = batch.filter(pyarrow.compute.equal(batch["teacher"], teacher))  # pyright: ignore
                    if own.num_rows:
                        yield own
        except (OSError, pa.ArrowException, KeyError) as error:
            allowed = ", ".join(("teacher", *columns))
            raise SpecError(f"{root.where(path)}: {error}; allowed: Parquet with the columns {allowed}") from error
