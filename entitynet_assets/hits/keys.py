"""Keys of providers: from the environment, onto a request as it is sent, and out of everything that is kept.

Belongs here: where a key is and how it is told. Does not belong here: which provider wants one (providers/<name>.py).
A provider makes its requests without the key, so what is hashed, noted and stored of a request never had it. Where a key is a
client's id and secret, it is exchanged for a token (OAuth 2.0 client credentials, RFC 6749 section 4.4), which is held in memory.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from urllib.parse import quote, quote_plus

from entitynet_assets.hits.provider import Key, provider
from entitynet_assets.resources import endpoint
from entitynet_assets.studies.models import Study, StudyError
from entitynet_assets.web import Request, Web

INSTEAD = "KEY"  # what stands where an answer said the key
RENEWED_S = 600.0  # a token that ends sooner is exchanged anew, as what is asked now may wait before it goes out
_tokens: dict[str, tuple[str, float]] = {}  # by id and secret: the token, and its end by the monotonic clock


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


def keyed(request: Request, key: Key | None, web: Web) -> Request:
    """Return the request as it is sent: with the key in the header or parameter that the provider reads it from.

    Raises StudyError if a client's id and secret are not exchanged for a token.
    """
    said = key_of(key)
    if not key or not said:
        return request
    if key.exchange and ":" in said:
        said = _token(key, said, web)
    if key.header:
        return replace(request, headers={**request.headers, key.header: key.prefix + said})
    return replace(request, params={**request.params, key.parameter: said})


def _token(key: Key, client: str, web: Web) -> str:
    token, ends_at = _tokens.get(client, ("", 0.0))
    if ends_at - RENEWED_S > time.monotonic():
        return token
    name, _, secret = client.partition(":")
    form = {"grant_type": "client_credentials", "client_id": name, "client_secret": secret}
    answer = web.ask(Request(endpoint(f"{key.variable.rpartition('_')[2]}_TOKEN", key.exchange), form=form))
    try:
        found = json.loads(answer.body) if answer.ok else {}
        token, life_s = str(found["access_token"]), float(found.get("expires_in", 2 * RENEWED_S))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StudyError(
            f"{key.variable}: no token for this id and secret: {key.exchange} gave {answer.outcome} "
            f"({answer.reason or 'no access_token'}); check them, or make new ones at {key.source}"
        ) from error
    _tokens[client] = token, time.monotonic() + life_s
    return token


def without_key(text: str, key: Key | None) -> str:
    """Return what came back without the key, or what it was exchanged for: some answers repeat it in addresses."""
    said = key_of(key)
    secrets = [said, _tokens.get(said, ("", 0.0))[0]]
    secrets += said.partition(":")[2:] if key and key.exchange else ()  # the id is none
    for form in {form for one in secrets if one for form in (one, quote(one, safe=""), quote_plus(one))}:
        text = text.replace(form, INSTEAD)
    return text
