"""Effective shares of caption mixes against a computation picture by picture."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.small_lake import SmallLake, make_study, select_rows

PICTURES = ("a", "b", "c", "d")
SOURCES = ("alt_text", "label", "query", "alias")
SOMEWHERE, WEB, KINDS = (
    st.sampled_from(PICTURES),
    st.sampled_from(["alt_text", "title"]),
    st.sampled_from(["label", "alias"]),
)
QIDS, ASKED = st.sampled_from(["Q1", "Q2"]), st.sampled_from(["", "apple"])
WEIGHTS = st.dictionaries(st.sampled_from(SOURCES), st.sampled_from([0.0, 0.5, 1.0, 3.0]), min_size=1)
TABLES = st.fixed_dictionaries({
    "image_texts": st.sets(st.tuples(SOMEWHERE, WEB, st.sampled_from("xy")), max_size=6),
    "entity_texts": st.sets(st.tuples(QIDS, KINDS), max_size=4),
    "image_entities": st.sets(st.tuples(SOMEWHERE, QIDS, ASKED), max_size=6),
    "tombstones": st.sets(SOMEWHERE, max_size=1),
    "dropped": st.sets(SOMEWHERE, max_size=1),
    "weights": WEIGHTS.filter(lambda weights: sum(weights.values()) > 0),
})  # fmt: skip


def rows_of(drawn: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    return {
        "samples": [{"image_id": picture} for picture in PICTURES],
        "kept_images": [{"image_id": picture} for picture in PICTURES if picture not in drawn["dropped"]],
        "tombstones": [{"image_id": picture} for picture in drawn["tombstones"]],
        "image_texts": [{"image_id": p, "source": s, "text": t} for p, s, t in drawn["image_texts"]],
        "entity_texts": [{"qid": qid, "kind": kind, "text": "x"} for qid, kind in drawn["entity_texts"]],
        "image_entities": [{"image_id": p, "qid": qid, "query_text": q} for p, qid, q in drawn["image_entities"]],
    }


def by_hand(drawn: dict[str, Any]) -> dict[str, tuple[float, int]]:
    weights = {source: weight for source, weight in drawn["weights"].items() if weight > 0}
    shares = {source: list[float]() for source in weights}
    worded = 0
    for picture in set(PICTURES) - drawn["tombstones"] - drawn["dropped"]:
        has = {source for image, source, _ in drawn["image_texts"] if image == picture}
        named = {qid for image, qid, _ in drawn["image_entities"] if image == picture}
        has |= {kind for qid, kind in drawn["entity_texts"] if qid in named}
        has |= {"query" for image, _, query in drawn["image_entities"] if image == picture and query}
        usable = {source: weight for source, weight in weights.items() if source in has}
        worded += bool(usable)
        for source, weight in usable.items():
            shares[source].append(weight / sum(usable.values()))
    return {source: (sum(found) / max(worded, 1), len(found)) for source, found in shares.items()}


@settings(max_examples=25, deadline=None)
@given(TABLES)
def test_effective_shares_are_the_mean_over_pictures(drawn: dict[str, Any]) -> None:
    study = make_study(mixes=[{"name": "m", "weights": drawn["weights"]}], recipes=[recipe("m")])
    rows = select_rows("caption_mixes", study, rows_of(drawn))
    assert {row["source"] for row in rows} == {source for source, weight in drawn["weights"].items() if weight > 0}
    for source, (share, count) in by_hand(drawn).items():
        row = next(row for row in rows if row["source"] == source)
        assert row["effective_share"] == pytest.approx(share, abs=1e-9)
        assert row["image_count"] == count
        assert row["weight"] == drawn["weights"][source]
    total = sum(row["effective_share"] for row in rows)
    assert total == pytest.approx(1 if any(row["image_count"] for row in rows) else 0, abs=1e-8)


def recipe(mix: str) -> dict[str, Any]:
    return {
        "name": "r",
        "mix": mix,
        "tower": "demo-64",
        "samples_seen": 0,
        "batch_size_global": 1,
        "lr_peak": 1e-3,
    }


def test_a_mix_without_a_text_has_share_zero_and_other_mixes_are_apart(small: SmallLake) -> None:
    mixes = [{"name": "one", "weights": {"alt_text": 2, "label": 1}}, {"name": "two", "weights": {"title": 1}}]
    small.choose(mixes=mixes, recipes=[recipe("one")])
    for name in ("samples", "kept_images"):
        small.put(name, [{"image_id": "a"}, {"image_id": "b"}])
    small.put("image_texts", [{"image_id": "a", "source": "alt_text", "text": "x"}])
    small.put("image_entities", [{"image_id": image, "qid": "Q1"} for image in "ab"])
    small.put("entity_texts", [{"qid": "Q1", "kind": "label", "text": "x"}])
    assert small.pick("caption_mixes", "mix", "source", "weight", "effective_share", "image_count") == [
        ("one", "alt_text", 2.0, round(1 / 3, 9), 1),
        ("one", "label", 1.0, round(2 / 3, 9), 2),
        ("two", "title", 1.0, 0.0, 0),
    ]
