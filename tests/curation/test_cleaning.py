"""Rules of cleaning, one by one, by examples; what holds of every text by properties."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.curation import cleaning
from entitynet_assets.curation.cleaning import LONGEST_CLEAN, LONGEST_RAW, REASONS, clean
from entitynet_assets.curation.phrases import drop_phrases
from entitynet_assets.tables import REFUSALS

KEPT = [
    ("A  red\n\tapple ", "A red apple"), ("- apple;", "apple"), ("りんご", "りんご"), ("猫", "猫"), ("apple", "apple"),
    # markup
    ("<b>Red</b> apple", "Red apple"), ("Red &amp; green", "Red & green"), ("Red &amp;amp; green", "Red & green"),
    ("Children&#039;s party", "Children's party"), ("s&eacute;lection", "sélection"), ("one<br>two", "one two"),
    ("&lt;i&gt;Truong Son&lt;/i&gt; muntjac", "Truong Son muntjac"), ("a heart <3 and 5 &lt; 6", "a heart <3 and 5 < 6"),
    ("<div class='caption' data-credit='x'>Student from", "Student from"), ("robin <a href='http://x.tes", "robin"),
    ("red<script>alert(1)</script> apple<!-- no -->", "red apple"),
    # characters
    ("e\u0301te\u0301", "été"), ("cafÃ© crÃ¨me", "café crème"), ("Lâ€™Ã©cole", "L’école"), ("ROSE PÂLE DAD", "ROSE PÂLE DAD"),
    ("\ud83d\ude00 apple", "😀 apple"), ("Clouds\ufffd 16", "Clouds 16"), ("half \ud83d apple", "half apple"),
    # unseen
    ("\u200bBappi", "Bappi"), ("\u202aCastle\u202c in ruins", "Castle in ruins"), ("red\x00apple\x85pie", "red apple pie"),
    ("soft\u00adly", "softly"), ("z\u0351\u0343\u0300\u0311algo", "zalgo"), ("می\u200cخواهم", "می\u200cخواهم"), ("a\u200c b", "a b"),
    ("תפוח אדום", "תפוח אדום"), ("شجرة تفاح", "شجرة تفاح"), ("สวัสดี", "สวัสดี"), ("क्\u200dष", "क्\u200dष"),
    # addresses
    ("Apple | https://shop.example/x?y", "Apple"), ("www.shop.example apple", "apple"),
    ("write to a.b@c.test for apples", "write to for apples"),
    ("Buy a jumper, Ivory Online at johnlewis.com", "Buy a jumper, Ivory"), ("Cookie Sandwiches | ohsodecadent.com", "Cookie Sandwiches"),
    ("Booking.com office", "Booking.com office"),
    # file names
    ("Styling machine.png", "Styling machine"), ("red-apple.JPG", "red apple"),
    ("File:Alice Liddell with sisters.jpg", "Alice Liddell with sisters"),
    ("mount-everest-89590_1280", "mount everest"), ("JR_HS_Football_1992_0043", "JR HS Football 1992"),
    ("Dalamatia%20City.jpg", "Dalamatia City"),
    ("220px-The_rise_of_nine", "The rise of nine"), ("forget-me-not", "forget-me-not"), ("apple.jpg on a table", "apple.jpg on a table"),
    ("tv-unit-up-to-48-inch-tv", "tv unit up to 48 inch tv"), ("富士山.jpg", "富士山"), ("Boeing 747", "Boeing 747"), ("F-16", "F-16"),
    # camera names
    ("DSC_0042 red apple", "red apple"), ("photograph of an apple", "photograph of an apple"), ("img src", "img src"),
    ("page boy", "page boy"),
    # boilerplate
    ("Butterfly Stock Images", "Butterfly"), ("Arrow on target Royalty Free Stock Photos", "Arrow on target"),
    ("Tulip - Wikimedia Commons", "Tulip"),
    ("Camping bonfire Stock Photo - Royalty-Free, Artist: naumoid, Code: 400-04986850", "Camping bonfire"),
    ("Pancake — Stock Photo #39050545", "Pancake"),
    ("Image may contain: tree, sky", "tree, sky"), ("Load image into Gallery viewer, Boys Romper", "Boys Romper"),
    ("Photo 15: DOWNTOWN Condo", "DOWNTOWN Condo"),
    ("Gary Cooper (Photo: Olive Films)", "Gary Cooper"), ("a match. Photo by Aitor Alcalde / Power", "a match"),
    ("robin © Ann 2020", "robin"),
    ("© Gail Harker - hand woven papers", "hand woven papers"), ("Photo of a robin", "Photo of a robin"),
    ("a stock of wood", "a stock of wood"),
    ("Garbage bag Royalty Free Stock Photography", "Garbage bag"), ("Зелёные круги — Стоковое фото", "Зелёные круги"),
    ("Christmas Background — 图库矢量图片", "Christmas Background"), ("Royalty-Free Stock Vector Image: Flowers", "Flowers"),
    ("Brush Set - Click to view a larger image", "Brush Set"),
    ("picture frame", "picture frame"), ("photocopier", "photocopier"), ("Etsy headquarters", "Etsy headquarters"),
    # hashtags
    ("Design #woman #pop #art", "Design"), ("#Street #Fashion", "Street Fashion"), ("Doll #45 - Nenê", "Doll #45 - Nenê"),
    # repeats
    ("Blah blah blah blah yes", "Blah yes"), ("Gorilla gorilla gorilla", "Gorilla gorilla gorilla"),
    ("New York, New York", "New York, New York"),
    ("red apple red apple", "red apple"), ("Tony Bennett - Live - Tony Bennett", "Tony Bennett - Live"), ("wow!!!!!!", "wow!"),
    ("yeeeeeeees", "yeees"),
]  # fmt: skip
REFUSED = [
    ("   ", "no_letters"), ("12 34 - 56", "no_letters"), ("---", "no_letters"), ("0.32893747091293335", "no_letters"), ("x", "no_letters"),
    ("🍎🍎", "no_letters"), ("<img src=x>", "markup"), ("<!-- apple -->", "markup"), ("M\ufffdscara", "broken_characters"),
    ("\ue000\U000e0041", "no_letters"), ("http://x.test/apple.png", "address"), ("a@b.test", "address"),
    ("data:image/gif;base64,R0l", "address"),
    ("IMG_1234", "camera_name"), ("DSC-0042", "camera_name"), ("dscn0042", "camera_name"), ("P1010023", "camera_name"),
    ("photo 3", "camera_name"),
    ("IMG-20200101-WA0001", "camera_name"), ("Screenshot", "camera_name"), ("Screenshot 2020-01-01 at 12.00.00", "camera_name"),
    ("image (1)", "camera_name"), ("IMG_1234.jpg", "file_name"), ("apple.jpg", "file_name"), ("a8f3e2d19c.png", "file_name"),
    ("5f2c1a9e-77aa-4f12-8a1b-0f3c2d1e4b5a.jpg", "file_name"), ("Click to enlarge", "boilerplate"),
    ("No description available.", "boilerplate"),
    ("stock photo", "boilerplate"), ("Image may contain:", "boilerplate"), ("No photo description available.", "boilerplate"),
    ("Placeholder", "boilerplate"), ("undefined", "boilerplate"), ("Photo by Ann", "boilerplate"), ("© Terry Felke", "boilerplate"),
    ("photo - photo - photo", "boilerplate"), ("buy sell " * 2 + "buy buy sell sell buy sell buy sell", "repeats"),
    ("apple " * 2000, "too_long"), ("<" * 1_000_000, "too_long"),
]  # fmt: skip


@pytest.mark.parametrize(("raw", "words"), KEPT)
def test_what_describes_a_picture_is_kept(raw: str, words: str) -> None:
    assert clean(raw) == (words, None)


@pytest.mark.parametrize(("raw", "reason"), REFUSED)
def test_what_does_not_is_refused_with_the_rule_that_took_its_last_letter(raw: str, reason: str) -> None:
    assert clean(raw) == ("", reason)


def test_every_rule_takes_something_and_every_reason_is_in_the_contract() -> None:
    assert sorted(REASONS) == sorted(REFUSALS)
    for reason, rule in cleaning.RULES:
        assert any(rule(raw) != raw for raw, _ in KEPT + REFUSED if len(raw) < LONGEST_RAW), reason


@given(st.one_of(st.text(max_size=300), st.text("a \u200b<>&;.#-|!photIMG_0123'\ufffd\u0301", max_size=60)))
def test_a_text_is_words_of_bounded_length_or_refused_for_a_reason(raw: str) -> None:
    words, reason = clean(raw)
    assert (words == "") == (reason is not None)
    assert reason is None or reason in REFUSALS
    if not reason:
        assert any(character.isalpha() for character in words)
        assert len(words) <= LONGEST_CLEAN
        assert words == " ".join(words.split())
        words.encode()  # no half of a surrogate pair is left


def test_a_long_text_is_cut_between_words_and_a_longer_one_is_no_caption() -> None:
    numbered = " ".join(f"apple{number}" for number in range(400))
    words, _ = clean(numbered)
    assert LONGEST_CLEAN - 10 < len(words) <= LONGEST_CLEAN
    assert numbered.startswith(words + " ")
    assert clean("ab" * 700) == (("ab" * 700)[:LONGEST_CLEAN], None)


def test_words_that_a_site_has_alone_are_nothing_in_many_languages() -> None:
    for phrase in ("Kein Bild", "Sin título", "нет фото", "画像", "[Image]", "photo...", "* Zoom *"):
        assert drop_phrases(phrase) == "", phrase
