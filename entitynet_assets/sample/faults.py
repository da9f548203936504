"""What is wrong with the sample's web: a closed list, and what a faultless harvest makes of each.

What it is: FAULTS by name, and the schedule that says which entity has which.
What belongs here: names, expectations, turns. What does not: addresses and words (plan.py), bytes (render.py), answers (sites.py).
"""

from dataclasses import dataclass

from entitynet_assets.tables import DOWNLOAD_OUTCOMES, RULES


@dataclass(frozen=True)
class Fault:
    """One way in which an address of the web differs from a good picture of what its page names.

    `outcome` is what `downloads` must say, `rule` the rule of `verdicts` that must reject the picture, `visits` how often the
    announced address is asked by a client that follows 5 redirects and tries 3 times.
    """

    meaning: str
    outcome: str = "ok"
    rule: str | None = None
    visits: int = 1

    def __post_init__(self) -> None:
        if self.outcome not in DOWNLOAD_OUTCOMES or self.rule not in (None, *RULES):
            raise ValueError(f"{self.meaning}: found {self.outcome!r}, {self.rule!r}; take them from tables.py")


FAULTS: dict[str, Fault] = {
    "ok": Fault("a good picture"),
    "wrong": Fault("shows another entity than its page names"),
    # Pictures that are something else than a picture of their own.
    "duplicate": Fault("the bytes of another address"),
    "resized": Fault("another address's picture, smaller", rule="duplicate"),
    "reencoded": Fault("another address's picture, encoded again", rule="duplicate"),
    "cropped": Fault("another address's picture with a thin border cut off", rule="duplicate"),
    "leak": Fault("a held-out picture of the benchmark", rule="leak"),
    "placeholder": Fault("the host's notice that there is no picture", rule="placeholder"),
    "tiny": Fault("too small to show anything", rule="size"),
    "panorama": Fault("far longer than high", rule="aspect"),
    "blank": Fault("one flat colour", rule="blank"),
    # Answers without a picture.
    "missing": Fault("404", "not_found"),
    "gone": Fault("410", "gone"),
    "forbidden": Fault("403", "forbidden"),
    "failing": Fault("500, always", "http_error", visits=3),
    "html": Fault("a page where a picture should be", "not_image"),
    "truncated": Fault("a file that breaks off, with the length of what there is", "truncated"),
    "cut": Fault("an answer that is shorter than it says", "truncated", visits=3),
    "large": Fault("more bytes than anybody wants", "too_large"),
    # Detours.
    "moved": Fault("one redirect on its host"),
    "chain": Fault("three redirects, over to another host"),
    "moved_private": Fault("a redirect to where robots.txt lets nobody", "robots"),
    "moved_inside": Fault("a redirect to an address inside a network", "forbidden_address"),
    "loop": Fault("two addresses that lead to each other", "too_many_redirects", visits=3),
    # Hosts with wishes.
    "robots": Fault("in a folder that robots.txt forbids", "robots", visits=0),
    "locked": Fault("on a host whose robots.txt forbids all", "robots", visits=0),
    "optout": Fault("on a host that opts out by X-Robots-Tag", "opted_out"),
    "busy": Fault("429 with Retry-After first, then the picture", visits=2),
    "slow": Fault("late, but within anybody's patience"),
    "stubborn": Fault("429 with Retry-After, always", "throttled", visits=3),
    "drip": Fault("a byte now and then, for ever", "timeout", visits=3),
    "reset": Fault("the connection ends without an answer", "connection", visits=3),
}
BROKEN = (
    *("missing", "tiny", "truncated", "html", "gone", "cut"),
    *("large", "panorama", "blank", "loop", "forbidden", "failing"),
)
COPIES = ("duplicate", "resized", "reencoded", "cropped")
DETOURS = (
    *("moved", "optout", "chain", "locked", "moved_private", "moved"),
    *("optout", "chain", "busy", "slow", "locked", "moved_private"),
)
# Of 48 entities one has each, of the first twelve none: the first three cost a client time on each try, and a later run tries again.
HOPELESS = {12: "stubborn", 13: "drip", 14: "reset", 15: "moved_inside"}
HOPELESS_EVERY, LEAK_EVERY, ROBOTS_EVERY = 48, 4, 5


def turn(index: int, holdout: int) -> list[str]:
    """Return the faults that the entity of this number has beside its own pictures, copies apart."""
    names = [BROKEN[index % len(BROKEN)], DETOURS[index % len(DETOURS)], "placeholder"]
    names += ["leak"] if holdout and index % LEAK_EVERY == 0 else []
    names += ["robots"] if index % ROBOTS_EVERY == 0 else []
    hopeless = HOPELESS.get(index % HOPELESS_EVERY)
    return [*names, hopeless] if hopeless else names
