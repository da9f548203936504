"""String rules by examples and properties."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entitynet_assets.text import hash_id, normal_url, slice_names, slice_of


@given(st.text(), st.integers(1, 1000))
def test_a_slice_is_one_of_the_slices(identifier: str, count: int) -> None:
    assert 0 <= slice_of(identifier, count) < count
    assert slice_of(identifier, 1) == 0


def test_slices_are_about_equally_large_and_named_in_order() -> None:
    sizes = [0] * 8
    for number in range(4000):
        sizes[slice_of(f"Q{number}", 8)] += 1
    assert min(sizes) > 400
    assert slice_names(3) == ["000", "001", "002"]
    assert slice_names(1000) == sorted(slice_names(1000))


@pytest.mark.parametrize(("one", "two"), [(("ab", "c"), ("a", "bc")), (("a",), ("a", "")), ((1, 11), (11, 1))])
def test_parts_are_not_confused_with_each_other(one: tuple, two: tuple) -> None:
    assert hash_id(*one) != hash_id(*two)


def test_a_hash_is_over_the_texts_of_the_parts() -> None:
    assert hash_id("a", 1, None) == hashlib.sha256(b"a\x1f1\x1f").hexdigest()


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a?b=1#part", "https://example.org/a?b=1"),
        ("http://example.org:80/", "http://example.org/"),
        ("http://example.org:443/", "http://example.org:443/"),
        (" http://example.org/A b.jpg ", "http://example.org/A%20b.jpg"),
        ("http://example.org/%41/ä", "http://example.org/%41/%C3%A4"),
        ("http://bücher.example/x", "http://xn--bcher-kva.example/x"),
        ("http://user:secret@example.org/x", "http://example.org/x"),
        ("http://[2001:DB8::1]:80/x", "http://[2001:db8::1]/x"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x"),
    ],
)
def test_two_spellings_of_an_address_meet(url: str, normal: str) -> None:
    assert normal_url(url) == normal
    assert normal_url(normal) == normal


@pytest.mark.parametrize(
    "url", ["", "example.org/x", "ftp://example.org/x", "http:///x", "//example.org/x", "data:image/png;base64,AA", "javascript:alert(1)",
            "http://example.org:port/", "http://example.org:99999/", "http://[::1/x", "http://\u2028.example/"],
)  # fmt: skip
def test_what_is_no_address_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normal_url(url)


@given(st.from_regex(r"https?://[A-Za-z0-9.-]{1,20}(:[0-9]{1,4})?(/.{0,20})?(\?.{0,10})?", fullmatch=True))
def test_a_normal_form_is_its_own(url: str) -> None:
    try:
        normal = normal_url(url)
    except ValueError:
        return
    assert normal_url(normal) == normal
    assert normal.isascii()
