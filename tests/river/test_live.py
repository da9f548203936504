"""The study live: without a contact, without a network, and whole against a server that answers as Wikidata and Commons do."""

from __future__ import annotations

import io
import json
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import HERE
from tests.fakes.web_server import Call, FaultyServer, faulty_server, free_port
from tests.river import commands
from tests.river.test_photos import TINY

ENTITY = "http://www.wikidata.org/entity/"
CATS = {"Q140": "lion", "Q19939": "tiger", "Q34706": "leopard"}
PICTURES = 4
pytestmark = pytest.mark.slow


def live(study: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return commands.run(["run", "--study", study], commands.environment(home, **environment))


def test_nobody_is_asked_before_a_contact_is_named(tmp_path: Path) -> None:
    done = live("live", tmp_path / "home")
    assert done.returncode == 2
    for words in (
        "web.contact: found ''",
        "set ENTITYNET_CONTACT=you@example.org",
        "make live CONTACT=you@example.org",
    ):
        assert words in done.stdout, done.stdout
    assert not (tmp_path / "home").exists()


def test_without_a_network_one_sentence_says_which_host_did_not_answer(tmp_path: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    asked = {"ENTITYNET_CONTACT": "tester@example.org", "ENTITYNET_ENDPOINT_SPARQL": f"http://{nobody}/sparql"}
    done = live("live", tmp_path / "home", **asked)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    for words in (
        f"the host {nobody} did not answer: connection",
        "this study needs the network, and nothing of it was changed",
    ):
        assert words in done.stdout, done.stdout
    assert not Lake(tmp_path / "home" / "live" / "lake").slices("wikidata_items")


def drawn(seed: int) -> bytes:
    out = io.BytesIO()
    grains = Image.frombytes("RGB", (8, 8), random.Random(seed).randbytes(192))
    grains.resize((160, 120), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()


def sparql(call: Call) -> None:
    """Answer as QLever does, with the count at the end."""
    asked = re.search(r"VALUES \?parent \{ ([^}]*)\}", parse_qs(call.body.decode())["query"][0])
    found = [(cat, "Q25265") for cat in CATS] if asked and "Q25265" in asked[1] else []
    rows = [
        {"child": {"type": "uri", "value": ENTITY + child}, "parent": {"type": "uri", "value": ENTITY + parent}}
        for child, parent in found
    ]
    call.answer(200, json.dumps({
        "head": {"vars": ["child", "parent"]}, "results": {"bindings": rows}, "meta": {"query-time-ms": 3, "result-size-total": len(rows)},
    }).encode())  # fmt: skip


def item(qid: str) -> dict:
    value = {"entity-type": "item", "id": "Q25265"}
    snak = {"snaktype": "value", "property": "P171", "datavalue": {"value": value, "type": "wikibase-entityid"}}
    claims = {"P171": [{"mainsnak": snak, "rank": "normal", "type": "statement"}]} if qid in CATS else {}
    return {
        "type": "item", "id": qid, "lastrevid": 1, "modified": "2026-01-01T00:00:00Z", "claims": claims, "aliases": {}, "descriptions": {},
        "labels": {"en": {"language": "en", "value": CATS.get(qid, "Felidae")}},
        "sitelinks": {f"w{number}": {"title": "x"} for number in range(60)},
    }  # fmt: skip


def items(call: Call) -> None:
    asked = parse_qs(urlsplit(call.path).query)["ids"][0].split("|")
    call.answer(200, json.dumps({"entities": {qid: item(qid) for qid in asked}, "success": 1}).encode())


def files(call: Call) -> None:
    """Answer a search as Commons does; the lion's first picture is gone."""
    asked = {name: values[0] for name, values in parse_qs(urlsplit(call.path).query).items()}
    if "generator" not in asked:
        call.answer(200, b'{"batchcomplete": true, "query": {"searchinfo": {"totalhits": 4}, "search": []}}')
        return
    name, place = asked["gsrsearch"].removesuffix(" filetype:bitmap"), call.server.url("/thumb")
    known = list(CATS.values()).index(name) if name in CATS.values() else None
    stated = {"LicenseShortName": {"value": "CC BY 4.0"}, "Artist": {"value": "<b>A. Friend</b>"}}
    pages = [
        {"pageid": number, "ns": 6, "title": f"File:{name} {number}.jpg", "index": number + 1, "imageinfo": [{
            "thumburl": f"{place}/{known}{number}.jpg", "thumbwidth": 500, "thumbheight": 375, "url": "http://never.invalid/x.jpg",
            "descriptionurl": f"https://commons.wikimedia.org/wiki/File:{number}", "extmetadata": stated,
        }]}
        for number in range(PICTURES) if known is not None
    ]  # fmt: skip
    call.answer(200, json.dumps({"batchcomplete": True, **({"query": {"pages": pages}} if pages else {})}).encode())


@pytest.fixture
def world() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        for path, handler in (("/sparql", sparql), ("/w/api.php", items), ("/commons", files)):
            server.on(path, handler)
        for known in range(len(CATS)):
            for number in range(PICTURES):
                body = drawn(10 * known + number)
                server.on(
                    f"/thumb/{known}{number}.jpg",
                    lambda call, body=body: call.answer(200, body, Content_Type="image/jpeg"),
                )
        del server.paths["/thumb/00.jpg"]
        yield server


def test_the_whole_way_against_a_server_that_answers_as_they_do(world: FaultyServer, tmp_path: Path) -> None:
    study = tmp_path / "live.toml"
    text = (HERE / "live.toml").read_text()
    study.write_text(text[: text.index("[[recipes]]")] + TINY.replace("graph_only", "balanced"))
    places = {"SPARQL": "/sparql", "API": "/w/api.php", "COMMONS": "/commons"}
    done = live(
        str(study), tmp_path / "home", ENTITYNET_CONTACT="tester@example.org", ENTITYNET_PRIVATE_HOSTS="127.0.0.1",
        **{f"ENTITYNET_ENDPOINT_{name}": world.url(path) for name, path in places.items()},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "No benchmark: this study holds nothing out" in done.stdout
    lake = Lake(tmp_path / "home" / "live" / "lake")
    assert {row["label"] for row in lake.rows("entities")} == {*CATS.values(), "Felidae"}
    outcomes = [row["outcome"] for row in lake.rows("downloads")]
    assert (outcomes.count("ok"), outcomes.count("not_found")) == (len(CATS) * PICTURES - 1, 1)
    assert {(row["licence"], row["author"]) for row in lake.rows("urls")} == {("CC BY 4.0", "A. Friend")}
    assert len(lake.rows("kept_images")) == len(CATS) * PICTURES - 1
    assert [row["recipe"] for row in lake.rows("checkpoints")] == ["tiny"]
    for name in ("benchmark_images", "predictions", "scores", "floors", "leaderboard", "benchmark_classes"):
        assert lake.rows(name) == []
    assert all("tester@example.org" in call.headers["User-Agent"] for call in world.log)
