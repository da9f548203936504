"""The words the sample's web puts beside a picture.

What it is: alt text, title, keywords, licence and author of one picture, from the facts and a random stream.
What belongs here: templates and their noise.
What does not: which picture shows what (plan.py), search over the words (search.py).
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from entitynet_assets.sample.facts import Item

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


@dataclass(frozen=True, slots=True)
class Words:
    """What a page and a search answer say of a picture; licence and author are None where the page has none."""

    alt: str
    title: str
    keywords: tuple[str, ...]
    licence: str | None
    licence_url: str | None
    author: str | None


@dataclass(frozen=True)
class Told:
    """What there is to tell of an entity: itself, and the names of its classes, materials and parts."""

    item: Item
    classes: tuple[str, ...]
    materials: tuple[str, ...]
    parts: tuple[str, ...]


def read_told(items: Mapping[str, Item], qid: str) -> Told:
    """Gather what captions say of an entity."""
    item = items[qid]
    classes, materials, parts = (
        tuple(items[value].label.text for value in values)
        for values in (item.parents(), item.values("P186"), item.values("P527"))
    )
    return Told(item, classes, materials, parts)


def caption(told: Told, other: str, colour: str, rng: random.Random, alt_noise: float) -> Words:
    """Write the words of one picture in its colour; `other` is the name that a wrong alt text gives."""
    alt = honest_alt(told, colour, rng)
    if rng.random() < alt_noise:
        alt = noisy_alt(other, rng)
    licence, licence_url = rng.choice(LICENCES)
    title = f"{told.item.label.text.capitalize()}{rng.choice(PLACES)} {rng.randrange(100):02d}"
    return Words(alt, title, keywords(told, colour), licence, licence_url, rng.choice(AUTHORS))


def honest_alt(told: Told, colour: str, rng: random.Random) -> str:
    """Describe the picture truly: name, sometimes colour, part, material or class."""
    label = told.item.label.text
    name = rng.choice([label, label, *(a.text for a in told.item.aliases)])
    choices = [name, f"{colour} {name}", f"a {colour} {name}", f"{name}{rng.choice(PLACES)}"]
    choices += [f"{name} with {part}" for part in told.parts[:2]]
    choices += [f"{material} {name}" for material in told.materials[:1]]
    choices += [f"{name}, {above}" for above in told.classes[:1]]
    return rng.choice(choices)


def noisy_alt(other: str, rng: random.Random) -> str:
    """Return an alt text that is empty, boilerplate or names something else."""
    if rng.random() < 0.25:
        return other
    return rng.choice(BOILERPLATE).format(n=rng.randrange(10_000))


def keywords(told: Told, colour: str) -> tuple[str, ...]:
    """Return what a search engine has indexed: names, class and attribute words."""
    names = [told.item.label.text, *(a.text for a in told.item.aliases), colour]
    return tuple(dict.fromkeys((*names, *told.classes, *told.materials, *told.parts)))
