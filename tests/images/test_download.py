"""One download as a decision: when an address is due and what an answer comes to."""

from __future__ import annotations

import hashlib
import io

import pytest
from PIL import Image

from entitynet_assets.images.download import MAX_RUNS, download_row, due_request
from entitynet_assets.web import PASSING, Answer

URL = {"url_id": "u", "image_url": "http://a.test/x.jpg", "host": "a.test"}


def picture(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), colour).save(out, "JPEG")
    return out.getvalue()


def answered(outcome: str = "ok", body: bytes = b"", tries: int = 1, **headers: str) -> Answer:
    return Answer(URL["image_url"], outcome, None if outcome == "ok" else "why", 200, headers, body, tries)


RED, BLUE = picture("red"), picture("blue")
KNOWN = download_row(URL, None, answered(body=RED, etag='"1"', **{"last-modified": "Mon"}), 1, "t1")


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
    row = download_row(URL, None, answered(body=body, **{"content-type": "text/html"}), 1, "t")
    assert (row["outcome"], row["image_id"]) == (outcome, None)
    assert "text/html" in row["reason"]


def test_an_unchanged_picture_keeps_all_that_is_known():
    row = download_row(URL, KNOWN, answered("unchanged"), 2, "t2")
    assert row == {**KNOWN, "asked_round": 2, "tries": 1, "fetched_at": "t2"}


def test_a_changed_picture_is_another_one_of_this_round():
    row = download_row(URL, KNOWN, answered(body=BLUE), 2, "t2")
    assert (row["image_id"], row["round"]) == (hashlib.sha256(BLUE).hexdigest(), 2)


def test_the_same_bytes_again_stay_of_their_round():
    assert download_row(URL, KNOWN, answered(body=RED), 2, "t2")["round"] == 1


@pytest.mark.parametrize("outcome", PASSING)
def test_a_passing_failure_takes_no_picture_away(outcome):
    row = download_row(URL, KNOWN, answered(outcome, tries=3), 2, "t2")
    assert (row["outcome"], row["image_id"], row["etag"], row["round"]) == ("ok", KNOWN["image_id"], '"1"', 1)
    assert row["reason"] == f"not confirmed in round 2: {outcome}"
    assert due_request(URL, row, 2, 3) is None
    assert due_request(URL, row, 3, 3).headers["If-None-Match"] == '"1"'
    assert download_row(URL, row, answered("unchanged"), 3, "t3")["reason"] is None


@pytest.mark.parametrize("outcome", ["not_found", "gone", "forbidden", "robots", "opted_out"])
def test_who_withdraws_a_picture_is_obeyed(outcome):
    row = download_row(URL, KNOWN, answered(outcome), 2, "t2")
    assert (row["outcome"], row["image_id"]) == (outcome, None)


def test_a_new_address_is_asked_with_robots():
    asked = due_request(URL, None, 1, 3)
    assert (asked.url, asked.robots, dict(asked.headers)) == (URL["image_url"], True, {})


def test_a_new_round_asks_conditionally():
    asked = due_request(URL, KNOWN, 2, 3)
    assert dict(asked.headers) == {"If-None-Match": '"1"', "If-Modified-Since": "Mon"}
    assert asked.robots


def test_what_is_good_or_gone_is_not_asked():
    assert due_request(URL, KNOWN, 1, 3) is None
    assert due_request(URL, {**KNOWN, "outcome": "gone"}, 9, 3) is None
    assert due_request(URL, {**KNOWN, "outcome": "not_found"}, 1, 3) is None


def test_a_failure_in_the_same_round_is_tried_so_often_and_no_more():
    row, runs = None, 0
    while due_request(URL, row, 1, 3):
        row = download_row(URL, row, answered("timeout", tries=3), 1, "t")
        runs += 1
    assert runs == MAX_RUNS
    assert due_request(URL, row, 2, 3) is not None


def test_a_failed_address_is_asked_without_validators():
    row = {**KNOWN, "outcome": "http_error"}
    assert dict(due_request(URL, row, 2, 3).headers) == {}
