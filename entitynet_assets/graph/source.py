"""What can go wrong with a source of the graph, and the words for it."""

from __future__ import annotations

from urllib.parse import urlsplit

from entitynet_assets.web import Answer


class SourceError(RuntimeError):
    """A source of the graph did not answer or cannot be read: what was asked, what came, what to do."""


def need_answer(answer: Answer, name: str) -> Answer:
    """Return an answer that came whole. Raises SourceError with what was asked and what to do."""
    if not answer.ok:
        said = answer.body[:200].decode("utf-8", "replace")
        asked = urlsplit(answer.url)._replace(netloc=urlsplit(answer.url).netloc.rpartition("@")[2])
        if answer.outcome in ("connection", "timeout"):
            raise SourceError(
                f"{name} at {asked.geturl()}: the host {asked.netloc} did not answer: {answer.outcome} ({answer.reason}), "
                f"{answer.tries} tries; this study needs the network, and nothing of it was changed: check the address and the network"
            )
        raise SourceError(
            f"{name} at {asked.geturl()}: {answer.outcome} ({answer.reason}) after {answer.tries} tries: {said}; "
            "check the address and the network"
        )
    return answer
