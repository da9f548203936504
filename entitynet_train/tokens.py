"""open_clip's byte-pair tokenizer, with what it has worked out before kept: the same tokens in a fraction of the time.

Belongs here: speed of tokenising. Does not belong here: which tokenizer a tower has (model.py), texts (words.py).

Names of entities come again and again, so whole texts are kept; words of the web come again, so their tokens are kept. Both are
bounded, where open_clip's own store of words grows for as long as texts come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from entitynet_train.compat import import_open_clip

TEXTS_KEPT = 2**16
WORDS_KEPT = 2**17

Tokenize = Callable[[list[str]], Tensor]


def quick(tokenize: Tokenize) -> Tokenize:
    """Return a tokenizer that gives the same tokens faster, if it is open_clip's byte-pair one; else the same tokenizer."""
    plain = type(tokenize) is import_open_clip().SimpleTokenizer
    known: Any = tokenize
    return QuickTokenizer(known) if plain and known.reduction_fn is None else tokenize


class QuickTokenizer:
    """B strings -> text_BT (int64), bit for bit what `slow` gives. Threads may share it."""

    def __init__(self, slow: Any) -> None:
        self._slow = slow
        self._length = int(slow.context_length)
        self._specials = frozenset(slow.cache)
        self._word = lru_cache(WORDS_KEPT)(self._encode_word)
        self._text = lru_cache(TEXTS_KEPT)(self._encode_text)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Return text_BT: start, tokens, end, then zeros; what does not fit is cut before the end."""
        text_BT = np.zeros((len(texts), self._length), np.int64)
        for row, text in zip(text_BT, texts, strict=True):
            tokens = self._text(text)
            row[: len(tokens)] = tokens
        return torch.from_numpy(text_BT)

    def _encode_text(self, text: str) -> tuple[int, ...]:
        slow = self._slow
        tokens: list[int] = [slow.sot_token_id]
        for found in slow.pat.finditer(self._cleaned(text)):
            tokens += self._word(found.group())
            if len(tokens) >= self._length:  # what follows would be cut
                return (*tokens[: self._length - 1], slow.eot_token_id)
        return (*tokens, slow.eot_token_id)

    def _cleaned(self, text: str) -> str:
        """Return what open_clip's cleaning makes of a text.

        In printable ASCII without `&` there is no wrong encoding to mend, no entity, and no white space but blanks.
        """
        if text.isascii() and text.isprintable() and "&" not in text and self._slow.clean_fn.__name__ == "_clean_lower":
            return " ".join(text.split()).lower()
        return self._slow.clean_fn(text)

    def _encode_word(self, word: str) -> tuple[int, ...]:
        slow = self._slow
        letters = "".join(slow.byte_encoder[byte] for byte in word.encode("utf-8"))
        pieces = slow.bpe(letters)
        if letters not in self._specials:
            slow.cache.pop(letters, None)  # its store has no bound
        return tuple(slow.encoder[piece] for piece in pieces.split(" "))
