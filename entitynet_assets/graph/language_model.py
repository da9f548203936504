"""A language model at an OpenAI-compatible endpoint: within a budget of requests, and no prompt is paid for twice.

Belongs here: the shape of requests and completions, the budget, the answers kept, hiding the key. Does not belong here: prompts
(model_prompts.py), what an answer says (model_answers.py), the wire, pauses and Retry-After (web.py).

Each answer is written to the lake by prompt and model as soon as it came, so that a kill loses those in flight alone, and a prompt
that was answered in any earlier run or round is not sent again. What failed is not kept and is asked again by the next run.
"""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from entitynet_assets.graph.model_prompts import Prompt
from entitynet_assets.graph.source import SourceError
from entitynet_assets.resources import Workplace, endpoint, language_model_key
from entitynet_assets.studies.models import LanguageModel, StudyError, address_fault
from entitynet_assets.text import hash_id
from entitynet_assets.web import Answer, Request

ENDPOINT = "language_model"  # ENTITYNET_ENDPOINT_LANGUAGE_MODEL
FAILURES_IN_A_ROW = 5  # without an answer in between; then the endpoint is away, and asking on would only take time
LONGEST_ANSWER = 100_000  # characters that are kept of an answer; language_model.max_tokens is far below
WORDS_OF_A_FAILURE = 300
BLOBS = "answers"


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: Any = None


@dataclass(frozen=True)
class Reply:
    """What came of a prompt: `ok` with a text to be read, or another status of the tables with the reason."""

    status: str
    reason: str | None = None
    text: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


NOT_ASKED = Reply("not_asked", "language_model.max_calls was reached; the next run goes on from here")


class Asking:
    """One run's questions to the model of a study. Raises StudyError if its address or key cannot be used."""

    def __init__(self, place: Workplace, section: LanguageModel) -> None:
        self.place, self.section = place, section
        address = endpoint(ENDPOINT, section.address)
        if fault := address_fault(address):
            raise StudyError(f"language_model.address: {fault}")
        self.url = address.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        self.key = language_model_key()
        self._failed: list[Answer] = []  # since the last answer
        self._any_answer = False

    def replies(self, prompts: Sequence[Prompt], advance: Callable[[int, int], None]) -> dict[str, Reply]:
        """Return what is known of each prompt, by item: answers kept, then those that came, in the order of the prompts.

        Raises SourceError if the endpoint refuses the key or the model, or does not answer.
        """
        found = {prompt.qid: reply for prompt in prompts if (reply := self._kept(prompt))}
        self._any_answer = bool(found)
        pending = [prompt for prompt in prompts if prompt.qid not in found]
        for number, (prompt, answer) in enumerate(self._asked(pending), 1):
            found[prompt.qid] = self._taken(prompt, answer)
            advance(number, len(pending))
        self._need_some_answer()
        return {prompt.qid: found.get(prompt.qid, NOT_ASKED) for prompt in prompts}

    # -- answers kept ----------------------------------------------------------------------------------------------

    def _path(self, prompt: Prompt) -> str:
        return self.place.lake.blob_path(BLOBS, hash_id(self.section.model, prompt.sha256))

    def _kept(self, prompt: Prompt) -> Reply | None:
        """Return the reply that was paid for; one cut short counts only until more tokens are allowed."""
        try:
            kept = json.loads(self.place.lake.blob(self._path(prompt)))
        except (FileNotFoundError, ValueError):
            return None
        if kept["finish_reason"] == "length" and kept["max_tokens"] < self.section.max_tokens:
            return None
        return _reply(kept)

    # -- asking ----------------------------------------------------------------------------------------------------

    def _asked(self, pending: Sequence[Prompt]) -> Iterator[tuple[Prompt, Answer]]:
        """Yield answers as they come. Each prompt of a batch may take all its tries without passing the cap."""
        queue, web = deque(pending), self.place.web
        while queue and (left := self.section.max_calls - self.place.model_calls) > 0:
            tries = min(web.tries, left)
            batch = [queue.popleft() for _ in range(min(left // tries, len(queue)))]
            for prompt, answer in web.ask_all(self._requests(batch, tries), workers=web.per_host):
                self.place.model_calls += answer.tries
                yield prompt, answer
            self._need_endpoint()

    def _requests(self, batch: Sequence[Prompt], tries: int) -> Iterator[tuple[Prompt, Request]]:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        for prompt in batch:
            if self._hopeless():  # those under way are waited for, as they are paid for
                return
            body = {
                "model": self.section.model, "messages": prompt.messages, "temperature": 0, "max_tokens": self.section.max_tokens,
            }  # fmt: skip
            yield prompt, Request(self.url, headers=headers, json=body, timeout_s=self.section.timeout_s, tries=tries)

    def _taken(self, prompt: Prompt, answer: Answer) -> Reply:
        """Keep an answer and return it as a reply."""
        try:
            kept = self._completion(answer) if answer.ok else None
        except (ValueError, RecursionError) as error:
            self._failed.append(answer)
            text = self._hidden(answer.body.decode("utf-8", "replace"))[:LONGEST_ANSWER]
            return Reply("failed", f"no chat completion: {self._hidden(str(error))[:WORDS_OF_A_FAILURE]}", text)
        if kept is None:
            self._failed.append(answer)
            return Reply("failed", self._words(answer))
        self._failed.clear()
        self._any_answer = True
        told = {**kept, "model": self.section.model, "max_tokens": self.section.max_tokens, "messages": prompt.messages}
        self.place.lake.put_file(self._path(prompt), json.dumps(told, ensure_ascii=False).encode())
        return _reply(kept)

    def _completion(self, answer: Answer) -> dict[str, Any]:
        """Return what is kept of a completion. Raises ValueError if the body is none."""
        said = msgspec.convert(json.loads(answer.body), _Completion)
        if not said.choices:
            raise ValueError("found no choices")
        first, usage = said.choices[0], said.usage if isinstance(said.usage, dict) else {}
        words = (first.message.content, first.message.refusal, first.finish_reason)
        text, refusal, finish_reason = (value and self._hidden(value)[:LONGEST_ANSWER] for value in words)
        return {
            "text": text, "refusal": refusal, "finish_reason": finish_reason,
            "prompt_tokens": _count(usage.get("prompt_tokens")), "completion_tokens": _count(usage.get("completion_tokens")),
        }  # fmt: skip

    # -- failures --------------------------------------------------------------------------------------------------

    def _hopeless(self) -> bool:
        return len(self._failed) >= FAILURES_IN_A_ROW or any(one.status in (401, 403, 404) for one in self._failed)

    def _need_endpoint(self) -> None:
        """Raise SourceError if asking on is no use."""
        if self._hopeless():
            raise self._error(next((one for one in self._failed if one.status in (401, 403, 404)), self._failed[-1]))

    def _need_some_answer(self) -> None:
        if self._failed and not self._any_answer:
            raise self._error(self._failed[-1])

    def _error(self, answer: Answer) -> SourceError:
        remedy = f"check language_model.address and the endpoint at {urlsplit(self.url).netloc}; answers that came are kept, run again"
        if answer.status in (401, 403):
            found = "it was sent and refused" if self.key else "it is not set"
            remedy = f"set ENTITYNET_LANGUAGE_MODEL_KEY to a key that the endpoint takes ({found})"
        elif answer.status == 404:
            remedy = (
                f"language_model.model: found {self.section.model!r}; name a model that the endpoint has, "
                "or check language_model.address"
            )
        return SourceError(f"language model at {self.url}: {self._words(answer)}; {remedy}")

    def _words(self, answer: Answer) -> str:
        said = self._hidden(" ".join(answer.body.decode("utf-8", "replace").split()))[:WORDS_OF_A_FAILURE]
        tries = f" after {answer.tries} tries" if answer.tries > 1 else ""
        return self._hidden(f"{answer.outcome} ({answer.reason}){tries}") + (f": {said}" if said else "")

    def _hidden(self, text: str) -> str:
        """Return a text that came from outside without the key, also where it is written with JSON's escapes."""
        whole = text.encode("utf-8", "replace").decode()
        if not self.key:
            return whole
        spelled = "".join(rf"\\*(?:{re.escape(char)}|u00{ord(char):02x})" for char in self.key)
        return re.sub(spelled, "[key]", whole, flags=re.IGNORECASE)


def _reply(kept: Mapping[str, Any]) -> Reply:
    """Return a kept completion as a reply."""
    text, tokens = kept["text"], (kept["prompt_tokens"], kept["completion_tokens"])
    if kept["refusal"] or kept["finish_reason"] == "content_filter":
        return Reply("refused", kept["refusal"] or "the endpoint's content filter", text or kept["refusal"], *tokens)
    if kept["finish_reason"] == "length":
        return Reply("malformed", "cut short; raise language_model.max_tokens", text, *tokens)
    if not text or not text.strip():
        return Reply("malformed", "the answer has no text", text, *tokens)
    return Reply("ok", None, text, *tokens)


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
