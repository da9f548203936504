"""One download as a decision: when an address is due and what an answer comes to."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from entitynet_assets.images.download import MAX_RUNS, NO_PICTURE, Moment, Row, download_row, due_request, next_time
from entitynet_assets.pictures import Kept, PictureError, read_picture
from entitynet_assets.web import PASSING, Answer

URL = {"url_id": "u", "image_url": "http://a.test/x.jpg", "host": "a.test"}


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    return out.getvalue()


def answered(outcome: str = "ok", body: bytes = b"", tries: int = 1, **headers: str) -> Answer:
    return Answer(URL["image_url"], outcome, None if outcome == "ok" else "why", 200, headers, body, tries)


def moment(round_: int, minutes: int = 0) -> Moment:
    return Moment(round_, 3, (START + timedelta(minutes=minutes)).isoformat(timespec="seconds"))


def row_after(known: Row | None, answer: Answer, when: Moment) -> Row:
    """Return the row after an answer whose bytes are decoded if there are any."""
    found = {}
    if answer.ok:
        try:
            read = read_picture(answer.body, Kept(96))
            found = {"image_id": hashlib.sha256(answer.body).hexdigest(), "width_px": read.width_px}
        except PictureError as error:
            found = {**NO_PICTURE, "outcome": error.outcome, "reason": error.reason}
    return download_row(URL, known, answer, found, when)


START = datetime(2026, 1, 1, tzinfo=UTC)
RED, BLUE = picture("red"), picture("blue")
KNOWN = row_after(None, answered(body=RED, etag='"1"', **{"last-modified": "Mon"}), moment(1))


def test_a_picture_is_known_by_its_bytes():
    assert (KNOWN["outcome"], KNOWN["image_id"], KNOWN["size_bytes"]) == (
        "ok",
        hashlib.sha256(RED).hexdigest(),
        len(RED),
    )
    assert (KNOWN["round"], KNOWN["asked_round"], KNOWN["tries"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [(b"", "not_image"), (b"<html>", "not_image"), (RED[:-200], "truncated"), (RED[:20], "not_image")],
)
def test_bytes_that_are_no_picture_have_no_image(body, outcome):
    row = row_after(KNOWN, answered(body=body), moment(2))
    assert (row["outcome"], row["image_id"], row["width_px"]) == (outcome, None, None)
    assert row["reason"]


def test_an_unchanged_picture_keeps_all_that_is_known():
    row = row_after(KNOWN, answered("unchanged"), moment(2))
    assert row == {**KNOWN, "asked_round": 2, "tries": 1, "fetched_at": moment(2).now}


def test_a_changed_picture_is_another_one_of_this_round():
    row = row_after(KNOWN, answered(body=BLUE), moment(2))
    assert (row["image_id"], row["round"]) == (hashlib.sha256(BLUE).hexdigest(), 2)


def test_the_same_bytes_again_stay_of_their_round():
    assert row_after(KNOWN, answered(body=RED), moment(2))["round"] == 1


@pytest.mark.parametrize("outcome", PASSING)
def test_a_passing_failure_takes_no_picture_away(outcome):
    row = row_after(KNOWN, answered(outcome, tries=3), moment(2))
    assert (row["outcome"], row["image_id"], row["etag"], row["round"]) == ("ok", KNOWN["image_id"], '"1"', 1)
    assert row["reason"] == f"not confirmed in round 2: {outcome}"
    assert due_request(URL, row, moment(2)) is None
    assert due_request(URL, row, moment(3)).headers["If-None-Match"] == '"1"'
    assert row_after(row, answered("unchanged"), moment(3))["reason"] is None


@pytest.mark.parametrize("outcome", ["not_found", "gone", "forbidden", "robots", "opted_out"])
def test_who_withdraws_a_picture_is_obeyed(outcome):
    row = row_after(KNOWN, answered(outcome), moment(2))
    assert (row["outcome"], row["image_id"]) == (outcome, None)


def test_a_new_address_is_asked_with_robots():
    asked = due_request(URL, None, moment(1))
    assert (asked.url, asked.robots, dict(asked.headers)) == (URL["image_url"], True, {})


def test_a_new_round_asks_conditionally():
    asked = due_request(URL, KNOWN, moment(2))
    assert dict(asked.headers) == {"If-None-Match": '"1"', "If-Modified-Since": "Mon"}
    assert asked.robots


def test_what_is_good_or_gone_is_not_asked():
    assert due_request(URL, KNOWN, moment(1)) is None
    assert due_request(URL, {**KNOWN, "outcome": "gone"}, moment(9)) is None
    assert due_request(URL, {**KNOWN, "outcome": "not_found"}, moment(1)) is None


def test_a_failure_that_may_pass_rests_longer_each_time_and_ends_with_the_round():
    row, asked_after = None, []
    for minutes in range(0, 60 * 24 * 3):
        if due_request(URL, row, moment(1, minutes)):
            row = row_after(row, answered("timeout", tries=3), moment(1, minutes))
            asked_after.append(minutes)
    assert asked_after == [0, 15, 15 + 60]
    assert len(asked_after) == MAX_RUNS
    assert next_time(row, moment(1)) is None
    assert due_request(URL, row, moment(2)) is not None


def test_the_ledger_says_when_an_address_is_due():
    row = row_after(None, answered("throttled"), moment(1))
    assert row["due_at"] == next_time(row, moment(1)) == "2026-01-01T00:15:00+00:00"
    assert next_time(KNOWN, moment(1)) is None
    assert row_after(row, answered(body=RED), moment(1, 20))["due_at"] is None
    assert row_after(row, answered("not_found"), moment(1, 20))["due_at"] is None
    old = {name: value for name, value in row.items() if name != "due_at"}  # a row from before there was such a column
    assert due_request(URL, old, moment(1)) is not None


def test_a_failed_address_is_asked_without_validators():
    row = {**KNOWN, "outcome": "http_error"}
    assert dict(due_request(URL, row, moment(2)).headers) == {}
