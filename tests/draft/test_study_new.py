"""`entitynet study new` on genuine items: a list of names and a root, from a dump and from an endpoint; errors; a golden study."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from entitynet_assets.cli import app
from entitynet_assets.lake import Lake
from entitynet_assets.studies.models import load_study
from tests.fakes.real_items import read_items, served
from tests.fakes.rooms import data_folder
from tests.fakes.web_server import FaultyServer

REPOSITORY = Path(__file__).parents[2]
GOLDEN = """\
# Written by `entitynet study new`; every key is in docs/studies.md. Run it: entitynet run --study THIS_FILE
name = "mine"
title = "Study mine"
slices = 4

mixes = ["balanced"]
recipes = ["demo"]
benchmarks = []  # nothing is held out, so nothing is scored; add your own

[scope]
items = [
  "Q89", "Q82037",
]
relations = ["P31", "P279", "P171"]
min_sitelinks = 0  # a name in the list is reason enough
languages = ["en", "mul"]
limit = 0  # 0 is all

[graph]
source = "dump"
dump = "{dump}"

[web]
contact = "me@example.org"  # may be empty where ENTITYNET_CONTACT is set

[queries]
kinds = ["noun", "taxon_name"]
per_entity = 2

[[providers]]
name = "commons"
pages = 1
per_page = 50
"""


@pytest.fixture(scope="module")
def dump() -> Path:
    return data_folder("real", "graph.json.gz")


@pytest.fixture
def endpoint(dump: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyServer]:
    with served(read_items(dump)) as server:
        monkeypatch.setenv("ENTITYNET_ENDPOINT_SPARQL", server.url("/sparql"))
        monkeypatch.setenv("ENTITYNET_ENDPOINT_API", server.url("/w/api.php"))
        yield server


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for key in [key for key in os.environ if key.startswith("ENTITYNET_") and key != "ENTITYNET_DATA"]:
        monkeypatch.delenv(key)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new(*flags: object) -> Result:
    return CliRunner().invoke(app, ["study", "new", "--name", "mine", *map(str, flags)])


def listed(folder: Path, *names: str) -> Path:
    path = folder / "names.txt"
    path.write_text("\n".join(names) + "\n")
    return path


def test_names_become_a_study_of_exactly_their_items_and_a_report(dump: Path, here: Path) -> None:
    done = new("--names", listed(here, "APPLE", "okapi", "unicorn"), "--dump", dump, "--contact", "me@example.org")
    assert done.exit_code == 0, done.output
    for words in (
        "2 matched, 0 ambiguous, 1 unmatched of 3 names",
        "unmatched: unicorn",
        "2 members, 2 entities",
        "apple, fruit",
    ):
        assert words in done.output
    assert (here / "mine.toml").read_text() == GOLDEN.replace("{dump}", str(dump))
    assert load_study("mine.toml").scope.items == ["Q89", "Q82037"]
    rows = list(csv.DictReader((here / "mine.names.csv").read_text().splitlines()))
    assert [(row["name"], row["status"], row["qid"], row["matched_by"]) for row in rows] == [
        ("APPLE", "matched", "Q89", "label"), ("okapi", "matched", "Q82037", "label"), ("unicorn", "unmatched", "", ""),
    ]  # fmt: skip


@pytest.fixture
def labels(here: Path) -> dict[str, str]:
    """The labels of the classes of photographs, each with its item."""
    rows = csv.DictReader(data_folder("real", "classes.tsv").read_text().splitlines(), delimiter="\t")
    return {row["label"]: row["qid"] for row in rows if row["qid"]}


@pytest.mark.parametrize("source", ["dump", "endpoint"])
def test_the_labels_of_the_photographs_find_their_items(
    source: str, dump: Path, endpoint: FaultyServer, labels: dict[str, str], here: Path
) -> None:
    where = ["--dump", dump] if source == "dump" else ["--contact", "tester@example.org"]
    done = new("--names", listed(here, *labels), *where)
    assert done.exit_code == 0, done.output
    assert f"{len(labels)} matched, 0 ambiguous, 0 unmatched" in done.output
    assert set(load_study("mine.toml").scope.items) == set(labels.values())
    assert bool(endpoint.log) == (source == "endpoint")


def test_what_photographs_are_called_in_their_folders_finds_right_items_or_none(dump: Path, here: Path) -> None:
    classes = csv.DictReader(data_folder("real", "classes.tsv").read_text().splitlines(), delimiter="\t")
    meant = {row["folder"].replace("_", " ").casefold(): row["qid"] for row in classes}
    done = new("--names", listed(here, *meant), "--dump", dump)
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader((here / "mine.names.csv").read_text().splitlines()))
    matched = [row for row in rows if row["status"] == "matched"]
    assert all(row["qid"] == meant[row["name"]] for row in matched)
    assert len(matched) >= 60
    assert f"... and {len(rows) - len(matched) - 20} more, in the report" in done.output


def test_a_root_shows_its_branches_and_a_few_entities(dump: Path, endpoint: FaultyServer) -> None:
    done = new("--root", "Q34379", "--contact", "tester@example.org", "--limit", "5")
    assert done.exit_code == 2
    assert "few sitelinks" in done.output
    assert "the study would hold no entity" in done.output
    done = new("--root", "Q2424752", "--root", "Q729", "--dump", dump, "--limit", "5")
    assert done.exit_code == 0, done.output
    for words in (
        "root or branch",
        "product (Q2424752), all of it",
        "animal (Q729), all of it",
        "goods and services (Q2897903) < product",
        "left out: ",
        "few sitelinks",
        "The best known entities:",
    ):
        assert words in done.output
    scope = load_study("mine.toml").scope
    assert (scope.roots, scope.items, scope.limit) == (["Q2424752", "Q729"], [], 5)


def test_what_cannot_be_made_is_said_and_nothing_is_written(dump: Path, here: Path) -> None:
    some, empty = listed(here, "unicorn"), here / "empty.csv"
    empty.touch()
    (here / "taken.toml").touch()
    for flags, words in (
        ([], "found neither --root nor --names"),
        (["--root", "Q1", "--names", some], "found both --root and --names"),
        (["--names", here / "none.csv"], "--names: no file"),
        (["--names", empty, "--dump", dump], "holds no name"),
        (["--names", some, "--dump", here / "none.json"], "graph.dump: no"),
        (["--names", some, "--dump", dump], "none of 1 names means one item"),
        (["--names", some], "web.contact: found ''"),
        (["--root", "lion", "--dump", dump], "scope.roots.0: found 'lion'"),
        (["--root", "Q1", "--out", "mine.json"], "ends in .toml"),
        (["--root", "Q1", "--out", "taken.toml"], "taken.toml is there already"),
    ):
        done = new(*flags)
        assert (done.exit_code, words in done.output) == (2, True), done.output
        assert not (here / "mine.toml").exists()


@pytest.mark.slow
def test_the_study_runs(dump: Path, here: Path) -> None:
    assert new("--names", listed(here, "apple", "okapi"), "--dump", dump, "--contact", "me@example.org").exit_code == 0
    done = subprocess.run(
        [sys.executable, "-m", "entitynet_assets.cli", "run", "--study", "mine.toml", "--until", "attributes,queries"],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "ENTITYNET_HOME": str(here / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lake = Lake(here / "home" / "mine" / "lake")
    assert {(row["label"], row["natural_type"]) for row in lake.rows("entities")} == {
        ("apple", "fruit"),
        ("okapi", "mammal"),
    }
    assert {row["text"] for row in lake.rows("queries")} >= {"apple", "okapi"}
