"""A lake with members that a language model is asked about, and the study that asks it.

Belongs here: what the tests of the language model's tables share. Does not belong here: the endpoint (chat_server.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chat_server import ChatServer, chat_server
from tests.small_lake import SmallLake, below, item

STATEMENTS = ("parent_statements", "entity_parents", "entity_roots")
SCOPE = {"roots": ["Q1"], "leaves_only": False}


class AskingLake(SmallLake):
    """A lake whose workplaces are closed at the end, as they hold connections."""

    def __init__(self, root: Path, **changes: Any) -> None:
        super().__init__(root, **changes)
        self.opened = [self.place]

    def choose(self, **changes: Any) -> SmallLake:
        super().choose(**changes)
        self.opened.append(self.place)
        return self

    def close(self) -> None:
        for place in self.opened:
            place.close()


def study_of(
    at: str, web: Mapping[str, Any] | None = None, scope: Mapping[str, Any] | None = None, **model: Any
) -> dict[str, Any]:
    """Return the changes that make a study ask an endpoint: both kinds of question, one root, all members."""
    asked = {"address": at, "model": "m", "judge": True, "attributes": True, "timeout_s": 5.0}
    return {
        "language_model": {**asked, **model}, "scope": {**SCOPE, **(scope or {})}, "web": {"per_host": 2, **(web or {})}, "sample": None,
    }  # fmt: skip


def fruits(number: int) -> list[dict[str, Any]]:
    """Return a root with items below it, the first of them the best known."""
    made = [item(f"Q{n}", *below("Q1"), en=f"fruit {n}", sitelink_count=1000 - n) for n in range(2, number + 1)]
    return [item("Q1", en="food", sitelink_count=2000), *made]


def fill(small: SmallLake, *items: dict[str, Any]) -> None:
    """Put these items into a lake, with what is read off their statements."""
    small.put("wikidata_items", items)
    for table in STATEMENTS:
        small.run(table)


def judged(small: SmallLake) -> dict[str, dict[str, Any]]:
    """Bring the judgements up to date and return them by item."""
    return {row["qid"]: row for row in small.make("visual_judgements")}


def both(small: SmallLake) -> None:
    """Bring both tables of the language model up to date."""
    for table in ("visual_judgements", "entities", "generated_attributes"):
        small.run(table)


@pytest.fixture
def chat() -> Iterator[ChatServer]:
    with chat_server() as running:
        yield running


@pytest.fixture
def asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., AskingLake]]:
    """A function that opens an empty lake with the changes of a study; no key is set."""
    monkeypatch.delenv("ENTITYNET_LANGUAGE_MODEL_KEY", raising=False)
    made: list[AskingLake] = []

    def make(**changes: Any) -> AskingLake:
        made.append(AskingLake(tmp_path, **changes))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def asked(asking: Callable[..., AskingLake], chat: ChatServer) -> AskingLake:
    """Six members and a study that asks about them."""
    small = asking(**study_of(chat.address))
    fill(small, *fruits(6))
    return small
