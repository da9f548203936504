"""Packing: the same bytes every time, and a place once given is kept."""

from __future__ import annotations

import hashlib
import io
import tarfile
import time
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entitynet_assets.shards.manifest import manifest, release_id
from entitynet_assets.shards.pack import assign_shards, members_digest, without
from entitynet_assets.shards.pack import pack_tar as write_tar
from entitynet_assets.text import hash_id, slice_names, slice_of


def pack_tar(members) -> bytes:
    file = io.BytesIO()
    sha256, size = write_tar(file, iter(members))
    assert (sha256, size) == (hashlib.sha256(file.getvalue()).hexdigest(), len(file.getvalue()))
    return file.getvalue()


def kept(*names: str, round_: int = 1, stored: str = "s") -> list[dict]:
    return [
        {
            "image_id": name,
            "path": f"p/{name}",
            "stored_sha256": f"{stored}-{name}",
            "width_px": 1,
            "height_px": 1,
            "round": round_,
        }
        for name in names
    ]


def places(rows) -> dict[str, tuple[str, int]]:
    return {row["image_id"]: (row["shard"], row["shard_index"]) for row in rows}


def test_a_tar_is_the_same_bytes_whenever_it_is_packed():
    members = [("b.jpg", b"2" * 700), ("a.jpg", b"1"), ("c.jpg", b"")]
    first = pack_tar(members)
    time.sleep(1.1)
    assert pack_tar(members) == first
    assert len(first) % 10240 == 0


def test_python_reads_what_was_packed():
    members = [(f"{number:064x}.jpg", bytes([number]) * (number * 99)) for number in range(20)]
    with tarfile.open(fileobj=io.BytesIO(pack_tar(members))) as tar:
        found = [(info.name, tar.extractfile(info).read()) for info in tar]
        facts = {(info.mtime, info.uid, info.gid, info.uname, info.gname, info.mode) for info in tar.getmembers()}
    assert found == members
    assert facts == {(0, 0, 0, "", "", 0o444)}


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # webdataset leaves its tars open
def test_webdataset_reads_what_was_packed(tmp_path):
    webdataset = pytest.importorskip("webdataset")
    members = [(f"{number:064x}.jpg", bytes([number]) * 50) for number in range(5)]
    (tmp_path / "000-00000.tar").write_bytes(pack_tar(members))
    read = webdataset.WebDataset(str(tmp_path / "000-00000.tar"), shardshuffle=False)
    assert [(f"{sample['__key__']}.jpg", sample["jpg"]) for sample in read] == members


def test_the_order_is_by_round_and_id():
    rows = assign_shards([*kept("c", "a"), *kept("b", round_=0)], [], "007", 2)
    assert places(rows) == {"b": ("007-00000", 0), "a": ("007-00000", 1), "c": ("007-00001", 0)}


def test_what_is_packed_stays_and_new_pictures_fill_new_tars():
    first = assign_shards(kept("b", "d", "f"), [], "000", 2)
    second = assign_shards(kept("a", "b", "c", "d", "e", "f"), first, "000", 2)
    assert second[: len(first)] == first
    assert places(second) == places(first) | {"a": ("000-00002", 0), "c": ("000-00002", 1), "e": ("000-00003", 0)}


def test_what_is_no_longer_kept_stays_packed():
    first = assign_shards(kept("a", "b"), [], "000", 2)
    assert assign_shards(kept("b"), first, "000", 2) == first
    assert assign_shards([], first, "000", 2) == first


def test_another_stored_picture_packs_the_slice_anew():
    first = assign_shards(kept("a", "b", "z"), [], "000", 2)
    second = assign_shards(kept("b", "z", "c", stored="t"), first, "000", 2)
    assert places(second) == {"b": ("000-00000", 0), "c": ("000-00000", 1), "z": ("000-00001", 0)}
    assert {row["stored_sha256"] for row in second} == {"t-b", "t-c", "t-z"}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sets(st.sampled_from("abcdefghijklmnop"), max_size=10), max_size=5), st.integers(1, 4))
def test_over_any_rounds_places_are_kept_unique_and_dense(rounds, size):
    packed: list[dict] = []
    for number, names in enumerate(rounds, 1):
        before = places(packed)
        packed = assign_shards(kept(*sorted(names), round_=number), packed, "000", size)
        after = places(packed)
        assert before.items() <= after.items()
        assert names <= after.keys()
        assert len(set(after.values())) == len(after)
        tars: dict[str, list[int]] = {}
        for shard, index in after.values():
            tars.setdefault(shard, []).append(index)
        assert all(sorted(held) == list(range(len(held))) and len(held) <= size for held in tars.values())


def test_digests_tell_members_and_order():
    one, two = kept("a", "b"), kept("b", "a")
    assert members_digest(one) == members_digest(kept("a", "b"))
    assert (
        len(
            {
                members_digest(one),
                members_digest(two),
                members_digest(one[:1]),
                members_digest(kept("a", "b", stored="t")),
            }
        )
        == 4
    )


def test_a_release_is_named_by_its_tars_and_what_is_skipped():
    shards = [{"shard": "000-00000", "sha256": "x", "path": "p"}]
    name = release_id(shards, "skip")
    assert name == release_id([{**shards[0], "path": "elsewhere"}], "skip")
    assert (
        len(
            {
                name,
                release_id(shards, "other"),
                release_id([{**shards[0], "sha256": "y"}], "skip"),
                release_id([], "skip"),
            }
        )
        == 4
    )
    assert manifest(shards, {"study": "s"}) == manifest(shards, {"study": "s"})


def test_what_is_purged_leaves_its_tar_and_the_rest_moves_up():
    first = assign_shards(kept("a", "b", "c", "d", "e"), [], "000", 2)
    left = without(first, {"a", "e"})
    assert places(left) == {"b": ("000-00000", 0), "c": ("000-00001", 0), "d": ("000-00001", 1)}
    later = assign_shards(kept("b", "c", "d", "f", round_=2), left, "000", 2)
    assert places(later) == places(left) | {"f": ("000-00002", 0)}
    assert without(first, set()) == first


def unevenness(rows, entity_of) -> float:
    """Return by how many standard deviations entities over tars differ from what chance gives (chi-square, normal for so many)."""
    table = Counter((row["shard"], entity_of[row["image_id"]]) for row in rows)
    shards, entities = Counter(row["shard"] for row in rows), Counter(entity_of.values())
    expected = {(s, e): shards[s] * entities[e] / len(rows) for s in shards for e in entities}
    squares = sum((table[cell] - mean) ** 2 / mean for cell, mean in expected.items())
    freedom = (len(shards) - 1) * (len(entities) - 1)
    return (squares - freedom) / (2 * freedom) ** 0.5


def test_every_tar_is_a_random_sample_of_the_entities():
    entity_of = {hash_id(entity, number): entity for entity in range(20) for number in range(50 + 20 * entity)}
    slices = {name: [one for one in entity_of if slice_of(one, 3) == int(name)] for name in slice_names(3)}
    rows = [row for name, ids in slices.items() for row in assign_shards(kept(*ids), [], name, 250)]
    assert len(rows) == len(entity_of) > 4000
    assert len({row["shard"] for row in rows}) > 15
    assert abs(unevenness(rows, entity_of)) < 4
    by_entity = sorted(rows, key=lambda row: entity_of[row["image_id"]])
    sorted_rows = [{**row, "shard": f"{number // 250:05d}"} for number, row in enumerate(by_entity)]
    assert unevenness(sorted_rows, entity_of) > 100, "the measure tells tars of one entity each"
