"""The plan of the sample's web: every picture of one entity, what it shows, what its page says, what is wrong with it.

What it is: `plan_entity(settings, index)`, from which the plan of a world of any size is streamed.
What belongs here: every choice that depends on the seed but needs no pixels.
What does not: which faults there are (faults.py), pixels (draw.py), bytes (render.py), answers over HTTP (sites.py).
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from entitynet_assets.sample.captions import Told, Words, caption, read_told
from entitynet_assets.sample.facts import load_facts
from entitynet_assets.sample.faults import COPIES, turn
from entitynet_assets.sample.kinds import KINDS_MAX, Catalogue
from entitynet_assets.sample.look import Look, read_look
from entitynet_assets.sample.palette import main_colour

BENCHMARK_HOST = "benchmarks.test"
PHOTO_HOSTS = ("photos-a.test", "photos-b.test", "photos-c.test")
ROBOTS_HOST = "photos-c.test"
ROBOTS_PATH = "/private/"
INSIDE = (
    "169.254.169.254"  # where clouds tell their machines secrets; nobody may ask there, and this world has no such site
)
OWN_HOSTS = {  # faults of a whole host have one of their own
    "optout": "photos-optout.test",
    "locked": "photos-locked.test",
    "busy": "photos-busy.test",
    "stubborn": "photos-stubborn.test",
}
PANORAMA_PX = (640, 96)


@dataclass(frozen=True)
class Settings:
    """What fixes the web of a world; hashable."""

    entities: tuple[str, ...]
    pictures: int = 12
    holdout: int = 8
    search_precision: float = 0.9
    alt_noise: float = 0.2
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of the web. `qid` is what it shows, `claimed` what its page says; sizes in px as planned.

    The last six digits of the id are the number of the entity, so that an address leads back to its plan.
    """

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
        """The address of the picture, as the search announces it."""
        return f"http://{self.host}{self.path}"

    @property
    def page_path(self) -> str:
        """The path of the page that shows the picture, on the same host."""
        return f"/page/{self.id}.html"

    @property
    def page_url(self) -> str:
        """The address of the page that shows the picture."""
        return f"http://{self.host}{self.page_path}"

    @property
    def route(self) -> tuple[tuple[str, str], ...]:
        """The addresses (host, path) from the announced one to the one that has the bytes; a loop ends where it began."""
        start, name = (self.host, self.path), self.path.rsplit("/", 1)[1]
        beside = next_host(self.host)
        return {
            "moved": (start, (self.host, f"/new/{name}")),
            "chain": (start, (self.host, f"/via/{name}"), (beside, f"/from/{name}"), (beside, f"/new/{name}")),
            "moved_private": (start, (ROBOTS_HOST, f"{ROBOTS_PATH}{name}")),
            "moved_inside": (start, (INSIDE, f"/latest/{name}")),
            "loop": (start, (self.host, f"/via/{name}"), start),
        }.get(self.fault, (start,))


@dataclass(frozen=True, slots=True)
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


def number(*parts: object) -> int:
    """Hash parts to a stable 48-bit number."""
    return int.from_bytes(hashlib.sha256("/".join(map(str, parts)).encode()).digest()[:6], "big")


def next_host(host: str) -> str:
    """Return the photo host after this one."""
    return PHOTO_HOSTS[(PHOTO_HOSTS.index(host) + 1) % len(PHOTO_HOSTS)] if host in PHOTO_HOSTS else PHOTO_HOSTS[0]


@lru_cache(maxsize=8)
def known_items(seed: int) -> Catalogue:
    """Return every item that a web of this seed can name, as it was when the web was made."""
    return Catalogue(load_facts().items, seed, KINDS_MAX)


@lru_cache(maxsize=4096)
def subject(seed: int, qid: str) -> tuple[Told, Look]:
    """Return what there is to tell and to see of an entity."""
    items = known_items(seed)
    return read_told(items, qid), read_look(items, qid)


def plan_benchmark(settings: Settings, qid: str) -> Iterator[BenchmarkPicture]:
    """Plan the held-out pictures of an entity."""
    for n in range(settings.holdout):
        yield BenchmarkPicture(f"{qid}-{n}", qid, number(settings.seed, qid, "holdout", n))


def plan_entity(settings: Settings, index: int) -> list[Picture]:
    """Plan every picture whose page names the entity of this number: its own, a share of them wrong, a copy, its faults."""
    qid = settings.entities[index]
    wrong = round((1 - settings.search_precision) * settings.pictures)
    rows = [plan_picture(settings, index, n, "ok", qid) for n in range(settings.pictures - wrong)]
    for n in range(settings.pictures - wrong, settings.pictures):
        shown = settings.entities[another(settings, index, number(settings.seed, qid, "wrong", n))]
        rows.append(plan_picture(settings, index, n, "wrong" if shown != qid else "ok", shown))
    honest = [row for row in rows if row.fault == "ok"]
    if honest:
        rows.append(plan_copy(settings, index, honest[index % len(honest)]))
    for fault in turn(index, settings.holdout):
        row = plan_picture(settings, index, fault, fault, qid)
        rows.append(leaked(settings, row) if fault == "leak" else row)
    return rows


def another(settings: Settings, index: int, chance: int) -> int:
    """Choose the number of another entity; the same only where it is alone in the world."""
    count = len(settings.entities)
    return (index + 1 + chance % (count - 1)) % count if count > 1 else index


def plan_picture(settings: Settings, index: int, n: int | str, fault: str, shown: str) -> Picture:
    """Plan one picture: address, size and words follow from the seed."""
    claimed = settings.entities[index]
    rng = random.Random(number(settings.seed, claimed, shown, n, fault))
    draw_seed = number(settings.seed, claimed, shown, "web", n)
    id_ = f"{number(settings.seed, claimed, n, fault) & 0xFFFFFFFF:08x}{index:06x}"
    size = rng.randrange(200, 401, 8), rng.randrange(160, 321, 8)
    host = ROBOTS_HOST if fault == "robots" else rng.choice(PHOTO_HOSTS)
    folder = ROBOTS_PATH if fault == "robots" else f"/{id_[:2]}/"
    width, height = PANORAMA_PX if fault == "panorama" else size
    kind = "jpg" if fault in ("leak", "placeholder") else rng.choice(("jpg", "jpg", "jpg", "png"))
    return Picture(
        id=id_,
        host=OWN_HOSTS.get(fault, host),
        path=f"{folder}{id_}.{kind}",
        qid=shown,
        claimed=claimed,
        fault=fault,
        draw_seed=draw_seed,
        width_px=width,
        height_px=height,
        words=plan_words(settings, index, draw_seed, rng),
    )


def plan_words(settings: Settings, index: int, draw_seed: int, rng: random.Random) -> Words:
    """Write the words of a picture's page, which names the entity of this number."""
    told, look = subject(settings.seed, settings.entities[index])
    other = settings.entities[another(settings, index, rng.getrandbits(32))]
    return caption(told, known_items(settings.seed).label(other), main_colour(look, draw_seed), rng, settings.alt_noise)


def plan_copy(settings: Settings, index: int, original: Picture) -> Picture:
    """Plan the same drawing under another address; its bytes are the same only for a duplicate."""
    fault = COPIES[index % len(COPIES)]
    row = plan_picture(settings, index, fault, fault, original.qid)
    kind = original.path.rsplit(".", 1)[1] if fault == "duplicate" else "jpg"
    return replace(
        row,
        host=next_host(original.host),
        path=f"/copies/{row.id}.{kind}",
        draw_seed=original.draw_seed,
        width_px=original.width_px,
        height_px=original.height_px,
        copy_of=original.id,
    )


def leaked(settings: Settings, row: Picture) -> Picture:
    """Turn a picture into a held-out one that the web has too."""
    held = next(plan_benchmark(settings, row.claimed))
    side = held.side_px
    return replace(row, draw_seed=held.draw_seed, width_px=side, height_px=side, copy_of=held.id)
