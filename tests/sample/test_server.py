"""The hosts of pictures, benchmarks and control: every planned address answers as planned, the same each time."""

import hashlib
import io
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from PIL import Image

from entitynet_assets.sample.plan import PHOTO_HOSTS, Picture
from entitynet_assets.sample.server import SampleServer, serve
from entitynet_assets.sample.world import CONTROL_HOST, World, hosts, make_world

SMALL = {"entities": 8, "pictures": 3, "holdout": 2}
STATUS = {"missing": 404, "gone": 410, "forbidden": 403, "failing": 500}
HOPS = {"moved", "chain", "moved_private", "moved_inside", "loop"}
UNWILLING = {"busy", "stubborn", "slow", "drip", "cut", "reset"}  # tests/sample/test_faults.py asks for these


@pytest.fixture(scope="module")
def bodies(ask: Callable, world: World) -> dict[str, httpx.Response]:
    return {row.id: ask(row.url) for row in world.plan() if row.fault not in UNWILLING}


def plain(world: World) -> list[Picture]:
    return [row for row in world.plan() if row.fault not in UNWILLING | HOPS]


def test_every_address_answers_as_planned(bodies: dict, world: World) -> None:
    assert len({row.url for row in world.plan()}) == len(world.plan())
    for row in plain(world):
        answer = bodies[row.id]
        assert answer.status_code == STATUS.get(row.fault, 200), row
        if row.fault in (*STATUS, "html"):
            assert answer.headers["Content-Type"].startswith("text/"), row
        else:
            kind = "png" if row.path.endswith("png") else "jpeg"
            assert answer.headers["Content-Type"] == f"image/{kind}", row


def test_whole_pictures_open_at_their_planned_size(bodies: dict, world: World) -> None:
    for row in plain(world):
        if row.fault in (*STATUS, "html", "truncated", "tiny", "resized", "cropped", "placeholder"):
            continue
        picture = Image.open(io.BytesIO(bodies[row.id].content))
        picture.load()
        assert (picture.mode, picture.size) == ("RGB", (row.width_px, row.height_px))


def test_broken_pictures_are_broken(bodies: dict, world: World) -> None:
    by_fault = {fault: [bodies[r.id].content for r in world.plan() if r.fault == fault] for fault in ("tiny", "html")}
    assert all(max(Image.open(io.BytesIO(body)).size) < 32 for body in by_fault["tiny"])
    assert all(body.startswith(b"<!doctype html>") for body in by_fault["html"])
    truncated = [bodies[row.id].content for row in world.plan() if row.fault == "truncated"]
    for body in truncated:
        with pytest.raises(OSError, match="truncated"):
            Image.open(io.BytesIO(body)).load()
    assert all((by_fault["tiny"], by_fault["html"], truncated))


def test_copies_are_copies(bodies: dict, world: World) -> None:
    rows = {row.id: row for row in world.plan()}
    seen = set()
    for row in world.plan():
        if row.copy_of in rows:
            original = rows[row.copy_of]
            same = bodies[row.id].content == bodies[original.id].content
            assert same == (row.fault == "duplicate"), row
            assert row.host != original.host
            seen.add(row.fault)
    assert seen == {"duplicate", "resized", "reencoded", "cropped"}


def test_different_drawings_are_different_files(bodies: dict, world: World) -> None:
    own = [bodies[r.id].content for r in world.plan() if r.fault in ("ok", "wrong", "robots")]
    assert len({hashlib.sha256(body).digest() for body in own}) == len(own)


def test_leaks_are_benchmark_pictures_and_nothing_else_is(bodies: dict, ask: Callable, world: World) -> None:
    held = {ask(row.url).content for row in world.benchmark()}
    leaked = {row.fault for row in world.plan() if row.id in bodies and bodies[row.id].content in held}
    assert leaked == {"leak"}
    web_seeds = {row.draw_seed for row in world.plan() if row.fault != "leak"}
    assert not web_seeds & {row.draw_seed for row in world.benchmark()}


def test_entity_tags_spare_the_body(ask: Callable, world: World) -> None:
    row = next(r for r in world.plan() if r.fault == "ok")
    for url in (row.url, row.page_url, world.benchmark()[0].url):
        first = ask(url)
        assert first.headers["ETag"] == f'"{hashlib.sha256(first.content).hexdigest()}"'
        again = ask(url, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        since = ask(url, headers={"If-Modified-Since": first.headers["Last-Modified"]})
        assert since.status_code == 304
        other = ask(url, headers={"If-None-Match": '"other"', "If-Modified-Since": first.headers["Last-Modified"]})
        assert other.status_code == 200
        assert ask(url, "HEAD").content == b""


def test_pages_show_their_picture(ask: Callable, world: World) -> None:
    for row in world.plan()[:40]:
        page = ask(row.page_url)
        assert page.headers["Content-Type"].startswith("text/html")
        assert re.search(f'<img src="{re.escape(row.path)}" alt="([^"]*)">', page.text)


def test_one_host_forbids_a_folder(ask: Callable, world: World) -> None:
    rules = {host: ask(f"http://{host}/robots.txt").text for host in PHOTO_HOSTS}
    forbidding = [host for host, text in rules.items() if "Disallow: /private/" in text]
    assert len(forbidding) == 1
    private = [row for row in world.plan() if any(path.startswith("/private/") for _, path in row.route)]
    assert {(row.route[-1][0], row.fault) for row in private} == {
        (forbidding[0], f) for f in ("robots", "moved_private")
    }


def test_the_manifest_lists_the_benchmark(ask: Callable, world: World) -> None:
    manifest = ask("http://benchmarks.test/sample/manifest.json").json()
    assert (manifest["name"], manifest["licence"]) == ("sample-drawings", "CC0")
    assert [(i["image_url"], i["qid"]) for i in manifest["images"]] == [(r.url, r.qid) for r in world.benchmark()]
    assert {i["label"] for i in manifest["images"]} == {world.items[q].label.text for q in world.entities}


def test_unknown_hosts_and_paths(ask: Callable, world: World) -> None:
    assert ask("http://elsewhere.test/x.jpg").status_code == 421
    assert ask("http://photos-a.test/nothing.jpg").status_code == 404
    assert set(hosts(world)) >= {*PHOTO_HOSTS, "query.wikidata.test", "search.test", "benchmarks.test"}


def test_requests_are_counted_and_reset(asker: Callable) -> None:
    world = make_world(**SMALL)
    row = world.plan()[0]
    with serve(world) as running:
        ask = asker(running)
        assert ask(f"http://{CONTROL_HOST}/_health").json() == {"health": "ok"}
        for _ in range(3):
            ask(row.url)
        ask("http://search.test/images", params={"q": "apple"})
        assert running.requests() == {(row.host, row.path): 3, ("search.test", "/images"): 1}
        counted = ask(f"http://{CONTROL_HOST}/_requests").json()["requests"]
        assert {"host": row.host, "path": row.path, "count": 3} in counted
        assert ask(f"http://{CONTROL_HOST}/_reset", "POST").json() == {"reset": True}
        assert running.requests() == {}


def fingerprints(running: SampleServer, asker: Callable) -> dict[str, str]:
    ask = asker(running)
    rows = (*(row for row in running.world.plan() if row.fault not in UNWILLING), *running.world.benchmark())
    return {row.url: hashlib.sha256(ask(row.url).content).hexdigest() for row in rows}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(asker: Callable) -> None:
    found = []
    for seed in (3, 3, 4):
        with serve(make_world(seed=seed, **SMALL)) as running:
            found.append(fingerprints(running, asker))
    assert found[0] == found[1]
    pictures = [{digest for url, digest in one.items() if "benchmarks" in url} for one in found]
    assert not pictures[0] & pictures[2]
    assert set(found[0]) != set(found[2])


def test_many_clients_at_once_get_the_same_bytes(asker: Callable) -> None:
    world = make_world(**SMALL)
    urls = [row.url for row in world.plan() if row.fault == "ok"][:8] * 6
    with serve(world) as running, ThreadPoolExecutor(12) as pool:
        found = list(pool.map(lambda url: asker(running)(url).content, urls))
        assert sum(running.requests().values()) == len(urls)
    assert len({(url, body) for url, body in zip(urls, found, strict=True)}) == 8


def test_a_folder_keeps_pictures_between_servers(asker: Callable, tmp_path: object) -> None:
    world = make_world(**SMALL)
    found = []
    for _ in range(2):
        with serve(world, cache_dir=tmp_path) as running:
            found.append(fingerprints(running, asker))
    assert found[0] == found[1]
    with serve(world) as running:
        assert fingerprints(running, asker) == found[0]


def test_relabelling_changes_the_graph_and_not_the_web(asker: Callable) -> None:
    world = make_world(**SMALL)
    changed = world.with_label("Q89", "malus fruit")
    with serve(world) as running:
        ask = asker(running)
        before = fingerprints(running, asker)
        url = "http://www.wikidata.test/w/api.php?action=wbgetentities&ids=Q89"
        old = ask(url).json()["entities"]["Q89"]
        running.change_world(changed)
        new = ask(url).json()["entities"]["Q89"]
        assert new["labels"]["en"]["value"] == "malus fruit"
        assert new["lastrevid"] > old["lastrevid"]
        assert new["modified"] > old["modified"]
        assert fingerprints(running, asker) == before
    assert changed.plan() == world.plan()


def test_the_module_serves_in_its_own_process_and_stops_on_sigterm() -> None:
    command = [sys.executable, "-m", "entitynet_assets.sample.server", "--port", "0", "--entities", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        line = process.stdout.readline()
        address = re.fullmatch(r"sample world on (http://127\.0\.0\.1:\d+)\n", line)[1]
        request = urllib.request.Request(f"{address}/_health", headers={"Host": CONTROL_HOST})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
