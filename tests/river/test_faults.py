"""Every fault of the web ends as the reason that the server's own plan and log lead one to expect, picture by picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

import pytest

from entitynet_assets.sample.faults import COPIES, FAULTS
from entitynet_assets.sample.plan import INSIDE, OWN_HOSTS, ROBOTS_PATH, Picture
from entitynet_assets.sample.search import SearchIndex, answer
from entitynet_assets.sample.server import SampleServer, Visit, serve
from entitynet_assets.sample.world import SEARCH_HOST, make_world
from entitynet_assets.studies.models import load_study
from entitynet_assets.tables import DOWNLOAD_OUTCOMES, RULES
from tests.river.conftest import River, small_study

pytestmark = pytest.mark.slow
WORLD = {"entities": 16, "pictures": 6, "holdout": 2}
TRIES = 3
# What the sample's web does not do: an address that no client can read, a picture that a decoder dies of, and
# what only a study brings about.
NOT_OF_THE_WEB = {
    "bad_url", "taken_down", "undecodable", "licence", "relevance", "text", "unwanted", "people", "blocklist",
}  # fmt: skip
RULES_PATHS = ("/robots.txt", "/.well-known/tdmrep.json")


@pytest.fixture(scope="module")
def river(tmp_path_factory: pytest.TempPathFactory) -> Iterator[River]:
    """One harvest of a world with every fault. One connection a host, so that the server's log has one order a host."""
    folder = tmp_path_factory.mktemp("faults")
    changes = {key: str(value) for key, value in WORLD.items()}
    with serve(make_world(**WORLD)) as server:
        made = River(server, small_study(folder, "faults", per_host="1", timeout_s="2.0", **changes), folder / "home")
        made.run("--until", "entity_report")
        yield made


@pytest.fixture(scope="module")
def visits(river: River) -> list[Visit]:
    return river.server.log.visits()


@pytest.fixture(scope="module")
def in_play(river: River, visits: list[Visit]) -> dict[str, Picture]:
    """The pictures whose addresses the search gave out, by the server's log of searches answered again."""
    return {row.url: row for row in announced(river.server, visits)}


def announced(server: SampleServer, visits: list[Visit]) -> Iterator[Picture]:
    index, rows = SearchIndex(server.world), {row.url: row for row in server.world.plan()}
    for query in {visit.query for visit in visits if visit.host == SEARCH_HOST and visit.status == 200}:
        asked = dict(query)
        page = answer(index, asked["q"], int(asked.get("page", "1")), int(asked.get("per_page", "20")))
        yield from (rows[result["image_url"]] for result in page["results"])


def test_the_list_of_faults_covers_the_lists_of_reasons(in_play: dict[str, Picture]) -> None:
    assert {row.fault for row in in_play.values()} == set(FAULTS)
    reasons = {fault.outcome for fault in FAULTS.values()} | {fault.rule for fault in FAULTS.values()}
    assert reasons - {None} == {*DOWNLOAD_OUTCOMES, *RULES} - NOT_OF_THE_WEB


def test_every_address_has_the_outcome_of_its_fault(river: River, in_play: dict[str, Picture]) -> None:
    found = {row["image_url"]: row["outcome"] for row in river.lake.rows("downloads")}
    assert found == {url: FAULTS[row.fault].outcome for url, row in in_play.items()}


def test_every_picture_is_rejected_by_the_rule_of_its_fault_and_no_other_is(
    river: River, in_play: dict[str, Picture]
) -> None:
    behind: dict[str, list[Picture]] = defaultdict(list)
    for row in river.lake.rows("downloads"):
        if row["image_id"]:
            behind[row["image_id"]].append(in_play[row["image_url"]])
    rejecting: dict[str, set[str]] = defaultdict(set)
    for row in river.lake.rows("verdicts"):
        if row["verdict"] == "reject":
            rejecting[row["image_id"]].add(row["rule"])
    assert {image: rejecting[image] for image in behind} == expected_rules(behind)


def expected_rules(behind: dict[str, list[Picture]]) -> dict[str, set[str]]:
    """Return the rules that must reject each picture: its fault's; of those that look alike all but the first by id."""
    rules = {
        image: {FAULTS[row.fault].rule for row in rows if row.fault not in COPIES} - {None}
        for image, rows in behind.items()
    }
    alike: dict[tuple[str, int], list[str]] = defaultdict(list)
    for image, rows in behind.items():
        if "placeholder" not in rules[image]:
            alike[rows[0].qid, rows[0].draw_seed].append(image)
    for images in alike.values():
        for image in sorted(images)[1:]:
            rules[image].add("duplicate")
    return rules


def test_no_address_is_asked_more_often_than_its_fault_allows(river: River, in_play: dict[str, Picture]) -> None:
    asked = river.server.requests()
    found = {row.url: asked.get((row.host, row.path), 0) for row in in_play.values()}
    assert found == {url: FAULTS[row.fault].visits for url, row in in_play.items()}
    assert max(found.values()) == TRIES == load_study(str(river.study)).web.tries


def test_no_address_is_asked_that_the_search_did_not_give_out(river: River, in_play: dict[str, Picture]) -> None:
    known = {place for row in in_play.values() for place in row.route} | {
        (row.host, path) for row in in_play.values() for path in RULES_PATHS
    }
    hosts = {host for host, _ in known}
    assert {place for place in river.server.requests() if place[0] in hosts} <= known


def test_forbidden_paths_are_never_asked(river: River) -> None:
    asked = river.server.requests()
    assert [place for place in asked if place[1].startswith(ROBOTS_PATH)] == []
    assert [path for host, path in asked if host == OWN_HOSTS["locked"]] == ["/robots.txt"]


def test_robots_txt_is_asked_once_a_host(river: River, in_play: dict[str, Picture]) -> None:
    asked = river.server.requests()
    hosts = {host for row in in_play.values() for host, _ in row.route}
    found = {host: asked.get((host, "/robots.txt"), 0) for host in hosts}
    assert found == dict.fromkeys(hosts, 1) | {
        INSIDE: 0,
        OWN_HOSTS["busy"]: 2,
    }  # the first request to that host is throttled


def test_a_host_that_asks_for_rest_is_left_alone_until_it_is_over(visits: list[Visit]) -> None:
    resting: dict[str, float] = {}
    throttled: Counter[str] = Counter()
    for visit in sorted(visits, key=lambda visit: visit.came_s):
        assert visit.came_s >= resting.get(visit.host, 0.0), visit
        if visit.status == 429:
            assert visit.retry_after_s
            resting[visit.host] = visit.told_s + visit.retry_after_s
            throttled[visit.host] += 1
    assert set(throttled) == {OWN_HOSTS["busy"], OWN_HOSTS["stubborn"]}
    assert throttled[OWN_HOSTS["stubborn"]] == TRIES + 1  # a picture, and once the host's reservations
