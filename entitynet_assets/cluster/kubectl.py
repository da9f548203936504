"""Requests to a Kubernetes server through kubectl.

Belongs here: one request, its answer, what kind of no it is. Does not belong here: which requests (kubernetes.py).

Why kubectl and not a client library: it knows every way to log in (plugins of the clouds, a service account), it is there wherever
a cluster is used, and the Python client's newest release cannot be installed beside boto3 (they disagree on python-dateutil). Of kubectl
only `--raw` is used, which sends a request as it stands, so that its discovery and its tables play no part.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any, Literal

from entitynet_assets.cluster.bucket import Unanswered

FINAL = ("Forbidden", "Unauthorized", "Invalid", "BadRequest", "NotFound", "AlreadyExists")


class Refused(Exception):  # noqa: N818 - the name says what happened
    """An answer that would be the same again: `reason` is Kubernetes' own (NotFound, AlreadyExists, Forbidden, ...)."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


class Kubectl:
    """The command `program`, with the login of `context` (empty: its current one); a request may take `limit_s` seconds."""

    def __init__(self, program: str, context: str, limit_s: float) -> None:
        self.program, self.limit_s = program, limit_s
        self._context = ["--context", context] if context else []

    def ask(self, verb: Literal["get", "create", "delete"], path: str, body: dict[str, Any] | None = None) -> str:
        """Send one request; return the answer. Raises Refused, or Unanswered where the same request may go through later."""
        command = [self.program, *self._context, verb, "--raw", path, *(["-f", "-"] if body is not None else [])]
        said = json.dumps(body) if body is not None else ""
        try:
            done = subprocess.run(
                command, input=said, capture_output=True, text=True, timeout=self.limit_s, check=False
            )
        except FileNotFoundError as error:
            raise Unanswered(f"no {self.program} here: install kubectl, or name it as kubernetes.kubectl") from error
        except subprocess.TimeoutExpired as error:
            raise Unanswered(f"{self.program} {verb} took more than {self.limit_s:g} s") from error
        if done.returncode == 0:
            return done.stdout
        words = done.stderr.strip() or f"exit code {done.returncode}"
        reason = re.search(r"Error from server \((\w+)\)", words)
        if reason and reason[1] in FINAL:
            raise Refused(reason[1], words)
        raise Unanswered(words)

    def create(self, path: str, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """Return what was made, or None if it is there already. Raises Refused or Unanswered."""
        try:
            return json.loads(self.ask("create", path, manifest))
        except Refused as error:
            if error.reason == "AlreadyExists":
                return None
            raise

    def is_gone(self, path: str) -> bool:
        """Say whether there is nothing at a path; no answer is no proof."""
        try:
            self.ask("get", path)
        except Refused as error:
            return error.reason == "NotFound"
        except Unanswered:
            return False
        return False
