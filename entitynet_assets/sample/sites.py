"""What each virtual host of the sample world answers.

What it is: Request in, Answer out, one method a host; no sockets.
What belongs here: status codes, headers, pages. What does not: sockets (server.py), the content of answers.
"""

import html
import json
import re
import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs

from entitynet_assets.sample.plan import (
    BENCHMARK_HOST,
    OWN_HOSTS,
    PHOTO_HOSTS,
    ROBOTS_HOST,
    ROBOTS_PATH,
    Picture,
    known_items,
    plan_benchmark,
    plan_entity,
)
from entitynet_assets.sample.render import Body, Gallery
from entitynet_assets.sample.search import SearchIndex, answer
from entitynet_assets.sample.wikidata import QueryError, build_store, get_entities, run_query
from entitynet_assets.sample.world import API_HOST, SEARCH_HOST, SPARQL_HOST, World

LAST_MODIFIED = "Mon, 02 Mar 2026 09:00:00 GMT"
NO_CONTACT = "Please set a user-agent with a contact (an e-mail or web address) and respect our robot policy.\n"
MANIFEST_PATH = "/sample/manifest.json"
RETRY_AFTER_S = 1
STATUS = {"missing": 404, "gone": 410, "forbidden": 403, "failing": 500}
NUMBERED = re.compile(r"/[0-9a-f]{8}([0-9a-f]{6})\.\w+$")
Manner = Literal["whole", "slow", "drip", "cut", "reset"]
MANNERS: dict[str, Manner] = {"slow": "slow", "drip": "drip", "cut": "cut", "reset": "reset"}
Place = tuple[str, str]  # host and path


@dataclass(frozen=True)
class Request:
    """One request: header names are lower-case, `query` has the last value of each parameter."""

    method: str
    host: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """Return the parameters of the address and, if sent as a form, of the body."""
        if "application/x-www-form-urlencoded" not in self.headers.get("content-type", ""):
            return self.query
        sent = parse_qs(self.body.decode(errors="replace"), keep_blank_values=True)
        return self.query | {k: v[-1] for k, v in sent.items()}


@dataclass(frozen=True)
class Answer:
    """One answer; Content-Length is added on the way out. `manner` is how it is sent."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "text/plain; charset=utf-8"})
    manner: Manner = "whole"

    @staticmethod
    def json(value: Any, status: int = 200) -> "Answer":
        """Return an answer with a JSON body."""
        body = json.dumps(value, ensure_ascii=False).encode()
        return Answer(status, body, {"Content-Type": "application/json; charset=utf-8"})


class Patience:
    """Who is sent away with Retry-After: the first request of the busy host and of each of its pictures; safe for threads."""

    def __init__(self) -> None:
        self.asked: Counter[Place] = Counter()
        self.lock = threading.Lock()

    def ends(self, host: str, path: str) -> bool:
        """Say whether this request is throttled."""
        if host == OWN_HOSTS["stubborn"]:
            return path != "/robots.txt"
        if host != OWN_HOSTS["busy"] or path.startswith("/page/"):
            return False
        with self.lock:
            self.asked.update({(host, ""), (host, path)})
            return self.asked[host, ""] == 1 or (path != "/robots.txt" and self.asked[host, path] == 1)


class Sites:
    """Every host of one world."""

    def __init__(self, world: World, cache_dir: Path | None = None, before: "Sites | None" = None) -> None:
        self.world = world
        self.gallery = before.gallery if before else Gallery(cache_dir, world.seed)
        self.patience = before.patience if before else Patience()
        self.store = build_store(world)
        same_web = before is not None and before.world.settings == world.settings
        self.index = before.index if before and same_web else SearchIndex(world)
        self.entity = lru_cache(maxsize=1024)(self.places)

    def with_world(self, world: World) -> "Sites":
        """Return the sites of another world of the same seed that keep the pictures already drawn."""
        return Sites(world, before=self)

    def places(self, index: int) -> dict[Place, tuple[str, Picture, Place]]:
        """Return what lies at each address of an entity's pictures: (page, hop or picture, its row, where a hop leads)."""
        found: dict[Place, tuple[str, Picture, Place]] = {}
        for row in plan_entity(self.world.settings, index):
            route = row.route
            found[row.host, row.page_path] = ("page", row, route[0])
            found[route[-1]] = ("picture", row, route[-1])
            found.update({here: ("hop", row, there) for here, there in pairwise(route)})
        return found

    def place(self, host: str, path: str) -> tuple[str, Picture, Place] | None:
        """Return what lies at an address, by the number of the entity in it."""
        match = NUMBERED.search(path)
        index = int(match[1], 16) if match else -1
        return self.entity(index).get((host, path)) if 0 <= index < len(self.world.entities) else None

    def answer(self, request: Request) -> Answer:
        """Answer one request by its host."""
        by_host = {
            SPARQL_HOST: self.sparql,
            API_HOST: self.api,
            SEARCH_HOST: self.search,
            BENCHMARK_HOST: self.benchmark,
            **dict.fromkeys((*PHOTO_HOSTS, *OWN_HOSTS.values()), self.photos),
        }
        site = by_host.get(request.host)
        if site is None:
            return Answer(421, f"no site {request.host!r} in this world\n".encode())
        if self.patience.ends(request.host, request.path):
            return Answer(429, b"too many requests\n", {"Retry-After": str(RETRY_AFTER_S)})
        return robots(request) if request.path == "/robots.txt" else site(request)

    def sparql(self, request: Request) -> Answer:
        """Answer a SPARQL query sent by GET, as a form or as the body."""
        agent = request.headers.get("user-agent", "")
        if "@" not in agent and "http" not in agent:
            return Answer(403, NO_CONTACT.encode())
        raw = "application/sparql-query" in request.headers.get("content-type", "")
        query = request.body.decode(errors="replace") if raw else request.form().get("query", "")
        if request.path != "/sparql" or not query:
            return Answer(404 if request.path != "/sparql" else 400, b"send a query to /sparql\n")
        try:
            return Answer(200, run_query(self.store, query), {"Content-Type": "application/sparql-results+json"})
        except QueryError as error:
            return Answer(400, f"{error}\n".encode())

    def api(self, request: Request) -> Answer:
        """Answer wbgetentities."""
        form = request.form()
        if request.path != "/w/api.php":
            return Answer(404, b"the API is at /w/api.php\n")
        if form.get("action") != "wbgetentities":
            info = f'Unrecognized value for parameter "action": {form.get("action", "")}.'
            return Answer.json({"error": {"code": "badvalue", "info": info}})
        ids, props, languages = (list(filter(None, form.get(k, "").split("|"))) for k in ("ids", "props", "languages"))
        return Answer.json(get_entities(self.world, ids, set(props), set(languages)))

    def search(self, request: Request) -> Answer:
        """Answer an image search."""
        if request.path != "/images":
            return Answer(404, b"search at /images\n")
        try:
            page, per_page = int(request.query.get("page", "1")), int(request.query.get("per_page", "20"))
            return Answer.json(answer(self.index, request.query.get("q", ""), page, per_page))
        except ValueError as error:
            return Answer.json({"error": str(error)}, 400)

    def photos(self, request: Request) -> Answer:
        """Answer for a picture, the page that shows it, or an address that leads to it."""
        kind, row, there = self.place(request.host, request.path) or ("", None, ("", ""))
        if row is None:
            return Answer(404, b"not found\n")
        if kind == "page":
            return conditional(request, Body(page_html(row), "text/html; charset=utf-8"))
        if kind == "hop":
            return Answer(301, b"", {"Location": f"http://{there[0]}{there[1]}"})
        if row.fault in STATUS:
            return Answer(STATUS[row.fault], f"{row.fault}\n".encode())
        found = conditional(request, self.gallery.picture(row))
        if row.fault == "optout":
            found = replace(found, headers=found.headers | {"X-Robots-Tag": "noai, noimageai"})
        return replace(found, manner=MANNERS.get(row.fault, "whole"))

    def benchmark(self, request: Request) -> Answer:
        """Answer for the manifest of the held-out pictures or one of them."""
        if request.path == MANIFEST_PATH:
            return Answer.json(self.manifest())
        qid = request.path.rpartition("/")[2].partition("-")[0]
        settings = self.world.settings
        held = plan_benchmark(settings, qid) if qid in known_items(settings.seed) else ()
        row = next((row for row in held if row.path == request.path), None)
        return conditional(request, self.gallery.benchmark(row)) if row else Answer(404, b"not found\n")

    def manifest(self) -> dict[str, Any]:
        """Return the held-out pictures with ids and labels; the labels stay what they were when it was made."""
        items = known_items(self.world.seed)
        rows = self.world.benchmark()
        images = [{"image_url": r.url, "qid": r.qid, "label": items[r.qid].label.text} for r in rows]
        return {"name": "sample-drawings", "licence": "CC0", "images": images}


def conditional(request: Request, body: Body) -> Answer:
    """Send a body with its tags, or 304 where the client has it."""
    headers = {"ETag": body.etag, "Last-Modified": LAST_MODIFIED, "Cache-Control": "max-age=86400"}
    tags = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if body.etag in tags or "*" in tags:
        return Answer(304, b"", headers)
    since = request.headers.get("if-modified-since")
    if since == LAST_MODIFIED and "if-none-match" not in request.headers:
        return Answer(304, b"", headers)
    return Answer(200, body.content, headers | {"Content-Type": body.content_type})


def robots(request: Request) -> Answer:
    """Return a host's robots.txt."""
    rules = {ROBOTS_HOST: f"Disallow: {ROBOTS_PATH}", OWN_HOSTS["locked"]: "Disallow: /"}
    if request.host not in (*PHOTO_HOSTS, *OWN_HOSTS.values()):
        return Answer(404, b"not found\n")
    return Answer(200, f"User-agent: *\n{rules.get(request.host, 'Disallow:')}\n".encode())


def page_html(row: Picture) -> bytes:
    """Return the page that shows a picture."""
    title, alt = html.escape(row.words.title), html.escape(row.words.alt)
    credit = html.escape(" ".join(filter(None, (row.words.author, row.words.licence))))
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f'<body><h1>{title}</h1><img src="{row.path}" alt="{alt}"><p>{credit}</p></body></html>'
    )
    return text.encode()
