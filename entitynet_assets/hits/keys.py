"""Keys of providers: from the environment, onto a request as it is sent, and out of everything that is kept.

Belongs here: where a key is and how it is told. Does not belong here: which provider wants one (providers/<name>.py).
A provider makes its requests without the key, so what is hashed, noted and stored of a request never had it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from urllib.parse import quote, quote_plus

from entitynet_assets.hits.provider import Key, provider
from entitynet_assets.studies.models import Study, StudyError
from entitynet_assets.web import Request

INSTEAD = "KEY"  # what stands where an answer said the key


def key_of(key: Key | None) -> str:
    """Return the key that the environment has for a provider; empty if there is none, or none is wanted."""
    return os.environ.get(key.variable, "").strip() if key else ""


def need_keys(study: Study) -> None:
    """Raise StudyError with one line a provider of the study that wants a key and has none, or grants less without one."""
    lacking: list[str] = []
    for chosen in study.providers:
        asked = provider(chosen.name)
        if not asked.KEY or key_of(asked.KEY):
            continue
        name, variable, source = chosen.name, asked.KEY.variable, asked.KEY.source
        most = asked.MOST_WITHOUT_KEY or chosen.per_page
        if asked.KEY.needed:
            lacking.append(
                f"providers.{name}: {variable} is not set; get a key at {source} and set it in the environment, never in the study"
            )
        elif chosen.per_page > most:
            lacking.append(
                f"providers.{name}.per_page: found {chosen.per_page}; without {variable} ({source}) at most {most} are allowed"
            )
    if lacking:
        raise StudyError("\n".join(lacking))


def keyed(request: Request, key: Key | None) -> Request:
    """Return the request as it is sent: with the key in the header or parameter that the provider reads it from."""
    said = key_of(key)
    if not key or not said:
        return request
    if key.header:
        return replace(request, headers={**request.headers, key.header: key.prefix + said})
    return replace(request, params={**request.params, key.parameter: said})


def without_key(text: str, key: Key | None) -> str:
    """Return what came back without the key: some answers repeat it in addresses."""
    said = key_of(key)
    for form in {said, quote(said, safe=""), quote_plus(said)} if said else ():
        text = text.replace(form, INSTEAD)
    return text
