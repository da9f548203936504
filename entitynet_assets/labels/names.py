"""The names that texts are searched for: every text that calls an entity by a name, folded, each with why it is not linked.

Belongs here: from texts of the graph to names. Does not belong here: what a word is (words.py), finding names (linking.py).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from entitynet_assets.labels.words import OWNER, PLURAL, is_spaceless, tokens_of

KINDS = ("label", "taxon_name", "common_name", "alias")  # the surest first: of several the first is kept
SHORTEST = {"label": 2, "taxon_name": 3, "common_name": 3, "alias": 3}  # letters of a name that is linked by itself


def names_of(rows: Iterable[Mapping[str, Any]], stop_words: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yield rows of entity_names for rows with `qid`, `kind` and `text`, one for each name of an entity, in no order.

    A name that is not linked has a reason: no_word, only_digits, stop_word, too_short.
    """
    best: dict[tuple[str, str], tuple[int, str | None]] = {}
    for row in rows:
        tokens = tokens_of(row["text"])
        key = (" ".join(tokens) or row["text"], row["qid"])
        known = (KINDS.index(row["kind"]), why_not(tokens, row["kind"], stop_words))
        if key not in best or (known[1] is not None, known[0]) < (best[key][1] is not None, best[key][0]):
            best[key] = known
    for (name, qid), (kind, reason) in best.items():
        yield {"name": name, "qid": qid, "kind": KINDS[kind], "reason": reason}


def why_not(tokens: Sequence[str], kind: str, stop_words: Collection[str]) -> str | None:
    """Return why a name of these tokens is not linked by itself; None if it is."""
    said = [token for token in tokens if token not in (OWNER, PLURAL)]
    if not said:
        return "no_word"
    if all(token.isdigit() for token in said):
        return "only_digits"
    if all(token.removesuffix("'") in stop_words for token in said):
        return "stop_word"
    shortest = 2 if is_spaceless(said[0]) else SHORTEST[kind]
    return "too_short" if sum(map(len, said)) < shortest else None
