"""The sample world: which items exist, and the web that was made of them.

What it is: World (the settings and the items), `make_world`, the hosts.
What belongs here: what a world is. What does not: the pictures of one entity (plan.py), answers over HTTP (sites.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from entitynet_assets.sample.facts import Item, Sourced, load_facts
from entitynet_assets.sample.kinds import KINDS_MAX, Catalogue, kind_id
from entitynet_assets.sample.look import COLOURS, MATERIALS
from entitynet_assets.sample.plan import (
    BENCHMARK_HOST,
    OWN_HOSTS,
    PHOTO_HOSTS,
    BenchmarkPicture,
    Picture,
    Settings,
    plan_benchmark,
    plan_entity,
)

SPARQL_HOST = "query.wikidata.test"
API_HOST = "www.wikidata.test"
SEARCH_HOST = "search.test"
CONTROL_HOST = "control.test"


class WorldError(ValueError):
    """Settings of which no world can be made: what was found, what is allowed."""


@dataclass(frozen=True)
class World:
    """A world: Wikidata items as they are now, and a web that was made of them."""

    settings: Settings
    items: Mapping[str, Item]
    revised: tuple[str, ...] = ()

    @property
    def entities(self) -> tuple[str, ...]:
        """The leaf entities."""
        return self.settings.entities

    @property
    def seed(self) -> int:
        """The seed of every choice."""
        return self.settings.seed

    def with_label(self, qid: str, label: str) -> "World":
        """Return a world where an item's English label changed; the web stays as it was."""
        item = replace(self.items[qid], label=Sourced(label, "sample"))
        return replace(self, items={**self.items, qid: item}, revised=(*self.revised, qid))

    def rows(self) -> Iterator[Picture]:
        """Yield every picture of the web, entity by entity: the truth behind the search."""
        for index in range(len(self.entities)):
            yield from plan_entity(self.settings, index)

    def plan(self) -> tuple[Picture, ...]:
        """Return every picture of the web at once; a world of many entities is better streamed by `rows`."""
        return whole_plan(self.settings)

    def benchmark(self) -> tuple[BenchmarkPicture, ...]:
        """Return the held-out pictures, drawn with seeds the web never uses."""
        return tuple(row for qid in self.entities for row in plan_benchmark(self.settings, qid))


@lru_cache(maxsize=4)
def whole_plan(settings: Settings) -> tuple[Picture, ...]:
    """Plan every entity of a world."""
    return tuple(row for index in range(len(settings.entities)) for row in plan_entity(settings, index))


def make_world(
    entities: int | Iterable[str] = 48,
    pictures: int = 12,
    holdout: int = 8,
    search_precision: float = 0.9,
    alt_noise: float = 0.2,
    seed: int = 0,
) -> World:
    """Make a world of the first `entities` leaf entities, or of the given ids.

    After the true ones of facts.toml come kinds that the sample makes up (kinds.py).

    Raises:
        WorldError: an id is no leaf entity of the sample, or a number is out of range.
    """
    facts = load_facts()
    if not (0 <= search_precision <= 1 and 0 <= alt_noise <= 1):
        raise WorldError(f"found {search_precision=} {alt_noise=}; allowed: shares, 0..1")
    if min(pictures, holdout) < 0:
        raise WorldError(f"found {pictures=} {holdout=}; allowed: 0 or more")
    chosen = choose_entities(entities, facts.order)
    settings = Settings(chosen, pictures, holdout, search_precision, alt_noise, seed)
    kinds = max(0, len(chosen) - len(facts.order))
    start = (*chosen[: len(facts.order)], *facts.roots, *((*COLOURS, *MATERIALS) if kinds else ()))
    items = reachable_items(facts.items, start)
    return World(settings, Catalogue(items, seed, kinds) if kinds else items)


def choose_entities(entities: int | Iterable[str], order: tuple[str, ...]) -> tuple[str, ...]:
    """Turn a number or ids into leaf entities in the order of the facts; kinds follow them."""
    if isinstance(entities, int):
        if not 0 <= entities <= len(order) + KINDS_MAX:
            raise WorldError(f"found {entities=}; allowed: 0 to {len(order) + KINDS_MAX}")
        return (*order[:entities], *map(kind_id, range(entities - len(order))))
    wanted = tuple(entities)
    if unknown := set(wanted) - set(order):
        raise WorldError(f"not leaf entities of the sample: {sorted(unknown)}; known: {', '.join(order)}")
    return tuple(q for q in order if q in wanted)


def reachable_items(items: Mapping[str, Item], start: Iterable[str]) -> dict[str, Item]:
    """Return the items that statements (values and units) reach from the given ones, in the order of the facts."""
    queue = list(start)
    seen = set(queue)
    for qid in queue:
        for statement in items[qid].statements:
            for value in (statement.value, statement.unit):
                if isinstance(value, str) and value in items and value not in seen:
                    seen.add(value)
                    queue.append(value)
    return {qid: item for qid, item in items.items() if qid in seen}


def hosts(world: World) -> tuple[str, ...]:
    """Return every virtual host of a world."""
    return (SPARQL_HOST, API_HOST, SEARCH_HOST, BENCHMARK_HOST, CONTROL_HOST, *PHOTO_HOSTS, *OWN_HOSTS.values())
