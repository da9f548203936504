"""Where a text names something: the longest known name first, whole words only, by an Aho-Corasick automaton.

Belongs here: names in, mentions out. Does not belong here: what a word is (words.py), which names there are (names.py), which of
several entities of one name is meant (context.py for the words, sql/labels/ for all together), evidence from searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, Implementation, MatchKind

from entitynet_assets.labels.words import BEGIN, Forms, encoded, words_of


class Mention(NamedTuple):
    """A name in a text: [begin, end) in characters, the name as folded, and every entity so called."""

    begin: int
    end: int
    name: str
    qids: tuple[str, ...]


class Names:
    """All names at once: one pass over a text finds them, whatever their number (Aho and Corasick 1975).

    Where names overlap, the one that begins first is meant, and of those the longest. A name is found in its plural and with an
    owner's 's, as these endings are tokens of their own.
    """

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        """Take (name, entity) pairs; a name is tokens with blanks between, as entity_names has it."""
        called: dict[str, list[str]] = {}
        for name, qid in names:
            called.setdefault(name, []).append(qid)
        self.names = sorted(called)
        self.qids = [tuple(sorted(set(called[name]))) for name in self.names]
        self._forms = Forms()
        patterns = [encoded(name.split(" ")) for name in self.names]
        self._find = AhoCorasick(
            patterns, MatchKind.LeftmostLongest, store_patterns=False, implementation=Implementation.ContiguousNFA
        ).find_matches_as_indexes

    def mentions(self, text: str) -> Iterator[Mention]:
        """Yield the mentions of a text in order."""
        words = words_of(text)
        form = "".join(map(self._forms.__getitem__, words))
        found = self._find(form)
        if not found:
            return
        spans = self._forms.spans(text, words, form.count(BEGIN, 0, found[-1][2]))
        first, counted = 0, 0
        for number, begin, end in found:
            first += form.count(BEGIN, counted, begin)
            counted = begin
            last = first + form.count(BEGIN, begin, end) - 1
            yield Mention(spans[first][0], spans[last][1], self.names[number], self.qids[number])
