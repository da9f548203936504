"""Manners: what a host says against harvesting, in robots.txt, in /.well-known/tdmrep.json and in the headers of an answer.

Belongs here: reading what was said. Does not belong here: asking for it (client.py). docs/web.md has the rules in words.

Sources: RFC 9309 (robots.txt), the TDM Reservation Protocol of the W3C community group (tdmrep.json, tdm-reservation), the IETF
drafts on AI preferences (Content-Usage), and noai and noimageai as DeviantArt introduced them (X-Robots-Tag).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
from protego import Protego

PRODUCT = "entitynet"  # our token in robots.txt and X-Robots-Tag
RULES_BYTES = 512 * 1024  # RFC 9309: at least 500 KiB are read
RULES_AGE_S = 86_400.0  # RFC 9309: kept no longer than a day
AGAINST_AI = ("noai", "noimageai")  # whoever it is addressed to
AGAINST_INDEX = (
    "noindex",
    "noimageindex",
    "none",
)  # where it is addressed to all or to us; "none" says noindex and nofollow
VALUED = (
    "unavailable_after",
    "max-snippet",
    "max-image-preview",
    "max-video-preview",
)  # names with a colon that are no agents
TRAIN_AI = re.compile(r"(?:^|[,\s])train-ai\s*=\s*([yn])\b")
Refusal = tuple[str, str]  # outcome, reason


@dataclass
class Rules:
    """What one origin says to all: `robots` None allows all, `refusal` is why nothing is asked of it."""

    robots: Protego | None = None
    usage: list[tuple[str, str]] = field(default_factory=list)  # path, what train-ai is there
    reserved: list[tuple[str, str]] = field(default_factory=list)  # location, what tdm-reservation is there
    refusal: Refusal | None = None

    def refusal_of(self, url: str) -> Refusal | None:
        """Return why an address of the origin is not asked, or None."""
        if self.refusal is not None:
            return self.refusal
        if self.robots and not self.robots.can_fetch(url, PRODUCT):
            return "robots", "robots.txt of the host forbids it"
        path = _path(url)
        wide = [(len(pattern), said) for pattern, said in self.usage if matches(pattern, path)]
        if wide and max(wide, key=lambda one: one[0])[1] == "n":
            return "opted_out", "robots.txt: Content-Usage: train-ai=n"
        first = next((said for pattern, said in self.reserved if matches(pattern, path)), None)
        return ("opted_out", "/.well-known/tdmrep.json: tdm-reservation 1") if first == "1" else None

    @property
    def delay_s(self) -> float:
        """Return the seconds that robots.txt wants between two requests (Crawl-delay, no part of RFC 9309)."""
        return float((self.robots and self.robots.crawl_delay(PRODUCT)) or 0.0)


def robots_rules(body: bytes) -> Rules:
    """Return what a robots.txt says."""
    text = body[:RULES_BYTES].decode("utf-8-sig", "replace")
    return Rules(Protego.parse(text), _usage(text))


def _usage(text: str) -> list[tuple[str, str]]:
    """Return path and train-ai of the Content-Usage lines in our group, or in that for all."""
    groups: dict[str, list[tuple[str, str]]] = {}
    agents: list[str] = []
    named = False  # agents that follow each other share a group
    for line in text.splitlines():
        key, colon, value = line.partition("#")[0].partition(":")
        key, value = key.strip().lower(), value.strip()
        if key == "user-agent":
            agents = [*agents, value.lower()] if named else [value.lower()]
            for agent in agents:
                groups.setdefault(agent, [])
        elif key == "content-usage":
            path, _, wish = value.partition(" ") if value.startswith("/") else ("/", "", value)
            said = TRAIN_AI.findall(wish.lower())
            for agent in agents if said else ():
                groups[agent].append((path, said[-1]))
        named = key == "user-agent" or (named and not colon)
    return groups.get(PRODUCT, groups.get("*", []))


def reservations(body: bytes) -> list[tuple[str, str]]:
    """Return location and reservation of a tdmrep.json in its order, the first that matches counts; nothing if it is none."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return []
    rows = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
    return [(one["location"], str(one.get("tdm-reservation"))) for one in rows if isinstance(one.get("location"), str)]


def matches(pattern: str, path: str) -> bool:
    """Return whether a path begins as a pattern says, in which `*` is any characters and a last `$` the end."""
    pattern = unquote(pattern)
    ended, parts = pattern.endswith("$"), pattern.removesuffix("$").split("*")
    if not path.startswith(parts[0]):
        return False
    place = len(parts[0])
    for number, part in enumerate(parts[1:], 2):
        if ended and number == len(parts):
            return len(path) - len(part) >= place and path.endswith(part)
        place = path.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return not ended or place == len(path)


def _path(url: str) -> str:
    parts = urlsplit(url)
    return unquote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def opt_out(headers: httpx.Headers) -> str | None:
    """Return the header by which an answer opts out, as evidence, or None."""
    refused = sorted({word for line in headers.get_list("x-robots-tag") for word in _refused(line.lower())})
    if refused:
        return f"X-Robots-Tag: {', '.join(refused)}"
    if headers.get("tdm-reservation", "").strip() == "1":
        return "tdm-reservation: 1"
    said = TRAIN_AI.findall(headers.get("content-usage", "").lower())
    return "Content-Usage: train-ai=n" if said[-1:] == ["n"] else None


def _refused(line: str) -> list[str]:
    """Return the directives of an X-Robots-Tag that speak to us."""
    found: list[str] = []
    agent = "*"
    for part in re.split(r"[,;]", line):
        addressed = re.match(r"\s*([\w*-]+)\s*:(.*)", part)
        if addressed and addressed[1] not in VALUED:
            agent, part = addressed[1], addressed[2]
        ours = AGAINST_AI + (AGAINST_INDEX if agent in ("*", PRODUCT) else ())
        found += [word for word in part.split() if word in ours]
    return found
