"""Words from the web: cleaned or refused, counted, each with the link and the page that say it."""

from __future__ import annotations

from entitynet_assets.curation.texts import READ_HITS, SHOWN_REFUSED, web_texts
from entitynet_assets.tables import WEB_SOURCES
from tests.small_lake import SmallLake


def hit(image_id="i", url_id="u", page_url="http://a.test/p", **said):
    return {"image_id": image_id, "url_id": url_id, "page_url": page_url, **dict.fromkeys(WEB_SOURCES), **said}


def test_texts_are_cleaned_or_refused_and_counted():
    rows, counts = web_texts(
        [
            hit(alt_text="<b>a  red&amp;green</b> apple on a tree", title="IMG_1234"),
            hit(image_id="j", alt_text="", title="12 / 34"),
        ]
    )
    assert [(row["image_id"], row["source"], row["text"], row["reason"], row["language"]) for row in rows] == [
        ("i", "alt_text", "a red&green apple on a tree", None, "en"),
        ("i", "title", "IMG_1234", "camera_name", None),
        ("j", "title", "12 / 34", "no_letters", None),
    ]
    assert (counts["ok"], counts["alt_text_ok"], counts["title_camera_name"], counts["alt_text_absent"]) == (1, 1, 1, 1)


def test_every_page_and_every_link_that_says_so_is_kept():
    pages = ["http://a.test/1", "http://b.test/2", None]
    said = [hit(url_id=url, page_url=page, alt_text="an apple") for page in pages for url in "uv"] * 2
    rows, counts = web_texts(said)
    assert sorted((row["url_id"], row["page_url"]) for row in rows) == [
        (url, page or "") for url in "uv" for page in sorted(pages, key=lambda page: page or "")
    ]
    assert counts["ok"] == 6


def test_sources_are_told_apart():
    rows, _ = web_texts([hit(**dict.fromkeys(WEB_SOURCES, "an apple"))])
    assert sorted(row["source"] for row in rows) == sorted(WEB_SOURCES)


def test_words_that_two_raw_texts_come_to_are_one_row():
    rows, _ = web_texts([hit(alt_text="an apple"), hit(alt_text="an  <i>apple</i>")])
    assert [row["text"] for row in rows] == ["an apple"]


def test_nothing_in_nothing_out():
    assert web_texts([]) == ([], {"ok": 0})


def test_hostile_texts_become_rows_and_readers_of_image_texts_never_see_what_is_refused(small: SmallLake):
    """A megabyte, a lost character, right-to-left with controls: each is a row with words or with a reason."""
    said = {
        "a": "apple " * 200_000,
        "b": "M\ufffdscara",
        "c": "\u202eשלום תפוח\u202c",
        "d": "bird\x00\x07song",
        "e": "e\u0301clair",
    }
    small.put(
        "hits",
        [{"query_id": "q", "rank": n, "url_id": url, "alt_text": raw} for n, (url, raw) in enumerate(said.items())],
    )
    small.put("downloads", [{"url_id": url, "image_id": f"i{url}"} for url in said])
    small.put("images", [{"image_id": f"i{url}"} for url in said])
    found = {row["url_id"]: (row["text"], row["reason"]) for row in small.make("web_texts")}
    assert found["a"] == (said["a"][:SHOWN_REFUSED], "too_long")
    assert found["b"] == ("M\ufffdscara", "broken_characters")
    assert {url: found[url][0] for url in "cde"} == {"c": "שלום תפוח", "d": "bird song", "e": "éclair"}
    kept = small.make("image_texts")
    assert sorted((row["image_id"], row["url_id"]) for row in kept) == [("ic", "c"), ("id", "d"), ("ie", "e")]
    assert all(row["language"] for row in kept)
    assert "10001" in READ_HITS, "no more of a text is read than shows that it is too long"
