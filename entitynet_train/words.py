"""The words of the pictures: read from Parquet, joined and drawn when a batch is made.

Belongs here: which texts a picture may be shown with, and the draw of some of them under a caption mix.
Does not belong here: pixels, order, batches (data.py); the rule that weighs texts (captions.py); how the words came about.

Words are held as Arrow strings with offsets per picture, query and entity: no Python object a text.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from entitynet_train.captions import NO_QUERY, PLAIN, Candidate, Weighed, chances, picture_chances
from entitynet_train.objects import Root, open_root
from entitynet_train.spec import LINK_KINDS, LIVING, TEXT_SOURCES, CaptionMix, DataSpec, SpecError, all_kinds

pc: Any = pyarrow.compute  # its functions are made at import, where a type checker does not see them
READS = 8  # files on the wire at once
Table = dict[int, tuple[str, float]]


@dataclass(frozen=True)
class Lists:
    """Texts grouped by an owner (picture, query or entity): owner i has the rows `starts[i]` to `starts[i + 1]`."""

    starts: np.ndarray
    source: np.ndarray  # index into TEXT_SOURCES
    texts: pa.LargeStringArray
    distance: np.ndarray | None = None  # statements up to an ancestor, else 0

    def of(self, owner: int) -> Iterable[Candidate]:
        """Return the texts of an owner."""
        begin, end = int(self.starts[owner]), int(self.starts[owner + 1])
        far = self.distance[begin:end].tolist() if self.distance is not None else (0,) * (end - begin)
        return zip(self.source[begin:end].tolist(), self.texts[begin:end].to_pylist(), far, strict=True)

    def weighed(self, table: Table) -> np.ndarray:
        """Tell for each owner whether it has a text that a table weighs (bool, one an owner)."""
        usable = np.isin(self.source, list(table))
        counted = np.concatenate(([0], np.cumsum(usable)))
        return counted[self.starts[1:]] > counted[self.starts[:-1]]


@dataclass(frozen=True)
class Links:
    """How pictures come to words of queries and entities: picture i has the rows `starts[i]` to `starts[i + 1]`."""

    starts: np.ndarray
    query: np.ndarray
    entity: np.ndarray
    table: np.ndarray  # index into Words.tables


@dataclass(frozen=True)
class Words:
    """Everything that the pictures of a run may be called, under one mix; pictures are counted from 0.

    `tables[0]` has the weights of the web, or of a flat mix; the others those of the kinds of links that `kinds` names.
    `shown` are the distinct entities of the pictures as (picture, entity), for balancing and losses; `qids` names the entities.
    """

    mix: CaptionMix
    kinds: list[str]
    tables: list[Table]
    image_lists: Lists
    links: Links
    query_lists: Lists
    entity_lists: Lists
    shown: np.ndarray
    qids: pa.Array

    @property
    def present(self) -> np.ndarray:
        """Tell for each picture whether it has a text under the mix (bool, one a picture)."""
        return self.image_lists.weighed(self.tables[0]) | (np.diff(self.links.starts) > 0)

    def draw(self, image: int, rng: random.Random) -> tuple[str, str]:
        """Return (source, text) for a picture that has one, by the mix (see CaptionMix).

        The order of rows in the files does not matter.
        """
        source, text, _ = _pick(self._weighed(image, rng), rng)
        return self._phrased(source, text, rng)

    def draw_many(self, image: int, count: int, rng: random.Random) -> list[tuple[str, str]]:
        """Return up to `count` (source, text) with distinct texts, drawn one after the other without putting back.

        The first is distributed as that of `draw`; a picture with fewer texts gives fewer.
        """
        left, drawn = self.chances(image), list[tuple[str, str]]()
        while left and len(drawn) < count:
            source, text, _ = _pick(left, rng)
            left = [(other, chance) for other, chance in left if other[1] != text]
            drawn.append(self._phrased(source, text, rng))
        return drawn

    def chances(self, image: int) -> Weighed:
        """Return every text of a picture with the chance that `draw` draws it (see picture_chances)."""
        links = [(self.kinds[int(self.links.table[row])], self._labels(row)) for row in self._rows(image)]
        return picture_chances(self.mix, self.image_lists.of(image), links)

    def _weighed(self, image: int, rng: random.Random) -> Weighed:
        """Return the weighed texts of the one way that this draw goes: of `chances`, only what is drawn from is made."""
        rows, decay = self._rows(image), self.mix.ancestor_decay
        if not self.mix.by_query:
            return chances(self._everything(image), self.tables[0], decay, collapse=False)
        if not rows or (self.mix.web_share and rng.random() < self.mix.web_share):
            web = chances(self.image_lists.of(image), self.tables[0], decay, collapse=False)
            if web:
                return web
        row = rows[rng.randrange(len(rows))]
        return chances(self._labels(row), self.tables[int(self.links.table[row])], decay, collapse=True)

    def _rows(self, image: int) -> range:
        return range(int(self.links.starts[image]), int(self.links.starts[image + 1]))

    def _labels(self, row: int) -> list[Candidate]:
        """Return the texts of a link: of its query and of its entity."""
        return [*self.query_lists.of(int(self.links.query[row])), *self.entity_lists.of(int(self.links.entity[row]))]

    def _everything(self, image: int) -> list[Candidate]:
        """Return all texts of a picture, those of a query or an entity once."""
        found, rows = list(self.image_lists.of(image)), self._rows(image)
        for query in set(self.links.query[rows.start : rows.stop].tolist()):
            found += self.query_lists.of(query)
        for entity in set(self.links.entity[rows.start : rows.stop].tolist()):
            found += self.entity_lists.of(entity)
        return found

    def _phrased(self, source: int, text: str, rng: random.Random) -> tuple[str, str]:
        name, mix = TEXT_SOURCES[source], self.mix
        if mix.template_share and name not in PLAIN and rng.random() < mix.template_share:
            text = rng.choice(mix.templates).replace("{}", text)
        return name, text


def _pick(weighed: Weighed, rng: random.Random) -> Candidate:
    left = rng.random() * sum(weight for _, weight in weighed)
    for candidate, weight in weighed:
        left -= weight
        if left < 0:
            return candidate
    return weighed[-1][0]  # what rounding left over


def read_words(data: DataSpec, mix: CaptionMix, image_ids: pa.Array, shown: bool = False) -> Words:
    """Read the texts that `mix` can draw for the pictures `image_ids`, and with `shown` the entities that they show.

    Raises SpecError if a table is unreadable.
    """
    root = open_root(data.root)
    texts = _read(root, [shard.texts for shard in data.shards], ("image_id", "source", "text"))
    raw = _read(root, data.image_entities, ("image_id", "qid", "query_id", "query_kind"))
    of_queries = _read(root, data.query_texts, ("query_id", "source", "text"))
    of_entities = _read(root, data.entity_texts, ("qid", "kind", "text", "distance"))
    queries = pc.unique(pa.concat_arrays([of_queries["query_id"], raw["query_id"]]))
    qids = pc.unique(pa.concat_arrays([of_entities["qid"], raw["qid"]]))
    image_lists = _lists(_codes(texts["image_id"], image_ids), texts["source"], texts["text"], mix, len(image_ids))
    query_lists = _lists(
        _codes(of_queries["query_id"], queries), of_queries["source"], of_queries["text"], mix, len(queries)
    )
    entity_lists = _lists(
        _codes(of_entities["qid"], qids), of_entities["kind"], of_entities["text"], mix, len(qids),
        of_entities["distance"].cast(pa.int16()).to_numpy(zero_copy_only=False),
    )  # fmt: skip
    kinds, table_of_kind = _kinds_of(mix)
    tables = [mix.table(name) for name in kinds]
    kind = _kinds(raw["query_kind"])
    image, entity = _codes(raw["image_id"], image_ids), _codes(raw["qid"], qids)
    query, table = _codes(raw["query_id"], queries), table_of_kind[kind]
    usable = (image >= 0) & _has_text(tables, query_lists, entity_lists, query, entity, table)
    if mix.by_query:
        usable &= _asked_first(image, usable, kind, len(image_ids))
    starts, order = _group(np.where(usable, image, -1), len(image_ids))
    links = Links(starts, *(column[order].astype(np.int32) for column in (query, entity, table)))
    seen = np.unique((image * len(qids) + entity)[image >= 0]) if mix.balance or shown else np.zeros(0, np.int64)
    pairs = np.stack(np.divmod(seen, max(len(qids), 1)), 1)
    return Words(mix, kinds, tables, image_lists, links, query_lists, entity_lists, pairs, qids)


def _kinds_of(mix: CaptionMix) -> tuple[list[str], np.ndarray]:
    """Return the kinds that a mix tells apart, the web first, and for each link kind the place of its kind there."""
    keys = [mix.key_of(kind) if mix.by_query else "" for kind in all_kinds()]
    known = ["", *sorted(set(keys) - {""})]
    return known, np.array([known.index(key) for key in keys], np.int8)


def _kinds(names: pa.Array) -> np.ndarray:
    kind = _codes(names, pa.array(all_kinds(), pa.large_string()))
    if (kind < 0).any():
        found = names[int(np.argmin(kind))].as_py()
        raise SpecError(
            f"image_entities.query_kind: found {found!r}; allowed: {', '.join(LINK_KINDS)}, or with {LIVING}"
        )
    return kind


def _has_text(
    tables: list[Table],
    query_lists: Lists,
    entity_lists: Lists,
    query: np.ndarray,
    entity: np.ndarray,
    table: np.ndarray,
) -> np.ndarray:
    """Tell for each link whether its query or its entity has a text that its table weighs."""
    has = np.zeros(len(table), bool)
    for place in np.unique(table):
        of_queries, of_entities = (lists.weighed(tables[int(place)]) for lists in (query_lists, entity_lists))
        has |= (table == place) & (of_queries[query] | of_entities[entity])
    return has


def _asked_first(image: np.ndarray, usable: np.ndarray, kind: np.ndarray, images: int) -> np.ndarray:
    """Tell which links count: those of queries, and others only where a picture has no usable one of a query."""
    unasked = np.array([name.startswith(NO_QUERY) for name in all_kinds()])[kind]
    has_query = np.zeros(images + 1, bool)  # one more for links of other pictures, whose place is -1
    has_query[image[usable & ~unasked]] = True
    return ~unasked | ~has_query[image]


def read_skipped(data: DataSpec, image_ids: pa.Array) -> np.ndarray:
    """Tell for each picture whether its key is in the skip list (bool, one a picture)."""
    keys = _read(open_root(data.root), data.skip, ("image_id",))["image_id"]
    return pc.is_in(image_ids, value_set=keys).to_numpy(zero_copy_only=False)


def _read(root: Root, paths: Iterable[str], columns: tuple[str, ...]) -> dict[str, pa.Array]:
    """Return the columns of several Parquet files as one array each, all large strings."""
    schema = pa.schema([(column, pa.large_string()) for column in columns])

    def table(path: str) -> pa.Table:
        try:
            return pq.read_table(root.local(path), columns=list(columns)).select(columns).cast(schema)
        except (OSError, pa.ArrowException, KeyError) as error:
            raise SpecError(
                f"{root.where(path)}: {error}; allowed: Parquet with the columns {', '.join(columns)}"
            ) from error

    with ThreadPoolExecutor(READS) as pool:
        whole = pa.concat_tables([schema.empty_table(), *pool.map(table, paths)])
    return {column: whole[column].combine_chunks() for column in columns}


def _codes(values: pa.Array, vocabulary: pa.Array) -> np.ndarray:
    """Return each value's place in the vocabulary, -1 for one that is not in it."""
    return pc.fill_null(pc.index_in(values, value_set=vocabulary), -1).to_numpy(zero_copy_only=False)


def _group(owner: np.ndarray, owners: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (starts, order): rows in `order` stand by owner; rows of owner -1 are left out."""
    order = np.argsort(owner, kind="stable")
    order = order[np.searchsorted(owner[order], 0) :]
    return np.searchsorted(owner[order], np.arange(owners + 1)), order


def _lists(
    owner: np.ndarray,
    source: pa.Array,
    text: pa.Array,
    mix: CaptionMix,
    owners: int,
    distance: np.ndarray | None = None,
) -> Lists:
    """Return the texts that the mix can draw, by owner; ancestors beyond its distance and empty texts are left out."""
    drawn = set(mix.sources)
    weighted = pa.array([name if name in drawn else None for name in TEXT_SOURCES], pa.large_string())
    code = _codes(source, weighted)
    filled = pc.fill_null(pc.not_equal(pc.utf8_trim_whitespace(text), ""), False).to_numpy(zero_copy_only=False)
    usable = filled & source.is_valid().to_numpy(zero_copy_only=False) & (code >= 0)
    if distance is not None:
        usable &= distance <= mix.ancestor_distance
    starts, order = _group(np.where(usable, owner, -1), owners)
    far = None if distance is None or not distance[order].any() else distance[order].astype(np.int8)
    return Lists(starts, code[order].astype(np.int8), text.take(pa.array(order)), far)
