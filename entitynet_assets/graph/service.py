"""A query service asked for the statements between items, and not believed: smaller questions on a time-out, a count at the end, notes.

Belongs here: what a service's answers mean and when to ask again in halves. Does not belong here: query texts and parsing
(sparql.py), the wire, pauses and Retry-After (web.py), walking (closure.py).

WDQS says 429 when it is asked too often, and web.py rests; QLever says 429 with an `exception` when the time of a query ran out.
Whole answers are noted, so that a walk that was broken off asks only for what is missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from entitynet_assets.graph.source import SourceError
from entitynet_assets.graph.sparql import (
    BadAnswerError,
    Pairs,
    PartialAnswerError,
    children_query,
    count_query,
    failed_midway,
    parents_query,
    parse_count,
    parse_pairs,
)

COUNTED = 2000  # ids in one COUNT: it is one number, however many rows
AGAIN = "again"  # a note that what was noted before it is not to be used
QUERIES = {"below": children_query, "above": parents_query}
Note = Mapping[str, Any]
Query = Callable[[Sequence[str], Sequence[str]], str]


class Reply(Protocol):
    """What came of asking, as web.py answers."""

    @property
    def ok(self) -> bool: ...  # noqa: D102
    @property
    def outcome(self) -> str: ...  # noqa: D102
    @property
    def status(self) -> int | None: ...  # noqa: D102
    @property
    def body(self) -> bytes: ...  # noqa: D102


class Service:
    """Statements below or above items, each id asked once. `ask` sends a query, `need` raises on a failure that stays one."""

    def __init__(
        self, ask: Callable[[str], Reply], need: Callable[[Any], Any], note: Callable[[Note], None],
        notes: Iterable[Note] = (), key: str = "",
    ) -> None:  # fmt: skip
        self._ask, self._need, self._note, self._key = ask, need, note, key
        self._held: dict[tuple[str, str], dict[str, list[tuple[str, str]]]] = {}
        self._uncounted: dict[tuple[str, str], list[tuple[list[str], int]]] = {}
        for row in (row for row in notes if row.get("key") == key):
            if row["way"] == AGAIN:
                self._held, self._uncounted = {}, {}
            else:
                self._keep(
                    row["way"],
                    row["relations"],
                    row["ids"],
                    Pairs([*map(tuple, row["pairs"])], row["bindings"], row["sealed"]),
                )

    def below(self, parents: Sequence[str], relations: Sequence[str]) -> list[tuple[str, str]]:
        """Return (child, parent) for every statement that leads to one of these."""
        return self._pairs("below", parents, relations)

    def above(self, children: Sequence[str], relations: Sequence[str]) -> list[tuple[str, str]]:
        """Return (child, parent) for every statement that leads up from one of these."""
        return self._pairs("above", children, relations)

    def need_whole(self) -> None:
        """Hold what came against COUNT, for answers that do not count themselves. Raises SourceError where they differ."""
        for (way, relations), asked in self._uncounted.items():
            waiting: list[tuple[list[str], int]] = []
            for batch in asked:
                if waiting and sum(len(ids) for ids, _ in [*waiting, batch]) > COUNTED:
                    self._need_count(way, relations.split("|"), waiting)
                    waiting = []
                waiting.append(batch)
            self._need_count(way, relations.split("|"), waiting)
        self._uncounted.clear()

    # -- asking ----------------------------------------------------------------------------------------------------

    def _pairs(self, way: str, ids: Sequence[str], relations: Sequence[str]) -> list[tuple[str, str]]:
        path = "|".join(relations)
        held = self._held.setdefault((way, path), {})
        if missing := [qid for qid in ids if qid not in held]:
            self._fetch(way, missing, relations)
        return [pair for qid in ids for pair in held[qid]]

    def _fetch(self, way: str, ids: Sequence[str], relations: Sequence[str]) -> None:
        """Ask, in halves where that is too much, and note what came whole."""
        reply = self._ask(QUERIES[way](ids, relations))
        try:
            found = parse_pairs(self._whole(reply).body)
        except PartialAnswerError as error:
            for half in self._halves(ids, relations, error):
                self._fetch(way, half, relations)
            return
        except BadAnswerError as error:
            raise SourceError(f"SPARQL: {error}; check graph.sparql") from error
        self._keep(way, "|".join(relations), ids, found)
        self._note({
            "key": self._key, "way": way, "relations": "|".join(relations), "ids": list(ids), "pairs": found.pairs,
            "bindings": found.bindings, "sealed": found.sealed,
        })  # fmt: skip

    @staticmethod
    def _halves(ids: Sequence[str], relations: Sequence[str], error: Exception) -> tuple[Sequence[str], Sequence[str]]:
        if len(ids) == 1:
            raise SourceError(
                f"SPARQL: {ids[0]} alone ({'|'.join(relations)}) is more than the service answers whole: {error}; "
                "exclude it, try again later, or use a dump (graph.source = 'dump')"
            ) from error
        return ids[: len(ids) // 2], ids[len(ids) // 2 :]

    def _whole(self, reply: Reply) -> Reply:
        """Return a reply with a body. Raises PartialAnswerError where a smaller question may be answered."""
        if not reply.ok and ran_out(reply):
            said = reply.body[:200].decode("utf-8", "replace")
            raise PartialAnswerError(f"the service gave up: {reply.outcome}, HTTP {reply.status}: {said}")
        return self._need(reply)

    def _keep(self, way: str, relations: str, ids: Sequence[str], found: Pairs) -> None:
        held = self._held.setdefault((way, relations), {})
        held.update({qid: [] for qid in ids})
        for child, parent in found.pairs:
            asked = parent if way == "below" else child
            if asked not in held:
                raise SourceError(
                    f"SPARQL: asked for statements {way} {len(ids)} ids, told of {asked}; check graph.sparql"
                )
            held[asked].append((child, parent))
        if not found.sealed:
            self._uncounted.setdefault((way, relations), []).append((list(ids), found.bindings))

    def _need_count(self, way: str, relations: Sequence[str], batches: Sequence[tuple[list[str], int]]) -> None:
        ids, came = [qid for batch, _ in batches for qid in batch], sum(bindings for _, bindings in batches)
        try:
            stated = parse_count(self._whole(self._ask(count_query(QUERIES[way](ids, relations)))).body)
        except PartialAnswerError as error:
            if len(batches) > 1:
                self._need_count(way, relations, batches[: len(batches) // 2])
                return self._need_count(way, relations, batches[len(batches) // 2 :])
            raise SourceError(
                f"SPARQL: {len(ids)} ids from {ids[0]} cannot be counted: {error}; try again later"
            ) from error
        except BadAnswerError as error:
            raise SourceError(f"SPARQL: {error}; check graph.sparql") from error
        if stated != came:
            self._note({"key": self._key, "way": AGAIN})
            raise SourceError(
                f"SPARQL: expected {stated} statements {way} {len(ids)} ids from {ids[0]} as COUNT says, {came} came: the answer was cut "
                "or the data changed meanwhile; run again, all is asked anew"
            )


def ran_out(reply: Reply) -> bool:
    """Say whether a failure means that time or memory ran out, which a smaller question may cure; 429 alone means rest."""
    if reply.outcome in ("timeout", "truncated", "too_large") or reply.status == 504:
        return True
    if reply.status in (429, 500) and isinstance(said := _json(reply.body), dict) and "exception" in said:
        return True
    return reply.status == 500 and failed_midway(reply.body)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
