"""What pictures show, as numbers: their entities, and their classes in the vocabulary of a release.

Belongs here: the vocabulary and its check, ragged lists of ids as padded tensors. Does not belong here: words (words.py), losses.

Shapes: N pictures in all tars, B pictures of a batch, M pairs of a picture and an entity, L places for ids of a picture (-1: none).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import torch
from torch import Tensor

from entitynet_train.spec import DataSpec, LossSpec, SpecError, vocabulary_fingerprint

pc: Any = pyarrow.compute  # its functions are made at import, where a type checker does not see them


@dataclass(frozen=True)
class Ids:
    """Ids of each picture: picture i has `ids[starts[i]:starts[i + 1]]`."""

    starts: np.ndarray
    ids: np.ndarray

    def of(self, pictures: Sequence[int]) -> Tensor:
        """Return ids_BL (int64) of these pictures, each row filled up with -1; L may be 0."""
        rows = [self.ids[self.starts[picture] : self.starts[picture + 1]] for picture in pictures]
        ids_BL = np.full((len(rows), max(map(len, rows), default=0)), -1, np.int64)
        for place, row in enumerate(rows):
            ids_BL[place, : len(row)] = row
        return torch.from_numpy(ids_BL)


@dataclass(frozen=True)
class Labels:
    """What a recipe's losses need to know of pictures; None where they do not."""

    classes: Ids | None = None
    entities: Ids | None = None


def labels_of(data: DataSpec, loss: LossSpec, shown_M2: np.ndarray, qids: pa.Array, pictures: int) -> Labels:
    """Return classes and entities as a loss needs them, from pairs (picture, place in `qids`) in ascending order.

    Raises SpecError if the vocabulary is not the one that the spec names.
    """
    classes = entities = None
    if loss.needs_classes:
        class_of = read_vocabulary(data, qids)
        classes = _ids(shown_M2[:, 0], class_of[shown_M2[:, 1]], pictures)
    if loss.entity_targets:
        entities = _ids(shown_M2[:, 0], shown_M2[:, 1], pictures)
    return Labels(classes, entities)


def _ids(picture_M: np.ndarray, id_M: np.ndarray, pictures: int) -> Ids:
    picture_M, id_M = picture_M[id_M >= 0], id_M[id_M >= 0]
    return Ids(np.searchsorted(picture_M, np.arange(pictures + 1)), id_M)


def read_vocabulary(data: DataSpec, qids: pa.Array) -> np.ndarray:
    """Return the class index of each entity of `qids`, -1 for one that is no class."""
    paths = [Path(data.root) / path for path in data.vocabulary]
    schema = pa.schema([("class_index", pa.int64()), ("qid", pa.large_string())])
    try:
        tables = [pq.read_table(path, columns=schema.names).select(schema.names).cast(schema) for path in paths]
    except (OSError, pa.ArrowException, KeyError) as error:
        raise SpecError(f"data.vocabulary: {error}; allowed: Parquet with the columns class_index, qid") from error
    whole = pa.concat_tables([schema.empty_table(), *tables]).combine_chunks()
    index, names = whole["class_index"].to_pylist(), whole["qid"].to_pylist()
    found = vocabulary_fingerprint(zip(index, names, strict=True))
    if found != data.vocabulary_fingerprint:
        raise SpecError(
            f"data.vocabulary_fingerprint: found {found} in {', '.join(map(str, paths)) or 'no file'}; allowed: "
            f"{data.vocabulary_fingerprint}, the spec's. This is a vocabulary from another release: make the spec again"
        )
    if len(set(index)) < len(index) or not all(0 <= one < data.class_count for one in index):
        raise SpecError(
            f"data.vocabulary: found indices {min(index)} to {max(index)}; allowed: 0 to {data.class_count - 1}, each once"
        )
    place = pc.index_in(qids, value_set=whole["qid"].combine_chunks())
    known = pc.fill_null(place, -1).to_numpy(zero_copy_only=False)
    return np.append(np.array(index, np.int64), -1)[known]
