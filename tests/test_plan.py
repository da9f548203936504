"""What a harvest is said to take, against tables filled by hand: requests, hours, gigabytes, money, caps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.hits.asking import quota_of
from entitynet_assets.lineage import DriftError
from entitynet_assets.plan import Line, Plan, plan, request_hours
from entitynet_assets.resources import quota_path
from entitynet_assets.shelf import Shelf
from entitynet_assets.web import QuotaFile
from tests.small_lake import SmallLake

COMMONS = {"name": "commons", "pages": 3, "per_page": 50}
BRAVE = {"name": "brave", "pages": 1, "per_page": 100, "price_per_1000": 5.0, "max_paid_calls": 6}
SECTIONS = [
    COMMONS,
    BRAVE,
    {"name": "commons_depicts", "per_page": 40},
    {"name": "openverse", "pages": 9, "per_page": 50},
]
ENTITIES = 60


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallLake]:
    """Sixty entities with a noun and an item query each; the lake lies where the command looks for the study `sample`."""
    monkeypatch.setenv("ENTITYNET_HOME", str(tmp_path))
    made = SmallLake(tmp_path / "sample", sample=None, providers=SECTIONS)
    nouns = [
        {"query_id": f"n{n}", "qid": f"Q{n}", "text": f"thing {n}", "kind": "noun"} for n in range(1, ENTITIES + 1)
    ]
    made.put("queries", [*nouns, *({**row, "query_id": f"i{row['qid']}", "kind": "item"} for row in nouns)])
    yield made
    made.place.close()


def planned(small: SmallLake) -> tuple[Plan, dict[str, Line]]:
    with Shelf(small.lake, small.study) as shelf:
        found = plan(shelf)
    return found, {line.provider: line for line in found.lines}


def forecast(provider: str, available: int | None, reached: int | None, licence: str = "any") -> dict[str, Any]:
    return {
        "qid": "Q1", "provider": provider, "licence": licence, "query_count": 1, "pictures_available": available,
        "pictures_in_budget": reached,
    }  # fmt: skip


def test_without_a_forecast_all_that_the_searches_could_give(small: SmallLake) -> None:
    found, lines = planned(small)
    assert (lines["commons"].queries, lines["commons"].requests, lines["commons"].pictures) == (60, 180, 9000)
    assert lines["commons"].hours == pytest.approx(180 / 200 / 60)
    assert (lines["commons_depicts"].queries, lines["commons_depicts"].requests) == (60, 2)  # fifty entities a request
    assert lines["openverse"].requests == 60 * 5  # 240 results of a search are five pages
    assert lines["openverse"].hours == pytest.approx(300 / 200 * 24)  # the day's limit is the narrowest
    assert lines["commons"].gigabytes == pytest.approx(9000 * 60_000 / 1e9)
    assert lines["commons"].media_hours == pytest.approx(9000 * 60_000 * 8 / 25e6 / 3600)
    assert lines["brave"].media_hours is None
    assert lines["commons"].pictures_available is None
    assert found.notes[0].startswith("no forecast yet")


def test_a_forecast_says_how_much_there_is_and_of_which_licence(small: SmallLake) -> None:
    rows = [forecast("commons", 812, 150), forecast("commons", 300, None, "CC0-1.0"), forecast("commons_depicts", 40, 40),
            forecast("commons_depicts", 25, None, "CC-BY-4.0"), forecast("brave", None, 0)]  # fmt: skip
    small.put("yield_forecast", rows)
    found, lines = planned(small)
    assert (lines["commons"].pictures_available, lines["commons"].pictures) == (812, 150)
    assert lines["brave"].pictures_available is None
    assert lines["brave"].pictures == 6000
    assert found.licences == {"commons": {"CC0-1.0": 300}, "commons_depicts": {"CC-BY-4.0": 25}}
    assert not [note for note in found.notes if "forecast" in note]


def test_money_is_reckoned_within_the_cap_and_what_was_called_counts(small: SmallLake) -> None:
    found, lines = planned(small)
    assert (lines["brave"].paid_calls, lines["brave"].price, lines["brave"].cap, lines["brave"].cap_used) == (
        6,
        0.03,
        6,
        0,
    )
    assert "brave: 60 calls are wanted and 6 are left of max_paid_calls 6; the rest will not be asked" in found.notes
    quota = quota_of(small.study.providers[1])
    assert quota
    file = QuotaFile(quota_path())
    pause, number = file.take(quota)
    file.arrived(number)
    assert pause == 0
    file.close()
    found, lines = planned(small)
    assert (lines["brave"].cap_used, lines["brave"].paid_calls, lines["brave"].price) == (1, 5, 0.025)


def test_what_is_asked_already_is_not_asked_again(small: SmallLake) -> None:
    pages = [
        {"query_id": f"n{n}", "provider": "commons", "page": 1, "outcome": "ok" if n < 5 else "timeout", "asked_round": 1}
        for n in range(1, 7)
    ]  # fmt: skip
    batch = [{"query_id": f"iQ{n}", "provider": "commons_depicts", "page": 1, "outcome": "ok", "asked_round": 1, "request_url": "x"}
             for n in range(1, 51)]  # fmt: skip
    small.put("search_pages", [*pages, *batch])
    _, lines = planned(small)
    assert (lines["commons"].asked, lines["commons_depicts"].asked) == (4, 1)
    assert lines["commons"].hours == pytest.approx(176 / 200 / 60)
    small.lake.seal_round()
    assert planned(small)[1]["commons"].asked == 0


def test_sizes_are_measured_where_enough_is_downloaded(small: SmallLake) -> None:
    small.put(
        "hits",
        [{"query_id": "n1", "provider": "commons", "page": 1, "rank": n, "url_id": f"u{n}"} for n in range(1, 31)],
    )
    downloads = [{"url_id": f"u{n}", "outcome": "ok", "size_bytes": 1000 * n} for n in range(1, 31)]
    small.put("downloads", downloads[:19])
    assert planned(small)[1]["commons"].bytes_a_picture == 60_000
    small.put("downloads", downloads)
    assert planned(small)[1]["commons"].bytes_a_picture == 15_500


def test_a_study_without_queries_is_told_what_to_run(tmp_path: Path) -> None:
    small = SmallLake(tmp_path)
    with Shelf(small.lake, small.study) as shelf, pytest.raises(DriftError, match="--until yield_forecast` first"):
        plan(shelf)


def test_a_provider_without_limits_takes_no_hours() -> None:
    assert request_hours("sample", 1000) == 0.0


def test_the_command_prints_a_table_and_json(small: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = tmp_path / "mine.toml"
    text = (Path(__file__).parents[1] / "entitynet_assets" / "studies" / "sample.toml").read_text()
    study.write_text(
        text.replace("slices = 2", "slices = 1").replace(
            'name = "sample"\npages = 1\nper_page = 20', 'name = "commons"\nper_page = 50'
        )
    )
    monkeypatch.setenv("COLUMNS", "200")
    shown = CliRunner().invoke(app, ["plan", str(study)])
    assert shown.exit_code == 0, shown.output
    assert "no forecast yet" in shown.output
    told = json.loads(CliRunner().invoke(app, ["plan", str(study), "--json"]).output)
    assert (told["study"], told["total"]["requests"], told["lines"][0]["provider"]) == ("sample", 60, "commons")
    assert CliRunner().invoke(app, ["plan", "none"]).exit_code == 2
