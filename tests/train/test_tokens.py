"""Tokens that come faster are the same tokens."""

from __future__ import annotations

import functools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_train import tokens
from entitynet_train.compat import import_open_clip
from entitynet_train.tokens import QuickTokenizer, quick

TEXTS = [
    "", " ", "a red circle", "A  Red\tCircle\n", "don't we'll I'VE", "caf\u00e9 na\u00efve", "\u72ac\u3068\u732b", "&amp;amp; &lt;b&gt;",
    "AT&T R&amp;D", "<start_of_text> in <end_of_text>", "\U0001f436 dogs \U0001f1e9\U0001f1ea", "\ufb01sh \u2018quoted\u2019", "12 345 6.7",
    "\u00c3\u00a9cole",
    "x" * 300, "word " * 80, "\x00\x1b[31mred\x7f", "\u0130stanbul \u1e9e", "a&b", "\ud7ff\ue000", "---___***", "e\u0301",
]  # fmt: skip


@functools.cache
def pair(length):
    make = import_open_clip().SimpleTokenizer
    return make(context_length=length), quick(make(context_length=length))


@pytest.mark.parametrize("length", [4, 16, 77])
def test_known_texts_have_open_clips_tokens_first_and_again(length):
    slow, fast = pair(length)
    for _ in range(2):
        assert torch.equal(fast(TEXTS), slow(TEXTS))
    assert fast(TEXTS).dtype == slow(TEXTS).dtype


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=4))
def test_any_text_has_open_clips_tokens(texts):
    slow, fast = pair(16)
    assert torch.equal(fast(texts), slow(texts))


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(max_codepoint=127), max_size=80))
def test_any_ascii_text_has_open_clips_tokens(text):
    slow, fast = pair(16)
    assert torch.equal(fast([text]), slow([text]))


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(tokens, "TEXTS_KEPT", 8)
    monkeypatch.setattr(tokens, "WORDS_KEPT", 8)
    slow = import_open_clip().SimpleTokenizer(context_length=16)
    known = dict(slow.cache)
    fast = quick(slow)
    assert isinstance(fast, QuickTokenizer)
    fast([f"name{chr(97 + number)}{chr(98 + number)} of a thing" for number in range(20)])
    assert slow.cache == known
    assert fast._word.cache_info().currsize == fast._text.cache_info().currsize == 8


def test_another_tokenizer_is_left_alone():
    make = import_open_clip().SimpleTokenizer
    masks = make(context_length=16, reduction_mask="simple")
    assert quick(masks) is masks
    assert quick(len) is len  # type: ignore[arg-type, comparison-overlap]
    whitespace = make(context_length=16, clean="whitespace")
    assert torch.equal(quick(make(context_length=16, clean="whitespace"))(TEXTS), whitespace(TEXTS))
