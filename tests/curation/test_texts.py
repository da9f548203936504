"""Words from the web: cleaned, counted, each with the page that says it."""

from __future__ import annotations

from entitynet_assets.curation.texts import web_texts


def hit(image_id="i", url_id="u", page_url="http://a.test/p", alt_text=None, title=None):
    return {"image_id": image_id, "url_id": url_id, "page_url": page_url, "alt_text": alt_text, "title": title}


def test_texts_are_cleaned_and_counted():
    rows, counts = web_texts(
        [
            hit(alt_text="<b>a  red&amp;green</b> apple", title="IMG_1234.jpg"),
            hit(image_id="j", alt_text="", title="12 / 34"),
        ]
    )
    assert [(row["image_id"], row["source"], row["text"]) for row in rows] == [("i", "alt_text", "a red&green apple")]
    assert counts == {"ok": 1, "title_says_nothing": 2, "alt_text_absent": 1}


def test_every_page_that_says_so_is_kept():
    pages = ["http://a.test/1", "http://b.test/2", None]
    rows, counts = web_texts([hit(page_url=page, alt_text="an apple") for page in pages] * 2)
    assert sorted(row["page_url"] for row in rows) == ["", "http://a.test/1", "http://b.test/2"]
    assert counts["ok"] == 3


def test_alt_text_and_title_are_told_apart():
    rows, _ = web_texts([hit(alt_text="an apple", title="an apple")])
    assert sorted(row["source"] for row in rows) == ["alt_text", "title"]


def test_nothing_in_nothing_out():
    assert web_texts([]) == ([], {"ok": 0})
