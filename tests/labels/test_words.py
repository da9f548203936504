"""What a word is: case, diacritics, owners, plurals, elided articles, scripts without blanks, marks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.labels.words import Forms, encoded, fold, pieces, stem, tokens_of, words_of


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Anna’s T-shirt, 5€ – naïve!", ("anna", "'s", "t", "shirt", "5", "naive")),
        ("the Eagles' nest", ("the", "eagle", "+s", "nest")), ("L'arbre d’été", ("l'", "arbre", "d'", "ete")),
        ("rock'n roll", ("rock'n", "roll")), ("O'Keeffe", ("o'keeffe",)), ("Straße STRASSE", ("strasse", "strasse")),
        ("Übung U\u0308bung", ("ubung", "ubung")), ("red_apple", ("red", "apple")), ("ﬁsh Ⅳ", ("fish", "iv")),
        ("苹果树", ("苹", "果", "树")), ("Fuji富士山りんご", ("fuji", "富", "士", "山", "り", "ん", "ご")),
        ("שָׁלוֹם", ("שלום",)), ("تُفَّاح", ("تفاح",)), ("हिन्दी", ("हिन्दी",)), ("한국 사과", ("한국", "사과")),
        ("\x01a\x02", ("a",)), ("", ()), ("!!! \ud800", ()),
    ],
)  # fmt: skip
def test_tokens_of_a_text(text, tokens):
    assert tokens_of(text) == tokens


@pytest.mark.parametrize(
    ("word", "single"),
    [
        ("apples", "apple"), ("cherries", "cherry"), ("pies", "pie"), ("boxes", "box"), ("houses", "house"), ("glasses", "glass"),
        ("peaches", "peach"), ("potatoes", "potato"), ("shoes", "shoe"), ("wolves", "wolf"), ("mice", "mouse"), ("cats", "cat"),
        ("glass", None), ("cactus", None), ("iris", None), ("gas", None), ("apple", None), ("s", None), ("", None),
    ],
)  # fmt: skip
def test_the_singular_of_a_plural(word, single):
    assert stem(word) == single


@given(st.text(max_size=40))
def test_every_token_has_its_place_and_matching_sees_what_tokens_say(text):
    forms, tokens = Forms(), tokens_of(text)
    spans = forms.spans(text, words_of(text), len(tokens))
    assert len(spans) == len(tokens)
    assert all(0 <= begin < end <= len(text) for begin, end in spans)
    assert all(text[begin:end].strip() for begin, end in spans)
    assert all(token and token == "".join(token.split()) for token in tokens)
    assert "".join(forms[word] for word in words_of(text)) == encoded(tokens)


@given(st.text(alphabet=st.characters(categories=["L"]), min_size=1, max_size=8))
def test_folding_is_the_same_for_both_cases_and_settles(word):
    assert fold(fold(word)) == fold(word)
    assert fold(word.lower()) == fold(word) or len(word.lower()) != len(word)


def test_a_word_of_a_megabyte_is_one_token():
    assert [piece[0] for piece in pieces("a" * 1_000_000)] == ["a" * 1_000_000]
