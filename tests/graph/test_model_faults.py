"""What an endpoint can do wrong, and a key that it says back: rows with their reason, an error with the remedy, never the key."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from entitynet_assets.graph.source import SourceError
from entitynet_assets.studies.models import StudyError
from tests.fakes.asked_lake import both, fill, fruits, judged, study_of
from tests.fakes.chat_server import ChatServer, completion, first, says, sends
from tests.fakes.web_server import free_port
from tests.small_lake import SmallLake

KEY = "sk-a/b+0123456789"


def test_a_host_that_is_busy_or_broken_for_once_is_asked_again(asked: SmallLake, chat: ChatServer) -> None:
    chat.faults |= {
        "fruit 2": first(sends(429, b"slow down", Retry_After="0")), "fruit 3": first(sends(500, b"oops")),
        "fruit 4": first(lambda call, facts: call.hang_up()), "fruit 5": first(sends(503, b"", Retry_After="0")),
    }  # fmt: skip
    assert {row["status"] for row in judged(asked).values()} == {"ok"}
    assert chat.times() == {"Q1": 1, "Q2": 2, "Q3": 2, "Q4": 2, "Q5": 2, "Q6": 1}


def slow(call: Any, facts: Any) -> None:
    time.sleep(1.0)
    call.hang_up()


CUT = json.dumps(completion("{}")).encode()[:-40]
OK = '{"visual": true, "explanation": "x"}'
FAULTS = [
    ("cut JSON", sends(200, CUT), "failed", "no chat completion: ", CUT.decode()),
    ("a page", sends(200, b"<html>sign in</html>"), "failed", "no chat completion: ", "<html>sign in</html>"),
    ("no choices", sends(200, {"choices": []}), "failed", "no chat completion: found no choices", '{"choices": []}'),
    ("another shape", sends(200, {"choices": [{"text": "x"}]}), "failed", "required field `message`", '{"choices": [{"text": "x"}]}'),
    ("not UTF-8", sends(200, b'{"choices": "\xff"}'), "failed", "no chat completion: ", '{"choices": "\ufffd"}'),
    ("too slow", slow, "failed", "timeout", None),
    ("bad request", sends(400, b'{"error": "too long"}'), "failed", 'http_error (HTTP 400): {"error": "too long"}', None),
    ("prose", says("It can be seen."), "malformed", "found none", "It can be seen."),
    ("wrong schema", says('{"visual": "yes"}'), "malformed", "Expected `bool`, got `str`", '{"visual": "yes"}'),
    ("cut short", says(OK[:20], "length"), "malformed", "raise language_model.max_tokens", OK[:20]),
    ("nothing", says(None), "malformed", "no text", None),
    ("blank", says(" \n"), "malformed", "no text", " \n"),
    ("declines", says("I'm sorry, I cannot."), "refused", "declines", "I'm sorry, I cannot."),
    ("refusal", says(None, refusal="not this"), "refused", "not this", "not this"),
    ("filtered", says("", "content_filter"), "refused", "content filter", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "status", "reason", "answer"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS]
)
def test_an_answer_that_cannot_be_used_is_a_row(
    asked: SmallLake, chat: ChatServer, fault: Any, status: str, reason: str, answer: str | None
) -> None:
    chat.faults["fruit 3"] = fault
    asked.choose(**study_of(chat.address, web={"tries": 1}, timeout_s=0.5))
    done = asked.run("visual_judgements")
    rows = {row["qid"]: row for row in asked.lake.rows("visual_judgements")}
    row = rows.pop("Q3")
    assert (row["status"], row["answer"], row["visual"], row["explanation"]) == (status, answer or None, None, None)
    assert reason in row["reason"]
    assert {other["status"] for other in rows.values()} == {"ok"}
    assert done.record.counts == {"ok": 5, status: 1}
    chat.forget()
    del chat.faults["fruit 3"]
    again = asked.choose(**study_of(chat.address, web={"tries": 1})).run("visual_judgements")
    assert chat.times() == ({"Q3": 1} if status == "failed" else {})  # what was answered was paid for
    assert again.outcome == ("made" if status == "failed" else "unchanged")


def test_an_answer_cut_short_is_asked_again_when_more_tokens_are_allowed(asked: SmallLake, chat: ChatServer) -> None:
    chat.faults["fruit 3"] = first(says(OK[:20], "length"))
    assert judged(asked)["Q3"]["status"] == "malformed"
    chat.forget()
    asked.choose(**study_of(chat.address, max_tokens=1600))
    assert judged(asked)["Q3"]["status"] == "ok"
    assert chat.times() == {"Q3": 1}
    chat.forget()
    asked.choose(**study_of(chat.address, max_tokens=100))
    assert judged(asked)["Q3"]["status"] == "ok"
    assert chat.asked == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, r"(?s)language model at http://127.*: forbidden \(HTTP 401\).*set ENTITYNET_LANGUAGE_MODEL_KEY to a key .*\(it is not set\)"),
        (403, "set ENTITYNET_LANGUAGE_MODEL_KEY"),
        (404, r"not_found \(HTTP 404\).*language_model\.model: found 'm'; name a model that the endpoint has"),
        (400, r"http_error \(HTTP 400\): no such option; check language_model\.address"),
        (402, "HTTP 402"),
        (500, r"HTTP 500\) after 2 tries"),
    ],
)  # fmt: skip
def test_an_endpoint_that_refuses_everything_ends_the_run_with_the_remedy(
    asked: SmallLake, chat: ChatServer, status: int, words: str
) -> None:
    chat.faults["*"] = sends(status, b"no such option")
    asked.choose(**study_of(chat.address, web={"tries": 2}))
    with pytest.raises(SourceError, match=words):
        asked.run("visual_judgements")
    assert asked.lake.record("visual_judgements") is None


def test_answers_that_came_before_the_end_are_kept(asked: SmallLake, chat: ChatServer) -> None:
    for name in ("fruit 4", "fruit 5", "fruit 6"):
        chat.faults[name] = sends(401, b"expired")
    with pytest.raises(SourceError, match="ENTITYNET_LANGUAGE_MODEL_KEY"):
        asked.run("visual_judgements")
    paid = {facts["id"] for facts in chat.asked} - {"Q4", "Q5", "Q6"}
    chat.forget()
    chat.faults.clear()
    assert {row["status"] for row in judged(asked).values()} == {"ok"}
    assert chat.times().keys() & paid == set()


def test_an_endpoint_that_is_away_ends_the_run(asked: SmallLake, chat: ChatServer) -> None:
    asked.choose(**study_of(chat.address, web={"tries": 1}, address=f"http://127.0.0.1:{free_port()}/v1"))
    with pytest.raises(
        SourceError, match=r"connection .*check language_model\.address and the endpoint at 127\.0\.0\.1"
    ):
        asked.run("visual_judgements")


def test_one_item_that_always_fails_keeps_nobody_from_going_on(asked: SmallLake, chat: ChatServer) -> None:
    chat.faults["fruit 6"] = sends(500, b"this one breaks me")
    asked.choose(**study_of(chat.address, web={"tries": 1}))
    for _ in range(2):
        rows = judged(asked)
        assert (rows["Q6"]["status"], rows["Q5"]["status"]) == ("failed", "ok")
        assert rows["Q6"]["reason"] == "http_error (HTTP 500): this one breaks me"


def test_the_environment_says_where_the_endpoint_is(asked: SmallLake, chat: ChatServer, monkeypatch) -> None:
    asked.choose(**study_of(chat.address, address="http://elsewhere.invalid/v1"))
    monkeypatch.setenv("ENTITYNET_ENDPOINT_LANGUAGE_MODEL", chat.address + "/")
    assert judged(asked)["Q1"]["status"] == "ok"
    identity = asked.lake.need("visual_judgements").identity
    monkeypatch.delenv("ENTITYNET_ENDPOINT_LANGUAGE_MODEL")
    asked.choose(**study_of(chat.address))
    assert asked.run("visual_judgements").outcome == "unchanged"
    assert asked.lake.need("visual_judgements").identity == identity
    monkeypatch.setenv("ENTITYNET_ENDPOINT_LANGUAGE_MODEL", f"http://me:{KEY}@127.0.0.1/v1")
    fill(asked, *fruits(7))
    with pytest.raises(StudyError, match=r"language_model\.address: found a user name") as caught:
        asked.run("visual_judgements")
    assert KEY not in str(caught.value)


# -- the key -----------------------------------------------------------------------------------------------------------


def written(root: Path) -> str:
    return "\n".join(path.read_bytes().decode("latin-1") for path in root.rglob("*") if path.is_file())


def escaped(text: str) -> str:
    return "".join(f"\\u{ord(char):04x}" for char in text)


def echo(call: Any, facts: Any) -> None:
    """Say the key wherever an answer may say something."""
    key = call.headers["Authorization"].removeprefix("Bearer ")
    n = facts["name"]
    bodies = {
        "fruit 2": completion(json.dumps({"visual": True, "explanation": f"your key is {key}", "type": None})),
        "fruit 3": completion(f'{{"visual": true, "explanation": "{escaped(key)}", "type": "{key.replace("/", chr(92) + "/")}"}}'),
        "fruit 4": completion(None, refusal=f"{key} is refused"),
        "fruit 5": completion(f"prose with {key.upper()}", finish_reason=key),
    }  # fmt: skip
    if n == "fruit 6":
        call.answer(500, f"Authorization: Bearer {key}".encode(), X_Key=key)
    elif n == "fruit 7":
        call.answer(200, f'{{"error": "{escaped(key)}", "also": "{key}"'.encode())
    elif n == "fruit 8":
        call.answer(302, b"", Location=f"http://[{key}/")
    elif n == "fruit 9":
        call.answer(200, b" " * 99_990 + key.encode() * 3)
    else:
        call.answer(200, json.dumps(bodies.get(n, completion(json.dumps({key: ["x"], "colour": [key]})))).encode())


def test_a_server_that_echoes_the_key_cannot_have_it_stored(
    asked: SmallLake, chat: ChatServer, monkeypatch, caplog
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("ENTITYNET_LANGUAGE_MODEL_KEY", f" {KEY}\n")
    fill(asked, *fruits(10))
    chat.faults["*"] = echo
    asked.choose(**study_of(chat.address, web={"tries": 1}))
    both(asked)
    assert set(chat.keys) == {f"Bearer {KEY}"}
    rows = {row["qid"]: row for row in asked.lake.rows("visual_judgements")}
    assert rows["Q2"]["explanation"] == "your key is [key]"
    assert rows["Q3"]["explanation"] == "[key]"
    assert rows["Q4"]["reason"] == "[key] is refused"
    assert rows["Q6"]["reason"] == "http_error (HTTP 500): Authorization: Bearer [key]"
    said = written(asked.lake.root) + caplog.text
    said += json.dumps(
        [asked.lake.rows("visual_judgements"), asked.lake.rows("generated_attributes")], ensure_ascii=False
    )
    for spelled in (KEY, KEY.upper(), escaped(KEY), KEY.replace("/", "\\/"), KEY[:-1]):
        assert spelled not in said
    chat.faults["*"] = sends(401, f"bad key {KEY}".encode())
    fill(asked, *fruits(11))
    with pytest.raises(SourceError, match=r"bad key \[key\].*\(it was sent and refused\)") as caught:
        asked.run("visual_judgements")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", ["Bearer abc", "sk-\u00e9", "a\nb", "a\x00b"])
def test_a_key_that_no_header_can_carry_is_a_fault_that_does_not_repeat_it(asked, chat, monkeypatch, key) -> None:
    monkeypatch.setattr("os.environ", {**os.environ, "ENTITYNET_LANGUAGE_MODEL_KEY": key})
    with pytest.raises(StudyError, match="ENTITYNET_LANGUAGE_MODEL_KEY: found a blank or") as caught:
        asked.run("visual_judgements")
    assert key not in str(caught.value)
    assert chat.asked == []
