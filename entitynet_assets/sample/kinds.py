"""Kinds: entities that the sample makes up, for worlds larger than the facts.

What it is: `make_kind(number, seed)` and Catalogue, the facts and the kinds as one mapping that makes a kind when it is asked for.
What belongs here: names and statements of made-up items, all of source "sample".
What does not: true items (facts.toml), how an item looks (look.py).

A kind is a sibling of one of the true leaf entities, its model: it has the same direct classes, so the model stays a leaf, and
colours, materials, parts and sizes of its own. Ids run from Q800000001; Wikidata counts upwards and is far from there
(Q138000000 in 2026). Names are words of no language, one for each number.
"""

import random
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from entitynet_assets.sample.facts import Item, Sourced, Statement, load_facts
from entitynet_assets.sample.look import COLOURS, MATERIALS, PARTS, read_look

FIRST_ID = 800_000_001
KINDS_MAX = 10_000_000
SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprtvz" for vowel in "aeiou"]
STEP = 48_271  # no common factor with 65, so that a step through the words meets each once


def kind_id(kind: int) -> str:
    """Return the id of a kind by its number from 0."""
    return f"Q{FIRST_ID + kind}"


class Catalogue(Mapping[str, Item]):
    """True items and the first `count` kinds of a seed; a kind is made when it is asked for."""

    def __init__(self, items: Mapping[str, Item], seed: int, count: int) -> None:
        self.true_items, self.seed, self.count = items, seed, count

    def __getitem__(self, qid: str) -> Item:
        found = self.true_items.get(qid)
        if found is None and qid in self:
            return make_kind(int(qid[1:]) - FIRST_ID, self.seed)
        return found if found is not None else self.true_items[qid]

    def label(self, qid: str) -> str:
        """Return the name of an item without making its statements."""
        true = self.true_items.get(qid)
        return true.label.text if true else kind_name(int(qid[1:]) - FIRST_ID, self.seed)

    def __contains__(self, qid: object) -> bool:
        if not isinstance(qid, str) or qid in self.true_items:
            return qid in self.true_items
        return qid[:1] == "Q" and qid[1:].isdecimal() and 0 <= int(qid[1:]) - FIRST_ID < self.count

    def __iter__(self) -> Iterator[str]:
        yield from self.true_items
        yield from map(kind_id, range(self.count))

    def __len__(self) -> int:
        return len(self.true_items) + self.count


@lru_cache(maxsize=20_000)
def make_kind(kind: int, seed: int) -> Item:
    """Make the kind of a number: the statements of its model, varied."""
    facts = load_facts()
    model = facts.items[facts.order[kind % len(facts.order)]]
    rng = random.Random(f"{seed}/kind/{kind}")
    name, parent = kind_name(kind, seed), facts.items[model.parents()[0]]
    return Item(
        qid=kind_id(kind),
        kind="generated",
        label=Sourced(name, "sample"),
        description=Sourced(f"made-up kind of {parent.label.text}", "sample"),
        aliases=(Sourced(f"{name} {parent.label.text}", "sample"),),
        sitelinks=5 + rng.randrange(40),
        statements=(*classes(model), *attributes(model, rng), *sizes(model, rng)),
    )


def kind_name(kind: int, seed: int) -> str:
    """Return a word of three or more syllables and an x; no two kinds have the same."""
    count, length = len(SYLLABLES), 3
    while kind >= count**length:
        kind, length = kind - count**length, length + 1
    at, word = (kind * STEP + seed * 7919) % count**length, ""
    for _ in range(length):
        at, syllable = divmod(at, count)
        word += SYLLABLES[syllable]
    return word + "x"


def stated(pid: str, value: str) -> Statement:
    """Return a statement of the sample's own."""
    return Statement(pid, value, "sample")


def classes(model: Item) -> list[Statement]:
    """Return the model's direct classes and taxa as classes: a sibling stands beside it, not below."""
    return [stated("P279", parent) for parent in dict.fromkeys(model.parents())]


def attributes(model: Item, rng: random.Random) -> list[Statement]:
    """Return one to three colours, a material where the model has one, and the model's parts, one lost or one borrowed."""
    colours = rng.sample(sorted(COLOURS), rng.choice((1, 2, 2, 3)))
    made = [stated("P462", colour) for colour in colours]
    if model.values("P186"):
        made.append(stated("P186", rng.choice(sorted(MATERIALS))))
    parts = [part for part in model.values("P527") if part in PARTS]
    if len(parts) > 1 and rng.random() < 0.3:
        parts.remove(rng.choice(parts))
    borrowed = rng.choice(siblings_parts(model.qid))
    if rng.random() < 0.4 and borrowed not in parts:
        parts.append(borrowed)
    return made + [stated("P527", part) for part in parts]


@cache
def siblings_parts(qid: str) -> tuple[str, ...]:
    """Return the parts of all true entities that are drawn by the same plan."""
    facts = load_facts()
    plan = read_look(facts.items, qid).body_plan
    kin = [facts.items[q] for q in facts.order if read_look(facts.items, q).body_plan == plan]
    return tuple(sorted({part for item in kin for part in item.values("P527") if part in PARTS}))


def sizes(model: Item, rng: random.Random) -> list[Statement]:
    """Return the model's sizes, each by a factor of its own."""
    metres = [(s, s.value) for s in model.statements if isinstance(s.value, float)]
    return [Statement(s.property, round(v * rng.lognormvariate(0, 0.3), 4), "sample", s.unit) for s, v in metres]
