"""Caption mixes: their shares and balance, held against what the loader does."""

from __future__ import annotations

import math
import random
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from entitynet_assets.studies.models import Mix, presets
from entitynet_train.epochs import Threshold, balance_of
from entitynet_train.spec import TEXT_SOURCES, CaptionMix, DataSpec, ShardSpec
from entitynet_train.words import Words, read_words
from tests.small_lake import SmallLake, make_study, select_rows

Rows = dict[str, list[dict[str, Any]]]
PICTURES = ("a", "b", "c", "d")
TEXT = st.sampled_from(["x", "y", "z", " "])
SOMEWHERE, QID, QUERY = st.sampled_from(PICTURES), st.sampled_from(["Q1", "Q2"]), st.sampled_from(["", "q1", "q2"])
KIND = st.sampled_from(["noun", "noun_living", "attribute", "alias_living", "linked"])
ENTITY_KIND = st.sampled_from(["label", "alias", "description", "natural_type"])
OF_QUERY = st.sampled_from(["query", "query_swapped"])
TABLES = st.fixed_dictionaries({
    "image_texts": st.sets(st.tuples(SOMEWHERE, st.sampled_from(["alt_text", "title"]), TEXT), max_size=6),
    "entity_texts": st.sets(st.tuples(QID, ENTITY_KIND, TEXT), max_size=8),
    "query_texts": st.sets(st.tuples(st.sampled_from(["q1", "q2"]), OF_QUERY, TEXT), max_size=5),
    "ancestor_texts": st.dictionaries(st.tuples(QID, TEXT), st.integers(1, 4), max_size=4),
    "caption_links": st.dictionaries(st.tuples(SOMEWHERE, QID, QUERY), KIND, max_size=8),
    "tombstones": st.sets(SOMEWHERE, max_size=1),
    "dropped": st.sets(SOMEWHERE, max_size=1),
})  # fmt: skip
NOUN = {"query": 0.4, "name": 0.5, "natural_type": 0.25, "ancestor": 0.4}
MIXES: list[dict[str, Any]] = [
    {"name": "flat", "weights": {"alt_text": 2, "label": 1, "alias": 0, "query": 3, "ancestor": 1}, "ancestor_distance": 2},
    {"name": "staged", "web_share": 0.3, "weights": {"alt_text": 3, "title": 1}, "by_query": {
        "noun": NOUN, "noun_living": {"query": 0.4, "name": 0.7}, "attribute": {"query": 1, "query_swapped": 0.2, "description": 0.05}}},
    {"name": "labels", "by_query": {"noun": {"label": 1, "alias": 2}, "alias": {"query_swapped": 1}}, "balance": {"threshold": 1}},
    {"name": "web_first", "web_share": 1, "weights": {"title": 1}, "by_query": {"noun": {"query": 1}}, "balance": {"per_entity": 1}},
]  # fmt: skip


def recipe(mix: str) -> dict[str, Any]:
    return {"name": "r", "mix": mix, "tower": "demo-64", "samples_seen": 0, "batch_size_global": 1, "lr_peak": 1e-3}


STUDY = make_study(mixes=MIXES, recipes=[recipe("flat")])


def rows_of(drawn: dict[str, Any]) -> Rows:
    return {
        "samples": [{"image_id": picture} for picture in PICTURES],
        "kept_images": [{"image_id": picture} for picture in PICTURES if picture not in drawn["dropped"]],
        "tombstones": [{"image_id": picture} for picture in drawn["tombstones"]],
        "image_texts": [{"image_id": p, "source": s, "text": t} for p, s, t in drawn["image_texts"]],
        "entity_texts": [{"qid": qid, "kind": kind, "text": text} for qid, kind, text in drawn["entity_texts"]],
        "query_texts": [{"query_id": q, "source": s, "text": t} for q, s, t in drawn["query_texts"]],
        "ancestor_texts": [{"qid": q, "text": t, "distance": far} for (q, t), far in drawn["ancestor_texts"].items()],
        "caption_links": [
            {"image_id": p, "qid": qid, "query_id": query, "query_kind": kind}
            for (p, qid, query), kind in drawn["caption_links"].items()
        ],
    }


def write(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    schema = pa.schema([(column, pa.int64() if column == "distance" else pa.string()) for column in columns])
    pq.write_table(pa.Table.from_pylist([{c: row[c] for c in columns} for row in rows], schema), path)
    return path.name


def loader(mix: CaptionMix, rows: Rows, root: Path) -> tuple[Words, list[str]]:
    """Return the words of the pictures that are released, as a training run reads them, and the pictures."""
    gone = {row["image_id"] for row in rows.get("tombstones", [])}
    kept = sorted({row["image_id"] for row in rows["kept_images"]} - gone)
    entity = [{**row, "distance": 0} for row in rows["entity_texts"]]
    entity += [{**row, "kind": "ancestor"} for row in rows.get("ancestor_texts", [])]
    texts = write(root / "texts.parquet", ("image_id", "source", "text"), rows["image_texts"])
    data = DataSpec(
        "r", "w", "s", (ShardSpec("0", "0", len(kept), "0.tar", texts),), str(root),
        (write(root / "links.parquet", ("image_id", "qid", "query_id", "query_kind"), rows["caption_links"]),),
        (write(root / "queries.parquet", ("query_id", "source", "text"), rows["query_texts"]),),
        (write(root / "entities.parquet", ("qid", "kind", "text", "distance"), entity),),
    )  # fmt: skip
    return read_words(data, mix, pa.array(kept, pa.large_string())), kept


def loader_shares(found: Words, pictures: int) -> dict[str, float]:
    """Return the chance of each source, in the mean over pictures with a text."""
    usable = [picture for picture in range(pictures) if found.present[picture]]
    shares = defaultdict[str, float](float)
    for picture in usable:
        chances = found.chances(picture)
        assert sum(chance for _, chance in chances) == pytest.approx(1)
        for (source, _, _), chance in chances:
            shares[TEXT_SOURCES[source]] += chance / len(usable)
    return dict(shares)


def epoch_of(mix: CaptionMix, found: Words, pictures: list[str]) -> float:
    """Return the expected pictures of an epoch: of a threshold what the loader reckons with, of a cap the formula by hand."""
    usable = np.flatnonzero(found.present)
    shown = [pair for pair in found.shown.tolist() if pair[0] in usable]
    if "threshold" in mix.balance:
        if not shown:
            return 0.0
        balance = balance_of(mix, found, usable, pa.array(pictures, pa.large_string()))
        assert isinstance(balance, Threshold)
        return float(balance.keep_U.sum())
    count, most = Counter(entity for _, entity in shown), mix.balance.get("per_entity", len(pictures) + 1)
    of = [[min(1, most / count[entity]) for picture, entity in shown if picture == one] for one in usable]
    return sum(math.prod(chances) for chances in of)


@settings(max_examples=12, deadline=None)
@given(TABLES)
def test_shares_and_pictures_are_those_of_the_loader(drawn: dict[str, Any]) -> None:
    rows = rows_of(drawn)
    table, balance = select_rows("caption_mixes", STUDY, rows), select_rows("mix_balance", STUDY, rows)
    for mix in STUDY.mixes:
        with tempfile.TemporaryDirectory() as root:
            found, pictures = loader(mix.caption_mix(), rows, Path(root))
            expected, images_per_epoch = (
                loader_shares(found, len(pictures)),
                epoch_of(mix.caption_mix(), found, pictures),
            )
        mine = [row for row in table if row["mix"] == mix.name]
        shares = Counter[str]()
        for row in mine:
            shares[row["source"]] += row["effective_share"]
        assert {source: share for source, share in shares.items() if share} == pytest.approx(
            {source: share for source, share in expected.items() if share}, abs=1e-7
        )
        row = next(row for row in balance if row["mix"] == mix.name)
        assert row["image_count"] == int(found.present.sum())
        assert row["images_per_epoch"] == pytest.approx(images_per_epoch, abs=1e-5)


WORLD: Rows = {  # every case: no alt text, no query, several entities and queries, equal texts in several sources
    "samples": [{"image_id": picture} for picture in PICTURES],
    "kept_images": [{"image_id": picture} for picture in PICTURES],
    "image_texts": [
        {"image_id": picture, "source": source, "text": text} for picture, source, text in
        [("a", "alt_text", "apple"), ("a", "alt_text", "a red apple"), ("b", "title", "fruit"), ("b", "alt_text", "pie")]
    ],
    "entity_texts": [
        {"qid": qid, "kind": kind, "text": text} for qid, kind, text in
        [("Q1", "label", "apple"), ("Q1", "alias", "apples"), ("Q1", "description", "round fruit"), ("Q1", "natural_type", "fruit"),
         ("Q2", "label", "dog"), ("Q2", "alias", "hound"), ("Q2", "natural_type", "mammal"), ("Q2", "description", "dog")]
    ],
    "query_texts": [
        {"query_id": query, "source": source, "text": text} for query, source, text in
        [("n1", "query", "apple"), ("n2", "query", "dog"), ("t1", "query", "red apple"), ("t1", "query_swapped", "red apples"),
         ("t1", "query_attribute", "red"), ("t1", "query_attribute_name", "red apples"), ("t1", "query_attribute_name", "red apple")]
    ],
    "ancestor_texts": [{"qid": "Q2", "text": "animal", "distance": 1}, {"qid": "Q2", "text": "organism", "distance": 3}],
    "caption_links": [
        {"image_id": picture, "qid": qid, "query_id": query, "query_kind": kind} for picture, qid, query, kind in
        [("a", "Q1", "n1", "noun"), ("a", "Q1", "t1", "attribute_noun"), ("b", "Q1", "t1", "attribute_noun"),
         ("b", "Q2", "n2", "noun_living"), ("b", "Q2", "", "linked_living"), ("c", "Q2", "n2", "noun_living"),
         ("d", "Q2", "", "linked_living")]
    ],
}  # fmt: skip
STAGED: dict[str, Any] = {
    **presets("mixes")["published"], "name": "staged",
    "by_query": {**presets("mixes")["published"]["by_query"], "noun_living": {"query": 0.4, "name": 0.5, "ancestor": 0.6}},
}  # fmt: skip


@pytest.mark.parametrize(
    "mix", [STAGED, MIXES[0], presets("mixes")["published_graph_only"]], ids=lambda mix: mix["name"]
)
def test_a_hundred_thousand_draws_come_by_the_shares_of_the_table(mix: dict[str, Any], tmp_path: Path) -> None:
    study = make_study(mixes=[mix], recipes=[recipe(mix["name"])])
    rows = select_rows("caption_mixes", study, WORLD)
    shares = Counter[str]()
    for row in rows:
        shares[row["source"]] += row["effective_share"]
    found, pictures = loader(study.mixes[0].caption_mix(), WORLD, tmp_path)
    usable = [picture for picture in range(len(pictures)) if found.present[picture]]
    rng, count = random.Random(7), 100_000 // len(usable)
    drawn = Counter(found.draw(picture, rng)[0] for picture in usable for _ in range(count))
    sources = [source for source, share in shares.items() if share > 0]
    assert set(drawn) == set(sources)
    expected = [shares[source] * count * len(usable) / sum(shares.values()) for source in sources]
    assert chisquare([drawn[source] for source in sources], expected).pvalue > 1e-4


PUBLISHED = {  # percent of the graph's labels before equal texts are one, as derived from the published weights
    "noun": [36.4, 43.6, 10.9, 7.3, 1.8, 0, 0, 0, 0, 0], "noun_living": [36.4, 49.1, 5.5, 8.2, 0.9, 0, 0, 0, 0, 0],
    "attribute": [54.1, 8.6, 2.2, 2.2, 0.5, 8.6, 2.2, 8.6, 2.2, 10.8],
    "attribute_living": [54.1, 9.7, 1.1, 2.4, 0.3, 9.7, 1.1, 9.7, 1.1, 10.8],
}  # fmt: skip
COLUMNS = [
    ("query",), ("label", "alias", "taxon_name", "common_name"), ("natural_type", "natural_type_alias"), ("description",),
    ("natural_type_description",), ("query_attribute_name",), ("query_attribute_type",), ("query_swapped",), ("query_swapped_type",),
    ("query_attribute",),
]  # fmt: skip


@pytest.mark.parametrize("kind", PUBLISHED)
def test_the_published_mix_has_the_published_shares_of_labels(kind: str) -> None:
    kinds = (
        "label",
        "alias",
        "common_name",
        "description",
        "natural_type",
        "natural_type_alias",
        "natural_type_description",
    )
    made = [source for (source, *_) in COLUMNS if source.startswith("query")]
    rows: Rows = {
        "samples": [{"image_id": "a"}], "kept_images": [{"image_id": "a"}],
        "caption_links": [{"image_id": "a", "qid": "Q1", "query_id": "q", "query_kind": kind}],
        "entity_texts": [{"qid": "Q1", "kind": known, "text": f"its {known}"} for known in kinds],
        "query_texts": [{"query_id": "q", "source": source, "text": f"its {source}"} for source in made],
    }  # fmt: skip
    study = make_study(mixes=["published_graph_only"], recipes=[recipe("published_graph_only")])
    shares = {row["source"]: row["effective_share"] for row in select_rows("caption_mixes", study, rows)}
    found = [100 * sum(shares.get(source, 0) for source in sources) for sources in COLUMNS]
    assert found == pytest.approx(PUBLISHED[kind], abs=0.07)


def test_a_picture_without_an_alt_text_has_labels_and_half_of_the_others(tmp_path: Path) -> None:
    study = make_study(mixes=["published"], recipes=[recipe("published")])
    rows = select_rows("caption_mixes", study, WORLD)
    web = next(row for row in rows if row["source"] == "alt_text")
    assert (web["query_kind"], web["effective_share"], web["image_count"]) == (
        "",
        0.25,
        2,
    )  # a and b, each half of the time


def test_ablations_on_one_source_have_that_source_alone() -> None:
    study = make_study(mixes=["published_alt_only", "published_graph_only"], recipes=[recipe("published_alt_only")])
    rows = [row for row in select_rows("caption_mixes", study, WORLD) if row["image_count"]]
    of = {
        mix: {row["source"] for row in rows if row["mix"] == mix}
        for mix in ("published_alt_only", "published_graph_only")
    }
    assert of["published_alt_only"] == {"alt_text"}
    assert "alt_text" not in of["published_graph_only"]


def test_a_mix_without_a_text_has_share_zero_and_other_mixes_are_apart(small: SmallLake) -> None:
    mixes = [{"name": "one", "weights": {"alt_text": 2, "label": 1}}, {"name": "two", "weights": {"title": 1}}]
    small.choose(mixes=mixes, recipes=[recipe("one")])
    for name in ("samples", "kept_images"):
        small.put(name, [{"image_id": "a"}, {"image_id": "b"}])
    small.put("image_texts", [{"image_id": "a", "source": "alt_text", "text": "x"}])
    small.put("caption_links", [{"image_id": image, "qid": "Q1", "query_kind": "linked"} for image in "ab"])
    small.put("entity_texts", [{"qid": "Q1", "kind": "label", "text": "x"}])
    assert small.pick("caption_mixes", "mix", "source", "weight", "effective_share", "image_count") == [
        ("one", "alt_text", 2.0, round(1 / 3, 9), 1),
        ("one", "label", 1.0, round(2 / 3, 9), 2),
        ("two", "title", 1.0, 0.0, 0),
    ]


def test_balance_says_what_an_epoch_has_and_what_becomes_of_the_tail() -> None:
    links = [(f"h{n}", "Q1") for n in range(8)] + [("t0", "Q2"), ("t1", "Q2"), ("t1", "Q1")]
    pictures = sorted({picture for picture, _ in links} | {"nameless"})
    rows: Rows = {
        "samples": [{"image_id": picture} for picture in pictures], "kept_images": [{"image_id": picture} for picture in pictures],
        "image_texts": [{"image_id": picture, "source": "alt_text", "text": "x"} for picture in pictures],
        "caption_links": [{"image_id": p, "qid": q, "query_kind": "linked"} for p, q in links],
    }  # fmt: skip
    mixes = [{"name": name, "weights": {"alt_text": 1}, "balance": how} for name, how in
             [("all", {}), ("capped", {"per_entity": 3}), ("tamed", {"threshold": 3})]]  # fmt: skip
    found = select_rows("mix_balance", make_study(mixes=mixes, recipes=[recipe("all")]), rows)
    everything = [tuple(row.values()) for row in found]
    third, tail = 3 / 9, 2 / 11
    assert everything == [
        ("all", "none", None, 11, 11.0, None, None),
        # nine of Q1 of which t1 is Q2's too: 8/3 + t0 + t1 with 1/3, and the nameless one
        ("capped", "per_entity", 3, 11, pytest.approx(9 * third + 2), pytest.approx(tail),
         pytest.approx((1 + third) / (8 * third + 1 + 2 * third), abs=1e-8)),
        # t1 is kept by Q2 for sure; the nameless one is matched by nothing
        ("tamed", "threshold", 3, 11, pytest.approx(8 * third + 2), pytest.approx(tail), pytest.approx(2 / (8 * third + 3), abs=1e-8)),
    ]  # fmt: skip


def test_the_mixes_of_the_presets_are_sound() -> None:
    for preset in presets("mixes").values():
        assert Mix.model_validate(preset).caption_mix().sources
