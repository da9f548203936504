"""A walk that is killed asks for nothing twice that came: a real process, kill -9, and the log of a real server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from entitynet_assets.graph.hydration import IDS_A_CALL
from entitynet_assets.lake import Lake
from tests.fakes.web_server import Call, FaultyServer, faulty_server
from tests.graph.test_service import Wikidata

MEMBERS = 4 * IDS_A_CALL - 3
REPOSITORY = Path(__file__).parents[2]


class Watched(Wikidata):
    """A query service and an item API that kill who asks for items for the n-th time, before it answers or after it began to."""

    def __init__(self, server: FaultyServer) -> None:
        super().__init__(server, {"Q1": [f"Q{number}" for number in range(2, MEMBERS + 1)]})
        server.on("/w/api.php", self._watched)
        self.process: subprocess.Popen[bytes] | None = None
        self.kill_at, self.items = 0, list[list[str]]()

    def _watched(self, call: Call) -> None:
        self.items.append(call.path.partition("ids=")[2].partition("&")[0].split("%7C"))
        if self.process is not None and len(self.items) == self.kill_at:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self._api(call)


@pytest.fixture
def watched() -> Iterator[Watched]:
    with faulty_server() as server:
        yield Watched(server)


def run(watched: Watched, folder: Path) -> int:
    server = watched.sparql.removesuffix("/sparql")
    environment = {
        **os.environ,
        "ENTITYNET_ENDPOINT_WIKIDATA": server,
        "ENTITYNET_SAMPLE_PORT": "1",
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-m", "tests.fakes.harvester", str(folder), "Q1"]
    watched.process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL)
    return watched.process.wait(timeout=300)


def test_a_walk_killed_between_items_asks_only_for_those_that_did_not_come(watched, tmp_path):
    watched.kill_at = 3
    assert run(watched, tmp_path) == -signal.SIGKILL
    assert Lake(tmp_path / "lake").record("wikidata_items") is None
    first, statements = watched.items[:2], list(watched.asked)
    watched.items, watched.kill_at, watched.asked = [], 0, []
    assert run(watched, tmp_path) == 0
    came = {qid for batch in first for qid in batch}
    asked = Counter(qid for batch in watched.items for qid in batch)
    assert len(came) == 2 * IDS_A_CALL
    assert set(asked) == {f"Q{number}" for number in range(1, MEMBERS + 1)} - came
    assert max(asked.values()) == 1
    assert len(watched.items) == 2
    assert statements
    assert watched.asked == []  # no statement is asked for again
    rows = Lake(tmp_path / "lake").rows("wikidata_items")
    assert {row["qid"]: row["role"] for row in rows} == {f"Q{n}": "member" for n in range(1, MEMBERS + 1)}
    assert not list((tmp_path / "lake" / "notes").iterdir())
