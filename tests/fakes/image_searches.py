"""Image searches on a loopback server, each in the shape that its provider promises: the whole path without any site.

Every search knows `TOTAL` pictures of every text or entity, at /pictures/<name>-<number>.jpg of the same server; one that wants a
key refuses without it, and says the key back in its answer, as Europeana does.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.web_server import Call, FaultyServer

TOTAL = 5
KEYS = {
    "flickr": "flickr-secret",
    "europeana": "europeana/secret",
    "brave": "brave-secret",
    "serpapi": "serp-secret",
    "serper": "serper-secret",
}
ENTITY = "http://www.wikidata.org/entity/"


def asked_of(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}


def serve_searches(server: FaultyServer) -> None:
    """Answer every search of SEARCHES at /<name>."""
    for name, search in SEARCHES.items():
        server.on(f"/{name}", lambda call, name=name, search=search: _answered(call, name, search))


def _answered(call: Call, name: str, search: Any) -> None:
    key = KEYS.get(name)
    said = {**asked_of(call), **{header.lower(): value for header, value in call.headers.items()}}
    if key and key not in said.values():
        call.answer(401, b'{"error": "no key"}')
        return
    answer = search(call, asked_of(call))
    call.answer(200, json.dumps({**answer, "apikey": key} if key else answer).encode(), Content_Type="application/json")


def picture(call: Call, name: str, number: int) -> str:
    return call.server.url(f"/pictures/{name}-{number}.jpg")


def numbers(first: int, size: int) -> range:
    """Places of a page among all pictures, from 1."""
    return range(first, min(first + size, TOTAL + 1))


def commons(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    if asked.get("list") == "search":
        return {"batchcomplete": True, "query": {"searchinfo": {"totalhits": TOTAL}, "search": []}}
    if asked.get("prop") == "categoryinfo":
        return {
            "batchcomplete": True,
            "query": {"pages": [{"title": asked["titles"], "categoryinfo": {"files": TOTAL}}]},
        }
    size = int(asked.get("gsrlimit") or asked["gcmlimit"])
    first = int(asked.get("gsroffset", 0)) + 1
    pages = [
        {"ns": 6, "title": f"File:{number}.jpg", **({"index": number} if "gsrsearch" in asked else {}), "imageinfo": [{
            "thumburl": picture(call, "commons", number), "thumbwidth": 500, "thumbheight": 300, "mime": "image/jpeg",
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{number}.jpg",
            "extmetadata": {"LicenseShortName": {"value": "CC BY 4.0"}, "Artist": {"value": "<b>Ann</b>"}},
        }]} for number in numbers(first, size)
    ]  # fmt: skip
    more = (
        {"continue": {"gsroffset": first + size - 1, "continue": "gsroffset||"}}
        if first + size <= TOTAL and "gsrsearch" in asked
        else {}
    )
    return {"batchcomplete": True, "query": {"pages": pages}, **more}


def depicts(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    query = parse_qs(call.body.decode())["query"][0]
    items = sorted(set(re.findall(r"wd:(Q\d+)", query)))
    literal = lambda value: {"type": "literal", "value": str(value)}
    uri = lambda value: {"type": "uri", "value": value}
    if "COUNT" in query:
        rows = [
            {"item": uri(ENTITY + item), "licence": uri(f"{ENTITY}Q6938433"), "files": literal(TOTAL)} for item in items
        ]
    else:
        most = int(re.findall(r"LIMIT (\d+)", query)[0])
        rows = [
            {"item": uri(ENTITY + item), "file": uri(f"{ENTITY}M{number}"), "url": uri(picture(call, item, number)),
             "mime": literal("image/jpeg"),
             "width": literal(800), "height": literal(600), "licence": uri(f"{ENTITY}Q6938433"), "author": literal("Ann")}
            for item in items for number in numbers(1, most)
        ]  # fmt: skip
    return {"head": {"vars": []}, "results": {"bindings": rows}}


def gbif(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    first, size = int(asked["offset"]) + 1, int(asked["limit"])
    results = [
        {"key": number, "license": "http://creativecommons.org/licenses/by/4.0/legalcode", "media": [
            {"type": "StillImage", "identifier": picture(call, "gbif", number), "license": "http://creativecommons.org/licenses/by-nc/4.0/"}
        ]} for number in numbers(first, size)
    ]  # fmt: skip
    return {
        "offset": first - 1,
        "limit": size,
        "endOfRecords": first + size > TOTAL,
        "count": TOTAL,
        "results": results,
    }


def openverse(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    size, page = int(asked["page_size"]), int(asked["page"])
    results = [{"url": picture(call, "openverse", number), "license": "by", "license_version": "4.0", "creator": "Ann", "title": "x",
                "foreign_landing_url": "https://x.test"} for number in numbers((page - 1) * size + 1, size)]  # fmt: skip
    return {"result_count": TOTAL, "page_count": -(-TOTAL // size), "page": page, "page_size": size, "results": results}


def flickr(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    size, page = int(asked["per_page"]), int(asked["page"])
    photos = [{"id": str(number), "owner": "o", "title": "x", "license": "4", "ownername": "Ann",
               "url_l": picture(call, "flickr", number)}
              for number in numbers((page - 1) * size + 1, size)]  # fmt: skip
    return {
        "photos": {"page": page, "pages": -(-TOTAL // size), "perpage": size, "total": TOTAL, "photo": photos},
        "stat": "ok",
    }


def europeana(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    first, size = int(asked.get("cursor", "1").replace("*", "1")), int(asked["rows"])
    items = [{"guid": f"https://www.europeana.eu/item/{number}?utm_campaign={KEYS['europeana']}", "title": ["x"], "rights": [
        "http://creativecommons.org/publicdomain/zero/1.0/"], "edmIsShownBy": [picture(call, "europeana", number)]}
        for number in numbers(first, size)]  # fmt: skip
    return {
        "success": True,
        "totalResults": TOTAL,
        "items": items,
        **({"nextCursor": str(first + size)} if size and first + size <= TOTAL else {}),
    }


def brave(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    return {"results": [{"url": "https://x.test", "title": "x", "properties": {"url": picture(call, "brave", number)}}
                        for number in numbers(1, int(asked["count"]))]}  # fmt: skip


def serpapi(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    found = numbers(1, TOTAL) if asked["ijn"] == "0" else []
    return {
        "images_results": [
            {"position": number, "original": picture(call, "serpapi", number), "link": "https://x.test"}
            for number in found
        ]
    }


def serper(call: Call, asked: dict[str, str]) -> dict[str, Any]:
    found = numbers(1, TOTAL) if json.loads(call.body)["page"] == 1 else []
    return {
        "images": [
            {"position": number, "imageUrl": picture(call, "serper", number), "link": "https://x.test"}
            for number in found
        ]
    }


SEARCHES = {
    "commons": commons, "commons_statements": commons, "commons_category": commons, "commons_depicts": depicts, "gbif": gbif,
    "openverse": openverse, "flickr": flickr, "europeana": europeana, "brave": brave, "serpapi": serpapi, "serper": serper,
}  # fmt: skip
