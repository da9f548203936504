"""The draw of a text: frequencies, sources, relabelling."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from entitynet_train.data import index_tars
from entitynet_train.spec import TEXT_SOURCES, CaptionMix, SpecError
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
    with pytest.raises(SpecError, match=r"(?s)entity_texts\.parquet.*qid, kind, text, distance"):
        words_of(label=1)


def test_an_absent_table_is_named(tiny_world, words_of):
    (tiny_world.root / "links.parquet").unlink()
    with pytest.raises(SpecError, match=r"links\.parquet"):
        words_of(label=1)


STAGED = CaptionMix(
    "staged", {"alt_text": 1.0}, 0.5,
    {"noun": {"query": 0.4, "name": 0.6}, "attribute": {"query": 1.0, "query_swapped": 0.5}, "alias_living": {"taxon_name": 1.0}},
)  # fmt: skip


def staged(tiny_world, mix=STAGED, **links):
    """Return the words of a world in which the first pictures have the links given, and the ids of its pictures."""
    first = sorted(tiny_world.pictures)[: len(links)]
    tiny_world.links = [(image, *link) for image, rows in zip(first, links.values(), strict=True) for link in rows]
    tiny_world.query_texts = [
        ("n", "query", "red circle"),
        ("a", "query", "red disc"),
        ("a", "query_swapped", "ruby disc"),
    ]
    tiny_world.entity_texts += [("Q1", "alias", "ring"), ("Q2", "taxon_name", "Quadratus viridis")]
    tiny_world.write_words()
    ids = index_tars(tiny_world.data()).image_ids
    places = [ids.to_pylist().index(image) for image in first]
    return read_words(tiny_world.data(), mix, ids), places


def labels(words, picture):
    """Return the chances of a picture's texts but the web's, with the web's share beside."""
    chances = {
        text: chance for (source, text, _), chance in words.chances(picture) if TEXT_SOURCES[source] != "alt_text"
    }
    return pytest.approx(chances), pytest.approx(1 - sum(chances.values()))


def test_a_label_is_drawn_by_the_kind_of_the_query_and_equal_texts_are_one(tiny_world):
    words, (noun, attribute, both, living) = staged(
        tiny_world, noun=[("Q1", "n", "noun")], attribute=[("Q1", "a", "attribute_noun_living")],
        both=[("Q1", "n", "noun"), ("Q1", "a", "attribute")], living=[("Q2", "n", "alias_living")],
    )  # fmt: skip
    # the query is the label too: 0.4 against 0.3 for each of two names
    assert labels(words, noun) == ({"red circle": 0.5 * 4 / 7, "ring": 0.5 * 3 / 7}, 0.5)
    assert labels(words, attribute) == ({"red disc": 0.5 * 2 / 3, "ruby disc": 0.5 / 3}, 0.5)
    assert labels(words, both)[0] == {"red circle": 1 / 7, "ring": 3 / 28, "red disc": 1 / 6, "ruby disc": 1 / 12}
    assert labels(words, living) == ({"Quadratus viridis": 0.5}, 0.5)
    for picture in (noun, both):
        found, expected = draws(words, picture), {}
        for (source, text, _), chance in words.chances(picture):
            expected[TEXT_SOURCES[source], text] = chance
        assert {key: times / 4000 for key, times in found.items()} == pytest.approx(expected, abs=0.035)


def test_links_of_no_query_count_only_without_one(tiny_world):
    asked, linked = ("Q1", "n", "noun"), ("Q2", "", "linked")
    words, (both, alone, bare) = staged(tiny_world, both=[asked, linked], alone=[linked], bare=[("Q9", "", "linked")])
    assert set(labels(words, both)[0].expected) == {"red circle", "ring"}
    assert set(labels(words, alone)[0].expected) == {"green square", "Quadratus viridis"}
    assert labels(words, bare) == ({}, 1.0)  # an entity without a text: always the web's


def test_a_picture_without_a_web_text_always_has_a_label(tiny_world):
    mix = dataclasses.replace(STAGED, weights={"page_text": 1.0})
    words, (picture,) = staged(tiny_world, mix, one=[("Q1", "n", "noun")])
    assert sum(labels(words, picture)[0].expected.values()) == pytest.approx(1)
    assert words.present.tolist() == [place == picture for place in range(24)]


def test_nearer_ancestors_come_more_often_and_far_ones_never(tiny_world):
    tiny_world.ancestors = [("Q1", "shape", 1), ("Q1", "figure", 2), ("Q1", "form", 3), ("Q1", "object", 4)]
    mix = CaptionMix("up", {"ancestor": 1.0}, ancestor_distance=3, ancestor_decay=0.5)
    words, (picture,) = staged(tiny_world, mix, one=[("Q1", "n", "noun")])
    assert labels(words, picture)[0] == {"shape": 4 / 7, "figure": 2 / 7, "form": 1 / 7}


def test_templates_take_their_share_of_names_and_no_sentence(tiny_world):
    tiny_world.entity_texts += [("Q1", "description", "it is round")]
    mix = CaptionMix(
        "m",
        {"label": 1, "description": 1, "alt_text": 1},
        templates=("a photo of a {}.", "art of {}"),
        template_share=0.4,
    )
    words, (picture,) = staged(tiny_world, mix, one=[("Q1", "n", "noun")])
    found = draws(words, picture)
    whole = sum(times for (source, _), times in found.items() if source == "label")
    shares = {text: times / whole for (source, text), times in found.items() if source == "label"}
    expected = {"red circle": 0.6, "a photo of a red circle.": 0.2, "art of red circle": 0.2}
    assert shares == pytest.approx(expected, abs=0.06)
    assert {text for (source, text) in found if source == "description"} == {"it is round"}
    assert len({text for (source, text) in found if source == "alt_text"}) == 1


def test_several_texts_are_distinct_and_the_first_is_as_alone(tiny_world):
    words, (picture,) = staged(tiny_world, one=[("Q1", "n", "noun"), ("Q1", "a", "attribute")])
    drawn = [words.draw_many(picture, 3, random.Random(number)) for number in range(3000)]
    assert all(len({text for _, text in texts}) == len(texts) == 3 for texts in drawn)
    first = Counter(texts[0] for texts in drawn)
    expected = {(TEXT_SOURCES[source], text): chance for (source, text, _), chance in words.chances(picture)}
    assert {key: times / 3000 for key, times in first.items()} == pytest.approx(expected, abs=0.035)
    everything = words.draw_many(picture, 50, random.Random(0))
    assert sorted(everything) == sorted(expected)


def test_an_unknown_kind_of_query_is_named(tiny_world):
    with pytest.raises(SpecError, match=r"query_kind: found 'guess'; allowed: attribute, .*linked, or with _living"):
        staged(tiny_world, one=[("Q1", "n", "guess")])
