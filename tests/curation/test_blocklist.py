"""A list of blocked hashes: what it may say, what is wrong with it, whom it names."""

from __future__ import annotations

import imagehash
import numpy as np
import pytest
from PIL import Image

from entitynet_assets.curation.blocklist import Blocked, blocked_rows, read_blocklist
from entitynet_assets.picture_hashes import hash_picture
from entitynet_assets.studies.models import StudyError

SHA = "ab" * 32


def test_entries_comments_and_notes():
    text = f"# ours\n\n  SHA256:{SHA.upper()}  asked for by its author \nphash:00000000000000ff\nsha256:{SHA} again\n"
    assert read_blocklist(text, "list.txt") == [
        Blocked("sha256", SHA, "asked for by its author"),
        Blocked("phash", "00000000000000ff", None),
    ]
    assert read_blocklist("", "list.txt") == []


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (SHA, "line 2: found 'abab"),  # a bare hash of 64 digits could be PDQ's
        ("phash:ff", "line 2: found 'phash:ff'; allowed: sha256: and 64 hex digits, or phash: and 16"),
        (f"pdq:{SHA}", "(PDQ is not computed here); allowed"),
        ("md5:" + "0" * 32, "(only the sha256 of a picture's bytes is known); allowed"),
        (f"sha256:{SHA[:-1]}x", "line 2: found 'sha256:abab"),
    ],
)
def test_a_wrong_line_is_named(line, words):
    with pytest.raises(StudyError) as error:
        read_blocklist(f"# first\n{line}\n", "list.txt")
    assert words in str(error.value)
    assert str(error.value).startswith("curation.blocklist: list.txt, line 2")


def test_bytes_are_named_exactly_and_hashes_within_the_radius():
    images = [{"image_id": SHA, "phash": 2**63}, {"image_id": "cd" * 32, "phash": 0b111}]
    blocked = read_blocklist(f"sha256:{SHA} x\nphash:{0:016x}\nphash:{2**63:016x}", "list.txt")
    expected = [(SHA, f"sha256:{SHA}", 0, "x"), (SHA, "phash:8000000000000000", 0, None)]
    found = [tuple(row.values()) for row in blocked_rows(images, blocked, 0)]
    assert sorted(found, key=str) == sorted(expected, key=str)
    wider = {(row["entry"], row["distance"]) for row in blocked_rows(images[1:], blocked, 3)}
    assert wider == {("phash:0000000000000000", 3)}
    assert blocked_rows([], blocked, 4) == blocked_rows(images, [], 4) == []


def test_the_hash_is_written_as_imagehash_prints_it():
    noise = np.random.default_rng(1).integers(0, 256, (32, 32), dtype=np.uint8)
    picture = Image.fromarray(np.kron(noise, np.ones((8, 8), dtype=np.uint8)))
    phash, _ = hash_picture(picture.convert("RGB"))
    assert f"{phash:016x}" == str(
        imagehash.ImageHash(np.unpackbits(np.array([phash], dtype=">u8").view(np.uint8)).reshape(8, 8))
    )
    (blocked,) = read_blocklist(f"phash:{imagehash.hex_to_hash(f'{phash:016x}')}", "list.txt")
    assert blocked_rows([{"image_id": "i", "phash": phash}], [blocked], 0)[0]["distance"] == 0
