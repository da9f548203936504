"""Items asked of the item API by their ids, fifty at a time, each once; what came is noted.

Belongs here: what the API's answers mean. Does not belong here: what is kept of an item (items.py), the wire, pauses and
Retry-After (web.py).

Rows are noted and not answers, which are many times larger. A walk that was broken off asks only for the items that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from entitynet_assets.graph.items import UNREADABLE, kept, parse_item
from entitynet_assets.graph.source import SourceError, need_answer
from entitynet_assets.resources import Workplace, endpoint
from entitynet_assets.web import Request

IDS_A_CALL = 50  # the item API's limit for anybody
BUSY = ("maxlag", "ratelimited")  # errors that pass, told with a status of 200
Note = Mapping[str, Any]
Row = dict[str, Any]


class ItemApi:
    """The item API of a study. `note` hears what came, `notes` is what came before a run that was broken off."""

    def __init__(
        self, place: Workplace, note: Callable[[Note], None] = lambda row: None, notes: Iterable[Note] = ()
    ) -> None:
        self._place, self._note, scope = place, note, place.study.scope
        self._address, self._scope = endpoint("api", place.study.graph.api), scope
        self._key = " ".join((
            self._address, f"round {place.lake.round()}", "|".join(self._languages), "|".join(kept(scope.exclude_having)),
        ))  # fmt: skip
        known = (row for one in notes if one.get("key") == self._key for row in one["rows"])
        self._held: dict[str, Row] = {row["qid"]: row for row in known}

    @property
    def _languages(self) -> list[str]:
        return sorted({*self._scope.languages, "en", "mul"})

    def rows(self, qids: Sequence[str], role: str, advance: Callable[[int, int, str], None]) -> list[Row]:
        """Return the rows of items as the API has them. Raises SourceError if it does not answer."""
        missing = [qid for qid in qids if qid not in self._held]
        for start in range(0, len(missing), IDS_A_CALL):
            batch = missing[start : start + IDS_A_CALL]
            found = self._whole(batch)
            scope = self._scope
            came = [parse_item(qid, found[qid], role, scope.languages, scope.exclude_having) for qid in batch]
            self._held.update({row["qid"]: row for row in came})
            self._note({"key": self._key, "rows": came})
            advance(start + len(batch), len(missing), f"{role} items")
        return [{**self._held[qid], "role": role} for qid in qids]

    def _whole(self, qids: Sequence[str]) -> dict[str, msgspec.Raw]:
        """Return each item that was asked for; one that the answer leaves out is asked for by itself, and is then an error."""
        found = self._ask(qids)
        left = [qid for qid in qids if qid not in found]
        if left and len(qids) == 1:
            raise SourceError(
                f"item API: asked for {left[0]}, told of {', '.join(found) or 'nothing'}; check graph.api"
            )
        for qid in left:
            found |= self._whole([qid])
        return found

    def _ask(self, qids: Sequence[str]) -> dict[str, msgspec.Raw]:
        """Return each item as it came, by the id that was asked for."""
        params = {
            "action": "wbgetentities", "ids": "|".join(qids), "format": "json", "languages": "|".join(self._languages),
        }  # fmt: skip
        answer = need_answer(self._place.web.ask(Request(self._address, params=params, busy=says_busy)), "item API")
        try:
            said = msgspec.json.decode(answer.body, type=_Said)
            if said.error is not None:
                raise SourceError(f"item API refused: {said.error.code}: {said.error.info}; mend graph.api or wait")
            if said.entities is None:
                raise ValueError("no entities")
            return {_asked_id(qid, item): item for qid, item in said.entities.items()}
        except (ValueError, RecursionError) as error:
            raise SourceError(f"item API: expected entities, found {answer.body[:200]!r}; check graph.api") from error


class _Refusal(msgspec.Struct):
    code: Any = None
    info: Any = None


class _Said(msgspec.Struct):
    error: _Refusal | None = None
    entities: dict[str, msgspec.Raw] | None = None


class _Error(msgspec.Struct):
    error: _Refusal | None = None


def says_busy(body: bytes) -> bool:
    """Say whether an answer is an error that passes: the host's copies lag behind, or we asked too often."""
    try:
        error = msgspec.json.decode(body, type=_Error).error
    except UNREADABLE:
        return False
    return error is not None and error.code in BUSY


def _asked_id(qid: str, item: msgspec.Raw) -> str:
    try:
        return msgspec.json.decode(item, type=_Moved).redirects.asked or qid
    except UNREADABLE:
        return qid


class _From(msgspec.Struct):
    asked: str | None = msgspec.field(name="from", default=None)


class _Moved(msgspec.Struct):
    redirects: _From
