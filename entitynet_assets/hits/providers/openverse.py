"""Openverse: openly licensed pictures of many collections, by text.

Rate limit without a key: 20 a minute and 200 a day as a client in the wild documents them; with a token (OAuth2: the token, or id:secret
of a registered client, in ENTITYNET_KEY_OPENVERSE) 100 a minute and 10,000 a day. A page has 20 results without a token, 50 with one;
240 results of a search at most. Licence: stated for each. The terms forbid scraping the catalogue: for narrow studies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from entitynet_assets.hits.provider import Hit, Key, Provider, Search, expecting, hit_of, stated_text
from entitynet_assets.web import Limit, Request

ADDRESS = "https://api.openverse.org/v1/images/"
CATEGORIES = {"photo": "photograph", "drawing": "illustration"}
WHOLE = {"cc0": "CC0-1.0", "pdm": "PDM-1.0"}  # names that need no version


class Openverse(Provider):
    """The search for pictures."""

    LIMITS = (Limit(20, 60.0), Limit(200, 86_400.0))
    LIMITS_WITH_KEY = (Limit(100, 60.0), Limit(10_000, 86_400.0))
    QUOTA, DEPTH = "openverse", 240
    MOST_WITHOUT_KEY = 20
    KEY = Key(
        "ENTITYNET_KEY_OPENVERSE", "https://api.openverse.org/v1/#tag/auth", header="Authorization", prefix="Bearer ", needed=False,
        exchange="https://api.openverse.org/v1/auth_tokens/token/",
    )  # fmt: skip
    TERMS = "open licences, stated for each: check each; no scraping of the catalogue"
    STYLES = ("photo", "drawing")
    LICENCES: ClassVar[Mapping[str, str]] = {
        "CC0-1.0": "cc0", "PDM-1.0": "pdm", "CC-BY": "by", "CC-BY-SA": "by-sa", "CC-BY-NC": "by-nc", "CC-BY-ND": "by-nd",
        "CC-BY-NC-SA": "by-nc-sa", "CC-BY-NC-ND": "by-nc-nd",
    }  # fmt: skip
    TOTAL = ("result_count",)
    FIELDS: ClassVar[Mapping[str, str]] = {
        "image_url": "url", "page_url": "foreign_landing_url", "title": "title", "licence_url": "license_url", "author": "creator",
        "width_px": "width", "height_px": "height", "page_text": "description",
    }  # fmt: skip

    def page(self, search: Search, number: int, per_page: int) -> Request:
        """Return the request for a page."""
        names = "".join(f' | "{term}"' for term in search.or_terms)
        words = search.text + names + "".join(f' -"{word}"' for word in search.exclude)
        kind = {"category": CATEGORIES[search.style]} if search.style in CATEGORIES else {}
        licence = {"license": self.LICENCES[search.licence]} if search.licence else {}
        return Request(ADDRESS, params={"q": words, "page": str(number), "page_size": str(per_page), **kind, **licence})

    def goes_on(self, body: str, answered: int, per_page: int) -> bool:
        """Say by the number of pages whether one comes after those answered."""
        with expecting("page_count"):
            return answered < int(self.answer(body).get("page_count", 0))

    def hit(self, rank: int, row: Mapping[str, Any]) -> Hit:
        """Return a result with its licence of two parts."""
        bare, version = stated_text(row.get("license")), stated_text(row.get("license_version"))
        name = WHOLE.get(bare, f"CC-{bare}".upper() + (f"-{version}" if version else "")) if bare else None
        return hit_of(rank, row, self.FIELDS, licence=name)


PROVIDER = Openverse()
