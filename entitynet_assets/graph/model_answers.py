"""What a language model's answer says: one JSON object, read strictly; what cannot be used is kept with the reason.

Belongs here: pure reading of an answer's text. Does not belong here: prompts (model_prompts.py), sending (language_model.py).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from entitynet_assets.tables import ATTRIBUTE_CATEGORIES

LONGEST_VALUE = 60  # characters of an attribute; longer ones are sentences and find nothing
LONGEST_EXPLANATION = 500
SHOWN = 200  # characters of what was not taken
SPELLINGS = {"color": "colour", "behavior": "behaviour"}
_CONTROLS = dict.fromkeys((*range(32), *range(127, 160)), " ")
_THINKING = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCED = re.compile(r"^```[a-zA-Z]*[ \t]*\n(.*?)^```[ \t]*$", re.DOTALL | re.MULTILINE)
_REFUSAL = re.compile(
    r"\s*(?:i['\u2019]?m sorry|i am sorry|sorry,|i can['\u2019]?t|i cannot|i can not|i am unable|i['\u2019]?m unable|as an ai)\b",
    re.I,
)
_NOTHING = re.compile(
    r"\W*(?:none|nothing|null|n/?a|not (?:applicable|available|known|specified|relevant)|unknown|unspecified|various|varies|any)?\W*"
    r"|\W*note\b.*", re.I,
)  # fmt: skip


class AnswerError(ValueError):
    """An answer that cannot be used; `status` is `refused` or `malformed`."""

    def __init__(self, words: str, status: str = "malformed") -> None:
        super().__init__(words)
        self.status = status


def one_line(text: str) -> str:
    """Return a text that any table can hold: composed, control characters and runs of blanks as one blank, no half surrogates."""
    whole = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    return " ".join(whole.translate(_CONTROLS).split())


def read_object(text: str) -> dict[str, Any]:
    """Return the JSON object that an answer is, or that stands in its only fence. Raises AnswerError for anything else."""
    said = _THINKING.sub("", text).strip()
    fenced = _FENCED.findall(said)
    if len(fenced) > 1:
        raise AnswerError(f"expected one JSON object, found {len(fenced)} fenced blocks")
    try:
        found = json.loads(fenced[0] if fenced else said, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if _REFUSAL.match(said):
            raise AnswerError("the model declines", "refused") from error
        raise AnswerError(f"expected one JSON object, found none: {str(error)[:SHOWN]}") from error
    if not isinstance(found, dict):
        raise AnswerError(f"expected one JSON object, found {type(found).__name__}")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is said more than once")
    return dict(pairs)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class _Type(msgspec.Struct):
    id: str
    name: str


class _Judgement(msgspec.Struct):
    visual: bool
    explanation: str
    type: Any = None


def read_judgement(text: str, offered: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of a judgement; a type that is not one of the pairs offered (id to name) is left out with the reason.

    Raises AnswerError.
    """
    try:
        said = msgspec.convert(read_object(text), _Judgement)
    except msgspec.ValidationError as error:
        raise AnswerError(f"not a judgement: {error}") from error
    row: dict[str, Any] = {"visual": said.visual, "explanation": one_line(said.explanation)[:LONGEST_EXPLANATION]}
    if said.type is None:
        return row
    try:
        chosen = msgspec.convert(said.type, _Type)
    except msgspec.ValidationError:
        chosen = None
    if chosen is None or offered.get(chosen.id) != one_line(chosen.name):
        shown = one_line(json.dumps(said.type, ensure_ascii=False))[:SHOWN]
        return {**row, "reason": f"type left out: {shown} is no pair of id and name that was offered"}
    return {**row, "type_qid": chosen.id, "type_name": offered[chosen.id]}


def read_attributes(text: str, name: str, per_category: int) -> dict[str, Any]:
    """Return the columns `attributes` and `dropped` of an answer about an entity of that name. Raises AnswerError.

    Reasons: unknown_category, not_text, nothing_said (none, not applicable), too_long, names_itself, repeated (whatever the
    case, also in another category), too_many.
    """
    taken: list[dict[str, str]] = []
    dropped: list[dict[str, str]] = []
    known: set[str] = set()
    for category, values in _by_category(read_object(text)):
        count = 0
        for value in values:
            shown = one_line(value if isinstance(value, str) else json.dumps(value))
            reason = _why_not(value, shown, category, name, known) or ("too_many" if count >= per_category else None)
            if reason:
                dropped.append({"category": category[:SHOWN], "value": shown[:SHOWN], "reason": reason})
                continue
            known.add(shown.casefold())
            taken.append({"category": category, "value": shown})
            count += 1
    return {"attributes": taken, "dropped": dropped}


def _by_category(found: Mapping[str, Any]) -> list[tuple[str, Sequence[Any]]]:
    """Return the lists of an answer, the known categories first and in their order."""
    said = {SPELLINGS.get(name, one_line(name)): values for name, values in found.items()}
    if len(said) < len(found):
        raise AnswerError("not attributes: a category is said more than once")
    if not said.keys() & set(ATTRIBUTE_CATEGORIES):
        raise AnswerError(
            f"not attributes: expected some of {', '.join(ATTRIBUTE_CATEGORIES)}, found {sorted(said)[:10]}"
        )
    lists = []
    for name in sorted(said, key=[*ATTRIBUTE_CATEGORIES, *said].index):
        values = [] if said[name] is None else said[name]
        if not isinstance(values, list) and name in ATTRIBUTE_CATEGORIES:
            raise AnswerError(f"not attributes: expected a list at {name}, found {type(values).__name__}")
        lists.append((name, values if isinstance(values, list) else [values]))
    return lists


def _why_not(value: Any, shown: str, category: str, name: str, known: set[str]) -> str | None:
    """Return why a value is not taken, or None."""
    faults = {
        "unknown_category": category not in ATTRIBUTE_CATEGORIES,
        "not_text": not isinstance(value, str),
        "nothing_said": _NOTHING.fullmatch(shown) is not None,
        "too_long": len(shown) > LONGEST_VALUE,
        "names_itself": re.search(rf"(?<!\w){re.escape(name.casefold())}(?!\w)", shown.casefold()) is not None,
        "repeated": shown.casefold() in known,
    }
    return next((reason for reason, holds in faults.items() if holds), None)
