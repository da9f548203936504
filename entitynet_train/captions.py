"""What a caption mix is, and the one rule by which it turns the texts of a picture into chances.

Belongs here: sources of captions, the mix as data with its checks, the pure rule. Standard library only; the platform sees
it through spec.py. Does not belong here: where texts are read and drawn (words.py), what a mix comes to on a release (the
platform's SELECTs, which follow the same rule and are held against it by tests).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

# Where a caption can come from: `image_texts` sources first, then kinds of `entity_texts`, then what is made of a query.
WEB_SOURCES = ("alt_text", "title", "page_text")
ENTITY_SOURCES = (
    "label", "alias", "taxon_name", "common_name", "description",
    "natural_type", "natural_type_alias", "natural_type_description", "attribute", "attribute_value", "attribute_type",
    "ancestor",
)  # fmt: skip
QUERY_SOURCES = (
    "query", "query_swapped", "query_swapped_type", "query_attribute", "query_attribute_name", "query_attribute_type",
)  # fmt: skip
TEXT_SOURCES = (*WEB_SOURCES, *ENTITY_SOURCES, *QUERY_SOURCES)
POOLS = {  # several sources under one weight, which is divided over all their texts
    "name": ("label", "alias", "taxon_name", "common_name"),
    "type_name": ("natural_type", "natural_type_alias"),
}
NO_QUERY = "linked"  # kind of a link between picture and entity that no search of this round made
ATTRIBUTE_KINDS = ("attribute", "attribute_noun")
LINK_KINDS = (
    *ATTRIBUTE_KINDS, "noun", "alias", "taxon_name", "common_name", "drawing", "word", "item", NO_QUERY,
)  # fmt: skip
LIVING = "_living"
PLAIN = {"description", "natural_type_description", *WEB_SOURCES}  # sentences, which no template takes
BALANCES = ("threshold", "per_entity")

Weighed = list[tuple["Candidate", float]]
Candidate = tuple[int, str, int]  # (place in TEXT_SOURCES, text, statements up to an ancestor, else 0)


class SpecError(ValueError):
    """A spec that cannot be run: names the field, what was found and what is allowed."""


def need(holds: bool, path: str, found: object, allowed: str) -> None:
    """Raise SpecError unless it holds."""
    if not holds:
        raise SpecError(f"{path}: found {found!r}; allowed: {allowed}")


@dataclass(frozen=True)
class CaptionMix:
    """Which texts pictures are shown with, and which pictures an epoch has. Weights are relative, finite, at least 0.

    Without `by_query` a mix is flat: `weights` are over TEXT_SOURCES, renormalised over the sources that a picture has.
    With `by_query` it has two stages: with chance `web_share` a text of the web by `weights`, else one of the picture's
    queries uniformly and a text of it by the weights for its kind: keys are `noun` (needed, and for every kind that has no key
    of its own), `attribute`, a query kind, and each of them with `_living`. Weights there are over entity and query
    sources and POOLS.

    An ancestor's name counts `ancestor_decay ** (distance - 1)`; none is further than `ancestor_distance` statements up.
    `template_share` of the labels that are no sentences are put into one of `templates`. `balance` is empty,
    {"threshold": t} (MetaCLIP) or {"per_entity": n}.
    """

    name: str
    weights: dict[str, float] = field(default_factory=dict[str, float])
    web_share: float = 0.0
    by_query: dict[str, dict[str, float]] = field(default_factory=dict[str, dict[str, float]])
    ancestor_decay: float = 0.5
    ancestor_distance: int = 3
    templates: tuple[str, ...] = ()
    template_share: float = 0.0
    balance: dict[str, int] = field(default_factory=dict[str, int])

    def __post_init__(self) -> None:
        at = f"mix[{self.name}]"
        self._check_stages(at)
        need(0 <= self.web_share <= 1, f"{at}.web_share", self.web_share, "a share in [0, 1]")
        need(0 < self.ancestor_decay <= 1, f"{at}.ancestor_decay", self.ancestor_decay, "a factor in (0, 1]")
        need(1 <= self.ancestor_distance <= 20, f"{at}.ancestor_distance", self.ancestor_distance, "1 to 20 statements")
        need(0 <= self.template_share <= 1, f"{at}.template_share", self.template_share, "a share in [0, 1]")
        need(
            bool(self.templates) or not self.template_share, f"{at}.templates", (), "at least one for a template_share"
        )
        for template in self.templates:
            need(template.count("{}") == 1, f"{at}.templates", template, "a text with {} once, where the words go")
        for key, value in self.balance.items():
            need(key in BALANCES, f"{at}.balance", key, f"one of {', '.join(BALANCES)}")
            need(value >= 1, f"{at}.balance.{key}", value, "at least 1 picture")
        need(len(self.balance) <= 1, f"{at}.balance", self.balance, f"only one of {', '.join(BALANCES)}")

    def _check_stages(self, at: str) -> None:
        if not self.by_query:
            need(
                not self.web_share,
                f"{at}.web_share",
                self.web_share,
                "0 without by_query, as weights divide all sources then",
            )
            _check_weights(f"{at}.weights", self.weights, TEXT_SOURCES)
            return
        need(
            "noun" in self.by_query,
            f"{at}.by_query",
            sorted(self.by_query),
            "noun among the keys, for kinds without their own",
        )
        for kind, weights in self.by_query.items():
            need(
                kind.removesuffix(LIVING) in LINK_KINDS,
                f"{at}.by_query.{kind}",
                kind,
                f"{', '.join(LINK_KINDS)}, or with {LIVING}",
            )
            _check_weights(f"{at}.by_query.{kind}", weights, (*ENTITY_SOURCES, *QUERY_SOURCES, *POOLS))
        if self.web_share or self.weights:
            _check_weights(f"{at}.weights", self.weights, WEB_SOURCES)

    def key_of(self, kind: str) -> str:
        """Return the key of `by_query` for a link kind such as `attribute_noun_living`: the most specific there is."""
        plain = kind.removesuffix(LIVING)
        group = "attribute" if plain in ATTRIBUTE_KINDS else "noun"
        lives = (LIVING, "") if kind != plain else ("",)
        return next(key for name in (plain, group, "noun") for life in lives if (key := name + life) in self.by_query)

    def table(self, kind: str = "") -> dict[int, tuple[str, float]]:
        """Return {place in TEXT_SOURCES: (unit, weight)} for a link kind, or for the web ('') where a flat mix has all.

        A unit is a source or a pool: what a weight stands beside. Weights of 0 are left out.
        """
        weights = self.by_query[self.key_of(kind)] if kind else self.weights
        return {
            TEXT_SOURCES.index(source): (unit, weight)
            for unit, weight in weights.items() if weight > 0
            for source in POOLS.get(unit, (unit,))
        }  # fmt: skip

    @property
    def sources(self) -> list[str]:
        """The sources that can be drawn, in the order of TEXT_SOURCES."""
        places = {place for kind in ("", *self.by_query) for place in self.table(kind)}
        return [TEXT_SOURCES[place] for place in sorted(places)]


def all_kinds() -> list[str]:
    """Return every kind that a link can have."""
    return [kind + life for kind in LINK_KINDS for life in ("", LIVING)]


def _check_weights(path: str, weights: Mapping[str, float], allowed: Iterable[str]) -> None:
    for source, weight in weights.items():
        at = f"{path}.{source}"
        need(source in allowed, at, source, f"one of {', '.join(allowed)}")
        numeric = isinstance(weight, (int, float)) and math.isfinite(weight)
        need(numeric and weight >= 0, at, weight, "a finite number of at least 0")
    need(sum(weights.values()) > 0, path, weights, "at least one weight above 0")
    for pool, members in POOLS.items():
        twice = [source for source in members if pool in weights and source in weights]
        need(not twice, path, [pool, *twice], f"{pool} or {', '.join(members)}, as it stands for them")


def chances(
    found: Iterable[Candidate], table: Mapping[int, tuple[str, float]], decay: float, collapse: bool
) -> Weighed:
    """Return the candidates that `table` weighs with their weights, in an order that does not depend on that of `found`.

    The weight of a unit is divided over its distinct texts, evenly but for ancestors (`decay`). With `collapse` a text that
    several units have keeps its largest weight, as the published mix does; of equals the source that TEXT_SOURCES has first.
    """
    units: dict[str, dict[str, Candidate]] = {}
    weights: dict[str, float] = {}
    for candidate in found:
        source, text, distance = candidate
        if source in table:
            unit, weights[unit] = table[source]
            said = units.setdefault(unit, {})
            if text not in said or (distance, source) < (said[text][2], said[text][0]):
                said[text] = candidate
    weighed: Weighed = []
    for unit, said in units.items():
        if unit == "ancestor":
            factors = [decay ** (distance - 1) for _, _, distance in said.values()]
            share = weights[unit] / math.fsum(factors)
            weighed += [(candidate, share * factor) for candidate, factor in zip(said.values(), factors, strict=True)]
        else:
            share = weights[unit] / len(said)
            weighed += [(candidate, share) for candidate in said.values()]
    if not collapse:
        return sorted(weighed)
    largest: dict[str, tuple[Candidate, float]] = {}
    for candidate, weight in sorted(weighed):  # of equals the first source stays
        if candidate[1] not in largest or weight > largest[candidate[1]][1]:
            largest[candidate[1]] = (candidate, weight)
    return list(largest.values())


def picture_chances(
    mix: CaptionMix, web: Iterable[Candidate], links: Sequence[tuple[str, Iterable[Candidate]]]
) -> Weighed:
    """Return every text of a picture with the chance that it is drawn, before templates; they add up to 1, or there is none.

    `web` are its texts of the web; `links` are (link kind, texts of the query and of the entity). Links of queries count, others
    only where a picture has no labels by a query.
    """
    found: dict[Candidate, float] = {}
    for part, weighed in _ways(mix, web, links):
        whole = math.fsum(weight for _, weight in weighed)
        for candidate, weight in weighed:
            found[candidate] = found.get(candidate, 0.0) + part * weight / whole
    return sorted(found.items())


def _ways(
    mix: CaptionMix, web: Iterable[Candidate], links: Sequence[tuple[str, Iterable[Candidate]]]
) -> Iterator[tuple[float, Weighed]]:
    """Yield (chance, weighed texts) of each way that a draw can go."""
    if not mix.by_query:
        everything = {*web, *(candidate for _, found in links for candidate in found)}
        yield 1.0, chances(everything, mix.table(), mix.ancestor_decay, collapse=False)
        return
    labels = [(kind, chances(found, mix.table(kind), mix.ancestor_decay, collapse=True)) for kind, found in links]
    asked = [weighed for kind, weighed in labels if weighed and not kind.startswith(NO_QUERY)]
    ways = asked or [weighed for _, weighed in labels if weighed]
    said = chances(web, mix.table(), mix.ancestor_decay, collapse=False)
    web_share = 0.0 if not said else mix.web_share if ways else 1.0
    yield web_share, said
    yield from (((1 - web_share) / len(ways), weighed) for weighed in ways)
