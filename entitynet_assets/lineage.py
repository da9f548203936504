"""Records: what each output was made from, written after the output and read before making it again.

Belongs here: the record's fields, its identity, its JSON form. Does not belong here: where records lie (lake.py).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any


class DriftError(Exception):
    """An input that is absent or failed its checks: what was expected, what was found, what to do."""


@dataclass(frozen=True)
class Record:
    """One output slice. Its presence means done; `digest` (content) is Dagster's data version.

    `identity` hashes everything the content may depend on: code version, contract, parameters, input digests.
    `counts` are rows per reason; `failed_checks` names blocking checks that did not hold, so that no reader uses it.
    From `due_at` (ISO 8601, UTC) on it is gone at again, though nothing that it depends on has changed.
    """

    table: str
    slice: str
    identity: str
    digest: str
    rows: int
    file: str
    inputs: dict[str, str]
    code_version: str
    counts: dict[str, int] = field(default_factory=dict)
    failed_checks: tuple[str, ...] = ()
    round: int = 1
    due_at: str | None = None


def identity(code_version: str, contract: str, parameters: Any, inputs: dict[str, str]) -> str:
    """Return the sha256 (hex) over what an output depends on; parameters must be JSON values."""
    text = json.dumps([code_version, contract, parameters, inputs], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def to_json(record: Record) -> str:
    """Return the JSON text of a record."""
    return json.dumps(dataclasses.asdict(record), sort_keys=True, ensure_ascii=False, indent=1) + "\n"


def from_json(text: str) -> Record:
    """Return the record of a JSON text. Raises ValueError if it is not one."""
    try:
        raw = json.loads(text)
        return Record(**{**raw, "failed_checks": tuple(raw["failed_checks"])})
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise ValueError(f"not a record: {error}") from error
