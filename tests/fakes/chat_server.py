"""A language model's endpoint on this machine: OpenAI-shaped answers computed from the prompt, and faults by the item's name.

Belongs here: the wire of chat completions. Does not belong here: the plain faulty web server (web_server.py).
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.fakes.web_server import Call, faulty_server

PATH = "/v1/chat/completions"
Facts = dict[str, Any]


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """Return the body of an answer."""
    said = {"role": "assistant", "content": text, **message}
    choice = {"index": 0, "message": said, "finish_reason": finish_reason}
    tokens = len((text or "").split())
    usage = {"prompt_tokens": 7, "completion_tokens": tokens, "total_tokens": 7 + tokens}
    return {"id": "chat-1", "object": "chat.completion", "choices": [choice], "usage": usage}


def sensible(facts: Facts) -> str:
    """Answer as a model should, from the facts alone: what has types is judged, of what has none the looks are told."""
    if "types" in facts:
        chosen = facts["types"][0] if facts["types"] else None
        return json.dumps(
            {"visual": "idea" not in facts["name"], "explanation": f"about {facts['name']}", "type": chosen}
        )
    return json.dumps({"colour": ["red", "pale green"], "pattern": [], "part": [f"leaf of {facts['id']}"]})


class ChatServer:
    """What is asked is logged as facts; `faults` maps an item's name to what answers it instead, once or for ever."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Facts] = []
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.faults: dict[str, Callable[[Call, Facts], None]] = {}
        self.after: Callable[[Facts], None] = lambda facts: None
        self._lock = threading.Lock()

    def reply(self, call: Call) -> None:
        body = json.loads(call.body)
        facts = json.loads(body["messages"][-1]["content"])
        with self._lock:
            self.asked.append(facts)
            self.bodies.append(body)
            self.keys.append(call.headers.get("Authorization"))
        self.after(facts)
        fault = self.faults.get(facts["name"]) or self.faults.get("*")
        fault(call, facts) if fault else says(sensible(facts))(call, facts)

    def times(self) -> Counter[str]:
        """Return how often each item was asked about."""
        return Counter(facts["id"] for facts in self.asked)

    def forget(self) -> None:
        for log in (self.asked, self.bodies, self.keys):
            log.clear()


def says(text: str | None, finish_reason: str = "stop", **message: Any) -> Callable[[Call, Facts], None]:
    return sends(200, completion(text, finish_reason, **message))


def sends(status: int, body: Mapping[str, Any] | bytes, **headers: str) -> Callable[[Call, Facts], None]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda call, facts: call.answer(status, raw, **headers)


def first(*faults: Callable[[Call, Facts], None]) -> Callable[[Call, Facts], None]:
    """Fail in these ways in turn, then answer sensibly."""
    left = list(faults)
    lock = threading.Lock()

    def answer(call: Call, facts: Facts) -> None:
        with lock:
            fault = left.pop(0) if left else says(sensible(facts))
        fault(call, facts)

    return answer


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    with faulty_server() as web:
        chat = ChatServer(web.url("/v1"))
        web.on(PATH, chat.reply)
        yield chat
