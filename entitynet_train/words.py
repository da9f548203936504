"""The words of the pictures: read from Parquet, joined and drawn when a batch is made.

Belongs here: which texts a picture may be shown with, and the draw of one of them under a caption mix.
Does not belong here: pixels, order, batches (data.py); how the words came about (the platform).

Words are held as Arrow strings with offsets per picture and per entity: no Python object a text.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from entitynet_train.spec import TEXT_SOURCES, CaptionMix, DataSpec, SpecError

pc: Any = pyarrow.compute  # its functions are made at import, where a type checker does not see them


@dataclass(frozen=True)
class Lists:
    """Texts grouped by an owner (a picture or an entity): owner i has the rows `starts[i]` to `starts[i + 1]`."""

    starts: np.ndarray
    source: np.ndarray  # index into TEXT_SOURCES
    texts: pa.LargeStringArray

    def of(self, owner: int) -> Iterable[tuple[int, str]]:
        """Yield (source, text) of an owner."""
        begin, end = int(self.starts[owner]), int(self.starts[owner + 1])
        return zip(self.source[begin:end].tolist(), self.texts[begin:end].to_pylist(), strict=True)

    @property
    def present(self) -> np.ndarray:
        """Tell for each owner whether it has a text."""
        return np.diff(self.starts) > 0


@dataclass(frozen=True)
class Words:
    """Everything that the pictures of a run may be called, under one mix; pictures are counted from 0."""

    mix: CaptionMix
    image_lists: Lists  # image texts and queries
    entity_starts: np.ndarray  # as in Lists, into `entities`
    entities: np.ndarray
    entity_lists: Lists

    @property
    def present(self) -> np.ndarray:
        """Tell for each picture whether it has a text under the mix (bool, one a picture)."""
        named = np.concatenate(([0], np.cumsum(self.entity_lists.present[self.entities])))
        return self.image_lists.present | (np.diff(named[self.entity_starts]) > 0)

    def draw(self, image: int, rng: random.Random) -> tuple[str, str]:
        """Return (source, text) for a picture that has one.

        A source is drawn by the mix's weights, renormalised over the sources that the picture has; then one of its
        distinct texts, uniformly. The order of rows in the files does not matter.
        """
        found: dict[int, set[str]] = {}
        for source, text in self._texts(image):
            found.setdefault(source, set()).add(text)
        sources = sorted(found)
        weights = [self.mix.weights[TEXT_SOURCES[source]] for source in sources]
        source = rng.choices(sources, weights)[0]
        return TEXT_SOURCES[source], rng.choice(sorted(found[source]))

    def _texts(self, image: int) -> Iterable[tuple[int, str]]:
        yield from self.image_lists.of(image)
        for entity in self.entities[self.entity_starts[image] : self.entity_starts[image + 1]]:
            yield from self.entity_lists.of(entity)


def read_words(data: DataSpec, mix: CaptionMix, image_ids: pa.Array) -> Words:
    """Read the texts that `mix` can draw for the pictures `image_ids`. Raises SpecError if a table is unreadable."""
    root = Path(data.root)
    texts = _read(root, [shard.texts for shard in data.shards], ("image_id", "source", "text"))
    links = _read(root, data.image_entities, ("image_id", "qid", "query_text"))
    entity_texts = _read(root, data.entity_texts, ("qid", "kind", "text"))
    image, link_image = _codes(texts["image_id"], image_ids), _codes(links["image_id"], image_ids)
    queries = pa.repeat(pa.scalar("query", pa.large_string()), len(link_image))
    image_lists = _lists(
        np.concatenate((image, link_image)),
        pa.concat_arrays([texts["source"], queries]),
        pa.concat_arrays([texts["text"], links["query_text"]]),
        mix,
        len(image_ids),
    )
    qids = pc.unique(pa.concat_arrays([entity_texts["qid"], links["qid"]]))
    entity = _codes(entity_texts["qid"], qids)
    entity_lists = _lists(entity, entity_texts["kind"], entity_texts["text"], mix, len(qids))
    starts, order = _group(link_image, len(image_ids))
    return Words(mix, image_lists, starts, _codes(links["qid"], qids)[order], entity_lists)


def read_skipped(data: DataSpec, image_ids: pa.Array) -> np.ndarray:
    """Tell for each picture whether its key is in the skip list (bool, one a picture)."""
    keys = _read(Path(data.root), data.skip, ("image_id",))["image_id"]
    return pc.is_in(image_ids, value_set=keys).to_numpy(zero_copy_only=False)


def _read(root: Path, paths: Iterable[str], columns: tuple[str, ...]) -> dict[str, pa.Array]:
    """Return the columns of several Parquet files as one array each, all large strings."""
    schema = pa.schema([(column, pa.large_string()) for column in columns])
    tables = [schema.empty_table()]
    for path in paths:
        try:
            tables.append(pq.read_table(root / path, columns=list(columns)).select(columns).cast(schema))
        except (OSError, pa.ArrowException, KeyError) as error:
            raise SpecError(
                f"{root / path}: {error}; allowed: Parquet with the columns {', '.join(columns)}"
            ) from error
    whole = pa.concat_tables(tables)
    return {column: whole[column].combine_chunks() for column in columns}


def _codes(values: pa.Array, vocabulary: pa.Array) -> np.ndarray:
    """Return each value's place in the vocabulary, -1 for one that is not in it."""
    return pc.fill_null(pc.index_in(values, value_set=vocabulary), -1).to_numpy(zero_copy_only=False)


def _group(owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (starts, order): rows in `order` stand by owner; rows of owner -1 are left out."""
    order = np.argsort(owner, kind="stable")
    order = order[np.searchsorted(owner[order], 0) :]
    return np.searchsorted(owner[order], np.arange(owners + 1)), order


def _lists(owner: np.ndarray, source: pa.Array, text: pa.Array, mix: CaptionMix, owners: int) -> Lists:
    weighted = pa.array([name if mix.weights.get(name, 0) > 0 else None for name in TEXT_SOURCES], pa.large_string())
    code = _codes(source.cast(pa.large_string()), weighted)
    filled = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False).to_numpy(zero_copy_only=False)
    usable = filled & source.is_valid().to_numpy(zero_copy_only=False) & (code >= 0)
    starts, order = _group(np.where(usable, owner, -1), owners)
    return Lists(starts, code[order].astype(np.int8), text.take(pa.array(order)))
