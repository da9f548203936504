"""The Dagster UI on a lake: what it knows by GraphQL, what a person sees in Chromium, and that it ends when told."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.cli import ui_pages
from tests.river.conftest import RECIPES, River

pytestmark = pytest.mark.slow
ROOMS = (
    "graph",
    "benchmarks",
    "queries",
    "hits",
    "images",
    "curation",
    "labels",
    "shards",
    "mixes",
    "training",
    "scores",
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Ui:
    def __init__(self, river: River) -> None:
        self.port = free_port()
        command = [
            sys.executable,
            "-m",
            "entitynet_assets.cli",
            "ui",
            "--study",
            str(river.study),
            "--port",
            str(self.port),
        ]
        self.log = river.home.parent / "ui.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command, env=river.environment, stdout=log, stderr=log, start_new_session=True
            )

    def wait(self, limit_s: float = 90.0) -> None:
        end = time.monotonic() + limit_s
        while time.monotonic() < end:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/server_info", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert self.process.poll() is None, self.log.read_text()[-2000:]
                time.sleep(0.3)
        pytest.fail(f"the UI did not answer: {self.log.read_text()[-2000:]}")

    def ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)
        assert "errors" not in found, found["errors"]
        return found["data"]

    def backfill(self, table: str, partitions: list[str], limit_s: float = 600.0) -> str:
        """Launch a backfill of these partitions as the dialog does; returns how it ends."""
        chosen = {"assetSelection": [{"path": [table]}], "partitionNames": partitions}
        launched = self.ask(BACKFILL, p=chosen)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess", launched
        status, end = "", time.monotonic() + limit_s
        while not status.startswith(("COMPLETED", "FAILED", "CANCELED")) and time.monotonic() < end:
            status = self.ask(BACKFILLED, id=launched["backfillId"])["partitionBackfillOrError"]["status"]
            time.sleep(1)
        return status

    def materialise(self, *tables: str) -> str:
        """Launch a run of these assets as the button does; returns how it ends."""
        selector = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "entitynet",
            "pipelineName": "__ASSET_JOB",
        }
        chosen = {**selector, "assetSelection": [{"path": [table]} for table in tables]}
        launched = self.ask(LAUNCH, p={"selector": chosen, "runConfigData": {}, "mode": "default"})["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        status, end = "", time.monotonic() + 90
        while status not in ("SUCCESS", "FAILURE") and time.monotonic() < end:
            status = self.ask(RUN, id=launched["run"]["runId"])["runOrError"]["status"]
            time.sleep(0.5)
        return status


@contextlib.contextmanager
def opened_ui(river: River) -> Iterator[Ui]:
    page = Ui(river)
    try:
        page.wait()
        yield page
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(page.process.pid, signal.SIGKILL)
        page.process.wait()


NODES = """{assetNodes{assetKey{path} groupName isMaterializable isPartitioned description kinds
  assetMaterializations(limit:1){runId metadataEntries{label __typename}}}}"""
LAUNCH = """mutation($p: ExecutionParams!){launchRun(executionParams:$p){__typename ... on LaunchRunSuccess{run{runId}}
  ... on PythonError{message}}}"""
BACKFILL = """mutation($p: LaunchBackfillParams!){launchPartitionBackfill(backfillParams:$p){__typename
  ... on LaunchBackfillSuccess{backfillId} ... on PythonError{message}}}"""
BACKFILLED = "query($id: String!){partitionBackfillOrError(backfillId:$id){... on PartitionBackfill{status}}}"
RUN = "query($id: ID!){runOrError(runId:$id){... on Run{status}}}"


@pytest.fixture
def ui(harvested_river: River) -> Iterator[Ui]:
    with opened_ui(harvested_river) as page:
        yield page


def test_the_ui_knows_the_river_and_materialises_in_it(ui: Ui) -> None:
    nodes = {node["assetKey"]["path"][-1]: node for node in ui.ask(NODES)["assetNodes"]}
    assert {node["groupName"] for node in nodes.values()} == {*ROOMS, "previous_round"}
    assert all(node["description"] and node["kinds"] for node in nodes.values())
    assert nodes["hits"]["isPartitioned"]
    entries = {
        entry["label"]: entry["__typename"]
        for entry in nodes["entities"]["assetMaterializations"][0]["metadataEntries"]
    }
    assert "dagster/row_count" in entries
    assert entries["dagster/column_lineage"] == "TableColumnLineageMetadataEntry"

    status = ui.materialise("entities")
    assert status == "SUCCESS", ui.log.read_text()[-3000:]

    ui.process.send_signal(signal.SIGTERM)
    assert ui.process.wait(timeout=60) is not None
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{ui.port}/server_info", timeout=5)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


def seen(ui: Ui, path: str, profile: Path) -> str:
    """Return what Chromium makes of a page of the UI."""
    if CHROMIUM is None:
        pytest.skip("server absent: chromium is not installed (Debian package chromium)")
    command = [
        CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=2400,1600",
        f"--user-data-dir={profile}", "--virtual-time-budget=30000", "--dump-dom", f"http://127.0.0.1:{ui.port}{path}",
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout


@pytest.mark.timeout(900)
def test_a_newcomer_finds_rooms_lineage_and_leaderboard(finished_river: River, tmp_path: Path) -> None:
    river = finished_river
    with opened_ui(river) as ui:
        groups = seen(ui, "/asset-groups", tmp_path / "profile")
        for room in ROOMS:
            assert room in groups, f"{room} is not on the page"
        links = {name: path for name, path in ui_pages().items() if path in ui.log.read_text()}
        assert links == ui_pages(), "the command does not name its pages"
        lineage = seen(ui, links["lineage"], tmp_path / "profile")
        for name in (*ROOMS, "checkpoints", "leaderboard"):
            assert f">{name}<" in lineage, f"{name} is not on the lineage page"

        before = ui.ask(NODES)
        status = ui.materialise("leaderboard", "entity_scores", "confusions", "harvest_plan")
        assert status == "SUCCESS", ui.log.read_text()[-3000:]
        assert ui.ask(NODES) != before

        row = river.lake.rows("leaderboard")[0]
        board = seen(ui, links["leaderboard"], tmp_path / "profile")
        for figure in (
            "tiny",
            f"{100 * row['acc1']:.1f} %",
            f"{100 * row['acc1_low']:.1f}-{100 * row['acc1_high']:.1f}",
            f"{row['times_chance']:.1f}",
        ):
            assert f">{figure}<" in board, f"{figure} is not on the page of the leaderboard"
        assert "data:image/svg+xml" in seen(ui, links["checkpoints"], tmp_path / "profile"), "no loss curve"


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_backfill_over_three_recipes_makes_three_checkpoints_with_curves(
    harvested_river: River, tmp_path: Path
) -> None:
    river = harvested_river
    recipes = [RECIPES.replace('name = "tiny"', f'name = "{name}"') for name in ("second", "third")]
    river.study.write_text(river.study.read_text() + "".join(recipes))
    with opened_ui(river) as ui:
        status = ui.backfill("checkpoints", ["tiny", "second", "third"])
        assert status == "COMPLETED_SUCCESS", ui.log.read_text()[-3000:]
        made = {row["recipe"]: river.lake.root / row["path"] for row in river.lake.rows("checkpoints")}
        assert made.keys() == {"tiny", "second", "third"}
        assert all((export / "open_clip_config.json").is_file() for export in made.values())
        page = seen(
            ui, ui_pages()["checkpoints"], tmp_path / "profile"
        )  # the newest event has the curves of all recipes
        for name in made:
            assert f"loss of {name}" in page, f"no loss curve of {name}"
        assert page.count("data:image/svg+xml") >= 3
