"""A text as words that can be compared: folded case and diacritics, clitics and plural endings apart, whatever the script.

Belongs here: what a word is, in names and in texts alike; pure functions of strings, of the standard library only.
Does not belong here: which words name something (names.py), finding names (linking.py).

The rules, the same for names and for texts (docs/linking.md):
- case folds (Unicode casefold), compatibility forms fold (NFKD), diacritics of Latin and Greek letters and the points of Hebrew
  and Arabic fold; marks of other scripts stay, as they tell words apart;
- an owner's 's is a token of its own, so are an elided article before a word (l'arbre) and the ending of an English plural;
- of scripts written without blanks every character is a token, so that a name is found inside a run.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable

BEGIN, END = "\x01", "\x02"  # around every token, so that only whole tokens match; no word contains them
PLURAL, OWNER = "+s", "'s"  # tokens of endings
FORMS_HELD = 500_000  # distinct words whose tokens are kept at hand

_MARKS = "".join(chr(code) for code in range(0x300, 0x10000) if unicodedata.category(chr(code)).startswith("M"))
_LETTERS = rf"(?:[^\W_]|[{_MARKS}])"
_WORD = re.compile(rf"{_LETTERS}+(?:['’]{_LETTERS}+)?")
_ASCII_WORD = re.compile(
    "[0-9A-Za-z]+(?:'[0-9A-Za-z]+)?"
)  # the same where there is nothing else, in a third of the time
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f"
    "\U00020000-\U0002fa1f"
)
_PIECE = re.compile(rf"[{_SPACELESS}][{_MARKS}]*|[^{_SPACELESS}]+")
_IS_SPACELESS = re.compile(f"[{_SPACELESS}]")
_FOLDED_MARKS = re.compile("([a-z\u0370-\u03ff])[\u0300-\u036f]+|[\u0591-\u05bd\u05bf-\u05c7\u064b-\u065f\u0670]")
_ELIDED = frozenset(("l", "d", "qu", "j", "n", "c", "m", "t", "dell", "all", "nell", "sull", "un"))
_IRREGULAR = {
    "men": "man", "women": "woman", "children": "child", "mice": "mouse", "geese": "goose", "feet": "foot", "teeth": "tooth",
    "oxen": "ox", "leaves": "leaf", "wolves": "wolf", "knives": "knife", "calves": "calf", "loaves": "loaf", "shelves": "shelf",
    "hooves": "hoof", "scarves": "scarf", "halves": "half", "thieves": "thief", "shoes": "shoe", "canoes": "canoe",
    "movies": "movie", "cookies": "cookie", "buses": "bus", "axes": "axe",
}  # fmt: skip
_NO_PLURAL = ("ss", "us", "is")
_ES = ("sses", "xes", "ches", "shes", "zzes", "toes", "goes")

Piece = tuple[str, int, int]  # token, where it begins in the word, where it ends


def fold(word: str) -> str:
    """Return the form under which spellings of one word meet."""
    if word.isascii():
        return word.lower()
    plain = unicodedata.normalize("NFKD", word).casefold().replace("’", "'")
    folded = _FOLDED_MARKS.sub(lambda mark: mark[1] or "", plain)
    return "".join(unicodedata.normalize("NFC", folded).split())


def stem(word: str) -> str | None:
    """Return the singular of a folded English plural, by its ending; None if it does not look like one.

    "lens" is taken for a plural of "len"; as names are cut the same way and the longest name wins, that harms only where "len"
    is a name and "lens" is none.
    """
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) < 4 or not word.endswith("s") or word.endswith(_NO_PLURAL):
        return None
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(_ES) and len(word) > 4 else word[:-1]


def pieces(word: str) -> list[Piece]:
    """Return the tokens of a word in order, each with its place in the word."""
    head, _, tail = word.replace("’", "'").partition("'")
    if tail and fold(tail) == "s":
        return [*_whole(head, 0), (OWNER, len(head), len(word))]
    if tail and fold(head) in _ELIDED:
        return [(fold(head) + "'", 0, len(head) + 1), *_whole(tail, len(head) + 1)]
    return [(fold(word), 0, len(word))] if tail else _whole(word, 0)


def _whole(word: str, begin: int) -> list[Piece]:
    found = _PIECE.finditer(word) if _IS_SPACELESS.search(word) else ()
    runs = [(part[0], begin + part.start(), begin + part.end()) for part in found] or [(word, begin, begin + len(word))]
    return [piece for run in runs for piece in _ending_apart(*run)]


def _ending_apart(run: str, begin: int, end: int) -> list[Piece]:
    token = fold(run)
    single = stem(token)
    return [(single, begin, end), (PLURAL, begin, end)] if single else [(token, begin, end)] if token else []


Places = tuple[tuple[int, int], ...]


class Forms(dict[str, str]):
    """The tokens of words as they are matched, by word as written; made when first asked for."""

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[str, Places] = {}

    def __missing__(self, word: str) -> str:
        if len(self) >= FORMS_HELD:
            self.clear()
            self._places.clear()
        found = pieces(word)
        self[word] = form = encoded(token for token, _, _ in found)
        self._places[word] = tuple((begin, end) for _, begin, end in found)
        return form

    def spans(self, text: str, words: Iterable[str], most: int) -> list[tuple[int, int]]:
        """Return where each token of a text stands in it, [begin, end) in characters, of the first `most` or a few more.

        `words` are `words_of` the text.
        """
        spans, at = list[tuple[int, int]](), 0
        for word in words:
            begin = text.find(word, at)  # between two words there is nothing that a word begins with
            at = begin + len(word)
            places = self._places.get(word) or self._placed(word)
            if len(places) == 1:
                spans.append((begin, at))
            else:
                spans += [(begin + start, begin + end) for start, end in places]
            if len(spans) >= most:
                break
        return spans

    def _placed(self, word: str) -> Places:
        self.__missing__(word)
        return self._places[word]


def encoded(tokens: Iterable[str]) -> str:
    """Return tokens as the string that is matched."""
    return "".join(f"{BEGIN}{token}{END}" for token in tokens)


def words_of(text: str) -> list[str]:
    """Return the words of a text as written."""
    return _ASCII_WORD.findall(text) if text.isascii() else _WORD.findall(text)


def tokens_of(text: str) -> tuple[str, ...]:
    """Return the tokens of a text."""
    return tuple(sys.intern(token) for word in words_of(text) for token, _, _ in pieces(word))


def is_spaceless(token: str) -> bool:
    """Say whether a token is a character of a script that is written without blanks."""
    return bool(_IS_SPACELESS.match(token))
