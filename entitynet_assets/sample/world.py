"""The sample world: which items exist, which pictures the web shows of them, and what is wrong with some.

What it is: World (the settings and the items) and its plan (one row per picture), the truth tests compare with.
What belongs here: every choice that depends on the seed but needs no pixels.
What does not: pixels (draw.py), bytes (render.py), the words of a picture (captions.py), answers over HTTP (server.py).
"""

import hashlib
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from entitynet_assets.sample.captions import Words, caption
from entitynet_assets.sample.facts import Item, Sourced, load_facts

SPARQL_HOST = "query.wikidata.test"
API_HOST = "www.wikidata.test"
SEARCH_HOST = "search.test"
BENCHMARK_HOST = "benchmarks.test"
CONTROL_HOST = "control.test"
PHOTO_HOSTS = ("photos-a.test", "photos-b.test", "photos-c.test")
ROBOTS_HOST = "photos-c.test"
ROBOTS_PATH = "/private/"

COPIES = ("duplicate", "resized", "reencoded")
BROKEN = ("missing", "tiny", "truncated", "html")
LEAK_EVERY = 4
ROBOTS_EVERY = 5


@dataclass(frozen=True)
class Settings:
    """What fixes the web of a world; hashable."""

    entities: tuple[str, ...]
    pictures: int = 12
    holdout: int = 8
    search_precision: float = 0.9
    alt_noise: float = 0.2
    seed: int = 0


@dataclass(frozen=True)
class Picture:
    """One picture of the web. `qid` is what it shows, `claimed` what its page says; sizes in px as planned."""

    id: str
    host: str
    path: str
    qid: str
    claimed: str
    fault: str
    draw_seed: int
    width_px: int
    height_px: int
    words: Words
    copy_of: str | None = None

    @property
    def url(self) -> str:
        """The address of the picture."""
        return f"http://{self.host}{self.path}"

    @property
    def page_path(self) -> str:
        """The path of the page that shows the picture, on the same host."""
        return f"/page/{self.id}.html"

    @property
    def page_url(self) -> str:
        """The address of the page that shows the picture."""
        return f"http://{self.host}{self.page_path}"


@dataclass(frozen=True)
class BenchmarkPicture:
    """One held-out picture."""

    id: str
    qid: str
    draw_seed: int
    side_px: int = 224

    @property
    def path(self) -> str:
        """The path on the benchmark host."""
        return f"/sample/pictures/{self.id}.jpg"

    @property
    def url(self) -> str:
        """The address of the picture."""
        return f"http://{BENCHMARK_HOST}{self.path}"


@dataclass(frozen=True)
class World:
    """A small world: Wikidata items as they are now, and a web that was made of them."""

    settings: Settings
    items: dict[str, Item]
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

    def plan(self) -> tuple[Picture, ...]:
        """Return every picture of the web, the truth behind the search."""
        return plan_pictures(self.settings)

    def benchmark(self) -> tuple[BenchmarkPicture, ...]:
        """Return the held-out pictures, drawn with seeds the web never uses."""
        return plan_benchmark(self.settings)


def make_world(
    entities: int | Iterable[str] | None = None,
    pictures: int = 12,
    holdout: int = 8,
    search_precision: float = 0.9,
    alt_noise: float = 0.2,
    seed: int = 0,
) -> World:
    """Make a world of the first `entities` leaf entities (all by default), or of the given ids.

    Raises:
        ValueError: an id is no leaf entity of the sample, or a share is outside 0..1.
    """
    facts = load_facts()
    chosen = choose_entities(entities, facts.order)
    if not (0 <= search_precision <= 1 and 0 <= alt_noise <= 1):
        raise ValueError(f"shares must lie in 0..1, found {search_precision=} {alt_noise=}")
    settings = Settings(chosen, pictures, holdout, search_precision, alt_noise, seed)
    return World(settings, reachable_items(facts.items, (*chosen, *facts.roots)))


def choose_entities(entities: int | Iterable[str] | None, order: tuple[str, ...]) -> tuple[str, ...]:
    """Turn a number or ids into leaf entities in the order of the facts."""
    if entities is None or isinstance(entities, int):
        return order[:entities]
    wanted = tuple(entities)
    if unknown := set(wanted) - set(order):
        raise ValueError(f"not leaf entities of the sample: {sorted(unknown)}; known: {', '.join(order)}")
    return tuple(q for q in order if q in wanted)


def reachable_items(items: dict[str, Item], start: Iterable[str]) -> dict[str, Item]:
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
    return (SPARQL_HOST, API_HOST, SEARCH_HOST, BENCHMARK_HOST, CONTROL_HOST, *PHOTO_HOSTS)


def number(*parts: object) -> int:
    """Hash parts to a stable 48-bit number."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:6], "big")


@cache
def plan_benchmark(settings: Settings) -> tuple[BenchmarkPicture, ...]:
    """Plan `holdout` pictures of each entity."""
    return tuple(
        BenchmarkPicture(f"{qid}-{n}", qid, number(settings.seed, qid, "holdout", n))
        for qid in settings.entities
        for n in range(settings.holdout)
    )


@cache
def plan_pictures(settings: Settings) -> tuple[Picture, ...]:
    """Plan every picture of the web: honest ones first, then copies, broken ones, leaks and forbidden ones."""
    rows = [row for qid in settings.entities for row in plan_entity(settings, qid)]
    honest = {qid: [r for r in rows if r.claimed == qid and r.fault == "ok"] for qid in settings.entities}
    for index, qid in enumerate(settings.entities):
        rows.extend(plan_extras(settings, qid, index, honest[qid]))
    return tuple(rows)


def plan_entity(settings: Settings, qid: str) -> list[Picture]:
    """Plan the pictures whose pages name an entity; a share of them shows another one."""
    wrong = round((1 - settings.search_precision) * settings.pictures)
    rows = []
    for n in range(settings.pictures):
        shown = other_entity(settings, qid, n) if n >= settings.pictures - wrong else qid
        fault = "ok" if shown == qid else "wrong"
        rows.append(plan_picture(settings, qid, shown, n, fault))
    return rows


def other_entity(settings: Settings, qid: str, n: int) -> str:
    """Choose the entity a wrong picture shows; the entity itself only where it is alone in the world."""
    others = [q for q in settings.entities if q != qid] or [qid]
    return others[number(settings.seed, qid, "wrong", n) % len(others)]


def plan_picture(settings: Settings, claimed: str, shown: str, n: int | str, fault: str) -> Picture:
    """Plan one picture: address, size and words follow from the seed."""
    rng = random.Random(number(settings.seed, claimed, shown, n, fault))
    draw_seed = number(settings.seed, claimed, shown, "web", n)
    id_ = hashlib.sha256(f"{settings.seed}/{claimed}/{n}/{fault}".encode()).hexdigest()[:12]
    width, height = rng.randrange(200, 401, 8), rng.randrange(160, 321, 8)
    forbidden = fault == "robots"
    host = ROBOTS_HOST if forbidden else rng.choice(PHOTO_HOSTS)
    folder = ROBOTS_PATH if forbidden else f"/{id_[:2]}/"
    return Picture(
        id=id_,
        host=host,
        path=f"{folder}{id_}.{rng.choice(('jpg', 'jpg', 'jpg', 'png'))}",
        qid=shown,
        claimed=claimed,
        fault=fault,
        draw_seed=draw_seed,
        width_px=width,
        height_px=height,
        words=caption(named_entity(settings, claimed, rng), draw_seed, rng, settings.alt_noise),
    )


def named_entity(settings: Settings, claimed: str, rng: random.Random) -> tuple[Item, Item]:
    """Return the item a page names and another one for alt texts that are wrong."""
    items = load_facts().items
    return items[claimed], items[rng.choice([q for q in settings.entities if q != claimed] or [claimed])]


def plan_extras(settings: Settings, qid: str, index: int, honest: list[Picture]) -> list[Picture]:
    """Plan a copy and a broken picture of an entity, and for some a leak and a forbidden one."""
    rows = [plan_picture(settings, qid, qid, "broken", BROKEN[index % len(BROKEN)])]
    if honest:
        rows.append(plan_copy(settings, honest[index % len(honest)], COPIES[index % len(COPIES)]))
    if settings.holdout and index % LEAK_EVERY == 0:
        rows.append(plan_leak(settings, qid))
    if index % ROBOTS_EVERY == 0:
        rows.append(plan_picture(settings, qid, qid, "robots", "robots"))
    return rows


def plan_copy(settings: Settings, original: Picture, fault: str) -> Picture:
    """Plan the same drawing under another address; its bytes are the same only for a duplicate."""
    row = plan_picture(settings, original.claimed, original.qid, fault, fault)
    host = PHOTO_HOSTS[(PHOTO_HOSTS.index(original.host) + 1) % len(PHOTO_HOSTS)]
    suffix = original.path.rsplit(".", 1)[1] if fault == "duplicate" else "jpg"
    return replace(
        row,
        host=host,
        path=f"/copies/{row.id}.{suffix}",
        draw_seed=original.draw_seed,
        width_px=original.width_px,
        height_px=original.height_px,
        copy_of=original.id,
    )


def plan_leak(settings: Settings, qid: str) -> Picture:
    """Plan a held-out picture that turns up in the search."""
    row = plan_picture(settings, qid, qid, "leak", "leak")
    held = next(b for b in plan_benchmark(settings) if b.qid == qid)
    path = f"{row.path.rsplit('.', 1)[0]}.jpg"
    side = held.side_px
    return replace(row, path=path, draw_seed=held.draw_seed, width_px=side, height_px=side, copy_of=held.id)
