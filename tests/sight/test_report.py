"""The report says what the lake holds, asks for nothing outside itself, and lets no word of the web become markup."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

from PIL import Image

from entitynet_assets.report import figures
from entitynet_assets.report.page import render, why
from entitynet_assets.report.sheet import tile_lines, verdict_sheet
from entitynet_assets.shelf import Shelf
from tests.sight.conftest import BANNED, KEPT, RELEASE, TWIN
from tests.small_lake import SmallLake


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_says_what_the_lake_holds(shelf: Shelf) -> None:
    words = " ".join(Page(render(shelf)).words.split())
    recipe = shelf.study.recipes[0].name
    figures_shown = (shelf.study.title, RELEASE, recipe, "50.0 %", "10.0 % to 90.0 %", "2 statements apart")
    reasons = (
        "near duplicate of aa11aa11aa11",
        "differing bits 2, kept with more than 6",
        "not_found",
        "few_sitelinks",
    )
    branches = ("food (root)", "fruit", "1; 2 of 3 thin", "fewer than 10")
    for expected in (*figures_shown, *reasons, *branches, KEPT[:12], BANNED[:12]):
        assert expected in words, expected


def test_the_page_says_which_wikidata_it_is_of(whole: SmallLake) -> None:
    unknown = {
        "source": "dump",
        "address": "x.json.gz",
        "snapshot_id": "abc",
        "complete_until": None,
        "newest_edit_at": None,
    }
    for row, expected in (
        (None, "https://query.test/sparql, edits up to 2026-11-20T23:59:31Z"),
        (unknown, "x.json.gz (abc)"),
    ):
        if row:
            whole.put("graph_snapshot", [row])
        with Shelf(whole.lake, whole.study) as opened:
            assert f"of Wikidata by {expected} " in " ".join(Page(render(opened)).words.split()) + " "


def test_a_hostile_alt_text_is_words_and_nothing_else(shelf: Shelf) -> None:
    page = Page(render(shelf))
    assert "<script" not in render(shelf)
    assert not [tag for tag, _ in page.tags if tag in ("script", "iframe", "object")]
    assert any("<script>alert(1)</script>" in (attrs.get("alt") or "") for tag, attrs in page.tags if tag == "img")


def test_the_page_asks_for_nothing_outside_itself(shelf: Shelf) -> None:
    text = render(shelf)
    addresses = [
        value or ""
        for _, attrs in Page(text).tags
        for name, value in attrs.items()
        if name in ("src", "href", "srcset", "action")
    ]
    assert addresses
    assert all(address.startswith(("data:image/jpeg;base64,", "#")) for address in addresses)
    assert not re.search(r"@import|url\(", text)


def test_kept_and_rejected_pictures_stand_with_what_they_repeat(shelf: Shelf) -> None:
    assert [row["image_id"] for row in figures.kept(shelf, 5)] == [KEPT]
    rejected = {row["image_id"]: row for row in figures.rejected(shelf, 5, 5)}
    assert {one: [verdict["rule"] for verdict in row["verdicts"]] for one, row in rejected.items()} == {
        BANNED: ["leak"],
        TWIN: ["duplicate"],
    }
    assert rejected[TWIN]["twin"] == figures.kept(shelf, 5)[0]["path"]
    assert why(rejected[BANNED]) == ["leak: held out in b (differing bits 2, kept with more than 6)"]
    assert tile_lines(rejected[BANNED]) == ("leak", "2 bits from held out", "apple")


def test_losses_are_read_to_the_last_whole_line(shelf: Shelf) -> None:
    assert figures.losses(shelf) == {shelf.study.recipes[0].name: [(4, 4.0), (8, 3.0)]}


def test_the_contact_sheet_is_one_jpeg(shelf: Shelf) -> None:
    sheet = Image.open(io.BytesIO(verdict_sheet(shelf)))
    assert sheet.format == "JPEG"


def test_an_empty_lake_and_a_lake_without_its_blobs_have_a_page(small: SmallLake, made: SmallLake) -> None:
    with Shelf(small.lake, small.study) as shelf:
        assert "No recipe is scored yet" in render(shelf)
        assert verdict_sheet(shelf)
    for blob in (made.lake.root / "blobs").rglob("*.jpg"):
        blob.unlink()
    with Shelf(made.lake, made.study) as shelf:
        assert KEPT[:12] in render(shelf)
        assert verdict_sheet(shelf)


def test_slices_that_failed_their_checks_are_named(made: SmallLake) -> None:
    record = made.lake.record("kept_images", "000")
    assert record is not None
    made.put("kept_images", [{"image_id": KEPT}, {"image_id": KEPT}])
    with Shelf(made.lake, made.study) as shelf:
        words = " ".join(Page(render(shelf)).words.split())
    assert "kept_images [000]: contract" in words
