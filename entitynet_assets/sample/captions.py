"""The words the sample's web puts beside a picture.

What it is: alt text, title, keywords, licence and author of one picture, from the facts and a random stream.
What belongs here: templates and their noise.
What does not: which picture shows what (world.py), search over the words (search.py).
"""

import random
from dataclasses import dataclass

from entitynet_assets.sample.facts import Item, load_facts
from entitynet_assets.sample.look import read_look
from entitynet_assets.sample.palette import main_colour

CC = "https://creativecommons.org"
LICENCES = (
    ("CC BY 4.0", f"{CC}/licenses/by/4.0/"),
    ("CC BY-SA 4.0", f"{CC}/licenses/by-sa/4.0/"),
    ("CC0 1.0", f"{CC}/publicdomain/zero/1.0/"),
    ("CC BY 4.0", f"{CC}/licenses/by/4.0/"),
    ("CC BY-SA 4.0", f"{CC}/licenses/by-sa/4.0/"),
    (None, None),
)
AUTHORS = ("A. Maker", "B. Painter", "C. Plotter", "D. Etcher", None)
PLACES = ("", "", " in the garden", " at home", " at the museum", " in the evening", " from the side")
BOILERPLATE = (
    "",
    "",
    "photo",
    "image",
    "click to enlarge",
    "IMG_{n:04d}.jpg",
    "DSC{n:05d}",
    "no description available",
)


@dataclass(frozen=True)
class Words:
    """What a page and a search answer say of a picture; licence and author are None where the page has none."""

    alt: str
    title: str
    keywords: tuple[str, ...]
    licence: str | None
    licence_url: str | None
    author: str | None


def caption(items: tuple[Item, Item], draw_seed: int, rng: random.Random, alt_noise: float) -> Words:
    """Write the words of one picture; `items` are the one named and another for a wrong alt text."""
    named, other = items
    colour = main_colour(read_look(load_facts().items, named.qid), draw_seed)
    alt = honest_alt(named, colour, rng)
    if rng.random() < alt_noise:
        alt = noisy_alt(other, rng)
    licence, licence_url = rng.choice(LICENCES)
    title = f"{named.label.text.capitalize()}{rng.choice(PLACES)} {rng.randrange(100):02d}"
    return Words(alt, title, keywords(named, colour), licence, licence_url, rng.choice(AUTHORS))


def honest_alt(item: Item, colour: str, rng: random.Random) -> str:
    """Describe the picture truly: name, sometimes colour, part, material or class."""
    items = load_facts().items
    name = rng.choice([item.label.text, item.label.text, *(a.text for a in item.aliases)])
    parts, materials = item.values("P527"), item.values("P186")
    choices = [name, f"{colour} {name}", f"a {colour} {name}", f"{name}{rng.choice(PLACES)}"]
    choices += [f"{name} with {items[p].label.text}" for p in parts[:2]]
    choices += [f"{items[m].label.text} {name}" for m in materials[:1]]
    choices += [f"{name}, {items[p].label.text}" for p in item.parents()[:1]]
    return rng.choice(choices)


def noisy_alt(other: Item, rng: random.Random) -> str:
    """Return an alt text that is empty, boilerplate or names something else."""
    if rng.random() < 0.25:
        return other.label.text
    return rng.choice(BOILERPLATE).format(n=rng.randrange(10_000))


def keywords(item: Item, colour: str) -> tuple[str, ...]:
    """Return what a search engine has indexed: names, class and attribute words."""
    items = load_facts().items
    values = [v for pid in ("P186", "P527") for v in item.values(pid)]
    texts = [item.label.text, *(a.text for a in item.aliases), colour]
    texts += [items[q].label.text for q in (*item.parents(), *values)]
    return tuple(dict.fromkeys(texts))
