"""The draw of a text: frequencies, sources, relabelling."""

from __future__ import annotations

import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entitynet_train.data import index_tars
from entitynet_train.spec import CaptionMix, SpecError
from entitynet_train.words import read_words


@pytest.fixture
def words_of(tiny_world):
    """A function from weights to (Words, ids of the pictures)."""

    def read(**weights):
        data = tiny_world.data()
        ids = index_tars(data).image_ids
        return read_words(data, CaptionMix("m", weights), ids), ids.to_pylist()

    return read


def draws(words, picture, count=4000):
    return Counter(words.draw(picture, random.Random(number)) for number in range(count))


def sources(words, picture):
    found = Counter()
    for (source, _), times in draws(words, picture).items():
        found[source] += times
    return found


def test_sources_come_by_their_weights(words_of):
    words, _ = words_of(label=6, alt_text=3, query=1)
    found = sources(words, 0)
    assert found["label"] / 4000 == pytest.approx(0.6, abs=0.03)
    assert found["alt_text"] / 4000 == pytest.approx(0.3, abs=0.03)
    assert found["query"] / 4000 == pytest.approx(0.1, abs=0.03)


def test_weights_are_renormalised_over_the_sources_that_a_picture_has(words_of):
    words, _ = words_of(label=1, alt_text=1, taxon_name=98)
    found = sources(words, 0)
    assert set(found) == {"label", "alt_text"}
    assert found["label"] / 4000 == pytest.approx(0.5, abs=0.03)


def test_texts_of_a_source_come_uniformly_and_a_repeated_one_counts_once(tiny_world, words_of):
    tiny_world.entity_texts += [
        ("Q1", "alias", "ruby disc"),
        ("Q1", "alias", "crimson ring"),
        ("Q1", "alias", "ruby disc"),
    ]
    tiny_world.write_words()
    words, ids = words_of(alias=1)
    picture = next(n for n, image_id in enumerate(ids) if tiny_world.pictures[image_id] == "Q1")
    found = draws(words, picture)
    assert set(found) == {("alias", "ruby disc"), ("alias", "crimson ring")}
    assert found["alias", "ruby disc"] / 4000 == pytest.approx(0.5, abs=0.03)


def test_every_picture_gets_its_own_words(tiny_world, words_of):
    words, ids = words_of(label=1, alt_text=1, query=1)
    for picture, image_id in enumerate(ids):
        name = tiny_world.classes[tiny_world.pictures[image_id]]
        expected = {("label", name), ("alt_text", f"a {name} on grey"), ("query", f"{name} photo")}
        assert set(draws(words, picture, 60)) == expected


def test_a_picture_without_a_text_under_the_mix_is_absent(tiny_world, words_of):
    tiny_world.entity_texts = [("Q2", "taxon_name", "Quadratus viridis"), ("Q3", "taxon_name", "  ")]
    tiny_world.write_words()
    words, ids = words_of(taxon_name=1)
    named = [tiny_world.pictures[image_id] == "Q2" for image_id in ids]
    assert words.present.tolist() == named


def test_the_order_of_rows_does_not_matter(tiny_world, words_of):
    tiny_world.entity_texts += [("Q1", "alias", text) for text in ("one", "two", "three")]
    tiny_world.write_words()
    before = [words_of(alias=1, label=2)[0].draw(0, random.Random(n)) for n in range(20)]
    tiny_world.entity_texts.reverse()
    tiny_world.write_words()
    assert [words_of(alias=1, label=2)[0].draw(0, random.Random(n)) for n in range(20)] == before


def test_a_table_without_a_column_is_named(tiny_world, words_of):
    pq.write_table(pa.table({"qid": ["Q1"], "text": ["x"]}), tiny_world.root / "entity_texts.parquet")
    with pytest.raises(SpecError, match=r"(?s)entity_texts\.parquet.*qid, kind, text"):
        words_of(label=1)


def test_an_absent_table_is_named(tiny_world, words_of):
    (tiny_world.root / "links.parquet").unlink()
    with pytest.raises(SpecError, match=r"links\.parquet"):
        words_of(label=1)
