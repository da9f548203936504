"""What the other words of a text say of who is meant: votes for candidates of one name.

Belongs here: the formula. Does not belong here: finding names (linking.py), the other components and their sum (sql/labels/).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from entitynet_assets.labels.words import tokens_of

SHORTEST = 3  # letters of a word that votes


def content_words(texts: Iterable[str], stop_words: Collection[str]) -> frozenset[str]:
    """Return the words of some texts that say something: no stop words, no digits, three letters or more."""
    return frozenset(
        token for text in texts for token in tokens_of(text)
        if len(token) >= SHORTEST and token.isalpha() and token not in stop_words
    )  # fmt: skip


def context_scores(
    around: Collection[str], candidates: Collection[str], known: Mapping[str, Collection[str]]
) -> dict[str, float] | None:
    """Return the share of votes for each candidate, 0 to 1, together 1; None if no word votes.

    Each word `around` the name that is among the words `known` of a candidate (its description, type, attributes and the names of
    what is above it) is one vote, shared by all candidates that have it, so that what they have in common tells nothing.
    """
    votes, voting = dict.fromkeys(candidates, 0.0), 0
    for word in sorted(around):
        having = [qid for qid in candidates if word in known.get(qid, ())]
        voting += bool(having)
        for qid in having:
            votes[qid] += 1 / len(having)
    return {qid: votes[qid] / voting for qid in candidates} if voting else None
